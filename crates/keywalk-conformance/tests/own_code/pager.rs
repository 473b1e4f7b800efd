//! A hand-written pager with possible mistakes, and right programs, none of which may be refused.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Bound::{self, Excluded, Included, Unbounded};
use std::ops::RangeInclusive;
use std::sync::{Arc, RwLock};

use keywalk::{KeyRange, Order, Token, Walk};
use keywalk_conformance::history::{Change, VisitLog};
use keywalk_conformance::{BoxError, Clause, ConcurrentStore, Counterexample, KeySpace, Schedule};
use keywalk_memory::{Named, SharedMap};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// A mistake of the pager. The table of mistakes in `main.rs` describes each.
#[rustfmt::skip]
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mistake {
    None, Offset, Inclusive, ShortPage, UntilTheLast, AllAtOnce, ByValue, NoRange, KeptAgain,
    KeptAndOneMore, KeptTooEarly, NeverKept, Fails,
}

/// A table in memory. It can be walked while it is written to, in another thread too.
#[derive(Clone, Default)]
struct Table(Arc<RwLock<BTreeMap<i64, u64>>>);

/// The most rows that the store returns.
const SMALL: usize = 2;

/// The last key of the pager's range.
const MOST: i64 = 100;

impl Table {
    fn write(&self) -> impl FnMut(&i64, Change) -> Result<(), BoxError> + Send + 'static {
        let rows = Arc::clone(&self.0);
        move |key, change| {
            let mut rows = rows.write().expect("no writer panics");
            match change {
                Change::Put(value) => rows.insert(*key, value),
                Change::Delete => rows.remove(key),
            };
            Ok(())
        }
    }

    fn source(&self) -> Named<SharedMap<i64, u64>> {
        Named::new("pages", SharedMap::new(Arc::clone(&self.0)))
    }

    fn rows(&self) -> BTreeMap<i64, u64> {
        self.0.read().expect("no writer panics").clone()
    }

    /// Returns the page after this key and this number of rows.
    fn page(&self, after: Option<i64>, count: usize, size: usize, by: Mistake) -> Vec<(i64, u64)> {
        let mut page = Vec::from_iter(self.rows());
        page.retain(|(key, _)| match (after, by) {
            (Some(after), Mistake::Inclusive) => after <= *key,
            (Some(after), by) => after < *key || by == Mistake::Offset,
            (None, _) => true,
        });
        page.retain(|(key, _)| *key <= MOST || by == Mistake::NoRange);
        match by {
            Mistake::Offset => drop(page.drain(..count.min(page.len()))),
            Mistake::ByValue => page.sort_by_key(|(_, value)| u64::MAX - value),
            Mistake::AllAtOnce => return page,
            Mistake::ShortPage => page.truncate(SMALL),
            _ => {}
        }
        page.truncate(size);
        page
    }

    /// Handles every row up to [`MOST`]. `kept` is the position, and the number of rows, that outlive a kill.
    fn handle<W>(
        &self,
        concurrent: &ConcurrentStore<i64, W>,
        kept: &Cell<(Option<i64>, usize)>,
        size: usize,
        mistake: Mistake,
    ) -> Result<(), &'static str>
    where
        W: FnMut(&i64, Change) -> Result<(), BoxError>,
    {
        let (mut after, mut count) = kept.get();
        concurrent.resumes_after(after.as_ref());
        let rows = self.rows();
        let last = rows.range(..=MOST).next_back().map(|(key, _)| *key);
        let mut skips = mistake == Mistake::KeptAndOneMore && after.is_some();
        match mistake {
            Mistake::KeptAgain => after = after.map(|key| key - 1),
            Mistake::NeverKept => after = None,
            _ => {}
        }
        loop {
            concurrent.turn();
            let page = self.page(after, count, size, mistake);
            let is_over = match mistake {
                Mistake::UntilTheLast => page.last().map(|(key, _)| *key).or(after) >= last,
                Mistake::ShortPage => page.len() < size,
                _ => page.is_empty(),
            };
            if let (Mistake::KeptTooEarly, Some((key, _))) = (mistake, page.last()) {
                kept.set((Some(*key), count));
            }
            for (key, value) in page {
                after = Some(key);
                if std::mem::take(&mut skips) {
                    continue;
                }
                if mistake == Mistake::Fails && key > 0 {
                    return Err("no such column");
                }
                concurrent.visit(&key, value);
                if mistake == Mistake::AllAtOnce {
                    concurrent.turn();
                }
                count += 1;
                kept.set((kept.get().0.max(after), count));
            }
            if is_over {
                return Ok(());
            }
        }
    }
}

pub(crate) fn visits() -> VisitLog<i64> {
    VisitLog::over(KeyRange::new(..=MOST, Order::Ascending))
}

pub(crate) fn run(
    schedule: &Schedule<i64>,
    size: usize,
    visits: VisitLog<i64>,
    mistake: Mistake,
) -> Result<(), Counterexample<i64>> {
    let (table, kept) = (Table::default(), Cell::default());
    schedule.run(visits, table.write(), |concurrent| {
        table.handle(concurrent, &kept, size, mistake)
    })
}

/// Returns the clause that the smallest drawn schedule breaks.
pub(crate) fn caught(visits: &VisitLog<i64>, mistake: Mistake) -> Option<Clause> {
    let config = Config {
        failure_persistence: None,
        cases: 1_000,
        ..Config::default()
    };
    let drawn = (keys().schedules(), 1..4_usize);
    let clause = Cell::new(None);
    let tried = TestRunner::new(config).run(&drawn, |(schedule, size)| {
        let run = run(&schedule, size, visits.clone(), mistake);
        Ok(run.inspect_err(|found| clause.set(Some(found.clause())))?)
    });
    if let Err(error) = tried {
        // Shown if the clause isn't the expected one.
        println!("{error}");
    }
    clause.get()
}

/// Keys that often coincide. 120 is out of the pager's range.
fn keys() -> KeySpace<i64> {
    let few = [-20, -1, 0, 1, 20, 100, 120];
    let any = prop_oneof![4 => -20..=20_i64, 1 => prop::sample::select(few.to_vec())];
    KeySpace::new(any, few)
}

/// Draws the bounds of a walk: at keys, after them, between them, and unbounded.
fn bounds() -> impl Strategy<Value = (Bound<i64>, Bound<i64>)> {
    let bound = |keys: RangeInclusive<i64>| {
        prop_oneof![
            Just(Unbounded),
            keys.clone().prop_map(Included),
            keys.prop_map(Excluded),
        ]
    };
    (bound(-20..=5), bound(-5..=20))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn a_pager_that_goes_on_until_a_page_is_empty(schedule in keys().schedules(), size in 1..4_usize) {
        run(&schedule, size, visits(), Mistake::None)?;
        run(&schedule, size, visits().unbounded(), Mistake::None)?;
        run(&schedule, size, visits().unbounded().reads_ahead(size), Mistake::None)?;
    }

    #[test]
    fn a_right_walk(
        schedule in keys().schedules(),
        size in 1..4_usize,
        bounds in bounds(),
        is_up in any::<bool>(),
        live in any::<bool>(),
        keeps_token in any::<bool>(),
        purges in any::<bool>(),
        prefetched in prop::option::of(0..3_usize),
    ) {
        let table = Table::default();
        let mut delete = table.write();
        let mut token = None::<Token>;
        let order = if is_up { Order::Ascending } else { Order::Descending };
        // The yielded chunk, the waiting ones, and the one that is being fetched.
        let ahead = prefetched.map_or(size, |depth| size * (depth + 2));
        let range = VisitLog::over(KeyRange::new(bounds, order)).reads_ahead(ahead);
        let visits = if live { range.unbounded() } else { range.bounded() };
        schedule.run(visits, table.write(), |concurrent| -> Result<(), BoxError> {
            let walk = Walk::new(concurrent.interleave(table.source())).chunk_size(size);
            let walk = match &token {
                Some(token) => walk.resume_token(token)?,
                None if live => walk.range(bounds).order(order).unbounded(),
                None => walk.range(bounds).order(order),
            };
            if let Some(depth) = prefetched {
                return walk.prefetch(depth).items().try_for_each(|item| {
                    let (key, value) = item?;
                    concurrent.visit(&key, value);
                    Ok(())
                });
            }
            let mut items = walk.items();
            while let Some((key, value)) = items.next().transpose()? {
                if purges {
                    delete(&key, Change::Delete)?;
                    concurrent.deleted(&key);
                    concurrent.visit_key(&key);
                } else {
                    concurrent.visit(&key, value);
                }
                if keeps_token {
                    token = Some(items.token()?);
                }
            }
            Ok(())
        })?;
    }
}
