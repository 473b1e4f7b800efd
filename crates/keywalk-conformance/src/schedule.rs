use std::fmt::Debug;

use proptest::prelude::*;

use crate::concurrent_store::{ConcurrentStore, Counterexample};
use crate::edit::{Edit, Edits, edits};
use crate::harness::BoxError;
use crate::history::{Change, VisitLog};
use crate::key_space::KeySpace;

/// One case of a property test of your own code: the initial rows, the concurrent changes, and where the code is
/// killed.
///
/// [`KeySpace::schedules`] draws random schedules, and proptest shrinks one that fails. Write one by hand to keep a
/// case that failed:
///
/// ```
/// use keywalk_conformance::{Edit, Schedule};
///
/// // Rows 1 to 4. The last visited row is deleted before the second page is read.
/// let schedule = Schedule::new([1, 2, 3, 4])
///     .turn([])
///     .turn([Edit::DeleteCursor]);
/// # assert_eq!(schedule.clone(), schedule);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule<K> {
    edits: Edits<K>,
    /// The number of events (visits and turns) after which the i-th run is killed.
    kills: Vec<usize>,
}

impl<K> Default for Schedule<K> {
    fn default() -> Self {
        Schedule {
            edits: Edits::default(),
            kills: Vec::new(),
        }
    }
}

impl<K: Ord + Clone + Debug> Schedule<K> {
    /// Makes a schedule over these keys: all of them exist initially, and nothing changes.
    ///
    /// [`Edit::Append`], [`InsertAhead`](Edit::InsertAhead) and [`InsertBehind`](Edit::InsertBehind) choose from
    /// these keys.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = K>) -> Self {
        Schedule {
            edits: Edits::among(keys),
            kills: Vec::new(),
        }
    }

    /// Sets which keys exist initially, in the order in which they are put.
    #[must_use]
    pub fn initially(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.edits = self.edits.initially(keys);
        self
    }

    /// Adds a turn: the changes that happen before a page is read. The first call sets those before the first page, and
    /// the second call those before the second page. Nothing changes before later pages.
    #[must_use]
    pub fn turn(mut self, edits: impl IntoIterator<Item = Edit<K>>) -> Self {
        self.edits = self.edits.turn(edits);
        self
    }

    /// Adds a kill: the first call kills the first run, the second call the second run. The run is killed at its
    /// `event`-th event, counted from 1. An event is a turn before a page, or a visited row. The run after the last
    /// kill continues to its end.
    ///
    /// # Panics
    ///
    /// If `event` is 0.
    #[must_use]
    #[track_caller]
    pub fn kill(mut self, event: usize) -> Self {
        assert!(event > 0, "events are counted from 1");
        self.kills.push(event);
        self
    }

    /// Runs `code` over a store with the schedule's changes and kills, and judges what the code visited.
    ///
    /// - `visits` defines the range that the code walks and what the code promises.
    /// - `write` changes the store. The change must be visible when it returns. A row's value is a number, a new one
    ///   for each put; store it in any column that the code reads. The store must be empty at first: the run begins
    ///   by putting the initial rows. If the code uses a transaction of its own, write through another connection. To
    ///   write through the same connection, use [`without_turns`](crate::Interleaved::without_turns) and call
    ///   [`turn`](ConcurrentStore::turn) between two transactions.
    /// - `code` is the code under test. It receives a [`ConcurrentStore`]. It uses
    ///   [`interleave`](ConcurrentStore::interleave) or [`turn`](ConcurrentStore::turn) to mark each page that it is
    ///   about to read, and [`visit`](ConcurrentStore::visit) to mark each row that it handled. After a kill it is
    ///   called again.
    ///
    /// Nothing is retried and nothing waits: a case takes as long as the code and its writes.
    ///
    /// A killed run unwinds from the call in which it is killed, like a panic, but prints nothing. Destructors run.
    /// This needs `panic = "unwind"`. Code that breaks a clause is stopped at once in the same way, so code that loops
    /// for ever ends too.
    ///
    /// # Errors
    ///
    /// The clause that the code breaks, with the history. [`Counterexample`] converts into proptest's `TestCaseError`
    /// with `?`. An error that `code` or `write` returns is reported in the same way.
    ///
    /// # Panics
    ///
    /// If `code` or `write` panics.
    ///
    /// # Examples
    ///
    /// A hand-written pager over a map. The test fails if its `>` becomes `>=`:
    ///
    /// ```
    /// use std::cell::RefCell;
    /// use std::collections::BTreeMap;
    /// use std::ops::Bound::{Excluded, Unbounded};
    ///
    /// use keywalk::{KeyRange, Order};
    /// use keywalk_conformance::history::{Change, VisitLog};
    /// use keywalk_conformance::{Edit, Schedule};
    ///
    /// let rows = RefCell::new(BTreeMap::new());
    /// let schedule = Schedule::new([1, 2, 3]).turn([]).turn([Edit::DeleteCursor, Edit::Append]);
    /// schedule.run(
    ///     VisitLog::over(KeyRange::all(Order::Ascending)),
    ///     |key, change| {
    ///         match change {
    ///             Change::Put(value) => rows.borrow_mut().insert(*key, value),
    ///             Change::Delete => rows.borrow_mut().remove(key),
    ///         };
    ///         Ok(())
    ///     },
    ///     |concurrent| -> Result<(), std::convert::Infallible> {
    ///         let mut after = None;
    ///         loop {
    ///             concurrent.turn();
    ///             let past = after.map_or(Unbounded, Excluded);
    ///             let next = rows.borrow().range((past, Unbounded)).next().map(|(k, v)| (*k, *v));
    ///             let Some((key, value)) = next else { return Ok(()) };
    ///             concurrent.visit(&key, value);
    ///             after = Some(key);
    ///         }
    ///     },
    /// )?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run<W, E: Debug>(
        &self,
        visits: VisitLog<K>,
        write: W,
        mut code: impl FnMut(&ConcurrentStore<K, W>) -> Result<(), E>,
    ) -> Result<(), Counterexample<K>>
    where
        W: FnMut(&K, Change) -> Result<(), BoxError>,
    {
        let concurrent = ConcurrentStore::begin(&self.edits, &self.kills, visits, write)?;
        while !concurrent.runs_to_its_end(&mut code)? {}
        concurrent.end()
    }
}

impl<K: Ord + Clone + Debug + 'static> KeySpace<K> {
    /// Returns a proptest strategy for schedules over these keys, for a property test of code that walks.
    ///
    /// A schedule has up to 15 keys, up to seven turns of up to three edits each, and up to two kills. For an example,
    /// see [Testing your own code](crate#testing-your-own-code).
    pub fn schedules(&self) -> BoxedStrategy<Schedule<K>> {
        let kills = prop::collection::vec(1..12_usize, 0..3);
        let schedule = (edits(self), kills);
        schedule
            .prop_map(|(edits, kills)| Schedule { edits, kills })
            .boxed()
    }
}
