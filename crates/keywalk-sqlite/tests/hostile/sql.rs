//! Conditions and queries of every kind: what SQL says that they are, or refused.

use keywalk::Walk;
use keywalk_sqlite::{Error, ErrorKind, Query, Table};
use rusqlite::{Connection, params};

use crate::walked::{ORDERS, assert_says, integers, keys, open, outcome};

fn five() -> Connection {
    open(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT); CREATE TABLE u (id INTEGER PRIMARY KEY);
         INSERT INTO t VALUES (1, 10), (2, 20), (3, 30), (4, 40), (5, NULL); INSERT INTO u VALUES (2), (4)",
    )
}

/// In one place of a SELECT it is allowed, in the other it isn't; a filter may come to stand in either.
#[test]
fn an_aggregate_or_window_function_is_no_filter() {
    let db = five();
    for condition in [
        "count(*) > 0",
        "max(v) = v",
        "(SELECT sum(t.v)) > 0",
        "(SELECT max(v) FROM u) > 0 OR (SELECT group_concat(t.id)) <> ''",
        "row_number() OVER () > 1",
        "sum(v) OVER (ORDER BY id) > 10",
        "id > 0 AND total(v) > 1",
    ] {
        let refused = Table::new(&db, "t").filter(condition, []);
        assert_says(refused, &[ErrorKind::Filter], &["\"t\"", "misuse of"]);
    }
    // Of a subquery's own rows they are values.
    for condition in [
        "v > (SELECT avg(v) FROM t)",
        "id IN (SELECT max(id) FROM u)",
        "id IN (SELECT row_number() OVER (ORDER BY id) FROM u)",
        "(SELECT count(*) FROM u WHERE u.id <= t.id) = 1",
    ] {
        let expected = integers(
            &db,
            &format!("SELECT id FROM t WHERE {condition} ORDER BY id"),
        );
        let table = || Table::new(&db, "t").filter(condition, []).unwrap();
        for size in 1..=7 {
            let table = table().key::<i64>(["id"]).unwrap();
            assert_eq!(
                keys(Walk::new(table).chunk_size(size)),
                expected,
                "{condition}"
            );
        }
    }
}

#[test]
fn a_filter_with_or_and_parameters_of_all_kinds_keeps_to_itself() {
    let db = five();
    let filtered = |filter: Result<Table<&Connection>, Error>| {
        let table = filter.unwrap().key::<i64>(["id"]).unwrap();
        keys(Walk::new(table).range(2..5).chunk_size(1).descending())
    };
    let t = || Table::new(&db, "t");
    assert_eq!(
        filtered(t().filter("id = 1 OR v = ? OR id = ?", [20, 4])),
        [4, 2]
    );
    let named = &[(":a", &20), ("@b", &4), ("$c", &5)];
    assert_eq!(
        filtered(t().filter("v = :a OR id = @b OR id = $c", named)),
        [4, 2]
    );
    let mixed = params![40, 3, "unused", 20];
    assert_eq!(
        filtered(t().filter("v = ?4 OR id = ?2 -- ?9\n", mixed)),
        [3, 2]
    );
    assert_eq!(
        filtered(t().filter("v IS ?1 OR v = '?1'", [None::<i64>])),
        [0_i64; 0]
    );
    let blob = params![x_blob(), f64::INFINITY, "40"];
    assert_eq!(
        filtered(t().filter("v > ?1 OR v < ?2 AND v >= CAST(?3 AS INT)", blob)),
        [4]
    );
}

fn x_blob() -> Vec<u8> {
    vec![0xff]
}

fn by_id<'db>(db: &'db Connection, sql: &str) -> Result<Query<&'db Connection, i64>, Error> {
    Query::new(db, sql, [])?.key(["id"])
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
        " -- ORDER BY id LIMIT 1",
    ] {
        let query = by_id(&db, &format!("SELECT id FROM t WHERE v > 10{end}")).unwrap();
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
        assert_says(
            Query::new(&db, sql, []),
            &[ErrorKind::Query],
            &["the query"],
        );
    }
    assert_eq!(db.total_changes(), before);
    assert!(db.is_autocommit());
    let version: i64 = db
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    assert_eq!(version, 0);
}

/// A limit within is a part of what the query means, and SQLite can't search past it.
#[test]
fn a_query_whose_rows_are_limited_grouped_or_joined_up_within_is_refused_at_the_first_fetch() {
    let db = five();
    for sql in [
        "WITH c AS (SELECT id FROM t LIMIT 2) SELECT id FROM c",
        "SELECT id FROM (SELECT id FROM t ORDER BY v LIMIT 2)",
        "SELECT id FROM t UNION SELECT id FROM u",
        "SELECT id FROM t UNION ALL SELECT id FROM u",
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
        let query = by_id(&db, sql).unwrap();
        let words = ["the query can't be searched by its key", "the plan is"];
        assert_says(outcome(Walk::new(query)), &[ErrorKind::NotSeekable], &words);
    }
}

/// Wherever a query is walked at all, its rows are SQL's own.
#[test]
fn a_query_with_conditions_in_any_place_gives_what_sql_gives_or_is_refused() {
    let db = five();
    let mut walked = 0;
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
        for order in ORDERS {
            for size in 1..=4 {
                let walk =
                    by_id(&db, sql).map(|query| Walk::new(query).chunk_size(size).order(order));
                let kinds = [ErrorKind::NotSeekable, ErrorKind::Query];
                match walk.and_then(outcome) {
                    Ok(mut found) => {
                        if order == keywalk::Order::Descending {
                            found.reverse();
                        }
                        let sql = format!("SELECT id FROM ({sql}\n) ORDER BY 1");
                        assert_eq!(found, integers(&db, &sql), "{sql}, {order:?}");
                        walked += 1;
                    }
                    Err(error) => drop(assert_says::<()>(Err(error), &kinds, &["the query"])),
                }
            }
        }
    }
    assert!(walked > 80, "{walked} walks of 144 weren't refused");
}

/// To SQLite DATETIME is a type of numbers: `'2024'` is the number, which no text comes before.
#[test]
fn a_text_that_looks_like_a_number_is_no_bound_of_a_querys_numeric_column() {
    let db = open(
        "CREATE TABLE t (at DATETIME NOT NULL UNIQUE, k TEXT NOT NULL UNIQUE);
         CREATE VIEW w AS SELECT k AS text, at AS since FROM t;
         INSERT INTO t VALUES ('2023-05-01', '5'), ('2024-01-01', '10'), ('2025-01-01', '7')",
    );
    for (sql, column) in [("SELECT * FROM t", "at"), ("SELECT * FROM w", "since")] {
        let query = || {
            let query = Query::new(&db, sql, []).unwrap();
            query.key::<String>([column]).unwrap()
        };
        for order in ORDERS {
            let until = |bound: &str| Walk::new(query()).range(..bound.to_owned()).order(order);
            let words = [column, "the query", "2024"];
            assert_says(outcome(until("2024")), &[ErrorKind::Value], &words);
            assert_eq!(keys(until("2024-")), ["2023-05-01"]);
            assert_eq!(keys(Walk::new(query()).chunk_size(1).order(order)).len(), 3);
        }
    }
    // Text is text, whatever it looks like.
    for (sql, column) in [("SELECT * FROM t", "k"), ("SELECT * FROM w", "text")] {
        let query = Query::new(&db, sql, []).unwrap();
        let walk = Walk::new(query.key::<String>([column]).unwrap());
        assert_eq!(keys(walk.range("5".to_owned()..).chunk_size(1)), ["5", "7"]);
    }
}
