#[cfg(unix)]
use std::ffi::OsString;
use std::ops::Deref;
#[cfg(unix)]
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use keywalk_job::{
    Attempt, BoxError, Checkpoint, CheckpointStore, DeadLetter, DeadLetterRecord, DeadLetters,
    Lease, Leases, from_unix_millis, unix_millis,
};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Params, Row, Transaction, TransactionBehavior};

mod error;

pub use error::{CheckpointError, CheckpointErrorKind};

use error::Cause;

/// Stores jobs' checkpoints in the database that the jobs change. Each chunk's effects and its checkpoint commit in
/// one transaction, so every item's effect happens **exactly once**, even if the process is killed.
///
/// The job's function is passed the transaction ([`ChunkTransaction`]). Changes made through it happen exactly once.
/// Anything done elsewhere (a request, a file, another database) happens at least once. Another connection to the
/// *same* database can't write during the chunk: it finds the database locked. The walk may be over the same
/// database, by the same connection or another one, or over any other store.
///
/// ```
/// use keywalk::Walk;
/// use keywalk_job::Job;
/// use keywalk_sqlite::{SqliteCheckpoints, Table};
///
/// # let db = rusqlite::Connection::open_in_memory()?;
/// # db.execute_batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, slug TEXT);
/// #     INSERT INTO items VALUES (1, 'A Name', NULL)")?;
/// let items = Table::new(&db, "items").key::<i64>(["id"])?.map(|row| row.get::<_, String>("name"));
/// let job = Job::new("slugs", Walk::new(items), SqliteCheckpoints::new(&db));
/// let outcome = job.run(|tx, items| {
///     let mut update = tx.prepare_cached("UPDATE items SET slug = ?2 WHERE id = ?1")?;
///     for (id, name) in items {
///         update.execute((id, name.to_lowercase().replace(' ', "-")))?;
///     }
///     Ok(())
/// })?;
/// assert!(outcome.is_done());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # A chunk's transaction
///
/// The transaction begins before the chunk is fetched and holds the database's write lock (`BEGIN IMMEDIATE`). So the
/// items match the rows until it commits, and no other writer's change is lost. Other writers wait until the function
/// has processed the chunk: keep slow work out of it, or use small chunks. Between two chunks, and while the job pauses
/// or waits, nothing is held.
///
/// If another connection has the lock, the job waits as long as the connection's busy timeout allows (5 seconds by
/// default in rusqlite). After that it follows the policy of [`Job::retry`](keywalk_job::Job::retry), if it has one.
/// A source that waits by itself, such as `keywalk-retry`'s, waits inside the transaction. Give it short delays, or
/// retry the whole chunk with [`Job::retry`](keywalk_job::Job::retry).
///
/// The function must leave the transaction open and return its errors. If it ends the transaction, the run fails with
/// [`TransactionEnded`](CheckpointErrorKind::TransactionEnded). The same happens if an error makes SQLite end the
/// transaction (`INSERT OR ROLLBACK`, an interrupt, a full disk) and the function doesn't return that error. The job's
/// next run processes the chunk again. Changes already committed, or made outside the transaction, aren't rolled back.
/// A savepoint in each chunk detects that the function ended the transaction and began another. It adds a few percent
/// to SQLite's time.
///
/// If the function returns the error that ended the transaction, the chunk is retried by the policy of
/// [`Job::retry`](keywalk_job::Job::retry), if there is one. No item is [skipped] for such an error, nor for a
/// deferred constraint that fails at the commit.
///
/// The guarantee is no stronger than that of SQLite's transactions:
///
/// - With a WAL, each attached database commits separately.
/// - With a WAL and `synchronous` below FULL, a power failure can undo the last commits, effects and checkpoint
///   together.
/// - With `synchronous` OFF, a power failure can damage the database, whatever the journal.
/// - Without a journal on disk (`journal_mode` OFF or MEMORY), a crash can damage it.
///
/// # One statement per chunk
///
/// If SQL can do the work, one statement per chunk is about as fast as the same loop written by hand, and twice as fast
/// as one statement per row. Walk [only the keys](crate::Table::keys), and bind the first and the last key of the
/// [batch](keywalk_job::Batch). If the walk has a [`filter`](crate::Table::filter), repeat it in the statement.
///
/// ```
/// use keywalk::Walk;
/// use keywalk_job::Job;
/// use keywalk_sqlite::{SqliteCheckpoints, Table};
///
/// # let db = rusqlite::Connection::open_in_memory()?;
/// # db.execute_batch("CREATE TABLE items (id INTEGER PRIMARY KEY, price REAL, cents INTEGER);
/// #     INSERT INTO items VALUES (1, 1.5, NULL), (5, 2.25, NULL)")?;
/// let keys = Table::new(&db, "items").key::<i64>(["id"])?.keys();
/// let job = Job::new("cents", Walk::new(keys).chunk_size(2_000), SqliteCheckpoints::new(&db));
/// job.run(|tx, items| {
///     let mut update = tx.prepare_cached("UPDATE items SET cents = 100 * price WHERE id BETWEEN ?1 AND ?2")?;
///     update.execute((items.first_key(), items.last_key()))?;
///     Ok(())
/// })?;
/// # assert_eq!(db.query_row("SELECT sum(cents) FROM items", [], |row| row.get::<_, i64>(0))?, 375);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// For a key of several columns, compare rows: `(tenant, id) BETWEEN (?1, ?2) AND (?3, ?4)`. In a descending walk the
/// last key is the smaller one.
///
/// # Tables
///
/// Two tables are created in `main` when the first job runs, which changes the schema.
///
/// - `keywalk_jobs` has one row per job: `name`, `run` (the number of the run that wrote the row, counted from 1),
///   `done` (0 or 1), `items`, `skipped`, `share` (the walk's [fraction done](keywalk_job::Progress::fraction), 0 to 1,
///   or NULL if unknown), `position` (the last key, human-readable), `updated` (milliseconds since 1970), and
///   `checkpoint`. The other columns are copies of what `checkpoint` holds, for monitoring. In the row of a part of a
///   parallel job, `run` is larger: it also contains the number of the job's plan.
/// - `keywalk_dead_letters` has one row per [skipped] item: `job`, `key` (human-readable), `key_bytes`, `error`,
///   `time` (milliseconds since 1970). Its primary key is `(job, key_bytes)`.
///
/// # Processing skipped items again
///
/// [`dead_letters`](keywalk_job::DeadLetters::dead_letters) lists a job's dead letters, which are rows of the table
/// `keywalk_dead_letters`. Once the cause is fixed, another job can walk them, process those items again, and delete
/// each letter in the same transaction:
///
/// ```
/// use keywalk::{ResumableSource, Walk};
/// use keywalk_job::{DeadLetters, Job};
/// use keywalk_sqlite::{SqliteCheckpoints, Table};
///
/// # let db = rusqlite::Connection::open_in_memory()?;
/// # db.execute_batch("CREATE TABLE items (id INTEGER PRIMARY KEY, price TEXT, cents INTEGER);
/// #     INSERT INTO items (id, price) VALUES (1, '1.50'), (2, '2,50'), (3, '3.50')")?;
/// # let parse = |price: &str| price.parse::<f64>().map(|price| (price * 100.0).round());
/// # let items = Table::new(&db, "items").key::<i64>(["id"])?.map(|row| row.get::<_, String>("price"));
/// # let job = Job::new("cents", Walk::new(items), SqliteCheckpoints::new(&db)).skip_failures();
/// # let outcome = job.run(|tx, items| {
/// #     for (id, price) in items {
/// #         tx.execute("UPDATE items SET cents = ?2 WHERE id = ?1", (id, parse(price)?))?;
/// #     }
/// #     Ok(())
/// # })?;
/// # assert_eq!(outcome.skipped(), 1);
/// for letter in SqliteCheckpoints::new(&db).dead_letters("cents")? {
///     println!("{}: {}", letter.key(), letter.error()); // 2: invalid float literal
/// }
/// # db.execute("UPDATE items SET price = replace(price, ',', '.')", [])?;
///
/// let items = Table::new(&db, "items").key::<i64>(["id"])?; // The source that the job walked.
/// let letters = Table::new(&db, "keywalk_dead_letters")
///     .prefix_eq("job", "cents")?
///     .key::<Vec<u8>>(["key_bytes"])?;
/// let again = Job::new("cents again", Walk::new(letters), SqliteCheckpoints::new(&db)).restart_when_done();
/// again.run(|tx, letters| {
///     for (key_bytes, _letter) in letters {
///         if let Some(id) = items.decode_key(key_bytes)? {
///             let price: String =
///                 tx.query_row("SELECT price FROM items WHERE id = ?1", [id], |row| row.get(0))?;
///             tx.execute("UPDATE items SET cents = ?2 WHERE id = ?1", (id, parse(&price)?))?;
///         }
///         let delete = "DELETE FROM keywalk_dead_letters WHERE job = 'cents' AND key_bytes = ?1";
///         tx.execute(delete, [key_bytes])?;
///     }
///     Ok(())
/// })?;
/// assert!(SqliteCheckpoints::new(&db).dead_letters("cents")?.is_empty());
/// # assert_eq!(db.query_row("SELECT cents FROM items WHERE id = 2", [], |row| row.get::<_, i64>(0))?, 250);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// With [`skip_failures`] the job continues past items that fail again; their letters stay.
///
/// # Two runners
///
/// A job's lease is an operating-system lock on the file `DATABASE.job-NAME.lock` beside the database. The lock
/// ends with the process, even if the process is killed. The empty file is removed with the lease; the job's next run
/// removes one that a killed process left. An in-memory database has no lease.
///
/// That lock can fail to keep two runners apart: on a network file system with two machines, after the lock file was
/// deleted, or if a database is opened by two hard links. Then the earlier run's next commit is refused, since the
/// later run has recorded itself. Effects through the transaction are never done twice, unless the job was reset
/// between the two runs.
///
/// [skipped]: keywalk_job::Job::skip_failures
/// [`skip_failures`]: keywalk_job::Job::skip_failures
#[derive(Debug)]
pub struct SqliteCheckpoints<'db> {
    db: &'db Connection,
    /// True once the tables are known to exist.
    is_made: bool,
}

impl<'db> SqliteCheckpoints<'db> {
    /// Stores checkpoints in this connection's main database. Nothing is read yet.
    #[must_use]
    pub fn new(db: &'db Connection) -> Self {
        SqliteCheckpoints { db, is_made: false }
    }
}

/// The transaction of a chunk, lent to a job's function. Its effects commit with the checkpoint, or not at all.
///
/// It dereferences to rusqlite's [`Transaction`], so every method of it that takes `&self` is available. Methods that
/// take `&mut self` are not, since one of them could commit the effects separately (`set_drop_behavior`).
///
/// [`Transaction`]: https://docs.rs/rusqlite/latest/rusqlite/struct.Transaction.html
#[derive(Debug)]
pub struct ChunkTransaction<'db>(Transaction<'db>);

impl<'db> Deref for ChunkTransaction<'db> {
    type Target = Transaction<'db>;

    fn deref(&self) -> &Transaction<'db> {
        &self.0
    }
}

impl<'db> CheckpointStore for SqliteCheckpoints<'db> {
    type Scope<'a> = ChunkTransaction<'db>;
    type Rest<'a>
        = ()
    where
        Self: 'a;
    type Error = CheckpointError;

    fn begin(&mut self) -> Result<(ChunkTransaction<'db>, ()), CheckpointError> {
        if !self.db.is_autocommit() {
            return Err(Cause::InTransaction.into());
        }
        let begin = || Transaction::new_unchecked(self.db, TransactionBehavior::Immediate);
        let failed = |source| Cause::Sqlite {
            verb: "begin",
            source,
        };
        if !self.is_made {
            // The tables are created in a transaction of their own, since that changes the schema. If the chunk's
            // transaction did it, a walk by another connection wouldn't see the change until the chunk commits.
            let made = begin().and_then(|transaction| {
                transaction.execute_batch(TABLES)?;
                transaction.commit()
            });
            made.map_err(failed)?;
            self.is_made = true;
        }
        let transaction = begin().map_err(failed)?;
        run(&transaction, MARK).map_err(failed)?;
        Ok((ChunkTransaction(transaction), ()))
    }

    fn load_in(
        scope: &mut ChunkTransaction<'db>,
        (): &mut (),
        job: &str,
    ) -> Result<Option<Checkpoint>, CheckpointError> {
        load(scope, job)
    }

    fn commit(
        scope: ChunkTransaction<'db>,
        (): (),
        checkpoint: &Checkpoint,
    ) -> Result<(), CheckpointError> {
        if scope.is_autocommit() || run(&scope, UNMARK).is_err() {
            return Err(Cause::Ended.into());
        }
        let updated = unix_millis(checkpoint.updated());
        let recorded = scope.prepare_cached(RECORD).and_then(|mut statement| {
            statement.execute((
                checkpoint.job(),
                checkpoint.run().cast_signed(),
                checkpoint.is_done(),
                checkpoint.items().cast_signed(),
                checkpoint.skipped().cast_signed(),
                checkpoint.fraction(),
                checkpoint.position(),
                updated,
                checkpoint.to_json(),
            ))
        });
        if recorded.map_err(unwritten)? == 0 {
            let job = checkpoint.job().to_owned();
            return Err(Cause::Superseded { job }.into());
        }
        Ok(scope.0.commit().map_err(|source| Cause::Sqlite {
            verb: "commit",
            source,
        })?)
    }

    fn remove(&mut self, job: &str) -> Result<bool, CheckpointError> {
        // Avoids creating the tables just for this.
        if load_json(self.db, job)?.is_none() {
            return Ok(false);
        }
        let (scope, ()) = self.begin()?;
        let remove = || {
            scope.execute(
                "DELETE FROM main.keywalk_dead_letters WHERE job = ?1",
                [job],
            )?;
            let removed = scope.execute("DELETE FROM main.keywalk_jobs WHERE name = ?1", [job])?;
            scope.0.commit()?;
            Ok(removed > 0)
        };
        Ok(remove().map_err(unwritten)?)
    }

    fn list(&mut self) -> Result<Vec<Checkpoint>, CheckpointError> {
        let sql = "SELECT name, checkpoint FROM main.keywalk_jobs ORDER BY name";
        let found = ask(self.db, sql, [], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
        })?;
        found.iter().map(|(job, json)| read(job, json)).collect()
    }

    /// Creates no tables and takes no write lock, unlike `begin`, which starts a chunk's transaction.
    fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, CheckpointError> {
        load(self.db, job)
    }

    fn is_transient(&self, error: &CheckpointError) -> bool {
        error.is_transient()
    }

    fn attempt(
        scope: &mut ChunkTransaction<'db>,
        (): &mut (),
        work: impl FnOnce(&mut ChunkTransaction<'db>) -> Result<(), BoxError>,
    ) -> Result<Attempt, CheckpointError> {
        run(scope, "SAVEPOINT keywalk_item").map_err(unwritten)?;
        let worked = work(scope);
        let is_kept = || {
            !scope.is_autocommit()
                && (worked.is_ok() || run(scope, "ROLLBACK TO keywalk_item").is_ok())
                && run(scope, "RELEASE keywalk_item").is_ok()
        };
        match (is_kept(), worked) {
            (true, Ok(())) => Ok(Attempt::Done),
            (true, Err(error)) => Ok(Attempt::RolledBack(error)),
            // Some errors end the transaction, such as a full disk or an interrupt. Another savepoint would then
            // begin a new one, and its release would commit the next item alone.
            (false, Err(error)) => Ok(Attempt::ScopeLost(error)),
            (false, Ok(())) => Err(Cause::Ended.into()),
        }
    }
}

impl Leases for SqliteCheckpoints<'_> {
    fn lease(&mut self, job: &str) -> Result<Option<Lease>, CheckpointError> {
        let path = file(self.db)?;
        // The database is in memory, or in a file without a name.
        if path.as_os_str().is_empty() {
            return Ok(Some(Lease::unguarded()));
        }
        let lease = Lease::beside(&path, job);
        Ok(lease.map_err(|source| Cause::Lease { path, source })?)
    }
}

impl<'db> DeadLetters for SqliteCheckpoints<'db> {
    fn record_dead_letter(
        scope: &mut ChunkTransaction<'db>,
        (): &mut (),
        letter: &DeadLetter<'_>,
    ) -> Result<(), CheckpointError> {
        let record_dead_letter = || {
            scope.prepare_cached(BURY)?.execute((
                letter.job(),
                letter.key(),
                letter.key_bytes(),
                letter.error_text(),
                unix_millis(letter.time()),
            ))
        };
        record_dead_letter().map_err(unwritten)?;
        Ok(())
    }

    fn dead_letters(&mut self, job: &str) -> Result<Vec<DeadLetterRecord>, CheckpointError> {
        Ok(ask(self.db, LETTERS, [job], |row| {
            let letter = DeadLetterRecord::new(row.get::<_, String>(0)?, row.get(1)?);
            let letter = letter.failed_with(row.get::<_, String>(2)?);
            Ok(letter.failed_at(from_unix_millis(row.get(3)?)))
        })?)
    }
}

fn load(db: &Connection, job: &str) -> Result<Option<Checkpoint>, CheckpointError> {
    let json = load_json(db, job)?;
    json.map(|json| read(job, &json)).transpose()
}

fn load_json(db: &Connection, job: &str) -> Result<Option<String>, Cause> {
    let sql = "SELECT checkpoint FROM main.keywalk_jobs WHERE name = ?1";
    let mut found = ask(db, sql, [job], |row| row.get::<_, String>(0))?;
    Ok(found.pop())
}

/// Queries the table of jobs; returns nothing if it doesn't exist yet.
fn ask<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, Cause> {
    let exists = "SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = 'keywalk_jobs'";
    let ask = || {
        if !db.prepare_cached(exists)?.exists([])? {
            return Ok(Vec::new());
        }
        let mut statement = db.prepare(sql)?;
        let rows = statement.query_map(params, |row| read(row))?;
        rows.collect()
    };
    ask().map_err(|source| Cause::Sqlite {
        verb: "read",
        source,
    })
}

/// Marks a chunk's transaction. If the function replaces the transaction, the savepoint is gone.
const MARK: &str = "SAVEPOINT keywalk_chunk";
const UNMARK: &str = "RELEASE keywalk_chunk";

fn run(scope: &Connection, sql: &str) -> rusqlite::Result<usize> {
    scope.prepare_cached(sql)?.execute([])
}

fn unwritten(source: rusqlite::Error) -> Cause {
    Cause::Sqlite {
        verb: "write",
        source,
    }
}

fn read(job: &str, json: &str) -> Result<Checkpoint, CheckpointError> {
    Ok(
        Checkpoint::from_json(json).map_err(|source| Cause::Content {
            job: job.to_owned(),
            source,
        })?,
    )
}

/// Returns the path of the main database's file, which need not be UTF-8; empty if there is no file.
fn file(db: &Connection) -> Result<PathBuf, Cause> {
    let sql = "SELECT file FROM pragma_database_list WHERE name = 'main'";
    let name = db.query_row(sql, [], |row| match row.get_ref(0)? {
        ValueRef::Text(name) => Ok(name.to_vec()),
        _ => Ok(Vec::new()),
    });
    let name = name.map_err(|source| Cause::Sqlite {
        verb: "find",
        source,
    })?;
    #[cfg(unix)]
    return Ok(OsString::from_vec(name).into());
    // SQLite's file names are UTF-8 on other systems.
    #[cfg(not(unix))]
    return Ok(String::from_utf8_lossy(&name).into_owned().into());
}

/// Creates the tables if they don't exist.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS main.keywalk_jobs (
        name TEXT NOT NULL PRIMARY KEY,
        run INTEGER NOT NULL,
        done INTEGER NOT NULL,
        items INTEGER NOT NULL,
        skipped INTEGER NOT NULL,
        share REAL,
        position TEXT,
        updated INTEGER NOT NULL,
        checkpoint TEXT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS main.keywalk_dead_letters (
        job TEXT NOT NULL,
        key TEXT NOT NULL,
        key_bytes BLOB NOT NULL,
        error TEXT NOT NULL,
        time INTEGER NOT NULL,
        PRIMARY KEY (job, key_bytes)
    );";

/// Does not replace the checkpoint of a later run.
const RECORD: &str = "
    INSERT INTO main.keywalk_jobs
        (name, run, done, items, skipped, share, position, updated, checkpoint)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
    ON CONFLICT (name) DO UPDATE SET
        run = excluded.run, done = excluded.done, items = excluded.items, skipped = excluded.skipped,
        share = excluded.share, position = excluded.position, updated = excluded.updated,
        checkpoint = excluded.checkpoint
    WHERE run <= excluded.run";

/// Replaces an earlier letter of the same item.
const BURY: &str = "
    INSERT OR REPLACE INTO main.keywalk_dead_letters (job, key, key_bytes, error, time)
    VALUES (?1, ?2, ?3, ?4, ?5)";

const LETTERS: &str = "
    SELECT key, key_bytes, error, time FROM main.keywalk_dead_letters
    WHERE job = ?1 ORDER BY key_bytes";
