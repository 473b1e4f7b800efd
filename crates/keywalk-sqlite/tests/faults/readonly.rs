//! Connections that may only read.

use std::fs;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::process::Process;
use crate::trial::Trial;
use crate::world::World;

#[test]
fn a_connection_that_is_told_only_to_query_is_walked() {
    for (mode, trial) in Trial::after(260).flat_map(|trial| [("DELETE", trial), ("WAL", trial)]) {
        let world = World::new(mode);
        trial.goes_on(&world.db, || {
            world.db.execute_batch("PRAGMA query_only = ON").unwrap();
            let refused = world.db.execute("DELETE FROM t", []).unwrap_err();
            assert_eq!(refused.sqlite_error_code(), Some(ErrorCode::ReadOnly));
        });
    }
}

fn read_only(world: &World) -> Connection {
    Connection::open_with_flags(world.path(), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

#[test]
fn a_connection_that_was_opened_to_read_is_walked() {
    for mode in ["DELETE", "WAL"] {
        let world = World::new(mode);
        let db = read_only(&world);
        for trial in Trial::after(0) {
            trial.goes_on(&db, || ());
        }
    }
}

/// A crashed writer's journal has to be rolled back, which only who may write can do.
#[test]
fn a_journal_that_only_a_writer_can_roll_back_is_an_error_until_one_did() {
    for trial in Trial::after(260) {
        let world = World::new("DELETE");
        let db = read_only(&world);
        let crash = || {
            let mut other = Process::start(&world.path());
            other.run("PRAGMA cache_size = 1; BEGIN; UPDATE t SET name = 'lost'; DELETE FROM t");
            other.kill();
        };
        trial.holds(&db, ErrorCode::ReadOnly, crash, || {
            let count = "SELECT count(*) FROM t";
            world.db.query_row(count, [], |_| Ok(())).unwrap();
            assert!(!fs::exists(world.file("items.db-journal")).unwrap());
        });
    }
}
