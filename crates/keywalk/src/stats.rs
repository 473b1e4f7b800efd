use core::time::Duration;

use crate::clock::Clock;

/// What a walk did so far; from [`Items::stats`](crate::Items::stats) or
/// [`Chunks::stats`](crate::Chunks::stats).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub(crate) queries: u64,
    pub(crate) chunks: u64,
    pub(crate) items: u64,
    time_in_store: Duration,
}

impl Stats {
    /// How often the store was asked: fetches, those that brought no item among them, and the
    /// queries for the last key.
    #[must_use]
    pub fn queries(&self) -> u64 {
        self.queries
    }

    /// How many chunks came that held an item.
    #[must_use]
    pub fn chunks(&self) -> u64 {
        self.chunks
    }

    /// How many items were handed out.
    #[must_use]
    pub fn items(&self) -> u64 {
        self.items
    }

    /// The time that passed inside the store's queries, decoding of items included: by the walk's
    /// [clock](crate::Walk::clock), if it was given one. Zero where there is no clock: without the
    /// feature `std`.
    #[must_use]
    pub fn time_in_store(&self) -> Duration {
        self.time_in_store
    }

    /// Asks the store, and counts it. Tells how long it took, too.
    pub(crate) fn time<R>(&mut self, clock: &Clock, query: impl FnOnce() -> R) -> (R, Duration) {
        self.queries += 1;
        let (answer, took) = clock.time(query);
        self.time_in_store = self.time_in_store.saturating_add(took);
        (answer, took)
    }
}
