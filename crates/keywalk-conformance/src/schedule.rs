use std::fmt::Debug;

use proptest::prelude::*;

use crate::edit::{Edit, Edits, edits};
use crate::harness::BoxError;
use crate::history::{Change, VisitLog};
use crate::key_space::KeySpace;
use crate::meanwhile::{ConcurrentStore, Counterexample};

/// What is in a store at first, what others do to it while it is walked, and where the code that walks is
/// killed: a case of a property test of your own code.
///
/// Drawn by [`KeySpace::schedules`], and shrunk by proptest to the smallest that still fails; or written down,
/// as a case that once failed and is to be kept:
///
/// ```
/// use keywalk_conformance::{Edit, Schedule};
///
/// // Rows 1 to 4. The row that came last is deleted before the second page is read.
/// let schedule = Schedule::new([1, 2, 3, 4])
///     .turn([])
///     .turn([Edit::DeleteCursor]);
/// # assert_eq!(schedule.clone(), schedule);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule<K> {
    edits: Edits<K>,
    /// After how many events, visits and turns, the i-th run is killed.
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
    /// The keys that play a part, all of them there at first; nothing happens meanwhile.
    ///
    /// [`Edit::Append`], [`InsertAhead`](Edit::InsertAhead) and [`InsertBehind`](Edit::InsertBehind) choose
    /// among these keys.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = K>) -> Self {
        Schedule {
            edits: Edits::among(keys),
            kills: Vec::new(),
        }
    }

    /// Only these keys are there at first, in the order in which they are put.
    #[must_use]
    pub fn initially(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.edits = self.edits.initially(keys);
        self
    }

    /// Adds what happens before the next page is read: the first call is before the first page. Afterwards,
    /// nothing happens any more.
    #[must_use]
    pub fn turn(mut self, edits: impl IntoIterator<Item = Edit<K>>) -> Self {
        self.edits = self.edits.turn(edits);
        self
    }

    /// Adds that the code is killed at its `event`-th event, counted from 1 at each start: pages that are about
    /// to be read and rows that were visited. The first call is for the first run, the second for the one after
    /// it; then the code runs to its end.
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

    /// Runs `code` over a store, with this happening meanwhile, and judges what it visited.
    ///
    /// - `visits` says what it is to walk, and what it promises.
    /// - `write` changes the store: what it is told is there, or gone, when it returns. A row's value is a number,
    ///   another one each time it is put, for any column that the code reads. First it puts the rows that are
    ///   there at first, so the store is empty when this is called. It uses the store as others do: where the
    ///   code reads and writes in a transaction of its own, another connection, or the same one between two
    ///   transactions ([`without_turns`](crate::Interleaved::without_turns)).
    /// - `code` is the code under test. It is handed a [`ConcurrentStore`], by which it says that a page is about to
    ///   be read ([`interleave`](ConcurrentStore::interleave), or [`turn`](ConcurrentStore::turn)) and that a row was
    ///   handled ([`visit`](ConcurrentStore::visit)). Where the schedule kills it, it is called again.
    ///
    /// Nothing is tried twice, and nothing waits: a case takes as long as the code does, and its writes.
    ///
    /// A killed run unwinds from the call in which it is killed, as a panic does, without a word on stderr:
    /// destructors run, and nothing else. With `panic = "abort"` that isn't possible. Code that breaks a clause
    /// is stopped in the same way, at once, so one that repeats itself for ever ends too.
    ///
    /// # Errors
    ///
    /// The clause that the code breaks, and the history: [`Counterexample`] converts into proptest's
    /// `TestCaseError` by `?`. An error that `code` or `write` returns is told in the same way.
    ///
    /// # Panics
    ///
    /// If `code` or `write` does.
    ///
    /// # Examples
    ///
    /// A hand-written pager over a map, whose `>` someone takes for `>=` a day:
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
    ///     |meanwhile| -> Result<(), std::convert::Infallible> {
    ///         let mut after = None;
    ///         loop {
    ///             meanwhile.turn();
    ///             let past = after.map_or(Unbounded, Excluded);
    ///             let next = rows.borrow().range((past, Unbounded)).next().map(|(k, v)| (*k, *v));
    ///             let Some((key, value)) = next else { return Ok(()) };
    ///             meanwhile.visit(&key, value);
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
        let meanwhile = ConcurrentStore::begin(&self.edits, &self.kills, visits, write)?;
        while !meanwhile.runs_to_its_end(&mut code)? {}
        meanwhile.end()
    }
}

impl<K: Ord + Clone + Debug + 'static> KeySpace<K> {
    /// Schedules of all kinds over these keys: a strategy of proptest's, for a property test of code that
    /// walks. Up to 15 keys play a part; up to seven turns of up to three edits each; up to two kills.
    ///
    /// [Testing your own code](crate#testing-your-own-code) shows one.
    pub fn schedules(&self) -> BoxedStrategy<Schedule<K>> {
        let kills = prop::collection::vec(1..12_usize, 0..3);
        let schedule = (edits(self), kills);
        schedule
            .prop_map(|(edits, kills)| Schedule { edits, kills })
            .boxed()
    }
}
