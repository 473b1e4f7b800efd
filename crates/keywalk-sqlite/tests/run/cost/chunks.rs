//! A fetch reads about what it was asked for, wherever in the table it is.

use std::cmp::Reverse;

use keywalk::{ChunkSource, KeyRange, LastKey, Order, Walk};
use keywalk_sqlite::{DynKey, Error, Query, Table};
use rusqlite::Connection;

use super::{Count, Mixed, Pair, set_statistics};
use crate::faults::ORDERS;

/// Each operation counts. In each table nearly all rows have the same first column of the key.
fn open(analyzed: bool) -> (Connection, Count) {
    let schema = "CREATE TABLE p (a INT NOT NULL, b INT NOT NULL, v TEXT, PRIMARY KEY (a, b));
         CREATE TABLE m (a INT NOT NULL, b INT NOT NULL, v TEXT, PRIMARY KEY (a, b DESC));
         CREATE TABLE t (id INTEGER PRIMARY KEY, c INT NOT NULL, v TEXT); CREATE INDEX tc ON t (c);
         CREATE TABLE u (id INTEGER PRIMARY KEY, live INT NOT NULL);
         CREATE TABLE z (id INTEGER PRIMARY KEY, a INT, v TEXT); CREATE INDEX za ON z (a);
         CREATE TABLE y (id INTEGER PRIMARY KEY, a INT UNIQUE, b INT, gone INT NOT NULL);
         CREATE UNIQUE INDEX yb ON y (b) WHERE gone = 0;
         INSERT INTO p SELECT i / 9900, i, 'value' FROM n;
         INSERT INTO z SELECT b, nullif(a, 0), v FROM p; INSERT INTO y (a, b, gone) SELECT b, b, 0 FROM p;
         INSERT INTO y (a, b, gone) SELECT NULL, b, 1 FROM p;
         INSERT INTO m SELECT a, b, v FROM p; INSERT INTO t SELECT b, a, v FROM p;
         INSERT INTO u SELECT id, id % 7 FROM t WHERE id <= 3000;
         CREATE TABLE odd (a INT NOT NULL, b INTEGER PRIMARY KEY, UNIQUE (a, b));
         CREATE TABLE even (a INT NOT NULL, b INT NOT NULL UNIQUE, PRIMARY KEY (a, b)) WITHOUT ROWID;
         INSERT INTO odd SELECT a, b FROM p WHERE b % 2 = 1; INSERT INTO even SELECT a, b FROM p WHERE b % 2 = 0";
    let mut db = super::open(10_000, schema, analyzed);
    let count = Count::of(&mut db, 1);
    (db, count)
}

const HALVES: &str = "SELECT a, b FROM odd UNION ALL SELECT a, b FROM even";

/// What each chunk of a walk and its end cost, but the first two: those prove its statements.
fn costs<S>(source: Result<S, Error>, count: &Count, order: Order) -> Vec<u64>
where
    S: ChunkSource<Error = Error>,
{
    let walk = Walk::new(source.expect("the key is proven")).order(order);
    let mut chunks = walk.chunk_size(100).chunks();
    let mut costs = Vec::new();
    loop {
        let (items, cost) = count.during(|| chunks.next().map(|items| items.is_some()));
        costs.push(cost);
        if !items.expect("the walk goes on") {
            return costs.split_off(2);
        }
    }
}

/// No chunk costs much more than an early one, by tenths of that.
fn assert_flat(costs: &[u64], tenths: u64, what: &str) {
    let (early, most) = (costs[0], costs.iter().max().expect("there are chunks"));
    assert!(
        *most * 10 <= early * tenths,
        "{what}: {early}, then up to {most}"
    );
}

fn check<S>(count: &Count, source: impl Fn() -> Result<S, Error>)
where
    S: ChunkSource<Error = Error>,
{
    for order in ORDERS {
        let costs = costs(source(), count, order);
        assert_eq!(costs.len(), 99, "the rows come in 100 chunks");
        let each = costs[0] / 100;
        assert!(each < 30, "a row costs {each} operations");
        assert_flat(&costs, 12, &format!("{order:?}"));
    }
}

#[test]
fn the_last_chunk_of_a_skewed_table_costs_what_an_early_one_does() {
    for analyzed in [false, true] {
        let (db, count) = &open(analyzed);
        let table = |name: &str| Table::new(db, name);
        let query = |sql: &str| Query::new(db, sql, []);
        check(count, || table("p").key::<Pair>(["a", "b"]));
        check(count, || table("m").key::<Mixed>(["a", "b"]));
        check(count, || Ok(table("m")));
        check(count, || table("t").key::<i64>(["id"]));
        check(count, || {
            query("SELECT a, b FROM p")?.key::<Pair>(["a", "b"])
        });
        check(count, || {
            query("SELECT a, b FROM m")?.key::<Mixed>(["a", "b"])
        });
        check(count, || query(HALVES)?.key::<Pair>(["a", "b"]));
        check(count, || query(HALVES)?.key::<i64>(["b"]));
        check(count, || {
            table("y").filter("a IS NOT NULL", [])?.key::<i64>(["a"])
        });
        check(count, || {
            let kept = table("y").filter("gone = 0 AND b IS NOT NULL", [])?;
            kept.key::<i64>(["b"])
        });
        if !analyzed {
            check(count, || table("t").key::<Pair>(["c", "id"]));
            check(count, || table("z").key::<(Option<i64>, i64)>(["a", "id"]));
        }
    }
}

#[test]
fn the_last_key_is_read_from_the_index_alone() {
    let (db, count) = open(false);
    let mut table = Table::new(&db, "m").key::<Mixed>(["a", "b"]).unwrap();
    for (order, expected) in [
        (Order::Ascending, (1, Reverse(9900))),
        (Order::Descending, (0, Reverse(9899))),
    ] {
        let range = KeyRange::all(order);
        // The first time proves the statement.
        table.last_key(&range).unwrap();
        let (last, cost) = count.during(|| table.last_key(&range).unwrap());
        assert!(cost < 50, "{cost} operations");
        assert_eq!(last, LastKey::Known(expected));
        let reads_the_index = table.executed_sql().all(|sql| {
            let explain = format!("EXPLAIN QUERY PLAN {sql}");
            let step = db.query_row(&explain, [], |row| row.get::<_, String>(3));
            step.is_ok_and(|step| step.contains("COVERING INDEX"))
        });
        assert!(reads_the_index);
    }
    let nothing = KeyRange::new((7, Reverse(0)).., Order::Ascending);
    assert_eq!(table.last_key(&nothing).unwrap(), LastKey::Empty);
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
        set_statistics(&db, stat);
        let table = |name: &str| Table::new(&db, name);
        for order in ORDERS {
            let filtered = table("t").filter("v IS NOT '?'", []).unwrap();
            let query = Query::new(&db, "SELECT id, v FROM t", []).unwrap();
            let halves = Query::new(&db, HALVES, []).unwrap();
            for costs in [
                costs(table("t").key::<i64>(["id"]), &count, order),
                costs(table("t").key::<Pair>(["c", "id"]), &count, order),
                costs(filtered.key::<i64>(["id"]), &count, order),
                costs(Ok(table("p")), &count, order),
                costs(Ok(table("m")), &count, order),
                costs(query.key::<i64>(["id"]), &count, order),
                costs(halves.key::<i64>(["b"]), &count, order),
            ] {
                assert_flat(&costs, 13, stat);
            }
        }
    }
}

#[test]
fn a_walk_of_a_tiny_table_that_grows_takes_linear_time() {
    for begun_with in [401, 601] {
        let schema = "CREATE TABLE g (a INTEGER PRIMARY KEY, c TEXT);
                      INSERT INTO g VALUES (-2, 'c'), (100000000, 'c')";
        let mut db = super::open(0, schema, true);
        let fill = |db: &Connection, from: i64, to: i64| {
            let sql =
                "WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
                       INSERT INTO g SELECT i, 'c' FROM n";
            db.execute(sql, [from, to]).unwrap();
        };
        fill(&db, 1, begun_with);
        let count = Count::of(&mut db, 1);
        let mut chunks = Walk::new(Table::new(&db, "g")).chunk_size(100).chunks();
        chunks.next().expect("it begins").expect("there are rows");
        fill(&db, 1_001, 9_000);
        let mut costs = Vec::new();
        let mut goes_on = true;
        while goes_on {
            let (items, cost) = count.during(|| chunks.next().unwrap().is_some());
            goes_on = items;
            costs.push(cost);
        }
        let proofs = 2;
        assert_flat(&costs[proofs..], 13, "the table has grown");
    }
}

#[test]
fn a_rare_word_is_walked_by_a_table_of_its_rowids_without_reading_the_others() {
    let schema = "CREATE TABLE posts (id INTEGER PRIMARY KEY, body TEXT);
         INSERT INTO posts SELECT i, CASE i % 2000 WHEN 7 THEN 'rare' ELSE 'common' END FROM n;
         CREATE VIRTUAL TABLE search USING fts5(body, content = posts, content_rowid = id);
         INSERT INTO search (search) VALUES ('rebuild');
         CREATE TEMP TABLE hits (id INTEGER PRIMARY KEY);
         INSERT INTO hits SELECT rowid FROM search WHERE search MATCH 'rare'";
    for analyzed in [false, true] {
        let mut db = super::open(10_000, schema, analyzed);
        let count = Count::of(&mut db, 1);
        let sql = "SELECT hits.id, posts.body FROM temp.hits JOIN main.posts ON posts.id = hits.id";
        let query = Query::new(&db, sql, []).and_then(|query| query.key::<i64>(["id"]));
        let walk = Walk::new(query.unwrap());
        let (found, cost) = count.during(|| walk.into_iter().filter_map(Result::ok).count());
        assert_eq!(found, 5);
        assert!(cost < 2_000, "{cost} operations");
    }
}

const JOINS: [(&str, &[&str]); 8] = [
    (
        "posts.id FROM posts JOIN users ON users.id = posts.user_id WHERE users.country = 1",
        &["id"],
    ),
    (
        "posts.id FROM posts JOIN users ON users.id = posts.user_id WHERE users.live = 1",
        &["id"],
    ),
    (
        "p.id, p.sum, u.name FROM posts p JOIN users u ON u.id = p.user_id WHERE p.sum > 1.0",
        &["id"],
    ),
    (
        "posts.id, name FROM posts LEFT JOIN users ON users.id = user_id",
        &["id"],
    ),
    (
        "id FROM posts WHERE EXISTS (SELECT 1 FROM users WHERE users.id = user_id AND live = 1)",
        &["id"],
    ),
    (
        "users.id AS parent_id, posts.id FROM users JOIN posts ON posts.user_id = users.id",
        &["parent_id", "id"],
    ),
    (
        "posts.user_id, posts.id FROM users JOIN posts ON posts.user_id = users.id",
        &["user_id", "id"],
    ),
    ("name, id FROM users", &["name", "id"]),
];

/// Users and their posts, as the statistics say before there are any, as they are, and as they aren't.
#[test]
fn a_join_reads_what_it_is_asked_for_whatever_the_statistics_say() {
    let schema = "
         CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, country INT, live INT);
         CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INT NOT NULL, sum REAL);
         CREATE INDEX by_country ON users (country); CREATE INDEX by_user ON posts (user_id, id);
         INSERT INTO users SELECT i, 'user ' || i, i % 7, i % 2 FROM n WHERE i <= 300;
         INSERT INTO posts SELECT i, i % 300 + 1, i % 9 FROM n";
    for stat in [
        None,
        Some(""),
        Some("2 2 1"),
        Some("9000 90"),
        Some("9000000 1"),
    ] {
        let mut db = super::open(10_000, schema, stat.is_some());
        if let Some(stat) = stat {
            db.execute_batch("PRAGMA optimize").unwrap();
            if !stat.is_empty() {
                set_statistics(&db, stat);
            }
        }
        let count = Count::of(&mut db, 1);
        for ((sql, key), order) in JOINS
            .iter()
            .flat_map(|join| ORDERS.map(|order| (join, order)))
        {
            // Where SQLite takes two tables to be so small, nothing makes it search one by a key of several
            // columns: that is refused.
            if key.len() > 1 && stat == Some("2 2 1") {
                continue;
            }
            let query = Query::new(&db, format!("SELECT {sql}"), []).unwrap();
            let costs = costs(query.key::<DynKey>(key.iter().copied()), &count, order);
            let what = format!("{sql}, {stat:?}, {order:?}");
            assert_flat(&costs, 13, &what);
            // Of seven posts that are read one is to be found, with its user.
            assert!(costs[0] < 700 * 40, "{what}: {}", costs[0]);
        }
    }
}
