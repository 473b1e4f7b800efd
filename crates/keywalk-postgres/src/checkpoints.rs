use std::borrow::{Borrow, Cow};
use std::fmt;
use std::ops::Deref;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use keywalk_job::{
    AsyncCheckpointStore, AsyncDeadLetters, AsyncLeases, AsyncScope, Attempt, BoxError, Checkpoint,
    DeadLetter, DeadLetterRecord, from_unix_millis, unix_millis,
};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row, SimpleQueryMessage};

use crate::connect::Connect;

mod error;

pub use error::{CheckpointError, CheckpointErrorKind};

use error::Cause;

/// Stores jobs' checkpoints in the database that the jobs change. Each chunk's effects and its checkpoint commit in
/// one transaction, so every item's effect happens **exactly once**, even if the process or the server is killed.
///
/// The job's function is passed the transaction ([`ChunkTransaction`]), which dereferences to the client. Changes made
/// through it happen exactly once. Anything done elsewhere (a request, another database) happens at least once. The
/// walk may be over the same database, by the same connection or another one, or over any other store.
///
/// ```no_run
/// use keywalk::Walk;
/// use keywalk_job::Job;
/// use keywalk_postgres::{PostgresCheckpoints, Table, tokio_postgres::Client};
///
/// # async fn slugs(client: &Client) -> Result<(), Box<dyn std::error::Error>> {
/// let items = Table::new(client, "items").key::<i64>(["id"]).map(|row| row.try_get::<_, String>("name")).await?;
/// let checkpoints = PostgresCheckpoints::new(client);
/// let job = Job::new_async("slugs", Walk::new(items), checkpoints, tokio::time::sleep);
/// let outcome = job
///     .run_async(async |tx, items| {
///         for (id, name) in items {
///             let slug = name.to_lowercase().replace(' ', "-");
///             tx.execute("UPDATE items SET slug = $2 WHERE id = $1", &[id, &slug]).await?;
///         }
///         Ok(())
///     })
///     .await?;
/// assert!(outcome.is_done());
/// # Ok(())
/// # }
/// ```
///
/// # A chunk's transaction
///
/// The transaction begins before the chunk is fetched, with the isolation level of the session. If the walk uses the
/// same connection, the chunk is fetched in it. Between two chunks, and while the job pauses or waits, no transaction
/// is open. During a run nothing else may use the connection.
///
/// The function must leave the transaction open and return its errors. If it ends the transaction, the run fails with
/// [`TransactionEnded`](CheckpointErrorKind::TransactionEnded); what it committed stays. If a statement fails and the
/// function goes on, the run fails with [`TransactionAborted`](CheckpointErrorKind::TransactionAborted), because
/// PostgreSQL then undoes the whole transaction.
///
/// DDL is a change like any other: it commits with the chunk, or is undone with it. Statements that can't run in a
/// transaction, such as VACUUM, fail.
///
/// [Skipping failures](keywalk_job::AsyncJob::skip_failures) sets a savepoint for each item. A run that is dropped sends
/// the rollback, and doesn't wait for it. It precedes the connection's next statement.
///
/// # Two runners
///
/// [`new`](Self::new) locks the job for the time of the run, by a session-level advisory lock on the connection that
/// also runs the transactions: who loses the connection loses both. Another runner gets
/// [`AlreadyRunning`](keywalk_job::Error::AlreadyRunning). The server ends the lock with the connection. If a client
/// is killed while a statement runs, its lock ends with that statement (see `client_connection_check_interval`).
///
/// [`pooled`](Self::pooled) locks the job only during each chunk, since a pooler gives a session to others in between.
/// A second runner that starts between two chunks takes the job over. The first one then fails with
/// [`Superseded`](CheckpointErrorKind::Superseded), and nothing of its chunk is done. One that starts during a chunk
/// gets `AlreadyRunning`.
///
/// In both cases the fence holds besides: a run's commit fails once a later run has recorded itself. So effects through
/// the transaction are never done twice, unless the job was reset between the two runs.
///
/// The key of the lock is `hashtextextended(name, oid)`, of the job's name and the OID of the table `keywalk_jobs`. It
/// has 64 bits: `pg_locks` shows the higher half as `classid`, the lower one as `objid`.
///
/// # Tables
///
/// Two tables are created when the first job runs, in the first schema of the `search_path`. If they exist, no right to
/// create tables is needed.
///
/// - `keywalk_jobs` has one row per job: `name`, `run` (the number of the run that wrote the row, counted from 1),
///   `done`, `items`, `skipped`, `share` (the walk's [fraction done](keywalk_job::Progress::fraction), 0 to 1, or NULL
///   if unknown), `position` (the last key, human-readable), `updated` (milliseconds since 1970), and `checkpoint`. The
///   other columns are copies of what `checkpoint` holds, for monitoring. In the row of a part of a parallel job, `run`
///   is larger: it also contains the number of the job's plan.
/// - `keywalk_dead_letters` has one row per skipped item: `job`, `key` (human-readable), `key_bytes`, `error`, `time`
///   (milliseconds since 1970). Its primary key is `(job, key_bytes)`.
///
/// # Failures
///
/// A serialization failure, a deadlock, a lock timeout or a full server is [transient](CheckpointError::is_transient),
/// and follows the policy of [`Job::retry`](keywalk_job::AsyncJob::retry). With [`pooled`](Self::pooled), a lost
/// connection is transient too: the job continues on another one. With [`new`](Self::new) the run ends, and the next
/// one continues. If the connection is lost during a commit, the run ends with
/// [`CommitUnknown`](CheckpointErrorKind::CommitUnknown); the next run reads whether it happened.
pub struct PostgresCheckpoints<C> {
    db: Arc<C>,
    /// Returns the client that holds the lock, if it is held for the time of a run.
    session: Option<Session<C>>,
    /// Locks the job that was leased last.
    lock: Option<i64>,
    /// True once the tables are known to exist.
    is_made: bool,
}

type Session<C> = fn(&C) -> &Client;

impl<C: Borrow<Client> + Connect> PostgresCheckpoints<C> {
    /// Stores checkpoints through one client: `&Client`, `Arc<Client>` or `Client`. Each job is locked for the time of
    /// its run. Reads nothing yet.
    ///
    /// Behind pgbouncer in transaction mode use [`pooled`](Self::pooled).
    #[must_use]
    pub fn new(client: C) -> Self {
        PostgresCheckpoints {
            session: Some(C::borrow),
            ..PostgresCheckpoints::pooled(client)
        }
    }
}

impl<C: Connect> PostgresCheckpoints<C> {
    /// Stores checkpoints through a pool, which lends a connection for each chunk; or through a client behind a pooler
    /// in transaction mode, such as pgbouncer. Each job is locked during its chunks. Reads nothing yet.
    ///
    /// During a chunk it holds a connection. If the walk uses the same pool, that must have two of them for each job.
    #[must_use]
    pub fn pooled(db: C) -> Self {
        PostgresCheckpoints {
            db: Arc::new(db),
            session: None,
            lock: None,
            is_made: false,
        }
    }

    async fn connect(&self) -> Result<Lent<'_>, CheckpointError> {
        let lent = self.db.connect().await;
        Ok(Box::new(
            lent.map_err(|error| Cause::NoConnection(Box::new(error)))?,
        ))
    }

    /// Creates the tables if they don't exist.
    async fn make(&mut self) -> Result<(), CheckpointError> {
        if self.is_made {
            return Ok(());
        }
        let client = self.connect().await?;
        let exists = is_true(&client, EXISTS).await;
        if !exists.map_err(Cause::of("make"))?
            && let Err(error) = client.batch_execute(TABLES).await
        {
            // Another runner creates them at the same time: `IF NOT EXISTS` doesn't wait for that.
            let exists = is_true(&client, EXISTS).await;
            if !exists.is_ok_and(|exists| exists) {
                return Err(Cause::of("make")(error));
            }
        }
        drop(client);
        self.is_made = true;
        Ok(())
    }

    /// Queries the tables; returns nothing if they don't exist yet.
    async fn ask(&self, sql: &str, job: Option<&str>) -> Result<Vec<Row>, CheckpointError> {
        let client = self.connect().await?;
        let found = match &job {
            Some(job) => client.query_typed(sql, &[(job, Type::TEXT)]).await,
            None => client.query_typed(sql, &[]).await,
        };
        match found {
            Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => Ok(Vec::new()),
            found => found.map_err(Cause::of("read")),
        }
    }
}

/// A connection, for a while.
type Lent<'a> = Box<dyn Deref<Target = Client> + Send + Sync + 'a>;

/// The transaction of a chunk, lent to a job's function. Its effects commit with the checkpoint, or not at all.
///
/// It dereferences to tokio-postgres' [`Client`]. Nested transactions are savepoints by name:
/// `tx.batch_execute("SAVEPOINT mine")`.
///
/// Dropping it sends the rollback.
pub struct ChunkTransaction<'a> {
    client: Lent<'a>,
    /// Identifies the transaction.
    id: i64,
    is_open: bool,
}

impl Deref for ChunkTransaction<'_> {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Drop for ChunkTransaction<'_> {
    fn drop(&mut self) {
        if self.is_open {
            send(self, "ROLLBACK");
        }
    }
}

/// Sends the statement. Its result is dropped.
fn send(client: &Client, sql: &str) {
    // The first poll passes the whole statement to the connection.
    let statement = pin!(client.batch_execute(sql));
    let _ = statement.poll(&mut Context::from_waker(Waker::noop()));
}

impl<C: Connect> AsyncCheckpointStore for PostgresCheckpoints<C> {
    type Scope<'a> = ChunkTransaction<'a>;
    type Error = CheckpointError;

    async fn begin(&mut self) -> Result<ChunkTransaction<'_>, CheckpointError> {
        self.make().await?;
        let lock = match self.lock {
            Some(key) => format!("pg_try_advisory_xact_lock({key})"),
            None => "true".to_owned(),
        };
        let mut transaction = ChunkTransaction {
            client: self.connect().await?,
            id: 0,
            is_open: true,
        };
        let sql = format!("BEGIN; SELECT {lock}, txid_current()");
        let messages = transaction.simple_query(&sql).await;
        let mut is_locked = false;
        for message in messages.map_err(Cause::of("begin"))? {
            if let SimpleQueryMessage::Row(row) = message {
                is_locked = row.get(0) == Some("t");
                transaction.id = row.get(1).and_then(|id| id.parse().ok()).unwrap_or(0);
            }
        }
        if !is_locked {
            let per_chunk = self.session.is_none();
            return Err(Cause::Locked { per_chunk }.into());
        }
        Ok(transaction)
    }

    async fn remove(&mut self, job: &str) -> Result<bool, CheckpointError> {
        Ok(!self.ask(REMOVE, Some(job)).await?.is_empty())
    }

    async fn list(&mut self) -> Result<Vec<Checkpoint>, CheckpointError> {
        self.ask(LIST, None).await?.iter().map(read).collect()
    }

    /// Creates no tables and takes no lock.
    async fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, CheckpointError> {
        self.ask(LOAD, Some(job))
            .await?
            .first()
            .map(read)
            .transpose()
    }

    fn is_transient(&self, error: &CheckpointError) -> bool {
        let is_lost = self
            .session
            .is_some_and(|client| client(&self.db).is_closed());
        error.is_transient() && !is_lost
    }
}

impl AsyncScope for ChunkTransaction<'_> {
    type Error = CheckpointError;

    async fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, CheckpointError> {
        let sql = format!("{LOAD} FOR UPDATE");
        let rows = self.query_typed(&sql, &[(&job, Type::TEXT)]).await;
        let rows = rows.map_err(Cause::of("read"))?;
        rows.first().map(read).transpose()
    }

    async fn commit(mut self, checkpoint: &Checkpoint) -> Result<(), CheckpointError> {
        let recorded = self
            .query_typed(
                RECORD,
                &[
                    (&checkpoint.job(), Type::TEXT),
                    (&checkpoint.run().cast_signed(), Type::INT8),
                    (&checkpoint.is_done(), Type::BOOL),
                    (&checkpoint.items().cast_signed(), Type::INT8),
                    (&checkpoint.skipped().cast_signed(), Type::INT8),
                    (&checkpoint.fraction(), Type::FLOAT8),
                    (&checkpoint.position().map(without_nul), Type::TEXT),
                    (&unix_millis(checkpoint.updated()), Type::INT8),
                    (&checkpoint.to_json(), Type::TEXT),
                    (&self.id, Type::INT8),
                ],
            )
            .await;
        if recorded.map_err(Cause::of("write"))?.is_empty() {
            let same = format!("SELECT txid_current() = {}", self.id);
            let is_same = is_true(&self, &same).await;
            return Err(match is_same.map_err(Cause::of("write"))? {
                true => Cause::Superseded {
                    job: checkpoint.job().to_owned(),
                },
                false => Cause::Ended,
            }
            .into());
        }
        self.batch_execute("COMMIT")
            .await
            .map_err(Cause::of("commit"))?;
        self.is_open = false;
        Ok(())
    }

    async fn record_dead_letter(&mut self, letter: &DeadLetter<'_>) -> Result<(), CheckpointError> {
        let recorded = self
            .query_typed(
                BURY,
                &[
                    (&letter.job(), Type::TEXT),
                    (&without_nul(letter.key()), Type::TEXT),
                    (&letter.key_bytes(), Type::BYTEA),
                    (&without_nul(&letter.error_text()), Type::TEXT),
                    (&unix_millis(letter.time()), Type::INT8),
                ],
            )
            .await;
        recorded.map_err(Cause::of("write"))?;
        Ok(())
    }

    async fn begin_attempt(&mut self) -> Result<(), CheckpointError> {
        let begun = self.batch_execute("SAVEPOINT keywalk_item").await;
        begun.map_err(Cause::of("write"))
    }

    async fn end_attempt(
        &mut self,
        worked: Result<(), BoxError>,
    ) -> Result<Attempt, CheckpointError> {
        let error = match worked {
            Err(error) => error,
            Ok(()) => match self.batch_execute("RELEASE keywalk_item").await {
                Ok(()) => return Ok(Attempt::Done),
                Err(error) => match Cause::of("write")(error) {
                    // A statement failed, and the function passed over that. Its other effects are lost too.
                    error if error.kind() == CheckpointErrorKind::TransactionAborted => {
                        error.into()
                    }
                    error => return Err(error),
                },
            },
        };
        let undo = "ROLLBACK TO keywalk_item; RELEASE keywalk_item";
        Ok(match self.batch_execute(undo).await {
            Ok(()) => Attempt::RolledBack(error),
            Err(_) => Attempt::ScopeLost(error),
        })
    }
}

/// The lease of a job, by an advisory lock. Dropping it sends the unlock; it doesn't wait.
pub struct PostgresLease<C> {
    db: Arc<C>,
    held: Option<(Session<C>, i64)>,
}

impl<C> PostgresLease<C> {
    /// Returns the client and the statement that ends the lock, at the first call.
    fn unlock(&mut self) -> Option<(&Client, String)> {
        let (client, key) = self.held.take()?;
        let sql = format!("SELECT pg_advisory_unlock({key})");
        Some((client(&self.db), sql))
    }
}

impl<C> Drop for PostgresLease<C> {
    fn drop(&mut self) {
        if let Some((client, sql)) = self.unlock() {
            send(client, &sql);
        }
    }
}

impl<C: Connect> AsyncLeases for PostgresCheckpoints<C> {
    type Lease = PostgresLease<C>;

    async fn lease(&mut self, job: &str) -> Result<Option<PostgresLease<C>>, CheckpointError> {
        let failed = || Cause::of("lock");
        let client = self.connect().await?;
        // A simple statement outside of a transaction is one of its own, which begins with it.
        let is_outside = is_true(&client, "SELECT now() = statement_timestamp()").await;
        if !is_outside.map_err(failed())? {
            return Err(Cause::InTransaction.into());
        }
        drop(client);
        self.make().await?;
        let client = self.connect().await?;
        let keys = client.query_typed(LOCK_KEY, &[(&job, Type::TEXT)]).await;
        let keys = keys.map_err(failed())?;
        let Some(key) = keys.first().map(|row| row.get::<_, i64>(0)) else {
            return Ok(None);
        };
        let try_lock = match self.session {
            Some(_) => "pg_try_advisory_lock",
            // It ends at once. The chunks have it.
            None => "pg_try_advisory_xact_lock",
        };
        // A session gets its own lock once more, so that is ruled out first.
        let sql = format!(
            "SELECT NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
                AND classid::int8 << 32 | objid::int8 = {key} AND objsubid = 1)"
        );
        if !is_true(&client, &sql).await.map_err(failed())? {
            return Ok(None);
        }
        // If this future is dropped, the lease ends what was requested.
        let mut lease = PostgresLease {
            db: Arc::clone(&self.db),
            held: self.session.map(|client| (client, key)),
        };
        let is_locked = is_true(&client, &format!("SELECT {try_lock}({key})")).await;
        if !is_locked.map_err(failed())? {
            lease.held = None;
            return Ok(None);
        }
        drop(client);
        self.lock = Some(key);
        Ok(Some(lease))
    }

    async fn release(&mut self, mut lease: PostgresLease<C>) {
        if let Some((client, sql)) = lease.unlock() {
            // If it fails, the connection is lost, and the lock with it.
            let _ = client.batch_execute(&sql).await;
        }
        self.lock = None;
    }
}

impl<C: Connect> AsyncDeadLetters for PostgresCheckpoints<C> {
    async fn dead_letters(&mut self, job: &str) -> Result<Vec<DeadLetterRecord>, CheckpointError> {
        let rows = self.ask(LETTERS, Some(job)).await?;
        let letter = |row: &Row| {
            let letter = DeadLetterRecord::new(row.try_get::<_, String>(0)?, row.try_get(1)?);
            let letter = letter.failed_with(row.try_get::<_, String>(2)?);
            Ok(letter.failed_at(from_unix_millis(row.try_get(3)?)))
        };
        let letters = rows.iter().map(letter).collect::<Result<_, _>>();
        letters.map_err(Cause::of("read"))
    }
}

/// Prints no data.
impl<C> fmt::Debug for PostgresCheckpoints<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresCheckpoints")
            .finish_non_exhaustive()
    }
}

/// Prints no data.
impl fmt::Debug for ChunkTransaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkTransaction").finish_non_exhaustive()
    }
}

/// Prints no data.
impl<C> fmt::Debug for PostgresLease<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresLease").finish_non_exhaustive()
    }
}

/// Returns whether the query's only value is true.
async fn is_true(client: &Client, sql: &str) -> Result<bool, tokio_postgres::Error> {
    let messages = client.simple_query(sql).await?;
    Ok(messages.iter().any(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0) == Some("t"),
        _ => false,
    }))
}

fn read(row: &Row) -> Result<Checkpoint, CheckpointError> {
    let columns = || Ok((row.try_get::<_, String>(0)?, row.try_get::<_, String>(1)?));
    let (job, json) = columns().map_err(Cause::of("read"))?;
    Ok(Checkpoint::from_json(&json).map_err(|source| Cause::Content { job, source })?)
}

/// Replaces what PostgreSQL's text can't hold.
fn without_nul(text: &str) -> Cow<'_, str> {
    match text.contains('\0') {
        true => text.replace('\0', "\u{FFFD}").into(),
        false => text.into(),
    }
}

const EXISTS: &str = "SELECT to_regclass('keywalk_jobs') IS NOT NULL \
    AND to_regclass('keywalk_dead_letters') IS NOT NULL";

/// A store has the locks of thousands of parts at once. In 64 bits no two of their names have one key.
const LOCK_KEY: &str = "SELECT hashtextextended($1, 'keywalk_jobs'::regclass::oid::int8)";

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS keywalk_jobs (
        name TEXT NOT NULL PRIMARY KEY,
        run BIGINT NOT NULL,
        done BOOLEAN NOT NULL,
        items BIGINT NOT NULL,
        skipped BIGINT NOT NULL,
        share DOUBLE PRECISION,
        position TEXT,
        updated BIGINT NOT NULL,
        checkpoint TEXT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS keywalk_dead_letters (
        job TEXT NOT NULL,
        key TEXT NOT NULL,
        key_bytes BYTEA NOT NULL,
        error TEXT NOT NULL,
        time BIGINT NOT NULL,
        PRIMARY KEY (job, key_bytes)
    )";

const LOAD: &str = "SELECT name, checkpoint FROM keywalk_jobs WHERE name = $1";

const LIST: &str = "SELECT name, checkpoint FROM keywalk_jobs ORDER BY name COLLATE \"C\"";

/// Does not replace the checkpoint of a later run, and does nothing in another transaction.
const RECORD: &str = "
    INSERT INTO keywalk_jobs AS job
        (name, run, done, items, skipped, share, position, updated, checkpoint)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 WHERE txid_current() = $10
    ON CONFLICT (name) DO UPDATE SET
        run = excluded.run, done = excluded.done, items = excluded.items, skipped = excluded.skipped,
        share = excluded.share, position = excluded.position, updated = excluded.updated,
        checkpoint = excluded.checkpoint
    WHERE job.run <= excluded.run RETURNING job.run";

/// Replaces an earlier letter of the same item.
const BURY: &str = "
    INSERT INTO keywalk_dead_letters (job, key, key_bytes, error, time) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (job, key_bytes) DO UPDATE SET
        key = excluded.key, error = excluded.error, time = excluded.time";

const LETTERS: &str = "
    SELECT key, key_bytes, error, time FROM keywalk_dead_letters WHERE job = $1 ORDER BY key_bytes";

const REMOVE: &str = "
    WITH letters AS (DELETE FROM keywalk_dead_letters WHERE job = $1)
    DELETE FROM keywalk_jobs WHERE name = $1 RETURNING name";
