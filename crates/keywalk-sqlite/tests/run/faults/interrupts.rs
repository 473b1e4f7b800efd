//! INTERRUPT, from another thread and while a source is made. That each step of a walk may be interrupted is
//! in the conformance kit.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::thread;

use keywalk::Walk;
use keywalk_sqlite::{Error, ErrorKind, Query, Table};
use rusqlite::{Connection, ErrorCode};

use super::trial::{ROWS, Source, Trial, Way, assert_free, code_of, in_memory, rest, take};

/// Another thread interrupts the connection.
fn interrupt(db: &Connection) {
    let handle = db.get_interrupt_handle();
    thread::spawn(move || handle.interrupt()).join().unwrap();
}

/// As long as another statement of the connection runs, an interrupt stays; it is that statement
/// that holds things then, not the walk.
#[test]
fn an_interrupt_lasts_while_another_statement_of_the_connection_runs() {
    let db = in_memory();
    for trial in Trial::after(0).filter(|trial| trial.size == 7) {
        let mut other = db.prepare("SELECT id FROM t").unwrap();
        let mut rows = other.query([]).unwrap();
        rows.next().unwrap();
        interrupt(&db);
        let error = match trial.way.source(&db) {
            Err(error) => keywalk::Error::Source(error),
            Ok(_) => trial.walk(&db).items().next().unwrap().unwrap_err(),
        };
        assert_eq!(
            code_of(&error),
            ErrorCode::OperationInterrupted,
            "{trial:?}"
        );
        drop(rows);
        trial.goes_on(&db, || ());
    }
}

/// A read that fails rolls nothing back.
#[test]
fn a_walk_that_is_interrupted_leaves_the_callers_transaction_as_it_is() {
    let db = &in_memory();
    let interrupts = Cell::new(true);
    let source = || {
        let decode = |row: &rusqlite::Row<'_>| {
            if row.get::<_, i64>("id")? == 300 && interrupts.take() {
                interrupt(db);
            }
            Ok(Vec::new())
        };
        Way::ById.decoded(db, decode).unwrap()
    };
    db.execute_batch("BEGIN; DELETE FROM t WHERE id = 310")
        .unwrap();
    let mut items = Walk::new(source()).chunk_size(7).items();
    let mut seen = take(&mut items, 294);
    let error = items.next().unwrap().unwrap_err();
    assert_eq!(code_of(&error), ErrorCode::OperationInterrupted);
    assert!(!db.is_autocommit() && !db.is_busy());
    seen.extend(rest(items));
    assert!(seen.into_iter().eq((1..=ROWS).filter(|id| *id != 310)));
    db.execute_batch("ROLLBACK").unwrap();
    assert_eq!(Walk::new(source()).items().count() as i64, ROWS);
}

const FEW: i64 = 7;

/// A small database of which the step fails that is so many ahead: once, so that what is asked again is
/// answered.
fn few_rows() -> (Connection, Arc<AtomicI64>) {
    let mut db = Connection::open_in_memory().unwrap();
    db.execute_batch(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY);
         WITH RECURSIVE i(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < {FEW})
             INSERT INTO t SELECT i FROM i;
         CREATE TABLE u (a INT NOT NULL, id INT NOT NULL, PRIMARY KEY (a, id)) WITHOUT ROWID;
         INSERT INTO u SELECT 5, id FROM t"
    ))
    .unwrap();
    let left = Arc::new(AtomicI64::new(i64::MAX));
    let counted = Arc::clone(&left);
    let is_over = move || counted.fetch_sub(1, SeqCst) == 1;
    db.progress_handler(1, Some(is_over)).unwrap();
    (db, left)
}

/// A source in the making, which proves what was said of it at once.
type Make = fn(&Connection) -> Result<Source<'_>, Error>;

const MAKES: [Make; 3] = [
    |db| {
        let query = Query::new(db, "SELECT id FROM t WHERE +id > ?1", [0])?;
        Ok(Box::new(query.key(["id"])?.map(|_| Ok(Vec::new()))))
    },
    |db| {
        let table = Table::new(db, "t").filter("+id > ?1 AND +id > ?2", [0, -1])?;
        Ok(Box::new(table.key(["id"])?.map(|_| Ok(Vec::new()))))
    },
    |db| {
        let table = Table::new(db, "u").prefix_eq("a", 5)?;
        Ok(Box::new(table.key(["id"])?.map(|_| Ok(Vec::new()))))
    },
];

/// What isn't the fault of the SQL that was given isn't laid at its door.
#[test]
fn every_step_of_making_a_source_fails_once_as_what_it_is() {
    let (db, left) = few_rows();
    for make in MAKES {
        for steps in 1.. {
            db.flush_prepared_statement_cache();
            left.store(steps, SeqCst);
            let made = make(&db);
            let was_hit = left.swap(i64::MAX, SeqCst) <= 0;
            if let Err(error) = &made {
                assert_eq!(
                    error.kind(),
                    ErrorKind::Interrupted,
                    "step {steps}: {error:?}"
                );
            }
            assert_free(&db, steps);
            // A filter that couldn't be taken apart is taken whole.
            let source = made.or_else(|_| make(&db)).unwrap();
            let items = Walk::new(source).chunk_size(3).items();
            let keys: Vec<i64> = items.map(|item| item.unwrap().0).collect();
            assert_eq!(keys, (1..=FEW).collect::<Vec<_>>(), "step {steps}");
            if !was_hit {
                break;
            }
        }
    }
}
