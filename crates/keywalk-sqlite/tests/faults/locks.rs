//! BUSY and LOCKED: another process, or another connection of a shared cache, is in the way.

use keywalk::Walk;
use keywalk_sqlite::Table;
use rusqlite::{Connection, ErrorCode, ffi};

use crate::process::Process;
use crate::trial::{Trial, code_of, sqlite_error};
use crate::world::{Way, World, fill};

#[test]
fn another_process_locks_the_file_and_the_walk_is_busy() {
    let world = World::new("DELETE");
    let other = std::cell::RefCell::new(Process::start(&world.path()));
    for trial in Trial::all() {
        trial.holds(
            &world.db,
            ErrorCode::DatabaseBusy,
            || other.borrow_mut().run("BEGIN EXCLUSIVE"),
            || other.borrow_mut().run("COMMIT"),
        );
    }
    other.into_inner().end();
}

/// A writer whose cache overflows, or that commits, keeps new readers out; one that has only begun
/// doesn't.
#[test]
fn another_process_writes_and_the_walk_is_busy_only_while_it_commits() {
    let world = World::new("DELETE");
    let other = std::cell::RefCell::new(Process::start(&world.path()));
    other.borrow_mut().run("PRAGMA cache_size = 1");
    for trial in Trial::after(1) {
        trial.goes_on(&world.db, || {
            other
                .borrow_mut()
                .run("BEGIN IMMEDIATE; DELETE FROM t WHERE id = -1");
        });
        other.borrow_mut().run("ROLLBACK");
        trial.holds(
            &world.db,
            ErrorCode::DatabaseBusy,
            || other.borrow_mut().run("BEGIN; UPDATE t SET name = 'later'"),
            || other.borrow_mut().run("ROLLBACK"),
        );
    }
    other.into_inner().end();
}

/// A hot journal: the next reader rolls it back.
#[test]
fn another_process_crashes_while_it_writes_and_the_walk_gives_what_was_committed() {
    for trial in Trial::after(1) {
        let world = World::new("DELETE");
        let mut other = Process::start(&world.path());
        trial.goes_on(&world.db, || {
            other.run("PRAGMA cache_size = 1; BEGIN; UPDATE t SET name = 'lost'; DELETE FROM t");
            other.kill();
            assert!(world.file("items.db-journal").metadata().unwrap().len() > 512);
        });
    }
}

#[test]
fn another_process_has_the_wal_for_itself_and_the_walk_is_busy() {
    let world = World::new("WAL");
    let path = world.path();
    drop(world.db);
    for trial in Trial::after(0) {
        let mut other = Process::start(&path);
        other.run("PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; COMMIT");
        let db = crate::world::connect(&path);
        let refused = trial.way.source(&db).err().expect("the WAL is locked");
        let refused = keywalk::Error::Source(refused);
        assert_eq!(code_of(&refused), ErrorCode::DatabaseBusy);
        trial.is_free(&db);
        other.end();
        trial.goes_on(&db, || ());
    }
}

/// Nothing of a WAL is in a reader's way, even a whole transaction of another process.
#[test]
fn another_process_writes_to_the_wal_and_the_walk_goes_on() {
    let world = World::new("WAL");
    let mut other = Process::start(&world.path());
    for trial in Trial::after(260) {
        trial.goes_on(&world.db, || {
            other.run("BEGIN IMMEDIATE; DELETE FROM t");
        });
        other.run("ROLLBACK");
    }
    other.end();
}

/// The walk's own transaction is a snapshot: the write that another process made meanwhile is in the
/// way of its own writes, and of no row.
#[test]
fn a_transaction_that_cannot_write_any_more_still_walks_its_snapshot() {
    let world = World::new("WAL");
    let mut other = Process::start(&world.path());
    for trial in Trial::after(7) {
        world.db.execute_batch("BEGIN").unwrap();
        let mut items = trial.walk(&world.db).items();
        let mut seen: Vec<i64> = items.by_ref().take(7).map(|i| i.unwrap().0).collect();
        other.run("INSERT INTO t VALUES (9999, -9999, ''); DELETE FROM t WHERE id = 9999");
        let refused = world.db.execute("UPDATE t SET name = ''", []).unwrap_err();
        let refused = refused.sqlite_error().unwrap().extended_code;
        assert_eq!(refused, ffi::SQLITE_BUSY_SNAPSHOT);
        seen.extend(items.by_ref().map(|item| item.unwrap().0));
        assert_eq!(seen, trial.keys());
        assert!(!world.db.is_busy() && !world.db.is_autocommit());
        world.db.execute_batch("ROLLBACK").unwrap();
    }
    other.end();
}

/// Two connections of one cache, which share its memory and lock tables of each other.
fn shared(name: &str) -> (Connection, Connection) {
    let uri = format!("file:{name}?mode=memory&cache=shared");
    let db = Connection::open(&uri).unwrap();
    fill(&db);
    (db, Connection::open(&uri).unwrap())
}

#[test]
fn another_connection_of_a_shared_cache_locks_the_table() {
    let (db, other) = shared("locked");
    for trial in Trial::all() {
        trial.holds_with(
            &db,
            |error| {
                assert_eq!(code_of(error), ErrorCode::DatabaseLocked);
                let extended = sqlite_error(error).sqlite_extended_error_code();
                assert_eq!(extended, Some(ffi::SQLITE_LOCKED_SHAREDCACHE));
            },
            || {
                let write = "BEGIN; UPDATE t SET name = name WHERE id = 1";
                other.execute_batch(write).unwrap();
            },
            || other.execute_batch("ROLLBACK").unwrap(),
        );
    }
}

/// Asking for it isn't holding it: what the other connection is about to do with the table never
/// meets a lock of the walk's.
#[test]
fn a_walk_that_was_refused_leaves_no_lock_behind() {
    let (db, other) = shared("free");
    let mut items = Walk::new(Way::ById.source(&db).unwrap())
        .chunk_size(7)
        .items();
    assert_eq!(items.next().unwrap().unwrap().0, 1);
    other
        .execute_batch("BEGIN; DELETE FROM t WHERE id > 500")
        .unwrap();
    assert!(items.by_ref().any(|item| item.is_err()));
    other.execute_batch("COMMIT; DROP TABLE t").unwrap();
    let table = Table::new(&db, "t").key::<i64>(["id"]);
    assert!(table.is_err(), "it is gone");
}
