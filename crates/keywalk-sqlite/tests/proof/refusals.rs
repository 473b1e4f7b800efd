//! What can't be walked safely is refused before the first row, with the cure.

use std::error::Error as StdError;

use keywalk::Walk;
use keywalk_sqlite::{AnyKey, Error, ErrorKind, Key, Query, Table};
use rusqlite::Connection;

use crate::db::open;

/// The error of a table at its first fetch, if it got there, after no row at all.
fn refusal<K: Key>(table: Result<Table<&Connection, K>, Error>) -> Error {
    match table {
        Err(error) => error,
        Ok(table) => {
            let mut items = Walk::new(table).into_iter();
            match items.next().expect("there are rows").map(|_| "a row") {
                Err(keywalk::Error::Source(error)) => error,
                other => panic!("not refused: {other:?}"),
            }
        }
    }
}

/// Kind and message: each of the names and the words of the cure are in it.
fn assert_says(error: &Error, kind: ErrorKind, words: &[&str]) {
    assert_eq!(error.kind(), kind, "{error}");
    for word in words {
        assert!(
            error.to_string().contains(word),
            "{word:?} isn't in {:?}",
            error.to_string()
        );
    }
}

fn one<'db, K: Key>(
    db: &'db Connection,
    columns: &[&str],
) -> Result<Table<&'db Connection, K>, Error> {
    Table::new(db, "t").key(columns.iter().copied())
}

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
fn a_table_without_a_primary_key_has_to_be_told_a_key() {
    let db = open("CREATE TABLE t (a INT UNIQUE NOT NULL); INSERT INTO t VALUES (1)");
    let error = refusal(Ok(Table::new(&db, "t")));
    assert_says(
        &error,
        ErrorKind::NoPrimaryKey,
        &["\"t\"", "UNIQUE index", "rowid"],
    );
}

#[test]
fn a_key_names_each_of_its_types_columns_once() {
    let db = open(
        "CREATE TABLE t (a INT, b INT, PRIMARY KEY (a, b)) WITHOUT ROWID; INSERT INTO t VALUES (1, 1)",
    );
    let kind = ErrorKind::KeyColumns;
    assert_says(
        &refusal(one::<i64>(&db, &["a", "b"])),
        kind,
        &["table \"t\"", "1 column", "2 were named"],
    );
    assert_says(
        &refusal(one::<(i64, i64)>(&db, &["a"])),
        kind,
        &["2 column", "1 were named"],
    );
    let repeated = refusal(one::<(i64, i64)>(&db, &["a", "A"]));
    assert_says(&repeated, kind, &["\"a\" twice"]);
    assert_says(&refusal(one::<i64>(&db, &[])), kind, &["no column"]);
    assert_says(&refusal(one::<AnyKey>(&db, &[])), kind, &["no column"]);
    let within = || Table::new(&db, "t").within("a", 1);
    assert_says(
        &refusal(within().and_then(|t| t.within("A", 2))),
        kind,
        &["\"a\" twice"],
    );
    let fixed = within().and_then(|t| t.key::<(i64, i64)>(["a", "b"]));
    assert_says(&refusal(fixed), kind, &["\"a\"", "`within`"]);
    let all = within().and_then(|t| t.within("b", 1));
    assert_says(&refusal(all), kind, &["no column left"]);
}

#[test]
fn a_key_that_nothing_makes_unique_is_refused() {
    for index in [
        "CREATE INDEX i ON t (a)",
        "CREATE UNIQUE INDEX i ON t (a) WHERE b > 0",
        "CREATE UNIQUE INDEX i ON t (abs(a)); CREATE INDEX j ON t (a)",
        "CREATE UNIQUE INDEX i ON t (a, b)",
        "CREATE UNIQUE INDEX i ON t (a COLLATE NOCASE); CREATE INDEX j ON t (a)",
    ] {
        let db = open(&format!(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL, b INT NOT NULL); {index};
             INSERT INTO t VALUES (1, 'a', 1)"
        ));
        let error = refusal(one::<String>(&db, &["a"]));
        assert_says(
            &error,
            ErrorKind::NotUnique,
            &[
                "\"a\"",
                "table \"t\"",
                "UNIQUE index",
                "walk by the key \"id\"",
            ],
        );
    }
    let db = open(
        "CREATE TABLE t (a INT, b INT, PRIMARY KEY (a, b)) WITHOUT ROWID; INSERT INTO t VALUES (1, 1)",
    );
    let error = refusal(one::<i64>(&db, &["a"]));
    assert_says(
        &error,
        ErrorKind::NotUnique,
        &["walk by the key \"a\", \"b\""],
    );
}

#[test]
fn a_key_column_that_may_hold_null_is_refused() {
    let db = open(
        "CREATE TABLE t (a INT UNIQUE, b INT, c INT NOT NULL, PRIMARY KEY (b, c)); INSERT INTO t VALUES (1, 1, 1)",
    );
    let says = [
        "\"a\"",
        "table \"t\"",
        "NOT NULL",
        "+\"a\" IS NOT NULL",
        "rowid",
    ];
    assert_says(
        &refusal(one::<i64>(&db, &["a"])),
        ErrorKind::Nullable,
        &says,
    );
    assert_says(
        &refusal(one::<(i64, i64)>(&db, &["b", "c"])),
        ErrorKind::Nullable,
        &["\"b\""],
    );
    assert_says(
        &refusal(Ok(Table::new(&db, "t"))),
        ErrorKind::Nullable,
        &["\"b\""],
    );
}

#[test]
fn text_that_is_not_ordered_by_its_bytes_needs_another_type() {
    let db = open(
        "CREATE TABLE t (a TEXT NOT NULL COLLATE NOCASE PRIMARY KEY); INSERT INTO t VALUES ('a')",
    );
    let error = refusal(one::<String>(&db, &["a"]));
    assert_says(
        &error,
        ErrorKind::Collation,
        &["\"a\"", "table \"t\"", "NOCASE", "`Collated`"],
    );
    let db = open(
        "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (a TEXT NOT NULL PRIMARY KEY); INSERT INTO t VALUES ('a')",
    );
    let error = refusal(one::<String>(&db, &["a"]));
    assert_says(&error, ErrorKind::Collation, &["UTF-16le", "`Collated`"]);
    let query = Query::new(&db, "SELECT a FROM t", []).unwrap();
    let error = query.key::<String>(["a"]).unwrap_err();
    assert_says(&error, ErrorKind::Collation, &["UTF-16le", "the query"]);
    assert!(one::<keywalk_sqlite::Collated>(&db, &["a"]).is_ok());
}

#[test]
fn a_key_without_an_index_in_its_order_is_refused() {
    let db = open(
        "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c INT NOT NULL, UNIQUE (a, b)); INSERT INTO t VALUES (1, 1, 1)",
    );
    let says = ["table \"t\"", "\"b\", \"a\"", "make one on", "the plan is"];
    assert_says(
        &refusal(one::<(i64, i64)>(&db, &["b", "a"])),
        ErrorKind::NotSeekable,
        &says,
    );
    let error = refusal(one::<(i64, std::cmp::Reverse<i64>)>(&db, &["a", "b"]));
    assert_says(&error, ErrorKind::NotSeekable, &["\"a\", \"b\""]);
    assert_eq!(
        refusal(one::<(i64, i64, i64)>(&db, &["a", "b", "c"])).kind(),
        ErrorKind::NotSeekable
    );
    assert_eq!(
        refusal(one::<(i64, i64)>(&db, &["c", "rowid"])).kind(),
        ErrorKind::NotSeekable
    );
    let within = Table::new(&db, "t")
        .within("b", 1)
        .and_then(|t| t.key::<i64>(["a"]));
    assert_says(&refusal(within), ErrorKind::NotSeekable, &["\"b\", \"a\""]);
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

#[test]
fn errors_are_send_sync_and_static() {
    fn is_error<E: StdError + Send + Sync + 'static>() {}
    is_error::<Error>();
    is_error::<keywalk::Error<Error>>();
}
