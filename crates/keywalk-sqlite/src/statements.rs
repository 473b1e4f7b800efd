use keywalk::Order;
use rusqlite::{CachedStatement, Connection, Statement, StatementStatus};

use crate::conjuncts::is_single;
use crate::error::Error;
use crate::params::Param;
use crate::plan::{Condition, Plan};
use crate::relation::Relation;
use crate::seek::FarBound;
use crate::seek::{Answer, Edge, Shape};

mod attempts;

use attempts::write;

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

/// How often a statement was run and prepared anew, as SQLite counts it: while nothing but the walk's
/// own runs was counted, the schema is still the one that it was prepared under, at no cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Runs {
    run: i32,
    prepared_anew: i32,
}

impl Runs {
    pub(crate) fn of(statement: &Statement<'_>) -> Self {
        Runs {
            run: statement.get_status(StatementStatus::Run),
            prepared_anew: statement.get_status(StatementStatus::RePrepare),
        }
    }

    /// Whether the statement never ran.
    pub(crate) fn is_none(self) -> bool {
        self.run == 0
    }

    /// Whether the statement was prepared anew since `before`.
    pub(crate) fn is_anew_since(self, before: Runs) -> bool {
        self.prepared_anew != before.prepared_anew
    }
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
    pub(crate) fn new(db: &Connection, relation: &Relation) -> Result<Self, Error> {
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
                Err(error) if error.is_of_sqlite() => return Err(error),
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
    ) -> Result<(&'a mut Proven, CachedStatement<'db>), Error> {
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
                let plan = Plan::of(db, &proven.sql).map_err(|source| relation.failed(source))?;
                if plan.unknown().is_some() || !plan.streams() || !plan.searches(&proven.parts) {
                    return Err(Error::changed_again(&relation.name));
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
    ) -> Result<usize, Error> {
        if let Some(at) = self.known.iter().position(|proven| proven.shape == shape) {
            return Ok(at);
        }
        let proven = self.prove(db, relation, shape)?;
        self.known.push(proven);
        Ok(self.known.len() - 1)
    }

    fn prove(&self, db: &Connection, relation: &Relation, shape: Shape) -> Result<Proven, Error> {
        let mut served = self.served.as_slice();
        let seek = match write(db, relation, served, shape) {
            // At an open end SQLite may use the filter's index in another way.
            Err(error) if !served.is_empty() && !error.is_of_sqlite() => {
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
