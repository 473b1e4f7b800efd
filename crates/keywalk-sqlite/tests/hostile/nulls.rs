//! NULL in a key: refused by the schema, or an error of the row that holds it.

use keywalk::{Order, Walk};
use keywalk_sqlite::{AnyKey, ErrorKind, Query, Table};
use rusqlite::Connection;

use crate::walked::{ORDERS, assert_says, keys, open, outcome, walked};

type Triple = (i64, i64, i64);

const COLUMNS: [&str; 3] = ["a", "b", "c"];

/// Seven rows under this key, of which the fifth holds NULL in the column at `place`.
fn seven(key: &str, place: usize) -> Connection {
    let db = open(&format!("CREATE TABLE t (a INT, b INT, c INT, {key})"));
    let mut fifth = ["2", "1", "1"];
    fifth[place] = "NULL";
    db.execute_batch(&format!(
        "INSERT INTO t VALUES (1, 1, 1), (1, 1, 2), (1, 2, 1), (2, 1, 0), ({}), (2, 2, 2), (3, 1, 1)",
        fifth.join(", ")
    ))
    .expect("the rows fit");
    db
}

#[test]
fn a_composite_key_that_may_hold_null_is_refused_whatever_it_holds() {
    for key in ["PRIMARY KEY (a, b, c)", "UNIQUE (a, b, c)"] {
        for place in 0..3 {
            let db = seven(key, place);
            let typed = Table::new(&db, "t").key::<Triple>(COLUMNS);
            assert_says(
                typed,
                &[ErrorKind::Nullable],
                &["\"a\"", "\"t\"", "NOT NULL"],
            );
            let any = Table::new(&db, "t").key::<AnyKey>(COLUMNS);
            assert_says(any, &[ErrorKind::Nullable], &["\"a\""]);
        }
    }
    // NOT NULL on some columns leaves the others.
    let db = open("CREATE TABLE t (a INT NOT NULL, b INT, c INT NOT NULL, PRIMARY KEY (a, b, c))");
    let table = Table::new(&db, "t").key::<Triple>(COLUMNS);
    assert_says(table, &[ErrorKind::Nullable], &["\"b\""]);
    let rest = Table::new(&db, "t").within("a", 1).unwrap();
    let rest = outcome(Walk::new(rest));
    assert_says(rest, &[ErrorKind::Nullable], &["\"b\""]);
}

/// There a primary key is NOT NULL, declared so or not.
#[test]
fn a_composite_key_without_rowid_holds_no_null_and_is_walked() {
    let db = open("CREATE TABLE t (a INT, b INT, c INT, PRIMARY KEY (a, b, c)) WITHOUT ROWID");
    for nulls in ["(NULL, 1, 1)", "(1, NULL, 1)", "(1, 1, NULL)"] {
        assert!(
            db.execute(&format!("INSERT INTO t VALUES {nulls}"), [])
                .is_err()
        );
    }
    db.execute_batch("INSERT INTO t VALUES (1, 1, 1), (1, 1, 2), (2, 0, 0)")
        .unwrap();
    let table = Table::new(&db, "t").key::<Triple>(COLUMNS).unwrap();
    assert_eq!(keys(Walk::new(table)), [(1, 1, 1), (1, 1, 2), (2, 0, 0)]);
}

#[test]
fn a_null_in_any_place_of_a_querys_key_is_an_error_of_its_row() {
    for (place, name) in COLUMNS.into_iter().enumerate() {
        for order in ORDERS {
            for size in 1..=7 {
                let db = seven("UNIQUE (a, b, c)", place);
                let query = || {
                    let query = Query::new(&db, "SELECT a, b, c FROM t", []).unwrap();
                    query.key::<Triple>(COLUMNS).unwrap()
                };
                let walk = || Walk::new(query()).chunk_size(size).order(order);
                let found = walked(walk().live());
                let error = found.error.expect("the NULL is met").to_string();
                let holds = format!("key column \"{name}\" of the query holds NULL");
                assert!(error.starts_with(&holds), "{error}");

                db.execute_batch("DELETE FROM t WHERE a + b + c IS NULL")
                    .unwrap();
                let mut all = keys(walk());
                assert_eq!(all.len(), 6);
                let rest = keys(walk().live().resume(found.cursor));
                assert_eq!(
                    [found.keys, rest].concat(),
                    all,
                    "{order:?}, chunks of {size}"
                );
                all.sort_unstable_by(|a, b| match order {
                    Order::Ascending => a.cmp(b),
                    Order::Descending => b.cmp(a),
                });
                assert_eq!(keys(walk()), all);
            }
        }
    }
}

#[test]
fn a_nan_is_stored_as_null_and_is_an_error() {
    let db = open("CREATE TABLE t (k REAL PRIMARY KEY); INSERT INTO t VALUES (1), (-1)");
    db.execute("INSERT INTO t VALUES (?1)", [f64::NAN]).unwrap();
    for order in ORDERS {
        let walk = Walk::new(Table::new(&db, "t"))
            .chunk_size(1)
            .order(order)
            .live();
        let found = walked(walk);
        assert_eq!(
            found.keys.len(),
            if order == Order::Ascending { 0 } else { 2 }
        );
        let error = found.error.expect("the NULL is met");
        assert_says::<()>(Err(error), &[ErrorKind::Value], &["\"k\"", "holds NULL"]);
    }
    let refused = Table::new(&db, "t").any_key([f64::NAN]);
    assert_says(refused, &[ErrorKind::Value], &["isn't NULL"]);
}
