use core::fmt;

use crate::{ChunkSource, Error, Walk};

mod chunks;
mod feed;
mod items;
mod parcel;
mod relay;
mod send_source;
mod sync;
mod worker;

pub use chunks::PrefetchedChunks;
pub use items::PrefetchedItems;
pub use send_source::SendSource;

use feed::Feed;
use parcel::By;

/// Prefetching.
impl<S: ChunkSource> Walk<S> {
    /// Fetches the next chunks in a thread of its own, up to `depth` of them, while the caller works on
    /// this one. The last option: what it gives is then iterated, as a walk is.
    ///
    /// The source moves to that thread, so it has to own its connection or handle ([`SendSource`]),
    /// which can't be used meanwhile; afterwards [`PrefetchedItems::into_source`] gives it back. With a
    /// depth of 0 there is no thread, and each chunk is fetched when it is asked for.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use std::sync::{Arc, RwLock};
    /// use keywalk::Walk;
    /// use keywalk_memory::SharedMap;
    ///
    /// let map: BTreeMap<u32, char> = (1..).zip("keywalk".chars()).collect();
    /// let map = SharedMap::new(Arc::new(RwLock::new(map)));
    /// let mut word = String::new();
    /// for item in Walk::new(map).range(4..).chunk_size(2).prefetch(1) {
    ///     let (_number, letter) = item?;
    ///     word.push(letter);
    /// }
    /// assert_eq!(word, "walk");
    /// # Ok::<(), keywalk::Error<keywalk_memory::Poisoned>>(())
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
    ///   is then `depth + 1` times that of one chunk; item by item, the keys of these chunks' items come
    ///   on top.
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
    /// [one by one](Prefetch::items), which are freed in another thread than they were made in (0.88 to 1.0);
    /// take [chunks](Prefetch::chunks) for these. A depth of 1 is enough where chunks take about the same time
    /// each; more evens out single ones that take long.
    pub fn prefetch(self, depth: usize) -> Prefetch<S>
    where
        S: SendSource,
    {
        Prefetch { walk: self, depth }
    }
}

/// A walk whose chunks are fetched ahead, in a thread of its own; see [`Walk::prefetch`].
#[must_use = "a walk does nothing until it is iterated"]
pub struct Prefetch<S: ChunkSource> {
    walk: Walk<S>,
    depth: usize,
}

impl<S: SendSource> Prefetch<S> {
    /// Hands out the walk's items one by one; what a `for` loop does by itself. For the
    /// [cursor](PrefetchedItems::cursor) and the [stats](PrefetchedItems::stats) while it goes on.
    pub fn items(self) -> PrefetchedItems<S> {
        PrefetchedItems::new(Feed::new(self.walk.chunks(), self.depth, By::Items))
    }

    /// Lends the walk's items a chunk at a time. The fastest way: items are filled again in place, in the
    /// thread that made them.
    pub fn chunks(self) -> PrefetchedChunks<S> {
        PrefetchedChunks::new(Feed::new(self.walk.chunks(), self.depth, By::Chunks))
    }
}

impl<S: SendSource> IntoIterator for Prefetch<S> {
    type Item = Result<S::Item, Error<S::Error>>;
    type IntoIter = PrefetchedItems<S>;

    fn into_iter(self) -> PrefetchedItems<S> {
        self.items()
    }
}

/// Prints the options, and no keys.
impl<S: ChunkSource> fmt::Debug for Prefetch<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prefetch")
            .field("depth", &self.depth)
            .field("walk", &self.walk)
            .finish()
    }
}
