use core::fmt;
use core::ops::RangeBounds;
use core::time::Duration;

use crate::chunk::Budget;
use crate::chunk_sizer::ChunkSizer;
use crate::chunks::{Chunks, Clock, Inline};
use crate::cursor::{Cursor, Stage};
use crate::engine::{ChunkSizes, Engine};
use crate::error::{CursorMismatch, Error};
use crate::items::Items;
use crate::range::{KeyRange, Order};
use crate::resumable_source::ResumableSource;
use crate::source::{ChunkSource, Source};
use crate::token::Token;
use crate::weigh::ByteSize;

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
///
/// let map: BTreeMap<u32, char> = (1..).zip("keywalk".chars()).collect();
/// let mut word = String::new();
/// for item in Walk::new(&map).range(4..).chunk_size(2) {
///     let (_number, letter) = item?;
///     word.push(*letter);
/// }
/// assert_eq!(word, "walk");
/// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
/// ```
#[must_use = "a walk does nothing until it is iterated"]
pub struct Walk<S: Source> {
    source: S,
    /// The chunk size, if one was set.
    size: Option<usize>,
    budget: Option<Budget<S::Item>>,
    target: Option<Duration>,
    clock: Clock,
    /// The order in it isn't used: `order` is.
    bounds: Option<KeyRange<S::Key>>,
    order: Option<Order>,
    live: bool,
    cursor: Option<Cursor<S::Key>>,
}

impl<S: Source> Walk<S> {
    /// The chunk size of a walk that isn't given one, in items.
    ///
    /// Chosen by measurement (`pictures/README.md` of the repository; rows of 600 bytes in SQLite, lent chunks):
    /// throughput is flat from 100 to 1,000 items, and that of one cursor; 10 items take 50 % longer, 10,000 take
    /// 25 % longer. 1,000 items are no faster than 512 and hold 0.3 MB more.
    pub const DEFAULT_CHUNK_SIZE: usize = 512;

    /// The most items of a chunk where [`chunk_bytes`](Self::chunk_bytes) or
    /// [`target_fetch_time`](Self::target_fetch_time) sizes chunks and no [`chunk_size`](Self::chunk_size) is set.
    ///
    /// Sixteen times the default: beyond that a fetch's fixed cost no longer shows, unless it is a long
    /// way to the store.
    pub const MAX_CHUNK_SIZE: usize = 8_192;

    /// A walk over all of `source`, ascending and bounded. Allocates nothing, and asks the store nothing.
    pub fn new(source: S) -> Self {
        Walk {
            source,
            size: None,
            budget: None,
            target: None,
            clock: Clock::default(),
            bounds: None,
            order: None,
            live: false,
            cursor: None,
        }
    }

    /// How many items to fetch at a time; also how many are in memory at once (and `depth` times as many
    /// more if they are [prefetched](Self::prefetch)). Beside
    /// [`chunk_bytes`](Self::chunk_bytes) and [`target_fetch_time`](Self::target_fetch_time) it is the most of a
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
        self.size = Some(items);
        self
    }

    /// Caps the chunk size at `items`. For code that runs a walk configured elsewhere, such as a rate-limited job.
    ///
    /// # Panics
    ///
    /// If `items` is 0.
    #[track_caller]
    pub fn max_chunk_size(self, items: usize) -> Self {
        let size = self.most_items().min(items);
        self.chunk_size(size)
    }

    /// How many bytes of items to fetch at a time, as their [`ByteSize`] tells them: for items of very
    /// different sizes. [`chunk_bytes_with`](Self::chunk_bytes_with) takes a function instead.
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
    /// A walk that [prefetches](Self::prefetch) holds `depth + 1` times as much.
    ///
    /// To keep this bound, unusually large items are not reused: if the largest item of a
    /// [lent chunk](Self::chunks) exceeds about twice the mean size, some slots are reallocated. Items that the
    /// caller moves within a lent chunk, or makes larger, are counted as if unchanged.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use keywalk::{Walk, ByteSize};
    ///
    /// let mails = BTreeMap::from([(1, "x".repeat(900)), (2, "y".repeat(90)), (3, "z".repeat(9))]);
    /// let mut chunks = Walk::new(&mails).chunk_bytes(1_000).chunks();
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
        S::Item: ByteSize,
    {
        self.chunk_bytes_with(bytes, ByteSize::byte_size)
    }

    /// How many bytes of items to fetch at a time, as `weigh` tells them: for items without a
    /// [`ByteSize`], or where another measure is meant (the bytes of a request, say). All else is as with
    /// [`chunk_bytes`](Self::chunk_bytes); a later call of either replaces an earlier one.
    ///
    /// An item may weigh 0. For the promise about memory, `weigh` has to tell all that an item holds.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use keywalk::Walk;
    ///
    /// let jobs = BTreeMap::from([(1, "build"), (2, "test"), (3, "ship")]);
    /// let walk = Walk::new(&jobs).chunk_bytes_with(8, |(_, job)| job.len());
    /// let mut chunks = walk.chunks();
    /// assert_eq!(chunks.next()?.map(|jobs| jobs.len()), Some(2));
    /// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If `bytes` is 0.
    #[track_caller]
    pub fn chunk_bytes_with(mut self, bytes: usize, weigh: fn(&S::Item) -> usize) -> Self {
        self.budget = Some(Budget::new(bytes, weigh));
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
    ///
    /// let map: BTreeMap<u32, char> = (1..).zip("keywalk".chars()).collect();
    /// let walk = Walk::new(&map).target_fetch_time(Duration::from_millis(20));
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
    pub fn target_fetch_time(mut self, target: Duration) -> Self {
        assert!(!target.is_zero(), "a chunk's time must not be 0");
        self.target = Some(target);
        self
    }

    /// Tells the time to [`target_fetch_time`](Self::target_fetch_time) and
    /// [`Stats::time_in_store`](crate::Stats::time_in_store): what has passed since any fixed moment.
    ///
    /// Default: the system's monotonic clock, with the feature `std`; none without it, or in a browser. It
    /// is asked before and after each question to the store. One that goes back counts as standing still.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use std::time::{Duration, Instant};
    /// use keywalk::Walk;
    ///
    /// let map = BTreeMap::from([(1, "one"), (2, "two")]);
    /// let start = Instant::now();
    /// let items = Walk::new(&map).clock(move || start.elapsed()).items();
    /// assert_eq!(items.stats().time_in_store(), Duration::ZERO);
    /// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
    /// ```
    pub fn clock(mut self, now: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        self.clock = Clock::new(now);
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
    ///
    /// let ages = BTreeMap::from([("ada".to_owned(), 36), ("bob".to_owned(), 41), ("cy".to_owned(), 9)]);
    /// let mut some = Walk::new(&ages).range("b".to_owned()..).descending().items();
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
    /// An unbounded walk saves that one query, and may never end while others append faster than it
    /// walks (G9). After its end its [`cursor`](Items::cursor) is good to look for more later:
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use keywalk::Walk;
    ///
    /// let mut log = BTreeMap::from([(1, "started"), (2, "listening")]);
    /// let mut lines = Walk::new(&log).unbounded().items();
    /// assert_eq!(lines.by_ref().count(), 2);
    /// let cursor = lines.cursor();
    ///
    /// log.insert(3, "stopped");
    /// let mut more = Walk::new(&log).resume(cursor).items();
    /// assert_eq!(more.next(), Some(Ok((&3, &"stopped"))));
    /// assert_eq!(more.next(), None);
    /// ```
    pub fn unbounded(mut self) -> Self {
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

    /// Goes on from a cursor that was written down, by this process or another one, as
    /// [`resume`](Self::resume) does.
    ///
    /// In a function that returns the walk's error, `?` takes both what parsing the token fails with and this:
    ///
    /// ```
    /// use keywalk::{Error, ResumableSource, Walk};
    ///
    /// fn resumed<S: ResumableSource>(source: S, token: &str) -> Result<Walk<S>, Error<S::Error>> {
    ///     Walk::new(source).resume_token(&token.parse()?)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Token`] if the token is of another store, table, key or filter than this walk's source, or
    /// holds a key that isn't one of the source's; and [`Error::Source`] if the source can't say what it walks.
    pub fn resume_token(self, token: &Token) -> Result<Self, Error<S::Error>>
    where
        S: ResumableSource,
    {
        let cursor = token.cursor(self.source())?;
        Ok(self.resume(cursor))
    }

    /// Where the walk begins: its range, its order, and whether it is unbounded. The store isn't asked.
    ///
    /// Two walks over one source that begin with equal cursors are the same walk.
    pub fn cursor(&self) -> Cursor<S::Key> {
        match &self.cursor {
            Some(cursor) => cursor.clone(),
            None if self.live => Cursor::unbounded(self.range_of_options()),
            None => Cursor::bounded(self.range_of_options()),
        }
        .ended_if_empty()
    }

    /// The source that is to be walked.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// Yields the walk's items one by one; what a `for` loop does by itself. For iterator adapters, and
    /// for the [cursor](Items::cursor) and the [stats](Items::stats) while it goes on.
    ///
    /// # Panics
    ///
    /// As [`chunks`](Self::chunks).
    pub fn items(self) -> Items<S>
    where
        S: ChunkSource,
    {
        Items::new(self.chunks())
    }

    /// Lends the walk's items a chunk at a time. The fastest way: a source can fill old items again
    /// in place.
    ///
    /// # Panics
    ///
    /// If there is a [`target_fetch_time`](Self::target_fetch_time) and no clock: without the feature `std` or in a browser,
    /// where none was given.
    pub fn chunks(self) -> Chunks<S>
    where
        S: ChunkSource,
    {
        assert!(
            self.target.is_none() || self.clock.runs(),
            "a chunk's time needs a clock: `Walk::clock`, or the feature `std`"
        );
        let (source, engine, clock) = self.into_parts();
        Chunks::new(Inline {
            source,
            engine,
            clock,
        })
    }

    /// The source and the engine of the walk, for a driver of your own. The [`Engine`] shows one.
    ///
    /// The engine has all options but the [clock](Self::clock).
    pub fn into_engine(self) -> (S, Engine<S::Key, S::Item>) {
        let (source, engine, _clock) = self.into_parts();
        (source, engine)
    }

    fn into_parts(self) -> (S, Engine<S::Key, S::Item>, Clock) {
        let items = self.most_items();
        let sizes = ChunkSizes {
            items,
            budget: self.budget,
            sizer: self
                .target
                .map(|target| ChunkSizer::new(target, Self::DEFAULT_CHUNK_SIZE, items)),
        };
        let mismatch = self
            .cursor
            .as_ref()
            .and_then(|cursor| self.mismatch(cursor));
        let engine = Engine::new(self.cursor(), sizes, mismatch);
        (self.source, engine, self.clock)
    }

    /// Fetches the next chunks in a thread of its own, up to `depth` of them, while the caller works on
    /// this one. The last option: what it gives is then iterated, as a walk is.
    ///
    /// The source moves to that thread, so it has to own its connection or handle ([`SendSource`](crate::SendSource)),
    /// which can't be used meanwhile; afterwards [`Items::into_source`] gives it back. With a
    /// depth of 0 there is no thread, and each chunk is fetched when it is asked for.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use std::sync::LazyLock;
    /// use keywalk::Walk;
    ///
    /// static LETTERS: LazyLock<BTreeMap<u32, char>> =
    ///     LazyLock::new(|| (1..).zip("keywalk".chars()).collect());
    ///
    /// let mut word = String::new();
    /// for item in Walk::new(&*LETTERS).range(4..).chunk_size(2).prefetch(1) {
    ///     let (_number, letter) = item?;
    ///     word.push(*letter);
    /// }
    /// assert_eq!(word, "walk");
    /// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
    /// ```
    ///
    /// # What stays, and what is different
    ///
    /// Items, their order, errors and their place, cursors, tokens and [`Stats`](crate::Stats) are those
    /// of the same walk without prefetching, and so is every guarantee. But a chunk is fetched *before*
    /// it is asked for: what the caller changes while it works on one may or may not be seen in the
    /// `depth` chunks that follow, as with what others change (G7 speaks of changes between two
    /// fetches, and the caller no longer knows when that is).
    ///
    /// - Nothing is fetched, and no thread started, before the first item or chunk is asked for. At most
    ///   `depth + 1` chunks are in memory: the caller's, and those that are fetched or being fetched (G13).
    ///   They go round and are filled again in place. Of [`chunk_bytes`](Self::chunk_bytes) the promise
    ///   is then `depth + 1` times that of one chunk.
    /// - An error comes behind the chunks that were fetched before it, and so does a panic of the source,
    ///   which goes on in the caller. What the caller never comes to, it never sees.
    /// - Dropping the walk ends the thread, and waits for the fetch that it is at, if it is at one: then
    ///   nothing of the store is held. So don't drop it under a lock that a fetch needs.
    /// - If the system has no thread to give, the walk goes on without one, as with a depth of 0.
    ///
    /// # Cost
    ///
    /// A hand-over between two threads a chunk, and a thread a walk. Over SQLite with chunks of 512 and
    /// 1,000, on two cores that did little else, the wall time was 0.55 to 0.62 of that without prefetching
    /// where the caller takes as long over a chunk as its fetch does (half would be best), and 1.01 to 1.04
    /// where it does nothing (`keywalk-bench`, group `prefetch`). Two things gain little or lose: chunks that are
    /// small (of 100: 0.8 and 1.2 to 1.4), and items that own memory and are handed out
    /// [one by one](crate::Prefetch::items), which are freed in another thread than they were made in (0.88 to 1.0);
    /// take [chunks](crate::Prefetch::chunks) for these. A depth of 1 is enough where chunks take about the same time
    /// each; more evens out single ones that take long.
    #[cfg(feature = "std")]
    pub fn prefetch(self, depth: usize) -> crate::Prefetch<S>
    where
        S: crate::SendSource,
    {
        crate::Prefetch { walk: self, depth }
    }

    /// The most items of a chunk.
    fn most_items(&self) -> usize {
        self.size.unwrap_or(match (self.budget, self.target) {
            (None, None) => Self::DEFAULT_CHUNK_SIZE,
            _ => Self::MAX_CHUNK_SIZE,
        })
    }

    fn range_of_options(&self) -> KeyRange<S::Key> {
        let order = self.order.unwrap_or_default();
        match &self.bounds {
            Some(bounds) => KeyRange::new(bounds.clone(), order),
            None => KeyRange::all(order),
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
            Some(CursorMismatch::Unbounded)
        } else if self.bounds.is_some() && !self.has_range_of(cursor) {
            Some(CursorMismatch::Range)
        } else {
            None
        }
    }

    /// Whether the walk was given the range that the cursor's walk was given, as far as the cursor tells.
    fn has_range_of(&self, cursor: &Cursor<S::Key>) -> bool {
        let mut range = self.range_of_options();
        // Of which an order that wasn't set follows the cursor.
        if range.order() != cursor.range.order() {
            range = range.reversed();
        }
        let is_same = cursor.given_range().is_none_or(|given| *given == range);
        // A cursor that was forged may go anywhere.
        is_same && range.may_contain_range(&cursor.range)
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
impl<S: Source> fmt::Debug for Walk<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk")
            .field("chunk_size", &self.most_items())
            .field("chunk_bytes", &self.budget.map(Budget::bytes))
            .field("target_fetch_time", &self.target)
            .field("order", &self.order.unwrap_or_default())
            .field("ranged", &self.bounds.is_some())
            .field("live", &self.live)
            .field("resumed", &self.cursor.is_some())
            .finish_non_exhaustive()
    }
}
