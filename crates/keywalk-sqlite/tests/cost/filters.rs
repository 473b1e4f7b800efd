//! G13: a filter never costs the search by the key, and no fetch reads the whole table for it.

use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, LastKey, Order};
use keywalk_sqlite::{Decode, Key, Table};
use rusqlite::Connection;

use crate::operations::count_operations;

const ROWS: i64 = 10_000;

/// A connection that counts the operations of SQLite's virtual machine, by tens.
fn open(analyzed: bool) -> (Connection, Arc<AtomicU64>) {
    let mut db = Connection::open_in_memory().expect("memory is there");
    db.execute_batch(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, d TEXT NOT NULL, c INT NOT NULL, x INT NOT NULL);
         CREATE INDEX td ON t (d); CREATE UNIQUE INDEX tcx ON t (c, x DESC);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
             INSERT INTO t SELECT i, 'd' || (i % 10), i / 5000, i FROM n;"
    ))
    .expect("the schema is valid");
    if analyzed {
        db.execute_batch("ANALYZE").expect("SQLite analyzes");
    }
    let count = count_operations(&mut db, 10);
    (db, count)
}

/// What each fetch costs, in virtual machine operations, and how many rows came.
fn costs<K: Key, D: Decode>(
    mut table: Table<&Connection, K, D>,
    count: &AtomicU64,
    order: Order,
    size: usize,
) -> (Vec<u64>, usize) {
    let mut range = KeyRange::all(order);
    // Proves the statements, which costs once.
    let last = table.last_key(&range).expect("the walk goes on");
    if let LastKey::Is(key) = last {
        range.end_at(key);
    }
    let mut costs = Vec::new();
    let mut rows = 0;
    loop {
        let before = count.load(Ordering::Relaxed);
        let mut chunk = Chunk::with_limit(size);
        let fetched = table.fetch(&range, &mut chunk).expect("the walk goes on");
        costs.push(count.load(Ordering::Relaxed) - before);
        rows += chunk.len();
        match fetched {
            Fetched::End => return (costs, rows),
            Fetched::More => range.advance_past(table.key_of(&chunk.as_slice()[chunk.len() - 1])),
            Fetched::ScannedTo(key) => range.advance_past(key),
        }
        if range.is_empty() {
            return (costs, rows);
        }
        assert!(costs.len() < 1_000, "it goes on for ever");
    }
}

/// About what reading 512 rows costs: a row costs ten operations or so.
const STRETCH: u64 = 512 * 25;

#[test]
fn a_filter_that_matches_nothing_makes_many_short_fetches() {
    for analyzed in [false, true] {
        let (db, count) = open(analyzed);
        for order in [Order::Ascending, Order::Descending] {
            let table = || Table::new(&db, "t").filter("x < 0", []).unwrap();
            let by_id = costs(table().key::<i64>(["id"]).unwrap(), &count, order, 100);
            let mixed = table().key::<(i64, Reverse<i64>)>(["c", "x"]).unwrap();
            let mixed = costs(mixed, &count, order, 100);
            for (costs, rows) in [by_id, mixed] {
                assert_eq!(rows, 0);
                assert!(costs.len() >= 15, "{} fetches", costs.len());
                // The first fetch proves its statement too.
                assert!(costs[1..].iter().all(|cost| *cost < STRETCH), "{costs:?}");
            }
        }
    }
}

#[test]
fn the_stretch_grows_with_the_chunk() {
    let (db, count) = open(false);
    let table = Table::new(&db, "t")
        .filter("x < 0", [])
        .unwrap()
        .key::<i64>(["id"])
        .unwrap();
    let (costs, _) = costs(table, &count, Order::Ascending, 5_000);
    assert!((2..=3).contains(&costs.len()), "{costs:?}");
}

#[test]
fn a_row_that_passes_at_the_end_of_a_stretch_comes_once() {
    let (db, count) = open(false);
    for condition in ["x % 512 = 0", "x % 512 = 1", "x % 511 = 0"] {
        let sql = format!("SELECT count(*) FROM t WHERE {condition}");
        let expected: u32 = db.query_row(&sql, [], |row| row.get(0)).unwrap();
        for size in [1, 2, 512, 513] {
            let table = Table::new(&db, "t").filter(condition, []).unwrap();
            let by_id = table.key::<i64>(["id"]).unwrap();
            let (_, rows) = costs(by_id, &count, Order::Ascending, size);
            assert_eq!(rows, expected as usize, "{condition}: chunks of {size}");
        }
    }
}

#[test]
fn an_index_that_serves_the_filter_is_used() {
    for analyzed in [false, true] {
        let (db, count) = open(analyzed);
        for (condition, params) in [("d = 'd3'", None), ("d = ?", Some("d3"))] {
            let table = Table::new(&db, "t")
                .filter(condition, rusqlite::params_from_iter(params))
                .unwrap();
            let table = table.key::<i64>(["id"]).unwrap();
            let (costs, rows) = costs(table, &count, Order::Ascending, 100);
            assert_eq!(rows, 1_000);
            assert_eq!(costs.len(), 10, "no fetch is short");
            assert!(costs[1..].iter().all(|cost| *cost < 100 * 25), "{costs:?}");
        }
    }
}

#[test]
fn a_range_over_the_key_in_a_filter_is_not_read_again_at_every_chunk() {
    for analyzed in [false, true] {
        let (db, count) = open(analyzed);
        for condition in [
            "id > 5",
            "id >= 5 AND d <> 'd3'",
            "id > 5 AND d = 'd3'",
            "id > 5 AND d IN ('d3', 'd4')",
            "id > 5 AND id < 9990",
            "id BETWEEN 5 AND 9990 AND d > 'd3'",
            "c >= 0 AND x > 0",
        ] {
            for order in [Order::Ascending, Order::Descending] {
                let table = || Table::new(&db, "t").filter(condition, []).unwrap();
                let (by_id, _) = costs(table().key::<i64>(["id"]).unwrap(), &count, order, 50);
                let mixed = table().key::<(i64, Reverse<i64>)>(["c", "x"]).unwrap();
                let (mixed, _) = costs(mixed, &count, order, 50);
                for costs in [by_id, mixed] {
                    assert!(
                        costs[1..].iter().all(|cost| *cost < STRETCH),
                        "{condition}: {costs:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn an_index_that_only_covers_the_filters_column_does_not_count_as_serving_it() {
    let (db, count) = open(false);
    db.execute_batch("CREATE TABLE w (k INT NOT NULL UNIQUE, z INT); CREATE INDEX wz ON w (k, z); INSERT INTO w SELECT id, x FROM t")
        .unwrap();
    let none = [""; 0];
    let table = Table::new(&db, "w")
        .columns(none)
        .filter("z < 0", [])
        .unwrap()
        .key::<i64>(["k"])
        .unwrap();
    let before = count.load(Ordering::Relaxed);
    let (costs, _) = costs(table, &count, Order::Ascending, 100);
    let all = count.load(Ordering::Relaxed) - before;
    assert!(
        costs.len() > 10,
        "{} fetches, {all} operations",
        costs.len()
    );
}

#[test]
fn an_index_that_serves_a_part_of_the_filter_does_not_make_one_fetch_read_all() {
    let (db, count) = open(false);
    db.execute_batch("UPDATE t SET d = 'same'").unwrap();
    // In brackets the parts can't be told apart, so no index may serve the whole.
    for condition in ["d = 'same' AND x < 0", "(d = 'same' AND x < 0)"] {
        let table = Table::new(&db, "t")
            .filter(condition, [])
            .unwrap()
            .key::<i64>(["id"])
            .unwrap();
        let before = count.load(Ordering::Relaxed);
        let (costs, _) = costs(table, &count, Order::Ascending, 100);
        let all = count.load(Ordering::Relaxed) - before;
        assert!(
            costs.len() > 10,
            "{condition}: {} fetches, {all} operations",
            costs.len()
        );
    }
}
