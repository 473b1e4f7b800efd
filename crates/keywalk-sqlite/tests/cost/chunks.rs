//! G13: a fetch reads about what it was asked for, wherever in the table it is.

use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use keywalk::{ChunkSource, KeyRange, LastKey, Order, Walk};
use keywalk_sqlite::{AnyKey, Error, Query, Table};
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

/// How many operations each chunk of a walk takes, but those that prove its statements.
fn costs<S: ChunkSource<Error = Error>>(source: S, count: &AtomicU64, order: Order) -> Vec<u64> {
    eprintln!(
        "{order:?} {}",
        std::backtrace::Backtrace::capture().to_string().len()
    );
    let mut chunks = Walk::new(source).chunk_size(100).order(order).chunks();
    let mut costs = Vec::new();
    loop {
        let before = count.load(Ordering::Relaxed);
        let items = chunks.next().expect("the walk goes on");
        costs.push(count.load(Ordering::Relaxed) - before);
        if items.is_none() {
            return costs.split_off(2);
        }
    }
}

fn assert_never_dearer(costs: &[u64], what: &str) {
    let (early, most) = (costs[0], costs.iter().max().expect("there are chunks"));
    assert!(
        *most * 10 <= early * 13,
        "{what}: {early}, then up to {most}"
    );
}

/// Statistics of the day when a table had a row or two, or of a larger one.
#[test]
fn a_table_is_searched_whatever_its_statistics_say() {
    for stat in [
        "0 0",
        "1 1",
        "2 2 1",
        "3 3 1",
        "4 1 1",
        "9 9 9",
        "9000000 9000000 1",
    ] {
        let (db, count) = open(true);
        db.execute("UPDATE sqlite_stat1 SET stat = ?1", [stat])
            .unwrap();
        db.execute_batch("DROP TABLE IF EXISTS sqlite_stat4; ANALYZE sqlite_schema")
            .unwrap();

        let t = || Table::new(&db, "t");
        for order in [Order::Ascending, Order::Descending] {
            let of = |costs: Vec<u64>| assert_never_dearer(&costs, stat);
            of(costs(t().key::<i64>(["id"]).unwrap(), &count, order));
            of(costs(
                t().key::<(i64, i64)>(["c", "id"]).unwrap(),
                &count,
                order,
            ));
            let filtered = t().filter("v IS NOT '?'", []).unwrap().key::<i64>(["id"]);
            of(costs(filtered.unwrap(), &count, order));
            of(costs(Table::new(&db, "p"), &count, order));
            of(costs(Table::new(&db, "m"), &count, order));
            let query = Query::new(&db, "SELECT id, v FROM t", []).unwrap();
            of(costs(query.key::<i64>(["id"]).unwrap(), &count, order));
        }
    }
}

#[test]
fn a_walk_of_a_tiny_table_that_grows_takes_linear_time() {
    for begun_with in [401, 601] {
        let (mut db, _) = open(false);
        let fill = |db: &Connection, from: i64, to: i64| {
            let sql =
                "WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
                       INSERT INTO g SELECT i, 'c' FROM n";
            db.execute(sql, [from, to]).unwrap();
        };
        db.execute_batch(
            "CREATE TABLE g (a INTEGER PRIMARY KEY, c TEXT);
             INSERT INTO g VALUES (-2, 'c'), (100000000, 'c'); ANALYZE",
        )
        .unwrap();
        fill(&db, 1, begun_with);
        let count = count_operations(&mut db, 1);
        let mut chunks = Walk::new(Table::new(&db, "g")).chunk_size(100).chunks();
        chunks.next().expect("it begins").expect("there are rows");
        fill(&db, 1_001, 9_000);
        let mut costs = Vec::new();
        loop {
            let before = count.load(Ordering::Relaxed);
            let items = chunks.next().expect("the walk goes on");
            costs.push(count.load(Ordering::Relaxed) - before);
            if items.is_none() {
                break;
            }
        }
        let proofs = 2;
        assert_never_dearer(&costs[proofs..], "the table has grown");
    }
}

/// Users and their posts, as the statistics say before there are any, as they are, and as they aren't.
#[test]
fn a_join_reads_what_it_is_asked_for_whatever_the_statistics_say() {
    for stat in [
        None,
        Some(""),
        Some("2 2 1"),
        Some("9000 90"),
        Some("9000000 1"),
    ] {
        let (mut db, _) = open(false);
        db.execute_batch(
            "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, country INT, live INT);
             CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INT NOT NULL, sum REAL);
             CREATE INDEX by_country ON users (country); CREATE INDEX by_user ON posts (user_id, id);
             INSERT INTO users SELECT id, 'user ' || id, id % 7, id % 2 FROM t WHERE id <= 300;
             INSERT INTO posts SELECT id, id % 300 + 1, id % 9 FROM t",
        )
        .unwrap();
        if let Some(stat) = stat {
            db.execute_batch("ANALYZE; PRAGMA optimize").unwrap();
            if !stat.is_empty() {
                db.execute("UPDATE sqlite_stat1 SET stat = ?1", [stat])
                    .unwrap();
                db.execute_batch("DROP TABLE IF EXISTS sqlite_stat4; ANALYZE sqlite_schema")
                    .unwrap();
            }
        }
        let count = count_operations(&mut db, 1);
        for (sql, key) in [
            (
                "SELECT posts.id FROM posts JOIN users ON users.id = posts.user_id WHERE users.country = 1",
                &["id"][..],
            ),
            (
                "SELECT posts.id FROM posts JOIN users ON users.id = posts.user_id WHERE users.live = 1",
                &["id"],
            ),
            (
                "SELECT p.id, p.sum, u.name FROM posts p JOIN users u ON u.id = p.user_id WHERE p.sum > 1.0",
                &["id"],
            ),
            (
                "SELECT posts.id, name FROM posts LEFT JOIN users ON users.id = user_id",
                &["id"],
            ),
            (
                "SELECT id FROM posts WHERE EXISTS (SELECT 1 FROM users WHERE users.id = user_id AND live = 1)",
                &["id"],
            ),
            (
                "SELECT users.id AS parent_id, posts.id FROM users JOIN posts ON posts.user_id = users.id",
                &["parent_id", "id"],
            ),
            (
                "SELECT posts.user_id, posts.id FROM users JOIN posts ON posts.user_id = users.id",
                &["user_id", "id"],
            ),
            ("SELECT name, id FROM users", &["name", "id"]),
        ] {
            // Where SQLite takes two tables to be so small, nothing makes it search one by a key of several
            // columns: that is refused.
            if key.len() > 1 && stat == Some("2 2 1") {
                continue;
            }
            for order in [Order::Ascending, Order::Descending] {
                let query = Query::new(&db, sql, []).unwrap();
                let query = query.key::<AnyKey>(key.iter().copied()).unwrap();
                let costs = costs(query, &count, order);
                let what = format!("{sql}, {stat:?}, {order:?}");
                assert_never_dearer(&costs, &what);
                // Of seven posts that are read one is to be found, with its user.
                assert!(costs[0] < 700 * 40, "{what}: {}", costs[0]);
            }
        }
    }
}
