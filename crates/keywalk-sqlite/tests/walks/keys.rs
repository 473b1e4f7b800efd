//! G1 and G2: every type of key is walked in SQLite's own order, in any chunk size, both ways.

use std::cmp::Reverse;
use std::fmt::Debug;

use keywalk::{Order, Walk};
use keywalk_sqlite::{Key, Table};
use rusqlite::Connection;
use rusqlite::types::Value;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use crate::db::open;

const SIZES: [usize; 6] = [
    1,
    2,
    3,
    7,
    Walk::<Table<&Connection>>::DEFAULT_CHUNK_SIZE,
    usize::MAX,
];

fn select(db: &Connection, sql: &str) -> Vec<Vec<Value>> {
    let mut statement = db.prepare(sql).expect("the test's own SQL is valid");
    let width = statement.column_count();
    statement
        .query_map([], |row| (0..width).map(|at| row.get(at)).collect())
        .and_then(Iterator::collect)
        .expect("SQLite answers")
}

/// Walks `t` by `columns` in every chunk size, both ways, bounded and live, and resumed at every
/// position, and compares with what SQLite says in that order.
fn check<K: Key + Debug>(
    db: &Connection,
    columns: &[&str],
    order_by: &str,
    values: impl Fn(&K) -> Vec<Value>,
) {
    let sql = format!("SELECT {} FROM t ORDER BY {order_by}", columns.join(", "));
    let mut expected = select(db, &sql);
    assert!(!expected.is_empty(), "there is something to walk");
    let mut table = Table::new(db, "t")
        .key::<K>(columns.iter().copied())
        .expect("the key is proven");
    for order in [Order::Ascending, Order::Descending] {
        for size in SIZES {
            for live in [false, true] {
                let walk = Walk::new(&mut table).chunk_size(size).order(order);
                let walk = if live { walk.live() } else { walk };
                let keys: Vec<Vec<Value>> = walk
                    .into_iter()
                    .map(|item| values(&item.expect("the walk goes on").0))
                    .collect();
                assert_eq!(keys, expected, "chunks of {size}, {order:?}, live: {live}");
            }
        }
        for position in 0..=expected.len() {
            let mut before = Walk::new(&mut table).chunk_size(3).order(order).into_iter();
            let first = before.by_ref().take(position).count();
            let cursor = before.cursor();
            let after = Walk::new(&mut table).chunk_size(2).resume(cursor);
            let rest: Vec<Vec<Value>> = after
                .into_iter()
                .map(|item| values(&item.expect("the walk goes on").0))
                .collect();
            assert_eq!(rest, expected[first..], "resumed at {position}, {order:?}");
        }
        expected.reverse();
    }
}

fn one<T: Clone + Into<Value>>(key: &T) -> Vec<Value> {
    vec![key.clone().into()]
}

fn int(integer: impl Into<i64>) -> Value {
    Value::Integer(integer.into())
}

#[test]
fn integers_of_every_size_come_in_numeric_order() {
    let db = open(
        "CREATE TABLE t (k INTEGER PRIMARY KEY, s INT NOT NULL UNIQUE);
         INSERT INTO t VALUES (-9223372036854775807 - 1, 1), (9223372036854775807, 2), (0, 3),
             (-1, 127), (1, 4), (-7, 6), (10, 5), (9223372036854775806, 9), (2, 0);",
    );
    check(&db, &["k"], "k", one::<i64>);
    check(&db, &["k"], "k DESC", |Reverse(k): &Reverse<i64>| one(k));
    check(&db, &["s"], "s", |k: &i8| vec![int(*k)]);
    check(&db, &["s"], "s", |k: &i16| vec![int(*k)]);
    check(&db, &["s"], "s", |k: &i32| vec![int(*k)]);
    check(&db, &["s"], "s", |k: &u8| vec![int(*k)]);
    check(&db, &["s"], "s", |k: &u16| vec![int(*k)]);
    check(&db, &["s"], "s", |k: &u32| vec![int(*k)]);
    check(&db, &["s"], "s DESC", |k: &Reverse<u32>| vec![int(k.0)]);
    check(&db, &["s"], "s", |k: &(i64,)| vec![int(k.0)]);
}

#[test]
fn text_comes_in_the_order_of_its_bytes() {
    let db = open("CREATE TABLE t (k TEXT NOT NULL PRIMARY KEY)");
    let texts = [
        "",
        "a",
        "A",
        "a\0",
        "a\0b",
        "\0",
        "ab",
        "z",
        "²",
        "2",
        "é",
        "e\u{301}",
        "ß",
        "日本",
        "👩‍🚀",
        "\u{10FFFF}",
        "'; DROP TABLE t; --",
        "\"",
        " ",
        "a ",
        "\u{FFFD}",
    ];
    for text in texts {
        db.execute("INSERT INTO t VALUES (?1)", [text]).unwrap();
    }
    check(&db, &["k"], "k", one::<String>);
    check(&db, &["k"], "k DESC", |k: &Reverse<String>| one(&k.0));
    let mut sorted = texts.map(str::to_owned);
    sorted.sort();
    let told = select(&db, "SELECT k FROM t ORDER BY k");
    assert_eq!(told, sorted.map(|text| vec![Value::Text(text)]));
}

#[test]
fn blobs_come_in_the_order_of_their_bytes() {
    let db = open(
        "CREATE TABLE t (k BLOB NOT NULL PRIMARY KEY);
         INSERT INTO t VALUES (x''), (x'00'), (x'0000'), (x'ff'), (x'00ff'), (x'7f80'), (x'61');",
    );
    check(&db, &["k"], "k", one::<Vec<u8>>);
    check(&db, &["k"], "k DESC", |k: &Reverse<Vec<u8>>| one(&k.0));
}

#[test]
fn uuids_are_walked_as_blobs_and_as_hyphenated_text() {
    let db = open("CREATE TABLE t (b BLOB NOT NULL UNIQUE, h TEXT NOT NULL UNIQUE)");
    let uuids = [
        0,
        1,
        u128::MAX,
        0xff << 120,
        0x80 << 120,
        0x7f << 120,
        0xab << 64,
        0xab00,
    ];
    for uuid in uuids.map(Uuid::from_u128) {
        let row = (&uuid.as_bytes()[..], uuid.hyphenated().to_string());
        db.execute("INSERT INTO t VALUES (?1, ?2)", row).unwrap();
    }
    check(&db, &["b"], "b", |k: &Uuid| one(&k.as_bytes().to_vec()));
    check(&db, &["h"], "h", |k: &Hyphenated| one(&k.to_string()));
    check(&db, &["h"], "h DESC", |k: &Reverse<Hyphenated>| {
        one(&k.0.to_string())
    });
}

/// Numbers around zero in as many columns as a key can have, so that every comparison of columns
/// decides somewhere.
const SIX: &str = "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c INT NOT NULL, d INT NOT NULL,
         e INT NOT NULL, f INT NOT NULL);
     WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 63)
         INSERT INTO t SELECT -(i >> 5 & 1), i >> 4 & 1, i >> 3 & 1, i >> 2 & 1, i >> 1 & 1, i & 1
         FROM n WHERE i % 3 <> 1;";

#[test]
fn tuples_of_two_to_six_columns_come_by_the_first_then_by_the_next() {
    let db = open(SIX);
    db.execute_batch("CREATE UNIQUE INDEX all_six ON t (a, b, c, d, e, f)")
        .unwrap();
    type Six = (i64, i64, i8, i64, i64, i64);
    check(
        &db,
        &["a", "b", "c", "d", "e", "f"],
        "1, 2, 3, 4, 5, 6",
        |k: &Six| vec![int(k.0), int(k.1), int(k.2), int(k.3), int(k.4), int(k.5)],
    );
    db.execute_batch(
        "DELETE FROM t WHERE f = 0; DROP INDEX all_six; CREATE UNIQUE INDEX five ON t (a, b, c, d, e)",
    )
    .unwrap();
    type Five = (i64, i64, i64, i64, i64);
    check(
        &db,
        &["a", "b", "c", "d", "e"],
        "1, 2, 3, 4, 5",
        |k: &Five| vec![int(k.0), int(k.1), int(k.2), int(k.3), int(k.4)],
    );
    db.execute_batch("DELETE FROM t WHERE e = 0; CREATE UNIQUE INDEX four ON t (a, b, c, d)")
        .unwrap();
    check(
        &db,
        &["a", "b", "c", "d"],
        "1, 2, 3, 4",
        |k: &(i64, i64, i64, i64)| vec![int(k.0), int(k.1), int(k.2), int(k.3)],
    );
    db.execute_batch(
        "DELETE FROM t WHERE rowid NOT IN (SELECT min(rowid) FROM t GROUP BY a, b, c);
         CREATE UNIQUE INDEX three ON t (a, b, c)",
    )
    .unwrap();
    check(&db, &["a", "b", "c"], "1, 2, 3", |k: &(i64, i64, i64)| {
        vec![int(k.0), int(k.1), int(k.2)]
    });
    db.execute_batch(
        "DELETE FROM t WHERE rowid NOT IN (SELECT min(rowid) FROM t GROUP BY a, b);
         CREATE UNIQUE INDEX two ON t (a, b)",
    )
    .unwrap();
    check(&db, &["a", "b"], "1, 2", |k: &(i64, i64)| {
        vec![int(k.0), int(k.1)]
    });
}

#[test]
fn columns_may_each_go_in_a_direction_of_their_own() {
    let db = open(SIX);
    db.execute_batch("CREATE UNIQUE INDEX i ON t (a, b DESC, c, d DESC, e DESC, f)")
        .unwrap();
    type Six = (i64, Reverse<i64>, i64, Reverse<i64>, Reverse<i64>, i64);
    let order = "1, 2 DESC, 3, 4 DESC, 5 DESC, 6";
    check(&db, &["a", "b", "c", "d", "e", "f"], order, |k: &Six| {
        vec![
            int(k.0),
            int(k.1.0),
            int(k.2),
            int(k.3.0),
            int(k.4.0),
            int(k.5),
        ]
    });

    let db = open(SIX);
    db.execute_batch("CREATE UNIQUE INDEX i ON t (a, b, c, d, e, f)")
        .unwrap();
    type Down = (
        Reverse<i64>,
        Reverse<i64>,
        Reverse<i64>,
        Reverse<i64>,
        Reverse<i64>,
        Reverse<i64>,
    );
    let order = "1 DESC, 2 DESC, 3 DESC, 4 DESC, 5 DESC, 6 DESC";
    check(&db, &["a", "b", "c", "d", "e", "f"], order, |k: &Down| {
        vec![
            int(k.0.0),
            int(k.1.0),
            int(k.2.0),
            int(k.3.0),
            int(k.4.0),
            int(k.5.0),
        ]
    });
}

#[test]
fn columns_of_different_types_make_one_key() {
    let db = open(
        "CREATE TABLE t (tenant TEXT NOT NULL, at INT NOT NULL, id BLOB NOT NULL,
             PRIMARY KEY (tenant, at DESC, id)) WITHOUT ROWID;
         INSERT INTO t VALUES ('', -1, x''), ('', 0, x'00'), ('', 0, x'ff'), ('a', 5, x'01'),
             ('a', -5, x'01'), ('a', -5, x'02'), ('é', 0, x''), ('A', 9, x'aa'), ('a', 5, x'');",
    );
    type Mixed = (String, Reverse<i64>, Vec<u8>);
    check(&db, &["tenant", "at", "id"], "1, 2 DESC, 3", |k: &Mixed| {
        vec![k.0.clone().into(), int(k.1.0), k.2.clone().into()]
    });
}

#[test]
fn tables_of_no_and_of_one_row_are_walked() {
    for rows in 0..=1 {
        let db = open("CREATE TABLE t (k INTEGER PRIMARY KEY)");
        db.execute("INSERT INTO t SELECT -3 WHERE ?1", [rows > 0])
            .unwrap();
        for order in [Order::Ascending, Order::Descending] {
            for size in SIZES {
                let table = Table::new(&db, "t").key::<i64>(["k"]).unwrap();
                let walk = Walk::new(table).chunk_size(size).order(order);
                let keys: Vec<i64> = walk.into_iter().map(|item| item.unwrap().0).collect();
                assert_eq!(keys, vec![-3; rows]);
            }
        }
    }
}
