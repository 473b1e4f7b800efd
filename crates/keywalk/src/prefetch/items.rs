use core::fmt;
use core::iter::FusedIterator;

use super::feed::Feed;
use crate::{ChunkSource, Cursor, DurableSource, Error, SendSource, Stats, Token};

/// A walk that hands out its items one by one, and fetches the next ones meanwhile; what
/// [`Walk::prefetch`](crate::Walk::prefetch) turns into in a `for` loop.
///
/// It is [`Items`](crate::Items), but for what needs the source at once: that is in the thread, until
/// [`into_source`](Self::into_source) gives it back. After an error it yields `None` for ever, and its
/// [`cursor`](Self::cursor) stays at the last item handed out (G11, G12). If the source panics, `next`
/// does, behind the items that were fetched before; what follows is then likewise.
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct PrefetchedItems<S: ChunkSource> {
    feed: Feed<S>,
    /// How many items of the chunk were handed out; the others stand in it in reverse.
    taken: usize,
}

impl<S: ChunkSource> PrefetchedItems<S> {
    pub(super) fn new(feed: Feed<S>) -> Self {
        PrefetchedItems { feed, taken: 0 }
    }

    /// Where the walk stands: past the last item handed out, exactly, whatever is fetched ahead. O(1), and
    /// clones its keys.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use std::sync::{Arc, RwLock};
    /// use keywalk::Walk;
    /// use keywalk_memory::SharedMap;
    ///
    /// let map = BTreeMap::from([(1, "one"), (2, "two"), (3, "three")]);
    /// let map = SharedMap::new(Arc::new(RwLock::new(map)));
    /// let mut items = Walk::new(map.clone()).prefetch(1).items();
    /// assert_eq!(items.next(), Some(Ok((1, "one"))));
    ///
    /// let mut rest = Walk::new(map).resume(items.cursor()).items();
    /// assert_eq!(rest.next(), Some(Ok((2, "two"))));
    /// ```
    pub fn cursor(&self) -> Cursor<S::Key> {
        let last = self.taken.checked_sub(1);
        match last.and_then(|last| self.feed.buffer.keys.get(last)) {
            Some(key) if self.buffered() > 0 => self.feed.place.state.cursor_past(key.clone()),
            _ => self.feed.place.cursor(),
        }
    }

    /// What the walk did for the chunks of which items were handed out. What is fetched ahead doesn't
    /// count yet.
    pub fn stats(&self) -> Stats {
        self.feed.stats()
    }

    /// Ends the walk and gives the source back, once the fetch that runs has ended. Items that were
    /// fetched and not handed out are dropped.
    pub fn into_source(self) -> S {
        self.feed.into_source()
    }

    /// How many items of the chunk are still to be handed out.
    fn buffered(&self) -> usize {
        self.feed.buffer.chunk.len()
    }

    fn hand_out(&mut self) -> Option<S::Item> {
        if self.buffered() == 0 {
            return None;
        }
        let item = self.feed.buffer.chunk.pop()?;
        self.taken += 1;
        self.feed.handed_out += 1;
        Some(item)
    }
}

impl<S: SendSource> Iterator for PrefetchedItems<S> {
    type Item = Result<S::Item, Error<S::Error>>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(item) = self.hand_out() {
            return Some(Ok(item));
        }
        self.taken = 0;
        match self.feed.advance() {
            Ok(true) => self.hand_out().map(Ok),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// At least what is left of this chunk; exactly that, once the walk knows that nothing else comes.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let exact = self.feed.is_over().then_some(self.buffered());
        (self.buffered(), exact)
    }
}

impl<S: SendSource> FusedIterator for PrefetchedItems<S> {}

impl<S: ChunkSource> PrefetchedItems<S> {
    /// [`cursor`](Self::cursor), written down for another process. The source is needed for it: waits for
    /// the fetch that runs.
    ///
    /// # Errors
    ///
    /// The source's, if it can't say what it walks.
    pub fn token(&self) -> Result<Token, S::Error>
    where
        S: DurableSource,
    {
        let cursor = self.cursor();
        self.feed.with_source(|source| Token::new(&cursor, source))
    }
}

/// Prints counts, and no data.
impl<S: ChunkSource> fmt::Debug for PrefetchedItems<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrefetchedItems")
            .field("stats", &self.stats())
            .field("depth", &self.feed.depth())
            .field("buffered", &self.buffered())
            .finish_non_exhaustive()
    }
}
