#[cfg(feature = "std")]
use core::time::Duration;

/// What a walk did so far; from [`Items::stats`](crate::Items::stats) or
/// [`Chunks::stats`](crate::Chunks::stats).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub(crate) queries: u64,
    pub(crate) chunks: u64,
    pub(crate) items: u64,
    #[cfg(feature = "std")]
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

    /// The time that passed inside the store's queries, decoding of items included.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn time_in_store(&self) -> Duration {
        self.time_in_store
    }

    /// Asks the store, and counts it.
    pub(crate) fn time<R>(&mut self, query: impl FnOnce() -> R) -> R {
        self.queries += 1;
        #[cfg(feature = "std")]
        let start = std::time::Instant::now();
        let answer = query();
        #[cfg(feature = "std")]
        {
            self.time_in_store += start.elapsed();
        }
        answer
    }
}
