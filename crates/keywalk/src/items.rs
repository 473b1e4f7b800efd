use core::fmt;
use core::iter::FusedIterator;

use crate::chunks::{Chunks, Driver, Inline};
use crate::cursor::Cursor;
use crate::error::Error;
use crate::resumable_source::ResumableSource;
use crate::source::{ChunkSource, Keyed, Source};
use crate::stats::Stats;
use crate::token::Token;

/// A walk that yields its items one by one; what [`Walk`](crate::Walk) turns into in a `for`
/// loop.
///
/// Each is a [`Result`]. After an error it yields `None` for ever, and its [`cursor`](Self::cursor) stays
/// at the last item yielded (G11, G12). `by_ref` keeps it, to ask for that after a loop or an adapter:
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
/// `D` says where chunks are fetched; see [`Chunks`].
///
/// # Panics
///
/// If the source does, the panic goes on to the caller. The walk then stands where it stood: a caller that catches
/// the panic may go on, or resume from the cursor, and no item is lost. A prefetched walk panics behind the items that
/// were fetched before, and has then ended.
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Items<S: Source, D: Driver<S> = Inline<S>> {
    chunks: Chunks<S, D>,
    /// How many items of the chunk are still to be yielded; they stand in it in reverse.
    buffered: usize,
    /// The key of the last item yielded.
    last: Option<S::Key>,
    /// Where the walk stood before its first item, until that is yielded: cloning a key may panic.
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

    /// Where the walk stands: past the last item yielded, exactly. O(1), and clones its keys.
    pub fn cursor(&self) -> Cursor<S::Key> {
        match (&self.last, &self.start) {
            (Some(key), _) if self.buffered > 0 => self.chunks.cursor_after(key.clone()),
            (None, Some(start)) if self.buffered > 0 => start.clone(),
            _ => self.chunks.cursor(),
        }
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
        self.chunks.token_of(&self.cursor())
    }

    /// What the walk did so far. What is fetched ahead doesn't count yet.
    pub fn stats(&self) -> Stats {
        let mut stats = self.chunks.stats();
        stats.items -= self.buffered as u64;
        stats
    }

    /// Ends the walk and gives the source back, once a fetch that runs has ended. Items that were
    /// fetched and not yielded are dropped.
    pub fn into_source(self) -> S {
        self.chunks.into_source()
    }

    /// The next one of those that are buffered.
    #[inline]
    fn pop(&mut self) -> Option<S::Item> {
        let chunk = self.chunks.driver.chunk();
        // Before the item is taken out: if its key panics here, it isn't lost.
        let item = chunk.peek()?;
        match &mut self.last {
            Some(key) => S::key_into(item, key),
            none => *none = Some(item.key()),
        }
        let item = chunk.pop()?;
        self.buffered -= 1;
        Some(item)
    }

    /// The first item of the next chunk. Out of the way of what happens for each item.
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
    /// The source, to reach the store while walking (its connection, say).
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

    /// At least what is buffered; exactly that, once the walk knows that nothing else comes.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let exact = self.chunks.driver.is_over().then_some(self.buffered);
        (self.buffered, exact)
    }
}

impl<S: Source, D: Driver<S>> FusedIterator for Items<S, D> {}

/// Prints counts, and no data.
impl<S: Source, D: Driver<S>> fmt::Debug for Items<S, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("stats", &self.stats())
            .field("buffered", &self.buffered)
            .field("driver", &self.chunks.driver)
            .finish()
    }
}
