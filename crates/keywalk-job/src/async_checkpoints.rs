use std::convert::Infallible;
use std::error::Error as StdError;
use std::future::Future;

use crate::checkpoint::Checkpoint;
use crate::checkpoints::Attempt;
use crate::dead_letter::{DeadLetter, DeadLetterRecord};
use crate::error::{BoxError, Error, checkpoints_failed};
use crate::lease::Recorded;
use crate::parallel::part_name;

/// A store in which asynchronous jobs record their progress. It is [`CheckpointStore`](crate::CheckpointStore) with
/// futures: the contract is the same.
///
/// For each chunk a job [begins](Self::begin) a scope, fetches the chunk and calls the caller's function with the scope
/// and the items. It then [commits](AsyncScope::commit) the scope together with the checkpoint, or drops it.
///
/// Implement its methods as `async fn`. Their futures must be `Send`, so that a job can run in a spawned task. A job
/// also requires that the store implements [`AsyncLeases`], and [`AsyncDeadLetters`] to skip items.
pub trait AsyncCheckpointStore: Send {
    /// The scope in which a chunk is processed, which the job's function borrows: a transaction.
    ///
    /// It may borrow from `&'a mut self`. The type lacks `where Self: 'a`, as
    /// [`CheckpointStore::Scope`](crate::CheckpointStore::Scope) does.
    type Scope<'a>: AsyncScope<Error = Self::Error>;

    /// The store's error.
    type Error: StdError + Send;

    /// Begins a scope for a chunk.
    ///
    /// # Errors
    ///
    /// Returns the store's error.
    fn begin(&mut self) -> impl Future<Output = Result<Self::Scope<'_>, Self::Error>> + Send;

    /// Forgets the job, with its dead letters, and returns whether it existed. Used by [`reset`](AsyncLeases::reset),
    /// which takes the lease first.
    ///
    /// # Errors
    ///
    /// Returns the store's error.
    fn remove(&mut self, job: &str) -> impl Future<Output = Result<bool, Self::Error>> + Send;

    /// Lists all known jobs, by name.
    ///
    /// # Errors
    ///
    /// Returns the store's error.
    fn list(&mut self) -> impl Future<Output = Result<Vec<Checkpoint>, Self::Error>> + Send;

    /// Reads the job's last committed checkpoint. Provided: calls [`AsyncScope::load`] in a scope that is dropped.
    ///
    /// # Errors
    ///
    /// Returns the store's error, including if the checkpoint can't be read.
    fn load(
        &mut self,
        job: &str,
    ) -> impl Future<Output = Result<Option<Checkpoint>, Self::Error>> + Send {
        async move { self.begin().await?.load(job).await }
    }

    /// Returns whether the failure is transient; see
    /// [`CheckpointStore::is_transient`](crate::CheckpointStore::is_transient). Provided: `false`.
    fn is_transient(&self, error: &Self::Error) -> bool {
        let _ = error;
        false
    }

    /// Never called. Without a method that takes any scope, the compiler requires `where Self: 'a` of
    /// [`Scope`](Self::Scope).
    #[doc(hidden)]
    fn any_scope(_: &Self::Scope<'_>) {}
}

/// An open scope of an [`AsyncCheckpointStore`]: a transaction, or for a store without transactions what its `commit`
/// needs.
///
/// A scope that is dropped must undo what was done through it, if it can. A run may be dropped at any point, and its
/// scope with it. `Drop` can't wait: request the rollback there, so that it precedes whatever uses the client next.
pub trait AsyncScope: Send {
    /// The store's error.
    type Error: StdError + Send;

    /// Reads the job's last committed checkpoint; see [`CheckpointStore::load_in`](crate::CheckpointStore::load_in).
    ///
    /// # Errors
    ///
    /// Returns the store's error, including if the checkpoint can't be read.
    fn load(
        &mut self,
        job: &str,
    ) -> impl Future<Output = Result<Option<Checkpoint>, Self::Error>> + Send;

    /// Makes the work and the checkpoint durable. The checkpoint replaces the job's last one.
    ///
    /// # Errors
    ///
    /// Returns the store's error, including if the stored checkpoint has a higher [run number](Checkpoint::run).
    fn commit(
        self,
        checkpoint: &Checkpoint,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Records an item that failed, as part of the commit. A later letter of the same job and key replaces it. Called
    /// only for stores that are [`AsyncDeadLetters`].
    ///
    /// # Errors
    ///
    /// Returns the store's error.
    fn record_dead_letter(
        &mut self,
        letter: &DeadLetter<'_>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Begins a part of the chunk's work that [`end_attempt`](Self::end_attempt) may undo, such as a savepoint.
    /// Provided: does nothing.
    ///
    /// # Errors
    ///
    /// Returns the store's error.
    fn begin_attempt(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send {
        async { Ok(()) }
    }

    /// Ends the part, with the result of its work: keeps it, or undoes it if the work failed.
    ///
    /// A transaction must undo a failed part; see [`CheckpointStore::attempt`](crate::CheckpointStore::attempt). The
    /// default is for stores without transactions: it undoes nothing, and still returns [`Attempt::RolledBack`] for a
    /// failure, so that the chunk continues.
    ///
    /// # Errors
    ///
    /// Returns the store's error. An error of the work itself is in the [`Attempt`].
    fn end_attempt(
        &mut self,
        worked: Result<(), BoxError>,
    ) -> impl Future<Output = Result<Attempt, Self::Error>> + Send {
        async {
            Ok(match worked {
                Ok(()) => Attempt::Done,
                Err(error) => Attempt::RolledBack(error),
            })
        }
    }
}

/// Assigns each asynchronous job to one runner at a time. It is [`Leases`](crate::Leases) with futures.
pub trait AsyncLeases: AsyncCheckpointStore {
    /// Exclusive ownership of a job until it is [released](Self::release) or dropped: a [`Lease`](crate::Lease), or a
    /// type that can end a lock on a server.
    type Lease: Send;

    /// Takes the job for one runner. Returns `None` if another runner has it. Doesn't wait for that runner.
    ///
    /// # Errors
    ///
    /// Returns the store's error.
    fn lease(
        &mut self,
        job: &str,
    ) -> impl Future<Output = Result<Option<Self::Lease>, Self::Error>> + Send;

    /// Ends the lease. Once it returns, another runner can take the job. If it can't end the lease, the connection is
    /// gone and the lease with it. Provided: drops the lease.
    fn release(&mut self, lease: Self::Lease) -> impl Future<Output = ()> + Send {
        async move { drop(lease) }
    }

    /// Forgets a job that isn't running, so that its next run starts over. Its dead letters are removed too, and the
    /// parts of a [parallel job](crate::ParallelJob). Also works if the checkpoint can't be read. Returns whether the job
    /// was known. Provided: calls [`lease`](Self::lease), [`remove`](AsyncCheckpointStore::remove) and
    /// [`release`](Self::release), once per part too.
    ///
    /// # Errors
    ///
    /// Returns [`Error::AlreadyRunning`] while the job runs, or one of its parts, or the store's error.
    fn reset(
        &mut self,
        job: &str,
    ) -> impl Future<Output = Result<bool, Error<Infallible, Self::Error>>> + Send {
        async move {
            let mut leases = Vec::new();
            let removed = remove_all(self, job, &mut leases).await;
            for lease in leases {
                self.release(lease).await;
            }
            removed
        }
    }
}

/// Takes the leases of a job and its parts, and removes them.
async fn remove_all<C: AsyncLeases + ?Sized>(
    checkpoints: &mut C,
    job: &str,
    leases: &mut Vec<C::Lease>,
) -> Result<bool, Error<Infallible, C::Error>> {
    let failed = |error| Error::CheckpointStore {
        job: job.to_owned(),
        error,
    };
    leases.push(leased(checkpoints, job, job).await?);
    let mut recorded = match checkpoints.load(job).await {
        Err(error) if checkpoints.is_transient(&error) => return Err(failed(error)),
        loaded => Recorded::by(loaded),
    };
    while recorded.is_unreadable
        && let Ok(Some(_)) = checkpoints.load(&part_name(job, recorded.parts + 1)).await
    {
        recorded.parts += 1;
    }
    for number in 1..=recorded.parts {
        leases.push(leased(checkpoints, job, &part_name(job, number)).await?);
    }
    if let Some(void) = &recorded.void {
        let mut scope = checkpoints.begin().await.map_err(failed)?;
        scope.load(job).await.map_err(failed)?;
        scope.commit(void).await.map_err(failed)?;
    }
    for number in 1..=recorded.most() {
        let part = part_name(job, number);
        if number > recorded.parts {
            leases.push(leased(checkpoints, job, &part).await?);
        }
        if !checkpoints.remove(&part).await.map_err(failed)? && number > recorded.parts {
            break;
        }
    }
    checkpoints.remove(job).await.map_err(failed)
}

/// Takes the lease of a job, or of one of its parts.
async fn leased<C: AsyncLeases + ?Sized>(
    checkpoints: &mut C,
    job: &str,
    name: &str,
) -> Result<C::Lease, Error<Infallible, C::Error>> {
    let lease = checkpoints.lease(name).await;
    let lease = lease.map_err(checkpoints_failed(job))?;
    lease.ok_or_else(|| Error::AlreadyRunning {
        job: job.to_owned(),
    })
}

/// Keeps the items that an asynchronous job has [skipped](crate::AsyncJob::skip_failures), by
/// [`AsyncScope::record_dead_letter`]. It is [`DeadLetters`](crate::DeadLetters) with futures.
pub trait AsyncDeadLetters: AsyncCheckpointStore {
    /// Lists a job's letters, ordered by the bytes of their keys. O(letters).
    ///
    /// # Errors
    ///
    /// Returns the store's error, including if a letter can't be read.
    fn dead_letters(
        &mut self,
        job: &str,
    ) -> impl Future<Output = Result<Vec<DeadLetterRecord>, Self::Error>> + Send;
}

#[deny(clippy::missing_trait_methods)]
impl<C: AsyncCheckpointStore> AsyncCheckpointStore for &mut C {
    type Scope<'a> = C::Scope<'a>;
    type Error = C::Error;

    async fn begin(&mut self) -> Result<C::Scope<'_>, C::Error> {
        (**self).begin().await
    }

    async fn remove(&mut self, job: &str) -> Result<bool, C::Error> {
        (**self).remove(job).await
    }

    async fn list(&mut self) -> Result<Vec<Checkpoint>, C::Error> {
        (**self).list().await
    }

    async fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, C::Error> {
        (**self).load(job).await
    }

    fn is_transient(&self, error: &C::Error) -> bool {
        (**self).is_transient(error)
    }

    fn any_scope(_: &C::Scope<'_>) {}
}

#[deny(clippy::missing_trait_methods)]
impl<C: AsyncLeases> AsyncLeases for &mut C {
    type Lease = C::Lease;

    async fn lease(&mut self, job: &str) -> Result<Option<C::Lease>, C::Error> {
        (**self).lease(job).await
    }

    async fn release(&mut self, lease: C::Lease) {
        (**self).release(lease).await;
    }

    async fn reset(&mut self, job: &str) -> Result<bool, Error<Infallible, C::Error>> {
        (**self).reset(job).await
    }
}

#[deny(clippy::missing_trait_methods)]
impl<C: AsyncDeadLetters> AsyncDeadLetters for &mut C {
    async fn dead_letters(&mut self, job: &str) -> Result<Vec<DeadLetterRecord>, C::Error> {
        (**self).dead_letters(job).await
    }
}
