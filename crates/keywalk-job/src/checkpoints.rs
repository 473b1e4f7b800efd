use std::error::Error;

use crate::checkpoint::Checkpoint;
use crate::error::BoxError;

/// A store in which jobs record their progress: a database, a folder of files, or a store of your own.
///
/// A [`Job`](crate::Job) calls it. For each chunk the job [begins](Self::begin) a scope, fetches the chunk, and
/// calls the caller's function with the scope and the items. It then [commits](Self::commit) the scope together
/// with the checkpoint, or drops the scope if anything failed.
///
/// Before the first chunk, a run takes a [`lease`](crate::Leases::lease), calls [`begin`](Self::begin) and
/// [`load_in`](Self::load_in), and commits a checkpoint with a new [run number](Checkpoint::run). It skips that
/// commit if the job is done.
///
/// A job also requires that the store implements [`Leases`](crate::Leases), and
/// [`DeadLetters`](crate::DeadLetters) to skip items.
///
/// # The scope and the rest
///
/// A scope may borrow the store's client: a transaction borrows its connection. So [`begin`](Self::begin)
/// splits the store into two parts, and the split lasts as long as the scope is open. The job's function borrows
/// the first part, the [`Scope`](Self::Scope). The second part, the [`Rest`](Self::Rest), is what else the store
/// needs in order to commit.
///
/// | The store | `Scope<'a>` | `Rest<'a>` |
/// |---|---|---|
/// | owns a client, or borrows it as `&mut Client` | `Transaction<'a>` | `()`, or its other fields |
/// | borrows a connection as `&'db Connection` | `Transaction<'db>` | `()` |
/// | has a pool | a transaction that owns its connection, which goes back to the pool with the scope | `()` |
/// | has no transactions | `()` | `&'a mut Self` |
///
/// # Contract
///
/// 1. **Whole.** [`load_in`](Self::load_in) returns the checkpoint that was committed last, or nothing if there
///    is none. This holds also after a crash in the middle of `commit`.
/// 2. **Durable.** Once `commit` returns `Ok`, what it committed survives a crash.
/// 3. **Atomic with the effects, or after them.** If the scope is a transaction, and the checkpoint is written
///    in it, the effects commit together with the checkpoint or not at all: effects through the transaction
///    happen *exactly once*. If not (`Scope<'a> = ()`), `commit` comes after the effects, which happen *at least
///    once*: after a crash one chunk may be processed again.
/// 4. **Fenced.** `commit` must fail if the stored checkpoint has a higher [run number](Checkpoint::run). Stores
///    without a conditional write may omit this. This check is the second line of defence, if a lease fails to
///    keep two runners apart.
/// 5. A scope that is dropped undoes what was done through it, if it can.
///
/// # A store of your own
///
/// ```
/// use std::collections::BTreeMap;
/// use std::convert::Infallible;
/// use keywalk_job::{Checkpoint, CheckpointStore, Lease, Leases};
///
/// /// For a job that may start over when the process does.
/// #[derive(Default)]
/// struct InMemory(BTreeMap<String, Checkpoint>);
///
/// impl CheckpointStore for InMemory {
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
///         // The job owns the store or borrows it mutably, so no second runner can use it.
///         Ok(Some(Lease::unguarded()))
///     }
/// }
/// ```
///
/// # A transaction as the scope
///
/// This example is for a client like `postgres::Client`, whose transactions borrow it. The walk uses another
/// client:
///
/// ```
/// # mod db {
/// #     use std::{collections::BTreeMap, fmt};
/// #     #[derive(Debug)]
/// #     pub struct Error;
/// #     impl fmt::Display for Error {
/// #         fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str("failed") }
/// #     }
/// #     impl std::error::Error for Error {}
/// #     type Rows = BTreeMap<String, (u64, String)>;
/// #     #[derive(Default)]
/// #     pub struct Client(Rows);
/// #     pub struct Transaction<'c>(&'c mut Rows, Option<Rows>);
/// #     impl Client {
/// #         pub fn transaction(&mut self) -> Result<Transaction<'_>, Error> {
/// #             Ok(Transaction(&mut self.0, Some(Rows::new())))
/// #         }
/// #     }
/// #     impl Transaction<'_> {
/// #         pub fn transaction(&mut self) -> Result<Transaction<'_>, Error> {
/// #             Ok(Transaction(self.1.as_mut().ok_or(Error)?, Some(Rows::new())))
/// #         }
/// #         pub fn query_opt(&mut self, _: &str, name: &str) -> Result<Option<String>, Error> {
/// #             Ok(self.0.get(name).map(|row| row.1.clone()))
/// #         }
/// #         pub fn execute(&mut self, _: &str, row: (&str, u64, String)) -> Result<u64, Error> {
/// #             let is_later = self.0.get(row.0).is_some_and(|known| known.0 > row.1);
/// #             self.1.as_mut().ok_or(Error)?.insert(row.0.to_owned(), (row.1, row.2));
/// #             Ok(u64::from(!is_later))
/// #         }
/// #         pub fn commit(mut self) -> Result<(), Error> {
/// #             self.0.append(&mut self.1.take().ok_or(Error)?);
/// #             Ok(())
/// #         }
/// #         pub fn rollback(self) -> Result<(), Error> { Ok(()) }
/// #     }
/// # }
/// use db::{Client, Transaction};
/// use keywalk_job::{Attempt, BoxError, Checkpoint, CheckpointStore};
///
/// struct JobTable<'c> {
///     client: &'c mut Client,
/// }
///
/// impl CheckpointStore for JobTable<'_> {
///     type Scope<'a> = Transaction<'a>;
///     type Rest<'a> = () where Self: 'a;
///     type Error = db::Error;
///
///     fn begin(&mut self) -> Result<(Transaction<'_>, ()), db::Error> {
///         Ok((self.client.transaction()?, ()))
///     }
///     fn load_in(tx: &mut Transaction<'_>, (): &mut (), job: &str) -> Result<Option<Checkpoint>, db::Error> {
///         let json = tx.query_opt("SELECT checkpoint FROM jobs WHERE name = $1 FOR UPDATE", job)?;
///         json.map(|json| Checkpoint::from_json(&json).map_err(|_| db::Error)).transpose()
///     }
///     fn commit(mut tx: Transaction<'_>, (): (), checkpoint: &Checkpoint) -> Result<(), db::Error> {
///         let sql = "INSERT INTO jobs VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE \
///             SET run = excluded.run, checkpoint = excluded.checkpoint WHERE jobs.run <= excluded.run";
///         match tx.execute(sql, (checkpoint.job(), checkpoint.run(), checkpoint.to_json()))? {
///             0 => Err(db::Error), // A later run has committed.
///             _ => tx.commit(),
///         }
///     }
///     fn attempt(
///         tx: &mut Transaction<'_>,
///         (): &mut (),
///         work: impl FnOnce(&mut Transaction<'_>) -> Result<(), BoxError>,
///     ) -> Result<Attempt, db::Error> {
///         let mut savepoint = tx.transaction()?;
///         Ok(match work(&mut savepoint) {
///             Ok(()) => savepoint.commit().map(|()| Attempt::Done)?,
///             Err(error) => match savepoint.rollback() {
///                 Ok(()) => Attempt::RolledBack(error),
///                 Err(_) => Attempt::ScopeLost(error),
///             },
///         })
///     }
/// #   fn remove(&mut self, _: &str) -> Result<bool, db::Error> { Ok(false) }
/// #   fn list(&mut self) -> Result<Vec<Checkpoint>, db::Error> { Ok(Vec::new()) }
///     // And `remove` and `list`.
/// }
/// # use keywalk::Walk;
/// # use keywalk_job::{DeadLetter, DeadLetters, DeadLetterRecord, Job, Lease, Leases};
/// # impl Leases for JobTable<'_> {
/// #     fn lease(&mut self, _: &str) -> Result<Option<Lease>, db::Error> { Ok(Some(Lease::unguarded())) }
/// # }
/// # impl DeadLetters for JobTable<'_> {
/// #     fn record_dead_letter(_: &mut Transaction<'_>, (): &mut (), _: &DeadLetter<'_>) -> Result<(), db::Error> { Ok(()) }
/// #     fn dead_letters(&mut self, _: &str) -> Result<Vec<DeadLetterRecord>, db::Error> { Ok(Vec::new()) }
/// # }
/// # let numbers = std::collections::BTreeMap::from([(1, 0), (2, 7), (3, 1)]);
/// # let walk = || Walk::new(keywalk_memory::Named::new("numbers", &numbers)).chunk_size(2);
/// # let mut client = Client::default();
/// # let job = Job::new("store", walk(), JobTable { client: &mut client });
/// # let outcome = job.skip_failures().run(|tx, items| {
/// #     for (key, value) in items {
/// #         tx.execute("INSERT", (&format!("number {key}"), 0, value.to_string()))?;
/// #         if **value == 7 { return Err("seven".into()); }
/// #     }
/// #     Ok(())
/// # })?;
/// # assert_eq!((outcome.items(), outcome.skipped()), (3, 1));
/// # assert!(Job::new("store", walk(), JobTable { client: &mut client }).run(|_, _| Ok(()))?.is_done());
/// # let mut tx = client.transaction()?;
/// # assert!(tx.query_opt("SELECT", "number 1")?.is_some() && tx.query_opt("SELECT", "number 2")?.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "a job's position can't be kept in `{Self}`: it is no `CheckpointStore`",
    label = "not a place for checkpoints",
    note = "give `keywalk_sqlite::SqliteCheckpoints::new(&db)` (in the same database: effects are exactly once), \
            or `keywalk_job::FileCheckpoints::new(\"folder\")`",
    note = "for a store of your own implement `keywalk_job::CheckpointStore`"
)]
pub trait CheckpointStore {
    /// The scope in which a chunk is processed, which the job's function borrows: a transaction, or `()`.
    ///
    /// It may borrow from `&'a mut self`. The type deliberately lacks `where Self: 'a`. With this clause, the
    /// bound of a job's function, `FnMut(&mut C::Scope<'_>, ..)`, would require `C: 'static`. Without it, a store
    /// that holds references can't have the scope `&'a mut Self`. Use `&'a mut Client` or `Transaction<'a>`
    /// instead.
    type Scope<'a>;

    /// The part of the store that remains while a scope is open.
    type Rest<'a>
    where
        Self: 'a;

    /// The store's error.
    type Error: Error;

    /// Begins a scope for a chunk.
    ///
    /// # Errors
    ///
    /// Returns the store's error.
    fn begin(&mut self) -> Result<(Self::Scope<'_>, Self::Rest<'_>), Self::Error>;

    /// Reads the job's last committed checkpoint within a scope.
    ///
    /// If the scope is a transaction, this must lock the job's row (unless [`begin`](Self::begin) has locked the
    /// database), so that no other runner can commit until the scope ends.
    ///
    /// # Errors
    ///
    /// Returns the store's error, including if the checkpoint can't be read.
    fn load_in(
        scope: &mut Self::Scope<'_>,
        rest: &mut Self::Rest<'_>,
        job: &str,
    ) -> Result<Option<Checkpoint>, Self::Error>;

    /// Makes the work and the checkpoint durable. The checkpoint replaces the job's last one.
    ///
    /// # Errors
    ///
    /// Returns the store's error, including if the stored checkpoint has a higher [run number](Checkpoint::run);
    /// see the contract.
    fn commit(
        scope: Self::Scope<'_>,
        rest: Self::Rest<'_>,
        checkpoint: &Checkpoint,
    ) -> Result<(), Self::Error>;

    /// Forgets the job, with its [dead letters](crate::DeadLetters), and returns whether it existed. Used by
    /// [`reset`](crate::Leases::reset), which takes the lease first.
    ///
    /// # Errors
    ///
    /// Returns the store's error.
    fn remove(&mut self, job: &str) -> Result<bool, Self::Error>;

    /// Lists all known jobs, by name.
    ///
    /// # Errors
    ///
    /// Returns the store's error.
    fn list(&mut self) -> Result<Vec<Checkpoint>, Self::Error>;

    /// Reads the job's last committed checkpoint. Provided: calls [`load_in`](Self::load_in) in a scope that is
    /// dropped.
    ///
    /// # Errors
    ///
    /// Returns the store's error, including if the checkpoint can't be read.
    fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, Self::Error> {
        let (mut scope, mut rest) = self.begin()?;
        Self::load_in(&mut scope, &mut rest, job)
    }

    /// Returns whether the failure is transient, such as another process's lock. If so, the run retries by the
    /// policy of [`Job::retry`](crate::Job::retry), if it has one. Provided: `false`.
    ///
    /// For an error of [`commit`](Self::commit), return `true` only if nothing was committed, because the retry
    /// processes the chunk again.
    fn is_transient(&self, error: &Self::Error) -> bool {
        let _ = error;
        false
    }

    /// Does a part of the chunk's work. If it fails, undoes only that part, where the store can.
    ///
    /// A store whose scope is a transaction must undo the part, since the rest of the chunk is committed. If it has no
    /// savepoints, it returns [`Attempt::ScopeUndone`] and leaves the scope to be dropped.
    /// The default is for stores without transactions: it undoes nothing, and still returns
    /// [`Attempt::RolledBack`] for a failure, so that the chunk continues.
    ///
    /// # Errors
    ///
    /// Returns the store's error. An error of the work itself is in the [`Attempt`].
    fn attempt(
        scope: &mut Self::Scope<'_>,
        rest: &mut Self::Rest<'_>,
        work: impl FnOnce(&mut Self::Scope<'_>) -> Result<(), BoxError>,
    ) -> Result<Attempt, Self::Error> {
        let _ = rest;
        Ok(match work(scope) {
            Ok(()) => Attempt::Done,
            Err(error) => Attempt::RolledBack(error),
        })
    }
}

#[deny(clippy::missing_trait_methods)]
impl<C: CheckpointStore> CheckpointStore for &mut C {
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

    fn attempt(
        scope: &mut C::Scope<'_>,
        rest: &mut C::Rest<'_>,
        work: impl FnOnce(&mut C::Scope<'_>) -> Result<(), BoxError>,
    ) -> Result<Attempt, C::Error> {
        C::attempt(scope, rest, work)
    }
}

/// The result of a part of a chunk's work; see [`CheckpointStore::attempt`].
#[derive(Debug)]
pub enum Attempt {
    /// The work is done.
    Done,
    /// The work failed and is undone; the rest of the chunk can go on.
    RolledBack(BoxError),
    /// The work failed, and everything in the scope is undone, since the store can't undo a part of it. The items
    /// before are processed again and committed. Then this one is processed alone, and skipped if it fails again.
    ScopeUndone(BoxError),
    /// The work failed and the scope is lost, for example by an SQLite error that ends the transaction. The
    /// chunk can't be committed.
    ScopeLost(BoxError),
}
