//! The blocking driver. It never waits for a future, so it polls a run once.

use std::fmt;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use crate::batch::Batch;
use crate::checkpoint::Checkpoint;
use crate::checkpoints::{Attempt, CheckpointStore};
use crate::clock::Clock;
use crate::dead_letter::{DeadLetter, DeadLetters};
use crate::driver::{Host, JobStore, OpenScope};
use crate::error::{BoxError, Error};
use crate::lease::{Lease, Leases};
use crate::next::Next;
use crate::outcome::Outcome;
use crate::progress::Progress;

#[cfg(test)]
mod tests;

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

/// A checkpoint store and a job's function that block.
pub(crate) struct Blocking<C: CheckpointStore, F> {
    pub(crate) checkpoints: C,
    pub(crate) work: F,
    pub(crate) record_dead_letter: Option<RecordDeadLetter<C>>,
}

pub(crate) struct BlockingScope<'s, C: CheckpointStore, F> {
    open: Open<'s, C>,
    work: &'s mut F,
    record_dead_letter: Option<RecordDeadLetter<C>>,
}

/// The result of [`CheckpointStore::begin`].
pub(crate) struct Open<'s, C: CheckpointStore + 's> {
    scope: C::Scope<'s>,
    rest: C::Rest<'s>,
}

/// [`DeadLetters::record_dead_letter`] of a store that implements it. It takes an [`Open`] rather than
/// `C::Rest<'_>`: a higher-ranked function pointer that names `C::Rest` requires `C: 'static`.
pub(crate) type RecordDeadLetter<C> =
    fn(&mut Open<'_, C>, &DeadLetter<'_>) -> Result<(), <C as CheckpointStore>::Error>;

pub(crate) fn record_dead_letter<C: DeadLetters>(
    open: &mut Open<'_, C>,
    letter: &DeadLetter<'_>,
) -> Result<(), C::Error> {
    C::record_dead_letter(&mut open.scope, &mut open.rest, letter)
}

impl<C, F, R, K, T> JobStore<K, T> for Blocking<C, F>
where
    C: Leases,
    F: FnMut(&mut C::Scope<'_>, Batch<'_, K, T>) -> Result<R, BoxError>,
    R: Into<Next>,
{
    type Error = C::Error;
    type Lease = Lease;
    type Scope<'s>
        = BlockingScope<'s, C, F>
    where
        Self: 's;

    async fn lease(&mut self, job: &str) -> Result<Option<Lease>, C::Error> {
        self.checkpoints.lease(job)
    }

    async fn release(&mut self, lease: Lease) {
        drop(lease);
    }

    async fn begin(&mut self) -> Result<BlockingScope<'_, C, F>, C::Error> {
        let (scope, rest) = self.checkpoints.begin()?;
        Ok(BlockingScope {
            open: Open { scope, rest },
            work: &mut self.work,
            record_dead_letter: self.record_dead_letter,
        })
    }

    async fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, C::Error> {
        self.checkpoints.load(job)
    }

    fn is_transient(&self, error: &C::Error) -> bool {
        self.checkpoints.is_transient(error)
    }

    fn skips(&self) -> bool {
        self.record_dead_letter.is_some()
    }
}

impl<C, F, R, K, T> OpenScope<K, T> for BlockingScope<'_, C, F>
where
    C: CheckpointStore,
    F: FnMut(&mut C::Scope<'_>, Batch<'_, K, T>) -> Result<R, BoxError>,
    R: Into<Next>,
{
    type Error = C::Error;

    async fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, C::Error> {
        C::load_in(&mut self.open.scope, &mut self.open.rest, job)
    }

    async fn work(&mut self, batch: Batch<'_, K, T>) -> Result<Next, BoxError> {
        (self.work)(&mut self.open.scope, batch).map(Into::into)
    }

    async fn attempt(
        &mut self,
        batch: Batch<'_, K, T>,
        next: &mut Next,
    ) -> Result<Attempt, C::Error> {
        let Open { scope, rest } = &mut self.open;
        C::attempt(scope, rest, |scope| {
            *next = (self.work)(scope, batch)?.into();
            Ok(())
        })
    }

    async fn record_dead_letter(&mut self, letter: &DeadLetter<'_>) -> Result<(), C::Error> {
        match self.record_dead_letter {
            Some(record_dead_letter) => record_dead_letter(&mut self.open, letter),
            // Nothing is skipped.
            None => Ok(()),
        }
    }

    async fn commit(self, checkpoint: &Checkpoint) -> Result<(), C::Error> {
        C::commit(self.open.scope, self.open.rest, checkpoint)
    }
}

/// The functions that the caller of a blocking [`Job`](crate::Job) has set, and its clock.
///
/// It is a parameter of that type's default. You never need to name it.
pub struct BlockingHooks<'a, K, C: CheckpointStore> {
    pub(crate) clock: Box<dyn Clock + 'a>,
    pub(crate) retry: Option<Retry<'a>>,
    pub(crate) hold: Option<Hold<'a, K>>,
    pub(crate) on_progress: Vec<Hook<'a, K>>,
    /// Records the items that fail, if they are skipped.
    pub(crate) record_dead_letter: Option<RecordDeadLetter<C>>,
}

/// Prints no data.
impl<K, C: CheckpointStore> fmt::Debug for BlockingHooks<'_, K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlockingHooks")
    }
}

type Hold<'a, K> = Box<dyn FnMut(&Progress<'_, K>) -> Option<Duration> + 'a>;
type Hook<'a, K> = Box<dyn FnMut(&Progress<'_, K>) + 'a>;
type Delays<'a> = Box<dyn Iterator<Item = Duration> + 'a>;

/// The retry policy, and which errors it applies to.
pub(crate) struct Retry<'a> {
    pub(crate) policy: Box<dyn Fn() -> Delays<'a> + 'a>,
    pub(crate) when: Box<dyn FnMut(&BoxError) -> bool + 'a>,
}

impl<'a, K, C: CheckpointStore> Host for BlockingHooks<'a, K, C> {
    type Key = K;
    type Delays = Delays<'a>;

    fn now(&self) -> Duration {
        self.clock.now()
    }

    fn time_of_day(&self) -> SystemTime {
        self.clock.time_of_day()
    }

    async fn sleep(&mut self, time: Duration) {
        self.clock.sleep(time);
    }

    fn delays(&self) -> Option<Delays<'a>> {
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
