use keywalk::Order;
use rusqlite::{CachedStatement, Connection};

use crate::error::{CollationProblem, Problem};
use crate::key::Comparison;
use crate::params::Param;
use crate::plan::Plan;
use crate::relation::Relation;
use crate::seek::{Filtering, Form, How, Seek};
use crate::shape::{Answer, Edge, Shape};

/// The statements of a walk: each is written, proven by its plan and prepared once, when it is
/// first needed.
#[derive(Debug)]
pub(crate) struct Statements {
    filtering: Filtering,
    known: Vec<Proven>,
}

/// A statement whose plan was seen to search.
#[derive(Debug)]
pub(crate) struct Proven {
    shape: Shape,
    pub(crate) filtering: Filtering,
    pub(crate) sql: String,
    /// Whether it ends at the range's far bound by itself.
    pub(crate) ends: bool,
    /// What each of its parameters stands for, by its number less one.
    pub(crate) params: Vec<Param>,
}

/// What every step but the first and the last of a walk looks like.
const MIDDLE: Shape = Shape {
    order: Order::Ascending,
    near: Edge::Excluded,
    far: Edge::Included,
    answer: Answer::Rows,
};

impl Statements {
    /// Proves that SQLite can search by the whole key, and finds where the filter may stand without
    /// costing that.
    pub(crate) fn new(db: &Connection, relation: &Relation) -> Result<Self, Problem> {
        let (_, without) = write(db, relation, Filtering::None, MIDDLE)?;
        let filtering = match relation.filter {
            None => Filtering::None,
            // A filter stands in WHERE where SQLite searches an index by it and by the whole key:
            // the plan is good, and not the one without the filter. Anywhere else it would be
            // checked row by row, and a filter that matches nothing would make one fetch read the
            // whole table; as a column beside the row's, the fetch can stop after so many rows.
            Some(_) => match write(db, relation, Filtering::Where, MIDDLE) {
                Ok((_, plan)) if plan != without => Filtering::Where,
                Ok(_) | Err(Problem::NotSeekable { .. } | Problem::OwnRange { .. }) => {
                    Filtering::Column
                }
                Err(problem) => return Err(problem),
            },
        };
        Ok(Statements {
            filtering,
            known: Vec::new(),
        })
    }

    pub(crate) fn filtering(&self) -> Filtering {
        self.filtering
    }

    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.known.iter().map(|proven| proven.sql.as_str())
    }

    /// The statement for `shape`, ready to be bound.
    pub(crate) fn get<'a, 'db>(
        &'a mut self,
        db: &'db Connection,
        relation: &Relation,
        shape: Shape,
    ) -> Result<(&'a Proven, CachedStatement<'db>), Problem> {
        let at = match self.known.iter().position(|proven| proven.shape == shape) {
            Some(at) => at,
            None => {
                let proven = self.prove(db, relation, shape)?;
                self.known.push(proven);
                self.known.len() - 1
            }
        };
        let proven = &self.known[at];
        let statement = db
            .prepare_cached(&proven.sql)
            .map_err(|source| relation.failed(source))?;
        Ok((proven, statement))
    }

    fn prove(&self, db: &Connection, relation: &Relation, shape: Shape) -> Result<Proven, Problem> {
        let mut filtering = self.filtering;
        let seek = match write(db, relation, filtering, shape) {
            // At an open end SQLite may use the filter's index in another way.
            Err(Problem::NotSeekable { .. } | Problem::OwnRange { .. })
                if filtering == Filtering::Where =>
            {
                filtering = Filtering::Column;
                write(db, relation, filtering, shape)?.0
            }
            written => written?.0,
        };
        let given = (0..relation.params.len()).map(Param::Given);
        Ok(Proven {
            shape,
            filtering,
            ends: seek.ends,
            params: given.chain(seek.own).collect(),
            sql: seek.sql,
        })
    }
}

/// Writes a statement in the first form for which SQLite's plan is a search by all conditions.
fn write(
    db: &Connection,
    relation: &Relation,
    filtering: Filtering,
    shape: Shape,
) -> Result<(Seek, Plan), Problem> {
    let forms: &[Form] = if relation.key.len() == 1 {
        &[Form::RowValue]
    } else if relation.is_mixed() {
        &[Form::Union]
    } else {
        &[Form::RowValue, Form::Union]
    };
    let mut refused = None;
    for form in forms {
        let how = How {
            form: *form,
            filtering,
        };
        let seek = Seek::new(relation, how, shape);
        let plan = plan(db, relation, &seek)?;
        if plan.streams() && plan.searches(&seek.parts) {
            check_comparable(relation, &seek)?;
            check_no_range(db, relation, how, shape)?;
            return Ok((seek, plan));
        }
        refused.get_or_insert(plan);
    }
    Err(Problem::NotSeekable {
        relation: relation.name.clone(),
        index: relation.unique.then(|| relation.wanted_index()),
        plan: refused.as_ref().map(Plan::describe).unwrap_or_default(),
    })
}

/// The caller's SQL has no range over the key: SQLite searches by one of two such conditions and
/// checks the other row by row, from the same place at every chunk if it chooses the wrong one. It
/// shows in the plan where the walk itself asks for no range.
fn check_no_range(
    db: &Connection,
    relation: &Relation,
    how: How,
    shape: Shape,
) -> Result<(), Problem> {
    let has_callers_sql = !relation.unique || how.filtering == Filtering::Where;
    if !has_callers_sql || shape.near == Edge::Open {
        return Ok(());
    }
    let open = Shape {
        near: Edge::Open,
        far: Edge::Open,
        ..shape
    };
    let plan = plan(db, relation, &Seek::new(relation, how, open))?;
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

fn plan(db: &Connection, relation: &Relation, seek: &Seek) -> Result<Plan, Problem> {
    Plan::of(db, &seek.sql).map_err(|source| relation.failed(source))
}

/// Where the statement doesn't end at the far bound, the fetch itself has to see it.
fn check_comparable(relation: &Relation, seek: &Seek) -> Result<(), Problem> {
    let unordered = relation
        .key
        .iter()
        .find(|part| part.layout.comparison == Comparison::Store);
    match unordered {
        Some(part) if !seek.ends => Err(Problem::Collation {
            relation: relation.name.clone(),
            column: part.name.clone(),
            why: CollationProblem::Unordered,
        }),
        _ => Ok(()),
    }
}
