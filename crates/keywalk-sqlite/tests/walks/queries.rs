//! Queries: what a SELECT answers, walked by a key that is unique in it.

use std::cmp::Reverse;
use std::fmt::Debug;

use keywalk::{Order, Walk};
use keywalk_sqlite::{AnyKey, ErrorKind, Key, Query};
use rusqlite::types::Value;
use rusqlite::{Connection, Params, params};

pub(crate) fn open() -> Connection {
    let db = Connection::open_in_memory().expect("memory is there");
    db.execute_batch(
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, user INT NOT NULL, sum REAL NOT NULL, tag TEXT);
         CREATE INDEX by_user ON orders (user, id); CREATE INDEX by_tag ON orders (tag);
         CREATE UNIQUE INDEX by_sum ON orders (user, sum DESC);
         CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
         CREATE VIEW large AS SELECT id, user, sum * 2 AS twice FROM orders WHERE sum > 20;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)
             INSERT INTO orders SELECT i, i % 7, i * 17 % 60 + 0.5, 't' || (i % 4) FROM n;
         INSERT INTO users SELECT DISTINCT user, 'user ' || user FROM orders WHERE user <> 3;",
    )
    .expect("the schema is valid");
    db
}

fn select(db: &Connection, sql: &str, params: impl Params) -> Vec<Vec<Value>> {
    let mut statement = db.prepare(sql).expect("the test's own SQL is valid");
    let width = statement.column_count();
    statement
        .query_map(params, |row| (0..width).map(|at| row.get(at)).collect())
        .and_then(Iterator::collect)
        .expect("SQLite answers")
}

/// Walks a query both ways, in several chunk sizes, bounded and live; its rows are SQL's own.
fn check<K: Key + Debug>(sql: &str, params: impl Params + Clone, key: &[&str], order_by: &str) {
    check_analyzed::<K>(None, sql, params, key, order_by);
}

/// The same with statistics, and with these for all indexes, if any.
fn check_analyzed<K: Key + Debug>(
    stat: Option<&str>,
    sql: &str,
    params: impl Params + Clone,
    key: &[&str],
    order_by: &str,
) {
    let db = open();
    if let Some(stat) = stat {
        let lie = match stat {
            "" => String::new(),
            stat => format!(
                "UPDATE sqlite_stat1 SET stat = '{stat}'; DROP TABLE IF EXISTS sqlite_stat4;
                 ANALYZE sqlite_schema"
            ),
        };
        db.execute_batch(&format!("ANALYZE; {lie}"))
            .expect("statistics are a table");
    }
    let plain = sql.trim_end_matches([';', ' ', '\n']);
    let mut expected = select(
        &db,
        &format!("SELECT * FROM ({plain}\n) ORDER BY {order_by}"),
        params.clone(),
    );
    assert!(expected.len() > 3, "there is something to walk: {sql}");
    let query = Query::new(&db, sql, params).expect("it is a SELECT");
    let mut query = query
        .key::<K>(key.iter().copied())
        .expect("it has the columns");
    for order in [Order::Ascending, Order::Descending] {
        for size in [1, 2, 7, 512, usize::MAX] {
            for live in [false, true] {
                let walk = Walk::new(&mut query).chunk_size(size).order(order);
                let walk = if live { walk.live() } else { walk };
                let rows: Vec<Vec<Value>> = walk
                    .into_iter()
                    .map(|item| item.expect("the walk goes on").1.into_values())
                    .collect();
                assert_eq!(rows, expected, "{sql}: chunks of {size}, {order:?}");
            }
        }
        expected.reverse();
    }
}

#[test]
fn joins_views_and_computed_columns_give_the_rows_that_sql_gives() {
    let join = "SELECT o.id, o.sum * 2, u.name FROM orders o JOIN users u ON u.id = o.user";
    check::<i64>(join, [], &["id"], "id");
    check::<Reverse<i64>>(join, [], &["id"], "id DESC");
    let left = "SELECT o.id AS \"order\", u.name FROM orders o LEFT JOIN users u ON u.id = o.user";
    check::<i64>(left, [], &["order"], "1");
    check::<i64>("SELECT * FROM large", [], &["id"], "id");
    check::<i64>(
        "SELECT *, twice / 2 AS half FROM large -- the large ones",
        [],
        &["ID"],
        "id",
    );
    let scalar = "SELECT id, (SELECT name FROM users u WHERE u.id = o.user) AS name FROM orders o";
    check::<i64>(scalar, [], &["id"], "id");
    check::<i64>(
        "WITH o AS (SELECT * FROM orders) SELECT id FROM o WHERE sum > 5",
        [],
        &["id"],
        "id",
    );
    check::<i64>(
        "SELECT id FROM orders WHERE +user IN (SELECT id FROM users)",
        [],
        &["id"],
        "id",
    );
}

#[test]
fn composite_keys_in_any_directions_give_the_rows_that_sql_gives() {
    let all = "SELECT * FROM orders";
    check::<(i64, i64)>(all, [], &["user", "id"], "user, id");
    check::<AnyKey>(all, [], &["user", "id"], "user, id");
    check::<(Reverse<i64>, Reverse<i64>)>(all, [], &["user", "id"], "user DESC, id DESC");
    check::<(String, i64)>(all, [], &["tag", "id"], "tag, id");
    let sums = "SELECT user, CAST(sum * 2 AS INT) AS s, id FROM orders";
    check::<(i64, i64)>(sums, [], &["user", "id"], "user, id");
}

#[test]
fn parameters_of_every_kind_have_their_values() {
    let of = |condition: &str| format!("SELECT id, sum FROM orders WHERE {condition}");
    check::<i64>(&of("sum > ? AND sum < ?"), [5, 50], &["id"], "id");
    check::<i64>(&of("sum > ?2 AND sum < ?1"), [50, 5], &["id"], "id");
    check::<i64>(&of("sum > ?7"), params![0, 0, 0, 0, 0, 0, 9], &["id"], "id");
    check::<i64>(
        &of("sum > :a AND sum < @b"),
        &[("@b", &50), (":a", &5)][..],
        &["id"],
        "id",
    );
    check::<i64>(
        &of("tag = ? OR sum > 20 AND tag <> '?'"),
        ["t1"],
        &["id"],
        "id",
    );
    check::<i64>(
        &of("tag <> ? OR sum > 20 AND tag IS ?1"),
        ["t1"],
        &["id"],
        "id",
    );
    let both = "SELECT id, user, ?1 AS told FROM orders WHERE tag <> ?1 AND id + 0 > ?2";
    check::<(i64, i64)>(both, params!["t1", 3], &["user", "id"], "user, id");
}

#[test]
fn the_column_of_another_collation_can_not_be_searched_by_its_bytes() {
    let db = open();
    db.execute_batch("CREATE TABLE n (k TEXT NOT NULL COLLATE NOCASE PRIMARY KEY); INSERT INTO n VALUES ('a'), ('B')").unwrap();
    let query = Query::new(&db, "SELECT k FROM n", [])
        .unwrap()
        .key::<String>(["k"])
        .unwrap();
    let error = Walk::new(query).into_iter().next().unwrap().unwrap_err();
    assert!(
        matches!(error, keywalk::Error::Source(error) if error.kind() == ErrorKind::NotSeekable)
    );
}

/// On the way down there is a search for `id IS NULL`, though it is the rowid: with a condition on
/// `sum` SQLite would do that one by the other index of `user`, and sort it.
#[test]
fn a_search_for_null_by_another_index_is_written_otherwise() {
    let all = "SELECT id, user FROM orders WHERE sum > 3";
    check::<(i64, i64)>(all, [], &["user", "id"], "user, id");
}

/// By the statistics SQLite would begin with the other table, sort, make a Bloom filter, or scan.
#[test]
fn joins_answer_the_same_whatever_the_statistics_say() {
    for sql in [
        "SELECT orders.id, name FROM orders JOIN users ON users.id = user WHERE name <> 'user 2'",
        "SELECT * FROM (SELECT orders.id AS id, user FROM orders), (SELECT id AS u FROM users) WHERE u = user",
        "SELECT o.id, n.id AS other FROM users n, orders o LEFT JOIN large l ON l.id = o.id \
         WHERE n.id = o.user AND l.id IS NULL",
        "SELECT id FROM orders WHERE tag IN ('t1', 't2') AND user BETWEEN 1 AND 5",
        "SELECT o.id FROM orders o JOIN users n ON n.id = o.user WHERE n.id = 5",
    ] {
        for stat in [
            "",
            "1 1 1",
            "2 2 1",
            "5 1 1",
            "9000 9000 9000",
            "9000000 2 1",
        ] {
            check_analyzed::<i64>(Some(stat), sql, [], &["id"], "id");
        }
    }
    let nested =
        "SELECT u.id AS user, o.id FROM orders o JOIN users u ON u.id = o.user WHERE u.name > 'u'";
    let flat = "SELECT o.user, o.id FROM orders o JOIN users u ON u.id = o.user WHERE u.name > 'u'";
    for stat in ["", "9000 90 1", "9000000 2 1"] {
        check_analyzed::<(i64, i64)>(Some(stat), nested, [], &["user", "id"], "user, id");
        check_analyzed::<(i64, i64)>(Some(stat), flat, [], &["user", "id"], "user, id");
    }
    check_analyzed::<(String, i64)>(
        Some(""),
        "SELECT name, id FROM users",
        [],
        &["name", "id"],
        "name",
    );
}

#[test]
fn a_query_of_all_columns_outlives_a_new_column() {
    let db = open();
    let query = Query::new(&db, "SELECT * FROM users", [])
        .unwrap()
        .key::<i64>(["id"])
        .unwrap();
    let mut chunks = Walk::new(query).chunk_size(1).chunks();
    let mut keys = Vec::new();
    for _ in 0..2 {
        keys.extend(
            chunks
                .next()
                .unwrap()
                .into_iter()
                .flatten()
                .map(|item| item.0),
        );
    }
    db.execute_batch("ALTER TABLE users ADD COLUMN rank INT NOT NULL DEFAULT 100")
        .unwrap();
    let after = loop {
        match chunks.next() {
            Ok(Some(items)) => keys.extend(items.iter().map(|item| item.0)),
            Ok(None) => break "the end",
            Err(_) => break "an error",
        }
    };
    assert!(
        after == "an error" || keys == [0, 1, 2, 4, 5, 6],
        "{keys:?}, then {after}"
    );
}
