//! The statements of a walk: each written for one kind of range, proven by its plan, and prepared once.

use std::ops::Bound;

use keywalk::Order;
use keywalk_sql::{Answer, BoundKind, FarBound, Nulls, Param, RangeShape};
use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, Statement, StatementStatus};

use crate::codec;
use crate::error::Error;
use crate::key::SqlKey;
use crate::plan::{Condition, Plan};
use crate::relation::Relation;
use crate::seek::write;
use crate::sql::{is_single, names};

/// Returns the columns in which a bound is NULL.
pub(crate) fn nulls_of<K: SqlKey>(bound: Bound<&K>) -> Nulls {
    match bound {
        Bound::Unbounded => Nulls::NONE,
        Bound::Included(key) | Bound::Excluded(key) => {
            let columns = 0..key.width().min(Nulls::MOST_COLUMNS);
            Nulls::at(
                columns.filter(|column| {
                    matches!(codec::lent(&key.bind_column(*column)), ValueRef::Null)
                }),
            )
        }
    }
}

/// The statements of a walk. Each is written, proven by its plan and prepared once, when it is first needed.
#[derive(Debug)]
pub(crate) struct Statements {
    /// The positions of the filters that an index serves.
    served: Vec<usize>,
    known: Vec<Proven>,
}

/// A statement whose plan is proven to search.
#[derive(Debug)]
pub(crate) struct Proven {
    shape: RangeShape,
    /// True once it was used; otherwise it was proven ahead.
    is_used: bool,
    /// True if each row contains the result of the filters.
    pub(crate) filters: bool,
    sql: String,
    pub(crate) far: FarBound,
    /// The meanings of the statement's parameters: parameter 1 comes first.
    pub(crate) params: Vec<Param>,
    /// The counters when the schema was last checked and found unchanged.
    pub(crate) runs: Option<StatementCounters>,
    /// The conditions that its plan has to search by.
    parts: Vec<Vec<Condition>>,
    /// True if its plan is proven for the walk's current connection.
    is_proven_here: bool,
}

/// SQLite's counters of a statement's runs and re-preparations. If they grew only by this walk's own runs, the schema
/// hasn't changed. Reading them is free.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct StatementCounters {
    run: i32,
    pub(crate) reprepared: i32,
}

impl StatementCounters {
    pub(crate) fn of(statement: &Statement<'_>) -> Self {
        StatementCounters {
            run: statement.get_status(StatementStatus::Run),
            reprepared: statement.get_status(StatementStatus::RePrepare),
        }
    }
}

/// The shape of every step of a walk except the first and the last.
const MIDDLE: RangeShape = RangeShape {
    order: Order::Ascending,
    near: BoundKind::Excluded,
    far: BoundKind::Included,
    near_nulls: Nulls::NONE,
    far_nulls: Nulls::NONE,
    answer: Answer::Rows,
};

impl Statements {
    /// Proves that SQLite can search by the whole key. Then finds the filters that an index serves together with the
    /// key. Only these can be in WHERE. Any other filter would be checked there row by row; if it matched nothing, one
    /// fetch would read the whole table. It becomes an additional column instead, so that the fetch can stop after
    /// enough rows.
    pub(crate) fn new(db: &Connection, relation: &Relation) -> Result<Self, Error> {
        let found = write(db, relation, &[], MIDDLE);
        if found.as_ref().is_err_and(|error| !error.is_of_sqlite()) {
            for index in &relation.implied_indexes {
                match write(db, relation, &index.filters, MIDDLE) {
                    Err(error) if error.is_of_sqlite() => return Err(error),
                    Err(_) => {}
                    Ok(_) => {
                        return Ok(Statements {
                            served: index.filters.clone(),
                            known: Vec::new(),
                        });
                    }
                }
            }
        }
        let (_, mut plan) = found?;
        let mut served = Vec::new();
        let names_key = |filter: &str| {
            let mut key = relation.key.iter();
            key.clone().any(|part| part.excludes_null)
                && key.any(|part| {
                    let is_rowid = part.own.in_plan.as_ref().is_some_and(|name| name.is_rowid);
                    names(filter, &part.name, is_rowid)
                })
        };
        for (at, filter) in relation.filters.iter().enumerate() {
            if !is_single(filter) || names_key(filter) {
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

    /// Checks whether all filters are in WHERE.
    pub(crate) fn serves_all(&self, relation: &Relation) -> bool {
        self.served.len() == relation.filters.len()
    }

    /// Forgets what holds for one connection only. Another connection counts its own runs. It also makes its own plans,
    /// from the statistics that it has read.
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

    /// Returns the statement for `shape`, ready to be bound.
    pub(crate) fn get<'a, 'db>(
        &'a mut self,
        db: &'db Connection,
        relation: &Relation,
        shape: RangeShape,
    ) -> Result<(&'a mut Proven, CachedStatement<'db>), Error> {
        // Before the first row, proves the statement that is needed after it.
        if shape.answer == Answer::Rows && shape.near != BoundKind::Excluded {
            let nulls = relation.nulls();
            for near_nulls in [shape.near_nulls, nulls] {
                let next = RangeShape {
                    near: BoundKind::Excluded,
                    near_nulls,
                    ..shape
                };
                self.find_or_prove(db, relation, next)?;
            }
        }
        let at = self.find_or_prove(db, relation, shape)?;
        self.known[at].is_used = true;
        let proven = &mut self.known[at];
        let statement = db
            .prepare_cached(&proven.sql)
            .map_err(|source| relation.failed(source))?;
        if !proven.is_proven_here {
            if StatementCounters::of(&statement).run == 0 {
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
        shape: RangeShape,
    ) -> Result<usize, Error> {
        if let Some(at) = self.known.iter().position(|proven| proven.shape == shape) {
            return Ok(at);
        }
        let proven = self.prove(db, relation, shape)?;
        self.known.push(proven);
        Ok(self.known.len() - 1)
    }

    fn prove(
        &self,
        db: &Connection,
        relation: &Relation,
        shape: RangeShape,
    ) -> Result<Proven, Error> {
        let mut served = self.served.as_slice();
        let seek = match write(db, relation, served, shape) {
            // At an open end SQLite may use the filter's index differently.
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
