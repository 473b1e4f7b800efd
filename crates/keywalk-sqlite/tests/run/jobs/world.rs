//! A database whose rows tell how often something was done to them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use keywalk::Walk;
use keywalk_job::{BoxError, ConstantBuilder, Error, Job, Outcome};
use keywalk_sqlite::decode::Decode;
use keywalk_sqlite::{CheckpointError, CheckpointErrorKind, SqliteCheckpoints, Table};
use rusqlite::{Connection, Transaction};

pub(crate) type Failure = Error<keywalk_sqlite::Error, CheckpointError>;

/// A file of its own, which goes with it.
pub(crate) struct World {
    folder: tempfile::TempDir,
}

impl World {
    /// `items`: that many rows, from 1 on; and a connection to them.
    pub(crate) fn new(rows: u32) -> (Self, Connection) {
        World::with(&format!(
            "CREATE TABLE items (id INTEGER PRIMARY KEY, count INTEGER NOT NULL DEFAULT 0);
             CREATE TABLE log (id INTEGER NOT NULL);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
                 INSERT INTO items (id) SELECT i FROM n"
        ))
    }

    pub(crate) fn with(schema: &str) -> (Self, Connection) {
        let folder = tempfile::tempdir().unwrap();
        let world = World { folder };
        let db = world.connect();
        db.execute_batch(schema).unwrap();
        (world, db)
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("jobs.db")
    }

    /// A connection that waits for nothing.
    pub(crate) fn connect(&self) -> Connection {
        let db = Connection::open(self.path()).unwrap();
        db.busy_timeout(Duration::ZERO).unwrap();
        db
    }
}

pub(crate) type Items<'db, D> = Table<&'db Connection, i64, D>;

pub(crate) type SqliteJob<'a, S> = Job<'a, S, SqliteCheckpoints<'a>>;

/// A job over all items.
pub(crate) fn job<'db>(
    db: &'db Connection,
    name: &str,
    size: usize,
) -> SqliteJob<'db, Items<'db, impl Decode<Item = ()>>> {
    let items = Table::new(db, "items").key::<i64>(["id"]).unwrap();
    let walk = Walk::new(items.map(|_| Ok(()))).chunk_size(size);
    Job::new(name, walk, SqliteCheckpoints::new(db))
}

/// So many tries more, at once.
pub(crate) fn tries(times: usize) -> ConstantBuilder {
    let policy = ConstantBuilder::new().with_delay(Duration::ZERO);
    policy.with_max_times(times)
}

/// Something is done to a row, which can be counted in two ways.
pub(crate) fn touch(db: &Connection, id: i64) -> rusqlite::Result<()> {
    let count = "UPDATE items SET count = count + 1 WHERE id = ?1";
    db.prepare_cached(count)?.execute([id])?;
    db.prepare_cached("INSERT INTO log VALUES (?1)")?
        .execute([id])?;
    Ok(())
}

pub(crate) fn touch_all<T>(db: &Connection, items: &[(i64, T)]) -> Result<(), BoxError> {
    Ok(items.iter().try_for_each(|(id, _)| touch(db, *id))?)
}

/// Runs a job `touch` over all items; the function is asked for each, before it is touched.
pub(crate) fn run(
    db: &Connection,
    size: usize,
    mut before: impl FnMut(&Transaction<'_>, i64) -> Result<(), BoxError>,
) -> Result<Outcome, Failure> {
    job(db, "touch", size).run(|tx, items| {
        for (id, ()) in items {
            before(tx, *id)?;
            touch(tx, *id)?;
        }
        Ok(())
    })
}

/// The job is done by this run, and everything was done once.
#[track_caller]
pub(crate) fn assert_ends_well(db: &Connection, rows: u32) {
    assert!(run(db, 2, |_, _| Ok(())).unwrap().is_done());
    assert_once(db, rows);
}

/// Ids and how often they are in the log; and the counters say the same.
pub(crate) fn log(db: &Connection) -> BTreeMap<i64, u32> {
    let ask = |sql: &str| -> BTreeMap<i64, u32> {
        let mut statement = db.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.unwrap().collect::<rusqlite::Result<_>>().unwrap()
    };
    let log = ask("SELECT id, count(*) FROM log GROUP BY id");
    let counters = ask("SELECT id, count FROM items WHERE count > 0");
    assert_eq!(log, counters);
    log
}

#[track_caller]
pub(crate) fn assert_once(db: &Connection, rows: u32) {
    let expected = (1..=i64::from(rows)).map(|id| (id, 1)).collect();
    assert_eq!(log(db), expected);
}

#[track_caller]
pub(crate) fn kind<T: std::fmt::Debug>(run: Result<T, Failure>) -> CheckpointErrorKind {
    match run.unwrap_err() {
        Error::CheckpointStore { error, .. } => error.kind(),
        other => panic!("{other:?}"),
    }
}

/// The job's row: what is to be seen by SQL.
pub(crate) fn items_done(db: &Connection, job: &str) -> u32 {
    let sql = "SELECT items FROM keywalk_jobs WHERE name = ?1";
    db.query_row(sql, [job], |row| row.get(0)).unwrap()
}
