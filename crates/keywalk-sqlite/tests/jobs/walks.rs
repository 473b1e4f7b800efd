//! What is walked, and what the function does to it.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use keywalk::Walk;
use keywalk_job::{Error, Job, Stop};
use keywalk_memory::SharedMap;
use keywalk_sqlite::{CheckpointTable, Query, Table};
use rusqlite::Connection;

use crate::world::{World, assert_once, log, run, touch, walk};

#[test]
fn a_purge_deletes_what_it_walks_the_last_row_too() {
    let world = World::new(10);
    let db = world.connect();
    let outcome = run(&db, 3, |tx, id| {
        tx.execute("DELETE FROM items WHERE id = ?1 OR id = 10", [id])?;
        Ok(())
    });
    assert_eq!(outcome.unwrap().items(), 9);
    let left: i64 = db
        .query_row("SELECT count(*) FROM items", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 0);
    assert!(
        run(&db, 3, |_, _| Err("it is done".into()))
            .unwrap()
            .is_done()
    );
}

#[test]
fn a_key_that_is_moved_ahead_comes_again_and_one_moved_behind_does_not() {
    let world = World::new(6);
    let db = world.connect();
    db.execute("DELETE FROM items WHERE id = 5", []).unwrap();
    let mut seen = Vec::new();
    let outcome = run(&db, 1, |tx, id| {
        seen.push(id);
        let moved = match id {
            2 => 5,
            3 => -1,
            _ => return Ok(()),
        };
        tx.execute("UPDATE items SET id = ?2 WHERE id = ?1", [id, moved])?;
        Ok(())
    });
    assert!(outcome.unwrap().is_done());
    assert_eq!(seen, [1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_table_that_the_function_drops_ends_the_run_and_comes_back_with_its_chunk() {
    let world = World::new(6);
    let db = world.connect();
    let gone = run(&db, 2, |tx, id| match id {
        4 => Ok(tx.execute_batch("DROP TABLE items")?),
        _ => Ok(()),
    });
    assert!(
        matches!(gone, Err(Error::Work { .. })),
        "the touch of 4 fails: {gone:?}"
    );
    assert!(run(&db, 2, |_, _| Ok(())).unwrap().is_done());
    assert_once(&db, 6);
}

#[test]
fn a_query_and_a_map_are_walked_with_their_checkpoint_in_sqlite() {
    let world = World::new(6);
    let db = world.connect();
    let query = Query::new(&db, "SELECT id AS n FROM items", []).unwrap();
    let query = query.key::<i64>(["n"]).unwrap();
    let job = Job::new(
        "query",
        Walk::new(query).chunk_size(4),
        CheckpointTable::new(&db),
    );
    let outcome = job.run(|tx, items| {
        items.iter().try_for_each(|(id, _)| touch(tx, *id))?;
        Ok(())
    });
    assert_eq!(outcome.unwrap().items(), 6);
    assert_once(&db, 6);

    let map: BTreeMap<i64, ()> = (1..=6).map(|id| (id, ())).collect();
    let map = Arc::new(RwLock::new(map));
    for items in [4, 2, 0] {
        let stop = Stop::new();
        let walk = Walk::new(SharedMap::new(Arc::clone(&map))).chunk_size(4);
        let job = Job::new("map", walk, CheckpointTable::new(&db)).stop_on(&stop);
        let outcome = job.run(|tx, items| {
            stop.request();
            items.iter().try_for_each(|(id, ())| touch(tx, *id))?;
            Ok(())
        });
        assert_eq!(outcome.unwrap().items(), items);
    }
    assert!(
        log(&db).values().all(|times| *times == 2),
        "once by each job"
    );
}

#[test]
fn another_connection_writes_between_the_stretches_that_a_filter_drops() {
    let world = World::new(20_000);
    let (db, writer) = (world.connect(), world.connect());
    let items = Table::new(&db, "items").key::<i64>(["id"]).unwrap();
    let items = items.filter("count = 7", []).unwrap();
    let mut written = 0;
    let job = Job::new(
        "sparse",
        Walk::new(items).chunk_size(10),
        CheckpointTable::new(&db),
    )
    .hold_while(|_| {
        // It waits for nothing: were the lock held, this would fail.
        written += writer.execute("INSERT INTO log VALUES (0)", []).unwrap();
        None
    });
    let outcome = job.run(|_, _| Err("there is none".into())).unwrap();
    assert_eq!(outcome.items(), 0);
    assert!(written > 30, "{written} stretches");
}

#[test]
fn a_filtered_table_is_walked_exactly_once_by_another_connection() {
    let world = World::new(3000);
    let (db, reader) = (world.connect(), world.connect());
    let mut seen = 0;
    for _ in 0..4 {
        let stop = Stop::new();
        let items = Table::new(&reader, "items").key::<i64>(["id"]).unwrap();
        let items = items.filter("id % 1000 = 0", []).unwrap();
        let job = Job::new(
            "sparse",
            Walk::new(items).chunk_size(1),
            CheckpointTable::new(&db),
        );
        let outcome = job.stop_on(&stop).run(|tx, items| {
            stop.request();
            touch(tx, items[0].0)?;
            Ok(())
        });
        seen += outcome.unwrap().items();
    }
    assert_eq!(seen, 3);
    assert!(log(&db).into_iter().eq([(1000, 1), (2000, 1), (3000, 1)]));
}

/// A table whose rowid has no name, which a change of the schema may renumber.
fn rowids() -> World {
    let world = World::empty();
    let db = world.connect();
    db.execute_batch(
        "CREATE TABLE items (id INTEGER, count INTEGER NOT NULL DEFAULT 0);
         CREATE TABLE log (id INTEGER NOT NULL);
         INSERT INTO items (id) VALUES (1), (2), (3), (4), (5)",
    )
    .unwrap();
    world
}

fn by_rowid(walked: &Connection, db: &Connection) -> Result<bool, crate::world::Failure> {
    let stop = Stop::new();
    let items = Table::new(walked, "items").key::<i64>(["rowid"]).unwrap();
    let job = Job::new(
        "rowid",
        Walk::new(items).chunk_size(2),
        CheckpointTable::new(db),
    );
    let outcome = job.stop_on(&stop).run(|tx, items| {
        stop.request();
        items.iter().try_for_each(|(id, _)| touch(tx, *id))?;
        Ok(())
    })?;
    Ok(outcome.is_done())
}

#[test]
fn the_first_job_of_a_database_may_walk_by_rowid_over_another_connection() {
    for another in [false, true] {
        let world = rowids();
        let (db, reader) = (world.connect(), world.connect());
        let walked = if another { &reader } else { &db };
        let done: Vec<_> = (0..3).map(|_| by_rowid(walked, &db).unwrap()).collect();
        assert_eq!(done, [false, false, true]);
        assert_once(&db, 5);
    }
}

/// The job's tables count the schema's version up, on which the rowids hang.
#[test]
fn counting_first_keeps_no_job_from_walking_by_rowid() {
    let world = rowids();
    let db = world.connect();
    let items = Table::new(&db, "items").key::<i64>(["rowid"]).unwrap();
    assert_eq!(items.count().unwrap(), 5);
    let job = Job::new("count", Walk::new(items), CheckpointTable::new(&db));
    let outcome = job.run(|tx, items| {
        items.iter().try_for_each(|(id, _)| touch(tx, *id))?;
        Ok(())
    });
    assert!(outcome.unwrap().is_done());
    assert_once(&db, 5);
}

#[test]
fn a_change_of_the_schema_between_two_runs_is_no_matter_but_for_rowids() {
    let world = World::new(4);
    let db = world.connect();
    let failed = run(
        &db,
        2,
        |_, id| if id < 3 { Ok(()) } else { Err("bad".into()) },
    );
    assert!(failed.is_err());
    db.execute_batch("ALTER TABLE items ADD COLUMN more; CREATE INDEX i ON items (more); VACUUM")
        .unwrap();
    assert!(run(&db, 2, |_, _| Ok(())).unwrap().is_done());
    assert_once(&db, 4);

    let world = rowids();
    let db = world.connect();
    assert!(!by_rowid(&db, &db).unwrap());
    db.execute_batch("VACUUM").unwrap();
    assert!(matches!(by_rowid(&db, &db), Err(Error::Resume { .. })));
    assert_eq!(log(&db).len(), 2);
}

#[test]
fn a_query_whose_text_changed_is_adopted_where_its_key_is_the_same() {
    let world = World::new(8);
    let db = world.connect();
    let run = |sql: &str, key: &str, adopts: bool| {
        let stop = Stop::new();
        let query = Query::new(&db, sql, []).unwrap();
        let walk = Walk::new(query.key::<i64>([key]).unwrap()).chunk_size(2);
        let job = Job::new("query", walk, CheckpointTable::new(&db)).stop_on(&stop);
        let job = if adopts { job.adopt() } else { job };
        job.run(|tx, items| {
            stop.request();
            items.iter().try_for_each(|(id, _)| touch(tx, *id))?;
            Ok(())
        })
    };
    let (old, new) = ("SELECT id FROM items", "SELECT id, 1 FROM items");
    assert_eq!(run(old, "id", false).unwrap().items(), 2);
    let other_key = "SELECT id AS number FROM items";
    for (sql, key, adopts, is_cure) in
        [(new, "id", false, true), (other_key, "number", true, false)]
    {
        let refused = run(sql, key, adopts).unwrap_err();
        assert!(matches!(refused, Error::Resume { .. }), "{refused:?}");
        let says = refused.to_string();
        assert_eq!(says.contains("`Job::adopt`"), is_cure, "{says}");
    }
    assert_eq!(run(new, "id", true).unwrap().items(), 2);
    assert_eq!(run(new, "id", false).unwrap().items(), 2);
    // The same as a table.
    let table = Table::new(&db, "items").key::<i64>(["id"]).unwrap();
    let job = Job::new("query", Walk::new(table), CheckpointTable::new(&db)).adopt();
    let outcome = job.run(|tx, items| {
        items.iter().try_for_each(|(id, _)| touch(tx, *id))?;
        Ok(())
    });
    assert_eq!(outcome.unwrap().items(), 2);
    assert_once(&db, 8);
}

#[test]
fn statements_that_the_function_keeps_in_the_cache_hold_nothing() {
    let world = World::new(6);
    let (db, writer) = (world.connect(), world.connect());
    let job = Job::new("cached", walk(&db, 2), CheckpointTable::new(&db)).on_progress(|_| {
        writer.execute("INSERT INTO log VALUES (0)", []).unwrap();
    });
    let outcome = job.run(|tx, items| {
        let mut kept = tx.prepare_cached("SELECT id FROM items")?;
        let mut rows = kept.query([])?;
        assert!(rows.next()?.is_some(), "left in the middle");
        items.iter().try_for_each(|(id, ())| touch(tx, *id))?;
        Ok(())
    });
    assert!(outcome.unwrap().is_done());
}
