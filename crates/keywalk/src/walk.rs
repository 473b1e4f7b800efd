use core::fmt;
use core::ops::RangeBounds;

use crate::chunk::budget::Budget;
use crate::cursor::Stage;
use crate::limits::Limits;
use crate::state::State;
use crate::{ChunkSource, Chunks, Cursor, CursorMismatch, Error, Items, KeyRange, Order};

/// A walk over a source, to be configured and then iterated: item by item, as it is an
/// [`IntoIterator`], or chunk by chunk with [`chunks`](Self::chunks).
///
/// It is no iterator itself: [`items`](Self::items) gives one, for `take`,
/// `filter` and the like.
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
    pub(crate) limits: Limits<S::Item>,
    /// The order in it isn't used: `order` is.
    bounds: Option<KeyRange<S::Key>>,
    order: Option<Order>,
    live: bool,
    cursor: Option<Cursor<S::Key>>,
}

impl<S: ChunkSource> Walk<S> {
    /// The chunk size of a walk that isn't given one, in items.
    ///
    /// On the plateau of what was measured (`pictures/README.md` of the repository; rows of 600 bytes in SQLite,
    /// lent chunks, beside one cursor): half again its time at 10 items and more, the same from 100 to 1,000, a
    /// quarter more at 10,000. Below 100 the fixed cost of a fetch (about 3 us) shows, above some thousands the
    /// chunk no longer fits the processor's cache. Of the plateau it is the smaller end: 1,000 rows are no
    /// faster and hold 0.3 MB more.
    pub const DEFAULT_CHUNK_SIZE: usize = Limits::<S::Item>::DEFAULT;

    /// The most items of a chunk where [`chunk_bytes`](Self::chunk_bytes) or
    /// [`chunk_time`](Self::chunk_time) sizes chunks and no [`chunk_size`](Self::chunk_size) is set.
    ///
    /// Sixteen times the default: beyond that a fetch's fixed cost no longer shows, unless it is a long
    /// way to the store.
    pub const MAX_CHUNK_SIZE: usize = Limits::<S::Item>::MOST;

    /// A walk over all of `source`, ascending and bounded. Allocates nothing, and asks the store nothing.
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

    /// How many items to fetch at a time; also how many are in memory at once (and `depth` times as many
    /// more if they are [prefetched](Self::prefetch)). Beside
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

    /// Walks only the keys within `bounds`. Default: all keys.
    ///
    /// Bounds are keys, of the source's own type: `"m".to_owned()..` where that is `String`. They are in the
    /// store's order also when walking [`descending`](Self::descending): the smaller one first. Inverted
    /// bounds hold nothing; they don't panic. A later call replaces an earlier one.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use keywalk::Walk;
    /// use keywalk_memory::Map;
    ///
    /// let ages = BTreeMap::from([("ada".to_owned(), 36), ("bob".to_owned(), 41), ("cy".to_owned(), 9)]);
    /// let mut some = Walk::new(Map::new(&ages)).range("b".to_owned()..).descending().items();
    /// assert_eq!(some.next().transpose()?, Some((&"cy".to_owned(), &9)));
    /// assert_eq!(some.next().transpose()?, Some((&"bob".to_owned(), &41)));
    /// assert_eq!(some.next().transpose()?, None);
    /// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
    /// ```
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
    /// walks (G9). After its end its [`cursor`](Items::cursor) is good to look for more later:
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use keywalk::Walk;
    /// use keywalk_memory::Map;
    ///
    /// let mut log = BTreeMap::from([(1, "started"), (2, "listening")]);
    /// let mut lines = Walk::new(Map::new(&log)).live().items();
    /// assert_eq!(lines.by_ref().count(), 2);
    /// let cursor = lines.cursor();
    ///
    /// log.insert(3, "stopped");
    /// let mut more = Walk::new(Map::new(&log)).resume(cursor).items();
    /// assert_eq!(more.next(), Some(Ok((&3, &"stopped"))));
    /// assert_eq!(more.next(), None);
    /// ```
    pub fn live(mut self) -> Self {
        self.live = true;
        self
    }

    /// Goes on from where `cursor` stands, over its range, in its order, to its bound (G10).
    ///
    /// Options that were set and contradict the cursor end the walk with
    /// [`Error::Cursor`](crate::Error::Cursor) at the first item, whichever was set first; those that
    /// weren't set follow the cursor. A [`range`](Self::range) has to be the one that the cursor's walk
    /// was given: a wider one would not be walked. The chunk size is free. [`Cursor`] shows it; from another
    /// process a walk goes on by a [token](Self::resume_token).
    pub fn resume(mut self, cursor: Cursor<S::Key>) -> Self {
        self.cursor = Some(cursor);
        self
    }

    /// Where the walk begins: its range, its order, and whether it is live. The store isn't asked.
    ///
    /// Two walks over one source that begin with equal cursors are the same walk.
    pub fn cursor(&self) -> Cursor<S::Key> {
        self.start().cursor()
    }

    /// The source that is to be walked.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// Hands out the walk's items one by one; what a `for` loop does by itself. For iterator adapters, and
    /// for the [cursor](Items::cursor) and the [stats](Items::stats) while it goes on.
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
    /// If there is a [`chunk_time`](Self::chunk_time) and no clock: without the feature `std` or in a browser,
    /// where none was given.
    pub fn chunks(self) -> Chunks<S> {
        assert!(
            self.limits.target.is_none() || self.limits.clock.runs(),
            "a chunk's time needs a clock: `Walk::clock`, or the feature `std`"
        );
        let state = self.start();
        let cursor = self.cursor.as_ref();
        let mismatch = cursor.and_then(|cursor| self.mismatch(cursor));
        Chunks::new(self.source, self.limits, state, mismatch)
    }

    fn range_of_options(&self) -> KeyRange<S::Key> {
        let order = self.order.unwrap_or_default();
        match &self.bounds {
            Some(bounds) => KeyRange::new(bounds.clone(), order),
            None => KeyRange::all(order),
        }
    }

    fn start(&self) -> State<S::Key> {
        match &self.cursor {
            Some(cursor) => State::resume(cursor.clone()),
            None if self.live => State::live(self.range_of_options()),
            None => State::bounded(self.range_of_options()),
        }
    }

    /// The first option that was set and says something else than the cursor.
    fn mismatch(&self, cursor: &Cursor<S::Key>) -> Option<CursorMismatch> {
        if self
            .order
            .is_some_and(|order| order != cursor.range.order())
        {
            Some(CursorMismatch::Order)
        } else if self.live && cursor.stage != Stage::Live {
            Some(CursorMismatch::Live)
        } else if self.bounds.is_some() && !self.has_range_of(cursor) {
            Some(CursorMismatch::Range)
        } else {
            None
        }
    }

    /// Whether the walk was given the range that the cursor's walk was given, as far as the cursor tells.
    fn has_range_of(&self, cursor: &Cursor<S::Key>) -> bool {
        let range = self.range_of_options();
        let is_same = cursor.given_range().is_none_or(|given| *given == range);
        // A cursor that was forged may go anywhere.
        is_same && range.may_enclose(&cursor.range)
    }
}

impl<S: ChunkSource> IntoIterator for Walk<S> {
    type Item = Result<S::Item, Error<S::Error>>;
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
