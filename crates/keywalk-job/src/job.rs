use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use backon::BackoffBuilder;
#[cfg(feature = "indicatif")]
use indicatif::ProgressBar;
use keywalk::{ChunkSource, ResumableSource, Source, Walk};

use crate::batch::Batch;
use crate::blocking::{self, Blocking, BlockingHooks, Retry, poll_once};
use crate::checkpoints::CheckpointStore;
use crate::clock::{Clock, SystemClock};
use crate::control::{Control, Options};
use crate::dead_letter::DeadLetters;
use crate::error::{BoxError, Error};
use crate::events;
use crate::lease::Leases;
use crate::next::Next;
#[cfg(feature = "indicatif")]
use crate::outcome::Items;
use crate::outcome::Outcome;
use crate::pace::{Pace, check_rate, check_ratio};
use crate::parts::{Split, Splitting, Working, run_worker};
use crate::progress::Progress;
use crate::run::run;
use crate::stop::Stop;

/// A named walk whose position is recorded. If a job is stopped or killed, or crashes, its next run continues
/// from that position.
///
/// For each chunk a job fetches the items, calls your function with them and records the position. If your
/// function works through the transaction that records the position (`keywalk_sqlite::SqliteCheckpoints`), each
/// item's effect happens *exactly once*, even if the process is killed. With a checkpoint elsewhere
/// ([`FileCheckpoints`](crate::FileCheckpoints)) effects happen *at least once*: after a crash the items of one
/// chunk, and only those, may be processed again.
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::{Arc, RwLock};
/// use keywalk::Walk;
/// use keywalk_job::{FileCheckpoints, Job};
/// use keywalk_memory::{Named, SharedMap};
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// let users = Arc::new(RwLock::new(BTreeMap::from([(1, "ada"), (2, "bob")])));
/// let users = Named::new("users", SharedMap::new(users));
/// let walk = Walk::new(users).chunk_size(100);
///
/// let outcome = Job::new("greet", walk, FileCheckpoints::new(folder)).run(|(), users| {
///     for (id, name) in users {
///         println!("hello {name}, who is {id}");
///     }
///     Ok(())
/// })?;
/// assert!(outcome.is_done());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Options
///
/// ```
/// use std::time::Duration;
/// use keywalk::Walk;
/// use keywalk_job::{FileCheckpoints, ExponentialBuilder, Job, Stop};
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// # let map = std::collections::BTreeMap::from([(1, "12"), (2, "a dozen")]);
/// # let walk = Walk::new(keywalk_memory::Named::new("items", &map));
/// let stop = Stop::new();
/// let outcome = Job::new("parse", walk, FileCheckpoints::new(folder))
///     .stop_on(&stop)
///     .deadline(Duration::from_secs(3_600))
///     .max_items_per_second(20_000.0)
///     // An I/O error is retried twice. Any item that still fails is recorded and skipped: at most 100 items.
///     .retry(ExponentialBuilder::default().with_max_times(2), |error| error.is::<std::io::Error>())
///     .max_skipped(100)
///     .on_progress(|progress| println!("{progress}")) // 40960 items, 40 %, 2 s left
///     .run(|(), items| {
///         for (_id, number) in items {
///             println!("{}", number.parse::<u32>()?);
///         }
///         Ok(())
///     })?;
/// println!("{outcome}"); // done: 100000 items (1 skipped) in 196 chunks, 5.00 s
/// # assert_eq!(outcome.skipped(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What the function gets and returns
///
/// The function gets the store's scope and a [`Batch`]: a slice of items that also knows its number, its key range
/// and the job's progress. It returns `Ok(())` to go on, or a [`Next`] to keep only the first items of the batch, to
/// end the run, or to end the job as done.
///
/// If the store can process a range of keys in one statement, bind the batch's [`first_key`](Batch::first_key) and
/// [`last_key`](Batch::last_key); the walk then only needs the keys. `keywalk_sqlite::SqliteCheckpoints` has an
/// example.
///
/// ```
/// # use keywalk::Walk;
/// # use keywalk_job::{FileCheckpoints, Job};
/// use keywalk_job::Next;
///
/// # let folder = tempfile::tempdir()?;
/// # let map: std::collections::BTreeMap<u32, u32> = (1..=9).map(|n| (n, n)).collect();
/// # let walk = Walk::new(keywalk_memory::Named::new("items", &map)).chunk_size(2);
/// # let checkpoints = FileCheckpoints::new(folder.path());
/// let outcome = Job::new("first five", walk, checkpoints).run(|(), items| {
///     println!("chunk {}, up to the key {}", items.number(), items.last_key());
///     // How many items were done before this batch.
///     let done = items.progress().items() as usize;
///     match 5 - done {
///         left if left <= items.len() => Ok(Next::finish().after(left)),
///         _ => Ok(Next::go_on()),
///     }
/// })?;
/// assert_eq!((outcome.items(), outcome.is_done()), (5, true));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Running it again
///
/// A run continues from the job's checkpoint, if there is one. The walk must then have the same source, order
/// and range; only its chunk size and its [limit](Walk::limit) may change. A difference is an
/// [error](Error::Resume), unless the job may [start over](Self::restart_if_changed), continue to a
/// [later end](Self::extend_range) or [adopt](Self::adopt) another query.
///
/// A run of a job that is done does nothing, unless the job is set to
/// [`restart_when_done`](Self::restart_when_done). A job over an [unbounded](Walk::unbounded) walk is never
/// done: each run processes what was appended since the last one.
///
/// A walk's [limit](Walk::limit) counts the job's items over all its runs. To try a job on 1,000 rows first, run it
/// with `.limit(1_000)`. The run ends with [`StopReason::Limit`](crate::StopReason::Limit), and one without the limit
/// continues.
///
/// A second concurrent runner is refused; see [`wait_for_lease`](Self::wait_for_lease).
///
/// `H` holds the functions that the caller has set. It distinguishes blocking jobs (the default) from asynchronous ones
/// (`AsyncJob`, feature `async`).
#[must_use = "a job does nothing until it is run"]
pub struct Job<'a, S: ResumableSource, C, H = BlockingHooks<'a, <S as Source>::Key, C>> {
    pub(crate) name: String,
    pub(crate) walk: Walk<S>,
    pub(crate) checkpoints: C,
    pub(crate) options: Options,
    pub(crate) hooks: H,
    /// The lifetime of the hooks.
    pub(crate) lifetime: PhantomData<&'a ()>,
    /// The worker of a parallel job that runs it.
    pub(crate) worker: Option<Working<S>>,
}

impl<'a, S: ChunkSource + ResumableSource, C: CheckpointStore> Job<'a, S, C> {
    /// Creates a job. Its name must be unique among the jobs of the same checkpoints. Reads nothing yet.
    ///
    /// With [`FileCheckpoints`](crate::FileCheckpoints), or `keywalk_sqlite::SqliteCheckpoints` over a file,
    /// the name becomes part of a file name. Every byte except `a`-`z`, `0`-`9`, `-` and `_` is escaped to three
    /// bytes there. If the file name then exceeds the system's limit (usually 255 bytes), the run fails.
    pub fn new(name: impl Into<String>, walk: Walk<S>, checkpoints: C) -> Self {
        Job {
            name: name.into(),
            walk,
            checkpoints,
            options: Options::default(),
            hooks: BlockingHooks {
                clock: Box::new(SystemClock),
                retry: None,
                hold: None,
                on_progress: Vec::new(),
                record_dead_letter: None,
            },
            lifetime: PhantomData,
            worker: None,
        }
    }

    /// Calls `hold` once before each chunk. While it returns `Some(delay)`, the job sleeps for `delay` and calls it
    /// again. Use it to slow the job down under load, replica lag or a growing WAL. It is also called before a retry,
    /// and after every 64 fetches in which a filter matched nothing. Default: never waits.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use keywalk::Walk;
    /// # use keywalk_job::{FileCheckpoints, Job};
    /// # let map = std::collections::BTreeMap::from([(1, 2)]);
    /// # let walk = Walk::new(keywalk_memory::Named::new("items", &map));
    /// # let folder = tempfile::tempdir()?;
    /// # let checkpoints = FileCheckpoints::new(folder.path());
    /// let job = Job::new("polite", walk, checkpoints).throttle_with(|_progress| {
    ///     let wal = std::fs::metadata("shop.db-wal").map_or(0, |file| file.len());
    ///     (wal > 64 << 20).then_some(Duration::from_millis(200))
    /// });
    /// # drop(job);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn throttle_with(
        mut self,
        hold: impl FnMut(&Progress<'_, S::Key>) -> Option<Duration> + 'a,
    ) -> Self {
        self.hooks.hold = Some(Box::new(hold));
        self
    }

    /// Skips the items for which the function fails, and records each with its error as a
    /// [dead letter](crate::DeadLetter). [`DeadLetters::dead_letters`] lists them. Default: the run ends at the
    /// first failure.
    ///
    /// The function is then called with one item at a time. Over SQLite, only the failed item's changes are
    /// undone (one savepoint per item, about a microsecond). A store without savepoints, such as redb, undoes the
    /// chunk's transaction: the items before are processed again and committed, then the failed one is processed alone,
    /// and skipped if it fails again. So some items are processed two or three times, and their effects committed once.
    ///
    /// Two kinds of errors are not skipped:
    ///
    /// - An error of the *source*, such as a failure in the closure passed to `keywalk_sqlite::Table::map`, ends
    ///   the run. Decode doubtful data in the job's function instead.
    /// - If an error ends the whole transaction, the chunk is [retried](Self::retry), or the run ends.
    ///
    /// Set a limit with [`max_skipped`](Self::max_skipped) or [`max_skipped_ratio`](Self::max_skipped_ratio),
    /// so that a mistake in the function doesn't skip every item.
    pub fn skip_failures(mut self) -> Self
    where
        C: DeadLetters,
    {
        self.hooks.record_dead_letter = Some(blocking::record_dead_letter);
        self
    }

    /// [Skips failures](Self::skip_failures), but no more than `items` of them over all runs of the job. The next
    /// failure ends the run with [`Error::SkipLimit`]; what came before is done and recorded. Default: no limit.
    pub fn max_skipped(mut self, items: u64) -> Self
    where
        C: DeadLetters,
    {
        self.options.max_skipped = Some(items);
        self.skip_failures()
    }

    /// [Skips failures](Self::skip_failures), but at most this ratio of the items that the job has reached: 0.01
    /// is 1 %. The limit applies once the job has reached `min_items` items. The next failure that would exceed
    /// the ratio ends the run with [`Error::SkipLimit`]; what came before is done and recorded. Default: no
    /// limit.
    ///
    /// # Panics
    ///
    /// If `ratio` isn't between 0 and 1.
    #[track_caller]
    pub fn max_skipped_ratio(mut self, ratio: f64, min_items: u64) -> Self
    where
        C: DeadLetters,
    {
        self.options.set_max_skipped_ratio(ratio, min_items);
        self.skip_failures()
    }

    /// Retries the chunk if the function fails and `when(error)` is `true`. One retry follows each delay of the
    /// policy. If the last retry fails too, the run ends, or the item is [skipped](Self::skip_failures). Default:
    /// no retry.
    ///
    /// Before a retry, the job fetches the items of the chunk again. Effects of the chunk are undone if they went
    /// through the scope's transaction. If failures are skipped, each item gets its own set of retries. Before an
    /// item is retried, the items before it in the chunk are committed, so they aren't repeated. Between two
    /// tries the job holds nothing of the store, and a [stop](Self::stop_on) or [deadline](Self::deadline) ends
    /// the run.
    ///
    /// Checkpoint failures, such as a lock that another writer holds for too long, follow the same policy. The
    /// job waits, and processes the chunk again. [`CheckpointStore::is_transient`] decides about these errors,
    /// not `when`. For failures of the *source* use `keywalk-retry`.
    pub fn retry<B>(mut self, policy: B, when: impl FnMut(&BoxError) -> bool + 'a) -> Self
    where
        B: BackoffBuilder + Clone + 'a,
        B::Backoff: 'a,
    {
        self.hooks.retry = Some(Retry {
            policy: Box::new(move || Box::new(policy.clone().build())),
            when: Box::new(when),
        });
        self
    }

    /// Calls `hook` before the first chunk, after each chunk is recorded, and occasionally while a filter
    /// matches nothing. May be called several times; each call adds a hook.
    pub fn on_progress(mut self, hook: impl FnMut(&Progress<'_, S::Key>) + 'a) -> Self {
        self.hooks.on_progress.push(Box::new(hook));
        self
    }

    /// Shows the progress on a bar. If the [total](Self::total) is set, the bar counts items. Otherwise it shows
    /// the fraction that is done, in ten-thousandths. If neither is known, it counts items, without an end. The
    /// bar's message is the number of items, and how many of them were skipped.
    ///
    /// Requires the feature `indicatif`.
    #[cfg(feature = "indicatif")]
    pub fn bar(self, bar: ProgressBar) -> Self {
        self.on_progress(move |progress| show(&bar, progress))
    }

    /// Replaces the clock that the job uses to read the time and to sleep. For tests. The walk's
    /// [own clock](Walk::clock), which sizes chunks, is separate. Default: the machine's clock.
    pub fn clock(mut self, clock: impl Clock + 'a) -> Self {
        self.hooks.clock = Box::new(clock);
        self
    }

    /// Runs the job until it is done, stopped, past its deadline, or something fails.
    ///
    /// `work` is called for each non-empty chunk with the store's scope (for SQLite, the transaction; for files,
    /// `()`) and the items, a [`Batch`]. It returns `Ok(())`, or a [`Next`]. It may be called again for a chunk that
    /// was undone. If it panics, the panic propagates to the caller and the chunk is undone as after a failure.
    ///
    /// # Errors
    ///
    /// See [`Error`]. What was done before stays done, and recorded.
    pub fn run<F, R>(self, work: F) -> Result<Outcome, Error<S::Error, C::Error>>
    where
        C: Leases,
        F: FnMut(&mut C::Scope<'_>, Batch<'_, S::Key, S::Item>) -> Result<R, BoxError>,
        R: Into<Next>,
    {
        let walk = self.walk;
        let mut store = Blocking {
            checkpoints: self.checkpoints,
            work,
            record_dead_letter: self.hooks.record_dead_letter,
        };
        let (name, options, hooks) = (&self.name, self.options, self.hooks);
        events::run(name).in_scope(|| match self.worker {
            None => {
                let (begins, walk) = (walk.cursor(), walk.chunks());
                poll_once(name, run(name, options, hooks, begins, walk, &mut store))
            }
            Some(Working { worker, split }) => {
                let control = Control::new(hooks, options);
                let plan = match split {
                    Split::Blocking(split) => Splitting { walk, split },
                    #[cfg(feature = "async")]
                    Split::Async(_) => {
                        return Err(Error::Suspended {
                            job: self.name.clone(),
                        });
                    }
                };
                poll_once(name, run_worker(worker, control, plan, &mut store))
            }
        })
    }
}

/// The options of blocking and asynchronous jobs.
impl<S: ResumableSource, C, H> Job<'_, S, C, H> {
    /// Starts over if an earlier run has reached the end, for recurring jobs such as a nightly clean-up. The
    /// new run may use a different walk (table, key, range or order). A dead letter stays even if its item now
    /// succeeds. It is replaced if the item fails again, and removed by a [reset](Leases::reset). Default: a job
    /// that is done stays done.
    pub fn restart_when_done(mut self) -> Self {
        self.options.repeated = true;
        self
    }

    /// Starts over if the stored checkpoint belongs to another walk: another table, query, filter, key, range
    /// or order. For jobs whose range moves and whose effects may be repeated, such as a purge of rows older
    /// than a date. Dead letters stay. Default: [`Error::Resume`].
    pub fn restart_if_changed(mut self) -> Self {
        self.options.restarts = true;
        self
    }

    /// Continues to the end of the walk's range if that lies beyond the stored end, even if the job was done. If the
    /// range of a bounded walk has no end, a job that was done continues to the key that is last now. For incremental
    /// jobs, where each run processes what was added since the last one. Each item is processed once. Default: a later
    /// end is an [`Error::Resume`], and a job that is done stays done.
    ///
    /// Rows that commit late, with a key that the job has passed, are missed.
    /// [`Walk::end_before`](keywalk::Walk::end_before) leaves the newest rows to the next run, so that they can settle:
    ///
    /// ```
    /// # use std::collections::BTreeMap;
    /// # use keywalk::Walk;
    /// # use keywalk_job::{FileCheckpoints, Job};
    /// # let folder = tempfile::tempdir()?;
    /// # let mut events = BTreeMap::from([(90, "a"), (160, "b")]);
    /// # for items in [1, 2, 0, 0] {
    /// // Each night: up to 60 seconds before the newest event.
    /// let walk = Walk::new(keywalk_memory::Named::new("events", &events)).end_before(|last| last - 60);
    /// let outcome = Job::new("count", walk, FileCheckpoints::new(folder.path()))
    ///     .extend_range()
    ///     .run(|(), _events| Ok(()))?;
    /// # assert_eq!(outcome.items(), items);
    /// # events.extend([(150, "late"), (290, "c")]);
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// The start of the range must stay the same. A job that is done continues after its last key, so it
    /// doesn't visit items inserted before that key. Don't combine this with
    /// [`restart_when_done`](Self::restart_when_done): with that option, a job that is done starts over instead of
    /// continuing.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use keywalk::Walk;
    /// use keywalk_job::{FileCheckpoints, Job};
    /// use keywalk_memory::Named;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let sales = BTreeMap::from([(1, 20), (2, 5), (3, 100)]);
    /// let mut total = 0;
    /// for (day, expected) in [(2, 20), (4, 125)] {
    ///     let walk = Walk::new(Named::new("sales", &sales)).range(..day);
    ///     let job = Job::new("total", walk, FileCheckpoints::new(folder.path())).extend_range();
    ///     let outcome = job.run(|(), sales| {
    ///         total += sales.iter().map(|(_day, amount)| *amount).sum::<u32>();
    ///         Ok(())
    ///     })?;
    ///     assert_eq!((outcome.is_done(), total), (true, expected));
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "extend_to")]
    pub fn extend_range(mut self) -> Self {
        self.options.extends = true;
        self
    }

    /// Continues at the stored position even if the table, query or filter differs. For a query whose text had
    /// to change while the job was in progress. Key, range and order must be the same. Default:
    /// [`Error::Resume`].
    ///
    /// **Nothing checks that the old and the new query return the same rows.** The job never visits a row that
    /// lies before the position and that only the new query returns. Remove this call once a run has continued:
    /// the job then belongs to the new walk, and the next change is refused again.
    pub fn adopt(mut self) -> Self {
        self.options.adopts = true;
        self
    }

    /// Waits while another runner has the job, until this one is [stopped](Self::stop_on) or reaches its
    /// [deadline](Self::deadline). Default: fails with [`Error::AlreadyRunning`] at once.
    pub fn wait_for_lease(mut self) -> Self {
        self.options.waits = true;
        self
    }

    /// Ends the run when `stop` is requested: the job finishes and records its chunk first. The flag is checked
    /// between two chunks, and every 20 milliseconds of a pause. May be called several times; each call adds a
    /// flag.
    pub fn stop_on(mut self, stop: &Stop) -> Self {
        self.options.stops.push(stop.clone());
        self
    }

    /// Starts no new chunk once `time` has passed since the call of [`run`](Self::run), and ends the run with
    /// [`StopReason::Deadline`](crate::StopReason::Deadline). `time`
    /// includes the wait for the lease. For cron jobs that must end before the next one starts. A chunk in
    /// progress is finished, so use smaller chunks if that takes long. Default: no deadline.
    pub fn deadline(mut self, time: Duration) -> Self {
        self.options.deadline = Some(time);
        self
    }

    /// Starts no new chunk once `time` has passed since the job's first run began, over all runs, and ends the run with
    /// [`StopReason::TotalDeadline`](crate::StopReason::TotalDeadline). For work that is of no use any more after some
    /// days. The checkpoint records when the first run [started](crate::Checkpoint::started); if the job starts over,
    /// so does the time. It is measured with the machine's wall clock, and includes the time between runs. It isn't
    /// checked while the run waits for its lease. Default: no deadline.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use keywalk::Walk;
    /// # use keywalk_job::{FileCheckpoints, Job, StopReason};
    /// # let map = std::collections::BTreeMap::from([(1, 2)]);
    /// # let walk = Walk::new(keywalk_memory::Named::new("items", &map));
    /// # let folder = tempfile::tempdir()?;
    /// # let checkpoints = FileCheckpoints::new(folder.path());
    /// let job = Job::new("remind", walk, checkpoints)
    ///     .deadline(Duration::from_secs(3_600)) // An hour each night,
    ///     .total_deadline(Duration::from_secs(7 * 86_400)); // for a week.
    /// # drop(job);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn total_deadline(mut self, time: Duration) -> Self {
        self.options.total_deadline = Some(time);
        self
    }

    /// Pauses for `time` after each chunk, to leave capacity to other users of the store. If a
    /// [ratio](Self::pause_ratio) or a [rate](Self::max_items_per_second) is set too, the longest wait applies.
    /// Default: no pause.
    pub fn pause(mut self, time: Duration) -> Self {
        self.options.rates.pause = Some(time);
        self
    }

    /// Pauses after each chunk for this ratio of the time that the chunk took: its fetch, the function and the
    /// commit. 0.25 pauses for a quarter of the work time, so the job works 80 % of the time; 1 is half of the time.
    /// The job then slows down by itself if the store does. Default: no pause.
    ///
    /// # Panics
    ///
    /// If the ratio isn't a number from 0 on.
    #[track_caller]
    pub fn pause_ratio(mut self, ratio: f64) -> Self {
        check_ratio(ratio);
        self.options.rates.pause_ratio = Some(ratio);
        self
    }

    /// Lets another thread change the chunk size, the rate and the pause while the job runs; see [`Pace`]. A later
    /// call replaces an earlier one. Default: the job's own options.
    pub fn pace(mut self, pace: &Pace) -> Self {
        self.options.pace = Some(pace.clone());
        self
    }

    /// Caps the throughput at `items` per second. After a chunk of n items, the next one starts no sooner than
    /// n / `items` seconds after that chunk began. Chunks hold at most one second's worth of items, which bounds
    /// a burst. The limit doesn't carry over between runs: a run doesn't know when the one before ended. Default:
    /// no limit.
    ///
    /// # Panics
    ///
    /// If the rate isn't a number above 0.
    #[track_caller]
    pub fn max_items_per_second(mut self, items: f64) -> Self {
        check_rate(items);
        self.options.rates.items_per_second = Some(items);
        self
    }

    /// Halves a chunk that failed before each [retry](Self::retry), down to one item. After each success the size
    /// doubles, up to the full size. For failures that depend on the size of the chunk, such as a timeout or a full
    /// request, and to find the item that fails. A chunk that succeeds renews the retry policy. To get from 512 items
    /// to one takes 9 retries in a row.
    ///
    /// Without [`retry`](Self::retry) it does nothing. If [failures are skipped](Self::skip_failures), it does nothing
    /// either: items are then processed one by one. Default: a retry takes the whole chunk.
    ///
    /// ```
    /// # use keywalk::Walk;
    /// use keywalk_job::{ConstantBuilder, FileCheckpoints, Job};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let map: std::collections::BTreeMap<u32, u32> = (1..=8).map(|n| (n, n)).collect();
    /// # let walk = Walk::new(keywalk_memory::Named::new("items", &map));
    /// let mut sizes = Vec::new();
    /// # let checkpoints = FileCheckpoints::new(folder.path());
    /// let job = Job::new("send", walk.chunk_size(8), checkpoints)
    ///     .retry(ConstantBuilder::default().with_max_times(3), |_error| true)
    ///     .shrink_on_failure();
    /// # let job = job.clock(NoWait::default());
    /// job.run(|(), items| {
    ///     sizes.push(items.len());
    ///     match items.len() {
    ///         0..=2 => Ok(()),
    ///         _ => Err("the request is too large".into()),
    ///     }
    /// })?;
    /// assert_eq!(sizes, [8, 4, 2, 4, 2, 4, 2, 2]);
    /// # #[derive(Debug, Default)]
    /// # struct NoWait(std::cell::Cell<std::time::Duration>);
    /// # impl keywalk_job::Clock for NoWait {
    /// #     fn now(&self) -> std::time::Duration { self.0.get() }
    /// #     fn sleep(&self, time: std::time::Duration) { self.0.set(self.0.get() + time) }
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shrink_on_failure(mut self) -> Self {
        self.options.shrinks = true;
        self
    }

    /// Sets the number of items that the job has in all, for [`Progress::fraction`]; for example from a count of
    /// the table, or an estimate such as `count_estimate` of keywalk-postgres. Default: the fraction is estimated from
    /// the key, without counting. That is enough for a key of evenly spread integers or UUIDs. [`Progress::fraction`]
    /// says for which keys it isn't.
    pub fn total(mut self, items: u64) -> Self {
        self.options.total = Some(items);
        self
    }
}

/// Prints the name, and no data.
impl<S: ResumableSource, C, H> fmt::Debug for Job<'_, S, C, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("name", &self.name)
            .field("walk", &self.walk)
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "indicatif")]
pub(crate) fn show<K>(bar: &ProgressBar, progress: &Progress<'_, K>) {
    /// The length of a bar whose items aren't counted.
    const PARTS: u64 = 10_000;
    match (progress.total(), progress.fraction()) {
        (Some(total), _) => {
            bar.set_length(total);
            bar.set_position(progress.items());
        }
        (None, Some(fraction)) => {
            bar.set_length(PARTS);
            bar.set_position((fraction * PARTS as f64) as u64);
        }
        (None, None) => bar.set_position(progress.items()),
    }
    bar.set_message(Items(progress.items(), progress.skipped()).to_string());
    if progress.is_done() {
        bar.finish();
    }
}
