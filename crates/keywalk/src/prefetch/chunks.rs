use core::fmt;

use super::feed::Feed;
use crate::{ChunkSource, Cursor, DurableSource, Error, SendSource, Stats, Token};

/// A walk that lends its items a chunk at a time, and fetches the next ones meanwhile; see
/// [`Walk::prefetch`](crate::Walk::prefetch).
///
/// It is [`Chunks`](crate::Chunks), but for what needs the source at once: that is in the thread, until
/// [`into_source`](Self::into_source) gives it back.
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::{Arc, RwLock};
/// use keywalk::Walk;
/// use keywalk_memory::SharedMap;
///
/// let map = BTreeMap::from([(1, "a"), (2, "b"), (3, "c")]);
/// let map = SharedMap::new(Arc::new(RwLock::new(map)));
/// let mut chunks = Walk::new(map).chunk_size(2).prefetch(1).chunks();
/// while let Some(items) = chunks.next()? {
///     println!("{} items, the first is {:?}", items.len(), items[0]);
/// }
/// assert_eq!(chunks.stats().items(), 3);
/// # Ok::<(), keywalk::Error<keywalk_memory::Poisoned>>(())
/// ```
#[must_use = "a walk does nothing until it is iterated"]
pub struct PrefetchedChunks<S: ChunkSource> {
    feed: Feed<S>,
}

impl<S: ChunkSource> PrefetchedChunks<S> {
    pub(super) fn new(feed: Feed<S>) -> Self {
        PrefetchedChunks { feed }
    }

    /// Where the walk stands: past the last chunk that was lent, whatever is fetched ahead. O(1), and
    /// clones its keys.
    pub fn cursor(&self) -> Cursor<S::Key> {
        self.feed.place.cursor()
    }

    /// Where the walk would stand past the item of this key, one of the last chunk that was lent: for a
    /// caller who stops in the middle of it. O(1), and clones the far bound.
    pub fn cursor_past(&self, key: S::Key) -> Cursor<S::Key> {
        self.feed.place.state.cursor_past(key)
    }

    /// What the walk did for the chunks that were lent. What is fetched ahead doesn't count yet.
    pub fn stats(&self) -> Stats {
        self.feed.stats()
    }

    /// Ends the walk and gives the source back, once the fetch that runs has ended. Chunks that were
    /// fetched and not lent are dropped.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use std::sync::{Arc, RwLock};
    /// use keywalk::Walk;
    /// use keywalk_memory::SharedMap;
    ///
    /// let map = BTreeMap::from([(1, "one"), (2, "two"), (3, "three")]);
    /// let map = SharedMap::new(Arc::new(RwLock::new(map)));
    /// let mut chunks = Walk::new(map).chunk_size(2).prefetch(1).chunks();
    /// chunks.next()?;
    ///
    /// let cursor = chunks.cursor();
    /// let rest = Walk::new(chunks.into_source()).resume(cursor);
    /// assert_eq!(rest.items().next(), Some(Ok((3, "three"))));
    /// # Ok::<(), keywalk::Error<keywalk_memory::Poisoned>>(())
    /// ```
    pub fn into_source(self) -> S {
        self.feed.into_source()
    }
}

impl<S: SendSource> PrefetchedChunks<S> {
    /// Lends the next chunk, and waits for it if it isn't fetched yet: at least one item, in key order.
    /// `None` at the end, and for ever after the end, an error or a panic (G12).
    ///
    /// The items may be changed or taken in place; the walk's position doesn't depend on them any
    /// more. What is left in the chunk is filled again, `depth` chunks later, so a source that refills
    /// allocates nothing once warm.
    ///
    /// # Errors
    ///
    /// As [`Chunks::next`](crate::Chunks::next), behind the chunks that were fetched before.
    ///
    /// # Panics
    ///
    /// If the source did, likewise. The walk has then ended, and its cursor stands past the last chunk
    /// that was lent.
    #[expect(
        clippy::should_implement_trait,
        reason = "an Iterator can't lend from itself"
    )]
    pub fn next(&mut self) -> Result<Option<&mut [S::Item]>, Error<S::Error>> {
        Ok(if self.feed.advance()? {
            let items = self.feed.buffer.chunk.as_mut_slice();
            self.feed.handed_out += items.len() as u64;
            Some(items)
        } else {
            None
        })
    }
}

impl<S: ChunkSource> PrefetchedChunks<S> {
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
impl<S: ChunkSource> fmt::Debug for PrefetchedChunks<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrefetchedChunks")
            .field("stats", &self.stats())
            .field("depth", &self.feed.depth())
            .field("fused", &self.feed.is_fused())
            .finish_non_exhaustive()
    }
}
