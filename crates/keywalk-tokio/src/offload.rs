use std::fmt;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keywalk::{
    AsyncChunkSource, AsyncSplitSource, Chunk, Fetched, KeyRange, LastKey, SendSource, SplitSource,
    forward_source,
};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};

/// A blocking source (SQLite, redb, a map) as an asynchronous one. Each request runs on tokio's blocking pool, so it
/// doesn't hold up other tasks.
///
/// ```
/// use keywalk::Walk;
/// use keywalk_sqlite::Table;
/// use keywalk_tokio::Offload;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let db = rusqlite::Connection::open_in_memory()?;
/// db.execute_batch("CREATE TABLE items (id INTEGER PRIMARY KEY); INSERT INTO items VALUES (1), (2)")?;
/// let items = Offload::new(Table::new(db, "items").key::<i64>(["id"])?);
/// let mut chunks = Walk::new(items).async_chunks();
/// while let Some(rows) = chunks.next().await? {
///     println!("{} rows", rows.len());
/// }
/// # assert_eq!(chunks.stats().items(), 2);
/// # Ok(())
/// # }
/// ```
///
/// The source must be a [`SendSource`]: it owns its connection or handle.
///
/// # Dropped futures
///
/// A request that runs on a thread can't be interrupted. If its future is dropped, it still runs to its end, and its
/// result is discarded. The next request waits for that end without blocking. So at most one request runs at any time,
/// and nothing is lost or repeated.
///
/// # Tokens
///
/// Tokens are those of the source inside. The methods of [`ResumableSource`](keywalk::ResumableSource) need the source
/// on the calling thread. After a request was dropped, or while a stream fetches, they block that thread until the
/// request ends. At any other time they don't wait.
///
/// # Cost
///
/// One task on the pool per request, and a clone of its key range. The chunk moves to the pool and back, so a source
/// that refills items keeps their memory.
///
/// # Panics
///
/// A request panics outside a tokio runtime, after the runtime was shut down, and if the source does. After a panic of
/// the source, the same range can be fetched again.
#[must_use = "a source does nothing until it is walked"]
pub struct Offload<S> {
    /// Locked while a request runs.
    source: Arc<Mutex<S>>,
    /// The request that runs. Stays here if its future is dropped.
    running: Option<JoinHandle<()>>,
}

impl<S: SendSource> Offload<S> {
    /// Wraps `source`. Sends no request yet, and needs no runtime yet.
    pub fn new(source: S) -> Self {
        Offload {
            source: Arc::new(Mutex::new(source)),
            running: None,
        }
    }

    /// Returns the source, after a dropped request has ended.
    ///
    /// # Panics
    ///
    /// Never: nothing else refers to the source then.
    pub async fn into_inner(mut self) -> S {
        self.end_dropped().await;
        let source = Arc::into_inner(self.source).expect("no request runs that refers to it");
        source.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a request whose future was dropped. Its result, or its panic, no longer matters.
    async fn end_dropped(&mut self) {
        if let Some(running) = &mut self.running {
            drop(running.await);
        }
        self.running = None;
    }

    async fn run<R: Send + 'static>(
        &mut self,
        request: impl FnOnce(&mut S) -> R + Send + 'static,
    ) -> R {
        self.end_dropped().await;
        let source = Arc::clone(&self.source);
        let (sender, mut receiver) = oneshot::channel();
        let running = self.running.insert(spawn_blocking(move || {
            let answer = request(&mut lock(&source));
            // Nobody receives it if the future was dropped.
            drop(sender.send(answer));
        }));
        let ended = running.await;
        self.running = None;
        match ended {
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            _ => receiver.try_recv().expect("the runtime was shut down"),
        }
    }
}

/// A panic is the source's own. It leaves the source such that the range can be fetched again, so poisoning is ignored.
fn lock<S>(source: &Mutex<S>) -> MutexGuard<'_, S> {
    source.lock().unwrap_or_else(PoisonError::into_inner)
}

forward_source!([S: SendSource<Key: Sync>] Offload<S> => S, |offload| lock(&offload.source));

#[deny(clippy::missing_trait_methods)]
impl<S: SendSource<Key: Sync>> AsyncChunkSource for Offload<S> {
    async fn fetch(
        &mut self,
        range: &KeyRange<S::Key>,
        chunk: &mut Chunk<S::Item>,
    ) -> Result<Fetched<S::Key>, S::Error> {
        let (range, mut taken) = (range.clone(), chunk.take());
        let fetch = move |source: &mut S| (source.fetch(&range, &mut taken), taken);
        let (answer, filled) = self.run(fetch).await;
        *chunk = filled;
        answer
    }

    async fn last_key(&mut self, range: &KeyRange<S::Key>) -> Result<LastKey<S::Key>, S::Error> {
        let range = range.clone();
        self.run(move |source| source.last_key(&range)).await
    }
}

impl<S: SendSource<Key: Sync> + SplitSource> AsyncSplitSource for Offload<S> {
    async fn split_points(
        &mut self,
        range: &KeyRange<S::Key>,
        parts: usize,
    ) -> Result<Vec<S::Key>, S::Error> {
        let range = range.clone();
        self.run(move |source| source.split_points(&range, parts))
            .await
    }
}

/// Prints nothing of the source, which a request may be using.
impl<S> fmt::Debug for Offload<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offload")
            .field("running", &self.running.is_some())
            .finish_non_exhaustive()
    }
}
