use std::fmt;
use std::time::Duration;

use backon::BackoffBuilder;
#[cfg(feature = "indicatif")]
use indicatif::ProgressBar;
use keywalk::{ChunkSource, ResumableSource, Walk};

use crate::blocking::{self, Blocking, Bury, Hooks, Retry, poll_once};
use crate::checkpoints::CheckpointStore;
use crate::clock::{Clock, SystemClock};
use crate::control::Options;
use crate::dead_letter::DeadLetters;
use crate::error::{BoxError, Error};
use crate::events;
use crate::lease::Leases;
#[cfg(feature = "indicatif")]
use crate::outcome::Items;
use crate::outcome::Outcome;
use crate::progress::Progress;
use crate::run::run;
use crate::stop::Stop;

/// A walk with a name, whose position is kept: stopped, killed or crashed, it goes on where it was when it
/// is run again.
///
/// For each chunk it fetches the items, runs the caller's function over them and records the position.
/// Where the function works through the transaction that the position is recorded in
/// (`keywalk_sqlite::SqliteCheckpoints`) each item's effect happens *exactly once*, whatever happens to the
/// process. With a checkpoint elsewhere ([`FileCheckpoints`](crate::FileCheckpoints)) it is *at least
/// once*: after a crash the items of one chunk may come again, and only those.
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
/// # What may be said
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
///     // An item that fails is tried again; then it is recorded and skipped, at most 100 of them.
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
/// # Running it again
///
/// A run goes on from the checkpoint, if there is one; then the walk has to be over the same source, in the
/// same order and range, and what differs is an [error](Error::Resume), unless the job may
/// [start over](Self::restart_if_changed), go on to a [later end](Self::extend_range) or
/// [adopt](Self::adopt) another query. Its chunk size is free. A job that
/// is done does nothing more, unless it is [`restart_when_done`](Self::restart_when_done). An [unbounded](Walk::unbounded) walk's job is
/// never done: each run does what was appended since.
///
/// A second runner is refused; see [`wait_for_lease`](Self::wait_for_lease).
#[must_use = "a job does nothing until it is run"]
pub struct Job<'a, S: ChunkSource + ResumableSource, C: CheckpointStore> {
    name: String,
    walk: Walk<S>,
    checkpoints: C,
    /// How items that fail are recorded, if they are skipped.
    record_dead_letter: Option<Bury<C>>,
    options: Options,
    hooks: Hooks<'a, S::Key>,
}

impl<'a, S: ChunkSource + ResumableSource, C: CheckpointStore> Job<'a, S, C> {
    /// A job of this name, unique among those of the same checkpoints. Nothing is read yet.
    ///
    /// With [`FileCheckpoints`](crate::FileCheckpoints), or `keywalk_sqlite::SqliteCheckpoints` over a file, the
    /// name becomes a part of a file's, three bytes for any that isn't a small letter, a digit, `-` or `_`:
    /// what is too long for that is an error when the job runs (255 bytes in all, on most systems).
    pub fn new(name: impl Into<String>, walk: Walk<S>, checkpoints: C) -> Self {
        Job {
            name: name.into(),
            walk,
            checkpoints,
            record_dead_letter: None,
            options: Options::default(),
            hooks: Hooks {
                clock: Box::new(SystemClock),
                retry: None,
                hold: None,
                on_progress: Vec::new(),
            },
        }
    }

    /// Starts anew where an earlier run has come to the end, as a nightly clean-up does; then with any walk.
    /// Dead letters stay until their item fails again or the job is reset. Default: a job that is done stays
    /// done.
    pub fn restart_when_done(mut self) -> Self {
        self.options.repeated = true;
        self
    }

    /// Starts over where the stored checkpoint is of another walk: of another table, query, filter, key, range or
    /// order. For jobs whose range moves and whose effects may come again, such as a purge of what is older than
    /// a date. Dead letters stay. Default: [`Error::Resume`].
    pub fn restart_if_changed(mut self) -> Self {
        self.options.restarts = true;
        self
    }

    /// Goes on to the end of the walk's range where that lies further on than it did, also if the job was done: for
    /// an increment, each of whose runs does what came since. Each item is done once. Default:
    /// [`Error::Resume`].
    ///
    /// The start of the range must stay the same. A done job goes on past the last key that it had, so what
    /// was inserted before that isn't visited. Not for jobs that are [`restart_when_done`](Self::restart_when_done): those start
    /// over once they are done.
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

    /// Goes on at the stored position although the table, query or filter is another one: where a query's text
    /// had to change while the job was under way. Key, range and order must be the same. Default:
    /// [`Error::Resume`].
    ///
    /// **Nothing checks that both return the same rows.** What only the new one returns, before the position, is
    /// never visited. Remove this call once a run has gone on: the job is then over the new walk, and the next
    /// change is refused again.
    pub fn adopt(mut self) -> Self {
        self.options.adopts = true;
        self
    }

    /// Waits while another runner has the job, until it is [stopped](Self::stop_on) or its
    /// [time](Self::deadline) is up. Default: [`Error::AlreadyRunning`] at once.
    pub fn wait_for_lease(mut self) -> Self {
        self.options.waits = true;
        self
    }

    /// Stops when this flag asks for it: the chunk is finished and recorded, and the run ends. Looked at
    /// between two chunks, and every 20 milliseconds of a pause. May be called for several flags.
    pub fn stop_on(mut self, stop: &Stop) -> Self {
        self.options.stops.push(stop.clone());
        self
    }

    /// Stops after this time, as a cron job needs that must be over before the next one: no chunk is begun
    /// after it. Default: never. A chunk that is under way is finished, so give it smaller chunks where
    /// that takes long.
    pub fn deadline(mut self, time: Duration) -> Self {
        self.options.deadline = Some(time);
        self
    }

    /// Pauses this long after each chunk, to leave the store to others. Default: not at all.
    pub fn pause(mut self, time: Duration) -> Self {
        self.options.pause = time;
        self
    }

    /// Does at most this many items a second: after each chunk it waits until as much time has passed as
    /// its items may take. Chunks are made small enough for a second each, so what is bunched is that much;
    /// a run doesn't know when the one before ended. Default: no ceiling.
    ///
    /// # Panics
    ///
    /// If the rate isn't a number above 0.
    #[track_caller]
    pub fn max_items_per_second(mut self, items: f64) -> Self {
        assert!(items > 0.0, "the rate must be above 0");
        self.options.rate = Some(items);
        self
    }

    /// Asks before each chunk whether to hold on: while it answers a time, the job waits that long and asks
    /// again. For what should slow it down: load, a replica's lag, the size of the WAL. Default: goes on.
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
    /// [dead letter](crate::DeadLetter); [`DeadLetters::dead_letters`] lists them. Default: the run ends at the
    /// first failure.
    ///
    /// What the *source* fails at isn't skipped: a row that its closure can't decode ends the run. Decode in
    /// the job's function what may be wrong. Nor is an error that loses the chunk's whole scope, such as one
    /// that ends a transaction: it may be tried [again](Self::retry), or ends the run.
    ///
    /// The function is then called with one item at a time, and over SQLite what it did for an item that
    /// failed is undone alone (a savepoint for each item, about a microsecond).
    ///
    /// Limit how many with [`max_skipped`](Self::max_skipped) or
    /// [`max_skipped_ratio`](Self::max_skipped_ratio), so that a mistake in the function doesn't skip them all.
    pub fn skip_failures(mut self) -> Self
    where
        C: DeadLetters,
    {
        self.record_dead_letter = Some(blocking::record_dead_letter);
        self
    }

    /// [Skips failures](Self::skip_failures), but at most `items` of the job, over all its runs. One more ends the
    /// run with [`Error::SkipLimit`]; what came before it is done and recorded. Default: no limit.
    pub fn max_skipped(mut self, items: u64) -> Self
    where
        C: DeadLetters,
    {
        self.options.max_skipped = Some(items);
        self.skip_failures()
    }

    /// [Skips failures](Self::skip_failures), but at most this share of the items that the job has come to, once
    /// these are at least `min_items`: 0.01 is 1 %. One more ends the run with [`Error::SkipLimit`]; what came
    /// before it is done and recorded. Default: no limit.
    ///
    /// # Panics
    ///
    /// If the share isn't 0 to 1.
    #[track_caller]
    pub fn max_skipped_ratio(mut self, ratio: f64, min_items: u64) -> Self
    where
        C: DeadLetters,
    {
        assert!(
            (0.0..=1.0).contains(&ratio),
            "the share of skipped items must be 0 to 1"
        );
        self.options.max_skipped_ratio = Some((ratio, min_items));
        self.skip_failures()
    }

    /// Tries a chunk again for which the function fails, after each of the policy's delays, `when` this
    /// says of the error that another try is worth it. Only then the run ends, or the item is
    /// [skipped](Self::skip_failures). Default: no second try.
    ///
    /// What was done with the chunk is undone first, where it can be, and its items are fetched again. Where
    /// failures are skipped, each item has the whole policy to itself: what came before it in the chunk is
    /// committed, and not done again. Between two tries nothing of the store is held, and a
    /// [stop](Self::stop_on) or [deadline](Self::deadline) ends the run.
    ///
    /// The checkpoints follow the same policy: where another writer holds the lock for too long the job waits, and
    /// does the chunk again. `when` isn't asked about their errors, but
    /// [`CheckpointStore::is_transient`]. Failures of the *source* are for `keywalk-retry`.
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

    /// Tells how many items the job has in all, for [`Progress::share`]; from a count of the table, say.
    /// Default: the share is told by the key, without counting.
    pub fn total(mut self, items: u64) -> Self {
        self.options.total = Some(items);
        self
    }

    /// Calls this before the first chunk, and after each once it is recorded; also now and then while a filter
    /// matches nothing. May be called for several.
    pub fn on_progress(mut self, hook: impl FnMut(&Progress<'_, S::Key>) + 'a) -> Self {
        self.hooks.on_progress.push(Box::new(hook));
        self
    }

    /// Shows the progress on this bar: of the items, if their [total](Self::total) is told, otherwise by
    /// the share that is done, in ten-thousandths. Where neither can be told it counts items, without an
    /// end. The bar's message is the number of items, and of those that were skipped.
    ///
    /// With the feature `indicatif`.
    #[cfg(feature = "indicatif")]
    pub fn bar(self, bar: ProgressBar) -> Self {
        self.on_progress(move |progress| show(&bar, progress))
    }

    /// Takes time from this clock and waits by it. Default: the machine's. For tests. The walk's
    /// [own](Walk::clock), by which chunks are sized, is another one.
    pub fn clock(mut self, clock: impl Clock + 'a) -> Self {
        self.hooks.clock = Box::new(clock);
        self
    }

    /// Runs the job: until it is done, stopped, out of time, or something fails.
    ///
    /// `work` is called for each chunk, with the scope of the checkpoints (a transaction, or `()`) and the
    /// chunk's items: at least one. It may be called again for a chunk that was undone. If it panics, the
    /// panic goes on to the caller, and what it did with the chunk is undone as if it had failed.
    ///
    /// # Errors
    ///
    /// See [`Error`]. What was done before stays done, and recorded.
    pub fn run<F>(self, work: F) -> Result<Outcome, Error<S::Error, C::Error>>
    where
        C: Leases,
        F: FnMut(&mut C::Scope<'_>, &[S::Item]) -> Result<(), BoxError>,
    {
        let walk = match self.options.rate {
            // A second's worth: what is bunched by a chunk isn't more.
            Some(rate) => self.walk.max_chunk_size((rate.ceil() as usize).max(1)),
            None => self.walk,
        };
        let begins = walk.cursor();
        let mut store = Blocking {
            checkpoints: self.checkpoints,
            work,
            record_dead_letter: self.record_dead_letter,
        };
        let (name, options, hooks) = (&self.name, self.options, self.hooks);
        events::run(name).in_scope(|| {
            let run = run(name, options, hooks, begins, walk.chunks(), &mut store);
            poll_once(name, run)
        })
    }
}

/// Prints the name, and no data.
impl<S: ChunkSource + ResumableSource, C: CheckpointStore> fmt::Debug for Job<'_, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("name", &self.name)
            .field("walk", &self.walk)
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "indicatif")]
fn show<K>(bar: &ProgressBar, progress: &Progress<'_, K>) {
    /// The length of a bar whose items aren't counted.
    const PARTS: u64 = 10_000;
    match (progress.total(), progress.share()) {
        (Some(total), _) => {
            bar.set_length(total);
            bar.set_position(progress.items());
        }
        (None, Some(share)) => {
            bar.set_length(PARTS);
            bar.set_position((share * PARTS as f64) as u64);
        }
        (None, None) => bar.set_position(progress.items()),
    }
    bar.set_message(Items(progress.items(), progress.skipped()).to_string());
    if progress.is_done() {
        bar.finish();
    }
}
