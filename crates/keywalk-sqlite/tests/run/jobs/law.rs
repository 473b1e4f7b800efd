//! Whatever befalls the runs, in tables of any key: each row's effect happens exactly once.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use keywalk::Walk;
use keywalk_job::{Job, Next, Stop};
use keywalk_sqlite::{DynKey, SqliteCheckpoints, Table};
use proptest::prelude::*;
use proptest::sample::select;
use rusqlite::Connection;

use super::world::{World, tries};

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

/// What befalls a run, when so many items, chunks or steps are done.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    WorkFails,
    WorkPanics,
    Stop,
    /// The function keeps what it did of the chunk, and ends the run.
    KeepsAndStops,
    /// The function ends the transaction, and says that all is well.
    RollsBack,
    StartsOver,
    CommitFails,
    Interrupted,
    Nothing,
}

use Fate::{
    CommitFails, Interrupted, KeepsAndStops, Nothing, RollsBack, StartsOver, WorkFails, WorkPanics,
};

const FATES: [(Fate, usize); 9] = [
    (WorkFails, 30),
    (WorkPanics, 30),
    (Fate::Stop, 30),
    (KeepsAndStops, 30),
    (RollsBack, 10),
    (StartsOver, 10),
    (CommitFails, 10),
    (Interrupted, 60),
    (Nothing, 1),
];

fn fates() -> impl Strategy<Value = (Fate, usize)> {
    select(&FATES[..]).prop_flat_map(|(fate, below)| (Just(fate), 0..below))
}

fn tried() -> impl Strategy<Value = Tried> {
    select(&[Tried::Nothing, Tried::Items, Tried::Chunks][..])
}

/// Counts down where the fate is one of these; whether it is time, which comes once.
fn due((fate, left): (Fate, &mut usize), fates: &[Fate]) -> bool {
    let is_due = fates.contains(&fate) && *left == 0;
    if fates.contains(&fate) {
        *left = left.wrapping_sub(1);
    }
    is_due
}

/// What is tried again.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Tried {
    Nothing,
    Items,
    /// In halves.
    Chunks,
}

/// Whether the job is done. The function does at most `most` items of a call. What SQLite itself does to a run is made by its hooks.
fn run(
    db: &mut Connection,
    shape: usize,
    (size, down, tried, most): (usize, bool, Tried, usize),
    (fate, mut left): (Fate, usize),
) -> bool {
    let mut commits = left;
    db.commit_hook(Some(move || due((fate, &mut commits), &[CommitFails])))
        .unwrap();
    let mut steps = left;
    db.progress_handler(40, Some(move || due((fate, &mut steps), &[Interrupted])))
        .unwrap();
    let table = Table::new(&*db, "items");
    let table = match shape {
        1 => table.key::<DynKey>(["rowid"]).unwrap(),
        _ => table,
    };
    let walk = Walk::new(table.map(|row| row.get::<_, i64>("n"))).chunk_size(size);
    let walk = if down { walk.descending() } else { walk };
    let stop = Stop::new();
    let mut job = Job::new("law", walk, SqliteCheckpoints::new(db)).stop_on(&stop);
    // Nothing fails so often that it is skipped, which would be another law.
    job = match tried {
        Tried::Nothing => job,
        Tried::Items => job.skip_failures().retry(tries(1), |_| true),
        Tried::Chunks => job.shrink_on_failure().retry(tries(1), |_| true),
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        job.run(|tx, items| {
            for (at, (_, n)) in items.iter().enumerate() {
                if at == most {
                    return Ok(Next::go_on().after(at));
                }
                if due(
                    (fate, &mut left),
                    &[WorkFails, WorkPanics, Fate::Stop, KeepsAndStops],
                ) {
                    match fate {
                        KeepsAndStops => return Ok(Next::stop().after(at)),
                        WorkPanics => resume_unwind(Box::new("no message")),
                        WorkFails => return Err("bad".into()),
                        _ => stop.request(),
                    }
                }
                let count = "UPDATE items SET count = count + 1 WHERE n = ?1";
                tx.prepare_cached(count)?.execute([n])?;
                tx.prepare_cached("INSERT INTO log VALUES (?1)")?
                    .execute([n])?;
            }
            if due((fate, &mut left), &[RollsBack, StartsOver]) {
                let again = if fate == StartsOver {
                    "BEGIN IMMEDIATE"
                } else {
                    ""
                };
                tx.execute_batch(&format!("ROLLBACK; {again}"))?;
            }
            Ok(Next::go_on())
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
        runs in prop::collection::vec((1..12_usize, tried(), 1..12_usize, fates()), 0..10),
        last in 1..40_usize,
    ) {
        let mode = if wal { "wal" } else { "delete" };
        let (columns, values) = TABLES[shape];
        let unique = if shape == 0 { "PRIMARY KEY" } else { "NOT NULL UNIQUE" };
        let (_world, mut db) = World::with(&format!(
            "PRAGMA journal_mode = {mode}; PRAGMA synchronous = OFF;
             CREATE TABLE items (count INTEGER DEFAULT 0, n INTEGER {unique} {columns});
             CREATE TABLE log (n INTEGER NOT NULL)"
        ));
        for n in 0..rows {
            db.execute(&format!("INSERT INTO items VALUES (0, ?1 {values})"), [n]).unwrap();
        }
        for (size, tried, most, fate) in runs {
            run(&mut db, shape, (size, down, tried, most), fate);
        }
        prop_assert!(run(&mut db, shape, (last, down, Tried::Nothing, 12), (Nothing, 0)));
        let ask = |sql: &str| -> i64 { db.query_row(sql, [], |row| row.get(0)).unwrap() };
        prop_assert_eq!(ask("SELECT count(*) FROM items WHERE count = 1"), rows);
        prop_assert_eq!(ask("SELECT count(*) FROM log"), rows);
        prop_assert_eq!(ask("SELECT count(DISTINCT n) FROM log"), rows);
        prop_assert_eq!(ask("SELECT items FROM keywalk_jobs"), rows);
    }
}
