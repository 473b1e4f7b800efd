use std::error::Error;

use crate::checkpoint::Checkpoint;
use crate::error::BoxError;

/// Where jobs record how far they got: a database, a folder of files, or a store of your own.
///
/// A [`Job`](crate::Job) calls it. Before a chunk is fetched it [begins](Self::begin) a scope; the chunk is
/// fetched, the caller's function gets the scope and the items, and then the scope is
/// [committed](Self::commit) together with the checkpoint; or dropped, if anything failed.
///
/// A run begins with a [`lease`](crate::Leases::lease), [`begin`](Self::begin), [`load_in`](Self::load_in) and a
/// `commit` that records that it has begun, before the first chunk; unless the job is done.
///
/// A job also needs [`Leases`](crate::Leases) of the store, and [`DeadLetters`](crate::DeadLetters) to skip items.
///
/// # The scope and the rest
///
/// A scope may borrow the store's client: a transaction borrows its connection. So [`begin`](Self::begin) splits
/// the store for as long as the scope is open. The job's function is lent the [`Scope`](Self::Scope); the
/// [`Rest`](Self::Rest) is what the store needs beside it to commit.
///
/// | The store | `Scope<'a>` | `Rest<'a>` |
/// |---|---|---|
/// | owns a client, or borrows it as `&mut Client` | `Transaction<'a>` | `()`, or its other fields |
/// | borrows a connection as `&'db Connection` | `Transaction<'db>` | `()` |
/// | has no transactions | `()` | `&'a mut Self` |
///
/// # Contract
///
/// 1. **Whole.** What [`load_in`](Self::load_in) returns is a checkpoint that was committed, the last one, or
///    nothing if there was none; also after a crash in the middle of `commit`.
/// 2. **Durable.** What `commit` has said yes to survives a crash.
/// 3. **Together or apart.** If the scope is a transaction that the checkpoint is a part of, both commit or
///    neither does: effects through it are then *exactly once*. If not (`Scope<'a> = ()`), `commit` comes after
///    the effects, which are *at least once*: after a crash one chunk may come again.
/// 4. **Fenced.** `commit` fails where a later [run](Checkpoint::run) of the job has committed, if the store can
///    compare: a lease may fail to keep two runners apart.
/// 5. A scope that is dropped undoes what was done through it, if it can.
///
/// # A store of your own
///
/// ```
/// use std::collections::BTreeMap;
/// use std::convert::Infallible;
/// use keywalk_job::{Checkpoint, Checkpoints, Lease, Leases};
///
/// /// For a job that may start over when the process does.
/// #[derive(Default)]
/// struct InMemory(BTreeMap<String, Checkpoint>);
///
/// impl Checkpoints for InMemory {
///     type Scope<'a> = ();
///     type Rest<'a> = &'a mut Self;
///     type Error = Infallible;
///
///     fn begin(&mut self) -> Result<((), &mut Self), Infallible> {
///         Ok(((), self))
///     }
///     fn load_in((): &mut (), store: &mut &mut Self, job: &str) -> Result<Option<Checkpoint>, Infallible> {
///         Ok(store.0.get(job).cloned())
///     }
///     fn commit((): (), store: &mut Self, checkpoint: &Checkpoint) -> Result<(), Infallible> {
///         store.0.insert(checkpoint.job().to_owned(), checkpoint.clone());
///         Ok(())
///     }
///     fn remove(&mut self, job: &str) -> Result<bool, Infallible> {
///         Ok(self.0.remove(job).is_some())
///     }
///     fn list(&mut self) -> Result<Vec<Checkpoint>, Infallible> {
///         Ok(self.0.values().cloned().collect())
///     }
/// }
///
/// impl Leases for InMemory {
///     fn lease(&mut self, _job: &str) -> Result<Option<Lease>, Infallible> {
///         Ok(Some(Lease::unguarded())) // `&mut self`: there is no second runner.
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "a job's position can't be kept in `{Self}`: it is no `Checkpoints`",
    label = "not a place for checkpoints",
    note = "give `keywalk_sqlite::CheckpointTable::new(&db)` (in the same database: effects are exactly once), \
            or `keywalk_job::CheckpointFiles::new(\"folder\")`",
    note = "for a store of your own implement `keywalk_job::Checkpoints`"
)]
pub trait Checkpoints {
    /// What the work of a chunk is done in, lent to the job's function: a transaction, or `()`.
    ///
    /// It may borrow from `&'a mut self`. It has no `where Self: 'a`: with it the bound of a job's function,
    /// `FnMut(&mut C::Scope<'_>, ..)`, would require `C: 'static`. So the scope of a store that itself borrows
    /// can't be `&'a mut Self`; it can be `&'a mut Client`, or `Transaction<'a>`.
    type Scope<'a>;

    /// What stays of the store while a scope is open.
    type Rest<'a>
    where
        Self: 'a;

    /// What can go wrong in the store.
    type Error: Error;

    /// Begins the work of a chunk.
    ///
    /// # Errors
    ///
    /// The store's own.
    fn begin(&mut self) -> Result<(Self::Scope<'_>, Self::Rest<'_>), Self::Error>;

    /// Reads what was last committed of the job, within a scope: if that is a transaction, no other runner
    /// commits between this and its commit.
    ///
    /// # Errors
    ///
    /// The store's own; also if the checkpoint can't be read.
    fn load_in(
        scope: &mut Self::Scope<'_>,
        rest: &mut Self::Rest<'_>,
        job: &str,
    ) -> Result<Option<Checkpoint>, Self::Error>;

    /// Makes the work and the checkpoint durable, in the place of the job's last one.
    ///
    /// # Errors
    ///
    /// The store's own; also if a later [run](Checkpoint::run) of the job has committed, where the store
    /// can tell.
    fn commit(
        scope: Self::Scope<'_>,
        rest: Self::Rest<'_>,
        checkpoint: &Checkpoint,
    ) -> Result<(), Self::Error>;

    /// Forgets the job, and answers whether there was one: for [`reset`](crate::Leases::reset), which takes the
    /// lease first.
    ///
    /// # Errors
    ///
    /// The store's own.
    fn remove(&mut self, job: &str) -> Result<bool, Self::Error>;

    /// All jobs that are known, by name.
    ///
    /// # Errors
    ///
    /// The store's own.
    fn list(&mut self) -> Result<Vec<Checkpoint>, Self::Error>;

    /// Reads what was last committed of the job. Provided, by [`load_in`](Self::load_in) in a scope that is
    /// dropped.
    ///
    /// # Errors
    ///
    /// The store's own; also if the checkpoint can't be read.
    fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, Self::Error> {
        let (mut scope, mut rest) = self.begin()?;
        Self::load_in(&mut scope, &mut rest, job)
    }

    /// Whether what failed passes by itself, such as another process's lock: then the run tries again by the
    /// policy of [`Job::retry`](crate::Job::retry), if it has one. Provided: `false`.
    ///
    /// Of an error of [`commit`](Self::commit) it may be true only where nothing was committed: the chunk is
    /// done again.
    fn is_transient(&self, error: &Self::Error) -> bool {
        let _ = error;
        false
    }

    /// Does a part of the chunk's work, and undoes it alone if it fails, where the store can. Provided: does
    /// the work and undoes nothing; a failure is answered as [`Attempt::Undone`] all the same. A store whose
    /// scope is a transaction must undo it, since the rest of the chunk is committed.
    ///
    /// # Errors
    ///
    /// The store's own; what the work fails with is in the [`Attempt`].
    fn attempt<'a>(
        scope: &mut Self::Scope<'a>,
        work: &mut dyn FnMut(&mut Self::Scope<'a>) -> Result<(), BoxError>,
    ) -> Result<Attempt, Self::Error> {
        Ok(match work(scope) {
            Ok(()) => Attempt::Done,
            Err(error) => Attempt::Undone(error),
        })
    }
}

#[deny(clippy::missing_trait_methods)]
impl<C: Checkpoints> Checkpoints for &mut C {
    type Scope<'a> = C::Scope<'a>;
    type Rest<'a>
        = C::Rest<'a>
    where
        Self: 'a;
    type Error = C::Error;

    fn begin(&mut self) -> Result<(C::Scope<'_>, C::Rest<'_>), C::Error> {
        (**self).begin()
    }

    fn load_in(
        scope: &mut C::Scope<'_>,
        rest: &mut C::Rest<'_>,
        job: &str,
    ) -> Result<Option<Checkpoint>, C::Error> {
        C::load_in(scope, rest, job)
    }

    fn commit(
        scope: C::Scope<'_>,
        rest: C::Rest<'_>,
        checkpoint: &Checkpoint,
    ) -> Result<(), C::Error> {
        C::commit(scope, rest, checkpoint)
    }

    fn remove(&mut self, job: &str) -> Result<bool, C::Error> {
        (**self).remove(job)
    }

    fn list(&mut self) -> Result<Vec<Checkpoint>, C::Error> {
        (**self).list()
    }

    fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, C::Error> {
        (**self).load(job)
    }

    fn is_transient(&self, error: &C::Error) -> bool {
        (**self).is_transient(error)
    }

    fn attempt<'a>(
        scope: &mut C::Scope<'a>,
        work: &mut dyn FnMut(&mut C::Scope<'a>) -> Result<(), BoxError>,
    ) -> Result<Attempt, C::Error> {
        C::attempt(scope, work)
    }
}

/// What came of a part of a chunk's work; see [`Checkpoints::attempt`].
#[derive(Debug)]
pub enum Attempt {
    /// It is done.
    Done,
    /// It failed, and is undone; the rest of the chunk can be done all the same.
    Undone(BoxError),
    /// It failed, and the scope is lost with it: an error of SQLite's that ends the transaction, say. The
    /// chunk can't be committed.
    Lost(BoxError),
}
