//! A stored value that isn't of the key's type is an error with its table, column and value: never a
//! skipped row. The walk goes on from there once it is mended.

use std::cmp::Reverse;
use std::error::Error as StdError;

use keywalk::{Order, Walk};
use keywalk_sqlite::uuid::Uuid;
use keywalk_sqlite::uuid::fmt::Hyphenated;
use keywalk_sqlite::{DynKey, ErrorKind, SqlKeyColumn, Table, TextOrder};
use rusqlite::types::{FromSqlResult, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, params};

use crate::check::{Boxed, Values, check};
use crate::db::{ORDERS, by, by_id, column, integers, keys, open, query, walked};

fn table<'db, K: Values + 'static>(db: &'db Connection, key: &[&str]) -> Boxed<'db, K> {
    Box::new(by::<K>(db, key))
}

fn by_primary_key<'db>(db: &'db Connection, _: &[&str]) -> Boxed<'db, DynKey> {
    Box::new(Table::new(db, "t"))
}

fn all<'db, K: Values + 'static>(db: &'db Connection, key: &[&str]) -> Boxed<'db, K> {
    Box::new(query::<K>(db, "SELECT * FROM t", [], key))
}

/// Walks `t` by its columns in `order`, of which one row is bad, that with `v = 'bad'`; mends it, by a value
/// that has its place, and goes on.
fn bad<K: Values + 'static>(
    schema: &str,
    order: &str,
    (column, shown): (&str, &str),
    mended: &str,
) {
    bad_of(schema, order, (column, shown), mended, table::<K>);
}

fn bad_of<K: Values>(
    schema: &str,
    order: &str,
    (column, shown): (&str, &str),
    mended: &str,
    source: for<'db> fn(&'db Connection, &[&str]) -> Boxed<'db, K>,
) {
    let key: Vec<&str> = order
        .split(", ")
        .map(|name| name.trim_end_matches(" DESC"))
        .collect();
    let places = integers(
        &open(schema),
        &format!("SELECT v = 'bad' FROM t ORDER BY {order}"),
    );
    for (at, size) in (0..4).flat_map(|at| [1, 2, 3, 7, 512].map(|size| (at, size))) {
        let (order, live) = (ORDERS[at / 2], at % 2 == 0);
        let name = format!("{schema}, {order:?}, live: {live}, chunks of {size}");
        let is_bad = |bad: &i64| *bad == 1;
        let place = match order {
            Order::Ascending => places.iter().position(is_bad),
            Order::Descending => places.iter().rev().position(is_bad),
        };
        let place = place.expect("it is there");
        let db = open(schema);
        let walk = Walk::new(source(&db, &key)).chunk_size(size).order(order);
        let found = walked(if live { walk.unbounded() } else { walk });
        let error = found.error.expect(&name);
        assert_eq!(error.kind(), ErrorKind::Value, "{name}");
        let said = error.to_string();
        let is_query = said.contains("of the query");
        let relation = if is_query { "the query" } else { "table \"t\"" };
        let holds = format!("key column \"{column}\" of {relation} holds {shown}");
        assert!(said.starts_with(&holds), "{name}: {said}");
        let is_null = shown == "NULL";
        let cure = if is_null {
            "or use `Option<T>` as the column's type"
        } else {
            ", or the key's type"
        };
        assert!(said.ends_with(cure), "{name}: {said}");
        let is_said = error.source().is_some() || is_null;
        assert!(is_said, "{name}: rusqlite says why");

        // A bounded walk asks for its last key first; a query looks one row ahead.
        let is_last = !live && place + 1 == places.len();
        let whole_chunks = place.saturating_sub(is_query.into()) / size * size;
        let came = found.keys.len();
        let least = if is_last { 0 } else { whole_chunks };
        assert!((least..=place).contains(&came), "{name}: {came} of {place}");

        let mend = format!("UPDATE t SET {mended} WHERE v = 'bad'");
        db.execute_batch(&mend).expect("it is mended");
        let rest = keys(
            Walk::new(source(&db, &key))
                .chunk_size(size)
                .resume(found.cursor),
        );
        let all = keys(Walk::new(source(&db, &key)).order(order));
        assert_eq!([found.keys, rest].concat(), all, "{name}");
        assert_eq!(all.len(), places.len(), "{name}");
    }
}

/// Nine integers and one value that is none, in a key that is declared so.
fn nine_and(value: &str, declared: &str) -> String {
    format!(
        "CREATE TABLE t (id {declared}, v);
         INSERT INTO t VALUES (10, 0), (20, 0), (30, 0), (40, 0), (50, 0), (60, 0), (70, 0), (80, 0),
             (90, 0), ({value}, 'bad')"
    )
}

#[test]
fn what_is_no_integer_in_an_integer_key_is_an_error() {
    let long = format!("'{}\u{1}'", "é".repeat(10_000));
    let cut = format!("the text '{}'... (20001 bytes)", "é".repeat(40));
    let blob = format!("the blob x'{}'... (1000000 bytes)", "00".repeat(16));
    let escape = "'line' || char(10) || 'it''s' || char(27, 155, 0x202e) || '\"\\'";
    let escaped = r#"the text 'line\nit''s\u{1b}\u{9b}\u{202e}"\'"#;
    for (value, shown, mended) in [
        ("'abc'", "the text 'abc'", 95),
        ("''", "the text ''", 95),
        ("x'00ff'", "the blob x'00ff'", 95),
        ("35.5", "35.5", 35),
        ("-1e300", "-1e300", 5),
        ("9e999", "inf", 95),
        // SQLite has no integers above `i64::MAX`: a larger literal, or sum, is a REAL.
        ("9223372036854775808", "9.223372036854776e18", 95),
        ("18446744073709551615", "1.8446744073709552e19", 95),
        ("'1e19'", "1e19", 95),
        // Cut where long, and escaped where a terminal would act.
        (&long, &cut, 95),
        ("zeroblob(1000000)", &blob, 95),
        (escape, escaped, 95),
    ] {
        let (held, mended) = (format!("{shown}, which "), format!("id = {mended}"));
        let held = ("id", held.as_str());
        let schema = nine_and(value, "INT NOT NULL PRIMARY KEY");
        bad::<i64>(&schema, "id", held, &mended);
        bad::<Reverse<i64>>(&schema, "id DESC", held, &mended);
        let schema = nine_and(value, "INTEGER NOT NULL PRIMARY KEY DESC");
        bad::<i64>(&schema, "id", held, &mended);
    }
    // Without a declared type 35.0 stays a real, and equals no other row's key.
    for (value, declared, shown, mended) in [
        ("35.0", "NOT NULL PRIMARY KEY", "35.0", "id = 35"),
        ("'35'", "BLOB NOT NULL UNIQUE", "the text '35'", "id = 95"),
        ("NULL", "INT PRIMARY KEY", "NULL", "id = 5"),
        ("NULL", "INTEGER PRIMARY KEY DESC", "NULL", "id = 5"),
    ] {
        bad::<i64>(&nine_and(value, declared), "id", ("id", shown), mended);
    }
}

#[test]
fn an_integer_out_of_the_types_range_is_an_error() {
    fn out<K: Values + 'static>(value: &str, mended: &str) {
        let schema = nine_and(value, "INT NOT NULL PRIMARY KEY");
        bad::<K>(&schema, "id", ("id", &format!("{value}, ")), mended);
    }
    out::<i8>("128", "id = 95");
    out::<u8>("-1", "id = 5");
    out::<u8>("256", "id = 95");
    out::<u16>("65536", "id = 95");
    out::<i16>("65536", "id = 95");
    out::<u32>("-1", "id = 5");
    out::<u32>("4294967296", "id = 95");
    out::<i32>("4294967296", "id = 95");
}

#[test]
fn a_bad_value_in_any_column_of_any_key_is_an_error() {
    let pair = |key: &str| {
        format!(
            "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, v, PRIMARY KEY ({key}));
             INSERT INTO t VALUES (1, 1, 0), (2, 1, 0), (2, 'x', 'bad'), (3, 1, 0)"
        )
    };
    let held = ("b", "the text 'x', which ");
    bad::<(i64, i64)>(&pair("a, b"), "a, b", held, "b = 7");
    bad::<(i64, Reverse<i64>)>(&pair("a, b DESC"), "a, b DESC", held, "b = 7");
    let one = |declared: &str, values: &str| {
        format!("CREATE TABLE t (k {declared}, v); INSERT INTO t VALUES {values}")
    };
    let text = one(
        "TEXT NOT NULL PRIMARY KEY",
        "('a', 0), (CAST(x'61ff62' AS TEXT), 'bad'), ('b', 0)",
    );
    let held = ("k", "the text 'a\u{FFFD}b', which ");
    bad::<String>(&text, "k", held, "k = 'ab'");
    bad_of(&text, "k", held, "k = 'ab'", by_primary_key);
    let folded =
        "CREATE TABLE t (a INT NOT NULL, k TEXT NOT NULL COLLATE NOCASE, v, PRIMARY KEY (a, k));
         INSERT INTO t VALUES (1, 'a', 0), (2, CAST(x'00ff00' AS TEXT), 'bad'), (3, 'b', 0)";
    let held = ("k", "the text '\\0\u{fffd}\\0', which ");
    bad_of(folded, "a, k", held, "k = 'a'", by_primary_key);
}

#[test]
fn a_uuid_in_another_form_is_an_error() {
    let one = |declared: &str, values: &str| {
        format!("CREATE TABLE t (k {declared} NOT NULL UNIQUE, v); INSERT INTO t VALUES {values}")
    };
    let (fifteen, sixteen) = ("01".repeat(15), "01".repeat(16));
    let uuid = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    let (upper, plain) = (uuid.to_uppercase(), uuid.replace('-', ""));
    let blobs = one("BLOB", &format!("(zeroblob(16), 0), (x'{fifteen}', 'bad')"));
    let held = format!("the blob x'{fifteen}', which ");
    bad::<Uuid>(&blobs, "k", ("k", &held), &format!("k = x'{sixteen}'"));
    let nil = Uuid::nil().hyphenated();
    for text in [upper, plain] {
        let texts = one("TEXT", &format!("('{nil}', 0), ('{text}', 'bad')"));
        let held = format!("the text '{text}', which ");
        bad::<Hyphenated>(&texts, "k", ("k", &held), &format!("k = '{uuid}'"));
    }
    // In one column they are distinguished. Text comes before blobs.
    let both = |bad| {
        format!(
            "('{nil}', {}), (x'{sixteen}', {})",
            ["'bad'", "0"][bad],
            ["0", "'bad'"][bad]
        )
    };
    let held = format!("the text '{nil}', which ");
    bad::<Uuid>(
        &one("BLOB", &both(0)),
        "k",
        ("k", &held),
        "k = zeroblob(16)",
    );
    let held = format!("the blob x'{sixteen}', which ");
    bad::<Hyphenated>(
        &one("BLOB", &both(1)),
        "k",
        ("k", &held),
        &format!("k = '{uuid}'"),
    );
}

#[test]
fn a_null_is_an_error_that_says_how_to_leave_it_out() {
    for direction in ["", "DESC"] {
        let schema = format!(
            "CREATE TABLE t (k TEXT PRIMARY KEY {direction}, v);
             INSERT INTO t VALUES ('a', 0), (NULL, 'bad'), ('b', 0)"
        );
        let held = ("k", "NULL");
        bad::<String>(&schema, "k", held, "k = ''");
        bad::<Reverse<String>>(&schema, "k DESC", held, "k = ''");
        let order = if direction.is_empty() { "k" } else { "k DESC" };
        bad_of(&schema, order, held, "k = ''", by_primary_key);
    }
    // A NaN is stored as NULL.
    let reals = "CREATE TABLE t (k REAL PRIMARY KEY, v);
         INSERT INTO t VALUES (1, 0), (-1, 0), (9e999 - 9e999, 'bad')";
    bad_of(reals, "k", ("k", "NULL"), "k = -2", by_primary_key);
    for (place, column) in ["a", "b", "c"].into_iter().enumerate() {
        let mut fifth = ["2", "1", "1"];
        fifth[place] = "NULL";
        let schema = format!(
            "CREATE TABLE t (a INT, b INT, c INT, v, UNIQUE (a, b, c));
             INSERT INTO t VALUES (1, 1, 1, 0), (1, 1, 2, 0), (1, 2, 1, 0), (2, 1, 0, 0), ({}, 'bad'),
                 (2, 2, 2, 0), (3, 1, 1, 0)",
            fifth.join(", ")
        );
        let mended = format!("{column} = -1");
        bad_of(
            &schema,
            "a, b, c",
            (column, "NULL"),
            &mended,
            all::<(i64, i64, i64)>,
        );
    }
}

/// The union of searches for mixed directions, and any query, end by looking at a row too many; and where
/// keys are compared as they are read, a row past the range is read too.
#[test]
fn a_bad_row_past_the_range_does_not_matter_and_one_in_it_does() {
    let db = open(
        "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b DESC));
         INSERT INTO t VALUES (1, 1), (2, 2), (3, 'x')",
    );
    type Mixed = (i64, Reverse<i64>);
    let walk = Walk::new(by::<Mixed>(&db, &["a", "b"])).range(..=(2, Reverse(0)));
    assert_eq!(keys(walk.unbounded()).len(), 2);

    let db = open(
        "CREATE TABLE t (id INT NOT NULL UNIQUE);
         INSERT INTO t VALUES (-0.5), (0), (1), (2), (2.5), (4)",
    );
    for size in [1, 2, 3, 100] {
        for order in ORDERS {
            let walk = |range: std::ops::RangeInclusive<i64>| {
                let walk = Walk::new(by_id(&db)).range(range).order(order);
                walked(walk.unbounded().chunk_size(size))
            };
            let in_range = walk(0..=2);
            assert!(in_range.error.is_none(), "{order:?}, chunks of {size}");
            assert_eq!(in_range.keys.len(), 3, "{order:?}, chunks of {size}");
            let past = match order {
                Order::Ascending => walk(0..=3),
                Order::Descending => walk(-1..=2),
            };
            assert!(past.error.is_some(), "{order:?}, chunks of {size}");
        }
    }
}

/// What to do for keys above `i64::MAX`: a type of one's own that maps them onto SQLite's integers.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
struct Unsigned(u64);

impl SqlKeyColumn for Unsigned {
    const TEXT_ORDER: TextOrder = TextOrder::NotText;

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(Unsigned(value.as_i64()?.cast_unsigned() ^ (1 << 63)))
    }

    fn bind(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Owned(Value::Integer((self.0 ^ (1 << 63)).cast_signed()))
    }
}

impl Values for Unsigned {
    fn values(&self) -> Vec<Value> {
        vec![Value::Integer((self.0 ^ (1 << 63)).cast_signed())]
    }
}

#[test]
fn u64_keys_are_walked_by_a_type_of_ones_own() {
    let db = open("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    let all = [0, 1, 1 << 63, u64::MAX - 1, u64::MAX].map(Unsigned);
    for key in &all {
        db.execute("INSERT INTO t VALUES (?1)", [SqlKeyColumn::bind(key)])
            .unwrap();
    }
    let key = &["id"];
    assert_eq!(keys(Walk::new(by::<Unsigned>(&db, key))), all);
    let sql = "SELECT * FROM t ORDER BY id";
    check(by::<Unsigned>(&db, key), &db, sql, [], key);
}

#[test]
fn keys_of_a_megabyte_are_walked_and_messages_stay_short() {
    let db = open(
        "CREATE TABLE t (k NOT NULL PRIMARY KEY, v INT); CREATE TABLE u (k TEXT); CREATE INDEX i ON u (k)",
    );
    let long = "x".repeat(1 << 20);
    for (at, end) in (1_i64..).zip(["a", "b", "c"]) {
        let row = params![format!("{long}{end}"), at];
        db.execute("INSERT INTO t VALUES (?1, ?2), (CAST(?1 AS BLOB), ?2)", row)
            .unwrap();
    }
    let expected = column(&db, "SELECT k FROM t ORDER BY k");
    for size in [1, 2, 7] {
        let found = keys(Walk::new(Table::new(&db, "t")).chunk_size(size));
        let found: Vec<Value> = found.into_iter().flat_map(DynKey::into_values).collect();
        assert!(found == expected, "chunks of {size}");
    }

    db.execute("INSERT INTO u VALUES (?1), (?1)", [format!("{long}!")])
        .unwrap();
    let by_integer = |order| walked(Walk::new(by::<i64>(&db, &["k"])).order(order)).error;
    let twice = query::<String>(&db, "SELECT k FROM u", [], &["k"]);
    let failing = Table::new(&db, "t").map(|row| row.get::<_, String>("v"));
    for error in [
        by_integer(Order::Ascending),
        by_integer(Order::Descending),
        walked(Walk::new(by::<String>(&db, &["k"]))).error,
        walked(Walk::new(failing)).error,
        walked(Walk::new(twice)).error,
    ] {
        let error = error.expect("it is no such key");
        let kinds = [ErrorKind::Value, ErrorKind::RepeatedKey];
        assert!(kinds.contains(&error.kind()), "{:?}", error.kind());
        let cause = error.source().map(ToString::to_string);
        let said = format!("{error}{}", cause.unwrap_or_default());
        assert!(said.contains("... (1048577 bytes)"), "{said}");
        assert!(said.len() < 400, "{} bytes", said.len());
    }
    let key = Table::new(&db, "t").dyn_key([format!("{long}a")]).unwrap();
    assert!(key.to_string().len() < 100);
}
