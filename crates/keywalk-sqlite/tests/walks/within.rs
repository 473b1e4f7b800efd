//! The rows of one prefix of a key.

use std::cmp::Reverse;

use keywalk::Walk;
use keywalk_sqlite::{AnyKey, Table};

use crate::db::open;
use crate::tables::check;

#[test]
fn within_walks_the_rows_of_one_prefix_by_the_rest_of_the_key() {
    let db = open(
        "CREATE TABLE t (v, a INT NOT NULL, b TEXT NOT NULL, c INT NOT NULL, d INT NOT NULL,
             PRIMARY KEY (a, b, c DESC, d));
         WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 80)
             INSERT INTO t SELECT i, i % 3, i / 3 % 3, i / 9 % 3, i / 27 FROM n",
    );
    let t = || Table::new(&db, "t");
    let sql = "SELECT v FROM t WHERE a = 1 ORDER BY b, c DESC, d";
    check(
        t().within("a", 1)
            .and_then(|t| t.key::<AnyKey>(["b", "c", "d"])),
        sql,
    );
    type Rest = (String, Reverse<i64>, i64);
    check(
        t().within("a", 1)
            .and_then(|t| t.key::<Rest>(["b", "c", "d"])),
        sql,
    );
    // The primary key without what is fixed; a value of another type compares as in SQL.
    check(t().within("a", "1"), sql);
    let sql = "SELECT v FROM t WHERE a = 2 AND b = '0' ORDER BY c DESC, d";
    let fixed = || t().within("b", "0").and_then(|t| t.within("A", 2));
    check(fixed().and_then(|t| t.key::<AnyKey>(["c", "d"])), sql);
    check(
        fixed().and_then(|t| t.key::<(Reverse<i64>, i64)>(["c", "d"])),
        sql,
    );
    check(fixed(), sql);
}

#[test]
fn within_nothing_is_an_empty_walk() {
    let db = open(
        "CREATE TABLE t (a INT, b INT, PRIMARY KEY (a, b)) WITHOUT ROWID; INSERT INTO t VALUES (1, 1)",
    );
    let table = Table::new(&db, "t")
        .within("a", 7)
        .unwrap()
        .key::<i64>(["b"])
        .unwrap();
    assert_eq!(Walk::new(table).into_iter().count(), 0);
}

#[test]
fn within_a_collation_that_the_unique_index_does_not_have_is_refused() {
    let db = open(
        "CREATE TABLE t (a TEXT COLLATE NOCASE NOT NULL, b INT NOT NULL);
         CREATE UNIQUE INDEX u ON t (a COLLATE BINARY, b); CREATE INDEX i ON t (a, b);
         INSERT INTO t VALUES ('x', 1), ('X', 1), ('x', 2)",
    );
    let table = Table::new(&db, "t")
        .within("a", "x")
        .unwrap()
        .key::<i64>(["b"]);
    let rows = table.map(|table| Walk::new(table).chunk_size(1).into_iter().count());
    assert!(rows.is_err(), "of three rows {rows:?} came");
}
