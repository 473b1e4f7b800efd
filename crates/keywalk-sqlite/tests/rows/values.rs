//! A stored value that isn't of the key's type is an error with its table, column and value: never
//! a skipped row.

use std::cmp::Reverse;
use std::error::Error as StdError;

use keywalk::{Order, Walk};
use keywalk_sqlite::{Decode, ErrorKind, Key, Query, Table};
use rusqlite::Connection;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use crate::db::open;
use crate::walked::rows_and_error;

/// Walks `table` in each way. `before` are the rows before the bad one, and those after it.
fn check<K: Key, D: Decode>(
    mut table: Table<&Connection, K, D>,
    column: &str,
    value: &str,
    (before, after): (usize, usize),
) {
    for (order, good) in [(Order::Ascending, before), (Order::Descending, after)] {
        for live in [false, true] {
            let walk = Walk::new(&mut table).order(order);
            let (rows, error) = rows_and_error(if live { walk.live() } else { walk });
            let error = error.unwrap_or_else(|| panic!("{rows} rows came, {order:?}, and the end"));
            assert_eq!(error.kind(), ErrorKind::Value);
            let message = error.to_string();
            let holds = format!("key column \"{column}\" of table \"t\" holds {value}, which ");
            assert!(message.starts_with(&holds), "{message}");
            let cure = if value == "NULL" {
                "IS NOT NULL"
            } else {
                "change the row, or the key's type"
            };
            assert!(message.ends_with(cure), "{message}");
            assert!(
                error.source().is_some() || value == "NULL",
                "rusqlite says why"
            );
            // A bounded walk reads its last key first, and meets the bad row there.
            let at_the_end = !live && (before + after == good);
            assert!(
                rows == good || (at_the_end && rows == 0),
                "{rows} rows, {order:?}"
            );
        }
    }
}

fn bad_i64(value: &str) -> Connection {
    open(&format!(
        "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, v); INSERT INTO t VALUES (1, 1), (2, 2), ({value}, 0)"
    ))
}

#[test]
fn text_blobs_and_reals_in_an_integer_key_are_errors() {
    for (value, shown, place) in [
        ("'abc'", "the text 'abc'", (2, 0)),
        ("''", "the text ''", (2, 0)),
        ("x'00ff'", "the blob x'00ff'", (2, 0)),
        ("1.5", "1.5", (1, 1)),
        ("-0.5", "-0.5", (0, 2)),
        ("9e999", "inf", (2, 0)),
    ] {
        let db = bad_i64(value);
        check(
            Table::new(&db, "t").key::<i64>(["id"]).unwrap(),
            "id",
            shown,
            place,
        );
        let (before, after) = place;
        let table = Table::new(&db, "t").key::<Reverse<i64>>(["id"]).unwrap();
        check(table, "id", shown, (after, before));
    }
}

#[test]
fn integers_out_of_the_types_range_are_errors() {
    let db = bad_i64("128");
    check(
        Table::new(&db, "t").key::<i8>(["id"]).unwrap(),
        "id",
        "128",
        (2, 0),
    );
    let db = bad_i64("-1");
    check(
        Table::new(&db, "t").key::<u8>(["id"]).unwrap(),
        "id",
        "-1",
        (0, 2),
    );
    check(
        Table::new(&db, "t").key::<u32>(["id"]).unwrap(),
        "id",
        "-1",
        (0, 2),
    );
    let db = bad_i64("4294967296");
    check(
        Table::new(&db, "t").key::<u32>(["id"]).unwrap(),
        "id",
        "4294967296",
        (2, 0),
    );
    check(
        Table::new(&db, "t").key::<i32>(["id"]).unwrap(),
        "id",
        "4294967296",
        (2, 0),
    );
    let db = bad_i64("65536");
    check(
        Table::new(&db, "t").key::<u16>(["id"]).unwrap(),
        "id",
        "65536",
        (2, 0),
    );
    check(
        Table::new(&db, "t").key::<i16>(["id"]).unwrap(),
        "id",
        "65536",
        (2, 0),
    );
}

#[test]
fn bad_values_in_any_column_of_a_composite_key_are_errors() {
    for (key, last_first) in [("a, b", false), ("a, b DESC", true)] {
        let db = open(&format!(
            "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, PRIMARY KEY ({key}));
             INSERT INTO t VALUES (1, 1), (2, 1), (2, 'x'), (3, 1)"
        ));
        if last_first {
            type Mixed = (i64, Reverse<i64>);
            let table = Table::new(&db, "t").key::<Mixed>(["a", "b"]).unwrap();
            check(table, "b", "the text 'x'", (1, 2));
        } else {
            let table = Table::new(&db, "t").key::<(i64, i64)>(["a", "b"]).unwrap();
            check(table, "b", "the text 'x'", (2, 1));
        }
    }
}

#[test]
fn text_that_is_not_utf8_is_an_error() {
    let db = open(
        "CREATE TABLE t (k TEXT NOT NULL PRIMARY KEY);
         INSERT INTO t VALUES ('a'), (CAST(x'61ff62' AS TEXT)), ('b')",
    );
    let shown = "the text 'a\u{FFFD}b'";
    check(
        Table::new(&db, "t").key::<String>(["k"]).unwrap(),
        "k",
        shown,
        (1, 1),
    );
    check(Table::new(&db, "t"), "k", shown, (1, 1));
}

#[test]
fn uuids_in_another_form_are_errors() {
    let db = open(
        "CREATE TABLE t (b BLOB NOT NULL UNIQUE, h TEXT NOT NULL UNIQUE);
         INSERT INTO t VALUES (zeroblob(16), '00000000-0000-0000-0000-000000000000'),
             (x'010101010101010101010101010101', '67E55044-10B1-426F-9247-BB680E5FE0C8')",
    );
    let shown = "the blob x'010101010101010101010101010101'";
    check(
        Table::new(&db, "t").key::<Uuid>(["b"]).unwrap(),
        "b",
        shown,
        (1, 0),
    );
    let shown = "the text '67E55044-10B1-426F-9247-BB680E5FE0C8'";
    check(
        Table::new(&db, "t").key::<Hyphenated>(["h"]).unwrap(),
        "h",
        shown,
        (1, 0),
    );
    db.execute(
        "UPDATE t SET h = '67e5504410b1426f9247bb680e5fe0c8' WHERE rowid = 2",
        [],
    )
    .unwrap();
    let shown = "the text '67e5504410b1426f9247bb680e5fe0c8'";
    check(
        Table::new(&db, "t").key::<Hyphenated>(["h"]).unwrap(),
        "h",
        shown,
        (1, 0),
    );
}

#[test]
fn a_null_that_a_primary_key_let_in_is_an_error() {
    for (direction, place) in [("", (0, 2)), ("DESC", (0, 2))] {
        let db = open(&format!(
            "CREATE TABLE t (k TEXT PRIMARY KEY {direction}); INSERT INTO t VALUES ('a'), (NULL), ('b'), (NULL)"
        ));
        check(
            Table::new(&db, "t").key::<String>(["k"]).unwrap(),
            "k",
            "NULL",
            place,
        );
        type Down = Reverse<String>;
        check(
            Table::new(&db, "t").key::<Down>(["k"]).unwrap(),
            "k",
            "NULL",
            (2, 0),
        );
        // Its own direction: with DESC the NULLs come last.
        let own = if direction.is_empty() { (0, 2) } else { (2, 0) };
        check(Table::new(&db, "t"), "k", "NULL", own);
    }
}

#[test]
fn values_in_messages_are_cut_where_long_and_escaped_where_a_terminal_would_act() {
    let db = bad_i64(&format!("'{}\u{1}'", "é".repeat(10_000)));
    let shown = format!("the text '{}'... (20001 bytes)", "é".repeat(40));
    check(
        Table::new(&db, "t").key::<i64>(["id"]).unwrap(),
        "id",
        &shown,
        (2, 0),
    );
    let db = bad_i64("zeroblob(1000000)");
    let shown = format!("the blob x'{}'... (1000000 bytes)", "00".repeat(16));
    check(
        Table::new(&db, "t").key::<i64>(["id"]).unwrap(),
        "id",
        &shown,
        (2, 0),
    );
    let db = bad_i64("'line' || char(10) || 'it''s' || char(27, 155, 0x202e) || '\"\\'");
    check(
        Table::new(&db, "t").key::<i64>(["id"]).unwrap(),
        "id",
        r#"the text 'line\nit''s\u{1b}\u{9b}\u{202e}"\'"#,
        (2, 0),
    );
}

#[test]
fn a_null_in_the_key_of_a_query_is_an_error_both_ways() {
    let db = open(
        "CREATE TABLE t (a INT, b INT); CREATE INDEX i ON t (a, b);
         INSERT INTO t VALUES (1, 1), (1, 2), (2, NULL), (2, 1), (3, 1)",
    );
    for (sql, rows) in [("", [2, 2]), ("WHERE b IS NOT NULL", [4, 4])] {
        for (order, rows) in [Order::Ascending, Order::Descending].into_iter().zip(rows) {
            for live in [false, true] {
                let sql = format!("SELECT * FROM t {sql}");
                let query = Query::new(&db, sql, [])
                    .unwrap()
                    .key::<(i64, i64)>(["a", "b"])
                    .unwrap();
                let walk = Walk::new(query).order(order);
                let (found, error) = rows_and_error(if live { walk.live() } else { walk });
                // A query looks one row ahead, so the row before the bad one doesn't come either.
                if rows == 4 {
                    assert_eq!((found, error.is_none()), (4, true), "{order:?}");
                    continue;
                }
                let error = error.expect("there is a NULL");
                assert!(found < rows, "{found} rows, {order:?}");
                assert_eq!(error.kind(), ErrorKind::Value);
                assert!(
                    error.to_string().contains("\"b\" of the query holds NULL"),
                    "{error}"
                );
            }
        }
    }
    db.execute("UPDATE t SET a = NULL, b = 7 WHERE b IS NULL", [])
        .unwrap();
    for order in [Order::Ascending, Order::Descending] {
        let query = Query::new(&db, "SELECT * FROM t", [])
            .unwrap()
            .key::<(i64, i64)>(["a", "b"])
            .unwrap();
        let (_, error) = rows_and_error(Walk::new(query).order(order).live());
        assert!(
            error
                .unwrap()
                .to_string()
                .contains("\"a\" of the query holds NULL"),
            "{order:?}"
        );
    }
}
