//! How a statement is written so that SQLite searches.

use rusqlite::Connection;

use crate::error::{Error, is_of_store};
use crate::join_order;
use crate::plan::Plan;
use crate::relation::Relation;
use crate::seek::Seek;
use crate::seek::{CERTAIN, Form, How, UNLIKELY, Urge};
use crate::seek::{Edge, Shape};

/// Writes a statement in the first way for which SQLite's plan is a search by all conditions: as it
/// chooses by itself, or else by what leaves it no other choice, so that no statistics keep it from that.
pub(super) fn write(
    db: &Connection,
    relation: &Relation,
    served: &[usize],
    shape: Shape,
) -> Result<(Seek, Plan), Error> {
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
    ) -> Result<Option<(Seek, Plan)>, Error> {
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
    ) -> Result<Option<(Seek, Plan)>, Error> {
        for urge in urges {
            let may_scan = may_scan && urge.likelihood != Some(UNLIKELY);
            let found = self.one(from, None, urge, may_scan)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn or_error(self, found: Option<(Seek, Plan)>) -> Result<(Seek, Plan), Error> {
        if let Some(found) = found.or(self.second) {
            return Ok(found);
        }
        let relation = self.relation;
        let name = &relation.name;
        let plan = self.refused.as_ref();
        let shown = plan.map(Plan::describe).unwrap_or_default();
        Err(match plan {
            Some(plan) if relation.is_by_rowid() && self.served.is_empty() && plan.streams() => {
                Error::stale_statistics(name)
            }
            _ if relation.unique => {
                let has_one = !relation.indexes.is_empty();
                Error::no_index(name, &relation.wanted_index(), has_one, &shown)
            }
            _ => Error::query_not_seekable(name, &shown),
        })
    }
}

/// That every step of a plan can be understood.
fn check_known(relation: &Relation, plan: &Plan) -> Result<(), Error> {
    match plan.unknown() {
        None => Ok(()),
        Some(step) => Err(Error::unknown_plan(&relation.name, step)),
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
) -> Result<(), Error> {
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
        return Err(Error::own_range(&relation.name, &relation.key_names()));
    }
    Ok(())
}
