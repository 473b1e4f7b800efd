//! A filter never costs the search by the key, and no fetch reads the whole table for it.

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, LastKey, Order};
use keywalk_sqlite::{Decode, SqlKey, Table};
use rusqlite::Connection;

use super::{Count, Mixed};
use crate::faults::ORDERS;

/// Operations count by tens.
fn open(analyzed: bool) -> (Connection, Count) {
    let schema =
        "CREATE TABLE t (id INTEGER PRIMARY KEY, d TEXT NOT NULL, c INT NOT NULL, x INT NOT NULL);
         CREATE INDEX td ON t (d); CREATE UNIQUE INDEX tcx ON t (c, x DESC);
         INSERT INTO t SELECT i, 'd' || (i % 10), i / 5000, i FROM n;
         CREATE TABLE w (k INT NOT NULL UNIQUE, z INT); CREATE INDEX wz ON w (k, z);
         INSERT INTO w SELECT id, x FROM t";
    let mut db = super::open(10_000, schema, analyzed);
    let count = Count::of(&mut db, 10);
    (db, count)
}

/// What each fetch costs, and how many rows came.
fn costs<K: SqlKey, D: Decode>(
    mut table: Table<&Connection, K, D>,
    count: &Count,
    order: Order,
    size: usize,
) -> (Vec<u64>, usize) {
    let mut range = KeyRange::all(order);
    // Proves the statements, which costs once.
    if let LastKey::Known(key) = table.last_key(&range).expect("the walk goes on") {
        range.end_including(key);
    }
    let mut costs = Vec::new();
    let mut rows = 0;
    loop {
        let mut chunk = Chunk::with_limit(size);
        let (fetched, cost) = count.during(|| table.fetch(&range, &mut chunk));
        costs.push(cost);
        rows += chunk.len();
        match fetched.expect("the walk goes on") {
            Fetched::End => return (costs, rows),
            Fetched::More => range.start_after(chunk.as_slice()[chunk.len() - 1].0.clone()),
            Fetched::ScannedTo(key) => range.start_after(key),
        }
        if range.is_empty() {
            return (costs, rows);
        }
        assert!(costs.len() < 1_000, "it goes on for ever");
    }
}

/// About what reading 512 rows costs: a row costs ten operations or so.
const STRETCH: u64 = 512 * 25;

/// The first fetch proves its statement too.
fn assert_below(most: u64, costs: &[u64], what: &str) {
    assert!(
        costs[1..].iter().all(|cost| *cost < most),
        "{what}: {costs:?}"
    );
}

/// Walked by `id` and by `c` and `x`, in both orders and with and without statistics: the costs and rows of
/// each.
fn each_way(condition: &str, size: usize) -> Vec<(Vec<u64>, usize)> {
    let mut all = Vec::new();
    for (analyzed, order) in [false, true]
        .into_iter()
        .flat_map(|analyzed| ORDERS.map(|order| (analyzed, order)))
    {
        let (db, count) = open(analyzed);
        let table = || Table::new(&db, "t").filter(condition, []).unwrap();
        all.push(costs(
            table().key::<i64>(["id"]).unwrap(),
            &count,
            order,
            size,
        ));
        all.push(costs(
            table().key::<Mixed>(["c", "x"]).unwrap(),
            &count,
            order,
            size,
        ));
    }
    all
}

#[test]
fn a_filter_that_matches_nothing_makes_many_short_fetches() {
    for (costs, rows) in each_way("x < 0", 100) {
        assert_eq!(rows, 0);
        assert!(costs.len() >= 15, "{} fetches", costs.len());
        assert_below(STRETCH, &costs, "x < 0");
    }
}

#[test]
fn a_range_over_the_key_in_a_filter_is_not_read_again_at_every_chunk() {
    for condition in [
        "id > 5",
        "id >= 5 AND d <> 'd3'",
        "id > 5 AND d = 'd3'",
        "id > 5 AND d IN ('d3', 'd4')",
        "id > 5 AND id < 9990",
        "id BETWEEN 5 AND 9990 AND d > 'd3'",
        "c >= 0 AND x > 0",
    ] {
        for (costs, _) in each_way(condition, 50) {
            assert_below(STRETCH, &costs, condition);
        }
    }
}

/// By `id`, ascending.
fn by_id(db: &Connection, count: &Count, condition: &str, size: usize) -> (Vec<u64>, usize) {
    let table = Table::new(db, "t").filter(condition, []).unwrap();
    costs(
        table.key::<i64>(["id"]).unwrap(),
        count,
        Order::Ascending,
        size,
    )
}

#[test]
fn the_stretch_grows_with_the_chunk() {
    let (db, count) = open(false);
    let (costs, _) = by_id(&db, &count, "x < 0", 5_000);
    assert!((2..=3).contains(&costs.len()), "{costs:?}");
}

#[test]
fn a_row_that_passes_at_the_end_of_a_stretch_comes_once() {
    let (db, count) = open(false);
    for condition in ["x % 512 = 0", "x % 512 = 1", "x % 511 = 0"] {
        let sql = format!("SELECT count(*) FROM t WHERE {condition}");
        let expected: u32 = db.query_row(&sql, [], |row| row.get(0)).unwrap();
        for size in [1, 2, 512, 513] {
            let (_, rows) = by_id(&db, &count, condition, size);
            assert_eq!(rows, expected as usize, "{condition}: chunks of {size}");
        }
    }
}

#[test]
fn an_index_that_serves_the_filter_is_used() {
    for analyzed in [false, true] {
        let (db, count) = open(analyzed);
        for (condition, params) in [("d = 'd3'", None), ("d = ?", Some("d3"))] {
            let params = rusqlite::params_from_iter(params);
            let table = Table::new(&db, "t").filter(condition, params).unwrap();
            let table = table.key::<i64>(["id"]).unwrap();
            let (costs, rows) = costs(table, &count, Order::Ascending, 100);
            assert_eq!(rows, 1_000);
            assert_eq!(costs.len(), 10, "no fetch is short");
            assert_below(100 * 25, &costs, condition);
        }
    }
}

/// Not one that only covers the filter's column, nor one that serves a part of it: no fetch reads all for
/// that.
#[test]
fn an_index_that_does_not_serve_the_whole_filter_does_not_count() {
    let (db, count) = open(false);
    db.execute_batch("UPDATE t SET d = 'same'").unwrap();
    let table = Table::new(&db, "w")
        .columns([""; 0])
        .filter("z < 0", [])
        .unwrap();
    let covered = costs(
        table.key::<i64>(["k"]).unwrap(),
        &count,
        Order::Ascending,
        100,
    );
    // In brackets the parts can't be distinguished, so no index may serve the whole.
    for (costs, _) in [
        covered,
        by_id(&db, &count, "d = 'same' AND x < 0", 100),
        by_id(&db, &count, "(d = 'same' AND x < 0)", 100),
    ] {
        assert!(costs.len() > 10, "{costs:?}");
    }
}
