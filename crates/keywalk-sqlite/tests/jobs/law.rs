//! Whatever befalls the runs, in tables of any key: each row's effect happens exactly once.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use keywalk::Walk;
use keywalk_job::{ConstantBuilder, Job, Stop};
use keywalk_sqlite::{AnyKey, CheckpointTable, Table};
use proptest::prelude::*;
use rusqlite::Connection;

use crate::world::World;

/// A table's columns beside the number that tells its rows apart and the counter, and their values.
const TABLES: [(&str, &str); 6] = [
    ("", ""),
    // By the rowid, which has no name in the schema.
    (", t", ", ?1"),
    (", a INTEGER NOT NULL, PRIMARY KEY (a DESC, n)", ", ?1 % 3"),
    (
        ", t TEXT NOT NULL PRIMARY KEY",
        ", 'Text ' || (?1 * 7 % 50)",
    ),
    (
        ", t BLOB NOT NULL PRIMARY KEY",
        ", CAST('b' || (?1 * 7 % 50) AS BLOB)",
    ),
    (
        ", t TEXT NOT NULL COLLATE NOCASE, PRIMARY KEY (t, n)",
        ", substr('aAbBcC', 1 + ?1 % 6)",
    ),
];

#[derive(Clone, Copy, Debug)]
enum Fate {
    WorkFails(usize),
    WorkPanics(usize),
    /// The function ends the transaction, and says that all is well.
    RollsBack(usize),
    BeginsAnew(usize),
    CommitFails(usize),
    Interrupted(usize),
    Stop(usize),
    Nothing,
}

fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        (0..30_usize).prop_map(Fate::WorkFails),
        (0..30_usize).prop_map(Fate::WorkPanics),
        (0..10_usize).prop_map(Fate::RollsBack),
        (0..10_usize).prop_map(Fate::BeginsAnew),
        (0..10_usize).prop_map(Fate::CommitFails),
        (0..60_usize).prop_map(Fate::Interrupted),
        (0..30_usize).prop_map(Fate::Stop),
        Just(Fate::Nothing),
    ]
}

/// Counts down; whether it is time.
fn due(left: &mut Option<usize>) -> bool {
    let is_due = *left == Some(0);
    *left = left.and_then(|left| left.checked_sub(1));
    is_due
}

/// For what SQLite itself does to a run.
fn prepare(db: &mut Connection, fate: Fate) {
    let (mut commits, mut steps) = match fate {
        Fate::CommitFails(at) => (Some(at), None),
        Fate::Interrupted(at) => (None, Some(at)),
        _ => (None, None),
    };
    db.commit_hook(Some(move || due(&mut commits))).unwrap();
    db.progress_handler(40, Some(move || due(&mut steps)))
        .unwrap();
}

fn run(db: &Connection, shape: usize, size: usize, down: bool, skips: bool, fate: Fate) -> bool {
    let table = Table::new(db, "items");
    let walk = |size| -> Walk<_> {
        let table = match shape {
            1 => table.key::<AnyKey>(["rowid"]).unwrap(),
            _ => table,
        };
        let walk = Walk::new(table.map(|row| row.get::<_, i64>("n"))).chunk_size(size);
        if down { walk.descending() } else { walk }
    };
    let stop = Stop::new();
    let mut job = Job::new("law", walk(size), CheckpointTable::new(db)).stop_on(&stop);
    if skips {
        // Nothing fails so often that it is skipped, which would be another law.
        let policy = ConstantBuilder::new()
            .with_delay(Duration::ZERO)
            .with_max_times(1);
        job = job.skip_failures().retry(policy, |_| true);
    }
    let (mut at_item, mut at_chunk) = (None, None);
    match fate {
        Fate::WorkFails(at) | Fate::WorkPanics(at) | Fate::Stop(at) => at_item = Some(at),
        Fate::RollsBack(at) | Fate::BeginsAnew(at) => at_chunk = Some(at),
        Fate::CommitFails(_) | Fate::Interrupted(_) | Fate::Nothing => {}
    }
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        job.run(|tx, items| {
            for (_, n) in items {
                if due(&mut at_item) {
                    match fate {
                        Fate::WorkPanics(_) => resume_unwind(Box::new("no message")),
                        Fate::Stop(_) => stop.request(),
                        _ => return Err("bad".into()),
                    }
                }
                tx.prepare_cached("UPDATE items SET count = count + 1 WHERE n = ?1")?
                    .execute([n])?;
                tx.prepare_cached("INSERT INTO log VALUES (?1)")?
                    .execute([n])?;
            }
            if due(&mut at_chunk) {
                tx.execute_batch("ROLLBACK")?;
                if matches!(fate, Fate::BeginsAnew(_)) {
                    tx.execute_batch("BEGIN IMMEDIATE")?;
                }
            }
            Ok(())
        })
    }));
    assert!(db.is_autocommit(), "no transaction is held after a run");
    matches!(outcome, Ok(Ok(outcome)) if outcome.is_done())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn every_rows_effect_happens_exactly_once(
        shape in 0..TABLES.len(),
        rows in 0..50_i64,
        down in any::<bool>(),
        wal in any::<bool>(),
        runs in prop::collection::vec((1..12_usize, any::<bool>(), fates()), 0..10),
        last in 1..40_usize,
    ) {
        let world = World::empty();
        let mut db = world.connect();
        let mode = if wal { "wal" } else { "delete" };
        let (columns, values) = TABLES[shape];
        let unique = if shape == 0 { "PRIMARY KEY" } else { "NOT NULL UNIQUE" };
        db.execute_batch(&format!(
            "PRAGMA journal_mode = {mode}; PRAGMA synchronous = OFF;
             CREATE TABLE items (count INTEGER DEFAULT 0, n INTEGER {unique} {columns});
             CREATE TABLE log (n INTEGER NOT NULL)"
        )).unwrap();
        for n in 0..rows {
            db.execute(&format!("INSERT INTO items VALUES (0, ?1 {values})"), [n]).unwrap();
        }
        for (size, skips, fate) in runs {
            prepare(&mut db, fate);
            run(&db, shape, size, down, skips, fate);
        }
        prepare(&mut db, Fate::Nothing);
        prop_assert!(run(&db, shape, last, down, false, Fate::Nothing));
        let ask = |sql: &str| -> i64 { db.query_row(sql, [], |row| row.get(0)).unwrap() };
        prop_assert_eq!(ask("SELECT count(*) FROM items WHERE count = 1"), rows);
        prop_assert_eq!(ask("SELECT count(*) FROM log"), rows);
        prop_assert_eq!(ask("SELECT count(DISTINCT n) FROM log"), rows);
        prop_assert_eq!(ask("SELECT items FROM keywalk_jobs"), rows);
    }
}
