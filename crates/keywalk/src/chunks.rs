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

/// A walk that lends its items a chunk at a time; see [`Walk::chunks`](crate::Walk::chunks).
///
/// A lent slice is valid only until the next call. [`Iterator`] can't express that, so this type isn't one: use
/// `while let`.
///
/// Between two calls of [`next`](Self::next) nothing of the store is held (G14): it can be written
/// to, also through the same connection.
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
/// `D` says where chunks are fetched: by the caller ([`Inline`]), or ahead in a thread of their own
/// (`Prefetched`, of [`Walk::prefetch`](crate::Walk)). `Chunks<S>` is the first.
#[must_use = "a walk does nothing until it is iterated"]
pub struct Chunks<S: Source, D: Driver<S> = Inline<S>> {
    pub(crate) driver: D,
    source: PhantomData<fn() -> S>,
}

/// Fetches the chunks of a walk: [`Inline`], or `Prefetched` in a thread of its own.
///
/// Sealed: [`Engine`] is for drivers of your own.
pub trait Driver<S: Source>: Drive<S> + fmt::Debug {}

pub(crate) mod sealed {
    use super::{Chunk, Cursor, Error, Source, Stats};

    #[expect(
        unnameable_types,
        reason = "a walk's own drivers implement it, and nobody else"
    )]
    pub trait Drive<S: Source> {
        /// Fetches until there are items, and puts them into the chunk. `false` at the end.
        fn advance(&mut self) -> Result<bool, Error<S::Error>>;
        fn chunk(&mut self) -> &mut Chunk<S::Item>;
        /// The chunk's items, if they were yielded by the last call.
        fn items(&self) -> &[S::Item];
        fn cursor(&self) -> Cursor<S::Key>;
        /// Of the chunks that came to the caller, the last one included.
        fn stats(&self) -> Stats;
        /// Whether it is known that `advance` will return neither `true` nor an error.
        fn is_over(&self) -> bool;
        /// Reads the source, between two fetches.
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

    /// Fetches and lends the next chunk: at least one item, in key order. `None` at the end, and
    /// for ever after the end or an error (G12).
    ///
    /// The items may be changed or taken in place; the walk's position doesn't depend on them any
    /// more. What is left in the chunk is filled again by a later call, so a source that refills
    /// allocates nothing once warm.
    ///
    /// # Errors
    ///
    /// The source's error, once; [`Error::Contract`] if the source broke its contract; and, at the
    /// first call, [`Error::Cursor`] if the walk's options contradict its cursor. No item of that
    /// fetch is yielded (G11).
    ///
    /// # Panics
    ///
    /// If the source does. The walk then stands where it stood: the next call requests the same chunk. A
    /// [prefetched](crate::Walk) walk has ended.
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

    /// Where the walk stands: past the last chunk that was lent. O(1), and clones its keys.
    pub fn cursor(&self) -> Cursor<S::Key> {
        self.driver.cursor()
    }

    /// Where the walk would stand past the item of this key, one of the last chunk that was lent: for a
    /// caller who stops in the middle of it. O(1), and clones the walk's bounds.
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

    /// [`cursor`](Self::cursor), written down for another process. A prefetched walk waits for the chunks that are
    /// being fetched ahead.
    ///
    /// # Errors
    ///
    /// As [`Token::new`].
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

    /// The items of the chunk that was lent last; none before the first, after the end, and after an error or a
    /// panic.
    pub fn items(&self) -> &[S::Item] {
        self.driver.items()
    }

    /// What the walk did for the chunks that were lent.
    pub fn stats(&self) -> Stats {
        self.driver.stats()
    }

    /// Ends the walk and gives the source back, once a fetch that runs has ended.
    pub fn into_source(self) -> S {
        self.driver.into_source()
    }
}

impl<S: ChunkSource> Chunks<S> {
    /// Puts one request to the store, where [`next`](Self::next) does so until there are items: for a
    /// caller who holds something meanwhile, a transaction or a lock, and wants to let go of it between
    /// two requests also where a filter matches nothing for long.
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
    /// As [`next`](Self::next).
    ///
    /// # Panics
    ///
    /// As [`next`](Self::next).
    pub fn step(&mut self) -> Result<Step<'_, S::Item>, Error<S::Error>> {
        Ok(match self.driver.step()? {
            Stepped::Items => Step::Items(self.driver.engine.items_mut()),
            Stepped::Progress => Step::Progress,
            Stepped::End => Step::End,
        })
    }

    /// Goes on from `cursor`, one of this walk's: back to where it was, say, where what was done with a
    /// chunk was undone. Also after an error or the end, which are then forgotten.
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

    /// The source, to reach the store between two chunks (its connection, say).
    pub fn source(&self) -> &S {
        &self.driver.source
    }
}

/// What came of one request; see [`Chunks::step`].
#[derive(Debug, PartialEq)]
pub enum Step<'a, T> {
    /// A chunk: at least one item, in key order.
    Items(&'a mut [T]),
    /// The walk got further, and no item came: it asked for the last key, or scanned a stretch that
    /// holds nothing.
    Progress,
    /// The end; also after an error. It stays so, but for a [`seek`](Chunks::seek).
    End,
}

/// Fetches each chunk when it is asked for, by the caller's own thread.
pub struct Inline<S: Source> {
    pub(crate) source: S,
    pub(crate) engine: Engine<S::Key, S::Item>,
    pub(crate) clock: Clock,
}

/// As a [`Step`], while the chunk keeps its items.
enum Stepped {
    Items,
    Progress,
    End,
}

impl<S: ChunkSource> Inline<S> {
    fn step(&mut self) -> Result<Stepped, Error<S::Error>> {
        let source = &mut self.source;
        match self.engine.request()? {
            Request::Done => return Ok(Stepped::End),
            Request::LastKey(range) => {
                let (answer, took) = self.clock.time(|| source.last_key(range));
                self.engine.last_key(answer, took)?;
            }
            Request::Fetch(range, chunk) => {
                let (answer, took) = self.clock.time(|| source.fetch(range, chunk));
                self.engine.fetched(answer, took)?;
            }
        }
        Ok(match self.engine.items().is_empty() {
            true => Stepped::Progress,
            false => Stepped::Items,
        })
    }
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

/// Whether the standard library tells the time. In a browser it panics instead.
const HAS_SYSTEM_CLOCK: bool = cfg!(all(
    feature = "std",
    not(all(target_family = "wasm", target_os = "unknown"))
));

/// Tells the time: as the walk was told to, or by the system.
#[derive(Default)]
pub(crate) struct Clock {
    /// Nothing of a walk is broken where it panics.
    given: Option<AssertUnwindSafe<Box<dyn Fn() -> Duration + Send + Sync>>>,
}

impl Clock {
    pub(crate) fn new(now: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Clock {
            given: Some(AssertUnwindSafe(Box::new(now))),
        }
    }

    /// Whether there is a time to tell.
    pub(crate) fn runs(&self) -> bool {
        HAS_SYSTEM_CLOCK || self.given.is_some()
    }

    /// What the call returns, and how long it took; no time at all if that can't be told, or the clock
    /// was set back.
    fn time<R>(&self, call: impl FnOnce() -> R) -> (R, Duration) {
        if let Some(AssertUnwindSafe(now)) = &self.given {
            let start = now();
            let returned = call();
            return (returned, now().saturating_sub(start));
        }
        #[cfg(feature = "std")]
        if HAS_SYSTEM_CLOCK {
            let start = std::time::Instant::now();
            let returned = call();
            return (returned, start.elapsed());
        }
        (call(), Duration::ZERO)
    }
}

/// Prints counts, and no data.
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
