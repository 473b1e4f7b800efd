use keywalk::Order;
use rusqlite::{CachedStatement, Connection};

use crate::error::{CollationProblem, FilterProblem, Problem, QueryProblem};
use crate::key::Comparison;
use crate::params::Param;
use crate::plan::Plan;
use crate::relation::Relation;
use crate::seek::{Answer, Edge, Filtering, Form, Seek, Shape};

/// The statements of a walk: each is written, proven by its plan and prepared once, when it is
/// first needed.
#[derive(Debug)]
pub(crate) struct Statements {
    form: Form,
    filtering: Filtering,
    known: Vec<Proven>,
}

/// A statement whose plan was seen to search.
#[derive(Debug)]
pub(crate) struct Proven {
    shape: Shape,
    pub(crate) filtering: Filtering,
    pub(crate) sql: String,
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
    /// Finds the form in which SQLite searches by the whole key, and where the filter may stand
    /// without costing that.
    pub(crate) fn new(db: &Connection, relation: &Relation) -> Result<Self, Problem> {
        let forms: &[Form] = if relation.key.len() == 1 {
            &[Form::RowValue]
        } else if relation.is_mixed() {
            &[Form::Union]
        } else {
            &[Form::RowValue, Form::Union]
        };
        let mut refused = None;
        for form in forms {
            let seek = Seek::new(relation, *form, Filtering::None, MIDDLE);
            let plan = plan(db, relation, &seek)?;
            if !is_good(&plan, &seek) {
                refused.get_or_insert(plan);
                continue;
            }
            check_comparable(relation, *form)?;
            return Ok(Statements {
                form: *form,
                filtering: place_filter(db, relation, *form, &plan)?,
                known: Vec::new(),
            });
        }
        Err(not_seekable(relation, refused.as_ref()))
    }

    pub(crate) fn form(&self) -> Form {
        self.form
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
        let statement = prepare(db, relation, &proven.sql)?;
        Ok((proven, statement))
    }

    fn prove(&self, db: &Connection, relation: &Relation, shape: Shape) -> Result<Proven, Problem> {
        let mut filtering = self.filtering;
        let mut seek = Seek::new(relation, self.form, filtering, shape);
        let mut plan_of_seek = plan(db, relation, &seek)?;
        // At an open end SQLite may use the filter's index in another way.
        if filtering == Filtering::Where && !is_good(&plan_of_seek, &seek) {
            filtering = Filtering::Column;
            seek = Seek::new(relation, self.form, filtering, shape);
            plan_of_seek = plan(db, relation, &seek)?;
        }
        if !is_good(&plan_of_seek, &seek) {
            return Err(not_seekable(relation, Some(&plan_of_seek)));
        }
        let statement = prepare(db, relation, &seek.sql)?;
        let Some(params) = relation.params.assign(&statement, &seek.own) else {
            return Err(match relation.filter {
                Some(_) => Problem::Filter {
                    relation: relation.name.clone(),
                    why: FilterProblem::MixedParams,
                },
                None => Problem::Query {
                    why: QueryProblem::MixedParams,
                },
            });
        };
        Ok(Proven {
            shape,
            filtering,
            params,
            sql: seek.sql,
        })
    }
}

fn prepare<'db>(
    db: &'db Connection,
    relation: &Relation,
    sql: &str,
) -> Result<CachedStatement<'db>, Problem> {
    db.prepare_cached(sql)
        .map_err(|source| relation.failed(source))
}

fn plan(db: &Connection, relation: &Relation, seek: &Seek) -> Result<Plan, Problem> {
    Plan::of(db, &seek.sql).map_err(|source| relation.failed(source))
}

fn is_good(plan: &Plan, seek: &Seek) -> bool {
    plan.streams() && plan.searches(&seek.parts)
}

fn not_seekable(relation: &Relation, plan: Option<&Plan>) -> Problem {
    let mut columns: Vec<String> = Vec::new();
    columns.extend(relation.fixed.iter().map(|fixed| fixed.name.clone()));
    columns.extend(relation.key_names());
    Problem::NotSeekable {
        relation: relation.name.clone(),
        columns,
        plan: plan.map(Plan::describe).unwrap_or_default(),
    }
}

/// A filter stands in WHERE where SQLite searches an index by it and by the whole key: the plan is
/// good and not the one without the filter. Anywhere else it would be checked row by row, and a
/// filter that matches nothing would make one fetch read the whole table; as a column beside the
/// row's, the fetch can stop after so many rows.
fn place_filter(
    db: &Connection,
    relation: &Relation,
    form: Form,
    without: &Plan,
) -> Result<Filtering, Problem> {
    if relation.filter.is_none() {
        return Ok(Filtering::None);
    }
    let seek = Seek::new(relation, form, Filtering::Where, MIDDLE);
    let plan = plan(db, relation, &seek)?;
    Ok(if is_good(&plan, &seek) && plan != *without {
        Filtering::Where
    } else {
        Filtering::Column
    })
}

/// In the union form the fetch itself has to see the far bound.
fn check_comparable(relation: &Relation, form: Form) -> Result<(), Problem> {
    let unordered = relation
        .key
        .iter()
        .find(|part| part.layout.comparison == Comparison::Store);
    match unordered {
        Some(part) if form == Form::Union => Err(Problem::Collation {
            relation: relation.name.clone(),
            column: part.name.clone(),
            why: CollationProblem::Unordered,
        }),
        _ => Ok(()),
    }
}
