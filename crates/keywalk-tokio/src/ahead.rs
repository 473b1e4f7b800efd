use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;

use keywalk::{
    AsyncChunkSource, AsyncChunks, Chunk, Cursor, Error, ResumableSource, Source, Stats, Token,
};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

/// Fetches the chunks of an asynchronous walk ahead, in a task of its own: up to `depth` chunks beside the one that you
/// work on. With a `depth` of 0, nothing is fetched ahead.
///
/// Use it if your work on a chunk takes about as long as a fetch, and the walk is to do both at the same time.
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::{Arc, RwLock};
///
/// use keywalk::Walk;
/// use keywalk_memory::SharedMap;
/// use keywalk_tokio::{Offload, ahead};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let map = Arc::new(RwLock::new((1..=1000).map(|n| (n, n * n)).collect::<BTreeMap<u32, u32>>()));
/// let walk = Walk::new(Offload::new(SharedMap::new(map))).chunk_size(100);
/// let mut chunks = ahead(walk.async_chunks(), 2);
/// while let Some(items) = chunks.next().await? {
///     println!("{} items", items.len());
/// }
/// assert_eq!(chunks.stats().items(), 1000);
/// # Ok(())
/// # }
/// ```
pub fn ahead<S>(chunks: AsyncChunks<S>, depth: usize) -> Ahead<S>
where
    S: AsyncChunkSource + 'static,
{
    Ahead {
        depth,
        cursor: chunks.cursor(),
        stats: chunks.stats(),
        // Allocates nothing. The fetch sets the limit.
        chunk: Some(Chunk::with_limit(1)),
        is_over: false,
        chunks: Arc::new(Mutex::new(chunks)),
        task: None,
    }
}

/// A walk whose chunks are fetched ahead; created by [`ahead`]. It lends the same chunks as [`AsyncChunks`], with the
/// same cursors, statistics, tokens and errors, in the same places.
///
/// The task starts with the first [`next`](Self::next), in the caller's runtime, and stops when this is dropped. The
/// futures of `next` can be dropped at any point: nothing is lost, and nothing is yielded twice.
///
/// Up to `depth + 1` chunks are in memory (G13). Their slots are reused.
#[must_use = "a walk does nothing until it is iterated"]
pub struct Ahead<S: Source> {
    depth: usize,
    /// Those of the last chunk that was received.
    cursor: Cursor<S::Key>,
    stats: Stats,
    /// The last lent chunk, at first an empty one. `None` from the next call on until another one arrives.
    chunk: Option<Chunk<S::Item>>,
    is_over: bool,
    /// Locked while the task makes a request.
    chunks: Arc<Mutex<AsyncChunks<S>>>,
    task: Option<Task<S>>,
}

/// The task that fetches.
struct Task<S: Source> {
    /// Used chunks, to be refilled.
    used: UnboundedSender<Chunk<S::Item>>,
    full: UnboundedReceiver<Full<S>>,
    /// Returns how the walk ended.
    handle: JoinHandle<Result<(), Error<S::Error>>>,
}

/// A fetched chunk, and the walk's position after it.
struct Full<S: Source> {
    chunk: Chunk<S::Item>,
    cursor: Cursor<S::Key>,
    stats: Stats,
}

impl<S: AsyncChunkSource + 'static> Ahead<S> {
    /// Lends the next chunk: at least one item, in key order. Returns `None` at the end or the
    /// [limit](keywalk::Walk::limit), and always after the end or an error (G12).
    ///
    /// # Errors
    ///
    /// See [`AsyncChunks::next`]. An error comes after the chunks that were fetched before it.
    ///
    /// # Panics
    ///
    /// If the source does; the walk then ends. Outside a tokio runtime, and after the runtime was shut down.
    pub async fn next(&mut self) -> Result<Option<&mut [S::Item]>, Error<S::Error>> {
        if self.is_over {
            return Ok(None);
        }
        let task = match &mut self.task {
            Some(task) => task,
            None => self.task.insert(Task::start(&self.chunks, self.depth)),
        };
        if let Some(used) = self.chunk.take() {
            // If the task has ended, it needs none.
            drop(task.used.send(used));
        }
        if let Some(full) = task.full.recv().await {
            self.cursor = full.cursor;
            self.stats = full.stats;
            return Ok(Some(self.chunk.insert(full.chunk).as_mut_slice()));
        }
        let ended = (&mut task.handle).await;
        self.is_over = true;
        let ended = ended.unwrap_or_else(|error| match error.is_panic() {
            true => resume_unwind(error.into_panic()),
            false => panic!("the runtime was shut down"),
        });
        // The task has ended, so this doesn't wait.
        let chunks = self.chunks.lock().await;
        self.cursor = chunks.cursor();
        self.stats = chunks.stats();
        ended.map(|()| None)
    }

    /// Returns a token of the [`cursor`](Self::cursor), for another process. The future first waits for the request
    /// that is being made ahead. To avoid that, create a [`Token`] from the cursor and another source over the same
    /// store.
    ///
    /// # Errors
    ///
    /// See [`Token::new`].
    pub fn token(
        &self,
    ) -> impl Future<Output = Result<Token, Error<S::Error>>> + Send + 'static + use<S>
    where
        S: ResumableSource,
    {
        let (cursor, chunks) = (self.cursor(), Arc::clone(&self.chunks));
        async move { Token::new(&cursor, chunks.lock().await.source()) }
    }
}

impl<S: Source> Ahead<S> {
    /// Returns the position after the last lent chunk, whatever was fetched ahead. O(1); clones keys.
    pub fn cursor(&self) -> Cursor<S::Key> {
        self.cursor.clone()
    }

    /// Returns the position after the item with this key, which must be in the last lent chunk. See
    /// [`Chunks::cursor_after`](keywalk::Chunks::cursor_after).
    pub fn cursor_after(&self, key: S::Key) -> Cursor<S::Key> {
        self.cursor().after(key)
    }

    /// Returns the items of the last lent chunk. Empty before the first chunk, after the end, and after an error, a
    /// panic or a dropped future.
    #[must_use]
    pub fn items(&self) -> &[S::Item] {
        self.chunk.as_ref().map_or(&[], Chunk::as_slice)
    }

    /// Returns what the walk did up to the last lent chunk.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }
}

impl<S: AsyncChunkSource + 'static> Task<S> {
    fn start(chunks: &Arc<Mutex<AsyncChunks<S>>>, depth: usize) -> Self {
        let (used, mut empty) = unbounded_channel();
        let (sender, full) = unbounded_channel();
        for _ in 0..depth {
            drop(used.send(Chunk::with_limit(1)));
        }
        let chunks = Arc::clone(chunks);
        let handle = tokio::spawn(async move {
            while let Some(mut chunk) = empty.recv().await {
                let mut chunks = chunks.lock().await;
                chunks.swap_chunk(&mut chunk);
                if chunks.next().await?.is_none() {
                    break;
                }
                chunks.swap_chunk(&mut chunk);
                let (cursor, stats) = (chunks.cursor(), chunks.stats());
                drop(sender.send(Full {
                    chunk,
                    cursor,
                    stats,
                }));
            }
            Ok(())
        });
        Task { used, full, handle }
    }
}

impl<S: Source> Drop for Task<S> {
    /// Drops a running fetch too.
    fn drop(&mut self) {
        self.handle.abort();
    }
}

/// Prints counts and no data.
impl<S: Source> fmt::Debug for Ahead<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ahead")
            .field("depth", &self.depth)
            .field("stats", &self.stats)
            .field("over", &self.is_over)
            .finish_non_exhaustive()
    }
}
