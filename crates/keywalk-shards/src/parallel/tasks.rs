//! The driver of tokio's tasks.

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use keywalk::{AsyncChunkSource, AsyncSplitSource, Error, Request, Source, Walk};
use tokio::task::JoinHandle;

use super::book::{Mode, Party, Received};
use super::worker::PartWalk;
use super::{Duty, EndOfRun, PARTS_PER_WORKER, Parallel, Shelf, Worker, outcome};

impl<K: Clone + PartialOrd> Parallel<K> {
    /// Splits the walk of an asynchronous source into eight parts per worker; see [`split`](Self::split).
    ///
    /// # Errors
    ///
    /// See [`Walk::split`].
    ///
    /// # Panics
    ///
    /// If `workers` is 0.
    pub async fn async_split<S>(mut walk: Walk<S>, workers: usize) -> Result<Self, Error<S::Error>>
    where
        S: AsyncSplitSource<Key = K>,
    {
        let parts = workers.saturating_mul(PARTS_PER_WORKER);
        let parts = walk.async_split(parts).await?;
        Ok(Self::new(parts).workers(workers))
    }
}

impl<K: Clone + PartialOrd + Send + 'static> Parallel<K> {
    /// Runs the workers as tasks, see [`run`](Self::run). A worker loops over its [chunks](Worker::async_chunks).
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use std::sync::{Arc, RwLock};
    ///
    /// use keywalk::Walk;
    /// use keywalk_memory::SharedMap;
    /// use keywalk_shards::Parallel;
    /// use keywalk_tokio::Offload;
    ///
    /// type Error = keywalk::Error<keywalk_memory::Poisoned>;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let map: BTreeMap<u32, u64> = (0..1_000).map(|n| (n, 1)).collect();
    /// let parts = Walk::new(&map).split(16).expect("a map has no errors");
    /// let map = Arc::new(RwLock::new(map));
    /// let mut parallel = Parallel::new(parts).workers(2);
    /// let sums = parallel.async_run(|worker| {
    ///     // Over a database: connect in the task.
    ///     let map = SharedMap::new(Arc::clone(&map));
    ///     async move {
    ///         let mut sum = 0;
    ///         let mut chunks = worker.async_chunks(Walk::new(Offload::new(map)));
    ///         while let Some(items) = chunks.next().await? {
    ///             sum += items.iter().map(|(_, n)| n).sum::<u64>();
    ///         }
    ///         Ok::<u64, Error>(sum)
    ///     }
    /// });
    /// assert_eq!(sums.await?.iter().sum::<u64>(), 1_000);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Dropped futures
    ///
    /// If this future is dropped, the tasks are aborted. The chunks that they were working on aren't done, whatever
    /// they still do.
    ///
    /// # Errors
    ///
    /// See [`run`](Self::run).
    ///
    /// # Panics
    ///
    /// If a worker does, see [`run`](Self::run). Outside a tokio runtime, and if the runtime is shut down.
    pub async fn async_run<T, E, F>(&mut self, worker: impl Fn(Worker<K>) -> F) -> Result<Vec<T>, E>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        self.drive_tasks(Mode::Direct, worker, async |_run| Ok(()))
            .await
    }

    /// Calls `map` with each chunk, in the tasks of the workers, and `each` with the results, in the caller's task and
    /// in key order. See [`map_in_order`](Self::map_in_order), also for the size of the parts.
    ///
    /// `map` doesn't wait. If the work on a chunk does, use [`async_run`](Self::async_run).
    ///
    /// # Dropped futures
    ///
    /// If this future is dropped, the tasks are aborted. A result that `each` had begun with isn't done.
    ///
    /// # Errors
    ///
    /// See [`map_in_order`](Self::map_in_order).
    ///
    /// # Panics
    ///
    /// See [`async_run`](Self::async_run).
    pub async fn async_map_in_order<S, R, E, F>(
        &mut self,
        open: impl Fn(usize) -> F,
        map: impl Fn(&mut [S::Item]) -> Result<R, E> + Send + Sync + 'static,
        each: impl AsyncFnMut(R) -> Result<(), E>,
    ) -> Result<(), E>
    where
        S: AsyncChunkSource<Key = K> + 'static,
        R: Send + 'static,
        E: From<Error<S::Error>> + Send + 'static,
        F: Future<Output = Result<Walk<S>, E>> + Send + 'static,
    {
        self.map_tasks(true, open, map, each).await
    }

    /// Calls `map` with each chunk, in the tasks of the workers, and `each` with the results as they come, in the
    /// caller's task. See [`async_map_in_order`](Self::async_map_in_order).
    ///
    /// # Errors
    ///
    /// See [`map_in_order`](Self::map_in_order).
    ///
    /// # Panics
    ///
    /// See [`async_run`](Self::async_run).
    pub async fn async_map_unordered<S, R, E, F>(
        &mut self,
        open: impl Fn(usize) -> F,
        map: impl Fn(&mut [S::Item]) -> Result<R, E> + Send + Sync + 'static,
        each: impl AsyncFnMut(R) -> Result<(), E>,
    ) -> Result<(), E>
    where
        S: AsyncChunkSource<Key = K> + 'static,
        R: Send + 'static,
        E: From<Error<S::Error>> + Send + 'static,
        F: Future<Output = Result<Walk<S>, E>> + Send + 'static,
    {
        self.map_tasks(false, open, map, each).await
    }

    async fn map_tasks<S, R, E, F>(
        &mut self,
        is_ordered: bool,
        open: impl Fn(usize) -> F,
        map: impl Fn(&mut [S::Item]) -> Result<R, E> + Send + Sync + 'static,
        mut each: impl AsyncFnMut(R) -> Result<(), E>,
    ) -> Result<(), E>
    where
        S: AsyncChunkSource<Key = K> + 'static,
        R: Send + 'static,
        E: From<Error<S::Error>> + Send + 'static,
        F: Future<Output = Result<Walk<S>, E>> + Send + 'static,
    {
        let (map, shelf, desk) = (
            Arc::new(map),
            Arc::new(Shelf::default()),
            Arc::clone(&self.desk),
        );
        let results = Arc::clone(&shelf);
        let work = |worker: Worker<K>| {
            let (opened, map, shelf) =
                (open(worker.number()), Arc::clone(&map), Arc::clone(&shelf));
            async move {
                let mut walk = PartWalk::new(&worker, opened.await?);
                while walk.fetch_async().await? {
                    let result = shelf.put(map(walk.engine.items_mut())?);
                    let mut done = Some(walk.done(result));
                    let start = Instant::now();
                    let put = worker
                        .desk
                        .wait_async(|book| book.put(worker.run, &mut done));
                    let is_put = put.await;
                    walk.waited(start.elapsed());
                    if !is_put {
                        break;
                    }
                }
                Ok(())
            }
        };
        let consume = async |run| {
            loop {
                match desk.wait_async(|book| book.receive(run)).await {
                    Received::Result(done) => {
                        if let Some(result) = results.take(done.result) {
                            each(result).await?;
                        }
                        desk.book().done(run, done);
                    }
                    Received::Ended => {}
                    Received::Over => return Ok(()),
                }
            }
        };
        let mode = self.results(is_ordered);
        self.drive_tasks(mode, work, consume).await.map(drop)
    }

    async fn drive_tasks<T, E, F>(
        &mut self,
        mode: Mode,
        work: impl Fn(Worker<K>) -> F,
        consume: impl AsyncFnOnce(u64) -> Result<(), E>,
    ) -> Result<Vec<T>, E>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        let (run, workers) = self.desk.book().begin(self.workers, mode);
        let _end = EndOfRun(&self.desk, run);
        let consumer = Duty::new(&self.desk, run, Party::Consumer);
        let mut tasks = Tasks(Vec::with_capacity(workers));
        for worker in Worker::all(&self.desk, run, workers) {
            let duty = worker.on_duty();
            let work = work(worker);
            let task = async move { duty.returns(work.await) };
            tasks.0.push(tokio::spawn(task));
        }
        let consumed = consumer.returns(consume(run).await);
        let mut ended = Vec::with_capacity(workers);
        for task in &mut tasks.0 {
            ended.push(match task.await {
                Err(error) if error.is_panic() => thread::Result::Err(error.into_panic()),
                returned => Ok(returned.expect("the runtime was shut down")),
            });
        }
        outcome(self.desk.book().failed(), consumed, ended)
    }
}

/// Aborts its tasks when it is dropped.
struct Tasks<T>(Vec<JoinHandle<T>>);

impl<T> Drop for Tasks<T> {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

impl<K: Clone + PartialOrd> Worker<K> {
    /// Returns the chunks of the parts that this worker takes, of an asynchronous source. See [`chunks`](Self::chunks).
    pub fn async_chunks<S: AsyncChunkSource<Key = K>>(
        &self,
        walk: Walk<S>,
    ) -> AsyncWorkerChunks<S> {
        AsyncWorkerChunks {
            walk: PartWalk::new(self, walk),
        }
    }
}

/// The chunks that a worker gets of an asynchronous source; created by [`Worker::async_chunks`].
///
/// If it is dropped before its end, the run ends.
#[must_use = "a walk does nothing until it is iterated"]
pub struct AsyncWorkerChunks<S: Source> {
    walk: PartWalk<S>,
}

impl<S: AsyncChunkSource> AsyncWorkerChunks<S> {
    /// Lends the next chunk. The chunk before it is then done. See
    /// [`WorkerChunks::next`](super::WorkerChunks::next).
    ///
    /// The future can be dropped at any point: the next call fetches the same chunk.
    ///
    /// # Errors
    ///
    /// See [`WorkerChunks::next`](super::WorkerChunks::next).
    ///
    /// # Panics
    ///
    /// If the source does.
    pub async fn next(&mut self) -> Result<Option<&mut [S::Item]>, Error<S::Error>> {
        self.walk.acknowledge();
        Ok(match self.walk.fetch_async().await? {
            true => Some(self.walk.engine.items_mut()),
            false => None,
        })
    }
}

impl<S: Source> AsyncWorkerChunks<S> {
    /// Returns the source, to use the store (through its connection, say) between two chunks.
    pub fn source(&self) -> &S {
        &self.walk.source
    }
}

/// Prints no data.
impl<S: Source> fmt::Debug for AsyncWorkerChunks<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.walk.describe(f.debug_struct("AsyncWorkerChunks"))
    }
}

impl<S: AsyncChunkSource> PartWalk<S> {
    /// [`fetch`](Self::fetch) with futures.
    async fn fetch_async(&mut self) -> Result<bool, Error<S::Error>> {
        while self.has_request()? {
            let start = Instant::now();
            let response = match self.engine.request()? {
                Request::LastKey(range) => {
                    let answer = self.source.last_key(range).await;
                    self.engine.last_key(answer, start.elapsed())
                }
                Request::Fetch(range, chunk) => {
                    let answer = self.source.fetch(range, chunk).await;
                    self.engine.fetched(answer, start.elapsed())
                }
                Request::Done => Ok(()),
            };
            if self.responded(response)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
