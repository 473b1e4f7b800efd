//! What befalls a chunk's transaction. That a chunk which fails is undone is [`law`](super::law).

use std::error::Error as _;

use keywalk_job::{CheckpointStore, Error};
use keywalk_sqlite::{CheckpointErrorKind, SqliteCheckpoints};
use rusqlite::ErrorCode;

use super::world::{
    World, assert_ends_well, assert_once, items_done, job, kind, log, run, touch, touch_all, tries,
};

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
        let (_world, db) = World::new(6);
        let ended = run(&db, 2, |tx, id| match id {
            3 => Ok(tx.execute_batch(sql)?),
            _ => Ok(()),
        });
        assert_eq!(kind(ended), CheckpointErrorKind::TransactionEnded, "{sql}");
        assert!(db.is_autocommit());
        let done = items_done(&db, "touch");
        assert_eq!(done, 2, "{sql}: the chunk isn't recorded");
    }
}

/// An error that rolls back, when the item 2 is done: a disk that is full for a moment, say.
const ONCE: &str = "CREATE TABLE once (id INTEGER UNIQUE); INSERT INTO once VALUES (2)";
const ROLLS_BACK: &str = "INSERT OR ROLLBACK INTO once VALUES (?1)";

#[test]
fn an_error_that_rolls_back_is_the_functions_and_the_chunk_comes_again() {
    let (_world, db) = World::new(6);
    db.execute_batch(ONCE).unwrap();
    let handed_on = run(&db, 1, |tx, id| {
        tx.execute(ROLLS_BACK, [id])?;
        Ok(())
    });
    assert!(matches!(handed_on, Err(Error::Work { .. })));
    assert_eq!(log(&db).len(), 1);
    let passed_over = run(&db, 1, |tx, id| {
        let _ = tx.execute(ROLLS_BACK, [id]);
        Ok(())
    });
    assert_eq!(kind(passed_over), CheckpointErrorKind::TransactionEnded);
    assert_eq!(items_done(&db, "touch"), 1);
}

#[test]
fn a_skipped_item_that_ends_the_transaction_ends_the_run_and_nothing_is_done_twice() {
    let (_world, db) = World::new(6);
    db.execute_batch(ONCE).unwrap();
    let failed = job(&db, "touch", 6).skip_failures().run(|tx, items| {
        tx.execute(ROLLS_BACK, [items[0].0])?;
        touch_all(tx, &items)
    });
    let error = failed.unwrap_err();
    assert!(
        error.to_string().contains("the item with the key 2"),
        "{error}"
    );
    let source = error.source().unwrap().to_string();
    assert!(source.contains("UNIQUE"), "why it was: {source}");
    assert!(log(&db).is_empty(), "no later item commits by itself");
    assert_ends_well(&db, 6);
}

#[test]
fn an_error_that_ends_the_transaction_is_tried_again_also_where_failures_are_skipped() {
    for skips in [false, true] {
        let (_world, db) = World::new(6);
        db.execute_batch(ONCE).unwrap();
        let job = job(&db, "touch", 6).retry(tries(2), |_| true);
        let job = if skips { job.skip_failures() } else { job };
        let mut bad = true;
        let outcome = job.run(|tx, items| {
            for (id, ()) in items {
                if *id == 2 && std::mem::take(&mut bad) {
                    tx.execute(ROLLS_BACK, [2])?;
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
    let (_world, db) = World::new(3);
    db.execute_batch("BEGIN; INSERT INTO log VALUES (77)")
        .unwrap();
    let refused = run(&db, 2, |_, _| Ok(()));
    assert_eq!(kind(refused), CheckpointErrorKind::InTransaction);
    assert!(!db.is_autocommit());
    db.execute_batch("ROLLBACK").unwrap();
    // A job within a job, over its connection.
    let nested = run(&db, 2, |tx, _| {
        assert!(job(tx, "inner", 2).run(|_, _| Ok(()))?.is_done());
        Ok(())
    });
    let Err(Error::Work { error, .. }) = nested else {
        panic!("{nested:?}");
    };
    assert!(error.to_string().contains("\"inner\""), "{error}");
    assert_ends_well(&db, 3);
}

/// With a rollback journal a writer waits for all readers. Retries wait such an error out.
#[test]
fn a_commit_that_a_reader_holds_up_or_a_begin_that_a_writer_does_undoes_the_chunk_and_is_transient()
{
    for (lock, verb) in [
        ("BEGIN; SELECT * FROM items", "commit"),
        ("BEGIN IMMEDIATE", "begin"),
    ] {
        let (world, db) = World::new(6);
        let other = world.connect();
        let walk = job(&db, "touch", 2).on_progress(|progress| {
            if progress.items() == 2 {
                other.execute_batch(lock).unwrap();
            }
        });
        let busy = walk.run(|tx, items| touch_all(tx, &items));
        let Err(Error::CheckpointStore { job, error }) = busy else {
            panic!("{busy:?}");
        };
        assert_eq!(job, "touch");
        let code = error
            .sqlite_error()
            .and_then(rusqlite::Error::sqlite_error_code);
        assert_eq!(code, Some(ErrorCode::DatabaseBusy));
        assert_eq!(error.kind(), CheckpointErrorKind::Sqlite);
        assert!(CheckpointStore::is_transient(
            &SqliteCheckpoints::new(&db),
            &error
        ));
        let message = error.to_string();
        let start = format!("the transaction of a job's chunk can't {verb}");
        assert!(
            message.starts_with(&start) && message.contains("`Job::retry`"),
            "{message}"
        );
        assert!(db.is_autocommit());
        other.execute_batch("ROLLBACK").unwrap();
        assert_eq!(log(&db).len(), 2);
        assert_ends_well(&db, 6);
    }
}

#[test]
fn no_other_writer_comes_between_a_chunks_rows_and_what_is_done_with_them() {
    for mode in ["wal", "delete"] {
        let (world, db) = World::new(4);
        let writer = world.connect();
        db.execute_batch(&format!("PRAGMA journal_mode = {mode}"))
            .unwrap();
        let outcome = run(&db, 2, |_, id| {
            let other = writer.execute("UPDATE items SET count = 9 WHERE id = ?1", [id]);
            let code = other.unwrap_err().sqlite_error_code();
            assert_eq!(code, Some(ErrorCode::DatabaseBusy), "{mode}");
            Ok(())
        });
        assert!(outcome.unwrap().is_done());
        assert_once(&db, 4);
    }
}

#[test]
fn a_function_that_drops_the_jobs_table_is_an_error() {
    let (_world, db) = World::new(4);
    let gone = run(&db, 2, |tx, id| match id {
        3 => Ok(tx.execute_batch("DROP TABLE keywalk_jobs")?),
        _ => Ok(()),
    });
    assert_eq!(kind(gone), CheckpointErrorKind::Sqlite);
    assert_eq!(items_done(&db, "touch"), 2, "with the chunk it is undone");
    assert_ends_well(&db, 4);
}
