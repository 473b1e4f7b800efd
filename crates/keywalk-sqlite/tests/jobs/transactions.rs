//! What befalls a chunk's transaction.

use std::cell::Cell;
use std::error::Error as _;
use std::time::Duration;

use keywalk_job::{Clock, ConstantBuilder, Error, Job};
use keywalk_sqlite::{CheckpointErrorKind, CheckpointTable};
use rusqlite::Connection;

use crate::world::{World, assert_once, items_done, kind, log, run, touch, walk};

#[test]
fn a_function_that_fails_or_panics_undoes_its_chunk() {
    let world = World::new(10);
    let db = world.connect();
    let failed = run(&db, 4, |_, id| match id {
        7 => Err("bad".into()),
        _ => Ok(()),
    });
    assert!(matches!(failed, Err(Error::Work { items: 4, .. })));
    assert_eq!(log(&db).len(), 4);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        run(&db, 4, |_, id| match id {
            10 => std::panic::resume_unwind(Box::new("no message")),
            _ => Ok(()),
        })
    }));
    assert!(panicked.is_err() && db.is_autocommit());
    assert_eq!(log(&db).len(), 8);
    assert_eq!(run(&db, 1, |_, _| Ok(())).unwrap().items(), 2);
    assert_once(&db, 10);
}

#[test]
fn a_transaction_that_the_function_ends_or_replaces_is_noticed() {
    for sql in [
        "ROLLBACK",
        "ROLLBACK; BEGIN",
        "ROLLBACK; BEGIN IMMEDIATE; SAVEPOINT other",
        "COMMIT",
        "COMMIT; BEGIN",
        "ROLLBACK; BEGIN; INSERT INTO log VALUES (99)",
    ] {
        let world = World::new(6);
        let db = world.connect();
        let ended = run(&db, 2, |tx, id| match id {
            3 => Ok(tx.execute_batch(sql)?),
            _ => Ok(()),
        });
        assert_eq!(kind(ended), CheckpointErrorKind::TransactionEnded, "{sql}");
        assert!(db.is_autocommit());
        assert_eq!(
            items_done(&db, "touch"),
            2,
            "{sql}: the chunk isn't recorded"
        );
    }
}

#[test]
fn an_error_that_rolls_back_is_the_functions_and_the_chunk_comes_again() {
    let world = World::new(6);
    let db = world.connect();
    db.execute_batch("CREATE TABLE once (id INTEGER UNIQUE); INSERT INTO once VALUES (3)")
        .unwrap();
    let again = |tx: &rusqlite::Transaction<'_>, id| {
        tx.execute("INSERT OR ROLLBACK INTO once VALUES (?1)", [id])
    };
    let handed_on = run(&db, 2, |tx, id| {
        again(tx, id)?;
        Ok(())
    });
    assert!(matches!(handed_on, Err(Error::Work { .. })));
    assert_eq!(log(&db).len(), 2);
    let passed_over = run(&db, 2, |tx, id| {
        let _ = again(tx, id);
        Ok(())
    });
    assert_eq!(kind(passed_over), CheckpointErrorKind::TransactionEnded);
    assert_eq!(items_done(&db, "touch"), 2);
}

#[test]
fn a_skipped_item_that_ends_the_transaction_ends_the_run_and_nothing_is_done_twice() {
    let world = World::new(6);
    let db = world.connect();
    db.execute_batch("CREATE TABLE once (id INTEGER UNIQUE); INSERT INTO once VALUES (2)")
        .unwrap();
    let attempt = |checks: bool| {
        let job = Job::new("touch", walk(&db, 6), CheckpointTable::new(&db)).skip_failures();
        job.run(|tx, items| {
            let id = items[0].0;
            if checks {
                tx.execute("INSERT OR ROLLBACK INTO once VALUES (?1)", [id])?;
            }
            touch(tx, id)?;
            Ok(())
        })
    };
    let error = attempt(true).unwrap_err();
    assert!(
        error.to_string().contains("the item with the key 2"),
        "{error}"
    );
    let source = error.source().unwrap().to_string();
    assert!(source.contains("UNIQUE"), "why it was: {source}");
    assert!(log(&db).is_empty(), "no later item commits by itself");
    assert!(attempt(false).unwrap().is_done());
    assert_once(&db, 6);
}

/// A disk that is full for a moment, say.
#[test]
fn an_error_that_ends_the_transaction_is_tried_again_also_where_failures_are_skipped() {
    for skips in [false, true] {
        let world = World::new(6);
        let db = world.connect();
        db.execute_batch("CREATE TABLE once (id INTEGER UNIQUE); INSERT INTO once VALUES (2)")
            .unwrap();
        let policy = ConstantBuilder::new()
            .with_delay(Duration::ZERO)
            .with_max_times(2);
        let job =
            Job::new("touch", walk(&db, 6), CheckpointTable::new(&db)).retry(policy, |_| true);
        let job = if skips { job.skip_failures() } else { job };
        let mut bad = true;
        let outcome = job.run(|tx, items| {
            for (id, ()) in items {
                if *id == 2 && std::mem::take(&mut bad) {
                    tx.execute("INSERT OR ROLLBACK INTO once VALUES (2)", [])?;
                }
                touch(tx, *id)?;
            }
            Ok(())
        });
        let outcome = outcome.unwrap();
        assert_eq!((outcome.retries(), outcome.skipped()), (1, 0), "{skips}");
        assert_once(&db, 6);
    }
}

#[test]
fn a_connection_in_a_transaction_is_refused_and_its_transaction_left() {
    let world = World::new(3);
    let db = world.connect();
    db.execute_batch("BEGIN; INSERT INTO log VALUES (77)")
        .unwrap();
    let refused = run(&db, 2, |_, _| Ok(()));
    assert_eq!(kind(refused), CheckpointErrorKind::InTransaction);
    assert!(!db.is_autocommit());
    db.execute_batch("ROLLBACK").unwrap();
    // A job within a job, over its connection.
    let nested = run(&db, 2, |tx, _| {
        let inner = Job::new("inner", walk(tx, 2), CheckpointTable::new(tx));
        assert!(inner.run(|_, _| Ok(()))?.is_done());
        Ok(())
    });
    let Err(Error::Work { error, .. }) = nested else {
        panic!("{nested:?}");
    };
    assert!(error.to_string().contains("\"inner\""), "{error}");
    assert!(run(&db, 2, |_, _| Ok(())).unwrap().is_done());
    assert_once(&db, 3);
}

#[test]
fn a_commit_that_a_reader_holds_up_undoes_the_chunk() {
    let world = World::new(6);
    let (db, reader) = (world.connect(), world.connect());
    // With a rollback journal, whose writer waits for all readers.
    let busy = run(&db, 2, |_, id| {
        if id == 3 {
            reader.execute_batch("BEGIN")?;
            reader.query_row("SELECT * FROM items", [], |_| Ok(()))?;
        }
        Ok(())
    });
    let Err(Error::Checkpoints { error, .. }) = busy else {
        panic!("{busy:?}");
    };
    let code = error
        .sqlite_error()
        .and_then(rusqlite::Error::sqlite_error_code);
    assert_eq!(code, Some(rusqlite::ErrorCode::DatabaseBusy));
    assert!(error.to_string().contains("`Job::retry`"), "{error}");
    assert!(db.is_autocommit());
    reader.execute_batch("ROLLBACK").unwrap();
    assert_eq!(log(&db).len(), 2);
    assert!(run(&db, 2, |_, _| Ok(())).unwrap().is_done());
    assert_once(&db, 6);
}

/// At the first begin, at a later one, and at a commit that a reader holds up: with a rollback journal a writer
/// waits for all readers.
#[test]
fn a_job_that_retries_waits_out_another_writer_or_reader() {
    for (at, sql) in [
        (0, "BEGIN IMMEDIATE"),
        (4, "BEGIN IMMEDIATE"),
        (0, "BEGIN; SELECT * FROM items"),
        (4, "BEGIN; SELECT * FROM items"),
    ] {
        let world = World::new(6);
        let (db, other) = (world.connect(), world.connect());
        let waits = Waits {
            other: &other,
            sleeps: Cell::default(),
        };
        let hold = |id: i64| match id == at {
            true => other.execute_batch(sql),
            false => Ok(()),
        };
        hold(0).unwrap();
        let mut has_held = at == 0;
        let policy = ConstantBuilder::new()
            .with_delay(Duration::from_millis(1))
            .with_max_times(3);
        let job = Job::new("touch", walk(&db, 2), CheckpointTable::new(&db))
            .clock(&waits)
            .retry(policy, |_| false)
            .on_progress(|progress| {
                if progress.items() == at as u64 && !has_held {
                    has_held = true;
                    hold(at).unwrap();
                }
            });
        let outcome = job.run(|tx, items| {
            items.iter().try_for_each(|(id, ())| touch(tx, *id))?;
            Ok(())
        });
        let outcome = outcome.unwrap();
        assert_eq!((outcome.items(), outcome.retries()), (6, 3), "{at} {sql}");
        assert_once(&db, 6);
    }
}

/// Each wait lets the other connection be, at the third it goes.
#[derive(Debug)]
struct Waits<'a> {
    other: &'a Connection,
    sleeps: Cell<u32>,
}

impl Clock for Waits<'_> {
    fn now(&self) -> Duration {
        Duration::from_millis(self.sleeps.get().into())
    }

    fn sleep(&self, _: Duration) {
        self.sleeps.set(self.sleeps.get() + 1);
        if self.sleeps.get() == 3 {
            self.other.execute_batch("ROLLBACK").unwrap();
        }
    }
}

#[test]
fn a_full_disk_undoes_the_chunk_and_the_job_goes_on_when_there_is_room() {
    let world = World::new(40);
    let db = world.connect();
    let pages: i64 = db
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .unwrap();
    let limit = |pages: i64| {
        db.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
            .unwrap();
    };
    let fill = |tx: &rusqlite::Transaction<'_>, _| {
        tx.execute("CREATE TABLE IF NOT EXISTS fat (data BLOB)", [])?;
        tx.execute("INSERT INTO fat VALUES (zeroblob(3000))", [])?;
        Ok(())
    };
    limit(pages + 30);
    let full = run(&db, 3, fill).unwrap_err();
    assert!(
        matches!(full, Error::Work { .. } | Error::Checkpoints { .. }),
        "{full:?}"
    );
    assert!(db.is_autocommit());
    let done = items_done(&db, "touch");
    assert!(done > 0 && log(&db).len() == done as usize);
    limit(100_000);
    assert!(run(&db, 3, fill).unwrap().is_done());
    assert_once(&db, 40);
}

#[test]
fn what_a_commit_refuses_is_undone() {
    let world = World::new(4);
    let db = world.connect();
    db.execute_batch(
        "PRAGMA foreign_keys = ON;
         CREATE TABLE parent (id INTEGER PRIMARY KEY);
         CREATE TABLE child (id REFERENCES parent DEFERRABLE INITIALLY DEFERRED);",
    )
    .unwrap();
    let refused = run(&db, 2, |tx, id| match id {
        4 => Ok(tx.execute_batch("INSERT INTO child VALUES (9)")?),
        _ => Ok(()),
    });
    let Err(Error::Checkpoints { job, error }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(job, "touch");
    assert_eq!(
        error.to_string(),
        "the transaction of a job's chunk can't commit"
    );
    assert!(error.source().unwrap().to_string().contains("FOREIGN KEY"));
    assert_eq!(log(&db).len(), 2);
    assert!(run(&db, 2, |_, _| Ok(())).unwrap().is_done());
    assert_once(&db, 4);
}

#[test]
fn no_other_writer_comes_between_a_chunks_rows_and_what_is_done_with_them() {
    for mode in ["wal", "delete"] {
        let world = World::new(4);
        let (db, writer) = (world.connect(), world.connect());
        db.execute_batch(&format!("PRAGMA journal_mode = {mode}"))
            .unwrap();
        let outcome = run(&db, 2, |_, id| {
            let other = writer.execute("UPDATE items SET count = 9 WHERE id = ?1", [id]);
            let code = other.unwrap_err().sqlite_error_code();
            assert_eq!(code, Some(rusqlite::ErrorCode::DatabaseBusy), "{mode}");
            Ok(())
        });
        assert!(outcome.unwrap().is_done());
        assert_once(&db, 4);
    }
}

#[test]
fn a_locked_database_is_an_error_before_anything_is_done() {
    let world = World::new(4);
    let (db, writer) = (world.connect(), world.connect());
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    let locked = run(&db, 2, |_, _| Ok(()));
    assert_eq!(kind(locked), CheckpointErrorKind::Sqlite);
    writer.execute_batch("ROLLBACK").unwrap();
    assert!(run(&db, 2, |_, _| Ok(())).unwrap().is_done());
}

#[test]
fn a_function_that_drops_the_jobs_table_is_an_error() {
    let world = World::new(4);
    let db = world.connect();
    let gone = run(&db, 2, |tx, id| match id {
        3 => Ok(tx.execute_batch("DROP TABLE keywalk_jobs")?),
        _ => Ok(()),
    });
    assert_eq!(kind(gone), CheckpointErrorKind::Sqlite);
    assert_eq!(items_done(&db, "touch"), 2, "with the chunk it is undone");
    assert!(run(&db, 2, |_, _| Ok(())).unwrap().is_done());
    assert_once(&db, 4);
}
