//! What a run needs of whatever drives it, and the driver that blocks.
//!
//! A run is one async function, `run::run`, over the traits here. They don't require `Send`: whether a run's future
//! is `Send` follows from the types that implement them. The blocking driver never waits for a future, so that it
//! polls the run once.

use std::error::Error as StdError;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use keywalk::{Chunks, Cursor, DurableSource, Step};

use crate::checkpoint::Checkpoint;
use crate::checkpoints::{Attempt, Checkpoints};
use crate::dead_letter::{DeadLetter, DeadLetters};
use crate::error::{BoxError, Error};
use crate::events;
use crate::job::{Hooks, Job};
use crate::lease::{Lease, Leases};
use crate::outcome::Outcome;
use crate::progress::Progress;
use crate::run;

/// The walk of a job.
pub(crate) trait Steps {
    type Key: Clone + PartialOrd;
    type Item;
    type Error;
    /// What writes keys down. It never waits.
    type Source: DurableSource<Key = Self::Key, Item = Self::Item, Error = Self::Error>;

    /// Sends one request to the store; see [`Chunks::step`].
    async fn step(&mut self) -> Result<Step<'_, Self::Item>, keywalk::Error<Self::Error>>;

    /// Returns the chunk that the last step fetched.
    fn items(&self) -> &[Self::Item];
    fn source(&self) -> &Self::Source;
    fn cursor(&self) -> Cursor<Self::Key>;
    fn cursor_past(&self, key: Self::Key) -> Cursor<Self::Key>;
    fn seek(&mut self, cursor: Cursor<Self::Key>);
}

/// The checkpoints of a job, together with its function, which works on items of type `T`.
pub(crate) trait Store<T> {
    type Error: StdError;
    type Scope<'s>: OpenScope<T, Error = Self::Error>
    where
        Self: 's;

    async fn lease(&mut self, job: &str) -> Result<Option<Lease>, Self::Error>;
    async fn begin(&mut self) -> Result<Self::Scope<'_>, Self::Error>;
    fn is_transient(&self, error: &Self::Error) -> bool;

    /// Whether items that fail are recorded as dead letters and skipped.
    fn skips(&self) -> bool;
}

/// A scope that is open. Dropping it undoes what was done in it.
pub(crate) trait OpenScope<T> {
    type Error;

    async fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, Self::Error>;

    /// Has the job's function work on the items.
    async fn work(&mut self, items: &[T]) -> Result<(), BoxError>;

    /// [Works](Self::work) on a part of the chunk, and undoes that alone if it fails.
    async fn attempt(&mut self, items: &[T]) -> Result<Attempt, Self::Error>;

    async fn bury(&mut self, letter: &DeadLetter<'_>) -> Result<(), Self::Error>;
    async fn commit(self, checkpoint: &Checkpoint) -> Result<(), Self::Error>;
}

/// Time, and the functions that the caller has set.
pub(crate) trait Host {
    type Key;
    type Delays: Iterator<Item = Duration>;

    fn now(&self) -> Duration;
    fn time_of_day(&self) -> SystemTime;
    async fn sleep(&self, time: Duration);

    /// Starts the policy of retries; `None` if nothing is tried again.
    fn delays(&self) -> Option<Self::Delays>;

    /// Whether another try is worth it, after this error of the job's function.
    fn is_worth_a_retry(&mut self, error: &BoxError) -> bool;

    /// Returns how long to wait before the caller is asked again, if the run is to wait.
    fn hold(&mut self, progress: &Progress<'_, Self::Key>) -> Option<Duration>;
    fn tell(&mut self, progress: &Progress<'_, Self::Key>);
}

/// Runs a job on this thread.
pub(crate) fn run_blocking<S, C, F>(
    job: Job<'_, S, C>,
    work: F,
) -> Result<Outcome, Error<S::Error, C::Error>>
where
    S: DurableSource,
    C: Leases,
    F: FnMut(&mut C::Scope<'_>, &[S::Item]) -> Result<(), BoxError>,
{
    let Job {
        name,
        walk,
        checkpoints,
        bury,
        options,
        hooks,
    } = job;
    let walk = match options.rate {
        // A second's worth: what is bunched by a chunk isn't more.
        Some(rate) => walk.chunk_size_at_most((rate.ceil() as usize).max(1)),
        None => walk,
    };
    let begins = walk.cursor();
    let mut store = Blocking {
        checkpoints,
        work,
        bury,
    };
    events::run(&name).in_scope(|| {
        let run = run::run(&name, options, hooks, begins, walk.chunks(), &mut store);
        poll_once(&name, run)
    })
}

/// Polls a run that never waits.
pub(crate) fn poll_once<S, C>(
    job: &str,
    run: impl Future<Output = Result<Outcome, Error<S, C>>>,
) -> Result<Outcome, Error<S, C>> {
    match pin!(run).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(Error::Suspended {
            job: job.to_owned(),
        }),
    }
}

impl<S: DurableSource> Steps for Chunks<S> {
    type Key = S::Key;
    type Item = S::Item;
    type Error = S::Error;
    type Source = S;

    async fn step(&mut self) -> Result<Step<'_, S::Item>, keywalk::Error<S::Error>> {
        Chunks::step(self)
    }

    fn items(&self) -> &[S::Item] {
        Chunks::items(self)
    }

    fn source(&self) -> &S {
        Chunks::source(self)
    }

    fn cursor(&self) -> Cursor<S::Key> {
        Chunks::cursor(self)
    }

    fn cursor_past(&self, key: S::Key) -> Cursor<S::Key> {
        Chunks::cursor_past(self, key)
    }

    fn seek(&mut self, cursor: Cursor<S::Key>) {
        Chunks::seek(self, cursor);
    }
}

/// Checkpoints and a function that block.
pub(crate) struct Blocking<C: Checkpoints, F> {
    pub(crate) checkpoints: C,
    pub(crate) work: F,
    pub(crate) bury: Option<Bury<C>>,
}

pub(crate) struct BlockingScope<'s, C: Checkpoints, F> {
    open: Open<'s, C>,
    work: &'s mut F,
    bury: Option<Bury<C>>,
}

/// What [`Checkpoints::begin`] returned.
pub(crate) struct Open<'s, C: Checkpoints + 's> {
    scope: C::Scope<'s>,
    rest: C::Rest<'s>,
}

/// [`DeadLetters::bury`] of checkpoints that have it. It names [`Open`], since a pointer for all lifetimes that
/// names `C::Rest` requires `C: 'static`.
pub(crate) type Bury<C> =
    fn(&mut Open<'_, C>, &DeadLetter<'_>) -> Result<(), <C as Checkpoints>::Error>;

pub(crate) fn bury<C: DeadLetters>(
    open: &mut Open<'_, C>,
    letter: &DeadLetter<'_>,
) -> Result<(), C::Error> {
    C::bury(&mut open.scope, &mut open.rest, letter)
}

impl<C, F, T> Store<T> for Blocking<C, F>
where
    C: Leases,
    F: FnMut(&mut C::Scope<'_>, &[T]) -> Result<(), BoxError>,
{
    type Error = C::Error;
    type Scope<'s>
        = BlockingScope<'s, C, F>
    where
        Self: 's;

    async fn lease(&mut self, job: &str) -> Result<Option<Lease>, C::Error> {
        self.checkpoints.lease(job)
    }

    async fn begin(&mut self) -> Result<BlockingScope<'_, C, F>, C::Error> {
        let (scope, rest) = self.checkpoints.begin()?;
        Ok(BlockingScope {
            open: Open { scope, rest },
            work: &mut self.work,
            bury: self.bury,
        })
    }

    fn is_transient(&self, error: &C::Error) -> bool {
        self.checkpoints.is_transient(error)
    }

    fn skips(&self) -> bool {
        self.bury.is_some()
    }
}

impl<C, F, T> OpenScope<T> for BlockingScope<'_, C, F>
where
    C: Checkpoints,
    F: FnMut(&mut C::Scope<'_>, &[T]) -> Result<(), BoxError>,
{
    type Error = C::Error;

    async fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, C::Error> {
        C::load_in(&mut self.open.scope, &mut self.open.rest, job)
    }

    async fn work(&mut self, items: &[T]) -> Result<(), BoxError> {
        (self.work)(&mut self.open.scope, items)
    }

    async fn attempt(&mut self, items: &[T]) -> Result<Attempt, C::Error> {
        C::attempt(&mut self.open.scope, &mut |scope| (self.work)(scope, items))
    }

    async fn bury(&mut self, letter: &DeadLetter<'_>) -> Result<(), C::Error> {
        match self.bury {
            Some(bury) => bury(&mut self.open, letter),
            // Nothing is skipped.
            None => Ok(()),
        }
    }

    async fn commit(self, checkpoint: &Checkpoint) -> Result<(), C::Error> {
        C::commit(self.open.scope, self.open.rest, checkpoint)
    }
}

impl<'a, K> Host for Hooks<'a, K> {
    type Key = K;
    type Delays = Box<dyn Iterator<Item = Duration> + 'a>;

    fn now(&self) -> Duration {
        self.clock.now()
    }

    fn time_of_day(&self) -> SystemTime {
        self.clock.time_of_day()
    }

    async fn sleep(&self, time: Duration) {
        self.clock.sleep(time);
    }

    fn delays(&self) -> Option<Self::Delays> {
        self.retry.as_ref().map(|retry| (retry.policy)())
    }

    fn is_worth_a_retry(&mut self, error: &BoxError) -> bool {
        self.retry.as_mut().is_some_and(|retry| (retry.when)(error))
    }

    fn hold(&mut self, progress: &Progress<'_, K>) -> Option<Duration> {
        self.hold.as_mut()?(progress)
    }

    fn tell(&mut self, progress: &Progress<'_, K>) {
        self.on_progress.iter_mut().for_each(|hook| hook(progress));
    }
}
