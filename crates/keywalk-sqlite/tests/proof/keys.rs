//! Keys that can't be walked safely are refused before the first row, with the cure.

use keywalk_sqlite::{AnyKey, Collated, ErrorKind, Query, Table};

use crate::db::open;
use crate::refusal::{assert_says, one, refusal};

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
fn a_lone_primary_key_is_let_pass_unless_sqlite_alone_compares_it() {
    let binary = open("CREATE TABLE t (a TEXT PRIMARY KEY); INSERT INTO t VALUES ('a')");
    let nocase =
        open("CREATE TABLE t (a TEXT PRIMARY KEY COLLATE NOCASE); INSERT INTO t VALUES ('a')");
    assert!(one::<String>(&binary, &["a"]).is_ok());
    assert!(one::<AnyKey>(&binary, &["a"]).is_ok());
    for refused in [
        refusal(one::<Collated>(&binary, &["a"])),
        refusal(one::<Collated>(&nocase, &["a"])),
        refusal(one::<AnyKey>(&nocase, &["a"])),
    ] {
        assert_says(&refused, ErrorKind::Nullable, &["\"a\"", "NOT NULL"]);
    }
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
    assert!(one::<Collated>(&db, &["a"]).is_ok());
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
        refusal(one::<(i64, i64)>(&db, &["c", "rowid"])).kind(),
        ErrorKind::NotSeekable
    );
    let within = Table::new(&db, "t")
        .within("b", 1)
        .and_then(|t| t.key::<i64>(["a"]));
    assert_says(&refusal(within), ErrorKind::NotSeekable, &["\"b\", \"a\""]);
}

/// One lookup finds the row of the leading columns, and there is no other with them.
#[test]
fn a_key_that_begins_with_all_of_a_unique_index_is_walked_by_it() {
    let db = open(
        "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c INT NOT NULL, UNIQUE (a, b));
         INSERT INTO t VALUES (1, 1, 1), (1, 2, 0), (2, 0, 3)",
    );
    let table = one::<(i64, i64, i64)>(&db, &["a", "b", "c"]).unwrap();
    let keys = keywalk::Walk::new(table).chunk_size(1).into_iter();
    let keys: Vec<_> = keys.map(|item| item.unwrap().0).collect();
    assert_eq!(keys, [(1, 1, 1), (1, 2, 0), (2, 0, 3)]);
}
