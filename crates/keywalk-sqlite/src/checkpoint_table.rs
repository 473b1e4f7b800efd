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

use error::Problem;

/// Checkpoints of jobs in the database that the jobs change: each chunk's effects and its checkpoint commit
/// in one transaction, so every item's effect happens **exactly once**, whatever happens to the process.
///
/// The job's function is given the transaction ([`ChunkTransaction`]). What it changes through it is part of the promise; what
/// it does anywhere else (a request, a file, another database) is at least once. Another connection to the
/// *same* database can't write meanwhile: it finds it locked. The walk may be over the same database, by the
/// same connection or another one, or over any other store.
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
/// It begins before the chunk is fetched and holds the database's write lock (`BEGIN IMMEDIATE`): the items
/// are what the rows are until it commits, and no other writer's change is lost. Other writers wait
/// meanwhile, for as long as the function takes over one chunk, so keep slow work out of it or chunks
/// small. The job waits for their locks as long as the connection's busy timeout says (rusqlite's is 5
/// seconds), and then by the policy of [`Job::retry`](keywalk_job::Job::retry), if it has one. A source that
/// waits by itself, `keywalk-retry`'s, waits within the transaction: give it short delays, or the whole chunk
/// some by [`Job::retry`](keywalk_job::Job::retry). Between two chunks, and while
/// the job pauses or waits, nothing is held.
///
/// The function must leave the transaction open, and hand on errors. One that it ends,
/// or that SQLite ends over an error (`INSERT OR ROLLBACK`, an interrupt, a full disk), is an error, and the chunk
/// comes again; but what the function has changed outside of it, by committing or after its end, stays. That it is
/// still the same transaction is checked by a savepoint in each chunk, which adds a few hundredths to SQLite's
/// time.
///
/// An error that ends the transaction is tried again where [`Job::retry`](keywalk_job::Job::retry) says so,
/// and isn't [skipped]; nor is a constraint that is checked at the commit.
///
/// What SQLite doesn't promise of one transaction isn't promised here: with a WAL it commits to each
/// attached database by itself; with a WAL and `synchronous` below FULL a power failure can take back the
/// last commits, effects and checkpoint together; with `synchronous` OFF it can damage the database, whatever the
/// journal; and without a journal on the disk (`journal_mode` OFF or MEMORY) a crash does.
///
/// # Tables
///
/// Both are made in `main` when the first job runs, which changes the schema.
///
/// - `keywalk_jobs`: a row a job: `name`, `run`, `done` (0 or 1), `items`, `skipped`, `share` (0 to 1),
///   `position` (the last key, in words), `updated` (milliseconds since 1970), and `checkpoint`, of which
///   the others are copies for those who look.
/// - `keywalk_dead_letters`: a row an item that was [skipped]: `job`, `key` (in words),
///   `key_bytes`, `error`, `time` (milliseconds since 1970). Its primary key is `(job, key_bytes)`.
///
/// # What was skipped, and doing it again
///
/// [`dead_letters`](keywalk_job::DeadLetters::dead_letters) lists a job's letters. They are rows, so what did them wrong
/// once mended, another job over them does those items again, and takes each letter away with the effect:
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
/// let items = Table::new(&db, "items").key::<i64>(["id"])?; // As they were walked.
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
/// With [`skip_failures`] it goes on past those that fail again, whose letters stay.
///
/// # Two runners
///
/// A job's lease is a lock of the operating system on the file `DATABASE.job-NAME.lock` beside the database,
/// which ends with the process however that ends. The empty file is removed with the lease; one that a killed
/// process left is removed by the job's next run. A database in memory has none.
///
/// Where that lock fails to keep two runners apart (two machines on a network's file system, a lock file that was
/// deleted meanwhile, a database by two hard links), the earlier run's next commit is refused, since the later one
/// has recorded itself. So effects through the transaction are never done twice, unless the job was reset between
/// the two.
///
/// [skipped]: keywalk_job::Job::skip_failures
/// [`skip_failures`]: keywalk_job::Job::skip_failures
#[derive(Debug)]
pub struct SqliteCheckpoints<'db> {
    db: &'db Connection,
    /// Whether the tables are known to be there.
    is_made: bool,
}

impl<'db> SqliteCheckpoints<'db> {
    /// Checkpoints in this connection's main database. Nothing is read yet.
    #[must_use]
    pub fn new(db: &'db Connection) -> Self {
        SqliteCheckpoints { db, is_made: false }
    }
}

/// The transaction of a chunk, lent to a job's function: its effects commit with the checkpoint, or not at all.
///
/// Everything that rusqlite's [`Transaction`] does through `&self` is there. What takes `&mut self` isn't, since it
/// could commit the effects by themselves (`set_drop_behavior`).
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
            return Err(Problem::InTransaction.into());
        }
        let begin = || Transaction::new_unchecked(self.db, TransactionBehavior::Immediate);
        let failed = |source| Problem::Sqlite {
            verb: "begin",
            source,
        };
        if !self.is_made {
            // A change of the schema, which a walk by another connection doesn't see in the middle of one.
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
            return Err(Problem::Ended.into());
        }
        let updated = unix_millis(checkpoint.updated());
        let recorded = scope.prepare_cached(RECORD).and_then(|mut statement| {
            statement.execute((
                checkpoint.job(),
                checkpoint.run().cast_signed(),
                checkpoint.is_done(),
                checkpoint.items().cast_signed(),
                checkpoint.skipped().cast_signed(),
                checkpoint.share(),
                checkpoint.position(),
                updated,
                checkpoint.to_json(),
            ))
        });
        if recorded.map_err(unwritten)? == 0 {
            let job = checkpoint.job().to_owned();
            return Err(Problem::Superseded { job }.into());
        }
        Ok(scope.0.commit().map_err(|source| Problem::Sqlite {
            verb: "commit",
            source,
        })?)
    }

    fn remove(&mut self, job: &str) -> Result<bool, CheckpointError> {
        // Not to make the tables for it.
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

    /// Unlike a scope this makes no tables and takes no write lock.
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
            // Some errors end the transaction, a full disk and an interrupt among them. Another savepoint
            // would then begin one, and its release commit the next item by itself.
            (false, Err(error)) => Ok(Attempt::ScopeLost(error)),
            (false, Ok(())) => Err(Problem::Ended.into()),
        }
    }
}

impl Leases for SqliteCheckpoints<'_> {
    fn lease(&mut self, job: &str) -> Result<Option<Lease>, CheckpointError> {
        let path = file(self.db)?;
        // In memory, or in a file that has no name.
        if path.as_os_str().is_empty() {
            return Ok(Some(Lease::unguarded()));
        }
        let lease = Lease::beside(&path, job);
        Ok(lease.map_err(|source| Problem::Lease { path, source })?)
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

fn load_json(db: &Connection, job: &str) -> Result<Option<String>, Problem> {
    let sql = "SELECT checkpoint FROM main.keywalk_jobs WHERE name = ?1";
    let mut found = ask(db, sql, [job], |row| row.get::<_, String>(0))?;
    Ok(found.pop())
}

/// Queries the table of jobs; nothing if there is none yet.
fn ask<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, Problem> {
    let exists = "SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = 'keywalk_jobs'";
    let ask = || {
        if !db.prepare_cached(exists)?.exists([])? {
            return Ok(Vec::new());
        }
        let mut statement = db.prepare(sql)?;
        let rows = statement.query_map(params, |row| read(row))?;
        rows.collect()
    };
    ask().map_err(|source| Problem::Sqlite {
        verb: "read",
        source,
    })
}

/// Of a chunk's transaction: it is gone from one that the function has put in the place of it.
const MARK: &str = "SAVEPOINT keywalk_chunk";
const UNMARK: &str = "RELEASE keywalk_chunk";

fn run(scope: &Connection, sql: &str) -> rusqlite::Result<usize> {
    scope.prepare_cached(sql)?.execute([])
}

fn unwritten(source: rusqlite::Error) -> Problem {
    Problem::Sqlite {
        verb: "write",
        source,
    }
}

fn read(job: &str, json: &str) -> Result<Checkpoint, CheckpointError> {
    Ok(
        Checkpoint::from_json(json).map_err(|source| Problem::Content {
            job: job.to_owned(),
            source,
        })?,
    )
}

/// The main database's file, whose name need not be UTF-8; empty if it has none.
fn file(db: &Connection) -> Result<PathBuf, Problem> {
    let sql = "SELECT file FROM pragma_database_list WHERE name = 'main'";
    let name = db.query_row(sql, [], |row| match row.get_ref(0)? {
        ValueRef::Text(name) => Ok(name.to_vec()),
        _ => Ok(Vec::new()),
    });
    let name = name.map_err(|source| Problem::Sqlite {
        verb: "find",
        source,
    })?;
    #[cfg(unix)]
    return Ok(OsString::from_vec(name).into());
    // SQLite's names are UTF-8 elsewhere.
    #[cfg(not(unix))]
    return Ok(String::from_utf8_lossy(&name).into_owned().into());
}

/// The tables, made where they aren't there.
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

/// Replaces no later run's.
const RECORD: &str = "
    INSERT INTO main.keywalk_jobs
        (name, run, done, items, skipped, share, position, updated, checkpoint)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
    ON CONFLICT (name) DO UPDATE SET
        run = excluded.run, done = excluded.done, items = excluded.items, skipped = excluded.skipped,
        share = excluded.share, position = excluded.position, updated = excluded.updated,
        checkpoint = excluded.checkpoint
    WHERE run <= excluded.run";

/// An item's last letter counts.
const BURY: &str = "
    INSERT OR REPLACE INTO main.keywalk_dead_letters (job, key, key_bytes, error, time)
    VALUES (?1, ?2, ?3, ?4, ?5)";

const LETTERS: &str = "
    SELECT key, key_bytes, error, time FROM main.keywalk_dead_letters
    WHERE job = ?1 ORDER BY key_bytes";
