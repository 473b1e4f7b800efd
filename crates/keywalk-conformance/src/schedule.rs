use std::fmt::Debug;

use proptest::prelude::*;

use crate::concurrent_store::{ConcurrentStore, Counterexample};
use crate::edit::{Schedule, edits};
use crate::harness::BoxError;
use crate::history::{Change, VisitLog};
use crate::key_space::KeySpace;

impl<K: Ord + Clone + Debug> Schedule<K> {
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
    pub fn run<W, E: Debug>(
        &self,
        visits: VisitLog<K>,
        write: W,
        mut code: impl FnMut(&ConcurrentStore<K, W>) -> Result<(), E>,
    ) -> Result<(), Counterexample<K>>
    where
        W: FnMut(&K, Change) -> Result<(), BoxError>,
    {
        let concurrent = ConcurrentStore::begin(self, visits, write)?;
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
            .prop_map(|(edits, kills)| Schedule { kills, ..edits })
            .boxed()
    }
}
