use std::marker::PhantomData;
use std::time::Duration;

use backon::BackoffBuilder;
#[cfg(feature = "indicatif")]
use indicatif::ProgressBar;
use keywalk::{AsyncChunkSource, ResumableSource, Source, Walk};

use crate::async_checkpoints::{AsyncCheckpointStore, AsyncDeadLetters, AsyncLeases};
use crate::async_driver::{AsyncHooks, AsyncRetry, AsyncStore, BoxFuture};
use crate::batch::Batch;
use crate::clock::{Clock, SystemClock};
use crate::control::{Control, Options};
use crate::error::{BoxError, Error};
use crate::events;
use crate::job::Job;
#[cfg(feature = "indicatif")]
use crate::job::show;
use crate::next::Next;
use crate::outcome::Outcome;
use crate::parts::{Split, Splitting, Working, run_worker};
use crate::progress::Progress;
use crate::run::run;

/// An asynchronous [`Job`]: a walk over an [`AsyncChunkSource`], whose position is kept in an
/// [`AsyncCheckpointStore`]. [`Job::new_async`] creates it, and [`run_async`](Job::run_async) runs it.
///
/// It has the options of a blocking job. The functions that it is given must be `Send`.
pub type AsyncJob<'a, S, C> = Job<'a, S, C, AsyncHooks<'a, <S as Source>::Key>>;

type BoxedRun<'a, S, C> = BoxFuture<'a, Result<Outcome, Error<S, C>>>;

/// Asynchronous jobs. Requires the feature `async`.
impl<'a, S: AsyncChunkSource + ResumableSource, C: AsyncCheckpointStore> AsyncJob<'a, S, C> {
    /// Creates an asynchronous job. Its name must be unique among the jobs of the same checkpoints. Reads nothing yet.
    ///
    /// `sleep` waits for a time: `tokio::time::sleep`, or that of another runtime. The job calls it for its pauses, its
    /// retries and its wait for the lease, with at most 20 milliseconds.
    ///
    /// ```
    /// # use std::convert::Infallible;
    /// # use keywalk::{AsyncChunkSource, Chunk, Fetched, Fingerprint, KeyRange, ResumableSource, Source};
    /// # struct Users;
    /// # impl Source for Users { type Key = u32; type Item = (u32, String); type Error = Infallible; }
    /// # impl AsyncChunkSource for Users {
    /// #     async fn fetch(&mut self, _: &KeyRange<u32>, chunk: &mut Chunk<(u32, String)>)
    /// #         -> Result<Fetched<u32>, Infallible> { chunk.push((1, "ada".to_owned())); Ok(Fetched::End) }
    /// # }
    /// # impl ResumableSource for Users {
    /// #     fn fingerprint(&self) -> Result<Fingerprint, Infallible> { Ok(Fingerprint::new("users")) }
    /// #     fn encode_key(&self, key: &u32, bytes: &mut Vec<u8>) { bytes.extend(key.to_be_bytes()) }
    /// #     fn decode_key(&self, bytes: &[u8]) -> Result<Option<u32>, Infallible> {
    /// #         Ok(bytes.try_into().ok().map(u32::from_be_bytes))
    /// #     }
    /// # }
    /// use keywalk::Walk;
    /// use keywalk_job::{FileCheckpoints, Job};
    ///
    /// # async fn greet(users: Users, folder: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
    /// let checkpoints = FileCheckpoints::new(folder);
    /// let job = Job::new_async("greet", Walk::new(users), checkpoints, tokio::time::sleep);
    /// let outcome = job
    ///     .max_items_per_second(1_000.0)
    ///     .run_async(async |_, users| {
    ///         for (id, name) in users {
    ///             println!("hello {name}, who is {id}"); // or await a request
    ///         }
    ///         Ok(())
    ///     })
    ///     .await?;
    /// assert!(outcome.is_done());
    /// # Ok(())
    /// # }
    /// # let folder = tempfile::tempdir()?;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    /// # runtime.block_on(greet(Users, folder.path()))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new_async<Fut>(
        name: impl Into<String>,
        walk: Walk<S>,
        checkpoints: C,
        mut sleep: impl FnMut(Duration) -> Fut + Send + 'a,
    ) -> Self
    where
        Fut: Future<Output = ()> + Send + 'a,
    {
        Job {
            name: name.into(),
            walk,
            checkpoints,
            options: Options::default(),
            hooks: AsyncHooks {
                clock: Box::new(SystemClock),
                sleep: Box::new(move |time| Box::pin(sleep(time))),
                retry: None,
                hold: None,
                on_progress: Vec::new(),
                skips: false,
            },
            lifetime: PhantomData,
            worker: None,
        }
    }

    /// Calls `hold` once before each chunk. While it returns `Some(delay)`, the job sleeps for `delay` and calls it
    /// again. It doesn't wait: let another task measure, and read the result here. Default: never waits.
    pub fn throttle_with(
        mut self,
        hold: impl FnMut(&Progress<'_, S::Key>) -> Option<Duration> + Send + 'a,
    ) -> Self {
        self.hooks.hold = Some(Box::new(hold));
        self
    }

    /// Skips the items for which the function fails, and records each with its error as a
    /// [dead letter](crate::DeadLetter). [`AsyncDeadLetters::dead_letters`] lists them. Default: the run ends at the
    /// first failure.
    ///
    /// The function is then called with one item at a time, as in a blocking job. Over PostgreSQL each item has a
    /// savepoint, which costs two round trips.
    ///
    /// Set a limit with [`max_skipped`](Self::max_skipped) or [`max_skipped_ratio`](Self::max_skipped_ratio),
    /// so that a mistake in the function doesn't skip every item.
    pub fn skip_failures(mut self) -> Self
    where
        C: AsyncDeadLetters,
    {
        self.hooks.skips = true;
        self
    }

    /// [Skips failures](Self::skip_failures), but no more than `items` of them over all runs of the job. The next
    /// failure ends the run with [`Error::SkipLimit`]; what came before is done and recorded. Default: no limit.
    pub fn max_skipped(mut self, items: u64) -> Self
    where
        C: AsyncDeadLetters,
    {
        self.options.max_skipped = Some(items);
        self.skip_failures()
    }

    /// [Skips failures](Self::skip_failures), but at most this ratio of the items that the job has reached: 0.01
    /// is 1 %. The limit applies once the job has reached `min_items` items. Default: no limit.
    ///
    /// # Panics
    ///
    /// If `ratio` isn't between 0 and 1.
    #[track_caller]
    pub fn max_skipped_ratio(mut self, ratio: f64, min_items: u64) -> Self
    where
        C: AsyncDeadLetters,
    {
        self.options.set_max_skipped_ratio(ratio, min_items);
        self.skip_failures()
    }

    /// Retries the chunk if the function fails and `when(error)` is `true`. One retry follows each delay of the
    /// policy. If the last retry fails too, the run ends, or the item is [skipped](Self::skip_failures). Default:
    /// no retry.
    ///
    /// Before a retry, the effects that went through the scope's transaction are undone, and the items of the chunk are
    /// fetched again. Between two tries nothing of the store is held except the lease, and a
    /// [stop](Self::stop_on) or [deadline](Self::deadline) ends the run.
    ///
    /// Checkpoint failures, such as a serialization failure, follow the same policy.
    /// [`AsyncCheckpointStore::is_transient`] decides about these errors, not `when`.
    pub fn retry<B>(mut self, policy: B, when: impl FnMut(&BoxError) -> bool + Send + 'a) -> Self
    where
        B: BackoffBuilder + Clone + Send + 'a,
        B::Backoff: Send + 'a,
    {
        self.hooks.retry = Some(AsyncRetry {
            policy: Box::new(move || Box::new(policy.clone().build())),
            when: Box::new(when),
        });
        self
    }

    /// Calls `hook` before the first chunk, after each chunk is recorded, and occasionally while a filter
    /// matches nothing. May be called several times; each call adds a hook.
    pub fn on_progress(mut self, hook: impl FnMut(&Progress<'_, S::Key>) + Send + 'a) -> Self {
        self.hooks.on_progress.push(Box::new(hook));
        self
    }

    /// Shows the progress on a bar; see the method of the same name of a blocking job.
    ///
    /// Requires the feature `indicatif`.
    #[cfg(feature = "indicatif")]
    pub fn bar(self, bar: ProgressBar) -> Self {
        self.on_progress(move |progress| show(&bar, progress))
    }

    /// Replaces the clock that the job uses to read the time. For tests. The job doesn't call its
    /// [`sleep`](Clock::sleep). Default: the machine's clock.
    pub fn clock(mut self, clock: impl Clock + Send + 'a) -> Self {
        self.hooks.clock = Box::new(clock);
        self
    }

    /// Runs the job until it is done, stopped, past its deadline, or something fails. It is [`run`](Job::run) with
    /// futures.
    ///
    /// `work` is called for each non-empty chunk with the store's scope (over PostgreSQL, the transaction) and the
    /// items, a [`Batch`]. It returns `Ok(())`, or a [`Next`].
    ///
    /// # Dropping the run
    ///
    /// A run can be dropped at any point, for example by a timeout. Its open scope is then rolled back, and the job
    /// stands at its last checkpoint, where the next run continues. If a commit was in flight, it may have happened;
    /// effects and checkpoint then still agree. To end a run after a whole chunk instead, use a
    /// [`Stop`](crate::Stop).
    ///
    /// # In a task
    ///
    /// The future is `Send` if its parts are. Spawn it directly: `tokio::spawn(job.run_async(..))`. Inside another
    /// future that must be `Send`, box it first; otherwise the compiler fails to prove that it is `Send` ("not general
    /// enough"). The store and what the function captures must then be `'static`, such as an `Arc<Client>`:
    ///
    /// ```
    /// # use std::pin::Pin;
    /// # use keywalk::{AsyncChunkSource, ResumableSource, Walk};
    /// # use keywalk_job::{AsyncJob, FileCheckpoints, Outcome};
    /// type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
    ///
    /// # fn task<'a, S>(job: AsyncJob<'a, S, FileCheckpoints>) -> impl Future<Output = bool> + Send + 'a
    /// # where S: AsyncChunkSource<Item: Sync> + ResumableSource + 'a {
    /// async move {
    ///     let run: BoxFuture<'_, _> = Box::pin(job.run_async(async move |_, _items| Ok(())));
    ///     run.await.is_ok()
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// See [`Error`]. What was done before stays done, and recorded.
    pub async fn run_async<F, R>(self, work: F) -> Result<Outcome, Error<S::Error, C::Error>>
    where
        C: AsyncLeases,
        F: AsyncFnMut(&mut C::Scope<'_>, Batch<'_, S::Key, S::Item>) -> Result<R, BoxError>,
        R: Into<Next>,
    {
        let (name, options, walk) = (self.name, self.options, self.walk);
        let mut store = AsyncStore {
            checkpoints: self.checkpoints,
            work,
            skips: self.hooks.skips,
        };
        // In a box: a future of some kilobytes would be copied into each future that awaits it.
        match self.worker {
            None => {
                let (begins, walk) = (walk.cursor(), walk.async_chunks());
                let run = Box::pin(run(&name, options, self.hooks, begins, walk, &mut store));
                events::run(&name).around(run).await
            }
            Some(Working { worker, split }) => {
                let Split::Async(split) = split else {
                    return Err(Error::Suspended { job: name });
                };
                let control = Control::new(self.hooks, options);
                let plan = Splitting { walk, split };
                let run = Box::pin(run_worker(worker, control, plan, &mut store));
                events::run(&name).around(run).await
            }
        }
    }

    /// [Runs](Self::run_async) the job, for generic callers: `work` returns a boxed future, so the run is `Send` for
    /// every source and store. One allocation per chunk.
    ///
    /// ```
    /// use keywalk::{AsyncChunkSource, ResumableSource};
    /// use keywalk_job::{AsyncJob, FileCheckpoints, Outcome};
    ///
    /// /// `tokio::spawn` accepts the future.
    /// fn count<S>(job: AsyncJob<'static, S, FileCheckpoints>) -> impl Future<Output = Option<Outcome>> + Send
    /// where
    ///     S: AsyncChunkSource<Item: Sync> + ResumableSource + 'static,
    /// {
    ///     let run = job.run_boxed(|_, items| Box::pin(async move {
    ///         println!("{} items", items.len());
    ///         Ok(())
    ///     }));
    ///     async { run.await.ok() }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// See [`Error`]. What was done before stays done, and recorded.
    pub fn run_boxed<F, R>(self, mut work: F) -> BoxedRun<'a, S::Error, C::Error>
    where
        S: 'a,
        S::Item: Sync,
        C: AsyncLeases + 'static,
        F: for<'x> FnMut(
                &'x mut C::Scope<'_>,
                Batch<'x, S::Key, S::Item>,
            ) -> BoxFuture<'x, Result<R, BoxError>>
            + Send
            + 'static,
        R: Into<Next> + Send + 'a,
    {
        let work = async move |scope: &mut C::Scope<'_>, batch: Batch<'_, S::Key, S::Item>| {
            work(scope, batch).await
        };
        Box::pin(self.run_async(work))
    }
}
