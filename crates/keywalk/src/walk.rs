use core::fmt;
use core::ops::RangeBounds;
use core::time::Duration;

use crate::budget::Budget;
use crate::clock::Clock;
use crate::cursor::Stage;
use crate::limits::Limits;
use crate::state::State;
use crate::{ChunkSource, Chunks, Cursor, CursorMismatch, Items, KeyRange, Order, Weigh};

/// A walk over a source, to be configured and then iterated: item by item, as it is an
/// [`IntoIterator`], or chunk by chunk with [`chunks`](Self::chunks).
///
/// Nothing is asked of the store before the first item is. By default a walk covers every key, in
/// ascending order, in chunks of [`DEFAULT_CHUNK_SIZE`](Self::DEFAULT_CHUNK_SIZE) items, up to what
/// is the last key when it starts.
///
/// ```
/// use std::collections::BTreeMap;
/// use keywalk::Walk;
/// use keywalk_memory::Map;
///
/// let map: BTreeMap<u32, char> = (1..).zip("keywalk".chars()).collect();
/// let mut word = String::new();
/// for item in Walk::new(Map::new(&map)).range(4..).chunk_size(2) {
///     let (_number, letter) = item?;
///     word.push(*letter);
/// }
/// assert_eq!(word, "walk");
/// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
/// ```
#[must_use = "a walk does nothing until it is iterated"]
pub struct Walk<S: ChunkSource> {
    source: S,
    limits: Limits<S::Item>,
    /// The order in it isn't used: `order` is.
    bounds: Option<KeyRange<S::Key>>,
    order: Option<Order>,
    live: bool,
    cursor: Option<Cursor<S::Key>>,
}

impl<S: ChunkSource> Walk<S> {
    /// The chunk size of a walk that isn't given one, in items.
    ///
    /// On the plateau of what was measured over SQLite: below 100 the fixed cost of a fetch (about
    /// 3 us) shows, above some thousands the chunk no longer fits the processor's cache.
    pub const DEFAULT_CHUNK_SIZE: usize = Limits::<S::Item>::DEFAULT;

    /// The most items of a chunk where [`chunk_time`](Self::chunk_time) sizes chunks and no
    /// [`chunk_size`](Self::chunk_size) is set.
    ///
    /// Sixteen times the default: beyond that a fetch's fixed cost no longer shows, unless it is a long
    /// way to the store.
    pub const MAX_TIMED_CHUNK_SIZE: usize = Limits::<S::Item>::MOST_TIMED;

    /// A walk over all of `source`, ascending and bounded.
    pub fn new(source: S) -> Self {
        Walk {
            source,
            limits: Limits::default(),
            bounds: None,
            order: None,
            live: false,
            cursor: None,
        }
    }

    /// How many items to fetch at a time; also how many are in memory at once. Beside
    /// [`chunk_bytes`](Self::chunk_bytes) and [`chunk_time`](Self::chunk_time) it is the most of a
    /// chunk: a chunk ends at whatever is reached first.
    ///
    /// Default: [`DEFAULT_CHUNK_SIZE`](Self::DEFAULT_CHUNK_SIZE). Smaller chunks see changes sooner
    /// and hold less memory where items are large; larger ones pay the cost of a fetch less often.
    /// What a walk yields doesn't depend on it. Nothing is allocated ahead of the items, so
    /// `usize::MAX` is fine, and fetches everything at once.
    ///
    /// # Panics
    ///
    /// If `items` is 0, as [`slice::chunks`] does.
    #[track_caller]
    pub fn chunk_size(mut self, items: usize) -> Self {
        assert!(items > 0, "the chunk size must not be 0");
        self.limits.items = Some(items);
        self
    }

    /// How many bytes of items to fetch at a time, as their [`Weigh`] tells them: for items of very
    /// different sizes. [`chunk_bytes_by`](Self::chunk_bytes_by) takes a function instead.
    ///
    /// Default: not limited. A chunk is full once its items weigh so much: with the one that reaches
    /// it, so at least one item comes, however large it is. [`chunk_size`](Self::chunk_size) holds too;
    /// raise it if small items are to come by many more than
    /// [`DEFAULT_CHUNK_SIZE`](Self::DEFAULT_CHUNK_SIZE). Fewer bytes hold less memory, and pay the cost
    /// of a fetch more often. Each item is weighed once. What a walk yields doesn't depend on it.
    ///
    /// # Memory
    ///
    /// The items that a walk holds, with what it keeps of earlier chunks to fill again, weigh less than
    /// `2 * bytes` and the heaviest item together; handed out [one by one](Self::items), less than
    /// `bytes` and that item. In memory come on top:
    ///
    /// - what items reserve beyond their weight: a `String` or `Vec` that is filled in place reserves
    ///   less than as much again;
    /// - the list that they stand in: less than three times `size_of::<S::Item>() + size_of::<usize>()`
    ///   for the most items that were in a chunk;
    /// - what the source holds during a fetch.
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
    /// [`chunk_size`](Self::chunk_size), or [`MAX_TIMED_CHUNK_SIZE`](Self::MAX_TIMED_CHUNK_SIZE) if that
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
    /// If `target` is zero. Without the feature `std` a [`clock`](Self::clock) is needed, or the walk
    /// panics when it is turned into its items or chunks.
    #[track_caller]
    pub fn chunk_time(mut self, target: Duration) -> Self {
        assert!(!target.is_zero(), "a chunk's time must not be 0");
        self.limits.target = Some(target);
        self
    }

    /// Tells the time to [`chunk_time`](Self::chunk_time) and
    /// [`Stats::time_in_store`](crate::Stats::time_in_store): what has passed since any fixed moment.
    ///
    /// Default: the system's monotonic clock, with the feature `std`; none without it. It is asked
    /// before and after each question to the store. One that goes back counts as standing still.
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

    /// Walks only the keys within `bounds`. Default: all keys.
    ///
    /// Bounds are in the store's order also when walking [`descending`](Self::descending). Inverted
    /// bounds hold nothing; they don't panic. A later call replaces an earlier one.
    pub fn range(mut self, bounds: impl RangeBounds<S::Key>) -> Self {
        self.bounds = Some(KeyRange::new(bounds, Order::Ascending));
        self
    }

    /// Walks from the largest key to the smallest: `order(Order::Descending)`.
    pub fn descending(self) -> Self {
        self.order(Order::Descending)
    }

    /// The direction of the walk. Default: [`Order::Ascending`].
    pub fn order(mut self, order: Order) -> Self {
        self.order = Some(order);
        self
    }

    /// Goes on for as long as there is more, also what is appended while walking. Default: off; a
    /// walk is *bounded*, it asks for the range's last key before the first item and stops there.
    ///
    /// A live walk saves that one query, and may never end while others append faster than it
    /// walks (G9). After its end its [`cursor`](Items::cursor) is good to look for more later.
    pub fn live(mut self) -> Self {
        self.live = true;
        self
    }

    /// Goes on from where `cursor` stands, over its range, in its order, to its bound (G10).
    ///
    /// Options that were set and contradict the cursor end the walk with
    /// [`Error::Cursor`](crate::Error::Cursor) at the first item; those that weren't set follow the
    /// cursor. The chunk size is free.
    pub fn resume(mut self, cursor: Cursor<S::Key>) -> Self {
        self.cursor = Some(cursor);
        self
    }

    /// Hands out the walk's items one by one; what a `for` loop does by itself. For the
    /// [cursor](Items::cursor) and the [stats](Items::stats) while it goes on.
    ///
    /// # Panics
    ///
    /// As [`chunks`](Self::chunks).
    pub fn items(self) -> Items<S> {
        Items::new(self.chunks())
    }

    /// Lends the walk's items a chunk at a time. The fastest way: a source can fill old items again
    /// in place.
    ///
    /// # Panics
    ///
    /// If there is a [`chunk_time`](Self::chunk_time) and no clock: without the feature `std`, where none
    /// was given.
    pub fn chunks(self) -> Chunks<S> {
        assert!(
            self.limits.target.is_none() || self.limits.clock.runs(),
            "a chunk's time needs a clock: `Walk::clock`, or the feature `std`"
        );
        let order = self.order.unwrap_or_default();
        let range = match &self.bounds {
            Some(bounds) => KeyRange::new(bounds.clone(), order),
            None => KeyRange::all(order),
        };
        let (state, mismatch) = match &self.cursor {
            Some(cursor) => {
                let mismatch = self.mismatch(cursor, &range);
                (State::resume(cursor.clone()), mismatch)
            }
            None if self.live => (State::live(range), None),
            None => (State::bounded(range), None),
        };
        Chunks::new(self.source, self.limits, state, mismatch)
    }

    /// The first option that was set and says something else than the cursor.
    fn mismatch(
        &self,
        cursor: &Cursor<S::Key>,
        range: &KeyRange<S::Key>,
    ) -> Option<CursorMismatch> {
        if self
            .order
            .is_some_and(|order| order != cursor.range.order())
        {
            Some(CursorMismatch::Order)
        } else if self.live && cursor.stage != Stage::Live {
            Some(CursorMismatch::Live)
        } else if self.bounds.is_some() && !range.may_enclose(&cursor.range) {
            Some(CursorMismatch::Range)
        } else {
            None
        }
    }
}

impl<S: ChunkSource> IntoIterator for Walk<S> {
    type Item = Result<S::Item, crate::Error<S::Error>>;
    type IntoIter = Items<S>;

    fn into_iter(self) -> Items<S> {
        self.items()
    }
}

/// Prints the options, and no keys.
impl<S: ChunkSource> fmt::Debug for Walk<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk")
            .field("chunk_size", &self.limits.chunk_size())
            .field("chunk_bytes", &self.limits.budget.map(Budget::bytes))
            .field("chunk_time", &self.limits.target)
            .field("order", &self.order.unwrap_or_default())
            .field("ranged", &self.bounds.is_some())
            .field("live", &self.live)
            .field("resumed", &self.cursor.is_some())
            .finish_non_exhaustive()
    }
}
