use std::fmt;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use keywalk::{ChunkSource, Error, SplitSource, Walk};

use crate::parts::Parts;

mod book;
mod report;
#[cfg(feature = "async")]
mod tasks;
mod worker;

use book::{Desk, Mode, Party, Received};
pub use report::{Progress, Report, WorkerReport};
#[cfg(feature = "async")]
pub use tasks::AsyncWorkerChunks;
use worker::PartWalk;
pub use worker::{Worker, WorkerChunks};

/// A walk by several workers at the same time, each over its own parts of the key range.
///
/// Use it if decoding or your own work takes longer than the store does. Each worker opens a source (a connection) of
/// its own, and takes the next part from a queue when it is done with one. An item is visited by one worker, once.
/// Within a part, items come in key order. All guarantees of [`Walk`] hold for each part, and G2 and G3 (each key once,
/// none missed) for the whole, while others insert and delete.
///
/// ```
/// use std::collections::BTreeMap;
/// use keywalk::Walk;
/// use keywalk_shards::Parallel;
///
/// type Error = keywalk::Error<std::convert::Infallible>;
///
/// let map: BTreeMap<u32, u64> = (0..10_000).map(|n| (n, 1)).collect();
/// let mut parallel = Parallel::split(Walk::new(&map), 4)?;
/// let sums = parallel.run(|worker| {
///     let mut sum = 0;
///     // Over a database: open a connection here.
///     let mut chunks = worker.chunks(Walk::new(&map));
///     while let Some(items) = chunks.next()? {
///         sum += items.iter().map(|(_, n)| **n).sum::<u64>();
///     }
///     Ok::<u64, Error>(sum)
/// })?;
/// assert_eq!(sums.iter().sum::<u64>(), 10_000);
/// println!("{}", parallel.report());
/// # Ok::<(), Error>(())
/// ```
///
/// # Four ways to run
///
/// | You want | Use |
/// |---|---|
/// | to do something with each chunk | [`for_each`](Self::for_each) |
/// | a state per worker, such as a sum, or other control | [`run`](Self::run) |
/// | results on one thread, in key order | [`map_in_order`](Self::map_in_order) |
/// | results on one thread, as they come | [`map_unordered`](Self::map_unordered) |
///
/// With the feature `async`, `async_run`, `async_map_in_order` and `async_map_unordered` do the same in tokio's tasks.
///
/// # Stop and resume
///
/// Any run may end early: by an error, a panic, [`Handle::stop`], or a worker that returns. The other workers then stop
/// after their current chunk. [`parts`](Self::parts) is the position of the whole: exactly the chunks that are done are
/// left out. To go on, call any of the methods again. After `stop` that ends at once; then make a new walk by
/// `Parallel::new(parallel.parts())`. Or write the position down, and go on in another process with another number of
/// workers. If the process may crash, a thread of its own writes it down from time to time, by [`Handle::parts`].
///
/// ```
/// use std::collections::BTreeMap;
/// use keywalk::Walk;
/// use keywalk_memory::Named;
/// use keywalk_shards::{Parallel, PartsToken};
///
/// type Error = keywalk::Error<std::convert::Infallible>;
///
/// let map: BTreeMap<u64, u64> = (0..10_000).map(|n| (n, n)).collect();
/// let open = |_worker| Ok::<_, Error>(Walk::new(Named::new("numbers", &map)).chunk_size(100));
/// let mut parallel = Parallel::new(Walk::new(&map).split(64)?).workers(8);
/// let handle = parallel.handle();
/// parallel.for_each(open, |items| {
///     if items.iter().any(|(n, _)| **n == 5_000) {
///         handle.stop();
///     }
///     Ok(())
/// })?;
/// assert!(!parallel.is_done());
/// let stored = parallel.parts().token(open(0)?.source())?.to_string();
///
/// // In another process, with 2 workers.
/// let token: PartsToken = stored.parse()?;
/// let rest = token.parts(open(0)?.source())?.split_again(&map, 16)?;
/// let mut parallel = Parallel::new(rest).workers(2);
/// parallel.for_each(open, |_items| Ok(()))?;
/// assert!(parallel.is_done());
/// # Ok::<(), Error>(())
/// ```
///
/// # The walk of a worker
///
/// A worker's walk has options of its own, such as the chunk size. Its range, if it has one, must contain the parts.
/// Its order, limit, end and cursor are those of the parts: what you set has no effect.
///
/// It must be over the store, table and key that was split. This isn't checked: over another table, the walk visits
/// that table's rows, or none, and is done.
///
/// # Cost
///
/// One thread (or task) per worker. Per chunk, a few short locks and the clones of a few keys. Nothing per item.
#[must_use = "a walk does nothing until it is run"]
pub struct Parallel<K> {
    desk: Arc<Desk<K>>,
    workers: usize,
    ahead: Option<usize>,
}

/// The number of parts per worker: single parts may be several times as large as others.
const PARTS_PER_WORKER: usize = 8;

/// The number of results per worker that wait for the consumer.
const RESULTS_PER_WORKER: usize = 4;

impl<K: Clone + PartialOrd> Parallel<K> {
    /// Creates a parallel walk over these ranges: those of [`Walk::split`], or the [`Parts`] that an earlier walk left.
    pub fn new(parts: impl Into<Parts<K>>) -> Self {
        Parallel {
            desk: Arc::new(Desk::new(parts.into())),
            workers: thread::available_parallelism().map_or(1, Into::into),
            ahead: None,
        }
    }

    /// Splits a walk into eight parts per worker. With other numbers, call [`Walk::split`] and [`new`](Self::new).
    ///
    /// # Errors
    ///
    /// See [`Walk::split`].
    ///
    /// # Panics
    ///
    /// If `workers` is 0.
    #[track_caller]
    pub fn split<S>(mut walk: Walk<S>, workers: usize) -> Result<Self, Error<S::Error>>
    where
        S: SplitSource<Key = K>,
    {
        let parts = walk.split(workers.saturating_mul(PARTS_PER_WORKER))?;
        Ok(Self::new(parts).workers(workers))
    }

    /// Sets the number of workers. Default: [`thread::available_parallelism`]. No more run than there are parts.
    ///
    /// # Panics
    ///
    /// If `workers` is 0.
    #[track_caller]
    pub fn workers(mut self, workers: usize) -> Self {
        assert!(workers > 0, "a walk needs at least one worker");
        self.workers = workers;
        self
    }

    /// Sets how many results may wait for the consumer of [`map_in_order`](Self::map_in_order) and
    /// [`map_unordered`](Self::map_unordered). Default: four per worker. A worker whose result has no place waits.
    ///
    /// # Panics
    ///
    /// If `results` is 0.
    #[track_caller]
    pub fn ahead(mut self, results: usize) -> Self {
        assert!(results > 0, "at least one result may wait");
        self.ahead = Some(results);
        self
    }

    /// Returns a handle, with which other threads read the progress and stop the walk.
    #[must_use]
    pub fn handle(&self) -> Handle<K> {
        Handle {
            desk: Arc::clone(&self.desk),
        }
    }

    /// Returns what is left. A chunk is done, and no longer part of it, once the code that got it asks for the next one
    /// or returns `Ok`; the text of each method has the details. O(parts); clones keys.
    #[must_use]
    pub fn parts(&self) -> Parts<K> {
        self.desk.book().parts()
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.parts().is_done()
    }

    /// Returns what was done since this walk was created, by all runs together.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.desk.book().progress()
    }

    /// Returns what each worker of the last run did.
    #[must_use]
    pub fn report(&self) -> Report {
        self.desk.book().report()
    }
}

impl<K: Clone + PartialOrd + Send> Parallel<K> {
    /// Calls `work` with each chunk, on the threads of the workers. A chunk is done once `work` returned `Ok`.
    ///
    /// `open` is called once per worker, on its thread, with the worker's number from 0 on.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    /// use keywalk::Walk;
    /// use keywalk_shards::Parallel;
    ///
    /// let map: BTreeMap<u32, &str> = (0..1_000).map(|n| (n, "two words")).collect();
    /// let words = AtomicUsize::new(0);
    /// Parallel::split(Walk::new(&map), 2)?.for_each(
    ///     |_worker| Ok(Walk::new(&map).chunk_size(100)),
    ///     |items| {
    ///         let counts = items.iter().map(|(_, text)| text.split_whitespace().count());
    ///         words.fetch_add(counts.sum(), Ordering::Relaxed);
    ///         Ok::<(), keywalk::Error<_>>(())
    ///     },
    /// )?;
    /// assert_eq!(words.into_inner(), 2_000);
    /// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The first error of `open`, of a walk or of `work`.
    ///
    /// # Panics
    ///
    /// See [`run`](Self::run).
    pub fn for_each<S, E>(
        &mut self,
        open: impl Fn(usize) -> Result<Walk<S>, E> + Sync,
        work: impl Fn(&mut [S::Item]) -> Result<(), E> + Sync,
    ) -> Result<(), E>
    where
        S: ChunkSource<Key = K>,
        E: From<Error<S::Error>> + Send,
    {
        let run = |worker: Worker<K>| {
            let mut chunks = worker.chunks(open(worker.number())?);
            while let Some(items) = chunks.next()? {
                work(items)?;
            }
            Ok(())
        };
        self.run(run).map(drop)
    }

    /// Calls `worker` once per worker, each on a thread of its own, and returns what they return, by their numbers.
    ///
    /// A worker opens its source and loops over the [chunks](Worker::chunks) that it gets. A chunk is done once the
    /// worker asks for the next one. [`Parallel`] has an example.
    ///
    /// A worker that returns before the end of its chunks ends the run: the others get no more. Its last chunk isn't
    /// done. So a worker that searches returns as soon as it has found something.
    ///
    /// What workers return is lost if one of them fails. If you need it even then, for example to go on from
    /// [`parts`](Self::parts), keep it outside, behind a lock.
    ///
    /// # Errors
    ///
    /// The first error that a worker returns.
    ///
    /// # Panics
    ///
    /// If a worker does, after the others have stopped. A caller that catches the panic can go on from
    /// [`parts`](Self::parts). Also if the system can't start a thread.
    pub fn run<T: Send, E: Send>(
        &mut self,
        worker: impl Fn(Worker<K>) -> Result<T, E> + Sync,
    ) -> Result<Vec<T>, E> {
        self.drive(Mode::Direct, worker, |_run| Ok(()))
    }

    /// Calls `map` with each chunk, on the threads of the workers, and `each` with the results, on the caller's thread
    /// and in key order. A chunk is done once `each` returned `Ok`.
    ///
    /// At most [`ahead`](Self::ahead) results wait for `each`. Each worker may hold another one. So workers that are
    /// far ahead of the consumer wait. If a part has more chunks than that, they wait for the worker at the front, and
    /// the walk isn't faster than one worker. Split the walk into many small parts, of about four chunks each:
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use keywalk::Walk;
    /// use keywalk_shards::Parallel;
    ///
    /// type Error = keywalk::Error<std::convert::Infallible>;
    ///
    /// let map: BTreeMap<u32, u32> = (0..20_000).map(|n| (n, n * n)).collect();
    /// let parts = Walk::new(&map).split((map.len() / (4 * 512)).max(1))?;
    /// let mut lines = String::new();
    /// Parallel::new(parts).workers(2).map_in_order(
    ///     |_worker| Ok(Walk::new(&map)),
    ///     |items| Ok(items.iter().map(|(n, square)| format!("{n} {square}\n")).collect::<String>()),
    ///     |some| {
    ///         lines += &some;
    ///         Ok::<(), Error>(())
    ///     },
    /// )?;
    /// assert!(lines.starts_with("0 0\n1 1\n2 4\n") && lines.lines().count() == 20_000);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The first error of `open`, a walk, `map` or `each`.
    ///
    /// # Panics
    ///
    /// If one of them does, see [`run`](Self::run).
    pub fn map_in_order<S, R, E>(
        &mut self,
        open: impl Fn(usize) -> Result<Walk<S>, E> + Sync,
        map: impl Fn(&mut [S::Item]) -> Result<R, E> + Sync,
        each: impl FnMut(R) -> Result<(), E>,
    ) -> Result<(), E>
    where
        S: ChunkSource<Key = K>,
        R: Send,
        E: From<Error<S::Error>> + Send,
    {
        self.map(true, open, map, each)
    }

    /// Calls `map` with each chunk, on the threads of the workers, and `each` with the results as they come, on the
    /// caller's thread. A chunk is done once `each` returned `Ok`.
    ///
    /// At most [`ahead`](Self::ahead) results wait for `each`, and each worker may hold another one.
    ///
    /// # Errors
    ///
    /// See [`map_in_order`](Self::map_in_order).
    ///
    /// # Panics
    ///
    /// See [`map_in_order`](Self::map_in_order).
    pub fn map_unordered<S, R, E>(
        &mut self,
        open: impl Fn(usize) -> Result<Walk<S>, E> + Sync,
        map: impl Fn(&mut [S::Item]) -> Result<R, E> + Sync,
        each: impl FnMut(R) -> Result<(), E>,
    ) -> Result<(), E>
    where
        S: ChunkSource<Key = K>,
        R: Send,
        E: From<Error<S::Error>> + Send,
    {
        self.map(false, open, map, each)
    }

    fn map<S, R, E>(
        &mut self,
        is_ordered: bool,
        open: impl Fn(usize) -> Result<Walk<S>, E> + Sync,
        map: impl Fn(&mut [S::Item]) -> Result<R, E> + Sync,
        mut each: impl FnMut(R) -> Result<(), E>,
    ) -> Result<(), E>
    where
        S: ChunkSource<Key = K>,
        R: Send,
        E: From<Error<S::Error>> + Send,
    {
        let (shelf, desk) = (Shelf::default(), Arc::clone(&self.desk));
        let work = |worker: Worker<K>| {
            let mut walk = PartWalk::new(&worker, open(worker.number())?);
            while walk.fetch()? {
                let result = shelf.put(map(walk.engine.items_mut())?);
                let mut done = Some(walk.done(result));
                let start = Instant::now();
                let is_put = worker.desk.wait(|book| book.put(worker.run, &mut done));
                walk.waited(start.elapsed());
                if !is_put {
                    break;
                }
            }
            Ok(())
        };
        let consume = |run| {
            loop {
                match desk.wait(|book| book.receive(run)) {
                    Received::Result(done) => {
                        if let Some(result) = shelf.take(done.result) {
                            each(result)?;
                        }
                        desk.book().done(run, done);
                    }
                    Received::Ended => {}
                    Received::Over => return Ok(()),
                }
            }
        };
        self.drive(self.results(is_ordered), work, consume)
            .map(drop)
    }

    fn drive<T: Send, E: Send>(
        &mut self,
        mode: Mode,
        work: impl Fn(Worker<K>) -> Result<T, E> + Sync,
        consume: impl FnOnce(u64) -> Result<(), E>,
    ) -> Result<Vec<T>, E> {
        let (run, workers) = self.desk.book().begin(self.workers, mode);
        let _end = EndOfRun(&self.desk, run);
        let work = |worker: Worker<K>| worker.on_duty().returns(work(worker));
        let (consumed, ended) = thread::scope(|scope| {
            let consumer = Duty::new(&self.desk, run, Party::Consumer);
            let (work, workers) = (&work, Worker::all(&self.desk, run, workers));
            let workers = workers.map(|worker| scope.spawn(move || work(worker)));
            let workers = Vec::from_iter(workers);
            let consumed = consumer.returns(consume(run));
            let ended = workers.into_iter().map(|worker| worker.join());
            (consumed, Vec::from_iter(ended))
        });
        outcome(self.desk.book().failed(), consumed, ended)
    }
}

impl<K> Parallel<K> {
    fn results(&self, is_ordered: bool) -> Mode {
        let ahead = self.ahead;
        let ahead = ahead.unwrap_or(self.workers.saturating_mul(RESULTS_PER_WORKER));
        Mode::Results { ahead, is_ordered }
    }
}

/// Returns what the workers returned, or the first failure. A panic comes before an error.
fn outcome<T, E>(
    failed: Option<Party>,
    consumed: Result<(), E>,
    ended: Vec<thread::Result<Result<T, E>>>,
) -> Result<Vec<T>, E> {
    let mut returned = Vec::with_capacity(ended.len());
    for ended in ended {
        returned.push(ended.unwrap_or_else(|panic| resume_unwind(panic)));
    }
    match failed {
        Some(Party::Consumer) => consumed?,
        Some(Party::Worker(first)) => drop(returned.swap_remove(first)?),
        None => {}
    }
    returned.into_iter().collect()
}

/// Ends a run when it is dropped: what its workers still do changes nothing.
struct EndOfRun<'a, K: Clone + PartialOrd>(&'a Desk<K>, u64);

impl<K: Clone + PartialOrd> Drop for EndOfRun<'_, K> {
    fn drop(&mut self) {
        self.0.change(|book| book.end(self.1));
    }
}

/// Watches a worker or the consumer. If it is dropped before they return, they panicked or were dropped.
struct Duty<K: Clone + PartialOrd> {
    desk: Arc<Desk<K>>,
    run: u64,
    party: Party,
    start: Instant,
    has_failed: bool,
}

impl<K: Clone + PartialOrd> Duty<K> {
    fn new(desk: &Arc<Desk<K>>, run: u64, party: Party) -> Self {
        Duty {
            desk: Arc::clone(desk),
            run,
            party,
            start: Instant::now(),
            has_failed: true,
        }
    }

    fn returns<T, E>(mut self, returned: Result<T, E>) -> Result<T, E> {
        self.has_failed = returned.is_err();
        returned
    }
}

impl<K: Clone + PartialOrd> Drop for Duty<K> {
    fn drop(&mut self) {
        let (run, party, time) = (self.run, self.party, self.start.elapsed());
        self.desk.change(|book| {
            if self.has_failed {
                book.fail(run, party);
            }
            if let Party::Worker(worker) = party {
                book.worker_ended(run, worker, time);
            }
        });
    }
}

/// The results that wait for the consumer, by their numbers. There are few.
struct Shelf<R> {
    results: Mutex<(u64, Vec<(u64, R)>)>,
}

impl<R> Default for Shelf<R> {
    fn default() -> Self {
        Shelf {
            results: Mutex::new((0, Vec::new())),
        }
    }
}

impl<R> Shelf<R> {
    fn put(&self, result: R) -> u64 {
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        let (number, results) = &mut *results;
        *number += 1;
        results.push((*number, result));
        *number
    }

    fn take(&self, number: u64) -> Option<R> {
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        let at = results.1.iter().position(|(put, _)| *put == number)?;
        Some(results.1.swap_remove(at).1)
    }
}

/// Reads the progress of a [parallel walk](Parallel) and stops it, from any thread. Clones refer to the same walk.
pub struct Handle<K> {
    desk: Arc<Desk<K>>,
}

impl<K: Clone + PartialOrd> Handle<K> {
    /// Stops the walk for good: each worker finishes its current chunk. What runs returns `Ok`, and a later run of the
    /// same [`Parallel`] ends at once. To go on, create a new one from [`parts`](Self::parts).
    ///
    /// Call it on Ctrl-C, for example by the crate ctrlc. It isn't safe inside a signal handler.
    pub fn stop(&self) {
        self.desk.change(|book| book.stop());
    }

    /// Returns what was done so far.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.desk.book().progress()
    }

    /// Returns what is left; see [`Parallel::parts`].
    #[must_use]
    pub fn parts(&self) -> Parts<K> {
        self.desk.book().parts()
    }
}

impl<K> Clone for Handle<K> {
    fn clone(&self) -> Self {
        Handle {
            desk: Arc::clone(&self.desk),
        }
    }
}

/// Prints the number of workers and the progress.
impl<K: Clone + PartialOrd> fmt::Debug for Parallel<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parallel")
            .field("workers", &self.workers)
            .field("progress", &self.progress())
            .finish_non_exhaustive()
    }
}

/// Prints the progress.
impl<K: Clone + PartialOrd> fmt::Debug for Handle<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("progress", &self.progress())
            .finish_non_exhaustive()
    }
}
