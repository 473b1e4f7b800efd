//! What is walked beside the job's tables.

use std::cell::Cell;
use std::time::Duration;

use keywalk::Walk;
use keywalk_job::{Clock, Error, Job, Stop};
use keywalk_sqlite::{SqliteCheckpoints, Table};
use rusqlite::Connection;

use super::world::{Failure, World, assert_once, job, log, touch_all};

/// Writes by another connection whenever the job looks at the time, which it does before each stretch.
#[derive(Debug)]
struct Writer(Connection, Cell<usize>);

impl Clock for Writer {
    fn now(&self) -> Duration {
        // It waits for nothing: were the lock held, this would fail.
        let written = self.0.execute("INSERT INTO log VALUES (0)", []);
        self.1.set(self.1.get() + written.unwrap());
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) {}
}

#[test]
fn another_connection_writes_between_the_stretches_that_a_filter_drops() {
    let (world, db) = World::new(20_000);
    let writer = Writer(world.connect(), Cell::new(0));
    let items = Table::new(&db, "items").key::<i64>(["id"]).unwrap();
    let walk = Walk::new(items.filter("count = 7", []).unwrap()).chunk_size(10);
    let job = Job::new("sparse", walk, SqliteCheckpoints::new(&db)).clock(&writer);
    let outcome = job
        .run(|_, _| Err::<(), _>("there is none".into()))
        .unwrap();
    assert_eq!(outcome.items(), 0);
    let written = writer.1.get();
    assert!(written > 2 * 30, "{written} times");
}

/// A table whose rowid has no name, which a change of the schema may renumber.
fn rowids() -> (World, Connection) {
    World::with(
        "CREATE TABLE items (id INTEGER, count INTEGER NOT NULL DEFAULT 0);
         CREATE TABLE log (id INTEGER NOT NULL);
         INSERT INTO items (id) VALUES (1), (2), (3), (4), (5)",
    )
}

/// A chunk of two.
fn by_rowid(walked: &Connection, db: &Connection) -> Result<bool, Failure> {
    let stop = Stop::new();
    let items = Table::new(walked, "items").key::<i64>(["rowid"]).unwrap();
    let walk = Walk::new(items).chunk_size(2);
    let job = Job::new("rowid", walk, SqliteCheckpoints::new(db));
    let outcome = job.stop_on(&stop).run(|tx, items| {
        stop.request();
        touch_all(tx, &items)
    })?;
    Ok(outcome.is_done())
}

#[test]
fn the_first_job_of_a_database_may_walk_by_rowid_over_another_connection() {
    for another in [false, true] {
        let (world, db) = rowids();
        let reader = world.connect();
        let walked = if another { &reader } else { &db };
        let done: Vec<_> = (0..3).map(|_| by_rowid(walked, &db).unwrap()).collect();
        assert_eq!(done, [false, false, true]);
        assert_once(&db, 5);
    }
}

/// The job's tables count the schema's version up, on which the rowids hang.
#[test]
fn counting_first_keeps_no_job_from_walking_by_rowid() {
    let (_world, db) = rowids();
    let items = Table::new(&db, "items").key::<i64>(["rowid"]).unwrap();
    assert_eq!(items.count().unwrap(), 5);
    let job = Job::new("count", Walk::new(items), SqliteCheckpoints::new(&db));
    let outcome = job.run(|tx, items| touch_all(tx, &items));
    assert!(outcome.unwrap().is_done());
    assert_once(&db, 5);
}

#[test]
fn a_change_of_the_schema_between_two_runs_ends_a_job_by_rowid() {
    let (_world, db) = rowids();
    assert!(!by_rowid(&db, &db).unwrap());
    db.execute_batch("VACUUM").unwrap();
    assert!(matches!(by_rowid(&db, &db), Err(Error::Resume { .. })));
    assert_eq!(log(&db).len(), 2);
}

#[test]
fn statements_that_the_function_keeps_in_the_cache_hold_nothing() {
    let (world, db) = World::new(6);
    let writer = world.connect();
    let job = job(&db, "cached", 2).on_progress(|_| {
        writer.execute("INSERT INTO log VALUES (0)", []).unwrap();
    });
    let outcome = job.run(|tx, items| {
        let mut kept = tx.prepare_cached("SELECT id FROM items")?;
        let mut rows = kept.query([])?;
        assert!(rows.next()?.is_some(), "left in the middle");
        touch_all(tx, &items)
    });
    assert!(outcome.unwrap().is_done());
}
