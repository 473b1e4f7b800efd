//! Which tables can be walked, by which of their indexes: each in SQLite's own order.

use std::cmp::Reverse;

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, Order, Walk};
use keywalk_sqlite::{AnyKey, Collated, Error, Key, Table};
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::db::open;

/// Walks a table in several chunk sizes, both ways, and compares the first column of its rows with
/// what SQLite answers.
pub(crate) fn check<K: Key>(table: Result<Table<&Connection, K>, Error>, sql: &str) {
    let mut table = table.expect("the key is proven");
    let mut expected: Vec<Value> = table
        .connection()
        .prepare(sql)
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
        .expect("SQLite answers");
    assert!(expected.len() > 1, "there is something to walk");
    for order in [Order::Ascending, Order::Descending] {
        for size in [1, 2, 3, 7, 512, usize::MAX] {
            let mut chunks = Walk::new(&mut table).chunk_size(size).order(order).chunks();
            let mut found = Vec::new();
            while let Some(items) = chunks.next().expect("the walk goes on") {
                found.extend(items.iter().map(|(_, row)| row.values()[0].clone()));
            }
            assert_eq!(found, expected, "chunks of {size}, {order:?}");
        }
        expected.reverse();
    }
}

#[test]
fn a_table_without_a_key_is_walked_by_its_rowid_under_each_of_its_names() {
    let db =
        open("CREATE TABLE t (v); INSERT INTO t (rowid, v) VALUES (-5, 'a'), (9, 'b'), (2, 'c')");
    for name in ["rowid", "oid", "_rowid_", "ROWID"] {
        check(
            Table::new(&db, "t").key::<i64>([name]),
            "SELECT v FROM t ORDER BY rowid",
        );
    }
}

#[test]
fn a_column_named_rowid_is_that_column_and_the_others_the_rowid() {
    let db = open(
        "CREATE TABLE t (v, rowid INT NOT NULL UNIQUE);
         INSERT INTO t (_rowid_, v, rowid) VALUES (1, 'a', 30), (2, 'b', 20), (3, 'c', 25)",
    );
    check(
        Table::new(&db, "t").key::<i64>(["rowid"]),
        "SELECT v FROM t ORDER BY rowid",
    );
    check(
        Table::new(&db, "t").key::<i64>(["oid"]),
        "SELECT v FROM t ORDER BY oid",
    );
}

#[test]
fn the_primary_key_is_the_key_where_none_is_named() {
    for (key, order) in [
        ("a INTEGER PRIMARY KEY, b, c", "a"),
        ("a INTEGER NOT NULL PRIMARY KEY DESC, b, c", "a DESC"),
        ("a INT NOT NULL PRIMARY KEY, b, c", "a"),
        ("a INT PRIMARY KEY, b, c", "a"),
        ("a REAL NOT NULL PRIMARY KEY, b, c", "a"),
        ("a NOT NULL PRIMARY KEY, b, c", "a"),
        ("a TEXT NOT NULL PRIMARY KEY, b, c", "a"),
        ("a, b NOT NULL, c NOT NULL, PRIMARY KEY (b, c)", "b, c"),
        ("a, b NOT NULL, c NOT NULL, PRIMARY KEY (c, b)", "c, b"),
        (
            "a, b NOT NULL, c NOT NULL, PRIMARY KEY (b, c DESC)",
            "b, c DESC",
        ),
        (
            "a, b NOT NULL, c NOT NULL, PRIMARY KEY (b DESC, c DESC)",
            "b DESC, c DESC",
        ),
    ] {
        for without_rowid in ["", "WITHOUT ROWID"] {
            let db = open(&format!(
                "CREATE TABLE t ({key}) {without_rowid};
                 WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 19)
                     INSERT INTO t SELECT i * 7 % 20 - 9, i / 4, i % 4 FROM n"
            ));
            check(
                Ok(Table::new(&db, "t")),
                &format!("SELECT a FROM t ORDER BY {order}"),
            );
        }
    }
}

#[test]
fn integers_and_reals_in_one_column_come_in_numeric_order() {
    let db = open(
        "CREATE TABLE t (k NOT NULL PRIMARY KEY);
         INSERT INTO t VALUES (1), (0.5), (-0.5), (0), (1.5), (9e999), (-9e999), (1e300),
             (9223372036854775807), (9223372036854775808.0), (9223372036854774784.0),
             (-9223372036854775807 - 1), (9007199254740993), (9007199254740992.0), ('text'), (''),
             (x'00'), (x'')",
    );
    check(Ok(Table::new(&db, "t")), "SELECT k FROM t ORDER BY k");
    check(
        Table::new(&db, "t").key::<AnyKey>(["k"]),
        "SELECT k FROM t ORDER BY k",
    );
}

#[test]
fn a_unique_index_over_not_null_columns_is_a_key() {
    let db = open(
        "CREATE TABLE t (v INTEGER PRIMARY KEY, a TEXT NOT NULL, b INT NOT NULL, UNIQUE (a, b DESC));
         INSERT INTO t VALUES (1, 'x', 1), (2, 'x', 2), (3, 'w', 5), (4, 'y', 0), (5, 'x', -1)",
    );
    type Typed = (String, Reverse<i64>);
    let sql = "SELECT v FROM t ORDER BY a, b DESC";
    check(Table::new(&db, "t").key::<Typed>(["a", "b"]), sql);
    check(Table::new(&db, "t").key::<AnyKey>(["A", "B"]), sql);
}

#[test]
fn an_indexed_column_and_the_primary_key_behind_it_are_a_key() {
    let rows = "INSERT INTO t VALUES (3, 'b'), (1, 'b'), (2, 'a'), (5, 'b'), (4, 'c'), (6, 'a')";
    let sql = "SELECT v FROM t ORDER BY c, v";
    let db =
        open("CREATE TABLE t (v INTEGER PRIMARY KEY, c TEXT NOT NULL); CREATE INDEX i ON t (c)");
    db.execute_batch(rows).unwrap();
    check(Table::new(&db, "t").key::<(String, i64)>(["c", "v"]), sql);
    check(
        Table::new(&db, "t").key::<(String, i64)>(["c", "rowid"]),
        sql,
    );
    check(Table::new(&db, "t").key::<AnyKey>(["c", "v"]), sql);
    type Mixed = (Reverse<String>, i64);
    db.execute_batch("DROP INDEX i; CREATE INDEX i ON t (c DESC)")
        .unwrap();
    check(
        Table::new(&db, "t").key::<Mixed>(["c", "v"]),
        "SELECT v FROM t ORDER BY c DESC, v",
    );

    let db = open(
        "CREATE TABLE t (v INT PRIMARY KEY, c TEXT NOT NULL) WITHOUT ROWID; CREATE INDEX i ON t (c)",
    );
    db.execute_batch(rows).unwrap();
    check(Table::new(&db, "t").key::<(String, i64)>(["c", "v"]), sql);
}

#[test]
fn an_index_that_begins_with_the_integer_primary_key_does_not_matter() {
    let db = open(
        "CREATE TABLE t (v INTEGER PRIMARY KEY, c INT NOT NULL); CREATE INDEX i ON t (v, c);
         INSERT INTO t VALUES (3, 2), (1, 2), (2, 1), (5, 2), (4, 3)",
    );
    check(Ok(Table::new(&db, "t")), "SELECT v FROM t ORDER BY v");
    let first = Walk::new(Table::new(&db, "t").key::<i64>(["v"]).unwrap()).range(2..4);
    assert_eq!(
        first.descending().into_iter().filter(Result::is_ok).count(),
        2
    );
}

#[test]
fn an_index_that_ends_in_the_integer_primary_key_is_a_key() {
    let db = open(
        "CREATE TABLE t (v INTEGER PRIMARY KEY, c INT NOT NULL); CREATE INDEX i ON t (c, v);
         INSERT INTO t VALUES (3, 2), (1, 2), (2, 1), (5, 2), (4, 3)",
    );
    check(
        Table::new(&db, "t").key::<(i64, i64)>(["c", "v"]),
        "SELECT v FROM t ORDER BY c, v",
    );
    let within = Table::new(&db, "t")
        .within("c", 2)
        .and_then(|t| t.key::<i64>(["v"]));
    check(within, "SELECT v FROM t WHERE c = 2 ORDER BY v");
}

#[test]
fn text_under_another_collation_comes_in_that_collations_order() {
    for (collation, texts) in [
        ("NOCASE", ["b", "C", "a", "Z", "_", "é", "É"]),
        ("RTRIM", ["a  ", "b", "B ", "", "a b", "é ", "A"]),
    ] {
        let db = open(&format!(
            "CREATE TABLE t (k TEXT NOT NULL COLLATE {collation} PRIMARY KEY);
             CREATE TABLE u (k TEXT NOT NULL COLLATE {collation}, n INT NOT NULL, PRIMARY KEY (k, n))"
        ));
        for text in texts {
            db.execute("INSERT INTO t VALUES (?1)", [text]).unwrap();
            let same = [
                (text.to_uppercase(), 1),
                (text.to_lowercase(), 2),
                (text.to_owned(), 3),
            ];
            for row in same {
                db.execute("INSERT OR IGNORE INTO u VALUES (?1, ?2)", row)
                    .unwrap();
            }
        }
        check(
            Table::new(&db, "t").key::<Collated>(["k"]),
            "SELECT k FROM t ORDER BY k",
        );
        check(Ok(Table::new(&db, "t")), "SELECT k FROM t ORDER BY k");
        let sql = "SELECT k FROM u ORDER BY k, n";
        check(Table::new(&db, "u").key::<(Collated, i64)>(["k", "n"]), sql);
        check(Ok(Table::new(&db, "u")), sql);
        let sql = "SELECT k FROM u ORDER BY k DESC, n DESC";
        type Down = (Reverse<Collated>, Reverse<i64>);
        check(Table::new(&db, "u").key::<Down>(["k", "n"]), sql);
    }
}

#[test]
fn generated_columns_with_a_unique_index_are_keys() {
    let db = open(
        "CREATE TABLE t (v INTEGER PRIMARY KEY,
             a INT NOT NULL AS (-v) VIRTUAL UNIQUE, b TEXT NOT NULL AS (hex(v * 7 % 5)) STORED UNIQUE);
         INSERT INTO t (v) VALUES (1), (2), (3), (4)",
    );
    check(
        Table::new(&db, "t").key::<i64>(["a"]),
        "SELECT v FROM t ORDER BY a",
    );
    check(
        Table::new(&db, "t").key::<String>(["b"]),
        "SELECT v FROM t ORDER BY b",
    );
}

#[test]
fn a_full_chunk_is_left_as_it_is() {
    let db = open("CREATE TABLE t (a INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)");
    let table = Table::new(&db, "t").key::<i64>(["a"]).unwrap();
    let mut table = table.map(|_| Ok(()));
    let mut chunk = Chunk::with_limit(2);
    let mut range = KeyRange::all(Order::Ascending);
    assert_eq!(table.fetch(&range, &mut chunk).unwrap(), Fetched::More);
    range.advance_past(2);
    assert_eq!(table.fetch(&range, &mut chunk).unwrap(), Fetched::More);
    assert_eq!(chunk.as_slice(), [(1, ()), (2, ())]);
    assert!(!chunk.overflowed());
}
