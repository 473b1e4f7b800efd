use core::time::Duration;

use crate::chunk::budget::Budget;
use crate::clock::Clock;
use crate::pace::Pace;
use crate::{ChunkSource, Walk, Weigh};

/// What ends a chunk, as far as a walk was told.
#[derive(Debug)]
pub(crate) struct Limits<T> {
    pub(crate) items: Option<usize>,
    pub(crate) budget: Option<Budget<T>>,
    pub(crate) target: Option<Duration>,
    pub(crate) clock: Clock,
}

impl<T> Limits<T> {
    /// The chunk size of a walk that isn't given one.
    pub(crate) const DEFAULT: usize = 512;

    /// The most items of a walk that is given bytes or a time, and no chunk size.
    pub(crate) const MOST: usize = 8_192;

    /// The most items of a chunk.
    pub(crate) fn chunk_size(&self) -> usize {
        self.items.unwrap_or(match (self.budget, self.target) {
            (None, None) => Self::DEFAULT,
            _ => Self::MOST,
        })
    }

    /// How the size of chunks is set from fetch to fetch.
    pub(crate) fn pace(&self) -> Option<Pace> {
        let target = self.target?;
        Some(Pace::new(target, Self::DEFAULT, self.chunk_size()))
    }
}

impl<T> Default for Limits<T> {
    fn default() -> Self {
        Limits {
            items: None,
            budget: None,
            target: None,
            clock: Clock::default(),
        }
    }
}

/// Chunks by their bytes and by their time.
impl<S: ChunkSource> Walk<S> {
    /// Lowers the most items of a chunk to `items`, where it is larger: for who runs a walk that another
    /// one has configured, as a job does that may do only so many items a second.
    ///
    /// # Panics
    ///
    /// If `items` is 0.
    #[track_caller]
    pub fn chunk_size_at_most(self, items: usize) -> Self {
        let size = self.limits.chunk_size().min(items);
        self.chunk_size(size)
    }

    /// How many bytes of items to fetch at a time, as their [`Weigh`] tells them: for items of very
    /// different sizes. [`chunk_bytes_by`](Self::chunk_bytes_by) takes a function instead.
    ///
    /// Default: not limited. A chunk is full once its items weigh so much: with the one that reaches
    /// it, so at least one item comes, however large it is; and at
    /// [`chunk_size`](Self::chunk_size) items, or [`MAX_CHUNK_SIZE`](Self::MAX_CHUNK_SIZE) if that isn't
    /// set. Fewer bytes hold less memory, and pay the cost
    /// of a fetch more often. Each item is weighed once. What a walk yields doesn't depend on it.
    ///
    /// # Memory
    ///
    /// The items that a walk holds, with what it keeps of earlier chunks to fill again, weigh at most
    /// `2 * bytes` and the heaviest item together; handed out [one by one](Self::items), less than
    /// `bytes` and that item. In memory come on top:
    ///
    /// - what items reserve beyond their weight: a `String` or `Vec` that is filled in place reserves
    ///   less than as much again;
    /// - the list that they stand in: less than three times `size_of::<S::Item>() + size_of::<usize>()`
    ///   for the most items that were in a chunk;
    /// - what the source holds during a fetch.
    ///
    /// A walk that [prefetches](Self::prefetch) holds `depth + 1` times as much, and item by item the keys
    /// of these items.
    ///
    /// So that this is so, items that are large beside the others aren't filled again: a
    /// [lent chunk](Self::chunks) whose largest item weighs more than about twice the mean is partly
    /// allocated anew. Items that are moved about in a lent chunk, or made larger, are counted as if
    /// they had stayed.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use keywalk::{Walk, Weigh};
    /// use keywalk_memory::Map;
    ///
    /// let mails = BTreeMap::from([(1, "x".repeat(900)), (2, "y".repeat(90)), (3, "z".repeat(9))]);
    /// let mut chunks = Walk::new(Map::new(&mails)).chunk_bytes(1_000).chunks();
    /// let mut lens = Vec::new();
    /// while let Some(mails) = chunks.next()? {
    ///     lens.push(mails.len());
    /// }
    /// assert_eq!(lens, [2, 1]);
    /// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If `bytes` is 0.
    #[track_caller]
    pub fn chunk_bytes(self, bytes: usize) -> Self
    where
        S::Item: Weigh,
    {
        self.chunk_bytes_by(bytes, Weigh::weigh)
    }

    /// How many bytes of items to fetch at a time, as `weigh` tells them: for items without a
    /// [`Weigh`], or where another measure is meant (the bytes of a request, say). All else is as with
    /// [`chunk_bytes`](Self::chunk_bytes); a later call of either replaces an earlier one.
    ///
    /// An item may weigh 0. For the promise about memory, `weigh` has to tell all that an item holds.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use keywalk::Walk;
    /// use keywalk_memory::Map;
    ///
    /// let jobs = BTreeMap::from([(1, "build"), (2, "test"), (3, "ship")]);
    /// let walk = Walk::new(Map::new(&jobs)).chunk_bytes_by(8, |(_, job)| job.len());
    /// let mut chunks = walk.chunks();
    /// assert_eq!(chunks.next()?.map(|jobs| jobs.len()), Some(2));
    /// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If `bytes` is 0.
    #[track_caller]
    pub fn chunk_bytes_by(mut self, bytes: usize, weigh: fn(&S::Item) -> usize) -> Self {
        self.limits.budget = Some(Budget::new(bytes, weigh));
        self
    }

    /// How long a fetch should take: the size of chunks follows from how long the ones before took.
    ///
    /// Default: chunks of a fixed size. Only the time in the store counts, never that of who takes the
    /// items. The first fetch asks for [`DEFAULT_CHUNK_SIZE`](Self::DEFAULT_CHUNK_SIZE) items. From one
    /// fetch to the next that is at most halved, where one took longer; and at most doubled, where one
    /// took less and brought as many items as it was asked for. It stays between 1 and
    /// [`chunk_size`](Self::chunk_size), or [`MAX_CHUNK_SIZE`](Self::MAX_CHUNK_SIZE) if that
    /// isn't set. The question for the last key doesn't count.
    ///
    /// A short time lets go of the store more often, for writers that wait; a long one pays the cost of a
    /// fetch less often. What a walk yields doesn't depend on it. A fetch isn't interrupted: what a
    /// single item takes is the least.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use std::time::Duration;
    /// use keywalk::Walk;
    /// use keywalk_memory::Map;
    ///
    /// let map: BTreeMap<u32, char> = (1..).zip("keywalk".chars()).collect();
    /// let walk = Walk::new(Map::new(&map)).chunk_time(Duration::from_millis(20));
    /// for item in walk {
    ///     let (_number, letter) = item?;
    ///     println!("{letter}");
    /// }
    /// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If `target` is zero. Without the feature `std`, or in a browser, a [`clock`](Self::clock) is needed,
    /// or the walk panics when it is turned into its items or chunks.
    #[track_caller]
    pub fn chunk_time(mut self, target: Duration) -> Self {
        assert!(!target.is_zero(), "a chunk's time must not be 0");
        self.limits.target = Some(target);
        self
    }

    /// Tells the time to [`chunk_time`](Self::chunk_time) and
    /// [`Stats::time_in_store`](crate::Stats::time_in_store): what has passed since any fixed moment.
    ///
    /// Default: the system's monotonic clock, with the feature `std`; none without it, or in a browser. It
    /// is asked before and after each question to the store. One that goes back counts as standing still.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use std::time::{Duration, Instant};
    /// use keywalk::Walk;
    /// use keywalk_memory::Map;
    ///
    /// let map = BTreeMap::from([(1, "one"), (2, "two")]);
    /// let start = Instant::now();
    /// let items = Walk::new(Map::new(&map)).clock(move || start.elapsed()).items();
    /// assert_eq!(items.stats().time_in_store(), Duration::ZERO);
    /// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
    /// ```
    pub fn clock(mut self, now: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        self.limits.clock = Clock::new(now);
        self
    }
}
