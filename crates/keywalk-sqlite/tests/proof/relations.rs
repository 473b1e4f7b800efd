//! Tables, views and columns that can't be walked are refused before the first row, with the cure.

use std::error::Error as StdError;

use keywalk_sqlite::{AnyKey, ErrorKind, Table};

use crate::db::open;
use crate::refusal::{assert_says, one, refusal};

#[test]
fn a_table_that_does_not_exist_is_named_beside_those_that_do() {
    let db = open(
        "CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE VIRTUAL TABLE f USING fts5(text);
         ATTACH ':memory:' AS o; CREATE TABLE o.far (id INTEGER PRIMARY KEY); ANALYZE",
    );
    let kind = ErrorKind::NoSuchTable;
    let error = refusal(Table::new(&db, "u").key::<i64>(["id"]));
    assert_says(
        &error,
        kind,
        &["no table \"u\";", "are \"f\", \"far\", \"t\""],
    );
    let error = refusal(Table::new(&db, "far").schema("main").key::<i64>(["id"]));
    assert_says(
        &error,
        kind,
        &["\"far\" in schema \"main\"", "are \"f\", \"t\""],
    );
    let error = refusal(Table::new(&db, "t").schema("elsewhere").key::<i64>(["id"]));
    assert_says(
        &error,
        kind,
        &["no schema \"elsewhere\"", "are \"main\", \"o\""],
    );
    let error = refusal(Table::new(&db, "main.t").key::<i64>(["id"]));
    assert_says(&error, kind, &["\"main.t\"", "named by `schema`"]);
    let error = refusal(Ok(Table::new(&db, "u")));
    assert_says(&error, kind, &["\"u\""]);
    assert!(error.source().is_none() && error.sqlite_error().is_none());
}

/// SQLite makes a database of a file that isn't there.
#[test]
fn a_database_without_any_table_may_be_the_wrong_one() {
    let error = refusal(Ok(Table::new(&open(""), "u")));
    let says = ["\"u\", nor any other", "right database"];
    assert_says(&error, ErrorKind::NoSuchTable, &says);
}

#[test]
fn views_and_virtual_tables_are_refused_as_tables() {
    let db = open(
        "CREATE TABLE u (id INTEGER PRIMARY KEY); CREATE VIEW t AS SELECT id FROM u;
         CREATE VIRTUAL TABLE f USING fts5(text); CREATE VIRTUAL TABLE r USING rtree(id, a, b);",
    );
    for (name, what, cure) in [
        ("t", "view", "the view's SELECT"),
        ("f", "virtual table", "CROSS JOIN"),
        ("r", "virtual table", "CROSS JOIN"),
    ] {
        let error = refusal(Table::new(&db, name).key::<i64>(["rowid"]));
        let quoted = format!("\"{name}\"");
        assert_says(
            &error,
            ErrorKind::NotATable,
            &[&quoted, what, "`Query`", cure],
        );
    }
}

#[test]
fn a_column_that_does_not_exist_is_never_taken_for_a_string() {
    let db = open("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a')");
    let says = ["table \"t\"", "\"nosuch\"", "\"id\", \"v\""];
    assert_says(
        &refusal(one::<i64>(&db, &["nosuch"])),
        ErrorKind::NoSuchColumn,
        &says,
    );
    assert_says(
        &refusal(one::<AnyKey>(&db, &["id", "nosuch"])),
        ErrorKind::NoSuchColumn,
        &says,
    );
    let within = Table::new(&db, "t").within("nosuch", 1);
    assert_says(&refusal(within), ErrorKind::NoSuchColumn, &says);
    let columns = Table::new(&db, "t").columns(["v", "nosuch"]);
    assert_says(&refusal(Ok(columns)), ErrorKind::NoSuchColumn, &says);
    let db = open("CREATE TABLE t (id INT PRIMARY KEY) WITHOUT ROWID; INSERT INTO t VALUES (1)");
    assert_says(
        &refusal(one::<i64>(&db, &["rowid"])),
        ErrorKind::NoSuchColumn,
        &["\"rowid\"", "\"id\""],
    );
}

#[test]
fn an_index_that_is_dropped_before_the_first_fetch_is_missed() {
    let db = open(
        "CREATE TABLE t (a INT NOT NULL); CREATE UNIQUE INDEX i ON t (a); INSERT INTO t VALUES (1)",
    );
    let table = one::<i64>(&db, &["a"]);
    db.execute_batch("DROP INDEX i").unwrap();
    assert_says(&refusal(table), ErrorKind::NotUnique, &["\"a\""]);
    let table = one::<i64>(&db, &["rowid"]);
    db.execute_batch("DROP TABLE t").unwrap();
    assert_says(&refusal(table), ErrorKind::NoSuchTable, &["\"t\""]);
}
