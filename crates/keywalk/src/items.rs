use core::fmt;
use core::iter::FusedIterator;

use crate::{ChunkSource, Chunks, Cursor, Error, Stats};

/// A walk that hands out its items one by one; what [`Walk`](crate::Walk) turns into in a `for`
/// loop.
///
/// Each is a [`Result`]. After an error it yields `None` for ever, and its [`cursor`](Self::cursor) stays
/// at the last item handed out (G11, G12). `by_ref` keeps it, to ask for that after a loop or an adapter:
///
/// ```
/// use std::collections::BTreeMap;
/// use keywalk::Walk;
/// use keywalk_memory::Map;
///
/// let map: BTreeMap<u32, char> = (1..).zip("keywalk".chars()).collect();
/// let mut items = Walk::new(Map::new(&map)).items();
/// for item in items.by_ref().take(3) {
///     let (_number, letter) = item?;
///     print!("{letter}");
/// }
/// assert_eq!(items.stats().items(), 3);
///
/// // The same walk goes on, or another one from its cursor.
/// let rest = Walk::new(Map::new(&map)).resume(items.cursor());
/// assert_eq!(rest.items().count(), 4);
/// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
/// ```
///
/// # Panics
///
/// If the source does, the panic goes on to the caller. The walk then stands where it stood: who catches the
/// panic may go on, or resume from the cursor, and no item is lost.
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Items<S: ChunkSource> {
    chunks: Chunks<S>,
    /// How many items of the chunk are still to be handed out; they stand in it in reverse.
    buffered: usize,
    /// The key of the last item handed out.
    handed_out: Option<S::Key>,
    /// Where the walk stood before its first item came.
    start: Option<Cursor<S::Key>>,
}

impl<S: ChunkSource> Items<S> {
    pub(crate) fn new(chunks: Chunks<S>) -> Self {
        Items {
            chunks,
            buffered: 0,
            handed_out: None,
            start: None,
        }
    }

    /// Where the walk stands: past the last item handed out, exactly. O(1), and clones its keys.
    pub fn cursor(&self) -> Cursor<S::Key> {
        match (&self.handed_out, &self.start) {
            (Some(key), _) if self.buffered > 0 => self.chunks.state().cursor_past(key.clone()),
            // The source panicked over the first item's key.
            (None, Some(start)) if self.buffered > 0 => start.clone(),
            _ => self.chunks.cursor(),
        }
    }

    /// What the walk did so far.
    pub fn stats(&self) -> Stats {
        let mut stats = self.chunks.stats();
        stats.items -= self.buffered as u64;
        stats
    }

    /// The source, to reach the store while walking (its connection, say).
    pub fn source(&self) -> &S {
        self.chunks.source()
    }

    /// Ends the walk and gives the source back. Items that were fetched and not handed out are
    /// dropped.
    pub fn into_source(self) -> S {
        self.chunks.into_source()
    }

    /// The next one of those that are buffered.
    #[inline]
    fn hand_out(&mut self) -> Option<S::Item> {
        // Before the item is taken out: if the source panics here, it isn't lost.
        let (source, item) = self.chunks.next_item()?;
        match &mut self.handed_out {
            Some(key) => source.key_into(item, key),
            none => *none = Some(source.key_of(item)),
        }
        let item = self.chunks.chunk().pop()?;
        self.buffered -= 1;
        Some(item)
    }

    /// The first item of the next chunk. Out of the way of what happens for each item.
    #[inline(never)]
    fn fetch(&mut self) -> Option<Result<S::Item, Error<S::Error>>> {
        if self.handed_out.is_none() {
            self.start = Some(self.chunks.cursor());
        }
        match self.chunks.advance() {
            Ok(true) => {
                let chunk = self.chunks.chunk();
                chunk.reverse();
                self.buffered = chunk.len();
                self.chunks.stats_mut().items += self.buffered as u64;
                self.hand_out().map(Ok)
            }
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

impl<S: ChunkSource> Iterator for Items<S> {
    type Item = Result<S::Item, Error<S::Error>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self.buffered {
            0 => self.fetch(),
            _ => self.hand_out().map(Ok),
        }
    }

    /// At least what is buffered; exactly that, once the walk knows that nothing else comes.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let exact = self.chunks.is_over().then_some(self.buffered);
        (self.buffered, exact)
    }
}

impl<S: ChunkSource> FusedIterator for Items<S> {}

/// Prints counts, and no data.
impl<S: ChunkSource> fmt::Debug for Items<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("stats", &self.stats())
            .field("buffered", &self.buffered)
            .finish_non_exhaustive()
    }
}
