//! A database whose rows tell how often something was done to them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use keywalk::Walk;
use keywalk_job::{BoxError, Error, Job, Outcome};
use keywalk_sqlite::decode::Decode;
use keywalk_sqlite::{CheckpointError, CheckpointErrorKind, CheckpointTable, Table};
use rusqlite::{Connection, Transaction};

pub(crate) type Failure = Error<keywalk_sqlite::Error, CheckpointError>;

/// A file of its own, which goes with it.
pub(crate) struct World {
    folder: tempfile::TempDir,
}

impl World {
    /// `items`: that many rows, from 1 on.
    pub(crate) fn new(rows: u32) -> Self {
        let world = World::empty();
        let db = world.connect();
        db.execute_batch(
            "CREATE TABLE items (id INTEGER PRIMARY KEY, count INTEGER NOT NULL DEFAULT 0);
             CREATE TABLE log (id INTEGER NOT NULL);",
        )
        .unwrap();
        let insert = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                      INSERT INTO items (id) SELECT i FROM n WHERE i <= ?1";
        db.execute(insert, [rows]).unwrap();
        world
    }

    pub(crate) fn empty() -> Self {
        World {
            folder: tempfile::tempdir().unwrap(),
        }
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

pub(crate) fn walk(
    db: &Connection,
    size: usize,
) -> Walk<Table<&Connection, i64, impl Decode<Item = ()>>> {
    let items = Table::new(db, "items").key::<i64>(["id"]).unwrap();
    Walk::new(items.map(|_| Ok(()))).chunk_size(size)
}

/// Something is done to a row, which can be counted in two ways.
pub(crate) fn touch(db: &Connection, id: i64) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE items SET count = count + 1 WHERE id = ?1")?
        .execute([id])?;
    db.prepare_cached("INSERT INTO log VALUES (?1)")?
        .execute([id])?;
    Ok(())
}

/// Runs the job over all items; the function is asked for each, before it is touched.
pub(crate) fn run(
    db: &Connection,
    size: usize,
    mut before: impl FnMut(&Transaction<'_>, i64) -> Result<(), BoxError>,
) -> Result<Outcome, Failure> {
    let job = Job::new("touch", walk(db, size), CheckpointTable::new(db));
    job.run(|tx, items| {
        for (id, ()) in items {
            before(tx, *id)?;
            touch(tx, *id)?;
        }
        Ok(())
    })
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
        Error::Checkpoints { error, .. } => error.kind(),
        other => panic!("{other:?}"),
    }
}

/// The job's row: what is to be seen by SQL.
pub(crate) fn items_done(db: &Connection, job: &str) -> u32 {
    let sql = "SELECT items FROM keywalk_jobs WHERE name = ?1";
    db.query_row(sql, [job], |row| row.get(0)).unwrap()
}
