//! The asynchronous driver. It awaits the store, the job's function and the sleeps.

use std::fmt;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use crate::async_checkpoints::{AsyncCheckpointStore, AsyncLeases, AsyncScope};
use crate::batch::Batch;
use crate::checkpoint::Checkpoint;
use crate::checkpoints::Attempt;
use crate::clock::Clock;
use crate::dead_letter::DeadLetter;
use crate::driver::{Host, JobStore, OpenScope};
use crate::error::BoxError;
use crate::next::Next;
use crate::progress::Progress;

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An asynchronous checkpoint store and a job's function.
pub(crate) struct AsyncStore<C, F> {
    pub(crate) checkpoints: C,
    pub(crate) work: F,
    pub(crate) skips: bool,
}

/// A scope and the job's function.
pub(crate) struct OpenWork<'s, C: AsyncCheckpointStore + 's, F> {
    scope: C::Scope<'s>,
    work: &'s mut F,
}

impl<C, F, R, K, T> JobStore<K, T> for AsyncStore<C, F>
where
    C: AsyncLeases,
    F: AsyncFnMut(&mut C::Scope<'_>, Batch<'_, K, T>) -> Result<R, BoxError>,
    R: Into<Next>,
{
    type Error = C::Error;
    type Lease = C::Lease;
    type Scope<'s>
        = OpenWork<'s, C, F>
    where
        Self: 's;

    async fn lease(&mut self, job: &str) -> Result<Option<C::Lease>, C::Error> {
        self.checkpoints.lease(job).await
    }

    async fn release(&mut self, lease: C::Lease) {
        self.checkpoints.release(lease).await;
    }

    async fn begin(&mut self) -> Result<OpenWork<'_, C, F>, C::Error> {
        let scope = self.checkpoints.begin().await?;
        Ok(OpenWork {
            scope,
            work: &mut self.work,
        })
    }

    async fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, C::Error> {
        self.checkpoints.load(job).await
    }

    fn is_transient(&self, error: &C::Error) -> bool {
        self.checkpoints.is_transient(error)
    }

    fn skips(&self) -> bool {
        self.skips
    }
}

impl<C, F, R, K, T> OpenScope<K, T> for OpenWork<'_, C, F>
where
    C: AsyncCheckpointStore,
    F: AsyncFnMut(&mut C::Scope<'_>, Batch<'_, K, T>) -> Result<R, BoxError>,
    R: Into<Next>,
{
    type Error = C::Error;

    async fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, C::Error> {
        self.scope.load(job).await
    }

    async fn work(&mut self, batch: Batch<'_, K, T>) -> Result<Next, BoxError> {
        (self.work)(&mut self.scope, batch).await.map(Into::into)
    }

    async fn attempt(
        &mut self,
        batch: Batch<'_, K, T>,
        next: &mut Next,
    ) -> Result<Attempt, C::Error> {
        self.scope.begin_attempt().await?;
        let worked = (self.work)(&mut self.scope, batch).await;
        let worked = worked.map(|then| *next = then.into());
        self.scope.end_attempt(worked).await
    }

    async fn record_dead_letter(&mut self, letter: &DeadLetter<'_>) -> Result<(), C::Error> {
        self.scope.record_dead_letter(letter).await
    }

    async fn commit(self, checkpoint: &Checkpoint) -> Result<(), C::Error> {
        self.scope.commit(checkpoint).await
    }
}

/// The functions that the caller of an [asynchronous job](crate::AsyncJob) has set, its clock, and its sleep.
///
/// You never need to name it.
pub struct AsyncHooks<'a, K> {
    pub(crate) clock: Box<dyn Clock + Send + 'a>,
    pub(crate) sleep: Sleep<'a>,
    pub(crate) retry: Option<AsyncRetry<'a>>,
    pub(crate) hold: Option<Hold<'a, K>>,
    pub(crate) on_progress: Vec<Hook<'a, K>>,
    pub(crate) skips: bool,
}

/// Prints no data.
impl<K> fmt::Debug for AsyncHooks<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AsyncHooks")
    }
}

type Sleep<'a> = Box<dyn FnMut(Duration) -> BoxFuture<'a, ()> + Send + 'a>;
type Hold<'a, K> = Box<dyn FnMut(&Progress<'_, K>) -> Option<Duration> + Send + 'a>;
type Hook<'a, K> = Box<dyn FnMut(&Progress<'_, K>) + Send + 'a>;
type Delays<'a> = Box<dyn Iterator<Item = Duration> + Send + 'a>;

/// The retry policy, and which errors it applies to.
pub(crate) struct AsyncRetry<'a> {
    pub(crate) policy: Box<dyn Fn() -> Delays<'a> + Send + 'a>,
    pub(crate) when: Box<dyn FnMut(&BoxError) -> bool + Send + 'a>,
}

impl<'a, K> Host for AsyncHooks<'a, K> {
    type Key = K;
    type Delays = Delays<'a>;

    fn now(&self) -> Duration {
        self.clock.now()
    }

    fn time_of_day(&self) -> SystemTime {
        self.clock.time_of_day()
    }

    async fn sleep(&mut self, time: Duration) {
        (self.sleep)(time).await;
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
