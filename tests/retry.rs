//! A second process locks the database in the middle of a walk, and lets go: a walk that asks again
//! loses nothing, and doesn't begin anew.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use keywalk::Walk;
use keywalk_retry::{ConstantBuilder, Retry};
use keywalk_sqlite::{Error, ErrorKind, Table};
use rusqlite::Connection;

const DATABASE: &str = "KEYWALK_LOCK_DATABASE";

/// Another process that takes the database's lock and lets go of it, each when it is told.
struct Locker(Child);

impl Locker {
    fn start(path: &Path) -> Self {
        let exe = env::current_exe().expect("this test has a file");
        let child = Command::new(exe)
            .args(["--exact", "the_process_that_locks", "--nocapture"])
            .env(DATABASE, path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        Locker(child.expect("it can be run again"))
    }

    /// Has the other process run this SQL; returns when it is done.
    fn tell(&mut self, sql: &str) {
        let input = self.0.stdin.as_mut().expect("it is piped");
        writeln!(input, "{sql}").expect("the process lives");
        let output = self.0.stdout.as_mut().expect("it is piped");
        let done = BufReader::with_capacity(1, output)
            .lines()
            .map(|line| line.expect("it is text"))
            .any(|line| line == "done");
        assert!(done, "the process ended");
    }
}

impl Drop for Locker {
    fn drop(&mut self) {
        // The end of its input ends it.
        drop(self.0.stdin.take());
        self.0.wait().expect("it ends");
    }
}

/// What the other process runs; by itself it has nothing to do.
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

#[test]
fn a_lock_of_a_second_process_delays_a_walk_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("items.db");
    let db = Connection::open(&path).unwrap();
    db.execute_batch(
        "CREATE TABLE t (id INTEGER PRIMARY KEY);
         WITH RECURSIVE n(id) AS (VALUES (1) UNION ALL SELECT id + 1 FROM n WHERE id < 20)
         INSERT INTO t SELECT id FROM n",
    )
    .unwrap();
    db.busy_timeout(Duration::ZERO).unwrap();

    let other = Rc::new(RefCell::new(Locker::start(&path)));
    let unlock = Rc::clone(&other);
    let mut delays = 0;
    let table = Table::new(&db, "t").key::<i64>(["id"]).unwrap();
    let policy = ConstantBuilder::default().with_max_times(3);
    // Nothing is slept: the lock goes at the second delay.
    let source = Retry::new(table, policy, Error::is_transient).sleep_by(move |_| {
        delays += 1;
        if delays % 2 == 0 {
            unlock.borrow_mut().tell("COMMIT");
        }
    });
    let mut walk = Walk::new(source).chunk_size(3).into_iter();
    let mut seen = Vec::new();
    for item in walk.by_ref() {
        seen.push(item.unwrap().0);
        if seen.len().is_multiple_of(6) {
            // Behind the walk and at its position: it must neither come back nor lose the next.
            other.borrow_mut().tell(
                "BEGIN EXCLUSIVE; DELETE FROM t WHERE id IN (SELECT id FROM t ORDER BY id LIMIT 6)",
            );
        }
    }
    assert_eq!(seen, (1..=20).collect::<Vec<i64>>());
    assert_eq!(walk.source().retries(), 6);
}

#[test]
fn a_lock_that_stays_ends_the_walk_which_resumes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("items.db");
    let db = Connection::open(&path).unwrap();
    db.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)")
        .unwrap();
    db.busy_timeout(Duration::ZERO).unwrap();

    let mut other = Locker::start(&path);
    let table = Table::new(&db, "t").key::<i64>(["id"]).unwrap();
    let policy = ConstantBuilder::default()
        .with_delay(Duration::ZERO)
        .with_max_times(4);
    let source = Retry::new(table, policy, Error::is_transient);
    let mut walk = Walk::new(source).chunk_size(1).into_iter();
    assert_eq!(walk.next().unwrap().unwrap().0, 1);
    other.tell("BEGIN EXCLUSIVE");
    let error = walk.next();
    assert!(
        matches!(&error, Some(Err(keywalk::Error::Source(error))) if error.kind() == ErrorKind::Busy),
        "{error:?}"
    );
    assert!(walk.next().is_none());
    assert_eq!(walk.source().retries(), 4);

    other.tell("COMMIT");
    let cursor = walk.cursor();
    let rest = Walk::new(walk.into_source()).resume(cursor);
    assert!(rest.into_iter().map(|item| item.unwrap().0).eq([2, 3]));
}
