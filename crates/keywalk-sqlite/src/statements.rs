use keywalk::Order;
use rusqlite::{CachedStatement, Connection};

use crate::conjuncts::is_single;
use crate::error::{Problem, is_of_store};
use crate::form::{CERTAIN, FarBound, Form, How, UNLIKELY, Urge};
use crate::join_order;
use crate::params::Param;
use crate::plan::Plan;
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
        })
    }
}

/// Writes a statement in the first way for which SQLite's plan is a search by all conditions: as it
/// chooses by itself, or else by what leaves it no other choice, so that no statistics keep it from that.
fn write(
    db: &Connection,
    relation: &Relation,
    served: &[usize],
    shape: Shape,
) -> Result<(Seek, Plan), Problem> {
    let failed = |source| relation.failed(source);
    let mut attempts = Attempts {
        db,
        relation,
        served,
        shape,
        second: None,
        refused: None,
    };
    let found = attempts.one(None, None, Urge::default(), true)?;
    // An index that serves a filter too is SQLite's own choice.
    if found.is_some() || !served.is_empty() {
        return attempts.or_error(found);
    }
    for index in &relation.indexes {
        if let Some(found) = attempts.one(None, Some(index), Urge::default(), true)? {
            return Ok(found);
        }
    }
    if !relation.is_by_rowid() && relation.query.is_none() {
        return attempts.or_error(None);
    }
    let schema = relation.stamp.first_with_entries(db).map_err(failed)?;
    let mut others = None;
    for (likelihoods, one_row) in [
        ([None, Some(UNLIKELY)], None),
        ([Some(UNLIKELY), Some(CERTAIN)], schema),
    ] {
        let urges = likelihoods.map(|likelihood| Urge {
            likelihood,
            one_row,
        });
        if let Some(found) = attempts.urged(None, urges, true)? {
            return Ok(found);
        }
        let others = match (&mut others, &relation.query) {
            (Some(others), _) => others,
            (None, Some(select)) => {
                others.insert(join_order::others(db, select, &relation.columns).map_err(failed)?)
            }
            (None, None) => continue,
        };
        for other in others {
            let from = Relation::subselect(&other.select);
            if let Some(found) = attempts.urged(Some(&from), urges, !other.is_index_of_joined)? {
                return Ok(found);
            }
        }
    }
    attempts.or_error(None)
}

/// The ways that a statement was tried to be written in.
struct Attempts<'a> {
    db: &'a Connection,
    relation: &'a Relation,
    served: &'a [usize],
    shape: Shape,
    /// What would do if there is nothing better: a joined table is read whole.
    second: Option<(Seek, Plan)>,
    /// SQLite's own choice.
    refused: Option<Plan>,
}

impl Attempts<'_> {
    /// Tries all forms of one way. What scans a joined table will do only if it `may_scan`.
    fn one(
        &mut self,
        from: Option<&str>,
        index: Option<&str>,
        urge: Urge<'_>,
        may_scan: bool,
    ) -> Result<Option<(Seek, Plan)>, Problem> {
        let (db, relation, shape) = (self.db, self.relation, self.shape);
        let forms: &[Form] = if relation.key.len() == 1 {
            &[Form::RowValue]
        } else if relation.is_mixed() {
            &[Form::Union]
        } else {
            &[Form::RowValue, Form::Union]
        };
        let is_own_choice = from.is_none() && index.is_none() && urge == Urge::default();
        for form in forms {
            let how = How {
                form: *form,
                from,
                index,
                urge,
                served: self.served,
            };
            let seek = Seek::new(relation, how, shape);
            let plan = match Plan::of(db, &seek.sql) {
                Ok(plan) => plan,
                // Of an index or order that SQLite can't use for this ("no query solution").
                Err(source) if !is_own_choice && !is_of_store(&source) => continue,
                Err(source) => return Err(relation.failed(source)),
            };
            check_known(relation, &plan)?;
            if !plan.streams() || !plan.searches(&seek.parts) {
                // The cure is clearest where SQLite itself makes an index.
                let is_clearer = |before: &Plan| !before.makes_index() && plan.makes_index();
                if self.refused.as_ref().is_none_or(is_clearer) {
                    self.refused = Some(plan);
                }
                continue;
            }
            check_no_range(db, relation, how, shape, &plan)?;
            if !plan.scans_within() {
                return Ok(Some((seek, plan)));
            }
            // Behind one row the scan may be by the key, of all rows for each one before.
            if may_scan && !plan.begins_with_one() {
                self.second.get_or_insert((seek, plan));
            }
        }
        Ok(None)
    }

    /// Tries one way with each urge. To read few rows, or by an index that it is told, SQLite scans a joined
    /// table that it would make an index of to read many.
    fn urged(
        &mut self,
        from: Option<&str>,
        urges: [Urge<'_>; 2],
        may_scan: bool,
    ) -> Result<Option<(Seek, Plan)>, Problem> {
        for urge in urges {
            let may_scan = may_scan && urge.likelihood != Some(UNLIKELY);
            let found = self.one(from, None, urge, may_scan)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn or_error(self, found: Option<(Seek, Plan)>) -> Result<(Seek, Plan), Problem> {
        if let Some(found) = found.or(self.second) {
            return Ok(found);
        }
        let relation = self.relation;
        let name = relation.name.clone();
        Err(match &self.refused {
            Some(plan) if relation.is_by_rowid() && self.served.is_empty() && plan.streams() => {
                Problem::StaleStatistics { relation: name }
            }
            refused => Problem::NotSeekable {
                relation: name,
                index: relation.unique.then(|| relation.wanted_index()),
                has_one: !relation.indexes.is_empty(),
                plan: refused.as_ref().map(Plan::describe).unwrap_or_default(),
            },
        })
    }
}

/// That every step of a plan can be understood.
fn check_known(relation: &Relation, plan: &Plan) -> Result<(), Problem> {
    match plan.unknown() {
        None => Ok(()),
        Some(step) => Err(Problem::UnknownPlan {
            relation: relation.name.clone(),
            step: step.to_owned(),
        }),
    }
}

/// The caller's SQL has no range over the key: SQLite searches by one of two such conditions and
/// checks the other row by row, from the same place at every chunk if it chooses the wrong one. It
/// shows in the plan where the walk itself asks for no range.
fn check_no_range(
    db: &Connection,
    relation: &Relation,
    how: How<'_>,
    shape: Shape,
    plan: &Plan,
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
    // Behind a row of the caller's SQL the search stands further in, and elsewhere without its value.
    let is_behind = plan.begins_with_one();
    let seek = Seek::new(relation, how, open);
    let plan = Plan::of(db, &seek.sql).map_err(|source| relation.failed(source))?;
    check_known(relation, &plan)?;
    let is_ranged = relation
        .key
        .iter()
        .any(|part| plan.ranges(relation.operator(part, shape.order), is_behind));
    if plan.streams() && is_ranged {
        return Err(Problem::OwnRange {
            relation: relation.name.clone(),
            columns: relation.key_names(),
        });
    }
    Ok(())
}
