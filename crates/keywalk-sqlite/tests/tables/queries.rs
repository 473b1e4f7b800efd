//! Queries: what a SELECT answers, walked by a key that is unique in it; or refused.

use std::cmp::Reverse;

use keywalk::Walk;
use keywalk_sqlite::{DynKey, Error, ErrorKind, Query};
use rusqlite::{Connection, Params, params};

use crate::check::{Boxed, Values, check};
use crate::db::{ORDERS, assert_says, by, integers, keys, open, outcome, query, walked};

fn orders() -> Connection {
    open(
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, user INT NOT NULL, sum REAL NOT NULL, tag TEXT);
         CREATE INDEX by_user ON orders (user, id); CREATE INDEX by_tag ON orders (tag);
         CREATE UNIQUE INDEX by_sum ON orders (user, sum DESC);
         CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
         CREATE VIEW large AS SELECT id, user, sum * 2 AS twice FROM orders WHERE sum > 20;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)
             INSERT INTO orders SELECT i, i % 7, i * 17 % 60 + 0.5, 't' || (i % 4) FROM n;
         INSERT INTO users SELECT DISTINCT user, 'user ' || user FROM orders WHERE user <> 3;
         CREATE TABLE sales_01 (id INTEGER PRIMARY KEY, day INT NOT NULL, n INT NOT NULL, sum INT,
                                UNIQUE (day, n));
         CREATE TABLE sales_02 (day INT NOT NULL, n INT NOT NULL, id INT NOT NULL UNIQUE, sum INT,
                                PRIMARY KEY (day, n)) WITHOUT ROWID;
         CREATE TABLE sales_03 (id INTEGER PRIMARY KEY, day INT NOT NULL, n INT NOT NULL, sum INT);
         CREATE INDEX by_day ON sales_03 (day, n);
         CREATE VIEW sales AS SELECT id, day, n, sum, '01' AS month FROM sales_01
             UNION ALL SELECT id, day, n, sum, '02' FROM sales_02
             UNION ALL SELECT id, day, n, sum, '03' FROM sales_03;
         INSERT INTO sales_01 SELECT id, id % 5, id, id FROM orders WHERE id % 3 = 0;
         INSERT INTO sales_02 SELECT id % 5, id, id, user FROM orders WHERE id % 3 = 1;
         INSERT INTO sales_03 SELECT id, id % 5, id, 7 FROM orders WHERE id % 3 = 2 AND id < 40;",
    )
}

/// The rows of the query in this order of its key are SQL's own.
fn gives<K: Values>(sql: &str, params: impl Params + Clone, key: &[&str], order: &str) {
    gives_analyzed::<K>(None, sql, params, key, order);
}

/// The same with statistics, and with these for all indexes, if any.
fn gives_analyzed<K: Values>(
    stat: Option<&str>,
    sql: &str,
    params: impl Params + Clone,
    key: &[&str],
    order: &str,
) {
    let db = orders();
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
    let source = query::<K>(&db, sql, params.clone(), key);
    let expected = format!("SELECT * FROM ({sql}\n) ORDER BY {order}");
    assert!(check(source, &db, &expected, params, key) > 3, "{sql}");
}

#[test]
fn joins_views_and_computed_columns_give_the_rows_that_sql_gives() {
    let join = "SELECT o.id, o.sum * 2, u.name FROM orders o JOIN users u ON u.id = o.user";
    gives::<Reverse<i64>>(join, [], &["id"], "id DESC");
    for (sql, key) in [
        (join, "id"),
        (
            "SELECT o.id AS \"order\", u.name FROM orders o LEFT JOIN users u ON u.id = o.user",
            "order",
        ),
        ("SELECT * FROM large", "id"),
        (
            "SELECT *, twice / 2 AS half FROM large -- the large ones",
            "ID",
        ),
        (
            "SELECT id, (SELECT name FROM users u WHERE u.id = o.user) AS name FROM orders o",
            "id",
        ),
        (
            "WITH o AS (SELECT * FROM orders) SELECT id FROM o WHERE sum > 5",
            "id",
        ),
        (
            "SELECT id FROM orders WHERE +user IN (SELECT id FROM users)",
            "id",
        ),
        ("SELECT id FROM orders WHERE id % 12 = 1", "id"),
    ] {
        gives::<i64>(sql, [], &[key], "1");
    }
}

#[test]
fn composite_keys_in_any_directions_give_the_rows_that_sql_gives() {
    for all in [
        "SELECT * FROM orders",
        "SELECT * FROM orders WHERE sum IN (7.5, 24.5, 31.5, 0.5, 1.5)",
    ] {
        gives::<(i64, i64)>(all, [], &["user", "id"], "user, id");
        gives::<DynKey>(all, [], &["user", "id"], "user, id");
        gives::<(Reverse<i64>, Reverse<i64>)>(all, [], &["user", "id"], "user DESC, id DESC");
        gives::<(String, i64)>(all, [], &["tag", "id"], "tag, id");
    }
    let sums = "SELECT user, CAST(sum * 2 AS INT) AS s, id FROM orders";
    gives::<(i64, i64)>(sums, [], &["user", "id"], "user, id");
    let name = "SELECT name AS n FROM users";
    gives::<String>(name, [], &["n"], "n");
    let db = open(
        "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, PRIMARY KEY (a DESC, b));
         INSERT INTO t VALUES (1, 1), (1, 3), (2, 2), (3, 1), (3, 2)",
    );
    let key = &["a", "b"];
    let source = query::<(i64, Reverse<i64>)>(&db, "SELECT * FROM t", [], key);
    check(source, &db, "SELECT * FROM t ORDER BY a, b DESC", [], key);
}

#[test]
fn parameters_of_every_kind_have_their_values() {
    let of = |condition: &str| format!("SELECT id, sum FROM orders WHERE {condition}");
    let id = &["id"];
    gives::<i64>(&of("sum > ? AND sum < ?"), [5, 50], id, "id");
    gives::<i64>(&of("sum > ?2 AND sum < ?1"), [50, 5], id, "id");
    gives::<i64>(&of("sum > ?7"), params![0, 0, 0, 0, 0, 0, 9], id, "id");
    let named = &[("@b", &50), (":a", &5)][..];
    gives::<i64>(&of("sum > :a AND sum < @b"), named, id, "id");
    gives::<i64>(&of("tag = ? OR sum > 20 AND tag <> '?'"), ["t1"], id, "id");
    gives::<i64>(&of("tag <> ? OR sum > 20 AND tag IS ?1"), ["t1"], id, "id");
    let both = "SELECT id, user, ?1 AS told FROM orders WHERE tag <> ?1 AND id + 0 > ?2";
    gives::<(i64, i64)>(both, params!["t1", 3], &["user", "id"], "user, id");
}

/// On the way down there is a search for `id IS NULL`, though it is the rowid: with a condition on
/// `sum` SQLite would do that one by the other index of `user`, and sort it.
#[test]
fn a_search_for_null_by_another_index_is_written_otherwise() {
    let all = "SELECT id, user FROM orders WHERE sum > 3";
    gives::<(i64, i64)>(all, [], &["user", "id"], "user, id");
}

/// By the statistics SQLite would begin with the other table, sort, make a Bloom filter, or scan.
#[test]
fn joins_answer_the_same_whatever_the_statistics_say() {
    for sql in [
        "SELECT orders.id, name FROM orders JOIN users ON users.id = user WHERE name <> 'user 2'",
        "SELECT * FROM (SELECT orders.id AS id, user FROM orders), (SELECT id AS u FROM users) \
         WHERE u = user",
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
            gives_analyzed::<i64>(Some(stat), sql, [], &["id"], "id");
        }
    }
    for user in ["u.id AS user", "o.user"] {
        let sql = format!(
            "SELECT {user}, o.id FROM orders o JOIN users u ON u.id = o.user WHERE u.name > 'u'"
        );
        for stat in ["", "9000 90 1", "9000000 2 1"] {
            gives_analyzed::<(i64, i64)>(Some(stat), &sql, [], &["user", "id"], "user, id");
        }
    }
    let names = "SELECT name, id FROM users";
    gives_analyzed::<(String, i64)>(Some(""), names, [], &["name", "id"], "name");
}

/// The months of a year, as one: SQLite merges the parts, of which it searches each, and none is read whole.
#[test]
fn a_union_all_of_tables_that_each_have_an_index_on_the_key_is_merged_in_its_order() {
    let months = ["sales_01", "sales_02", "sales_03"]
        .map(|month| format!("SELECT id, day, n, sum FROM {month}"));
    let [one, two, _] = &months;
    let joined = "SELECT s.id, u.name, day, n FROM sales_01 s JOIN users u ON u.id = s.sum % 7
         UNION ALL SELECT s.id, name, day, n FROM sales_02 s JOIN users u ON u.id = s.sum WHERE name > 'user'";
    for sql in [
        &months.join(" UNION ALL "),
        &format!("{one} UNION ALL {two}"),
        &format!(
            "{one} WHERE sum > 9 UNION ALL SELECT * FROM ({two} UNION ALL {})",
            months[2]
        ),
        "SELECT * FROM sales WHERE month <> '02' OR sum IN (1, 2)",
        joined,
    ] {
        for stat in [None, Some("2 2 1"), Some("9000000 2 1")] {
            gives_analyzed::<i64>(stat, sql, [], &["id"], "id");
            gives_analyzed::<Reverse<i64>>(stat, sql, [], &["id"], "id DESC");
            gives_analyzed::<DynKey>(stat, sql, [], &["day", "n"], "day, n");
        }
    }
    let given = format!("{one} WHERE sum > ?2 UNION ALL {two} WHERE sum <> ?1");
    gives::<i64>(&given, [3, 9], &["id"], "id");
    gives::<(Reverse<i64>, Reverse<i64>)>(&given, [3, 9], &["day", "n"], "day DESC, n DESC");
}

#[test]
fn a_key_that_repeats_is_an_error_within_a_chunk_and_at_its_edge() {
    // Users 0 to 6, of whom one comes twice.
    for (twice, before) in [(3, [3, 3]), (6, [6, 0])] {
        let db = orders();
        db.execute_batch(&format!(
            "DELETE FROM orders WHERE id > 7; INSERT INTO orders VALUES (100, {twice}, 99, 'again')"
        ))
        .unwrap();
        let cure = "walk it by a key that is unique in its result";
        let users = "SELECT user FROM orders";
        let in_parts = "SELECT user FROM orders WHERE sum < 99 UNION ALL SELECT user FROM orders WHERE sum = 99";
        for (size, users) in [1, 2, 3, 4, 5, 6, 7, 8, 512]
            .into_iter()
            .flat_map(|size| [(size, users), (size, in_parts)])
        {
            for (order, before) in ORDERS.into_iter().zip(before) {
                let users = query::<i64>(&db, users, [], &["user"]);
                let found = walked(Walk::new(users).chunk_size(size).order(order));
                let error = found.error.expect("it repeats");
                assert_eq!(error.kind(), ErrorKind::RepeatedKey, "chunks of {size}");
                let said = format!("the query gave two rows with the key {twice}; {cure}");
                assert_eq!(error.to_string(), said);
                let whole_chunks = before / size * size;
                let name = format!("chunks of {size}, {order:?}");
                assert_eq!(found.keys.len(), whole_chunks, "{name}");
            }
        }
    }
}

#[test]
fn a_composite_key_repeats_only_as_a_whole() {
    let db = open(
        "CREATE TABLE pairs (a INT, b TEXT); CREATE INDEX ab ON pairs (a, b);
         INSERT INTO pairs VALUES (1, 'x'), (1, 'y'), (2, 'x'), (2, 'y')",
    );
    let walk = |size| {
        let pairs = query::<(i64, String)>(&db, "SELECT * FROM pairs", [], &["a", "b"]);
        outcome(Walk::new(pairs).chunk_size(size))
    };
    assert_eq!([walk(1).unwrap().len(), walk(3).unwrap().len()], [4, 4]);
    db.execute("INSERT INTO pairs VALUES (2, 'x')", []).unwrap();
    for size in 1..6 {
        let words = ["key 2, the text 'x'"];
        assert_says("pairs", walk(size), ErrorKind::RepeatedKey, &words);
    }
}

fn five() -> Connection {
    open(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT); CREATE TABLE u (id INTEGER PRIMARY KEY);
         INSERT INTO t VALUES (1, 10), (2, 20), (3, 30), (4, 40), (5, NULL); INSERT INTO u VALUES (2), (4)",
    )
}

#[test]
fn comments_and_semicolons_at_the_end_of_a_query_say_nothing() {
    let db = five();
    for end in [
        "",
        ";",
        " ; ; ",
        "-- done",
        "; -- done",
        "\n-- done\n",
        "/* done */",
        "; /* ; */ ;",
        " /* done",
        ";--",
        "-- ORDER BY id LIMIT 1",
    ] {
        let sql = format!("SELECT id FROM t WHERE v > 10{end}");
        let query = query::<i64>(&db, &sql, [], &["id"]);
        assert_eq!(keys(Walk::new(query).chunk_size(1)), [2, 3, 4], "{end}");
    }
}

#[test]
fn a_query_that_is_more_or_less_than_one_select_is_refused() {
    let db = five();
    let before = db.total_changes();
    for sql in [
        "SELECT id FROM t ORDER BY id",
        "SELECT id FROM t LIMIT 2",
        "SELECT id FROM t LIMIT 2 /*",
        "SELECT id FROM t LIMIT 2 --",
        "SELECT id FROM t LIMIT 0 OFFSET 1",
        "SELECT id FROM t UNION SELECT id FROM u ORDER BY 1",
        "SELECT id FROM t UNION ALL SELECT id FROM u LIMIT 1",
        "WITH c AS (SELECT id FROM t) SELECT id FROM c ORDER BY id",
        "VALUES (1), (2)",
        "PRAGMA table_info(t)",
        "PRAGMA user_version = 7",
        "PRAGMA journal_mode",
        "SELECT id FROM t; DELETE FROM t",
        "SELECT id FROM t; SELECT id FROM u",
        ";SELECT id FROM t",
        "SELECT id FROM t\0; DELETE FROM t",
        "SELECT id FROM t) AS x, (SELECT id FROM u",
        "SELECT id FROM t WHERE (id",
        "SELECT id FROM t WHERE v = 'a",
        "DELETE FROM t",
        "DELETE FROM t RETURNING id",
        "WITH c AS (SELECT 1) INSERT INTO u SELECT * FROM c RETURNING id",
        "REPLACE INTO t VALUES (1, 1)",
        "CREATE TABLE x AS SELECT id FROM t",
        "BEGIN",
        "ATTACH ':memory:' AS x",
        "EXPLAIN SELECT id FROM t",
        "EXPLAIN QUERY PLAN SELECT id FROM t",
        "-- nothing",
        "/* nothing",
        "id",
        "t",
        "(SELECT id FROM t)",
    ] {
        let refused = Query::new(&db, sql, []);
        assert_says(sql, refused, ErrorKind::Query, &["the query"]);
    }
    assert_eq!(db.total_changes(), before);
    assert!(db.is_autocommit());
    assert_eq!(integers(&db, "PRAGMA user_version"), [0]);
}

/// A limit within is a part of what the query means, and SQLite can't search past it.
#[test]
fn a_query_whose_rows_are_limited_grouped_or_joined_up_within_is_refused_at_the_first_fetch() {
    let db = five();
    for sql in [
        "WITH c AS (SELECT id FROM t LIMIT 2) SELECT id FROM c",
        "SELECT id FROM (SELECT id FROM t ORDER BY v LIMIT 2)",
        "SELECT id FROM t UNION SELECT id FROM u",
        "SELECT id FROM t EXCEPT SELECT id FROM u",
        "SELECT DISTINCT id FROM t",
        "SELECT id FROM t GROUP BY id",
        "SELECT max(id) AS id FROM t",
        "SELECT id, row_number() OVER () FROM t",
        "SELECT column1 AS id FROM (VALUES (1), (2))",
        "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id FROM n",
        "SELECT value AS id FROM json_each('[1, 2]')",
        "SELECT abs(id) AS id FROM t",
    ] {
        let rows = outcome(Walk::new(query::<i64>(&db, sql, [], &["id"])));
        let words = ["the query can't be searched by its key", "the plan is"];
        assert_says(sql, rows, ErrorKind::NotSeekable, &words);
    }
    // A string in double quotes can't be searched by, nor text by another collation.
    let db = open(
        "CREATE TABLE n (k TEXT NOT NULL COLLATE NOCASE PRIMARY KEY); INSERT INTO n VALUES ('a')",
    );
    for sql in ["SELECT \"nosuch\" AS k FROM n", "SELECT k FROM n"] {
        let rows = outcome(Walk::new(query::<String>(&db, sql, [], &["k"])));
        assert_says(sql, rows, ErrorKind::NotSeekable, &["the query"]);
    }
}

/// Wherever a query is walked at all, its rows are SQL's own.
#[test]
fn a_query_with_conditions_in_any_place_gives_what_sql_gives_or_is_refused() {
    let db = five();
    let mut count = 0;
    for sql in [
        "SELECT id FROM t WHERE v > 10 OR id = 1",
        "SELECT id FROM t WHERE v > 10 AND id <> 3 OR 0 -- the end",
        "SELECT t.id FROM t JOIN u USING (id)",
        "SELECT t.id FROM t NATURAL JOIN u",
        "SELECT t.id FROM t LEFT JOIN u ON u.id = t.id WHERE u.id IS NULL",
        "SELECT t.id FROM u RIGHT JOIN t ON u.id = t.id",
        "SELECT t.id FROM t FULL JOIN u ON u.id = t.id",
        "SELECT id FROM t WHERE id IN (SELECT id FROM u)",
        "SELECT id FROM t WHERE id NOT IN (SELECT id FROM u) AND v IS NOT NULL",
        "SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)",
        "SELECT id FROM t WHERE v = (SELECT max(v) FROM t)",
        "SELECT id FROM t WHERE (v, id) > (15, 0)",
        "SELECT id FROM t WHERE v IS NULL",
        "SELECT id FROM t WHERE NULL",
        "SELECT id FROM t WHERE id = 3",
        "SELECT id, id FROM t AS x WHERE 1",
        "WITH c AS NOT MATERIALIZED (SELECT * FROM t) SELECT id FROM c WHERE v < 40",
        "SELECT id FROM (SELECT id FROM (SELECT id FROM t WHERE v > 10) WHERE id < 9)",
    ] {
        let mut expected = integers(&db, &format!("SELECT id FROM ({sql}\n) ORDER BY 1"));
        for order in ORDERS {
            for size in 1..=4 {
                let query = Query::new(&db, sql, []).and_then(|query| query.key::<i64>(["id"]));
                let walk = query.map(|query| Walk::new(query).chunk_size(size).order(order));
                match walk.and_then(outcome) {
                    Ok(found) => assert_eq!(found, expected, "{sql}, {order:?}"),
                    Err(error) => {
                        let kinds = [ErrorKind::NotSeekable, ErrorKind::Query];
                        assert!(kinds.contains(&error.kind()), "{sql}: {error}");
                        assert!(error.to_string().contains("the query"), "{sql}: {error}");
                        continue;
                    }
                }
                count += 1;
            }
            expected.reverse();
        }
    }
    assert!(count > 80, "{count} walks of 144 weren't refused");
}

/// To SQLite DATETIME and STRING are types of numbers: `'2024'` is the number, which no text comes before.
#[test]
fn a_text_that_looks_like_a_number_is_no_bound_of_a_numeric_column() {
    let db = open(
        "CREATE TABLE t (at DATETIME NOT NULL UNIQUE, k TEXT NOT NULL UNIQUE, s STRING NOT NULL UNIQUE);
         CREATE VIEW w AS SELECT k AS text, at AS since FROM t;
         INSERT INTO t VALUES ('2023-05-01', '5', '#'), ('2024-01-01', '10', '-'), ('2025-01-01', '7', 'b')",
    );
    let at = |sql, column| -> Boxed<'_, String> {
        match sql {
            "" => Box::new(by(&db, &[column])),
            sql => Box::new(query(&db, sql, [], &[column])),
        }
    };
    let (t, w) = ("SELECT * FROM t", "SELECT * FROM w");
    for (sql, column, refused, taken, first) in [
        (t, "at", &["2024"][..], "2024-", "2023-05-01"),
        (w, "since", &["2024"], "2024-", "2023-05-01"),
        ("", "s", &["9", " 1.5e3 ", "-7"], "9x", "# -"),
        // Text is text, whatever it looks like.
        (t, "k", &[], "5", "10"),
        (w, "text", &[], "5", "10"),
    ] {
        for order in ORDERS {
            let until = |bound: &str| {
                let walk = Walk::new(at(sql, column)).range(..bound.to_owned());
                let mut keys = outcome(walk.order(order))?;
                keys.sort_unstable();
                Ok::<_, Error>(keys)
            };
            let name = format!("{column} of {sql}, {order:?}");
            for bound in refused {
                let words = [column, bound.trim()];
                assert_says(&name, until(bound), ErrorKind::Value, &words);
            }
            assert_eq!(until(taken).unwrap().join(" "), first, "{name}");
            assert_eq!(until("z").unwrap().len(), 3, "{name}");
        }
    }
}
