use std::convert::Infallible;
use std::fmt;
use std::panic;
#[cfg(feature = "async")]
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
#[cfg(feature = "async")]
use std::task::Poll;
use std::thread;
use std::time::Duration;

#[cfg(feature = "indicatif")]
use indicatif::ProgressBar;
#[cfg(feature = "async")]
use keywalk::AsyncSplitSource;
use keywalk::{ResumableSource, SplitSource, Walk};

#[cfg(feature = "async")]
use crate::async_checkpoints::{AsyncCheckpointStore, AsyncDeadLetters};
#[cfg(feature = "async")]
use crate::async_job::AsyncJob;
use crate::board::{Board, Claim, Counts};
use crate::checkpoint::{Checkpoint, Parallel};
use crate::checkpoints::CheckpointStore;
use crate::clock::{Clock, SystemClock};
use crate::control::Options;
use crate::dead_letter::{DeadLetterRecord, DeadLetters};
use crate::error::BoxError;
use crate::job::Job;
#[cfg(feature = "indicatif")]
use crate::job::show;
use crate::outcome::{Outcome, StopReason};
use crate::parts::{Split, Working};
use crate::progress::Progress;
use crate::stop::Stop;

/// A job that several workers share, in one or several processes.
///
/// Use it if the function's own work takes most of the time, such as requests or computations, or if the store serves
/// several writers at once. The walk is split into parts. Each worker takes a part that no other worker has, continues it
/// where it stands, and takes the next one, until all parts are done. A part is a job of its own, with its own checkpoint,
/// lease and fence, so effects happen as often as in a [`Job`]: exactly once, if they go through the transaction of the
/// checkpoint. If a worker dies, another one continues its part.
///
/// A worker is a thread, with its own source and checkpoints. The function that is given to [`run`](Self::run) creates
/// them, configures the worker's [`Job`], and runs it:
///
/// ```
/// # use std::collections::BTreeSet;
/// # use std::convert::Infallible;
/// # use keywalk::{Chunk, ChunkSource, Fetched, Fingerprint, KeyRange, LastKey, ResumableSource, Source, SplitSource};
/// # #[derive(Clone)]
/// # struct Users(BTreeSet<u32>);
/// # impl Source for Users { type Key = u32; type Item = (u32, ()); type Error = Infallible; }
/// # impl Users {
/// #     fn within(&self, range: &KeyRange<u32>) -> impl DoubleEndedIterator<Item = u32> {
/// #         self.0.iter().copied().filter(|id| range.may_contain(id))
/// #     }
/// # }
/// # impl ChunkSource for Users {
/// #     fn fetch(&mut self, range: &KeyRange<u32>, chunk: &mut Chunk<(u32, ())>) -> Result<Fetched<u32>, Infallible> {
/// #         let is_full = chunk.fill_from(self.within(range).map(|id| (id, ())));
/// #         Ok(if is_full { Fetched::More } else { Fetched::End })
/// #     }
/// #     fn last_key(&mut self, range: &KeyRange<u32>) -> Result<LastKey<u32>, Infallible> {
/// #         Ok(self.within(range).next_back().into())
/// #     }
/// # }
/// # impl SplitSource for Users {
/// #     fn split_points(&mut self, range: &KeyRange<u32>, parts: usize) -> Result<Vec<u32>, Infallible> {
/// #         Ok(keywalk::even_split_points(self.within(range).map(|id| (id, ())), parts))
/// #     }
/// # }
/// # impl ResumableSource for Users {
/// #     fn fingerprint(&self) -> Result<Fingerprint, Infallible> { Ok(Fingerprint::new("users")) }
/// #     fn encode_key(&self, key: &u32, bytes: &mut Vec<u8>) { bytes.extend(key.to_be_bytes()) }
/// #     fn decode_key(&self, bytes: &[u8]) -> Result<Option<u32>, Infallible> {
/// #         Ok(bytes.try_into().ok().map(u32::from_be_bytes))
/// #     }
/// # }
/// use keywalk::Walk;
/// use keywalk_job::{FileCheckpoints, ParallelJob};
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// # let users = Users((0..1_000).collect());
/// let job = ParallelJob::new("greet")
///     .workers(4)
///     .on_progress(|progress| println!("{progress}")); // Of the whole job.
/// let outcome = job.run(|worker| {
///     // In the worker's thread: for a database, connect here.
///     let walk = Walk::new(users.clone()).chunk_size(100);
///     let job = worker.job(walk, FileCheckpoints::new(folder));
///     // The worker's job has the options of any other job.
///     let ran = job.max_items_per_second(100_000.0).run(|(), users| {
///         users.iter().for_each(|(id, _)| println!("hello {id}"));
///         Ok(())
///     });
///     Ok(ran?)
/// })?;
/// assert_eq!((outcome.is_done(), outcome.items()), (true, 1_000));
/// for (number, worker) in outcome.workers().iter().enumerate() {
///     println!("worker {number}: {} items", worker.items());
/// }
/// # Ok::<(), keywalk_job::BoxError>(())
/// ```
///
/// # Several processes, and later runs
///
/// Start the same program in each process: the first worker plans the job, and the others join it. Processes may come
/// and go, each with its own number of workers. The number of parts stays that of the plan: set it with
/// [`parts`](Self::parts) if more workers join later than the first runner has. What leases do across machines depends
/// on the checkpoints: PostgreSQL's work, those of files and SQLite don't.
///
/// A worker that finds no free part ends, with [`StopReason::OthersRunning`]. With [`Job::wait_for_lease`] it waits
/// instead, while workers of other processes have parts: it takes over what they leave. After a kill, PostgreSQL keeps a
/// part's lock until the statement that was running ends. A runner that is started before that ends with
/// `OthersRunning` too, although no other process runs: wait for the lease, or run again until
/// [`Outcome::is_done`].
///
/// If a worker fails, or panics, the others of its runner finish and record their chunk, and end too. The first error is
/// returned, and names the worker's part. The panic propagates to the caller. Runners in other processes continue.
///
/// # What is different from a `Job`
///
/// | In a worker's job | Means |
/// |---|---|
/// | [`max_items_per_second`](Job::max_items_per_second), also by a [`Pace`](crate::Pace) | for all workers of this runner: each gets its share |
/// | [`pause`](Job::pause), [`pause_ratio`](Job::pause_ratio), [`throttle_with`](Job::throttle_with), [`retry`](Job::retry), [`deadline`](Job::deadline) | for each worker |
/// | [`stop_on`](Job::stop_on), [`Next::stop`](crate::Next::stop) | ends all workers of this runner |
/// | [`Next::finish`](crate::Next::finish) | ends the part as done |
/// | [`max_skipped`](Job::max_skipped), [`max_skipped_ratio`](Job::max_skipped_ratio) | for the whole job. What other workers skip at the same time, and what those of other runners have skipped since this one last read their checkpoint, isn't counted |
/// | [`on_progress`](Job::on_progress), [`bar`](Job::bar), [`Batch::number`](crate::Batch::number), [`Batch::progress`](crate::Batch::progress) | of the part; [`ParallelJob::on_progress`] is of the whole |
/// | [`total`](Job::total), [`total_deadline`](Job::total_deadline), [`restart_when_done`](Job::restart_when_done), [`restart_if_changed`](Job::restart_if_changed) | of the whole job |
/// | [`extend_range`](Job::extend_range), [`adopt`](Job::adopt), [`Walk::limit`] | [refused](crate::Error::NotParallel) |
///
/// # What is stored
///
/// One checkpoint for the job, and one for each part, named `NAME#part-001` and so on. If another job has such a name,
/// the plan is [refused](crate::Error::Resume). Until the job is done, its own checkpoint counts no items: sum up the
/// parts, or call [`progress`](Self::progress). A part's dead letters have the part's name;
/// [`dead_letters`](Self::dead_letters) lists those of all parts. [`Leases::reset`](crate::Leases::reset) of the job
/// resets its parts too.
///
/// # Checkpoints
///
/// Each worker needs a connection of its own. With `SqliteCheckpoints` a chunk's transaction has the database's write
/// lock while the function works, so workers take turns and gain nothing: use `FileCheckpoints` if the effects go
/// elsewhere. Also set a busy timeout that lasts for several turns, or [`Job::retry`]. A
/// [`FileExport`](crate::FileExport) has one writer: its other workers fail. Checkpoints whose lease lasts for a chunk
/// instead of the run, such as `PostgresCheckpoints::pooled`, work within one runner only: a second one takes its parts
/// from it.
#[must_use = "a job does nothing until it is run"]
pub struct ParallelJob {
    name: String,
    workers: usize,
    parts: Option<usize>,
    hooks: Vec<Hook>,
}

type Hook = Box<dyn FnMut(&Progress<'_, Infallible>) + Send>;

/// So many parts per worker: large enough that a part which is larger than the others doesn't keep one worker busy while
/// the others have nothing left.
const PARTS_PER_WORKER: usize = 8;

impl ParallelJob {
    /// Creates a job. Its name must be unique among the jobs of the same checkpoints, as must those of its parts. Reads
    /// nothing yet.
    pub fn new(name: impl Into<String>) -> Self {
        ParallelJob {
            name: name.into(),
            workers: thread::available_parallelism().map_or(1, Into::into),
            parts: None,
            hooks: Vec::new(),
        }
    }

    /// Sets the number of workers of this runner. Other runners may have another number. Default: one per processor.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    pub fn workers(mut self, workers: usize) -> Self {
        assert!(workers > 0, "a job needs at least one worker");
        self.workers = workers;
        self
    }

    /// Sets the number of parts into which the walk is split, if this runner is the one that plans the job. There are
    /// fewer if the walk has fewer items. Default: 8 per worker.
    ///
    /// # Cost
    ///
    /// Each part costs a checkpoint. [`Leases::reset`](crate::Leases::reset), and a runner that starts the job over, hold
    /// the leases of all parts at once. With files and SQLite, each lease is an open file: 2,000 parts exceed a limit
    /// (`ulimit -n`) of 1,024, and then both fail.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    pub fn parts(mut self, parts: usize) -> Self {
        assert!(parts > 0, "a job is split into at least one part");
        self.parts = Some(parts);
        self
    }

    /// Calls `hook` with the progress of the whole job: when this runner joins the job, and when one of its workers begins
    /// a part, has done a chunk, or ends a part or the job. So the same numbers may come several times. May be called
    /// several times; each call adds a hook, and they are called in this order. The hook is called by one worker at a
    /// time; the others wait for it. Default: none.
    ///
    /// What other runners do is read when a worker looks for a part, so it can be late. The fraction is the mean of the
    /// parts', unless the [total](Job::total) is set. It is `None` while that of a part which has begun isn't known; see
    /// [`Progress::fraction`]. [`Progress::position`] is `None`. With a hook, each chunk costs O(parts) more.
    pub fn on_progress(
        mut self,
        hook: impl FnMut(&Progress<'_, Infallible>) + Send + 'static,
    ) -> Self {
        self.hooks.push(Box::new(hook));
        self
    }

    /// Shows the progress of the whole job on a bar, as [`Job::bar`] does. It costs what
    /// [`on_progress`](Self::on_progress) does. Default: none.
    ///
    /// Requires the feature `indicatif`.
    #[cfg(feature = "indicatif")]
    pub fn bar(self, bar: ProgressBar) -> Self {
        self.on_progress(move |progress| show(&bar, progress))
    }

    /// Runs the workers, each in a thread, until the job is done, or they are stopped or fail. `work` is called once in
    /// each thread, with a [`Worker`]. It creates the worker's source and checkpoints, and runs [`Worker::job`].
    ///
    /// The [outcome](Outcome) is that of the whole: [`Outcome::workers`] has each worker's. It is done once the store
    /// has recorded that; for an unbounded walk, once its current end is reached.
    ///
    /// # Cost
    ///
    /// The plan [splits](Walk::split) the walk, and writes a checkpoint per part. Each runner reads all of them when it
    /// joins. The parts then cost what their jobs do: up to two checkpoints each, besides one per chunk.
    ///
    /// # Errors
    ///
    /// Returns the error of the worker that failed first, such as an [`Error`](crate::Error), which names the part. Also
    /// if a thread can't be started. What was done before stays done, and recorded.
    ///
    /// # Panics
    ///
    /// If `work` panics, once all workers have ended.
    pub fn run(
        self,
        work: impl Fn(Worker) -> Result<Outcome, BoxError> + Sync,
    ) -> Result<Outcome, BoxError> {
        let (shared, workers) = self.start();
        let run = |worker| shared.watch(|| work(worker));
        let run = &run;
        let outcomes = thread::scope(|scope| {
            let mut workers = workers.into_iter();
            let first = workers.next();
            let spawn = |worker: Worker| {
                let thread = thread::Builder::new().name(format!("worker {}", worker.number()));
                let spawned = thread.spawn_scoped(scope, move || run(worker));
                spawned.map_err(|error| shared.fail(error.into()))
            };
            let spawned: Vec<_> = workers.map_while(|worker| spawn(worker).ok()).collect();
            // One of the workers is this thread.
            let first = first.and_then(run);
            let mut outcomes: Vec<_> = first.into_iter().collect();
            let mut panicked = None;
            for thread in spawned {
                match thread.join() {
                    Ok(outcome) => outcomes.extend(outcome),
                    Err(panic) => panicked = panicked.or(Some(panic)),
                }
            }
            match panicked {
                Some(panic) => panic::resume_unwind(panic),
                None => outcomes,
            }
        });
        shared.outcome(outcomes)
    }

    /// Creates what the workers share, and the workers.
    pub(crate) fn start(self) -> (Arc<Shared>, Vec<Worker>) {
        let parts = self.parts.unwrap_or(PARTS_PER_WORKER * self.workers);
        let shared = Arc::new(Shared {
            name: self.name,
            workers: self.workers,
            parts_to_plan: parts,
            began: SystemClock.now(),
            stop: Stop::new(),
            board: Mutex::default(),
            is_led: AtomicBool::new(false),
            hooks: Mutex::new(self.hooks),
            failure: Mutex::default(),
        });
        let workers = (0..self.workers).map(|index| Worker {
            shared: Arc::clone(&shared),
            index,
        });
        let workers = workers.collect();
        (shared, workers)
    }

    /// Reads the progress of the whole job, over all runners; `None` if it isn't known. It counts no items as those of a
    /// run. For a job without workers, it is that of its checkpoint. Loads up to one checkpoint per part.
    ///
    /// ```
    /// use keywalk_job::{FileCheckpoints, ParallelJob};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let mut checkpoints = FileCheckpoints::new(folder.path());
    /// if let Some(progress) = ParallelJob::new("greet").progress(&mut checkpoints)? {
    ///     println!("{progress}"); // 41000 items, 41 %
    /// }
    /// # Ok::<(), keywalk_job::BoxError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the store's error.
    pub fn progress<C: CheckpointStore>(
        &self,
        checkpoints: &mut C,
    ) -> Result<Option<Progress<'_, Infallible>>, C::Error> {
        let Some(whole) = checkpoints.load(&self.name)? else {
            return Ok(None);
        };
        let mut board = Board::of(whole);
        for number in 1..=board.parts() {
            let stored = checkpoints.load(&part_name(&self.name, number))?;
            board.observe(number - 1, stored.as_ref());
        }
        Ok(Some(board.progress(&self.name, Duration::ZERO)))
    }

    /// Lists the dead letters of all parts, ordered by the bytes of their keys. Of several with one key, only the latest.
    /// Empty if the job isn't known or has no workers. Lists those of each part, and sorts them: O(n log n) for n letters.
    ///
    /// # Errors
    ///
    /// Returns the store's error, including if a letter can't be read.
    pub fn dead_letters<C: DeadLetters>(
        &self,
        checkpoints: &mut C,
    ) -> Result<Vec<DeadLetterRecord>, C::Error> {
        let mut letters = Vec::new();
        let recorded = checkpoints
            .load(&self.name)?
            .map_or(0, |whole| whole.plan().1);
        for number in 1..=recorded {
            letters.extend(checkpoints.dead_letters(&part_name(&self.name, number))?);
        }
        Ok(merged(letters))
    }
}

/// Asynchronous workers. Requires the feature `async`.
#[cfg(feature = "async")]
impl ParallelJob {
    /// Runs the workers, until the job is done, or they are stopped or fail. It is [`run`](Self::run) with futures:
    /// `work` creates the worker's source and checkpoints, and awaits the run of [`Worker::async_job`].
    ///
    /// All workers run in the task that awaits this: while one waits for the store, the others go on. So it needs no
    /// runtime, and the work may borrow. It uses one processor; for more, run several of these in tasks or threads of
    /// their own, by the same name, as several processes would. In a task, which must be `Send`, give the table and the
    /// checkpoints an `Arc<Client>` instead of a reference. Also box the worker's run, as [`Job::run_async`] says:
    /// `let run: Pin<Box<dyn Future<Output = _> + Send + '_>> = Box::pin(job.run_async(..)); Ok(run.await?)`.
    ///
    /// The outcome is that of [`run`](Self::run), and so is the cost. Dropping the future drops each worker's run; see
    /// [`Job::run_async`].
    ///
    /// ```text
    /// let outcome = ParallelJob::new("slugs").workers(4).run_async(async |worker| {
    ///     let client = connect().await?;
    ///     let walk = Walk::new(Table::new(&client, "items").await?);
    ///     let job = worker.async_job(walk, PostgresCheckpoints::new(&client), tokio::time::sleep);
    ///     Ok(job.run_async(async |tx, items| { .. }).await?)
    /// });
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the first error of a worker; see [`run`](Self::run).
    ///
    /// # Panics
    ///
    /// If a worker panics, once all workers have ended.
    pub async fn run_async(
        self,
        work: impl AsyncFn(Worker) -> Result<Outcome, BoxError>,
    ) -> Result<Outcome, BoxError> {
        let (shared, workers) = self.start();
        let running = workers.into_iter().map(|worker| {
            let (work, shared) = (&work, &shared);
            Some(Box::pin(async move { shared.ended(work(worker).await) }))
        });
        let mut running: Vec<_> = running.collect();
        let mut outcomes = vec![None; running.len()];
        let mut panicked = None;
        std::future::poll_fn(|context| {
            for (slot, outcome) in running.iter_mut().zip(&mut outcomes) {
                let Some(worker) = slot else {
                    continue;
                };
                let poll = AssertUnwindSafe(|| worker.as_mut().poll(context));
                match panic::catch_unwind(poll) {
                    Ok(Poll::Pending) => continue,
                    Ok(Poll::Ready(ended)) => *outcome = ended,
                    // The other workers stop, and record their chunk.
                    Err(panic) => {
                        shared.stop.request();
                        panicked.get_or_insert(panic);
                    }
                }
                *slot = None;
            }
            match running.iter().all(Option::is_none) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
        match panicked {
            Some(panic) => panic::resume_unwind(panic),
            None => shared.outcome(outcomes.into_iter().flatten().collect()),
        }
    }

    /// Reads the [progress](Self::progress) of the whole job from an asynchronous store, at the same cost.
    ///
    /// # Errors
    ///
    /// Returns the store's error.
    pub async fn progress_async<C: AsyncCheckpointStore>(
        &self,
        checkpoints: &mut C,
    ) -> Result<Option<Progress<'_, Infallible>>, C::Error> {
        let Some(whole) = checkpoints.load(&self.name).await? else {
            return Ok(None);
        };
        let mut board = Board::of(whole);
        for number in 1..=board.parts() {
            let stored = checkpoints.load(&part_name(&self.name, number)).await?;
            board.observe(number - 1, stored.as_ref());
        }
        Ok(Some(board.progress(&self.name, Duration::ZERO)))
    }

    /// Lists the [dead letters](Self::dead_letters) of all parts from an asynchronous store, in the same order.
    ///
    /// # Errors
    ///
    /// Returns the store's error, including if a letter can't be read.
    pub async fn dead_letters_async<C: AsyncDeadLetters>(
        &self,
        checkpoints: &mut C,
    ) -> Result<Vec<DeadLetterRecord>, C::Error> {
        let mut letters = Vec::new();
        let whole = checkpoints.load(&self.name).await?;
        for number in 1..=whole.map_or(0, |whole| whole.plan().1) {
            let name = part_name(&self.name, number);
            letters.extend(checkpoints.dead_letters(&name).await?);
        }
        Ok(merged(letters))
    }
}

/// Orders letters by key. Of several with one key, which several plans have left, keeps the latest.
pub(crate) fn merged(mut letters: Vec<DeadLetterRecord>) -> Vec<DeadLetterRecord> {
    letters.sort_by(|a, b| {
        let by_key = a.key_bytes().cmp(b.key_bytes());
        by_key.then(b.time().cmp(&a.time()))
    });
    letters.dedup_by(|later, kept| later.key_bytes() == kept.key_bytes());
    letters
}

impl fmt::Debug for ParallelJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParallelJob")
            .field("name", &self.name)
            .field("workers", &self.workers)
            .finish_non_exhaustive()
    }
}

/// Returns the name of a part, whose number counts from 1.
pub(crate) fn part_name(job: &str, number: usize) -> String {
    format!("{job}#part-{number:03}")
}

/// A worker of a [`ParallelJob`], to create its [job](Self::job).
pub struct Worker {
    pub(crate) shared: Arc<Shared>,
    index: usize,
}

impl Worker {
    /// Returns the worker's number in this runner, from 0. [`Outcome::workers`] has the same order.
    #[must_use]
    pub fn number(&self) -> usize {
        self.index
    }

    /// Creates the worker's job. Its [`run`](Job::run) takes part after part. All workers need the same walk, over the
    /// same store; a walk that differs is [refused](crate::Error::Resume). Reads nothing yet.
    pub fn job<'a, S: SplitSource + ResumableSource, C: CheckpointStore>(
        self,
        walk: Walk<S>,
        checkpoints: C,
    ) -> Job<'a, S, C> {
        let mut job = Job::new(self.shared.name.clone(), walk, checkpoints);
        job.worker = Some(Working {
            worker: self,
            split: Split::Blocking(Walk::split),
        });
        job
    }

    /// Creates the worker's asynchronous job, as [`Job::new_async`] does. Requires the feature `async`.
    #[cfg(feature = "async")]
    pub fn async_job<'a, S, C, Fut>(
        self,
        walk: Walk<S>,
        checkpoints: C,
        sleep: impl FnMut(Duration) -> Fut + Send + 'a,
    ) -> AsyncJob<'a, S, C>
    where
        S: AsyncSplitSource + ResumableSource,
        C: AsyncCheckpointStore,
        Fut: Future<Output = ()> + Send + 'a,
    {
        let mut job = Job::new_async(self.shared.name.clone(), walk, checkpoints, sleep);
        job.worker = Some(Working {
            worker: self,
            split: Split::Async(|walk, parts| Box::pin(walk.async_split(parts))),
        });
        job
    }

    pub(crate) fn job_name(&self) -> &str {
        &self.shared.name
    }

    /// Returns the name of the part with this index.
    pub(crate) fn part_name(&self, part: usize) -> String {
        part_name(&self.shared.name, part + 1)
    }

    pub(crate) fn parts_to_plan(&self) -> usize {
        self.shared.parts_to_plan
    }

    /// Takes over what the whole job decides.
    pub(crate) fn begin(&self, options: &mut Options) {
        options.stops.push(self.shared.stop.clone());
        let total = options.total.take();
        let mut board = self.shared.board();
        board.total = board.total.or(total);
    }

    pub(crate) fn part(&self, part: usize) -> PartOf {
        PartOf {
            shared: Arc::clone(&self.shared),
            part,
        }
    }

    /// Learns how far a part is that no worker of this runner has. Ignores what another worker already knows better:
    /// since the checkpoint was read, it may have run the part, or joined a new plan.
    pub(crate) fn observe(&self, part: usize, checkpoint: &Checkpoint) {
        self.shared.board().observe_free(part, checkpoint);
    }

    pub(crate) fn tell(&self) {
        self.shared.tell();
    }

    /// Lets one worker of this runner at a time plan or finish the job: the checkpoints' lease may be the runner's.
    pub(crate) fn lead(&self) -> Option<Lead<'_>> {
        let is_led = &self.shared.is_led;
        (!is_led.swap(true, Ordering::AcqRel)).then(|| Lead(is_led))
    }

    pub(crate) fn has_entered(&self) -> bool {
        self.shared.board().whole.is_some()
    }

    /// Joins the runner to a plan whose parts were read. Returns whether it is the first of its workers that does. `None`
    /// if the runner has another plan, which isn't done: its workers may be running.
    pub(crate) fn enter(&self, joined: Board) -> Option<bool> {
        self.shared.board().enter(joined)
    }

    /// Returns the indices of the parts, in the order in which this worker takes them: at first far from the others'.
    pub(crate) fn order(&self) -> impl Iterator<Item = usize> + use<> {
        let parts = self.shared.board().parts();
        let start = parts * self.index / self.shared.workers;
        (start..parts).chain(0..start)
    }

    /// Takes a part, as far as the workers of this runner are concerned.
    pub(crate) fn claim(&self, part: usize) -> Claim {
        self.shared.board().claim(part)
    }

    /// Leaves a part, and says whether its run has come to the end.
    pub(crate) fn leave(&self, part: usize, is_at_end: bool) {
        self.shared.board().leave(part, is_at_end);
    }

    pub(crate) fn is_finished(&self) -> bool {
        let board = self.shared.board();
        board.whole.as_ref().is_some_and(Checkpoint::is_done)
    }

    /// Returns the job's checkpoint, with the counts of all parts.
    pub(crate) fn whole(&self) -> Option<Checkpoint> {
        self.shared.board().summed()
    }

    /// Takes over the job's checkpoint once it is done.
    pub(crate) fn finish(&self, whole: Checkpoint) {
        self.shared.board().whole = Some(whole);
        self.tell();
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("job", &self.shared.name)
            .field("number", &self.index)
            .finish_non_exhaustive()
    }
}

/// A worker's right to plan or finish the job, until this is dropped.
pub(crate) struct Lead<'w>(&'w AtomicBool);

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// A part that is running.
#[derive(Clone)]
pub(crate) struct PartOf {
    shared: Arc<Shared>,
    part: usize,
}

impl PartOf {
    pub(crate) fn workers(&self) -> usize {
        self.shared.workers
    }

    /// Returns whether this is a checkpoint of the part, by the runner's plan.
    pub(crate) fn is_of(&self, checkpoint: &Checkpoint) -> bool {
        let has_place = match &checkpoint.parallel {
            Some(Parallel::Part { of, number }) => {
                *of == self.shared.name && *number == self.part + 1
            }
            Some(Parallel::Whole { .. }) | None => false,
        };
        has_place && self.shared.board().has_planned(checkpoint)
    }

    /// Stops all workers of this runner.
    pub(crate) fn stop(&self) {
        self.shared.stop.request();
    }

    /// Learns how far the part is.
    pub(crate) fn observe(&self, checkpoint: &Checkpoint) {
        self.shared.board().observe(self.part, Some(checkpoint));
    }

    /// Learns how far this runner has come with the part, and reports the progress of the whole.
    pub(crate) fn record(&self, checkpoint: &Checkpoint) {
        self.shared.board().record(self.part, checkpoint);
        self.shared.tell();
    }

    /// Returns the counts of the other parts.
    pub(crate) fn others(&self) -> Counts {
        self.shared.board().others(self.part)
    }
}

/// What the workers of a runner share.
pub(crate) struct Shared {
    name: String,
    workers: usize,
    parts_to_plan: usize,
    began: Duration,
    /// Set once a worker has failed or should stop.
    stop: Stop,
    board: Mutex<Board>,
    /// Whether a worker plans or finishes the job.
    is_led: AtomicBool,
    hooks: Mutex<Vec<Hook>>,
    /// The first error of a worker.
    failure: Mutex<Option<BoxError>>,
}

impl Shared {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports the progress. The hooks' lock comes first, so that the reports are in order.
    fn tell(&self) {
        let mut hooks = self.hooks.lock().unwrap_or_else(PoisonError::into_inner);
        if hooks.is_empty() {
            return;
        }
        let elapsed = SystemClock.now().saturating_sub(self.began);
        let progress = self.board().progress(&self.name, elapsed);
        hooks.iter_mut().for_each(|hook| hook(&progress));
    }

    /// Calls the worker's function. If it fails or panics, the other workers stop.
    pub(crate) fn watch(
        &self,
        work: impl FnOnce() -> Result<Outcome, BoxError>,
    ) -> Option<Outcome> {
        let panics = StopUnlessForgotten(&self.stop);
        let worked = work();
        std::mem::forget(panics);
        self.ended(worked)
    }

    /// Takes what a worker's function has returned.
    pub(crate) fn ended(&self, worked: Result<Outcome, BoxError>) -> Option<Outcome> {
        match worked {
            Ok(outcome) => {
                if outcome.stop_reason() == StopReason::Stopped {
                    self.stop.request();
                }
                Some(outcome)
            }
            Err(error) => {
                self.fail(error);
                None
            }
        }
    }

    fn fail(&self, error: BoxError) {
        self.stop.request();
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert(error);
    }

    /// Returns the outcome of the whole.
    pub(crate) fn outcome(&self, workers: Vec<Outcome>) -> Result<Outcome, BoxError> {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = failure.take() {
            return Err(error);
        }
        let elapsed = SystemClock.now().saturating_sub(self.began);
        let mut whole = Outcome::of(StopReason::Done, elapsed, 0);
        workers.iter().for_each(|worker| whole.add(worker));
        whole.checkpoint = self.board().summed();
        if !workers.iter().any(Outcome::is_done) {
            // Others are running, unless a worker had another reason to end.
            let reasons = workers.iter().map(Outcome::stop_reason);
            let mut reasons =
                reasons.filter(|why| !matches!(why, StopReason::Done | StopReason::OthersRunning));
            whole.ended = reasons.next().unwrap_or(StopReason::OthersRunning);
        }
        whole.workers = workers;
        Ok(whole)
    }
}

/// Requests a stop when it is dropped.
struct StopUnlessForgotten<'s>(&'s Stop);

impl Drop for StopUnlessForgotten<'_> {
    fn drop(&mut self) {
        self.0.request();
    }
}
