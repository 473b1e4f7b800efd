//! Tests a job that commits its position with its effects, killed wherever possible.

use keywalk::{ChunkSource, KeyRange, Order, ResumableSource, Walk};
use keywalk_conformance::history::{Change, VisitLog};
use keywalk_conformance::{BoxError, Counterexample, KeySpace, Schedule};
use keywalk_job::{FileCheckpoints, Job};
use keywalk_sqlite::{Error, SqliteCheckpoints, Table};
use proptest::prelude::*;
use rusqlite::Connection;

/// Makes a concurrent change to a table.
fn open() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    let table = "CREATE TABLE rows (id INTEGER PRIMARY KEY, value INTEGER NOT NULL)";
    db.execute_batch(table).unwrap();
    db
}

fn change(db: &Connection, id: i64, change: Change) -> Result<(), BoxError> {
    match change {
        Change::Put(value) => db.execute(
            "INSERT OR REPLACE INTO rows VALUES (?1, ?2)",
            [id, value as i64],
        )?,
        Change::Delete => db.execute("DELETE FROM rows WHERE id = ?1", [id])?,
    };
    Ok(())
}

fn promise(chunk_size: usize) -> VisitLog<i64> {
    let all = KeyRange::all(Order::Ascending);
    VisitLog::over(all).bounded().reads_ahead(chunk_size)
}

/// Makes the walk.
fn table(
    db: &Connection,
) -> Result<
    impl ChunkSource<Key = i64, Item = (i64, i64), Error = Error> + ResumableSource + use<'_>,
    Error,
> {
    let table = Table::new(db, "rows").key::<i64>(["id"])?;
    Ok(table.map(|row| row.get("value")))
}

/// Effects in the checkpoint's transaction count as visits: what a kill rolls back comes again. A purge deletes rows,
/// which exist again if a kill rolls that back.
fn in_a_transaction(
    schedule: &Schedule<i64>,
    size: usize,
    is_purge: bool,
) -> Result<(), Counterexample<i64>> {
    let db = open();
    let write = |id: &i64, by| change(&db, *id, by);
    schedule.run(promise(size), write, |concurrent| {
        // A chunk is read and processed in one transaction. Other writers come between two transactions.
        let table = concurrent.interleave(table(&db)?).without_turns();
        let walk = Walk::new(table).chunk_size(size);
        let job = Job::new("own", walk, SqliteCheckpoints::new(&db));
        let outcome = job.on_progress(|_| concurrent.turn()).run(|tx, items| {
            for (id, value) in items {
                if is_purge {
                    tx.execute("DELETE FROM rows WHERE id = ?1", [id])?;
                    concurrent.deleted(id);
                    concurrent.visit_key(id);
                } else {
                    concurrent.visit(id, value.unsigned_abs());
                }
            }
            Ok(())
        })?;
        assert!(outcome.is_done());
        Ok::<(), BoxError>(())
    })
}

fn by_files(schedule: &Schedule<i64>, size: usize) -> Result<(), Counterexample<i64>> {
    let db = open();
    let folder = tempfile::tempdir().expect("a folder");
    let write = |id: &i64, by| change(&db, *id, by);
    schedule.run(promise(size), write, |concurrent| {
        let walk = Walk::new(concurrent.interleave(table(&db)?)).chunk_size(size);
        let job = Job::new("own", walk, FileCheckpoints::new(folder.path()));
        let outcome = job.run(|(), items| {
            for (id, value) in items {
                concurrent.visit(id, value.unsigned_abs());
            }
            Ok(())
        })?;
        assert!(outcome.is_done());
        Ok::<(), BoxError>(())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_job_or_a_purge_with_a_checkpoint_table(
        schedule in KeySpace::known().schedules(),
        size in 1..4_usize,
    ) {
        in_a_transaction(&schedule, size, false)?;
        in_a_transaction(&schedule, size, true)?;
    }

    #[test]
    fn a_job_with_checkpoint_files(schedule in KeySpace::known().schedules(), size in 1..4_usize) {
        by_files(&schedule, size)?;
    }
}
