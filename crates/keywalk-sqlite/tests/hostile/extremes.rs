//! The values at the edges of what SQLite stores.

use std::error::Error as StdError;
use std::ops::{Bound, RangeBounds};

use keywalk::{Order, Walk};
use keywalk_sqlite::{AnyKey, Comparison, ErrorKind, Key, KeyColumn, Query, Table};
use rusqlite::types::{FromSqlResult, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, params};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use crate::walked::{ORDERS, assert_says, column, keys, open, outcome, walked};

const EDGES: [i64; 6] = [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX];

/// Every pair of bounds at these keys, in both orders.
fn check_ranges<K: Key + std::fmt::Debug>(
    all: &[K],
    sizes: impl IntoIterator<Item = usize> + Clone,
    table: impl Fn() -> Table<&'static Connection, K>,
) {
    let at = |key: &K| [Bound::Included(key.clone()), Bound::Excluded(key.clone())];
    let bounds: Vec<Bound<K>> = all.iter().flat_map(at).chain([Bound::Unbounded]).collect();
    for lower in &bounds {
        for upper in &bounds {
            let range = (lower.clone(), upper.clone());
            let within = all.iter().filter(|key| range.contains(*key));
            let mut expected: Vec<K> = within.cloned().collect();
            for order in ORDERS {
                for size in sizes.clone() {
                    let walk = Walk::new(table()).range(range.clone());
                    let found = keys(walk.order(order).chunk_size(size));
                    assert_eq!(found, expected, "{range:?}, {order:?}, chunks of {size}");
                }
                expected.reverse();
            }
        }
    }
}

fn leaked(sql: &str) -> &'static Connection {
    Box::leak(Box::new(open(sql)))
}

#[test]
fn the_smallest_and_largest_integers_are_keys_and_bounds_in_both_orders_and_all_chunks() {
    let db = leaked("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    for id in EDGES {
        db.execute("INSERT INTO t VALUES (?1)", [id]).unwrap();
    }
    check_ranges(&EDGES, 1..=7, || Table::new(db, "t").key(["id"]).unwrap());
}

/// What to do for keys above `i64::MAX`: a type of one's own that maps them onto SQLite's integers.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
struct Unsigned(u64);

impl KeyColumn for Unsigned {
    const COMPARISON: Comparison = Comparison::Value;

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(Unsigned(value.as_i64()?.cast_unsigned() ^ (1 << 63)))
    }

    fn bind(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Owned(Value::Integer((self.0 ^ (1 << 63)).cast_signed()))
    }
}

#[test]
fn u64_keys_are_walked_by_a_type_of_ones_own() {
    let db = leaked("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    let all = [0, 1, 1 << 63, u64::MAX - 1, u64::MAX].map(Unsigned);
    for key in &all {
        db.execute("INSERT INTO t VALUES (?1)", [KeyColumn::bind(key)])
            .unwrap();
    }
    check_ranges(&all, [1, 3], || Table::new(db, "t").key(["id"]).unwrap());
}

#[test]
fn uuids_as_text_and_as_blob_in_one_column_are_told_apart() {
    let db = open("CREATE TABLE t (k BLOB NOT NULL PRIMARY KEY)");
    for number in 1..=3_u128 {
        let uuid = Uuid::from_u128(number << 120);
        db.execute("INSERT INTO t VALUES (?1)", [uuid.as_bytes()])
            .unwrap();
        db.execute("INSERT INTO t VALUES (?1)", [uuid.to_string()])
            .unwrap();
    }
    // Text comes before blobs.
    let text = "holds the text '01000000-0000-0000-0000-000000000000'";
    let blobs = Table::new(&db, "t").key::<Uuid>(["k"]).unwrap();
    assert_says(
        outcome(Walk::new(blobs)),
        &[ErrorKind::Value],
        &["\"k\"", text],
    );
    let texts = || Table::new(&db, "t").key::<Hyphenated>(["k"]).unwrap();
    let found = walked(Walk::new(texts()).chunk_size(1).live());
    assert_eq!(found.keys.len(), 3);
    let blob = "holds the blob x'01000000000000000000000000000000'";
    let error = found.error.expect("the blob is met");
    assert_says::<()>(Err(error), &[ErrorKind::Value], &["\"k\"", blob]);
    assert_eq!(keys(Walk::new(Table::new(&db, "t")).chunk_size(1)).len(), 6);
}

#[test]
fn empty_keys_and_nuls_in_text_and_blobs_are_keys_like_any_other() {
    let texts = ["", "\0", "\0a", "a", "a\0", "a\0b", "\u{10ffff}"];
    let db = leaked("CREATE TABLE t (k TEXT NOT NULL PRIMARY KEY, b BLOB NOT NULL UNIQUE)");
    for text in texts {
        db.execute(
            "INSERT INTO t VALUES (?1, ?2)",
            params![text, text.as_bytes()],
        )
        .unwrap();
    }
    let all = texts.map(str::to_owned);
    check_ranges(&all, [1, 3], || Table::new(db, "t").key(["k"]).unwrap());
    let all = texts.map(|text| text.as_bytes().to_vec());
    check_ranges(&all, [1, 3], || Table::new(db, "t").key(["b"]).unwrap());
}

#[test]
fn text_that_is_not_utf8_is_an_error_wherever_it_stands_in_the_key() {
    let db = open(
        "CREATE TABLE t (a INT NOT NULL, k TEXT NOT NULL COLLATE NOCASE, PRIMARY KEY (a, k));
         INSERT INTO t VALUES (1, 'a'), (2, CAST(x'00ff00' AS TEXT)), (3, 'b')",
    );
    for order in ORDERS {
        for size in 1..=7 {
            let walk = Walk::new(Table::new(&db, "t"))
                .chunk_size(size)
                .order(order);
            let found = walked(walk);
            assert_eq!(found.keys.len(), usize::from(size == 1));
            let error = found.error.expect("it is met");
            let words = ["\"k\"", "'\\0\u{fffd}\\0'", "invalid utf-8"];
            assert_says::<()>(Err(error), &[ErrorKind::Value], &words);
        }
    }
}

#[test]
fn keys_of_a_megabyte_are_walked_and_messages_stay_short() {
    const MEGABYTE: usize = 1 << 20;
    let db = open(
        "CREATE TABLE t (k NOT NULL PRIMARY KEY, v INT); CREATE TABLE u (k TEXT); CREATE INDEX i ON u (k)",
    );
    let long = "x".repeat(MEGABYTE);
    for (at, end) in (1_i64..).zip(["a", "b", "c"]) {
        let text = format!("{long}{end}");
        let row = params![text, at];
        db.execute("INSERT INTO t VALUES (?1, ?2)", row).unwrap();
        db.execute("INSERT INTO t VALUES (CAST(?1 AS BLOB), ?2)", row)
            .unwrap();
    }
    let expected = column(&db, "SELECT k FROM t ORDER BY k");
    for size in [1, 2, 7] {
        for order in ORDERS {
            let mut found = keys(
                Walk::new(Table::new(&db, "t"))
                    .chunk_size(size)
                    .order(order),
            );
            if order == Order::Descending {
                found.reverse();
            }
            let found: Vec<Value> = found.into_iter().flat_map(AnyKey::into_values).collect();
            assert!(found == expected, "{order:?}, chunks of {size}");
        }
    }

    let short = |error: keywalk_sqlite::Error| {
        let source = error.source().map(ToString::to_string);
        let length = error.to_string().len() + source.unwrap_or_default().len();
        assert!(length < 400, "{length} bytes");
        let words = ["... (1048577 bytes)"];
        assert_says::<()>(
            Err(error),
            &[ErrorKind::Value, ErrorKind::RepeatedKey],
            &words,
        );
    };
    let by = |order| Walk::new(Table::new(&db, "t").key::<i64>(["k"]).unwrap()).order(order);
    for order in ORDERS {
        short(walked(by(order)).error.expect("no integers"));
    }
    let texts = Table::new(&db, "t").key::<String>(["k"]).unwrap();
    short(walked(Walk::new(texts)).error.expect("the last is a blob"));
    let failing = Table::new(&db, "t").map(|row| row.get::<_, String>("v"));
    short(walked(Walk::new(failing)).error.expect("v is no text"));
    db.execute("INSERT INTO u VALUES (?1), (?1)", [format!("{long}!")])
        .unwrap();
    let query = Query::new(&db, "SELECT k FROM u", []).unwrap();
    let query = query.key::<String>(["k"]).unwrap();
    short(walked(Walk::new(query)).error.expect("it comes twice"));
    let key = Table::new(&db, "t").any_key([format!("{long}a")]).unwrap();
    assert!(key.to_string().len() < 100);
}

#[test]
fn infinities_and_both_zeros_are_keys_in_numeric_order() {
    for declared in ["REAL", "", "NUMERIC"] {
        let db = open(&format!(
            "CREATE TABLE t (k {declared} NOT NULL PRIMARY KEY)"
        ));
        for real in [
            f64::INFINITY,
            -0.0,
            f64::MIN_POSITIVE,
            f64::NEG_INFINITY,
            -1e-300,
        ] {
            db.execute("INSERT INTO t VALUES (?1)", [real]).unwrap();
        }
        // The same key.
        assert!(db.execute("INSERT INTO t VALUES (?1)", [0.0]).is_err());
        assert!(db.execute("INSERT INTO t VALUES (0)", []).is_err());
        let table = || Table::new(&db, "t");
        let expected = column(&db, "SELECT k FROM t ORDER BY k");
        for (order, size) in ORDERS
            .into_iter()
            .flat_map(|order| (1..=7).map(move |s| (order, s)))
        {
            let mut found = keys(Walk::new(table()).chunk_size(size).order(order));
            if order == Order::Descending {
                found.reverse();
            }
            let found: Vec<Value> = found.into_iter().flat_map(AnyKey::into_values).collect();
            assert_eq!(found, expected, "{order:?}, chunks of {size}");
        }
        for zero in [Value::Real(-0.0), Value::Real(0.0), Value::Integer(0)] {
            let zero = table().any_key([zero]).unwrap();
            assert_eq!(keys(Walk::new(table()).range(zero.clone()..)).len(), 3);
            assert_eq!(keys(Walk::new(table()).range(..zero)).len(), 2);
        }
    }
}

/// SQLite compares a number with a column of text as the text that it would be stored as.
#[test]
fn a_number_is_a_bound_of_a_text_key_as_the_text_that_sqlite_compares_with() {
    for declared in ["TEXT", "VARCHAR(9)", "CLOB COLLATE NOCASE"] {
        let db = open(&format!(
            "CREATE TABLE t (k {declared} NOT NULL PRIMARY KEY); INSERT INTO t VALUES ('1'), ('10'), (2), (5.5), ('a')"
        ));
        let table = || Table::new(&db, "t");
        for number in [Value::Integer(2), Value::Real(5.5), Value::Integer(100)] {
            let count = |compared: &str| {
                let sql = format!("SELECT count(*) FROM t WHERE k {compared} ?1");
                let count: u32 = db.query_row(&sql, [&number], |row| row.get(0)).unwrap();
                count as usize
            };
            let bound = table().any_key([number.clone()]).unwrap();
            for order in ORDERS {
                for live in [false, true] {
                    let walk = |walk: Walk<_>| {
                        let walk = walk.order(order).chunk_size(2);
                        keys(if live { walk.live() } else { walk }).len()
                    };
                    let bounds = (Bound::Excluded(bound.clone()), Bound::Unbounded);
                    assert_eq!(walk(Walk::new(table()).range(bounds)), count(">"));
                    assert_eq!(walk(Walk::new(table()).range(..bound.clone())), count("<"));
                    assert_eq!(walk(Walk::new(table()).range(bound.clone()..)), count(">="));
                }
            }
        }
    }
}
