use core::time::Duration;

/// What a walk did so far; returned by [`Items::stats`](crate::Items::stats) and
/// [`Chunks::stats`](crate::Chunks::stats). It covers one walk in one process: a resumed walk starts at 0.
///
/// ```
/// use std::collections::BTreeMap;
/// use keywalk::Walk;
///
/// let map = BTreeMap::from([(1, "one"), (2, "two"), (3, "three")]);
/// let mut items = Walk::new(&map).chunk_size(2).items();
/// while let Some(item) = items.next().transpose()? {
///     println!("{item:?}");
/// }
/// let stats = items.stats();
/// assert_eq!((stats.items(), stats.chunks()), (3, 2));
/// // One per chunk, plus one for the last key (two if the source answers `LastKey::Unknown`).
/// assert_eq!(stats.queries(), 3);
/// println!("{:?} in the store", stats.time_in_store());
/// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub(crate) queries: u64,
    pub(crate) chunks: u64,
    pub(crate) items: u64,
    pub(crate) time_in_store: Duration,
}

impl Stats {
    /// Returns the number of requests to the store: fetches, including empty ones, and queries for the last
    /// key.
    #[must_use]
    pub fn queries(&self) -> u64 {
        self.queries
    }

    /// Returns the number of chunks with at least one item.
    #[must_use]
    pub fn chunks(&self) -> u64 {
        self.chunks
    }

    /// Returns the number of items that were yielded.
    #[must_use]
    pub fn items(&self) -> u64 {
        self.items
    }

    /// Returns the time spent in requests to the store, including the decoding of items. The
    /// [clock](crate::Walk::clock) that you set measures it, otherwise the system's clock. Without the feature `std`,
    /// or in a browser, the time is zero unless you set a clock.
    #[must_use]
    pub fn time_in_store(&self) -> Duration {
        self.time_in_store
    }
}
