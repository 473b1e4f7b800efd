//! A key's type that its column can never hold is refused when it is named; any other is tried row by row.

use std::cmp::Reverse;

use keywalk_sqlite::{Collated, DynKey, ErrorKind, Real, SqlKey, SqlKeyColumn, Table, TextOrder};
use rusqlite::Connection;
use rusqlite::types::{FromSqlResult, ToSqlOutput, Type, ValueRef};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use crate::support::{by, open};

/// The message, if the key is refused; the table is empty.
fn refusal<K: SqlKey>(db: &Connection, columns: &[&str]) -> Option<String> {
    let error = Table::new(db, "t").key::<K>(columns.to_vec()).err()?;
    assert_eq!(error.kind(), ErrorKind::KeyColumns, "{error}");
    Some(error.to_string())
}

#[test]
fn an_integer_primary_key_is_a_key_of_integers_alone() {
    let db = open("CREATE TABLE t (id Integer PRIMARY KEY, v TEXT)");
    let own = ", or say by `SqlKeyColumn::STORAGE_CLASS` how your own is stored";
    for (refused, what) in [
        (refusal::<String>(&db, &["id"]), "text"),
        (refusal::<Collated>(&db, &["id"]), "text"),
        (refusal::<Hyphenated>(&db, &["id"]), "text"),
        (refusal::<Vec<u8>>(&db, &["id"]), "blobs"),
        (refusal::<Uuid>(&db, &["id"]), "blobs"),
        (refusal::<Reverse<String>>(&db, &["id"]), "text"),
        (refusal::<(Uuid,)>(&db, &["id"]), "blobs"),
    ] {
        let expected = format!(
            "the key of table \"t\" is {what} by its type, but the column \"id\", declared INTEGER, \
             holds only integers; use a type such as `i64` for it{}",
            // What is said of it by default.
            if what == "text" { own } else { "" }
        );
        assert_eq!(refused, Some(expected));
    }
    let rowid = refusal::<String>(&db, &["rowid"]).unwrap();
    assert!(
        rowid.contains("column \"rowid\" holds only integers"),
        "{rowid}"
    );
    assert_eq!(refusal::<i64>(&db, &["id"]), None);
    assert_eq!(refusal::<Reverse<u8>>(&db, &["ID"]), None);
    assert_eq!(refusal::<DynKey>(&db, &["id"]), None);
}

#[test]
fn of_a_composite_key_the_column_is_named_that_does_not_fit() {
    let db = open("CREATE TABLE t (a TEXT, b INT, PRIMARY KEY (a, b)) WITHOUT ROWID");
    let refused = refusal::<(i64, i64)>(&db, &["a", "b"]).unwrap();
    for word in [
        "integers by its type",
        "\"a\"",
        "TEXT",
        "text or blobs",
        "`String`",
    ] {
        assert!(refused.contains(word), "{refused}");
    }
    assert_eq!(refusal::<(String, i64)>(&db, &["a", "b"]), None);
}

#[test]
fn a_strict_column_of_reals_is_a_key_of_any() {
    let db = open("CREATE TABLE t (k REAL NOT NULL UNIQUE) STRICT; INSERT INTO t VALUES (0.5)");
    let refused = refusal::<i64>(&db, &["k"]).unwrap();
    assert!(refused.ends_with("; use `Real` or `DynKey`"), "{refused}");
    assert_eq!(by::<DynKey>(&db, &["k"]).unwrap(), ["0.5"]);
    assert_eq!(by::<Real>(&db, &["k"]).unwrap(), ["0.5"]);
}

/// What a type can't be stored in, of those that SQLite stores a value in as it is.
#[test]
fn what_a_column_can_hold_is_no_more_than_its_affinity_lets_in() {
    let columns = [
        // Declared as, and whether it can hold an integer, a text, a blob.
        ("", [true, true, true]),
        ("INT", [true, true, true]),
        ("NUMERIC", [true, true, true]),
        ("BLOB", [true, true, true]),
        ("DATE", [true, true, true]),
        ("REAL", [false, true, true]),
        ("DOUBLE", [false, true, true]),
        ("TEXT", [false, true, true]),
        ("VARCHAR(20)", [false, true, true]),
        ("CHARINT", [true, true, true]),
    ];
    let strict = [
        ("INT", [true, false, false]),
        ("INTEGER", [true, false, false]),
        ("REAL", [false, false, false]),
        ("TEXT", [false, true, false]),
        ("BLOB", [false, false, true]),
        ("ANY", [true, true, true]),
    ];
    let all = columns.map(|column| (column, "")).into_iter();
    for ((declared, can_hold), strict) in all.chain(strict.map(|column| (column, " STRICT"))) {
        let db = open(&format!(
            "CREATE TABLE t (k {declared} NOT NULL UNIQUE){strict}"
        ));
        let is_let = [
            refusal::<i64>(&db, &["k"]).is_none(),
            refusal::<String>(&db, &["k"]).is_none(),
            refusal::<Vec<u8>>(&db, &["k"]).is_none(),
        ];
        assert_eq!(is_let, can_hold, "{declared}{strict}");
        // SQLite agrees.
        let is_stored = ["7", "'x'", "x'07'"].map(|value| {
            let sql =
                format!("INSERT INTO t VALUES ({value}) RETURNING typeof(k) = typeof({value})");
            db.query_row(&sql, [], |row| row.get(0)).unwrap_or(false)
        });
        assert_eq!(is_stored, can_hold, "{declared}{strict}");
    }
}

/// A number or a blob, for all that is known.
#[derive(Clone, PartialEq, PartialOrd)]
struct Mine(i64);

impl SqlKeyColumn for Mine {
    const TEXT_ORDER: TextOrder = TextOrder::NotText;

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        i64::read(value).map(Mine)
    }

    fn bind(&self) -> ToSqlOutput<'_> {
        self.0.bind()
    }
}

#[test]
fn a_type_that_does_not_say_how_it_is_stored_is_refused_by_no_column() {
    let db = open("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT NOT NULL UNIQUE)");
    assert_eq!(refusal::<Mine>(&db, &["id"]), None);
    assert_eq!(refusal::<Mine>(&db, &["v"]), None);
}

/// Compares by bytes, of a text or of a blob.
#[derive(Clone, PartialEq, PartialOrd)]
struct Bytes<const IS_TEXT: bool>(Vec<u8>);

impl<const IS_TEXT: bool> SqlKeyColumn for Bytes<IS_TEXT> {
    const TEXT_ORDER: TextOrder = TextOrder::Binary;

    const STORAGE_CLASS: Option<Type> = match IS_TEXT {
        true => String::STORAGE_CLASS,
        false => None,
    };

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(Bytes(value.as_bytes()?.to_vec()))
    }

    fn bind(&self) -> ToSqlOutput<'_> {
        self.0.bind()
    }
}

#[test]
fn a_type_that_compares_by_bytes_and_may_be_a_blob_says_that_it_depends() {
    let db = open("CREATE TABLE t (k BLOB NOT NULL UNIQUE) STRICT; INSERT INTO t VALUES (x'07')");
    let refused = refusal::<Bytes<true>>(&db, &["k"]).unwrap();
    assert!(
        refused.contains("`SqlKeyColumn::STORAGE_CLASS`"),
        "{refused}"
    );
    assert_eq!(by::<Bytes<false>>(&db, &["k"]).unwrap(), ["x'07'"]);
}
