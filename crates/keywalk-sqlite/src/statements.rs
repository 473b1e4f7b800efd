use keywalk::Order;
use rusqlite::{CachedStatement, Connection, ErrorCode};

use crate::conjuncts::is_single;
use crate::error::{Change, Problem};
use crate::form::{FarBound, Form, How};
use crate::params::Param;
use crate::plan::{Condition, Plan};
use crate::relation::Relation;
use crate::seek::Seek;
use crate::shape::{Answer, Edge, Shape};
use crate::stamp::Runs;

/// The statements of a walk: each is written, proven by its plan and prepared once, when it is
/// first needed.
#[derive(Debug)]
pub(crate) struct Statements {
    /// The filters that an index serves, by their positions.
    served: Vec<usize>,
    known: Vec<Proven>,
}

/// A statement whose plan was seen to search.
#[derive(Debug)]
pub(crate) struct Proven {
    shape: Shape,
    /// Whether it was asked for; if not, it was proven ahead.
    is_used: bool,
    /// Whether rows come with a verdict of the filters.
    pub(crate) filters: bool,
    pub(crate) sql: String,
    pub(crate) far: FarBound,
    /// What each of its parameters stands for, by its number less one.
    pub(crate) params: Vec<Param>,
    /// What was counted when the schema was last seen to be the one that it was proven under.
    runs: Option<Runs>,
    /// The conditions that its plan has to search by.
    parts: Vec<Vec<Condition>>,
    /// Whether its plan is proven for the connection that the walk now has.
    is_proven_here: bool,
}

/// Why a statement may be another one than was proven.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Doubt {
    None,
    /// Another walk may have met a change of the schema before; or it is its first run.
    RunByOthers,
    /// The schema changed, or its statistics did, and with them perhaps the plan.
    PreparedAnew,
}

impl Proven {
    /// Whether the statement, which now runs, still is what was proven. `before` it ran it was at this
    /// count, and is at this one `now`.
    pub(crate) fn doubt(&self, before: Runs, now: Runs) -> Doubt {
        if now.is_anew_since(self.runs.unwrap_or(before)) {
            Doubt::PreparedAnew
        } else if self.runs != Some(before) {
            Doubt::RunByOthers
        } else {
            Doubt::None
        }
    }

    /// The schema is still the same `now`.
    pub(crate) fn trust(&mut self, now: Runs) {
        self.runs = Some(now);
    }
}

/// What every step but the first and the last of a walk looks like.
const MIDDLE: Shape = Shape {
    order: Order::Ascending,
    near: Edge::Excluded,
    far: Edge::Included,
    answer: Answer::Rows,
};

/// A table of so few rows is read whole as cheaply as it is searched.
const FEW_ROWS: u32 = 512;

impl Statements {
    /// Proves that SQLite can search by the whole key, and finds which filters may stand in WHERE
    /// without costing that: those that an index serves together with the key. Any other would be
    /// checked row by row, and if it matches nothing make one fetch read the whole table; beside the
    /// row's columns, the fetch can stop after so many rows.
    pub(crate) fn new(db: &Connection, relation: &Relation) -> Result<Self, Problem> {
        let (_, mut plan) = write(db, relation, &[], MIDDLE)?;
        let mut served = Vec::new();
        for (at, filter) in relation.filters.iter().enumerate() {
            if !is_single(filter) {
                continue;
            }
            served.push(at);
            match write(db, relation, &served, MIDDLE) {
                Ok((_, better)) if better.serves_more_than(&plan, &relation.partial_indexes) => {
                    plan = better;
                }
                Err(problem @ Problem::Sqlite { .. }) => return Err(problem),
                Ok(_) | Err(_) => {
                    served.pop();
                }
            }
        }
        Ok(Statements {
            served,
            known: Vec::new(),
        })
    }

    /// Whether all filters stand in WHERE.
    pub(crate) fn serves_all(&self, relation: &Relation) -> bool {
        self.served.len() == relation.filters.len()
    }

    /// Goes on over a connection that may be another one than before: one that counts its own runs, and
    /// has its own plans, by the statistics as they were when it read them.
    pub(crate) fn move_on(&mut self) {
        for proven in &mut self.known {
            proven.runs = None;
            proven.is_proven_here = false;
        }
    }

    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        let used = self.known.iter().filter(|proven| proven.is_used);
        used.map(|proven| proven.sql.as_str())
    }

    /// The statement for `shape`, ready to be bound.
    pub(crate) fn get<'a, 'db>(
        &'a mut self,
        db: &'db Connection,
        relation: &Relation,
        shape: Shape,
    ) -> Result<(&'a mut Proven, CachedStatement<'db>), Problem> {
        // Before the first row: what will be asked after it.
        if shape.answer == Answer::Rows && shape.near != Edge::Excluded {
            self.find_or_prove(
                db,
                relation,
                Shape {
                    near: Edge::Excluded,
                    ..shape
                },
            )?;
        }
        let at = self.find_or_prove(db, relation, shape)?;
        self.known[at].is_used = true;
        let proven = &mut self.known[at];
        let statement = db
            .prepare_cached(&proven.sql)
            .map_err(|source| relation.failed(source))?;
        if !proven.is_proven_here {
            if Runs::of(&statement).is_none() {
                let plan = plan(db, relation, &proven.sql)?;
                if !plan.streams() || !plan.searches(&proven.parts) {
                    return Err(relation.changed(Change::Unceasing));
                }
            }
            proven.is_proven_here = true;
        }
        Ok((proven, statement))
    }

    fn find_or_prove(
        &mut self,
        db: &Connection,
        relation: &Relation,
        shape: Shape,
    ) -> Result<usize, Problem> {
        if let Some(at) = self.known.iter().position(|proven| proven.shape == shape) {
            return Ok(at);
        }
        let proven = self.prove(db, relation, shape)?;
        self.known.push(proven);
        Ok(self.known.len() - 1)
    }

    fn prove(&self, db: &Connection, relation: &Relation, shape: Shape) -> Result<Proven, Problem> {
        let mut served = self.served.as_slice();
        let seek = match write(db, relation, served, shape) {
            // At an open end SQLite may use the filter's index in another way.
            Err(problem) if !served.is_empty() && !matches!(problem, Problem::Sqlite { .. }) => {
                served = &[];
                write(db, relation, served, shape)?.0
            }
            written => written?.0,
        };
        let given = (0..relation.params.len()).map(Param::Given);
        Ok(Proven {
            shape,
            is_used: false,
            filters: served.len() < relation.filters.len(),
            far: seek.far,
            params: given.chain(seek.own).collect(),
            sql: seek.sql,
            runs: None,
            parts: seek.parts,
            is_proven_here: true,
        })
    }
}

/// Writes a statement in the first way for which SQLite's plan is a search by all conditions.
fn write(
    db: &Connection,
    relation: &Relation,
    served: &[usize],
    shape: Shape,
) -> Result<(Seek, Plan), Problem> {
    let forms: &[Form] = if relation.key.len() == 1 {
        &[Form::RowValue]
    } else if relation.is_mixed() {
        &[Form::Union]
    } else {
        &[Form::RowValue, Form::Union]
    };
    // An index that serves a filter too is SQLite's own choice.
    let own_choice = std::iter::once(None);
    let told = relation.indexes.iter().map(|index| Some(index.as_str()));
    let indexes = own_choice.chain(told.filter(|_| served.is_empty()));
    // SQLite scans a table that its statistics say has a dozen rows, also by an index that it is told.
    let has_index = relation.is_by_rowid() || !relation.indexes.is_empty();
    let mut is_stale = false;
    let mut refused = None;
    for (index, form) in indexes.flat_map(|index| forms.iter().map(move |form| (index, *form))) {
        let how = How {
            form,
            index,
            served,
        };
        let seek = Seek::new(relation, how.clone(), shape);
        let plan = match Plan::of(db, &seek.sql) {
            Ok(plan) => plan,
            // An index that can't be used for this is an error of the statement: "no query solution".
            Err(source)
                if index.is_some() && source.sqlite_error_code() == Some(ErrorCode::Unknown) =>
            {
                continue;
            }
            Err(source) => return Err(relation.failed(source)),
        };
        let searches = plan.streams() && plan.searches(&seek.parts);
        let may_scan = has_index && served.is_empty() && plan.streams();
        if searches || may_scan && is_small(db, relation)? {
            check_no_range(db, relation, how, shape)?;
            return Ok((seek, plan));
        }
        is_stale |= may_scan;
        refused.get_or_insert(plan);
    }
    if is_stale {
        return Err(Problem::StaleStatistics {
            relation: relation.name.clone(),
        });
    }
    Err(Problem::NotSeekable {
        relation: relation.name.clone(),
        index: relation.unique.then(|| relation.wanted_index()),
        has_one: !relation.indexes.is_empty(),
        plan: refused.as_ref().map(Plan::describe).unwrap_or_default(),
    })
}

/// Whether the table has few rows, whatever the statistics say.
fn is_small(db: &Connection, relation: &Relation) -> Result<bool, Problem> {
    let from = &relation.from;
    let limit = FEW_ROWS + 1;
    db.query_row(
        &format!("SELECT count(*) FROM (SELECT 1 FROM {from} LIMIT {limit})"),
        [],
        |row| row.get::<_, u32>(0),
    )
    .map(|rows| rows <= FEW_ROWS)
    .map_err(|source| relation.failed(source))
}

/// The caller's SQL has no range over the key: SQLite searches by one of two such conditions and
/// checks the other row by row, from the same place at every chunk if it chooses the wrong one. It
/// shows in the plan where the walk itself asks for no range.
fn check_no_range(
    db: &Connection,
    relation: &Relation,
    how: How<'_>,
    shape: Shape,
) -> Result<(), Problem> {
    let has_callers_sql = !relation.unique || !how.served.is_empty();
    if !has_callers_sql || shape.near == Edge::Open {
        return Ok(());
    }
    let open = Shape {
        near: Edge::Open,
        far: Edge::Open,
        ..shape
    };
    let plan = plan(db, relation, &Seek::new(relation, how, open).sql)?;
    let is_ranged = relation
        .key
        .iter()
        .any(|part| plan.ranges(relation.operator(part, shape.order)));
    if plan.streams() && is_ranged {
        return Err(Problem::OwnRange {
            relation: relation.name.clone(),
            columns: relation.key_names(),
        });
    }
    Ok(())
}

fn plan(db: &Connection, relation: &Relation, sql: &str) -> Result<Plan, Problem> {
    Plan::of(db, sql).map_err(|source| relation.failed(source))
}
