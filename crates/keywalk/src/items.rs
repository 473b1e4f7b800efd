use core::fmt;
use core::iter::FusedIterator;

use crate::chunks::{Chunks, Driver, Inline};
use crate::cursor::Cursor;
use crate::error::Error;
use crate::resumable_source::ResumableSource;
use crate::source::{ChunkSource, Keyed, Source};
use crate::stats::Stats;
use crate::token::Token;

/// An iterator over the items of a walk. A `for` loop over a [`Walk`](crate::Walk) creates one.
///
/// It yields [`Result`]s. After an error it always yields `None`, and its [`cursor`](Self::cursor) stays after
/// the last item yielded (G11, G12). Use `by_ref` to keep it, and read its cursor after a loop or an adapter:
///
/// ```
/// use std::collections::BTreeMap;
/// use keywalk::Walk;
///
/// let map: BTreeMap<u32, char> = (1..).zip("keywalk".chars()).collect();
/// let mut items = Walk::new(&map).items();
/// for item in items.by_ref().take(3) {
///     let (_number, letter) = item?;
///     print!("{letter}");
/// }
/// assert_eq!(items.stats().items(), 3);
///
/// // The same walk goes on, or another one from its cursor.
/// let rest = Walk::new(&map).resume(items.cursor());
/// assert_eq!(rest.items().count(), 4);
/// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
/// ```
///
/// `D` selects where chunks are fetched; see [`Chunks`].
///
/// # Panics
///
/// A panic of the source reaches the caller and doesn't move the walk. A caller that catches it can continue,
/// or resume from the cursor, and loses no item. A prefetched walk first yields the items that were
/// already fetched, then panics, and can't continue.
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Items<S: Source, D: Driver<S> = Inline<S>> {
    pub(crate) chunks: Chunks<S, D>,
    /// The number of items of the chunk that are still to be yielded. The chunk holds them in reverse.
    pub(crate) buffered: usize,
    /// The key of the last item that was yielded.
    last: Option<S::Key>,
    /// The cursor before the first item. It is the walk's position until that item is yielded. This matters if
    /// cloning the item's key panics. The chunk is then already fetched, but `last` is still `None`.
    start: Option<Cursor<S::Key>>,
}

impl<S: Source, D: Driver<S>> Items<S, D> {
    pub(crate) fn new(chunks: Chunks<S, D>) -> Self {
        Items {
            chunks,
            buffered: 0,
            last: None,
            start: None,
        }
    }

    /// Returns the position after the last item that was yielded. O(1); clones keys.
    pub fn cursor(&self) -> Cursor<S::Key> {
        match (&self.last, &self.start) {
            (Some(key), _) if self.buffered > 0 => self.chunks.cursor_after(key.clone()),
            (None, Some(start)) if self.buffered > 0 => start.clone(),
            _ => self.chunks.cursor(),
        }
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
        self.chunks.token_of(&self.cursor())
    }

    /// Returns what the walk did so far. Chunks that were fetched ahead don't count yet.
    pub fn stats(&self) -> Stats {
        let mut stats = self.chunks.stats();
        stats.items -= self.buffered as u64;
        stats
    }

    /// Ends the walk and returns the source. Waits for a running fetch, and drops items that were fetched and
    /// not yielded.
    pub fn into_source(self) -> S {
        self.chunks.into_source()
    }

    /// Takes the next buffered item.
    #[inline]
    fn pop(&mut self) -> Option<S::Item> {
        let chunk = self.chunks.driver.chunk();
        // The key is written before the item is removed. If that panics, the item isn't lost.
        let item = chunk.peek()?;
        match &mut self.last {
            Some(key) => S::key_into(item, key),
            none => *none = Some(item.key()),
        }
        let item = chunk.pop()?;
        self.buffered -= 1;
        Some(item)
    }

    /// Fetches the next chunk and takes its first item. Not inlined, so that it doesn't slow the path of every
    /// item.
    #[inline(never)]
    fn fetch(&mut self) -> Option<Result<S::Item, Error<S::Error>>> {
        if self.last.is_none() {
            self.start = Some(self.chunks.cursor());
        }
        match self.chunks.driver.advance() {
            Ok(true) => {
                self.buffered = self.chunks.driver.chunk().take_out();
                self.pop().map(Ok)
            }
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

impl<S: ChunkSource> Items<S> {
    /// Returns the source, to use the store (through its connection, say) while walking.
    pub fn source(&self) -> &S {
        self.chunks.source()
    }
}

impl<S: Source, D: Driver<S>> Iterator for Items<S, D> {
    type Item = Result<S::Item, Error<S::Error>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self.buffered {
            0 => self.fetch(),
            _ => self.pop().map(Ok),
        }
    }

    /// The lower bound is the number of buffered items. It is exact once the walk has nothing more to fetch.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let exact = self.chunks.driver.is_over().then_some(self.buffered);
        (self.buffered, exact)
    }
}

impl<S: Source, D: Driver<S>> FusedIterator for Items<S, D> {}

/// Prints counts and no data.
impl<S: Source, D: Driver<S>> fmt::Debug for Items<S, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("stats", &self.stats())
            .field("buffered", &self.buffered)
            .field("driver", &self.chunks.driver)
            .finish()
    }
}
