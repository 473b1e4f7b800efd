use std::collections::BTreeSet;
use std::fmt;
use std::ops::{Deref, Range};
use std::ptr;
use std::sync::{Mutex, PoisonError};

use keywalk_job::{
    Attempt, BoxError, Checkpoint, CheckpointStore, DeadLetter, DeadLetterRecord, DeadLetters,
    Lease, Leases, from_unix_millis, unix_millis,
};
use redb::{
    Database, Durability, ReadOnlyTable, ReadableDatabase, ReadableTable, TableDefinition,
    TableError, WriteTransaction,
};

mod error;

pub use error::{CheckpointError, CheckpointErrorKind};

use error::Cause;

/// Stores jobs' checkpoints in the database that the jobs change. Each chunk's effects and its checkpoint commit in
/// one transaction, so every item's effect happens **exactly once**, even if the process is killed.
///
/// The job's function is passed the transaction ([`ChunkTransaction`]). Changes made through it happen exactly once.
/// Anything done elsewhere (a request, a file, another database) happens at least once. The walk may be over the same
/// database or over any other store.
///
/// ```
/// use keywalk::Walk;
/// use keywalk_job::Job;
/// use keywalk_redb::{RedbCheckpoints, TypedTable, redb};
/// use redb::{Database, TableDefinition, backends::InMemoryBackend};
///
/// const NAMES: TableDefinition<u64, &str> = TableDefinition::new("names");
/// const SLUGS: TableDefinition<u64, &str> = TableDefinition::new("slugs");
///
/// # let db = Database::builder().create_with_backend(InMemoryBackend::new())?;
/// # let tx = db.begin_write()?;
/// # tx.open_table(NAMES)?.insert(1, "A Name")?;
/// # tx.commit()?;
/// let job = Job::new("slugs", Walk::new(TypedTable::new(&db, NAMES)), RedbCheckpoints::new(&db));
/// let outcome = job.run(|tx, items| {
///     let mut slugs = tx.open_table(SLUGS)?;
///     for (id, name) in items {
///         slugs.insert(id.get(), &*name.get().to_lowercase().replace(' ', "-"))?;
///     }
///     Ok(())
/// })?;
/// assert!(outcome.is_done());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # A chunk's transaction
///
/// The transaction begins before the chunk is fetched. redb has one write transaction at a time, so the items match the
/// table until it commits, and no other writer's change is lost. Other writers wait until the function has processed
/// the chunk: keep slow work out of it, or use small chunks. Between two chunks, and while the job pauses or waits,
/// nothing is held.
///
/// The job waits as long as another write transaction is open. The function must not begin one itself
/// ([`Database::begin_write`]): it would wait for its own chunk forever.
///
/// Each chunk commits with [`Durability::Immediate`]: once it is committed, it survives a power failure as well as
/// redb's file does. If a commit fails, redb takes no further writes until the database is opened again. The next run
/// then continues from what was committed, with the effects up to there.
///
/// redb has no savepoints within a transaction that has opened a table. So with
/// [`Job::skip_failures`](keywalk_job::Job::skip_failures) a failure undoes its chunk: the items before it are
/// processed again, then the failed one alone. Each failure costs up to four transactions.
///
/// # Tables
///
/// Two tables are created when the first job commits.
///
/// - `keywalk_jobs` ([`JOBS`](Self::JOBS)): from a job's name to its checkpoint, as
///   [`Checkpoint::from_json`](keywalk_job::Checkpoint::from_json) reads it. For monitoring, use
///   [`list`](keywalk_job::CheckpointStore::list).
/// - `keywalk_dead_letters` ([`DEAD_LETTERS`](Self::DEAD_LETTERS)): from a job's name and a skipped item's key, as
///   bytes, to the key, human-readable, the error, and the time in milliseconds since 1970.
///
/// # Processing skipped items again
///
/// Once the cause is fixed, another job can walk the dead letters, process those items again, and remove each letter in
/// the same transaction. A key's bytes are those of the source's
/// [`encode_key`](keywalk::ResumableSource::encode_key).
///
/// ```
/// use keywalk::{ResumableSource, Walk};
/// use keywalk_job::Job;
/// use keywalk_redb::{Encoded, RedbCheckpoints, TypedTable, redb};
/// use redb::ReadableTable;
/// # use redb::{Database, TableDefinition, backends::InMemoryBackend};
/// # const PRICES: TableDefinition<u64, &str> = TableDefinition::new("prices");
/// # const CENTS: TableDefinition<u64, u64> = TableDefinition::new("cents");
/// # let db = Database::builder().create_with_backend(InMemoryBackend::new())?;
/// # let tx = db.begin_write()?;
/// # tx.open_table(PRICES)?.insert(1, "150")?;
/// # tx.open_table(PRICES)?.insert(2, "two")?;
/// # tx.commit()?;
/// # let job = Job::new("cents", Walk::new(TypedTable::new(&db, PRICES)), RedbCheckpoints::new(&db));
/// # let outcome = job.skip_failures().run(|tx, items| {
/// #     for (id, price) in items {
/// #         tx.open_table(CENTS)?.insert(id.get(), price.get().parse::<u64>()?)?;
/// #     }
/// #     Ok(())
/// # })?;
/// # assert_eq!((outcome.items(), outcome.skipped()), (2, 1));
/// # let tx = db.begin_write()?;
/// # tx.open_table(PRICES)?.insert(2, "250")?;
/// # tx.commit()?;
///
/// let items = TypedTable::new(&db, PRICES); // The source that the job walked.
/// let letters = TypedTable::new(&db, RedbCheckpoints::DEAD_LETTERS);
/// // The letters of the job "cents": no other job's name comes before "cents\0".
/// let [first, end] = ["cents", "cents\0"].map(|job| Encoded::new((job, &[][..])));
/// let walk = Walk::new(letters).range(first..end);
/// let again = Job::new("cents again", walk, RedbCheckpoints::new(&db)).restart_when_done();
/// again.run(|tx, letters| {
///     for (letter, _) in letters {
///         let (_, key_bytes) = letter.get();
///         if let Some(id) = items.decode_key(key_bytes)? {
///             let price: u64 = tx.open_table(PRICES)?.get(id.get())?.ok_or("gone")?.value().parse()?;
///             tx.open_table(CENTS)?.insert(id.get(), price)?;
///         }
///         tx.open_table(RedbCheckpoints::DEAD_LETTERS)?.remove(letter.get())?;
///     }
///     Ok(())
/// })?;
/// # use keywalk_job::DeadLetters;
/// # assert!(RedbCheckpoints::new(&db).dead_letters("cents")?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Two runners
///
/// A redb file is open in one process, so a job's lease is an entry in a list of this process. It ends with the run,
/// and with the process.
///
/// In [`ConcurrencyMode::MultiWriter`](redb::ConcurrencyMode::MultiWriter) other processes write, too, and the lease
/// doesn't keep them apart. Then the earlier run's next commit is refused, since the later run has recorded itself.
/// Effects through the transaction are never done twice, unless the job was reset between the two runs.
pub struct RedbCheckpoints<'db> {
    db: &'db Database,
}

impl<'db> RedbCheckpoints<'db> {
    /// The table of jobs: a job's name, and its checkpoint as JSON.
    pub const JOBS: TableDefinition<'static, &'static str, &'static str> =
        TableDefinition::new("keywalk_jobs");

    /// The table of dead letters: `(job, key_bytes)`, and `(key, error, time)`.
    pub const DEAD_LETTERS: TableDefinition<
        'static,
        (&'static str, &'static [u8]),
        (&'static str, &'static str, i64),
    > = TableDefinition::new("keywalk_dead_letters");

    /// Stores checkpoints in this database. Nothing is read yet.
    #[must_use]
    pub fn new(db: &'db Database) -> Self {
        RedbCheckpoints { db }
    }

    /// Opens a table in a read transaction; `None` if it doesn't exist yet.
    fn open<K: redb::Key, V: redb::Value>(
        &self,
        table: TableDefinition<'_, K, V>,
    ) -> Result<Option<ReadOnlyTable<K, V>>, Cause> {
        match self.db.begin_read()?.open_table(table) {
            Ok(table) => Ok(Some(table)),
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// The transaction of a chunk, lent to a job's function. Its effects commit with the checkpoint, or not at all.
///
/// It dereferences to redb's [`WriteTransaction`], so every method of it that takes `&self` is available.
pub struct ChunkTransaction(WriteTransaction);

impl Deref for ChunkTransaction {
    type Target = WriteTransaction;

    fn deref(&self) -> &WriteTransaction {
        &self.0
    }
}

impl CheckpointStore for RedbCheckpoints<'_> {
    type Scope<'a> = ChunkTransaction;
    type Rest<'a>
        = ()
    where
        Self: 'a;
    type Error = CheckpointError;

    fn begin(&mut self) -> Result<(ChunkTransaction, ()), CheckpointError> {
        let transaction = self.db.begin_write().map_err(Cause::from)?;
        Ok((ChunkTransaction(transaction), ()))
    }

    fn load_in(
        scope: &mut ChunkTransaction,
        (): &mut (),
        job: &str,
    ) -> Result<Option<Checkpoint>, CheckpointError> {
        let jobs = scope.open_table(Self::JOBS).map_err(Cause::from)?;
        Ok(load(&jobs, job)?)
    }

    fn commit(
        mut scope: ChunkTransaction,
        (): (),
        checkpoint: &Checkpoint,
    ) -> Result<(), CheckpointError> {
        let commit = || {
            let job = checkpoint.job();
            let mut jobs = scope.open_table(Self::JOBS)?;
            if load(&jobs, job)?.is_some_and(|stored| stored.run() > checkpoint.run()) {
                let job = job.to_owned();
                return Err(Cause::Superseded { job });
            }
            jobs.insert(job, &*checkpoint.to_json())?;
            drop(jobs);
            scope.0.set_durability(Durability::Immediate)?;
            Ok(scope.0.commit()?)
        };
        Ok(commit()?)
    }

    fn remove(&mut self, job: &str) -> Result<bool, CheckpointError> {
        // Avoids creating the tables just for this.
        if self.load(job).is_ok_and(|known| known.is_none()) {
            return Ok(false);
        }
        let remove = || -> Result<bool, Cause> {
            let transaction = self.db.begin_write()?;
            let mut letters = transaction.open_table(Self::DEAD_LETTERS)?;
            letters.retain_in::<(&str, &[u8]), _>(of(job, &next(job)), |_, _| false)?;
            drop(letters);
            let removed = transaction.open_table(Self::JOBS)?.remove(job)?.is_some();
            transaction.commit()?;
            Ok(removed)
        };
        Ok(remove()?)
    }

    fn list(&mut self) -> Result<Vec<Checkpoint>, CheckpointError> {
        let list = || -> Result<_, Cause> {
            let mut found = Vec::new();
            if let Some(jobs) = self.open(Self::JOBS)? {
                for entry in jobs.iter()? {
                    let (job, json) = entry?;
                    found.push(read(job.value(), json.value())?);
                }
            }
            Ok(found)
        };
        Ok(list()?)
    }

    /// Doesn't wait for a write transaction, unlike `begin`, which starts a chunk's.
    fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, CheckpointError> {
        match self.open(Self::JOBS)? {
            Some(jobs) => Ok(load(&jobs, job)?),
            None => Ok(None),
        }
    }

    fn attempt(
        scope: &mut ChunkTransaction,
        (): &mut (),
        work: impl FnOnce(&mut ChunkTransaction) -> Result<(), BoxError>,
    ) -> Result<Attempt, CheckpointError> {
        Ok(match work(scope) {
            Ok(()) => Attempt::Done,
            // redb refuses a savepoint once a table was opened.
            Err(error) => Attempt::ScopeUndone(error),
        })
    }
}

/// The jobs that run in this process, each with the address of its database. The lease of a run lives no longer than
/// the run's reference to the database.
static RUNNING: Mutex<BTreeSet<Running>> = Mutex::new(BTreeSet::new());

type Running = (usize, String);

/// Takes a job off the list when it is dropped.
struct Listed(Running);

impl Drop for Listed {
    fn drop(&mut self) {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        running.remove(&self.0);
    }
}

impl Leases for RedbCheckpoints<'_> {
    fn lease(&mut self, job: &str) -> Result<Option<Lease>, CheckpointError> {
        let this = (ptr::from_ref(self.db).addr(), job.to_owned());
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let is_free = running.insert(this.clone());
        Ok(is_free.then(|| Lease::new(Listed(this))))
    }
}

impl DeadLetters for RedbCheckpoints<'_> {
    fn record_dead_letter(
        scope: &mut ChunkTransaction,
        (): &mut (),
        letter: &DeadLetter<'_>,
    ) -> Result<(), CheckpointError> {
        let record = || -> Result<(), Cause> {
            let mut letters = scope.open_table(Self::DEAD_LETTERS)?;
            let (error, time) = (letter.error_text(), unix_millis(letter.time()));
            letters.insert(
                (letter.job(), letter.key_bytes()),
                (letter.key(), &*error, time),
            )?;
            Ok(())
        };
        Ok(record()?)
    }

    fn dead_letters(&mut self, job: &str) -> Result<Vec<DeadLetterRecord>, CheckpointError> {
        let end = next(job);
        let list = || -> Result<_, Cause> {
            let mut found = Vec::new();
            if let Some(letters) = self.open(Self::DEAD_LETTERS)? {
                for entry in letters.range::<(&str, &[u8])>(of(job, &end))? {
                    let (letter, said) = entry?;
                    let ((_, key_bytes), (key, error, time)) = (letter.value(), said.value());
                    let letter = DeadLetterRecord::new(key, key_bytes.to_vec());
                    let letter = letter.failed_with(error);
                    found.push(letter.failed_at(from_unix_millis(time)));
                }
            }
            Ok(found)
        };
        Ok(list()?)
    }
}

/// Returns the keys of a job's letters, where `next` is the name that follows the job's.
fn of<'a>(job: &'a str, next: &'a str) -> Range<(&'a str, &'a [u8])> {
    (job, &[])..(next, &[])
}

fn next(job: &str) -> String {
    format!("{job}\0")
}

fn load(
    jobs: &impl ReadableTable<&'static str, &'static str>,
    job: &str,
) -> Result<Option<Checkpoint>, Cause> {
    let json = jobs.get(job)?;
    json.map(|json| read(job, json.value())).transpose()
}

fn read(job: &str, json: &str) -> Result<Checkpoint, Cause> {
    Checkpoint::from_json(json).map_err(|source| Cause::Content {
        job: job.to_owned(),
        source,
    })
}

impl fmt::Debug for RedbCheckpoints<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedbCheckpoints")
    }
}

impl fmt::Debug for ChunkTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChunkTransaction")
    }
}
