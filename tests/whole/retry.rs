//! Tests a walk while a second process locks and unlocks the database: a walk that retries loses nothing, and doesn't
//! start over. keywalk-retry tests what is retried and when it gives up.

use std::cell::RefCell;
use std::env;
use std::rc::Rc;
use std::time::Duration;

use keywalk::Walk;
use keywalk_retry::{ConstantBuilder, Retry};
use keywalk_sqlite::{Error, Table};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::process::Process;

const DATABASE: &str = "KEYWALK_LOCK_DATABASE";

/// The work of another process, which executes the SQL that it receives to lock and unlock the database. It does
/// nothing by itself.
#[test]
fn the_process_that_locks() {
    let Some(path) = env::var_os(DATABASE) else {
        return;
    };
    let db = Connection::open(path).unwrap();
    for sql in std::io::stdin().lines() {
        db.execute_batch(&sql.unwrap()).unwrap();
        println!("\ndone");
    }
}

/// Makes a table of 20 rows, without a busy timeout, and the other process.
fn locked() -> (Connection, Process, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("items.db");
    let db = Connection::open(&path).unwrap();
    db.execute_batch(
        "CREATE TABLE t (id INTEGER PRIMARY KEY);
         WITH RECURSIVE n(id) AS (VALUES (1) UNION ALL SELECT id + 1 FROM n WHERE id < 20)
         INSERT INTO t SELECT id FROM n",
    )
    .unwrap();
    db.busy_timeout(Duration::ZERO).unwrap();
    let variables = [(DATABASE, path.as_os_str())];
    let other = Process::start("retry::the_process_that_locks", &variables);
    (db, other, folder)
}

/// Lets the other process execute this SQL, and waits until it is done.
fn run(other: &mut Process, sql: &str) {
    other.tell(sql);
    other.hear("done");
}

#[test]
fn a_lock_of_a_second_process_delays_a_walk_and_loses_nothing() {
    let (db, other, _folder) = locked();
    let other = Rc::new(RefCell::new(other));
    let unlock = Rc::clone(&other);
    let mut delays = 0;
    let table = Table::new(&db, "t").key::<i64>(["id"]).unwrap();
    let policy = ConstantBuilder::default().with_max_times(3);
    // Doesn't sleep: the lock is released at the second delay.
    let source = Retry::new(table, policy, Error::is_transient).with_sleep(move |_| {
        delays += 1;
        if delays % 2 == 0 {
            run(&mut unlock.borrow_mut(), "COMMIT");
        }
    });
    let mut walk = Walk::new(source).chunk_size(3).into_iter();
    let mut seen = Vec::new();
    for item in walk.by_ref() {
        seen.push(item.unwrap().0);
        if seen.len().is_multiple_of(6) {
            // Changes behind the walk and at its position, which must neither come back nor make the walk lose the next
            // row.
            run(
                &mut other.borrow_mut(),
                "BEGIN EXCLUSIVE; DELETE FROM t WHERE id IN (SELECT id FROM t ORDER BY id LIMIT 6)",
            );
        }
    }
    assert_eq!(seen, (1..=20).collect::<Vec<i64>>());
    assert_eq!(walk.source().retries(), 6);
}
