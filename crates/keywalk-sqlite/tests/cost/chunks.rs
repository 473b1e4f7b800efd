//! G13: a fetch reads about what it was asked for, wherever in the table it is.

use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use keywalk::{ChunkSource, KeyRange, LastKey, Order, Walk};
use keywalk_sqlite::{Error, ErrorKind, Query, Table};
use rusqlite::Connection;

use crate::operations::count_operations;

const ROWS: i64 = 10_000;

/// A connection that counts the operations of SQLite's virtual machine. In each table nearly all
/// rows have the same first column of the key.
fn open(analyzed: bool) -> (Connection, Arc<AtomicU64>) {
    let mut db = Connection::open_in_memory().expect("memory is there");
    db.execute_batch(&format!(
        "CREATE TABLE p (a INT NOT NULL, b INT NOT NULL, v TEXT, PRIMARY KEY (a, b));
         CREATE TABLE m (a INT NOT NULL, b INT NOT NULL, v TEXT, PRIMARY KEY (a, b DESC));
         CREATE TABLE t (id INTEGER PRIMARY KEY, c INT NOT NULL, v TEXT); CREATE INDEX tc ON t (c);
         CREATE TABLE u (id INTEGER PRIMARY KEY, live INT NOT NULL);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
             INSERT INTO p SELECT i / 9900, i, 'value' FROM n;
         INSERT INTO m SELECT a, b, v FROM p; INSERT INTO t SELECT b, a, v FROM p;
         INSERT INTO u SELECT id, id % 7 FROM t WHERE id <= 3000;"
    ))
    .expect("the schema is valid");
    if analyzed {
        db.execute_batch("ANALYZE").expect("SQLite analyzes");
    }
    let count = count_operations(&mut db, 1);
    (db, count)
}

/// What each chunk but the first two costs: those prove their statements.
fn chunk_costs<S: ChunkSource<Error = Error>>(
    source: S,
    count: &AtomicU64,
    order: Order,
) -> Vec<u64> {
    let mut chunks = Walk::new(source).chunk_size(100).order(order).chunks();
    let mut costs = Vec::new();
    loop {
        let before = count.load(Ordering::Relaxed);
        let Some(items) = chunks.next().expect("the walk goes on") else {
            costs.drain(..2);
            return costs;
        };
        assert_eq!(items.len(), 100);
        costs.push(count.load(Ordering::Relaxed) - before);
    }
}

fn assert_flat<S: ChunkSource<Error = Error>>(source: impl Fn() -> S, count: &AtomicU64) {
    for order in [Order::Ascending, Order::Descending] {
        let costs = chunk_costs(source(), count, order);
        assert_eq!(costs.len(), 98);
        let early = costs[0];
        assert!(early < 100 * 30, "a row costs {} operations", early / 100);
        let flat = |cost: &u64| *cost * 10 <= early * 12;
        assert!(
            costs.iter().all(flat),
            "{order:?}: {early}, then up to {:?}",
            costs.iter().max()
        );
    }
}

#[test]
fn the_last_chunk_of_a_skewed_table_costs_what_an_early_one_does() {
    for analyzed in [false, true] {
        let (db, count) = open(analyzed);
        assert_flat(
            || Table::new(&db, "p").key::<(i64, i64)>(["a", "b"]).unwrap(),
            &count,
        );
        assert_flat(
            || {
                Table::new(&db, "m")
                    .key::<(i64, Reverse<i64>)>(["a", "b"])
                    .unwrap()
            },
            &count,
        );
        assert_flat(|| Table::new(&db, "m"), &count);
        assert_flat(|| Table::new(&db, "t").key::<i64>(["id"]).unwrap(), &count);
        assert_flat(
            || {
                Query::new(&db, "SELECT a, b FROM p", [])
                    .unwrap()
                    .key::<(i64, i64)>(["a", "b"])
                    .unwrap()
            },
            &count,
        );
        type Mixed = (i64, Reverse<i64>);
        assert_flat(
            || {
                Query::new(&db, "SELECT a, b FROM m", [])
                    .unwrap()
                    .key::<Mixed>(["a", "b"])
                    .unwrap()
            },
            &count,
        );
    }
    let (db, count) = open(false);
    assert_flat(
        || Table::new(&db, "t").key::<(i64, i64)>(["c", "id"]).unwrap(),
        &count,
    );
}

#[test]
fn the_last_key_is_read_from_the_index_alone() {
    let (db, count) = open(false);
    for order in [Order::Ascending, Order::Descending] {
        let mut table = Table::new(&db, "m")
            .key::<(i64, Reverse<i64>)>(["a", "b"])
            .unwrap();
        let range = KeyRange::all(order);
        // The first time proves the statement.
        table.last_key(&range).unwrap();
        let before = count.load(Ordering::Relaxed);
        let last = table.last_key(&range).unwrap();
        let cost = count.load(Ordering::Relaxed) - before;
        assert!(cost < 50, "{cost} operations");
        let expected = if order == Order::Ascending {
            (1, Reverse(9900))
        } else {
            (0, Reverse(9899))
        };
        assert_eq!(last, LastKey::Is(expected));
        let reads_the_index = table.statements().all(|sql| {
            let explain = format!("EXPLAIN QUERY PLAN {sql}");
            let step = db.query_row(&explain, [], |row| row.get::<_, String>(3));
            step.is_ok_and(|step| step.contains("COVERING INDEX"))
        });
        assert!(reads_the_index);
    }
    let mut table = Table::new(&db, "m")
        .key::<(i64, Reverse<i64>)>(["a", "b"])
        .unwrap();
    let nothing = KeyRange::new((7, Reverse(0)).., Order::Ascending);
    assert_eq!(table.last_key(&nothing).unwrap(), LastKey::Empty);
}

#[test]
fn a_walk_asks_once_for_each_chunk_and_once_for_the_last_key() {
    let (db, _) = open(false);
    for (size, queries) in [
        (100, 101),
        (99, 103),
        (9_999, 3),
        (10_000, 2),
        (usize::MAX, 2),
    ] {
        let mut chunks = Walk::new(Table::new(&db, "p")).chunk_size(size).chunks();
        while chunks.next().unwrap().is_some() {}
        assert_eq!(chunks.stats().queries(), queries, "chunks of {size}");
    }
}

/// The filter is made of all of `u`, at the start of each statement.
#[test]
fn a_join_that_would_read_the_whole_joined_table_at_every_fetch_is_refused() {
    let (db, _) = open(false);
    db.execute_batch(
        "CREATE TABLE o (id INTEGER PRIMARY KEY, user INT NOT NULL);
         INSERT INTO o SELECT id, id % 500 FROM t; DELETE FROM u WHERE id > 500; ANALYZE",
    )
    .unwrap();
    let sql = "SELECT o.id FROM o JOIN u ON u.id = o.user WHERE u.live = 1";
    let query = Query::new(&db, sql, [])
        .unwrap()
        .key::<i64>(["id"])
        .unwrap();
    let error = Walk::new(query).items().next().unwrap().unwrap_err();
    assert!(
        matches!(&error, keywalk::Error::Source(error) if error.kind() == ErrorKind::NotSeekable),
        "{error}"
    );
    assert!(error.to_string().contains("BLOOM FILTER ON u"), "{error}");
}
