//! Writes the SQL of a walk so that SQLite searches by the key.

mod statement;

use keywalk_sql::{BoundKind, Nulls, RangeShape, SeekForm, is_mixed};
use rusqlite::Connection;

use crate::error::{Error, is_of_store};
use crate::join_order;
use crate::plan::{Condition, Plan};
use crate::relation::Relation;

pub(crate) use statement::Seek;
use statement::{CERTAIN, SeekPlan, UNLIKELY, Urge};

/// Writes a statement in the first way for which SQLite's plan is a search by all conditions. SQLite's own choice of
/// index is tried first. The other ways leave it no choice, so that statistics can't prevent the search.
pub(crate) fn write(
    db: &Connection,
    relation: &Relation,
    served: &[usize],
    shape: RangeShape,
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
    if found.is_none() {
        let mut indexes = relation.implied_indexes.iter();
        if let Some(index) = indexes.find(|index| index.filters == served)
            && let Some(found) = attempts.one(None, Some(&index.name), Urge::default(), true)?
        {
            return Ok(found);
        }
    }
    // If an index serves a filter too, the choice is left to SQLite.
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

/// The ways that were tried to write a statement.
struct Attempts<'a> {
    db: &'a Connection,
    relation: &'a Relation,
    served: &'a [usize],
    shape: RangeShape,
    /// The fallback if there is nothing better: it reads a joined table whole.
    second: Option<(Seek, Plan)>,
    /// The plan that SQLite chose by itself, and the conditions that its parts had to search by.
    refused: Option<(Plan, Vec<Vec<Condition>>)>,
}

impl Attempts<'_> {
    /// Tries all forms of one way. A plan that scans a joined table is accepted only if it `may_scan`.
    fn one(
        &mut self,
        from: Option<&str>,
        index: Option<&str>,
        urge: Urge<'_>,
        may_scan: bool,
    ) -> Result<Option<(Seek, Plan)>, Error> {
        let (db, relation, shape) = (self.db, self.relation, self.shape);
        let forms: &[SeekForm] = if relation.key.len() == 1 {
            &[SeekForm::RowValue]
        } else if is_mixed(&relation.key) {
            &[SeekForm::Union]
        } else {
            &[SeekForm::RowValue, SeekForm::Union]
        };
        let is_own_choice = from.is_none() && index.is_none() && urge == Urge::default();
        for form in forms {
            let how = SeekPlan {
                form: *form,
                from,
                index,
                urge,
                served: self.served,
            };
            let seek = Seek::new(relation, how, shape);
            let plan = match Plan::of(db, &seek.sql) {
                Ok(plan) => plan,
                // SQLite can't use this index or order ("no query solution").
                Err(source) if !is_own_choice && !is_of_store(&source) => continue,
                Err(source) => return Err(relation.failed(source)),
            };
            check_known(relation, &plan)?;
            if !plan.streams() || !plan.searches(&seek.parts) {
                // If SQLite builds an index by itself, the error can name the clearest fix.
                // SQLite doesn't search the parts of a UNION ALL by row values. So the plan of a row value doesn't show
                // which part is at fault, and a later plan replaces it.
                let is_clearer = |(before, _): &(Plan, _)| {
                    !before.makes_index() && plan.makes_index()
                        || is_own_choice && plan.unsearched_part(&seek.parts).is_some()
                };
                if self.refused.as_ref().is_none_or(is_clearer) {
                    self.refused = Some((plan, seek.parts));
                }
                continue;
            }
            check_no_range(db, relation, how, shape, &plan)?;
            if !plan.scans_within() {
                return Ok(Some((seek, plan)));
            }
            // The plan scans a table inside another loop. If the plan begins with a single row, the scan may be the
            // loop in the key's order. It would then read all rows for each row of the loop before it.
            if may_scan && !plan.begins_with_one() {
                self.second.get_or_insert((seek, plan));
            }
        }
        Ok(None)
    }

    /// Tries one way with each hint (an [`Urge`]). If SQLite expects many rows, it may build an automatic index of a
    /// joined table. If it expects few, or has to use a given index, it may scan that table instead.
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
        let shown = plan.map(|(plan, _)| plan.describe()).unwrap_or_default();
        Err(match plan {
            Some((plan, _))
                if relation.is_by_rowid() && self.served.is_empty() && plan.streams() =>
            {
                Error::stale_statistics(name)
            }
            _ if relation.unique => {
                let has_one = !relation.indexes.is_empty();
                Error::no_index(name, &relation.wanted_index(), has_one, &shown)
            }
            Some((plan, _)) if plan.is_unmerged_union() => {
                let select = relation.query.as_deref().unwrap_or_default();
                let part = join_order::unmerged_part(self.db, select);
                let part = part.map_err(|source| relation.failed(source))?;
                Error::unmerged_union(name, part, &shown)
            }
            Some((plan, parts)) => match plan.unsearched_part(parts) {
                Some((number, steps)) => Error::part_not_seekable(name, number, &steps),
                None => Error::query_not_seekable(name, &shown),
            },
            None => Error::query_not_seekable(name, &shown),
        })
    }
}

/// Checks that every step of a plan is understood.
fn check_known(relation: &Relation, plan: &Plan) -> Result<(), Error> {
    match plan.unknown() {
        None => Ok(()),
        Some(step) => Err(Error::unknown_plan(&relation.name, step)),
    }
}

/// Checks that the caller's SQL has no range over the key. Of two such conditions, SQLite searches by one and checks
/// the other row by row. If it searches by the caller's, each chunk starts from the same place. This function plans the
/// statement without the walk's own range. If the plan still has a range over the key, that range is the caller's.
fn check_no_range(
    db: &Connection,
    relation: &Relation,
    how: SeekPlan<'_>,
    shape: RangeShape,
    plan: &Plan,
) -> Result<(), Error> {
    let has_callers_sql = !relation.unique || !how.served.is_empty();
    if !has_callers_sql || shape.near == BoundKind::Open {
        return Ok(());
    }
    let open = RangeShape {
        near: BoundKind::Open,
        far: BoundKind::Open,
        near_nulls: Nulls::NONE,
        far_nulls: Nulls::NONE,
        ..shape
    };
    // If the caller's SQL reads one row first, the search is in an inner loop, which is examined too.
    let is_before_start = plan.begins_with_one();
    let seek = Seek::new(relation, how, open);
    let plan = Plan::of(db, &seek.sql).map_err(|source| relation.failed(source))?;
    check_known(relation, &plan)?;
    // The walk's own condition that a column isn't NULL looks like a range too. But a walk with this condition has no
    // filter on a key column in WHERE, so there is nothing to check.
    let mut key = relation.key.iter();
    let is_ranged = !key.clone().any(|part| part.excludes_null)
        && key.any(|part| plan.ranges(part.operator(shape.order), is_before_start));
    if plan.streams() && is_ranged {
        return Err(Error::own_range(&relation.name, &relation.key_names()));
    }
    Ok(())
}
