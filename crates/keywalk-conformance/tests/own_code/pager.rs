//! A pager that is written by hand, and what can be wrong with one.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included, Unbounded};

use keywalk::{KeyRange, Order};
use keywalk_conformance::history::{Change, Visits};
use keywalk_conformance::{BoxError, Clause, Counterexample, Meanwhile, Schedule};
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mistake {
    None,
    /// Rows are counted, keys aren't compared.
    Offset,
    /// `>=` where `>` is meant.
    Inclusive,
    /// A page that isn't full is taken for the last one, and the store's pages are small.
    ShortPage,
    /// It goes on until it stands at what was the last key at the start.
    UntilTheLast,
    /// All is read at once, and others have their turns.
    AllAtOnce,
    /// Pages are by value.
    ByValue,
    /// The range is forgotten.
    NoRange,
    /// After a kill: the key that was kept comes again.
    KeptAgain,
    /// After a kill: one row is left out.
    KeptAndOneMore,
    /// The position is kept before the page is handled.
    KeptTooEarly,
    /// After a kill it begins at the start, and says that it doesn't.
    NeverKept,
    /// An error ends it.
    Fails,
}

/// Rows in memory, and a position that outlives a kill.
#[derive(Default)]
pub(crate) struct Table {
    rows: RefCell<BTreeMap<i64, u64>>,
    kept: Cell<Option<i64>>,
    count: Cell<usize>,
}

/// What the store answers at most.
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
        meanwhile: &Meanwhile<i64, W>,
        size: usize,
        mistake: Mistake,
    ) -> Result<(), &'static str>
    where
        W: FnMut(&i64, Change) -> Result<(), BoxError>,
    {
        let mut after = self.kept.get();
        meanwhile.resumes_after(after.as_ref());
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
            meanwhile.turn();
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
                meanwhile.visit(&key, value);
                if mistake == Mistake::AllAtOnce {
                    meanwhile.turn();
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

pub(crate) fn visits() -> Visits<i64> {
    Visits::over(KeyRange::new(..=MOST, Order::Ascending))
}

pub(crate) fn run(
    schedule: &Schedule<i64>,
    size: usize,
    visits: Visits<i64>,
    mistake: Mistake,
) -> Result<(), Counterexample<i64>> {
    let table = Table::default();
    let write = |key: &i64, change| table.change(key, change);
    schedule.run(visits, write, |meanwhile| {
        table.handle(meanwhile, size, mistake)
    })
}

/// The clause that the smallest schedule breaks, of those that are drawn.
pub(crate) fn caught(visits: &Visits<i64>, mistake: Mistake) -> Option<Clause> {
    let schedules = super::right::keys().schedules();
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
            // Shown if it isn't the expected one.
            println!("{schedule:?}, pages of {size}\n{found}");
            Some(found.clause())
        }
        Err(aborted) => panic!("{aborted}"),
    }
}

/// A `TestCaseError` of a counterexample is what a user's `?` makes.
pub(crate) fn said(found: Counterexample<i64>) -> String {
    TestCaseError::from(found).to_string()
}
