use alloc::boxed::Box;
use core::fmt;
use core::marker::PhantomData;
use core::panic::AssertUnwindSafe;
use core::time::Duration;

use crate::chunk::Chunk;
use crate::cursor::Cursor;
use crate::engine::{Engine, Request};
use crate::error::Error;
use crate::resumable_source::ResumableSource;
use crate::source::{ChunkSource, Source};
use crate::stats::Stats;
use crate::token::Token;

/// A walk that lends its items one chunk at a time; created by [`Walk::chunks`](crate::Walk::chunks). It is the
/// fastest way to walk: a source can refill old items in place.
///
/// A lent slice is valid only until the next call. [`Iterator`] can't express that, so this type isn't one: use
/// `while let`.
///
/// Between two calls of [`next`](Self::next) nothing of the store is held (G14). You can write to the store,
/// also through the same connection.
///
/// ```
/// use std::collections::BTreeMap;
/// use keywalk::Walk;
///
/// let map: BTreeMap<u32, &str> = [(1, "a"), (2, "b"), (3, "c")].into();
/// let mut chunks = Walk::new(&map).chunk_size(2).chunks();
/// while let Some(items) = chunks.next()? {
///     println!("{} items, the first is {:?}", items.len(), items[0]);
/// }
/// assert_eq!(chunks.stats().items(), 3);
/// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
/// ```
///
/// `D` selects where chunks are fetched: by the caller ([`Inline`], the default), or ahead in another thread
/// (`Prefetched`, by [`Walk::prefetch`](crate::Walk)).
#[must_use = "a walk does nothing until it is iterated"]
pub struct Chunks<S: Source, D: Driver<S> = Inline<S>> {
    pub(crate) driver: D,
    source: PhantomData<fn() -> S>,
}

/// Fetches the chunks of a walk: [`Inline`], or `Prefetched` in a thread of its own.
///
/// The trait is sealed. To write your own driver, use [`Engine`].
pub trait Driver<S: Source>: Drive<S> + fmt::Debug {}

pub(crate) mod sealed {
    use super::{Chunk, Cursor, Error, Source, Stats};

    #[expect(
        unnameable_types,
        reason = "a walk's own drivers implement it, and nobody else"
    )]
    pub trait Drive<S: Source> {
        /// Fetches until there are items, and puts them into the chunk. Returns `false` at the end.
        fn advance(&mut self) -> Result<bool, Error<S::Error>>;
        fn chunk(&mut self) -> &mut Chunk<S::Item>;
        /// The chunk's items, if the last call yielded them.
        fn items(&self) -> &[S::Item];
        fn cursor(&self) -> Cursor<S::Key>;
        /// Statistics up to and including the last chunk that the caller received.
        fn stats(&self) -> Stats;
        /// Whether `advance` is known to return only `Ok(false)` from now on.
        fn is_over(&self) -> bool;
        /// Reads the source between two fetches.
        fn with_source<R>(&self, read: impl FnOnce(&S) -> R) -> R;
        fn into_source(self) -> S;
    }
}

use sealed::Drive;

impl<S: Source, D: Driver<S>> Chunks<S, D> {
    pub(crate) fn new(driver: D) -> Self {
        Chunks {
            driver,
            source: PhantomData,
        }
    }

    /// Fetches and lends the next chunk: at least one item, in key order. Returns `None` at the end or the
    /// [limit](crate::Walk::limit), and always after the end or an error (G12).
    ///
    /// You may change the items or move them out; the walk's position no longer depends on them. If the source
    /// refills items, the next call reuses the memory of those that you left in the chunk, and the walk soon stops
    /// allocating.
    ///
    /// # Errors
    ///
    /// The source's error, once. [`Error::Contract`] if the source broke its contract. At the first call,
    /// [`Error::Cursor`] if the walk's options contradict its cursor. No item of a failed fetch is yielded
    /// (G11).
    ///
    /// # Panics
    ///
    /// If the source does. The walk doesn't move, and the next call requests the same chunk. A
    /// [prefetched](crate::Walk) walk ends instead.
    #[expect(
        clippy::should_implement_trait,
        reason = "an Iterator can't lend from itself"
    )]
    pub fn next(&mut self) -> Result<Option<&mut [S::Item]>, Error<S::Error>> {
        Ok(match self.driver.advance()? {
            true => Some(self.driver.chunk().as_mut_slice()),
            false => None,
        })
    }

    /// Returns the position after the last lent chunk. O(1); clones keys.
    pub fn cursor(&self) -> Cursor<S::Key> {
        self.driver.cursor()
    }

    /// Returns the position after the item with this key, which must be in the last lent chunk. Use it to stop
    /// in the middle of a chunk. O(1); clones the walk's bounds.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use keywalk::Walk;
    ///
    /// let map = BTreeMap::from([(1, "one"), (2, "two"), (3, "three")]);
    /// let mut chunks = Walk::new(&map).chunks();
    /// let done = chunks.next()?.map(|items| *items[0].0).unwrap_or_default();
    ///
    /// let rest = Walk::new(&map).resume(chunks.cursor_after(done));
    /// assert_eq!(rest.items().next(), Some(Ok((&2, &"two"))));
    /// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
    /// ```
    pub fn cursor_after(&self, key: S::Key) -> Cursor<S::Key> {
        self.driver.cursor().after(key)
    }

    /// Returns a token of the [`cursor`](Self::cursor), for another process. A prefetched walk first waits for
    /// the chunks that are being fetched ahead.
    ///
    /// # Errors
    ///
    /// See [`Token::new`].
    pub fn token(&self) -> Result<Token, Error<S::Error>>
    where
        S: ResumableSource,
    {
        self.token_of(&self.cursor())
    }

    pub(crate) fn token_of(&self, cursor: &Cursor<S::Key>) -> Result<Token, Error<S::Error>>
    where
        S: ResumableSource,
    {
        self.driver.with_source(|source| Token::new(cursor, source))
    }

    /// Returns the items of the last lent chunk. Empty before the first chunk, after the end, and after an
    /// error or a panic.
    pub fn items(&self) -> &[S::Item] {
        self.driver.items()
    }

    /// Returns what the walk did up to the last lent chunk.
    pub fn stats(&self) -> Stats {
        self.driver.stats()
    }

    /// Ends the walk and returns the source, after a running fetch has finished.
    pub fn into_source(self) -> S {
        self.driver.into_source()
    }
}

impl<S: ChunkSource> Chunks<S> {
    /// Makes one request to the store. [`next`](Self::next) makes requests until there are items.
    ///
    /// Use it if you hold a transaction or a lock during requests and want to release it between them, even if
    /// a filter matches nothing for long.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use keywalk::{Step, Walk};
    ///
    /// let map = BTreeMap::from([(1, "one"), (2, "two")]);
    /// let mut chunks = Walk::new(&map).chunks();
    /// loop {
    ///     match chunks.step()? {
    ///         Step::Items(items) => println!("{} items", items.len()),
    ///         Step::Progress => println!("none yet"),
    ///         Step::End => break,
    ///     }
    /// }
    /// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [`next`](Self::next).
    ///
    /// # Panics
    ///
    /// See [`next`](Self::next).
    pub fn step(&mut self) -> Result<Step<'_, S::Item>, Error<S::Error>> {
        Ok(match self.driver.step()? {
            Stepped::Items => Step::Items(self.driver.engine.items_mut()),
            Stepped::Progress => Step::Progress,
            Stepped::End => Step::End,
        })
    }

    /// Moves the walk to `cursor`, which must be one of this walk's. Use it to go back, for example after the
    /// work on a chunk was rolled back. The walk then continues from there, even if it had failed or ended. If the walk
    /// is limited, also restore its [limit](Self::set_limit).
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use keywalk::Walk;
    ///
    /// let map = BTreeMap::from([(1, "one"), (2, "two"), (3, "three")]);
    /// let mut chunks = Walk::new(&map).chunk_size(2).chunks();
    /// let start = chunks.cursor();
    /// chunks.next()?;
    /// chunks.seek(start);
    /// assert_eq!(chunks.next()?.map(|items| *items[0].0), Some(1));
    /// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
    /// ```
    pub fn seek(&mut self, cursor: Cursor<S::Key>) {
        self.driver.engine.seek(cursor);
    }

    /// Returns the number of items that may still be yielded; see [`Engine::limit`].
    #[must_use]
    pub fn limit(&self) -> Option<u64> {
        self.driver.engine.limit()
    }

    /// Sets the number of items that may still be yielded. [`seek`](Self::seek) doesn't change that number.
    /// [`Engine::set_limit`] has an example.
    pub fn set_limit(&mut self, items: Option<u64>) {
        self.driver.engine.set_limit(items);
    }

    /// Returns the maximum number of items per chunk.
    #[must_use]
    pub fn chunk_size(&self) -> usize {
        self.driver.engine.chunk_size()
    }

    /// Sets the maximum number of items per chunk, from the next request on; see [`Engine::set_chunk_size`].
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use keywalk::Walk;
    ///
    /// let map: BTreeMap<u32, u32> = (0..10).map(|n| (n, n)).collect();
    /// let mut chunks = Walk::new(&map).chunk_size(2).chunks();
    /// assert_eq!(chunks.next()?.map(|items| items.len()), Some(2));
    /// chunks.set_chunk_size(5);
    /// assert_eq!(chunks.next()?.map(|items| items.len()), Some(5));
    /// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If `items` is 0.
    #[track_caller]
    pub fn set_chunk_size(&mut self, items: usize) {
        self.driver.engine.set_chunk_size(items);
    }

    /// Returns the source, to use the store (through its connection, say) between two chunks.
    pub fn source(&self) -> &S {
        &self.driver.source
    }
}

/// The result of one request; see [`Chunks::step`].
#[derive(Debug, PartialEq)]
pub enum Step<'a, T> {
    /// A chunk: at least one item, in key order.
    Items(&'a mut [T]),
    /// The walk moved on without items: it queried the last key, or scanned a span without matches.
    Progress,
    /// The walk has ended, also by its [limit](Chunks::limit) or an earlier error. Every later step returns this,
    /// until a [`seek`](Chunks::seek) or, after the limit, a [`set_limit`](Chunks::set_limit).
    End,
}

/// Fetches each chunk on demand, in the caller's thread.
pub struct Inline<S: Source> {
    pub(crate) source: S,
    pub(crate) engine: Engine<S::Key, S::Item>,
    pub(crate) clock: Clock,
}

/// A [`Step`] whose items stay in the chunk.
pub(crate) enum Stepped {
    Items,
    Progress,
    End,
}

impl Stepped {
    /// Returns what a response led to.
    pub(crate) fn of<K: Clone + PartialOrd, T>(engine: &Engine<K, T>) -> Self {
        match engine.items().is_empty() {
            true => Stepped::Progress,
            false => Stepped::Items,
        }
    }
}

impl<S: ChunkSource> Inline<S> {
    fn step(&mut self) -> Result<Stepped, Error<S::Error>> {
        step(&mut self.source, &mut self.engine, &self.clock)
    }
}

/// Makes one request of the engine to the source.
fn step<S: ChunkSource>(
    source: &mut S,
    engine: &mut Engine<S::Key, S::Item>,
    clock: &Clock,
) -> Result<Stepped, Error<S::Error>> {
    match engine.request()? {
        Request::Done => return Ok(Stepped::End),
        Request::LastKey(range) => {
            let (answer, took) = clock.time(|| source.last_key(range));
            engine.last_key(answer, took)?;
        }
        Request::Fetch(range, chunk) => {
            let (answer, took) = clock.time(|| source.fetch(range, chunk));
            engine.fetched(answer, took)?;
        }
    }
    Ok(Stepped::of(engine))
}

/// Runs the engine to its end, and returns the number of items.
pub(crate) fn count<S: ChunkSource>(
    source: &mut S,
    mut engine: Engine<S::Key, S::Item>,
    clock: &Clock,
) -> Result<u64, Error<S::Error>> {
    while !matches!(step(source, &mut engine, clock)?, Stepped::End) {}
    Ok(engine.stats().items())
}

impl<S: ChunkSource> Driver<S> for Inline<S> {}

impl<S: ChunkSource> Drive<S> for Inline<S> {
    fn advance(&mut self) -> Result<bool, Error<S::Error>> {
        loop {
            match self.step()? {
                Stepped::Items => return Ok(true),
                Stepped::Progress => {}
                Stepped::End => return Ok(false),
            }
        }
    }

    #[inline]
    fn chunk(&mut self) -> &mut Chunk<S::Item> {
        self.engine.chunk()
    }

    fn items(&self) -> &[S::Item] {
        self.engine.items()
    }

    fn cursor(&self) -> Cursor<S::Key> {
        self.engine.cursor()
    }

    fn stats(&self) -> Stats {
        self.engine.stats()
    }

    fn is_over(&self) -> bool {
        self.engine.is_over()
    }

    fn with_source<R>(&self, read: impl FnOnce(&S) -> R) -> R {
        read(&self.source)
    }

    fn into_source(self) -> S {
        self.source
    }
}

/// Whether the standard library has a clock. In a browser its clock panics.
const HAS_SYSTEM_CLOCK: bool = cfg!(all(
    feature = "std",
    not(all(target_family = "wasm", target_os = "unknown"))
));

/// The walk's clock: a given one, or the system's.
#[derive(Default)]
pub(crate) struct Clock {
    /// `AssertUnwindSafe` is right, because a panic of the clock leaves the walk intact.
    given: Option<AssertUnwindSafe<Box<dyn Fn() -> Duration + Send + Sync>>>,
}

impl Clock {
    pub(crate) fn new(now: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Clock {
            given: Some(AssertUnwindSafe(Box::new(now))),
        }
    }

    /// Whether there is a clock.
    pub(crate) fn runs(&self) -> bool {
        HAS_SYSTEM_CLOCK || self.given.is_some()
    }

    /// Returns the call's result and its duration. The duration is zero if there is no clock or it went back.
    #[inline]
    fn time<R>(&self, call: impl FnOnce() -> R) -> (R, Duration) {
        let start = self.now();
        let returned = call();
        (returned, self.since(start))
    }

    #[inline]
    pub(crate) fn now(&self) -> Moment {
        match &self.given {
            Some(AssertUnwindSafe(now)) => Moment::Given(now()),
            #[cfg(feature = "std")]
            None if HAS_SYSTEM_CLOCK => Moment::System(std::time::Instant::now()),
            None => Moment::Unknown,
        }
    }

    /// Returns the time since then, or zero if there is no clock or it went back.
    #[inline]
    pub(crate) fn since(&self, start: Moment) -> Duration {
        match (start, &self.given) {
            (Moment::Given(start), Some(AssertUnwindSafe(now))) => now().saturating_sub(start),
            #[cfg(feature = "std")]
            (Moment::System(start), _) => start.elapsed(),
            _ => Duration::ZERO,
        }
    }
}

/// A moment by the walk's clock.
pub(crate) enum Moment {
    Given(Duration),
    #[cfg(feature = "std")]
    System(std::time::Instant),
    Unknown,
}

/// Prints counts and no data.
impl<S: Source, D: Driver<S>> fmt::Debug for Chunks<S, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunks")
            .field("stats", &self.stats())
            .field("over", &self.driver.is_over())
            .field("driver", &self.driver)
            .finish()
    }
}

impl<S: Source> fmt::Debug for Inline<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inline")
    }
}
