use std::convert::Infallible;
use std::error::Error;

use crate::{BoxError, Buried, Checkpoint, DeadLetter, Lease};

/// Where jobs record how far they got: a database, a folder of files, or a store of your own.
///
/// A [`Job`](crate::Job) calls it. Before a chunk is fetched it [begins](Self::begin) a scope; the chunk is
/// fetched, the caller's function gets the scope and the items, and then the scope is
/// [committed](Self::commit) together with the checkpoint; or dropped, if anything failed.
///
/// A run begins with [`lease`](Self::lease), [`begin`](Self::begin), [`load`](Self::load) and a `commit` that
/// records that it has begun, before the first chunk; unless the job is done.
///
/// # Contract
///
/// 1. **One runner.** While a job's [`Lease`] lives, no other is given for it; a crash ends it.
/// 2. **Whole.** What [`load`](Self::load) answers is a checkpoint that was committed, the last one, or
///    nothing if there was none; also after a crash in the middle of `commit`.
/// 3. **Durable.** What `commit` has said yes to survives a crash.
/// 4. **Together or apart.** If the scope is a transaction that the checkpoint is a part of, both commit or
///    neither does: effects through it are then *exactly once*. If not (`Scope = ()`), `commit` comes after
///    the effects, which are *at least once*: after a crash one chunk may come again.
/// 5. A scope that is dropped undoes what was done through it, if it can.
///
/// # A store of your own
///
/// ```
/// use std::collections::BTreeMap;
/// use std::convert::Infallible;
/// use keywalk_job::{Checkpoint, Checkpoints, Lease};
///
/// /// For a job that may start anew when the process does.
/// #[derive(Default)]
/// struct InMemory(BTreeMap<String, Checkpoint>);
///
/// impl Checkpoints for InMemory {
///     type Scope = ();
///     type Error = Infallible;
///
///     fn lease(&mut self, _job: &str) -> Result<Option<Lease>, Infallible> {
///         Ok(Some(Lease::unguarded())) // `&mut self`: there is no second runner.
///     }
///     fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, Infallible> {
///         Ok(self.0.get(job).cloned())
///     }
///     fn begin(&mut self) -> Result<(), Infallible> {
///         Ok(())
///     }
///     fn commit(&mut self, (): (), checkpoint: &Checkpoint) -> Result<(), Infallible> {
///         self.0.insert(checkpoint.job().to_owned(), checkpoint.clone());
///         Ok(())
///     }
///     fn remove(&mut self, job: &str) -> Result<bool, Infallible> {
///         Ok(self.0.remove(job).is_some())
///     }
///     fn list(&mut self) -> Result<Vec<Checkpoint>, Infallible> {
///         Ok(self.0.values().cloned().collect())
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
    type Scope;

    /// What can go wrong in the store.
    type Error: Error;

    /// Takes the job for one runner; `None` if another one has it. Doesn't wait.
    ///
    /// # Errors
    ///
    /// The store's own.
    fn lease(&mut self, job: &str) -> Result<Option<Lease>, Self::Error>;

    /// What was last committed of the job.
    ///
    /// # Errors
    ///
    /// The store's own; also if the checkpoint can't be read.
    fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, Self::Error>;

    /// Begins the work of a chunk.
    ///
    /// # Errors
    ///
    /// The store's own.
    fn begin(&mut self) -> Result<Self::Scope, Self::Error>;

    /// Makes the work and the checkpoint durable, in the place of the job's last one.
    ///
    /// # Errors
    ///
    /// The store's own; also if a later [run](Checkpoint::run) of the job has committed, where the store
    /// can tell.
    fn commit(&mut self, scope: Self::Scope, checkpoint: &Checkpoint) -> Result<(), Self::Error>;

    /// Forgets the job, and answers whether there was one: for [`reset`](Self::reset), which takes the lease
    /// first.
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

    /// Forgets a job that isn't running, so that its next run starts anew; its dead letters go too. Answers
    /// whether it was known. Provided, by [`lease`](Self::lease) and [`remove`](Self::remove).
    ///
    /// ```
    /// use keywalk_job::{CheckpointFiles, Checkpoints};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let mut checkpoints = CheckpointFiles::new(folder.path());
    /// for job in checkpoints.list()? {
    ///     println!("{}: {} items, at {:?}", job.job(), job.items(), job.position());
    /// }
    /// assert!(!checkpoints.reset("export")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Taken`](crate::Error::Taken) while the job runs, and the store's own.
    fn reset(&mut self, job: &str) -> Result<bool, crate::Error<Infallible, Self::Error>> {
        let failed = |error| crate::Error::Checkpoints {
            job: job.to_owned(),
            error,
        };
        match self.lease(job).map_err(failed)? {
            Some(_lease) => self.remove(job).map_err(failed),
            None => Err(crate::Error::Taken {
                job: job.to_owned(),
            }),
        }
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
    fn attempt(
        &mut self,
        scope: &Self::Scope,
        work: &mut dyn FnMut(&Self::Scope) -> Result<(), BoxError>,
    ) -> Result<Attempt, Self::Error> {
        Ok(match work(scope) {
            Ok(()) => Attempt::Done,
            Err(error) => Attempt::Undone(error),
        })
    }

    /// Records an item that failed, to be committed with the scope. A later letter of the same job and key
    /// replaces it. Provided: `false`, there is no place for it, and the job then stops at the failure.
    ///
    /// # Errors
    ///
    /// The store's own.
    fn bury(&mut self, scope: &Self::Scope, letter: &DeadLetter<'_>) -> Result<bool, Self::Error> {
        let _ = (scope, letter);
        Ok(false)
    }

    /// The job's items that failed and were [skipped](crate::Job::skip_failures), by their keys' bytes: each
    /// with its last error. They stay until the job is [reset](Self::reset). O(letters). Provided: none, as
    /// none are [recorded](Self::bury).
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use keywalk::Walk;
    /// use keywalk_job::{CheckpointFiles, Checkpoints, Job};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let numbers = BTreeMap::from([(1, "12"), (2, "a dozen"), (3, "144")]);
    /// let mut checkpoints = CheckpointFiles::new(folder.path());
    /// let job = Job::new("parse", Walk::new(keywalk_memory::Named::new("numbers", &numbers)), &mut checkpoints);
    /// let outcome = job.skip_failures().run(|(), items| {
    ///     for (_, number) in items {
    ///         println!("{}", number.parse::<u32>()?);
    ///     }
    ///     Ok(())
    /// })?;
    /// assert_eq!(outcome.skipped(), 1);
    ///
    /// for letter in checkpoints.dead_letters("parse")? {
    ///     println!("{}: {}", letter.key(), letter.error()); // 2: invalid digit found in string
    /// }
    /// # assert_eq!(checkpoints.dead_letters("parse")?[0].key(), "2");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// How they are done again is told where they are kept: by another job over the letters in SQLite
    /// (`keywalk_sqlite::CheckpointTable`), one after the other by their keys elsewhere. A store of your own
    /// makes the letters by [`Buried::new`].
    ///
    /// # Errors
    ///
    /// The store's own; also if a letter can't be read.
    fn dead_letters(&mut self, job: &str) -> Result<Vec<Buried>, Self::Error> {
        let _ = job;
        Ok(Vec::new())
    }
}

#[deny(clippy::missing_trait_methods)]
impl<C: Checkpoints + ?Sized> Checkpoints for &mut C {
    type Scope = C::Scope;
    type Error = C::Error;

    fn lease(&mut self, job: &str) -> Result<Option<Lease>, C::Error> {
        (**self).lease(job)
    }

    fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, C::Error> {
        (**self).load(job)
    }

    fn begin(&mut self) -> Result<C::Scope, C::Error> {
        (**self).begin()
    }

    fn commit(&mut self, scope: C::Scope, checkpoint: &Checkpoint) -> Result<(), C::Error> {
        (**self).commit(scope, checkpoint)
    }

    fn remove(&mut self, job: &str) -> Result<bool, C::Error> {
        (**self).remove(job)
    }

    fn list(&mut self) -> Result<Vec<Checkpoint>, C::Error> {
        (**self).list()
    }

    fn reset(&mut self, job: &str) -> Result<bool, crate::Error<Infallible, C::Error>> {
        (**self).reset(job)
    }

    fn is_transient(&self, error: &C::Error) -> bool {
        (**self).is_transient(error)
    }

    fn attempt(
        &mut self,
        scope: &C::Scope,
        work: &mut dyn FnMut(&C::Scope) -> Result<(), BoxError>,
    ) -> Result<Attempt, C::Error> {
        (**self).attempt(scope, work)
    }

    fn bury(&mut self, scope: &C::Scope, letter: &DeadLetter<'_>) -> Result<bool, C::Error> {
        (**self).bury(scope, letter)
    }

    fn dead_letters(&mut self, job: &str) -> Result<Vec<Buried>, C::Error> {
        (**self).dead_letters(job)
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
