use alloc::vec::Vec;
use core::fmt;
use core::ops::{Bound, RangeBounds};
use core::time::Duration;

#[cfg(feature = "async")]
use crate::async_chunks::{self, AsyncChunks};
#[cfg(feature = "async")]
use crate::async_source::AsyncChunkSource;
use crate::chunk::Budget;
use crate::chunk_sizer::ChunkSizer;
use crate::chunks::{self, Chunks, Clock, Inline};
use crate::cursor::{Cursor, Stage};
use crate::engine::{ChunkSizes, Engine, Lag};
use crate::error::{CursorMismatch, Error};
use crate::items::Items;
use crate::page::{self, Page, Paging};
use crate::prefix::HasPrefix;
use crate::range::{KeyRange, Order};
use crate::resumable_source::ResumableSource;
use crate::source::{ChunkSource, Source};
#[cfg(feature = "async")]
use crate::split::AsyncSplitSource;
use crate::split::{self, SplitSource};
use crate::token::Token;
use crate::weigh::ByteSize;

/// A walk over a source. Set its options, then iterate it item by item (it is [`IntoIterator`]) or chunk by chunk with
/// [`chunks`](Self::chunks).
///
/// It is not an iterator itself. Call [`items`](Self::items) for `take`, `filter` and other adapters.
///
/// Configuring a walk is free: it makes no request before the first item. By default a walk covers every key,
/// in ascending order, in chunks of [`DEFAULT_CHUNK_SIZE`](Self::DEFAULT_CHUNK_SIZE) items, up to the key that
/// is the last when it starts.
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
    /// Its order is ignored; `order` holds it.
    bounds: Option<KeyRange<S::Key>>,
    order: Option<Order>,
    is_unbounded: bool,
    limit: Option<u64>,
    lag: Option<Lag<S::Key>>,
    cursor: Option<Cursor<S::Key>>,
}

impl<S: Source> Walk<S> {
    /// The default number of items per chunk.
    ///
    /// Chosen by measurement (`pictures/README.md` of the repository; rows of 600 bytes in SQLite, lent
    /// chunks). From 100 to 1,000 items per chunk, throughput is constant and equals that of a single cursor. With
    /// chunks of 10 items a walk takes 50 % longer, with 10,000 items 25 % longer. Chunks of 1,000 items are no
    /// faster than those of 512, and hold 0.3 MB more.
    pub const DEFAULT_CHUNK_SIZE: usize = 512;

    /// The maximum number of items per chunk if [`chunk_bytes`](Self::chunk_bytes) or
    /// [`target_fetch_time`](Self::target_fetch_time) sizes chunks and no [`chunk_size`](Self::chunk_size) is
    /// set.
    ///
    /// It is sixteen times the default. Even larger chunks would gain nothing, because the fixed cost of a fetch is
    /// already negligible. A distant store is an exception.
    pub const MAX_CHUNK_SIZE: usize = 8_192;

    /// Creates an ascending, bounded walk over all of `source`. Allocates nothing and makes no request.
    pub fn new(source: S) -> Self {
        Walk {
            source,
            size: None,
            budget: None,
            target: None,
            clock: Clock::default(),
            bounds: None,
            order: None,
            is_unbounded: false,
            limit: None,
            lag: None,
            cursor: None,
        }
    }

    /// Sets the maximum number of items per chunk. With [`chunk_bytes`](Self::chunk_bytes) or
    /// [`target_fetch_time`](Self::target_fetch_time) it remains the upper limit: a chunk ends at the limit
    /// that it reaches first.
    ///
    /// Default: [`DEFAULT_CHUNK_SIZE`](Self::DEFAULT_CHUNK_SIZE). Smaller chunks see changes sooner and hold
    /// less memory if items are large. Larger ones pay the cost of a fetch less often. The items that a walk
    /// yields don't depend on the chunk size.
    ///
    /// One chunk is in memory at a time; a [prefetched](Self::prefetch) walk holds `depth` more. Nothing is
    /// allocated before items arrive, so `usize::MAX` is allowed, and fetches everything at once.
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

    /// Limits a chunk to about `bytes` bytes of items, by their [`ByteSize`]. Use it if items differ much in
    /// size. [`chunk_bytes_with`](Self::chunk_bytes_with) takes a function instead.
    ///
    /// Default: no limit. A chunk is full once its items weigh at least `bytes`. The item that reaches the
    /// limit is included, so a chunk always has at least one item, however large. A chunk is also full at
    /// [`chunk_size`](Self::chunk_size) items, or at [`MAX_CHUNK_SIZE`](Self::MAX_CHUNK_SIZE) if that isn't
    /// set. A smaller limit uses less memory, but fetches more often. Each item is weighed once. The items that a
    /// walk yields don't depend on the limit.
    ///
    /// # Memory
    ///
    /// All items that a walk holds, including those of earlier chunks that it keeps for reuse, weigh at most
    /// `2 * bytes + heaviest item` in total. If the walk yields [single items](Self::items), they weigh less than
    /// `bytes + heaviest item`. Add to that:
    ///
    /// - unused capacity: a `String` or `Vec` that is refilled in place keeps its capacity. The unused part is at
    ///   most about the greatest length it ever had;
    /// - the list that holds the items: less than three times `size_of::<S::Item>() + size_of::<usize>()` per item
    ///   of the longest chunk;
    /// - what the source holds during a fetch.
    ///
    /// A walk that [prefetches](Self::prefetch) holds `depth + 1` times as much.
    ///
    /// To keep this bound, unusually large items are not reused: if the largest item of a
    /// [lent chunk](Self::chunks) exceeds about twice the mean size, some items are allocated again. Items that
    /// the caller moves within a lent chunk, or makes larger, are counted as if unchanged.
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

    /// Limits a chunk to about `bytes` bytes of items, as `weigh` measures them. Use it for items without a
    /// [`ByteSize`], or for another measure, such as the bytes of a request. Otherwise it works like
    /// [`chunk_bytes`](Self::chunk_bytes); a later call of either replaces an earlier one.
    ///
    /// An item may weigh 0. The memory bound holds only if `weigh` counts everything that an item holds.
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

    /// Sizes chunks so that a fetch takes about `target`, based on how long earlier fetches took.
    ///
    /// Default: chunks of a fixed size. Only the time in the store counts, not the caller's. The first fetch
    /// requests [`DEFAULT_CHUNK_SIZE`](Self::DEFAULT_CHUNK_SIZE) items. After a fetch that took longer than
    /// `target`, the size shrinks, at most by half. After a full chunk that took less, it grows, at most to
    /// double. It stays between 1 and [`chunk_size`](Self::chunk_size), or
    /// [`MAX_CHUNK_SIZE`](Self::MAX_CHUNK_SIZE) if that isn't set. The query for the last key doesn't count.
    ///
    /// With a short target, waiting writers get their turn sooner. A long one pays the cost of a fetch less
    /// often. A fetch is never interrupted, so it takes at least as long as a single item. The items that a
    /// walk yields don't depend on the target.
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
    /// If `target` is zero. Without the feature `std`, or in a browser, set a [`clock`](Self::clock); otherwise
    /// [`items`](Self::items) and [`chunks`](Self::chunks) panic.
    #[track_caller]
    pub fn target_fetch_time(mut self, target: Duration) -> Self {
        assert!(!target.is_zero(), "a chunk's time must not be 0");
        self.target = Some(target);
        self
    }

    /// Sets the clock for [`target_fetch_time`](Self::target_fetch_time) and
    /// [`Stats::time_in_store`](crate::Stats::time_in_store). `now` returns the time since any fixed moment.
    ///
    /// Default: with the feature `std`, the system's monotonic clock. Without `std`, and in a browser, there is no
    /// clock. The walk reads the clock before and after each request. If the clock goes back during a request, that
    /// request counts as having taken no time.
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
    /// Bounds are keys of the source's own type, e.g. `"m".to_owned()..` for `String` keys. The smaller bound
    /// comes first, also when walking [`descending`](Self::descending). Inverted bounds are an empty range;
    /// they don't panic. A later call replaces an earlier one.
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

    /// Walks only the keys that begin with `prefix`: texts or bytes that begin with it, or tuples whose first columns
    /// equal it. [`HasPrefix`] lists the types.
    ///
    /// It is short for a [`range`](Self::range). If you call both, or one of them twice, the last call counts. It
    /// combines with every other option, such as [`descending`](Self::descending). An empty text is a prefix of all. It
    /// costs nothing more than a range.
    ///
    /// The store must order keys as their type does: text by code points or bytes. Text under another collation has
    /// no prefixes.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use keywalk::Walk;
    ///
    /// let files = ["a/x", "b/x", "b/y", "c/x"].map(|path| (path.to_owned(), ()));
    /// let files = BTreeMap::from(files);
    /// assert_eq!(Walk::new(&files).prefix("b/").items().count(), 2);
    ///
    /// // The columns: tenant, day, name.
    /// let visits = [(4, 1, "ada"), (5, 1, "bob"), (5, 2, "cy"), (6, 1, "dee")];
    /// let visits = BTreeMap::from(visits.map(|(tenant, day, name)| ((tenant, day, name.to_owned()), ())));
    /// assert_eq!(Walk::new(&visits).prefix((5,)).items().count(), 2);
    /// assert_eq!(Walk::new(&visits).prefix((5, 2)).descending().items().count(), 1);
    /// ```
    pub fn prefix<P>(self, prefix: P) -> Self
    where
        S::Key: HasPrefix<P>,
    {
        self.range(S::Key::bounds_of(prefix))
    }

    /// Walks from the largest key to the smallest. Short for `order(Order::Descending)`.
    pub fn descending(self) -> Self {
        self.order(Order::Descending)
    }

    /// Sets the direction of the walk. Default: [`Order::Ascending`].
    pub fn order(mut self, order: Order) -> Self {
        self.order = Some(order);
        self
    }

    /// Makes the walk follow items that are appended while it runs. By default a walk is *bounded*: it queries
    /// the range's last key before the first item, and stops there.
    ///
    /// An unbounded walk saves that one request. It may never end if others append faster than it walks (G9).
    /// After its end, resume from its [`cursor`](Items::cursor) to find items that were appended later:
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
        self.is_unbounded = true;
        self
    }

    /// Ends a bounded walk before the key `end(last)`, where `last` is the last key when the walk begins. Default:
    /// the walk ends at the last key itself.
    ///
    /// Use it for increments over a store whose rows can commit late: a row may become visible after rows with later
    /// keys. A walk that has passed its key by then misses the row. So end the walk before the last key, by a lag that
    /// is longer than any transaction takes. The next walk, from [`extend_to`](Cursor::extend_to), visits the rows that
    /// were left out. The lag is in the key's own unit, such as seconds or numbers:
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use std::ops::Bound;
    /// use keywalk::Walk;
    ///
    /// let mut visits = BTreeMap::from([(9_000, "ada"), (9_100, "bob"), (9_700, "cy")]);
    /// let mut tonight = Walk::new(&visits).end_before(|last| last - 600).items();
    /// assert_eq!(tonight.by_ref().count(), 1);
    /// let done = tonight.cursor();
    ///
    /// visits.insert(9_050, "committed late");
    /// visits.insert(20_000, "dee");
    /// let tomorrow = Walk::new(&visits).resume(done.extend_to(Bound::Unbounded));
    /// assert_eq!(tomorrow.end_before(|last| last - 600).items().count(), 3);
    /// ```
    ///
    /// It costs one more query for the last key. `end` is called once, and never if the range is empty. If it returns a
    /// key past the end, the walk ends at the last key; if it returns one before the start, the walk is empty. A
    /// resumed walk that already knows its last key still ends there. An [unbounded](Self::unbounded) walk ignores this
    /// option, because it has no last key. In a descending walk `last` is the smallest key.
    pub fn end_before(mut self, end: impl Fn(&S::Key) -> S::Key + Send + Sync + 'static) -> Self {
        self.lag = Some(Lag::new(end));
        self
    }

    /// Ends the walk after `items` items. A fetch never requests more than what is left. Default: no limit.
    ///
    /// The walk then ends as an iterator's `take` does: its cursor isn't done, and resuming from it continues. If the
    /// limit is reached exactly at the last item of a bounded walk, the cursor is done. So [`is_done`](Cursor::is_done)
    /// shows whether the end was reached. The limit counts the items of this walk: a cursor or token doesn't record it,
    /// and a resumed walk needs a limit of its own. A limit of 0 makes no request.
    ///
    /// Unlike `take`, it also applies to [chunks](Self::chunks), to [prefetching](Self::prefetch), to an
    /// [engine](Self::into_engine) and to [`count`](Self::count). A bounded walk still queries its last key first;
    /// add [`unbounded`](Self::unbounded) to save that request.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use keywalk::Walk;
    ///
    /// let map: BTreeMap<u32, char> = (1..).zip("keywalk".chars()).collect();
    /// let mut items = Walk::new(&map).limit(3).items();
    /// assert_eq!(items.by_ref().count(), 3);
    /// assert!(!items.cursor().is_done());
    ///
    /// let mut rest = Walk::new(&map).resume(items.cursor()).limit(9).items();
    /// assert_eq!(rest.by_ref().count(), 4);
    /// assert!(rest.cursor().is_done());
    /// ```
    pub fn limit(mut self, items: u64) -> Self {
        self.limit = Some(items);
        self
    }

    /// Resumes from `cursor`: walks the rest of its range, in its order, up to its bound (G10).
    ///
    /// Options that you don't set follow the cursor. An option that contradicts the cursor, whether set before
    /// or after this call, ends the walk with [`Error::Cursor`](crate::Error::Cursor) at the first item. A
    /// [`range`](Self::range) must equal the range that the cursor's walk was given; resuming can't widen it. The
    /// chunk size may differ. [`Cursor`] has an example. In another process, resume from a [token](Self::resume_token).
    pub fn resume(mut self, cursor: Cursor<S::Key>) -> Self {
        self.cursor = Some(cursor);
        self
    }

    /// Resumes from a token of this process or another one, as [`resume`](Self::resume) does from a cursor.
    ///
    /// In a function that returns [`keywalk::Error`](crate::Error), `?` works on both `parse` and `resume_token`:
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
    /// [`Error::Token`] if the token's store, table, key or filter differs from that of this walk's source, or if
    /// a key in the token isn't one of the source's. [`Error::Source`] if the source can't compute its fingerprint.
    pub fn resume_token(self, token: &Token) -> Result<Self, Error<S::Error>>
    where
        S: ResumableSource,
    {
        let cursor = token.cursor(self.source())?;
        Ok(self.resume(cursor))
    }

    /// Returns where the walk begins: its range, its order, and whether it is unbounded. Makes no request.
    ///
    /// Two walks over one source are the same walk if they begin with equal cursors and neither has a
    /// [`limit`](Self::limit) or [`end_before`](Self::end_before).
    pub fn cursor(&self) -> Cursor<S::Key> {
        match &self.cursor {
            Some(cursor) => cursor.clone(),
            None if self.is_unbounded => Cursor::unbounded(self.range_of_options()),
            None => Cursor::bounded(self.range_of_options()),
        }
        .ended_if_empty()
    }

    /// Returns the [`cursor`](Self::cursor) as a token: the position where the walk begins. Makes no request for items.
    ///
    /// # Errors
    ///
    /// See [`Token::new`].
    pub fn token(&self) -> Result<Token, Error<S::Error>>
    where
        S: ResumableSource,
    {
        Token::new(&self.cursor(), &self.source)
    }

    /// Counts the walk's items without yielding them: those of its range and filter, from where it resumes, up to
    /// its [limit](Self::limit). The walk itself doesn't move. Use it for a dry run, or for the total of a
    /// progress bar or a job (`Job::total` of keywalk-job):
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use keywalk::Walk;
    ///
    /// let map: BTreeMap<u32, char> = (1..).zip("keywalk".chars()).collect();
    /// let mut walk = Walk::new(&map).range(4..);
    /// let total = walk.count()?;
    /// for (done, item) in (1..).zip(walk) {
    ///     println!("{:?}, {done} of {total}", item?);
    /// }
    /// # assert_eq!(total, 4);
    /// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
    /// ```
    ///
    /// # Cost
    ///
    /// One whole walk: it reads and decodes every item, and holds one chunk in memory. If the store can count by an
    /// index, as SQL's `count(*)` does, that is faster. The items may change before the walk itself runs. Counting
    /// an [unbounded](Self::unbounded) walk may never end if others append faster than it walks.
    ///
    /// # Errors
    ///
    /// See [`Chunks::next`].
    ///
    /// # Panics
    ///
    /// See [`chunks`](Self::chunks).
    pub fn count(&mut self) -> Result<u64, Error<S::Error>>
    where
        S: ChunkSource,
    {
        self.check_clock();
        let engine = self.engine();
        chunks::count(&mut self.source, engine, &self.clock)
    }

    /// Counts the items of an asynchronous source; see [`count`](Self::count).
    ///
    /// # Errors
    ///
    /// See [`Chunks::next`].
    ///
    /// # Panics
    ///
    /// See [`chunks`](Self::chunks).
    #[cfg(feature = "async")]
    pub async fn async_count(&mut self) -> Result<u64, Error<S::Error>>
    where
        S: AsyncChunkSource,
    {
        self.check_clock();
        let engine = self.engine();
        async_chunks::count(&mut self.source, engine, &self.clock).await
    }

    /// Splits the walk into at most `parts` ranges of about the same number of items, for several workers. The walk
    /// itself doesn't move.
    ///
    /// The ranges are in the walk's order, don't overlap, and together are the range that the walk would cover: from
    /// where it resumes, up to its last key if it is bounded. Each but the first begins at a key, and each but the last
    /// ends before the next one's first key. So walks over all parts yield what this walk would (G3), while others insert
    /// and delete. There are fewer parts if the range has fewer keys, and none if it is empty.
    ///
    /// Each part is [resumed](Self::resume) by [`Cursor::unbounded`], also in another process by its [`Token`]. It ends
    /// where its range does, so its walk needs no last key. Its cursor is never [done](Cursor::is_done): the part is
    /// done when its walk ends. [`Cursor::bounded`] is wrong here: that walk ends at the key that was the part's last
    /// one when it began, and misses what is inserted later between this key and the next part.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use std::thread;
    /// use keywalk::{Cursor, Walk};
    ///
    /// let map: BTreeMap<u32, u32> = (0..10_000).map(|n| (n, n % 7)).collect();
    /// let parts = Walk::new(&map).split(4)?;
    /// let sums = thread::scope(|scope| {
    ///     let workers = parts.into_iter().map(|part| {
    ///         let rest = Walk::new(&map).resume(Cursor::unbounded(part));
    ///         scope.spawn(move || rest.items().map(|item| item.map(|(_, n)| n)).sum::<Result<u32, _>>())
    ///     });
    ///     let workers: Vec<_> = workers.collect();
    ///     workers.into_iter().map(|worker| worker.join().unwrap()).sum::<Result<u32, _>>()
    /// })?;
    /// assert_eq!(sums, map.values().sum());
    /// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
    /// ```
    ///
    /// The parts are estimates: some may be several times as large as others. Split into about eight parts per worker,
    /// and let each worker take the next part when it is done. [`limit`](Self::limit) has no effect.
    ///
    /// # Cost
    ///
    /// The query for the last key, and the source's [`split_points`](SplitSource::split_points).
    ///
    /// # Errors
    ///
    /// See [`Chunks::next`].
    ///
    /// # Panics
    ///
    /// If `parts` is 0.
    #[track_caller]
    pub fn split(&mut self, parts: usize) -> Result<Vec<KeyRange<S::Key>>, Error<S::Error>>
    where
        S: SplitSource,
    {
        assert!(parts > 0, "a walk is split into at least one part");
        let engine = self.engine();
        let Some(range) = split::begin(&mut self.source, engine)? else {
            return Ok(Vec::new());
        };
        let points = match parts {
            1 => Vec::new(),
            _ => self
                .source
                .split_points(&range, parts)
                .map_err(Error::Source)?,
        };
        Ok(split::cut(range, points, parts))
    }

    /// Splits the walk of an asynchronous source; see [`split`](Self::split).
    ///
    /// # Errors
    ///
    /// See [`Chunks::next`].
    ///
    /// # Panics
    ///
    /// If `parts` is 0.
    #[cfg(feature = "async")]
    pub async fn async_split(
        &mut self,
        parts: usize,
    ) -> Result<Vec<KeyRange<S::Key>>, Error<S::Error>>
    where
        S: AsyncSplitSource,
    {
        assert!(parts > 0, "a walk is split into at least one part");
        let engine = self.engine();
        let Some(range) = split::async_begin(&mut self.source, engine).await? else {
            return Ok(Vec::new());
        };
        let points = match parts {
            1 => Vec::new(),
            _ => {
                let points = self.source.split_points(&range, parts).await;
                points.map_err(Error::Source)?
            }
        };
        Ok(split::cut(range, points, parts))
    }

    /// Returns a page of up to `items` items, with the tokens of the next and the previous page. For lists with links
    /// both ways, such as those of a web service.
    ///
    /// `at` is a token of an earlier page, or `None` for the first one; it replaces a cursor that the walk
    /// [resumes](Self::resume). The page's items are in the walk's
    /// [order](Self::order), in either direction: a previous page is fetched backward and then reversed. The walk's
    /// [`range`](Self::range) bounds all pages. Give it the same range and order each time; the number of items may
    /// differ.
    ///
    /// The links are exact. `next` is `Some` exactly if an item followed when the page was fetched, and `previous` if
    /// one preceded. Inserted and deleted items shift nothing: a page begins after the last item of the one before. If
    /// all items of a page were deleted, it is empty and still links back. Pages are [unbounded](Self::unbounded):
    /// they query no last key and show what is appended. Limits of [bytes](Self::chunk_bytes) or [time](
    /// Self::target_fetch_time) split a page into several fetches. [`limit`](Self::limit) and
    /// [`end_before`](Self::end_before) have no effect.
    ///
    /// ```
    /// use keywalk::{ChunkSource, Error, Page, ResumableSource, Walk};
    /// # use std::convert::Infallible;
    /// # use keywalk::{Chunk, Fetched, Fingerprint, KeyRange, Order, Source};
    /// # struct Squares;
    /// # impl Source for Squares {
    /// #     type Key = u32;
    /// #     type Item = (u32, u32);
    /// #     type Error = Infallible;
    /// # }
    /// # impl ChunkSource for Squares {
    /// #     fn fetch(&mut self, range: &KeyRange<u32>, chunk: &mut Chunk<(u32, u32)>)
    /// #         -> Result<Fetched<u32>, Infallible> {
    /// #         let mut numbers: Vec<u32> = (0..100).filter(|n| range.may_contain(n)).collect();
    /// #         if range.order() == Order::Descending { numbers.reverse(); }
    /// #         Ok(match chunk.fill_from(numbers.into_iter().map(|n| (n, n * n))) {
    /// #             true => Fetched::More,
    /// #             false => Fetched::End,
    /// #         })
    /// #     }
    /// # }
    /// # impl ResumableSource for Squares {
    /// #     fn fingerprint(&self) -> Result<Fingerprint, Infallible> {
    /// #         Ok(Fingerprint::new("squares").key("u32"))
    /// #     }
    /// #     fn encode_key(&self, key: &u32, bytes: &mut Vec<u8>) {
    /// #         bytes.extend_from_slice(&key.to_be_bytes());
    /// #     }
    /// #     fn decode_key(&self, bytes: &[u8]) -> Result<Option<u32>, Infallible> {
    /// #         Ok(bytes.try_into().ok().map(u32::from_be_bytes))
    /// #     }
    /// # }
    ///
    /// /// `link` is the parameter of the request, if it has one.
    /// fn list<S>(source: S, link: Option<&str>) -> Result<Page<S::Item>, Error<S::Error>>
    /// where
    ///     S: ChunkSource + ResumableSource,
    /// {
    ///     let at = link.map(str::parse).transpose()?;
    ///     Walk::new(source).page(10, at.as_ref())
    /// }
    ///
    /// let first = list(Squares, None)?;
    /// assert!(!first.has_previous());
    /// let link = first.next.map(|token| token.to_string());
    /// let second = list(Squares, link.as_deref())?;
    /// assert_eq!(second.items[0], (10, 100));
    ///
    /// let link = second.previous.map(|token| token.to_string());
    /// assert_eq!(list(Squares, link.as_deref())?.items, first.items);
    /// # Ok::<(), Error<Infallible>>(())
    /// ```
    ///
    /// # Jumping
    ///
    /// Any token of this source is a position, whether of a page or of a walk. If the walk has the token's order, the
    /// page begins there. To jump to a key, create a token from a cursor at that key. If the walk has the opposite
    /// order, the page ends at the key (or, with [`Cursor::after`], just before it):
    ///
    /// ```
    /// use keywalk::{ChunkSource, Error, Page, ResumableSource, Token, Walk};
    ///
    /// /// The page that begins at `key`, or at the next key.
    /// fn page_at<S>(source: S, key: S::Key) -> Result<Page<S::Item>, Error<S::Error>>
    /// where
    ///     S: ChunkSource + ResumableSource,
    /// {
    ///     let walk = Walk::new(source);
    ///     let at = Token::new(&walk.cursor().at(key), walk.source())?;
    ///     walk.page(10, Some(&at))
    /// }
    /// ```
    ///
    /// # Cost
    ///
    /// The first page costs one fetch of `items + 1` items. Any other page also fetches one item in the opposite order.
    /// If you set a [`chunk_size`](Self::chunk_size) below `items + 1`, the first fetch is split into several. Each
    /// link computes the source's fingerprint and encodes a few keys.
    ///
    /// # Errors
    ///
    /// Those of a walk, see [`Chunks::next`]; and those of reading `at`, see [`resume_token`](Self::resume_token). If
    /// the token lies outside the walk's range, or belongs to pages over another range, the error is
    /// [`CursorMismatch::Range`](crate::CursorMismatch::Range). Anyone can make a token for any key. If a range must
    /// not be left, set it here, or sign the tokens (`Token::sign`).
    ///
    /// # Panics
    ///
    /// See [`chunks`](Self::chunks).
    pub fn page(self, items: usize, at: Option<&Token>) -> Result<Page<S::Item>, Error<S::Error>>
    where
        S: ChunkSource + ResumableSource,
    {
        self.paging(items, at)?.fetch()
    }

    /// Returns a page over an asynchronous source; see [`page`](Self::page).
    ///
    /// ```
    /// use keywalk::{AsyncChunkSource, Error, Page, ResumableSource, Walk};
    ///
    /// /// `link` is the parameter of the request, if it has one.
    /// async fn list<S>(source: S, link: Option<&str>) -> Result<Page<S::Item>, Error<S::Error>>
    /// where
    ///     S: AsyncChunkSource + ResumableSource,
    /// {
    ///     let at = link.map(str::parse).transpose()?;
    ///     Walk::new(source).async_page(10, at.as_ref()).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// See [`page`](Self::page).
    ///
    /// # Panics
    ///
    /// See [`chunks`](Self::chunks).
    #[cfg(feature = "async")]
    pub async fn async_page(
        self,
        items: usize,
        at: Option<&Token>,
    ) -> Result<Page<S::Item>, Error<S::Error>>
    where
        S: AsyncChunkSource + ResumableSource,
    {
        self.paging(items, at)?.fetch_async().await
    }

    fn paging(mut self, items: usize, at: Option<&Token>) -> Result<Paging<S>, Error<S::Error>>
    where
        S: ResumableSource,
    {
        // Like other options, an order that isn't set follows the walk's cursor.
        let begin = self.cursor();
        let order = self.order.unwrap_or(begin.range.order());
        let at = match at {
            Some(token) => token.cursor(&self.source)?,
            None => begin,
        };
        let direction = at.range.order();
        let has_begun = at.stage != Stage::Start;
        let range = match (&self.bounds, &at.given) {
            (None, Some(given)) => given.clone(),
            (Some(bounds), _) => KeyRange::new(bounds.clone(), direction),
            (None, None) => {
                let mut all = KeyRange::all(direction);
                if !has_begun {
                    all.set_end(at.range.end().cloned());
                }
                all
            }
        };
        let is_same = match &at.given {
            Some(given) => *given == range,
            // A walk that hasn't begun records no start: its position is the start, or was moved from there.
            None => has_begun || at.range.end() == range.end(),
        };
        let is_within = at.range.start() == range.start()
            || match at.range.start() {
                Bound::Included(key) | Bound::Excluded(key) => range.may_contain(key),
                Bound::Unbounded => false,
            };
        if !is_same || !is_within {
            return Err(CursorMismatch::Range.into());
        }
        let ahead = page::cursor(&range, direction, at.range.start().cloned());
        if let (None, None, None) = (self.size, self.budget, self.target) {
            self.size = Some(items.saturating_add(1));
        }
        // The cursor replaces all options that concern the range.
        self = Walk {
            bounds: None,
            order: None,
            is_unbounded: false,
            limit: Some((items as u64).saturating_add(1)),
            cursor: Some(ahead.clone()),
            ..self
        };
        Ok(Paging {
            walk: self.inline(),
            ahead,
            behind: None,
            range,
            items,
            order,
            found: Vec::new(),
            has_more: false,
        })
    }

    /// Returns the source.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// Whether [`limit`](Self::limit) is set. For `keywalk-job`.
    #[doc(hidden)]
    pub fn has_limit(&self) -> bool {
        self.limit.is_some()
    }

    /// Yields the walk's items one by one, as a `for` loop does. Call it to use iterator adapters, or to read
    /// the [cursor](Items::cursor) and the [stats](Items::stats) while iterating.
    ///
    /// # Panics
    ///
    /// See [`chunks`](Self::chunks).
    pub fn items(self) -> Items<S>
    where
        S: ChunkSource,
    {
        Items::new(self.chunks())
    }

    /// Lends the walk's items one chunk at a time. This is the fastest way, because a source can refill old
    /// items in place.
    ///
    /// # Panics
    ///
    /// If a [`target_fetch_time`](Self::target_fetch_time) is set and there is no clock: without the feature
    /// `std` or in a browser, set a [`clock`](Self::clock).
    pub fn chunks(self) -> Chunks<S>
    where
        S: ChunkSource,
    {
        Chunks::new(self.inline())
    }

    /// Lends the items of an asynchronous source one chunk at a time, as [`chunks`](Self::chunks) does. Needs no
    /// runtime: the source does the waiting. [`AsyncChunks`] has an example.
    ///
    /// # Panics
    ///
    /// See [`chunks`](Self::chunks).
    #[cfg(feature = "async")]
    pub fn async_chunks(self) -> AsyncChunks<S>
    where
        S: AsyncChunkSource,
    {
        AsyncChunks::new(self.inline())
    }

    /// Returns the items of an asynchronous source as a `Stream`, as [`items`](Self::items) does as an iterator.
    /// Needs the feature `std`.
    ///
    /// # Panics
    ///
    /// See [`chunks`](Self::chunks).
    #[cfg(all(feature = "async", feature = "std"))]
    pub fn stream<'s>(self) -> crate::AsyncItems<'s, S>
    where
        S: AsyncChunkSource + 's,
    {
        crate::AsyncItems::new(self.inline())
    }

    fn inline(self) -> Inline<S> {
        self.check_clock();
        Inline {
            engine: self.engine(),
            source: self.source,
            clock: self.clock,
        }
    }

    fn check_clock(&self) {
        assert!(
            self.target.is_none() || self.clock.runs(),
            "a chunk's time needs a clock: `Walk::clock`, or the feature `std`"
        );
    }

    /// Returns the source and the engine of the walk, for a driver of your own. [`Engine`] has an example.
    ///
    /// The engine has all options except the [clock](Self::clock).
    pub fn into_engine(self) -> (S, Engine<S::Key, S::Item>) {
        let engine = self.engine();
        (self.source, engine)
    }

    fn engine(&self) -> Engine<S::Key, S::Item> {
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
        Engine::new(self.cursor(), sizes, self.limit, self.lag.clone(), mismatch)
    }

    /// Fetches up to `depth` chunks ahead, in a thread of its own, while the caller works on the current one.
    /// Set it last: it returns a [`Prefetch`](crate::Prefetch), which you iterate like a walk.
    ///
    /// The source moves to that thread, so it must own its connection or handle
    /// ([`SendSource`](crate::SendSource)). You can't use the source while the walk runs;
    /// [`Items::into_source`] returns it. With a depth of 0 there is no thread, and each chunk is fetched on
    /// demand.
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
    /// # What stays the same and what differs
    ///
    /// Every guarantee still holds. The items, their order, cursors, tokens and [`Stats`](crate::Stats) are the
    /// same. So are the errors, and each is returned at the same point. But a chunk is fetched *before* the
    /// caller requests it. Suppose that the caller changes the store while it works on a chunk. The next `depth`
    /// chunks may or may not show that change, as with changes by others. (G7 is about changes between two
    /// fetches, and the caller no longer knows when fetches happen.)
    ///
    /// - The first call for an item or chunk starts the thread; nothing is fetched before. The caller's chunk
    ///   and those that are fetched or being fetched are in memory: at most `depth + 1` (G13). They are reused
    ///   in place. The memory bound of [`chunk_bytes`](Self::chunk_bytes) is `depth + 1` times that of one chunk.
    /// - An error is returned after the chunks that were fetched before it. A panic of the source also reaches
    ///   the caller after those chunks. A caller that stops earlier sees neither.
    /// - Dropping the walk waits for a running fetch and ends the thread. After that nothing of the store is
    ///   held. So don't drop it while you hold a lock that a fetch needs.
    /// - If the system can't start a thread, the walk runs without one, as with a depth of 0.
    ///
    /// # Cost
    ///
    /// One handover between two threads per chunk, and one thread per walk. Measured over SQLite with chunks of
    /// 512 and 1,000 items, on two mostly idle cores (`keywalk-bench`, group `prefetch`), as wall time relative
    /// to no prefetching:
    ///
    /// - 0.55 to 0.62 if the caller works on a chunk as long as its fetch takes (0.5 is ideal); 1.01 to 1.04 if
    ///   the caller does nothing.
    /// - With small chunks of 100 items, 0.8 in the first case and 1.2 to 1.4 in the second.
    /// - 0.88 to 1.0 for [single items](crate::Prefetch::items) that own memory: one thread allocates them and
    ///   another frees them. Use [chunks](crate::Prefetch::chunks) for these.
    ///
    /// A depth of 1 is enough if all chunks take about the same time. A larger depth evens out single slow
    /// fetches.
    #[cfg(feature = "std")]
    pub fn prefetch(self, depth: usize) -> crate::Prefetch<S>
    where
        S: crate::SendSource,
    {
        crate::Prefetch { walk: self, depth }
    }

    /// The maximum number of items per chunk.
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

    /// Returns the first option that was set and contradicts the cursor.
    fn mismatch(&self, cursor: &Cursor<S::Key>) -> Option<CursorMismatch> {
        if self
            .order
            .is_some_and(|order| order != cursor.range.order())
        {
            Some(CursorMismatch::Order)
        } else if self.is_unbounded && cursor.stage != Stage::Unbounded {
            Some(CursorMismatch::Unbounded)
        } else if self.bounds.is_some() && !self.has_range_of(cursor) {
            Some(CursorMismatch::Range)
        } else {
            None
        }
    }

    /// Returns whether the options give the range that the cursor's walk was given. If the cursor doesn't record
    /// that range, the options' range need only contain the cursor's range.
    fn has_range_of(&self, cursor: &Cursor<S::Key>) -> bool {
        let mut range = self.range_of_options();
        // If no order was set, it follows the cursor's.
        if range.order() != cursor.range.order() {
            range = range.reversed();
        }
        let is_same = cursor.given_range().is_none_or(|given| *given == range);
        // A forged cursor may lie anywhere.
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
            .field("unbounded", &self.is_unbounded)
            .field("limit", &self.limit)
            .field("end_before", &self.lag.is_some())
            .field("resumed", &self.cursor.is_some())
            .finish_non_exhaustive()
    }
}
