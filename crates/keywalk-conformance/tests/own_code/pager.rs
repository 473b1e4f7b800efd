//! A hand-written pager with possible mistakes, and right programs, none of which may be refused.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Bound::{self, Excluded, Included, Unbounded};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, RwLock};

use keywalk::{KeyRange, Order, Token, Walk};
use keywalk_conformance::history::{Change, VisitLog};
use keywalk_conformance::{
    BoxError, Clause, ConcurrentStore, Counterexample, Edit, KeySpace, Schedule,
};
use keywalk_memory::{Named, SharedMap};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mistake {
    None,
    /// It counts rows instead of comparing keys.
    Offset,
    /// It uses `>=` instead of `>`.
    Inclusive,
    /// It takes a short page for the last one, and the store's pages are small.
    ShortPage,
    /// It continues until it is at the last key at the start.
    UntilTheLast,
    /// It reads everything at once, before the concurrent changes.
    AllAtOnce,
    /// It pages by value.
    ByValue,
    /// It ignores the range.
    NoRange,
    /// After a kill, it repeats the stored key.
    KeptAgain,
    /// After a kill, it leaves out one row.
    KeptAndOneMore,
    /// It stores the position before it handles the page.
    KeptTooEarly,
    /// After a kill, it begins at the start but reports another position.
    NeverKept,
    /// It takes an error for the end.
    Fails,
}

/// Rows in memory, and a position that outlives a kill.
#[derive(Default)]
pub(crate) struct Table {
    rows: RefCell<BTreeMap<i64, u64>>,
    kept: Cell<Option<i64>>,
    count: Cell<usize>,
}

/// The most rows that the store returns.
const SMALL: usize = 2;

impl Table {
    pub(crate) fn change(&self, key: &i64, change: Change) -> Result<(), BoxError> {
        match change {
            Change::Put(value) => self.rows.borrow_mut().insert(*key, value),
            Change::Delete => self.rows.borrow_mut().remove(key),
        };
        Ok(())
    }

    fn page(&self, after: Option<i64>, size: usize, mistake: Mistake) -> Vec<(i64, u64)> {
        let rows = self.rows.borrow();
        let upper = match mistake {
            Mistake::NoRange => Unbounded,
            _ => Included(MOST),
        };
        let lower = match (after, mistake) {
            (None, _) | (_, Mistake::Offset) => Unbounded,
            (Some(after), Mistake::Inclusive) => Included(after),
            (Some(after), _) => Excluded(after),
        };
        let mut page: Vec<_> = match (lower, upper) {
            (Excluded(lower), Included(upper)) if lower >= upper => Vec::new(),
            bounds => rows.range(bounds).map(|(k, v)| (*k, *v)).collect(),
        };
        match mistake {
            Mistake::Offset => drop(page.drain(..self.count.get().min(page.len()))),
            Mistake::ByValue => page.sort_by_key(|(_, value)| u64::MAX - value),
            Mistake::AllAtOnce => return page,
            Mistake::ShortPage => page.truncate(SMALL),
            _ => {}
        }
        page.truncate(size);
        page
    }

    /// Handles every row up to [`MOST`].
    pub(crate) fn handle<W>(
        &self,
        concurrent: &ConcurrentStore<i64, W>,
        size: usize,
        mistake: Mistake,
    ) -> Result<(), &'static str>
    where
        W: FnMut(&i64, Change) -> Result<(), BoxError>,
    {
        let mut after = self.kept.get();
        concurrent.resumes_after(after.as_ref());
        let last = self
            .rows
            .borrow()
            .range(..=MOST)
            .next_back()
            .map(|(key, _)| *key);
        let mut skips = false;
        match (mistake, after) {
            (Mistake::KeptAgain, Some(key)) => after = Some(key - 1),
            (Mistake::KeptAndOneMore, Some(_)) => skips = true,
            (Mistake::NeverKept, _) => after = None,
            _ => {}
        }
        loop {
            concurrent.turn();
            let page = self.page(after, size, mistake);
            if mistake == Mistake::KeptTooEarly
                && let Some((key, _)) = page.last()
            {
                self.kept.set(Some(*key));
            }
            let is_short = page.len() < size;
            let is_empty = page.is_empty();
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
                self.count.set(self.count.get() + 1);
                self.kept.set(Some(key).max(self.kept.get()));
            }
            let is_over = match mistake {
                Mistake::UntilTheLast => after >= last,
                Mistake::ShortPage => is_short,
                _ => is_empty,
            };
            if is_over {
                return Ok(());
            }
        }
    }
}

/// The last key of the pager's range.
pub(crate) const MOST: i64 = 100;

pub(crate) fn visits() -> VisitLog<i64> {
    VisitLog::over(KeyRange::new(..=MOST, Order::Ascending))
}

pub(crate) fn run(
    schedule: &Schedule<i64>,
    size: usize,
    visits: VisitLog<i64>,
    mistake: Mistake,
) -> Result<(), Counterexample<i64>> {
    let table = Table::default();
    let write = |key: &i64, change| table.change(key, change);
    schedule.run(visits, write, |concurrent| {
        table.handle(concurrent, size, mistake)
    })
}

/// Returns the clause that the smallest drawn schedule breaks.
pub(crate) fn caught(visits: &VisitLog<i64>, mistake: Mistake) -> Option<Clause> {
    let schedules = keys().schedules();
    let config = Config {
        failure_persistence: None,
        cases: 1_000,
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    let tried = runner.run(&(schedules, 1..4_usize), |(schedule, size)| {
        Ok(run(&schedule, size, visits.clone(), mistake)?)
    });
    match tried {
        Ok(()) => None,
        Err(TestError::Fail(_, (schedule, size))) => {
            let found = run(&schedule, size, visits.clone(), mistake).expect_err("it failed");
            // Shown if the clause isn't the expected one.
            println!("{schedule:?}, pages of {size}\n{found}");
            Some(found.clause())
        }
        Err(aborted) => panic!("{aborted}"),
    }
}

/// Converts a counterexample as a user's `?` does, and returns its text.
pub(crate) fn said(found: Counterexample<i64>) -> String {
    TestCaseError::from(found).to_string()
}

/// Keys that often coincide. 120 is out of the pager's range.
pub(crate) fn keys() -> KeySpace<i64> {
    let few = [-20, -1, 0, 1, 20, 100, 120];
    let any = prop_oneof![4 => -20..=20_i64, 1 => prop::sample::select(few.to_vec())];
    KeySpace::new(any, few)
}

/// A table that can be walked while it is written to, in another thread too.
#[derive(Clone, Default)]
struct Shared(Arc<RwLock<BTreeMap<i64, u64>>>);

impl Shared {
    fn write(&self) -> impl FnMut(&i64, Change) -> Result<(), BoxError> + Send + 'static {
        let rows = Arc::clone(&self.0);
        move |key, change| {
            let mut rows = rows.write().map_err(|error| error.to_string())?;
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
}

fn orders() -> impl Strategy<Value = Order> {
    prop_oneof![Just(Order::Ascending), Just(Order::Descending)]
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
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_pager_that_goes_on_until_a_page_is_empty(schedule in keys().schedules(), size in 1..4_usize) {
        run(&schedule, size, visits(), Mistake::None)?;
        run(&schedule, size, visits().unbounded(), Mistake::None)?;
        run(&schedule, size, visits().unbounded().reads_ahead(size), Mistake::None)?;
    }

    #[test]
    fn a_loop_over_a_walk_that_keeps_its_token_or_starts_over(
        schedule in keys().schedules(),
        size in 1..4_usize,
        order in orders(),
        bounds in bounds(),
        live in any::<bool>(),
        keeps in any::<bool>(),
    ) {
        let table = Shared::default();
        let token = Mutex::new(None::<Token>);
        let range = VisitLog::over(KeyRange::new(bounds, order)).reads_ahead(size);
        let visits = if live { range.unbounded() } else { range.bounded() };
        schedule.run(visits, table.write(), |concurrent| -> Result<(), BoxError> {
            let walk = Walk::new(concurrent.interleave(table.source())).chunk_size(size);
            let kept = token.lock().unwrap().clone();
            let walk = match kept {
                Some(token) => walk.resume_token(&token)?,
                None if live => walk.range(bounds).order(order).unbounded(),
                None => walk.range(bounds).order(order),
            };
            let mut items = walk.items();
            while let Some(item) = items.next() {
                let (key, value) = item?;
                concurrent.visit(&key, value);
                if keeps {
                    *token.lock().unwrap() = Some(items.token()?);
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_prefetched_walk(
        schedule in keys().schedules(),
        size in 1..4_usize,
        depth in 0..3_usize,
        bounds in bounds(),
    ) {
        let table = Shared::default();
        // The yielded chunk, the waiting ones, and the one that is being fetched.
        let ahead = size * (depth + 2);
        let range = KeyRange::new(bounds, Order::Ascending);
        let visits = VisitLog::over(range).bounded().reads_ahead(ahead);
        schedule.run(visits, table.write(), |concurrent| -> Result<(), BoxError> {
            let walk = Walk::new(concurrent.interleave(table.source()));
            for item in walk.range(bounds).chunk_size(size).prefetch(depth).items() {
                let (key, value) = item?;
                concurrent.visit(&key, value);
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_purge_that_deletes_what_it_visits(
        schedule in keys().schedules(),
        size in 1..4_usize,
        bounds in bounds(),
    ) {
        let table = Shared::default();
        let mut delete = table.write();
        let range = KeyRange::new(bounds, Order::Ascending);
        let visits = VisitLog::over(range).bounded().reads_ahead(size);
        schedule.run(visits, table.write(), |concurrent| -> Result<(), BoxError> {
            let walk = Walk::new(concurrent.interleave(table.source()));
            for item in walk.range(bounds).chunk_size(size) {
                let (key, _) = item?;
                delete(&key, Change::Delete)?;
                concurrent.deleted(&key);
                concurrent.visit_key(&key);
            }
            Ok(())
        })?;
    }
}

#[test]
fn a_store_that_nothing_happens_to() {
    run(&Schedule::new([]), 1, visits().unbounded(), Mistake::None).expect("nothing is there");
    run(
        &Schedule::new([1, 2, 120]),
        2,
        visits().unbounded(),
        Mistake::None,
    )
    .expect("all of the range");
}

#[test]
fn a_walk_that_starts_over_after_an_excluded_start_has_a_new_end() {
    let table = Shared::default();
    // Two requests for the last key, a page, and 1; then 3 is inserted.
    let schedule = Schedule::new([1, 2, 3]).initially([1, 2]);
    let schedule = schedule.turn([]).turn([]).turn([]).turn([Edit::Append]);
    let bounds = (Excluded(0), Unbounded);
    let visits = VisitLog::over(KeyRange::new(bounds, Order::Ascending)).bounded();
    let run = schedule.kill(4).run(
        visits,
        table.write(),
        |concurrent| -> Result<(), BoxError> {
            let walk = Walk::new(concurrent.interleave(table.source())).range(bounds);
            for item in walk.chunk_size(2) {
                let (key, value) = item?;
                concurrent.visit(&key, value);
            }
            Ok(())
        },
    );
    run.expect("3 is there when the second run begins");
}
