//! Which tables can be walked, by which keys: each in SQLite's own order.

use std::cmp::Reverse;
use std::ops::Bound;

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, Order, Walk};
#[cfg(all(feature = "chrono", feature = "jiff"))]
use keywalk_sqlite::ErrorKind;
use keywalk_sqlite::uuid::Uuid;
use keywalk_sqlite::uuid::fmt::{Hyphenated, Simple};
use keywalk_sqlite::{Collated, DynKey, Real, Table};
use rusqlite::{Connection, params};

use crate::check::{Values, check};
#[cfg(all(feature = "chrono", feature = "jiff"))]
use crate::db::outcome;
use crate::db::{ORDERS, by, by_id, keys, open, query};

/// By these columns the table `t` gives what it holds in this order.
fn gives<K: Values>(db: &Connection, key: &[&str], order: &str) {
    let columns: Vec<String> = key.iter().map(|name| format!("{name} AS {name}")).collect();
    let sql = format!("SELECT {}, * FROM t ORDER BY {order}", columns.join(", "));
    assert!(check(by::<K>(db, key), db, &sql, [], key) > 1, "{sql}");
}

/// By the key that its schema tells.
fn gives_by_primary_key(db: &Connection, key: &[&str], order: &str) {
    let sql = format!("SELECT * FROM t ORDER BY {order}");
    assert!(check(Table::new(db, "t"), db, &sql, [], key) > 1, "{sql}");
}

#[test]
fn integers_of_every_size_come_in_numeric_order() {
    let db = open(
        "CREATE TABLE t (k INTEGER PRIMARY KEY, s INT NOT NULL UNIQUE);
         INSERT INTO t VALUES (-9223372036854775807 - 1, 1), (9223372036854775807, 2), (0, 3),
             (-1, 127), (9223372036854775806, 9), (2, 0)",
    );
    gives::<i64>(&db, &["k"], "k");
    gives::<Reverse<i64>>(&db, &["k"], "k DESC");
    gives::<i8>(&db, &["s"], "s");
    gives::<i16>(&db, &["s"], "s");
    gives::<i32>(&db, &["s"], "s");
    gives::<u8>(&db, &["s"], "s");
    gives::<u16>(&db, &["s"], "s");
    gives::<u32>(&db, &["s"], "s");
    gives::<Reverse<u32>>(&db, &["s"], "s DESC");
    gives::<(i64,)>(&db, &["s"], "s");
}

#[test]
fn text_blobs_and_uuids_come_in_the_order_of_their_bytes() {
    let texts = [
        "",
        "a",
        "A",
        "a\0",
        "a\0b",
        "\0",
        "\0a",
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
    for some in [&texts[..], &texts[..6]] {
        let db = open("CREATE TABLE t (k TEXT NOT NULL PRIMARY KEY, b BLOB NOT NULL UNIQUE)");
        for text in some {
            db.execute(
                "INSERT INTO t VALUES (?1, ?2)",
                params![text, text.as_bytes()],
            )
            .unwrap();
        }
        gives::<String>(&db, &["k"], "k");
        gives::<Reverse<String>>(&db, &["k"], "k DESC");
        gives::<Vec<u8>>(&db, &["b"], "b");
        gives::<Reverse<Vec<u8>>>(&db, &["b"], "b DESC");
        let mut sorted = some.to_vec();
        sorted.sort_unstable();
        assert_eq!(keys(Walk::new(by::<String>(&db, &["k"]))), sorted);
    }
    let db = open(
        "CREATE TABLE t (b BLOB NOT NULL UNIQUE, h TEXT NOT NULL UNIQUE, s TEXT NOT NULL UNIQUE)",
    );
    for uuid in [0, u128::MAX, 0xff << 120, 0x80 << 120, 0xab << 64, 0xab00] {
        let uuid = Uuid::from_u128(uuid);
        let texts = (uuid.hyphenated().to_string(), uuid.simple().to_string());
        let row = (&uuid.as_bytes()[..], texts.0, texts.1);
        db.execute("INSERT INTO t VALUES (?1, ?2, ?3)", row)
            .unwrap();
    }
    gives::<Uuid>(&db, &["b"], "b");
    gives::<Hyphenated>(&db, &["h"], "h");
    gives::<Reverse<Hyphenated>>(&db, &["h"], "h DESC");
    gives::<Simple>(&db, &["s"], "s");
}

/// Numbers around zero in as many columns as a key can have, so that every comparison of columns
/// decides somewhere.
fn six(index: &str) -> Connection {
    open(&format!(
        "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c INT NOT NULL, d INT NOT NULL,
             e INT NOT NULL, f INT NOT NULL);
         WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 63)
             INSERT INTO t SELECT -(i >> 5 & 1), i >> 4 & 1, i >> 3 & 1, i >> 2 & 1, i >> 1 & 1, i & 1
             FROM n WHERE i % 3 <> 1;
         CREATE UNIQUE INDEX i ON t ({index})"
    ))
}

const SIX: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

#[test]
fn tuples_of_two_to_six_columns_come_by_the_first_then_by_the_next() {
    let db = six("a, b, c, d, e, f");
    type Six = (i64, i64, i8, i64, i64, i64);
    gives::<Six>(&db, &SIX, "a, b, c, d, e, f");
    type Down<T = Reverse<i64>> = (T, T, T, T, T, T);
    gives::<Down>(&db, &SIX, "a DESC, b DESC, c DESC, d DESC, e DESC, f DESC");
    for width in (2..=5).rev() {
        let columns = SIX[..width].join(", ");
        let first = format!("SELECT min(rowid) FROM t GROUP BY {columns}");
        db.execute_batch(&format!(
            "DELETE FROM t WHERE rowid NOT IN ({first}); CREATE UNIQUE INDEX i{width} ON t ({columns})"
        ))
        .unwrap();
        match width {
            5 => gives::<(i64, i64, i64, i64, i64)>(&db, &SIX[..5], &columns),
            4 => gives::<(i64, i64, i64, i64)>(&db, &SIX[..4], &columns),
            3 => gives::<(i64, i64, i64)>(&db, &SIX[..3], &columns),
            _ => gives::<(i64, i64)>(&db, &SIX[..2], &columns),
        }
    }
}

#[test]
fn columns_may_each_be_of_a_type_and_go_in_a_direction_of_their_own() {
    let order = "a, b DESC, c, d DESC, e DESC, f";
    type Six = (i64, Reverse<i64>, i64, Reverse<i64>, Reverse<i64>, i64);
    gives::<Six>(&six(order), &SIX, order);
    let db = open(
        "CREATE TABLE t (tenant TEXT NOT NULL, at INT NOT NULL, id BLOB NOT NULL,
             PRIMARY KEY (tenant, at DESC, id)) WITHOUT ROWID;
         INSERT INTO t VALUES ('', 0, x'00'), ('', 0, x'ff'), ('a', 5, x'01'),
             ('a', -5, x''), ('é', 0, x''), ('a', 5, x'')",
    );
    type Mixed = (String, Reverse<i64>, Vec<u8>);
    gives::<Mixed>(&db, &["tenant", "at", "id"], "tenant, at DESC, id");
    for key in ["a, b", "a, b DESC", "a DESC, b"] {
        let db = open(&format!(
            "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, PRIMARY KEY ({key}));
             INSERT INTO t VALUES (1, 1), (1, 3), (2, 2), (3, 1), (3, 2)"
        ));
        let pair = &["a", "b"];
        gives_by_primary_key(&db, pair, key);
        if key == "a, b" {
            gives::<(i64, i64)>(&db, pair, "a, b");
            gives::<(Reverse<i64>, Reverse<i64>)>(&db, pair, "a DESC, b DESC");
            // Its directions stay its own.
            db.execute_batch("CREATE INDEX other ON t (a DESC, b)")
                .unwrap();
            gives_by_primary_key(&db, pair, key);
        } else {
            gives::<(i64, Reverse<i64>)>(&db, pair, "a, b DESC");
            gives::<(Reverse<i64>, i64)>(&db, pair, "a DESC, b");
        }
    }
}

#[test]
fn reals_and_truths_come_in_numeric_order() {
    let db = open(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, r REAL NOT NULL UNIQUE, n NUMERIC NOT NULL UNIQUE, b INT NOT NULL);
         CREATE INDEX i ON t (b, r DESC);
         INSERT INTO t VALUES (1, -9e999, -9e999, 1), (2, -0.0, 3.0, 0), (3, 5, 2.5, 1), (4, 9e999, 1e300, 0),
             (5, 5e-324, -7, 1)",
    );
    gives::<Real>(&db, &["r"], "r");
    let numbers = keys(Walk::new(by::<Real>(&db, &["n"])));
    let expected = [f64::NEG_INFINITY, -7.0, 2.5, 3.0, 1e300];
    assert_eq!(
        numbers.into_iter().map(Real::get).collect::<Vec<_>>(),
        expected
    );
    gives::<(bool, Reverse<Real>)>(&db, &["b", "r"], "b, r DESC");
    assert_eq!(Real::new(-0.0), Real::new(0.0));
    assert_eq!(Real::new(f64::NAN), None);
    assert!(Real::new(f64::NEG_INFINITY) < Real::new(-0.0));
}

/// These texts are keys of the type, in its order, and lie within its first and last value; these others are errors.
#[cfg(all(feature = "chrono", feature = "jiff"))]
fn are_texts<K: Values + Ord>(texts: &[String], others: &[&str], (first, last): (K, K)) {
    let db = open("CREATE TABLE t (k TEXT NOT NULL UNIQUE)");
    let insert = |text: &str| {
        let inserted = db.execute("INSERT INTO t VALUES (?1)", [text]);
        inserted.expect("it is another");
    };
    texts.iter().rev().for_each(|text| insert(text));
    gives::<K>(&db, &["k"], "k");
    let all = Walk::new(by::<K>(&db, &["k"])).range(first..=last);
    assert_eq!(keys(all).len(), texts.len());
    for other in others {
        insert(other);
        let error = outcome(Walk::new(by::<K>(&db, &["k"]))).expect_err(other);
        assert_eq!(error.kind(), ErrorKind::Value, "{other}: {error}");
        db.execute("DELETE FROM t WHERE k = ?1", [other])
            .expect("it is there");
    }
}

#[cfg(all(feature = "chrono", feature = "jiff"))]
#[test]
fn dates_and_times_come_in_the_order_of_their_text_and_in_no_other_form() {
    use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
    use jiff::civil;
    let dates = "0000-01-01 0999-12-31 1969-12-31 1970-01-01 2024-02-29 9999-12-31";
    let dates: Vec<String> = dates.split(' ').map(str::to_owned).collect();
    let times = |fractions: &str| -> Vec<String> {
        let noons = fractions
            .split(' ')
            .map(|fraction| format!("12:00:00{fraction}"));
        let ends = |end: &str| [end.to_owned()];
        (ends("00:00:00")
            .into_iter()
            .chain(noons)
            .chain(ends("23:59:59")))
        .collect()
    };
    let both = |between: &str, times: &[String], end: &str| -> Vec<String> {
        let all = dates
            .iter()
            .flat_map(|date| times.iter().map(move |time| (date, time)));
        all.map(|(date, time)| format!("{date}{between}{time}{end}"))
            .collect()
    };
    let (by_three, by_one) = (
        times(" .000000001 .000001 .001 .010 .500 .500001 .500001001"),
        times(" .000000001 .000001 .001 .01 .5 .500001 .500001001"),
    );
    let no_dates = [
        "2024-02-30",
        "2024-2-01",
        "20240201",
        "-0001-01-01",
        "+2024-01-01",
        "2024-01-01 ",
    ];
    let no_times = [
        "12:00",
        "24:00:00",
        "12:00:00.",
        "12:00:00.000",
        "12:00:00.5000",
        "12:00:00Z",
        "9:00:00",
    ];
    let no_both = [
        "2024-01-01",
        "2024-01-01 12:00:00Z",
        "2024-01-01 12:00:00.000",
        "2024-01-01t12:00:00",
    ];

    are_texts(&dates, &no_dates, (NaiveDate::MIN, NaiveDate::MAX));
    let last = NaiveTime::from_hms_nano_opt(23, 59, 59, 1_999_999_999).expect("a leap second");
    let mut with_leap = by_three.clone();
    with_leap.push("23:59:60.250".to_owned());
    are_texts(&with_leap, &no_times, (NaiveTime::MIN, last));
    let all = (NaiveDateTime::MIN, NaiveDateTime::MAX);
    are_texts(&both(" ", &by_three, ""), &no_both, all);
    let all = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
    are_texts(
        &both(" ", &by_three, "+00:00"),
        &["2024-01-01 12:00:00", "2024-01-01 12:00:00+01:00"],
        all,
    );

    are_texts(&dates, &no_dates, (civil::Date::MIN, civil::Date::MAX));
    are_texts(&by_one, &no_times, (civil::Time::MIN, civil::Time::MAX));
    let all = (civil::DateTime::MIN, civil::DateTime::MAX);
    are_texts(&both("T", &by_one, ""), &no_both, all);
}

/// Keys with NULL in each column, alone and together: six rows, so that each of them bounds a walk.
fn with_nulls(index: &str, not_null: &str) -> Connection {
    let db = open(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT {not_null}, b TEXT COLLATE NOCASE, c INT, d INT NOT NULL);
         INSERT INTO t VALUES (1, NULL, NULL, NULL, 1), (2, NULL, 'B', 3, 1), (3, 7, NULL, 3, 1),
             (4, 7, 'a', NULL, 2), (5, 7, 'B', 3, 1), (6, -7, NULL, NULL, 3);
         CREATE INDEX i ON t ({index})"
    ));
    db.execute_batch("ANALYZE").expect("SQLite can");
    db
}

#[test]
fn null_comes_before_all_other_values_in_every_column_and_direction() {
    type Up = Option<i64>;
    type Down = Reverse<Option<i64>>;
    for (a, c) in [
        ("a", "c"),
        ("a", "c DESC"),
        ("a DESC", "c"),
        ("a DESC", "c DESC"),
    ] {
        let db = with_nulls(&format!("{a}, {c}, id"), "");
        let (key, order) = (&["a", "c", "id"], format!("{a}, {c}, id"));
        match (a, c) {
            ("a", "c") => gives::<(Up, Up, i64)>(&db, key, &order),
            ("a", _) => gives::<(Up, Down, i64)>(&db, key, &order),
            (_, "c") => gives::<(Down, Up, i64)>(&db, key, &order),
            _ => gives::<(Down, Down, i64)>(&db, key, &order),
        }
        gives::<DynKey>(&db, key, &order);
    }
    for (index, key) in [
        ("a", ["a", "id"]),
        ("d, a", ["a", "id"]),
        ("a, id DESC", ["a", "id"]),
    ] {
        let db = with_nulls(index, "");
        match index {
            "a" => gives::<(Up, i64)>(&db, &key, "a, id"),
            "d, a" => {
                let of_one = Table::new(&db, "t").prefix_eq("d", 1).unwrap();
                let of_one = of_one.key::<(Up, i64)>(key).unwrap();
                check(
                    of_one,
                    &db,
                    "SELECT * FROM t WHERE d = 1 ORDER BY a, id",
                    [],
                    &key,
                );
            }
            _ => gives::<(Up, Reverse<i64>)>(&db, &key, "a, id DESC"),
        }
    }
    let db = with_nulls("a", "");
    gives::<(Down, Reverse<i64>)>(&db, &["a", "id"], "a DESC, id DESC");
    let db = with_nulls("b, id", "");
    gives::<(Option<Collated>, i64)>(&db, &["b", "id"], "b, id");
    gives::<DynKey>(&db, &["b", "id"], "b, id");
    let db = with_nulls("b DESC, id", "");
    gives::<(Reverse<Option<Collated>>, i64)>(&db, &["b", "id"], "b DESC, id");
    // A query, whose columns may hold NULL for all that is known.
    let db = with_nulls("a, id", "");
    let sql = "SELECT id, a FROM t WHERE d < 9";
    let order = format!("{sql} ORDER BY a, id");
    let by_a = query::<(Up, i64)>(&db, sql, [], &["a", "id"]);
    check(by_a, &db, &order, [], &["a", "id"]);
    let db = open("CREATE TABLE u (a INT UNIQUE); INSERT INTO u VALUES (1), (NULL), (-1)");
    let by_a = query::<Up>(&db, "SELECT a FROM u", [], &["a"]);
    check(by_a, &db, "SELECT a FROM u ORDER BY a", [], &["a"]);
}

#[test]
fn a_null_bounds_a_walk_by_columns_that_have_none() {
    let db = with_nulls("a, id", "NOT NULL ON CONFLICT REPLACE DEFAULT 5");
    let range = |lower, upper| {
        let walk = Walk::new(by::<(Option<i64>, i64)>(&db, &["a", "id"]));
        let ids = keys(walk.range((lower, upper))).into_iter();
        ids.map(|(_, id)| id).collect::<Vec<_>>()
    };
    let null = |id| (None, id);
    let all = [6, 1, 2, 3, 4, 5];
    for id in [0, 9] {
        assert_eq!(range(Bound::Excluded(null(id)), Bound::Unbounded), all);
        assert_eq!(range(Bound::Unbounded, Bound::Included(null(id))), [0; 0]);
        let one = Bound::Included((Some(5), 1));
        assert_eq!(range(Bound::Included(null(id)), one), [6, 1]);
        let down = Walk::new(by::<(Option<i64>, i64)>(&db, &["a", "id"])).descending();
        assert_eq!(keys(down.range(null(id)..)).len(), all.len());
    }
}

#[test]
fn the_primary_key_is_the_key_where_none_is_named() {
    let alone = [
        "INTEGER PRIMARY KEY",
        "INT NOT NULL PRIMARY KEY",
        "INT PRIMARY KEY",
        "REAL NOT NULL PRIMARY KEY",
        "NOT NULL PRIMARY KEY",
        "TEXT NOT NULL PRIMARY KEY",
    ]
    .map(|key| (key, "", "a"));
    let down = [("INTEGER NOT NULL PRIMARY KEY DESC", "", "a DESC")];
    let pairs = ["b, c", "c, b", "b, c DESC", "b DESC, c DESC"].map(|pair| ("", pair, pair));
    for (alone, pair, order) in alone.into_iter().chain(down).chain(pairs) {
        let key = match pair {
            "" => format!("a {alone}, b, c"),
            pair => format!("a, b NOT NULL, c NOT NULL, PRIMARY KEY ({pair})"),
        };
        for without_rowid in ["", "WITHOUT ROWID"] {
            let db = open(&format!(
                "CREATE TABLE t ({key}) {without_rowid};
                 WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 19)
                     INSERT INTO t SELECT i * 7 % 20 - 9, i / 4, i % 4 FROM n"
            ));
            let columns: Vec<&str> = order.split(", ").map(|column| &column[..1]).collect();
            gives_by_primary_key(&db, &columns, order);
        }
    }
}

#[test]
fn a_table_is_walked_by_its_rowid_under_each_of_its_names() {
    let db =
        open("CREATE TABLE t (v); INSERT INTO t (rowid, v) VALUES (-5, 'a'), (9, 'b'), (2, 'c')");
    for name in ["rowid", "oid", "_rowid_", "ROWID"] {
        gives::<i64>(&db, &[name], name);
    }
    // A column of that name is that column, and the others are the rowid.
    let db = open(
        "CREATE TABLE t (v, rowid INT NOT NULL UNIQUE);
         INSERT INTO t (_rowid_, v, rowid) VALUES (1, 'a', 30), (2, 'b', 20), (3, 'c', 25)",
    );
    gives::<i64>(&db, &["rowid"], "rowid");
    gives::<i64>(&db, &["oid"], "oid");
}

/// Of every storage class, in columns that change what is put into them, and in those that don't.
#[test]
fn values_of_all_classes_in_one_column_come_in_sqlites_order() {
    for declared in [
        "INT NOT NULL",
        "NOT NULL",
        "REAL NOT NULL",
        "TEXT NOT NULL",
        "ANY NOT NULL",
    ] {
        for (key, order) in [
            ("PRIMARY KEY", "k"),
            ("PRIMARY KEY DESC", "k DESC"),
            ("UNIQUE", "k"),
        ] {
            for options in ["", "STRICT"] {
                if options == "STRICT" && !declared.starts_with("ANY") {
                    continue;
                }
                let db = open(&format!(
                    "CREATE TABLE t (k {declared} {key}) {options};
                     INSERT OR IGNORE INTO t VALUES (1), (0.5), (-0.0), (0), (1.5), (9e999), (-9e999),
                         (-1e300), (9223372036854775807), (9223372036854775808.0), ('10'),
                         (9223372036854774784.0),
                         (-9223372036854775807 - 1), (9007199254740993), (9007199254740992.0), ('abc'),
                         ('1e1'), (' 7'), (''), (x'00'), (x''), (x'ff'), (10), (1e-300), (1e19)"
                ));
                gives::<DynKey>(&db, &["k"], order);
            }
        }
    }
}

/// In a STRICT table a text that looks like a number stays one, and is a bound like any other.
#[test]
fn a_strict_table_is_walked_with_text_that_looks_like_numbers() {
    for options in ["STRICT", "STRICT, WITHOUT ROWID"] {
        let db = open(&format!(
            "CREATE TABLE t (k ANY NOT NULL PRIMARY KEY, n INT NOT NULL UNIQUE) {options};
             INSERT INTO t VALUES ('5', 1), (5, 2), (5.5, 4), (x'00', 5), ('1e3', 6), (' 7', 7)"
        ));
        gives_by_primary_key(&db, &["k"], "k");
        gives::<i64>(&db, &["n"], "n");
    }
}

#[test]
fn the_columns_of_an_index_and_the_rowid_behind_them_are_a_key() {
    let rows = "INSERT INTO t VALUES (3, 'b'), (1, 'b'), (2, 'a'), (5, 'b'), (4, 'c'), (6, 'a')";
    let indexed = |index: &str| {
        open(&format!(
            "CREATE TABLE t (v INTEGER PRIMARY KEY, c TEXT NOT NULL); CREATE INDEX i ON t ({index}); {rows}"
        ))
    };
    type Up = (String, i64);
    type Down = (Reverse<String>, Reverse<i64>);
    type Mixed = (Reverse<String>, i64);
    for index in ["c", "c, v"] {
        let db = indexed(index);
        gives::<Up>(&db, &["c", "v"], "c, v");
        gives::<DynKey>(&db, &["C", "V"], "c, v");
        gives::<Down>(&db, &["c", "v"], "c DESC, v DESC");
        let within = || Table::new(&db, "t").prefix_eq("c", "b").unwrap();
        let sql = "SELECT v, * FROM t WHERE c = 'b' ORDER BY v";
        check(within().key::<i64>(["v"]).unwrap(), &db, sql, [], &["v"]);
    }
    gives::<Up>(&indexed("c"), &["c", "rowid"], "c, v");
    for index in ["c DESC", "c DESC, v", "c, v DESC"] {
        gives::<Mixed>(&indexed(index), &["c", "v"], "c DESC, v");
    }
    for index in ["c DESC", "c DESC, v"] {
        gives::<DynKey>(&indexed(index), &["c", "v"], "c DESC, v");
    }
    gives::<Down>(&indexed("c DESC, v DESC"), &["c", "v"], "c DESC, v DESC");
    // One that begins with it doesn't matter.
    gives_by_primary_key(&indexed("v, c"), &["v"], "v");
    let db = open(&format!(
        "CREATE TABLE t (v INT PRIMARY KEY, c TEXT NOT NULL) WITHOUT ROWID; CREATE INDEX i ON t (c); {rows}"
    ));
    gives::<Up>(&db, &["c", "v"], "c, v");
    // A unique one, and columns that are computed.
    let db = open(
        "CREATE TABLE t (v INTEGER PRIMARY KEY, a TEXT NOT NULL, b INT NOT NULL,
             neg INT NOT NULL AS (-v) VIRTUAL UNIQUE, hex TEXT NOT NULL AS (hex(v * 7 % 5)) STORED UNIQUE,
             UNIQUE (a, b DESC));
         INSERT INTO t VALUES (1, 'x', 1), (2, 'x', 2), (3, 'w', 5), (4, 'y', 0)",
    );
    gives::<(String, Reverse<i64>)>(&db, &["a", "b"], "a, b DESC");
    gives::<DynKey>(&db, &["A", "B"], "a, b DESC");
    gives::<i64>(&db, &["neg"], "neg");
    gives::<String>(&db, &["hex"], "hex");
}

/// Only SQLite knows the order of their keys, and no single search ends at the far bound: columns in
/// different directions, and the rowid behind a collated column.
#[test]
fn collated_columns_come_in_their_collations_order() {
    for (collation, texts) in [
        ("NOCASE", ["b", "C", "a", "Z", "é", "É"]),
        ("RTRIM", ["a  ", "b", "B ", "", "a b", "é "]),
    ] {
        let schema = format!(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT NOT NULL COLLATE {collation}, n INT NOT NULL,
                 UNIQUE (n DESC, k)); CREATE UNIQUE INDEX kn ON t (k, n)"
        );
        let db = open(&format!("{schema}; CREATE UNIQUE INDEX k ON t (k)"));
        let twice = open(&format!("{schema}; CREATE INDEX k ON t (k)"));
        for text in texts {
            db.execute(
                "INSERT INTO t (k, n) VALUES (?1, unicode(?1 || 'q') % 2)",
                [text],
            )
            .unwrap();
        }
        for (at, text) in (0..).zip([texts[0], texts[1], texts[4]]) {
            let again = [text.to_uppercase(), text.to_lowercase() + " "];
            for (n, text) in (0..).zip(again) {
                let row: (i64, String, i64) = (9 - 3 * at + n, text, n);
                twice
                    .execute("INSERT INTO t VALUES (?1, ?2, ?3)", row)
                    .unwrap();
            }
        }
        gives::<Collated>(&db, &["k"], "k");
        gives::<DynKey>(&db, &["k"], "k");
        gives::<Reverse<Collated>>(&db, &["k"], "k DESC");
        for db in [&db, &twice] {
            gives::<(Collated, i64)>(db, &["k", "n"], "k, n");
            gives::<(Reverse<Collated>, Reverse<i64>)>(db, &["k", "n"], "k DESC, n DESC");
            gives::<DynKey>(db, &["k", "n"], "k, n");
            gives::<(Collated, i64)>(db, &["k", "id"], "k, id");
            gives::<DynKey>(db, &["k", "id"], "k, id");
            gives::<(Reverse<i64>, Collated)>(db, &["n", "k"], "n DESC, k");
            gives::<DynKey>(db, &["n", "k"], "n DESC, k");
        }
    }
}

#[test]
fn within_walks_the_rows_of_one_prefix_by_the_rest_of_the_key() {
    let db = open(
        "CREATE TABLE t (v, a INT NOT NULL, b TEXT NOT NULL, c INT NOT NULL, d INT NOT NULL,
             PRIMARY KEY (a, b, c DESC, d));
         WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 53)
             INSERT INTO t SELECT i, i % 3, i / 3 % 3, i / 9 % 3, i / 27 FROM n",
    );
    let within = |a: &str| Table::new(&db, "t").prefix_eq("a", a).unwrap();
    let rest = &["b", "c", "d"];
    let sql = "SELECT * FROM t WHERE a = 1 ORDER BY b, c DESC, d";
    type Rest = (String, Reverse<i64>, i64);
    check(within("1").key::<Rest>(*rest).unwrap(), &db, sql, [], rest);
    let any = within("1").key::<DynKey>(*rest).unwrap();
    check(any, &db, sql, [], rest);
    // The primary key without what is fixed; a value of another type compares as in SQL.
    check(within("1"), &db, sql, [], rest);
    let sql = "SELECT * FROM t WHERE a = 2 AND b = '0' ORDER BY c DESC, d";
    let fixed = || {
        let b = Table::new(&db, "t").prefix_eq("b", "0");
        b.and_then(|b| b.prefix_eq("A", 2)).unwrap()
    };
    let rest = &["c", "d"];
    check(fixed().key::<DynKey>(*rest).unwrap(), &db, sql, [], rest);
    let typed = fixed().key::<(Reverse<i64>, i64)>(*rest).unwrap();
    check(typed, &db, sql, [], rest);
    check(fixed(), &db, sql, [], rest);
    let filtered = fixed().filter("c <> 1", []).unwrap();
    let sql = sql.replace("ORDER", "AND c <> 1 ORDER");
    check(filtered, &db, &sql, [], rest);
    assert!(keys(Walk::new(within("7"))).is_empty());
}

#[test]
fn tables_of_no_and_of_one_row_are_walked() {
    for (order, rows) in ORDERS
        .into_iter()
        .flat_map(|order| [(order, 0), (order, 1)])
    {
        let db = open("CREATE TABLE t (id INTEGER PRIMARY KEY)");
        db.execute("INSERT INTO t SELECT -3 WHERE ?1", [rows > 0])
            .unwrap();
        for size in [1, 2, usize::MAX] {
            let walk = || Walk::new(by_id(&db)).chunk_size(size).order(order);
            let name = format!("{order:?}, chunks of {size}");
            assert_eq!(keys(walk()), vec![-3; rows], "{name}");
            let mut items = walk().items();
            assert_eq!(items.by_ref().count(), rows);
            assert_eq!(items.stats().queries(), 1 + rows as u64, "{name}");
        }
    }
}

#[test]
fn a_full_chunk_is_left_as_it_is() {
    let db = open("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)");
    let mut table = by_id(&db).map(|_| Ok(()));
    let mut chunk = Chunk::with_limit(2);
    let mut range = KeyRange::all(Order::Ascending);
    assert_eq!(table.fetch(&range, &mut chunk).unwrap(), Fetched::More);
    range.start_after(2);
    assert_eq!(table.fetch(&range, &mut chunk).unwrap(), Fetched::More);
    assert_eq!(chunk.as_slice(), [(1, ()), (2, ())]);
    assert!(!chunk.overflowed());
}
