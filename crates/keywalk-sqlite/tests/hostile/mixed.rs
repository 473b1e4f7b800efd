//! An INTEGER column holds what it likes.

use keywalk::{Order, Walk};
use keywalk_sqlite::{ErrorKind, Key, Table};
use rusqlite::Connection;

use crate::walked::{ORDERS, column, integers, keys, open, walked};

/// Nine integers and one value that is none, in a key that is declared so.
fn nine_and(value: &str, declared: &str) -> Connection {
    open(&format!(
        "CREATE TABLE t (id {declared}, v);
         INSERT INTO t VALUES (10, 0), (20, 0), (30, 0), (40, 0), (50, 0), (60, 0), (70, 0), (80, 0),
             (90, 0), ({value}, 'bad')"
    ))
}

/// Walks up to the bad row, mends it, and goes on from there; in chunks of 1 to 7.
fn check(value: &str, shown: &str, mended: i64, declared: &str, (order, live): (Order, bool)) {
    for size in 1..=7 {
        let db = nine_and(value, declared);
        let table = || {
            Table::new(&db, "t")
                .key::<i64>(["id"])
                .expect("it is the key")
        };
        let direction = match order {
            Order::Ascending => "",
            Order::Descending => "DESC",
        };
        let sql = format!("SELECT v = 'bad' FROM t ORDER BY id {direction}");
        let place = integers(&db, &sql)
            .iter()
            .position(|bad| *bad == 1)
            .expect("it is there");

        let walk = Walk::new(table()).chunk_size(size).order(order);
        let found = walked(if live { walk.live() } else { walk });
        let error = found.error.expect("the bad row is met").to_string();
        let holds = format!("key column \"id\" of table \"t\" holds {shown}, ");
        assert!(error.starts_with(&holds), "{error}");

        // A bounded walk asks for its last key first.
        let is_last = !live && place == 9;
        let whole_chunks = if is_last { 0 } else { place / size * size };
        let came = found.keys.len();
        assert!((whole_chunks..=place).contains(&came), "{came} of {place}");

        db.execute("UPDATE t SET id = ?1 WHERE v = 'bad'", [mended])
            .expect("it is mended");
        let rest = keys(Walk::new(table()).chunk_size(size).resume(found.cursor));
        let all = integers(&db, &format!("SELECT id FROM t ORDER BY id {direction}"));
        assert_eq!(
            [found.keys, rest].concat(),
            all,
            "{value}, chunks of {size}"
        );
    }
}

/// In both orders, bounded and live.
fn check_each_way(value: &str, shown: &str, mended: i64, declared: &str) {
    for order in ORDERS {
        for live in [false, true] {
            check(value, shown, mended, declared, (order, live));
        }
    }
}

#[test]
fn a_text_blob_or_real_in_an_integer_key_is_named_and_the_walk_goes_on_once_it_is_mended() {
    for declared in [
        "INT NOT NULL PRIMARY KEY",
        "INTEGER NOT NULL PRIMARY KEY DESC",
    ] {
        check_each_way("'abc'", "the text 'abc'", 95, declared);
        check_each_way("''", "the text ''", 95, declared);
        check_each_way("x'00'", "the blob x'00'", 95, declared);
        check_each_way("35.5", "35.5", 35, declared);
        check_each_way("-1e300", "-1e300", 5, declared);
    }
    // Without a declared type 30.0 stays a real, and equals no other row's key.
    check_each_way("35.0", "35.0", 35, "NOT NULL PRIMARY KEY");
    check_each_way("'35'", "the text '35'", 95, "BLOB NOT NULL UNIQUE");
}

#[test]
fn a_null_in_an_integer_key_is_named_and_the_walk_goes_on_once_it_is_mended() {
    check_each_way("NULL", "NULL", 5, "INT PRIMARY KEY");
    check_each_way("NULL", "NULL", 5, "INTEGER PRIMARY KEY DESC");
}

/// SQLite has no integers above `i64::MAX`: a larger literal, or sum, is a REAL.
#[test]
fn an_integer_too_large_for_sqlite_is_a_real_and_an_error() {
    let max = "9.223372036854776e18";
    check_each_way("9223372036854775808", max, 95, "INT NOT NULL PRIMARY KEY");
    check_each_way(
        "18446744073709551615",
        "1.8446744073709552e19",
        95,
        "INT NOT NULL UNIQUE",
    );
    check_each_way("1e19", "1e19", 95, "INT NOT NULL PRIMARY KEY");
    check_each_way("'1e19'", "1e19", 95, "INT NOT NULL PRIMARY KEY");
}

#[test]
fn a_value_above_the_keys_own_type_is_an_error_at_its_row() {
    fn rows_and_error<K: Key>(db: &Connection) -> (usize, ErrorKind) {
        let table = Table::new(db, "t").key::<K>(["id"]).unwrap();
        let found = walked(Walk::new(table).chunk_size(1).live());
        (
            found.keys.len(),
            found.error.expect("it doesn't fit").kind(),
        )
    }
    let db = nine_and("256", "INT NOT NULL PRIMARY KEY");
    assert_eq!(rows_and_error::<u8>(&db), (9, ErrorKind::Value));
    db.execute("UPDATE t SET id = -1 WHERE id = 256", [])
        .unwrap();
    assert_eq!(rows_and_error::<u32>(&db), (0, ErrorKind::Value));
}

#[test]
fn a_dynamic_key_walks_all_storage_classes_in_sqlites_order() {
    for declared in [
        "INT NOT NULL PRIMARY KEY",
        "NOT NULL PRIMARY KEY DESC",
        "REAL NOT NULL UNIQUE",
        "TEXT NOT NULL UNIQUE",
    ] {
        let db = nine_and("'abc'", declared);
        db.execute_batch(
            "INSERT OR IGNORE INTO t (id) VALUES (3.5), (30.0), (x''), (x'ff'), (''), ('10'), ('1e1'),
                 (1e19), (-1e300), (9e999), (-9e999), (9223372036854775807), (-9223372036854775808)",
        )
        .unwrap();
        for order in ORDERS {
            let mut expected = column(&db, "SELECT id FROM t ORDER BY id");
            // Its own order is the index's.
            if declared.ends_with("DESC") != (order == Order::Descending) {
                expected.reverse();
            }
            for size in 1..=7 {
                let mut table = Table::new(&db, "t");
                if declared.ends_with("UNIQUE") {
                    table = table.key(["id"]).unwrap();
                }
                let found = keys(Walk::new(table).chunk_size(size).order(order));
                let found: Vec<_> = found
                    .into_iter()
                    .flat_map(|key| key.into_values())
                    .collect();
                assert_eq!(found, expected, "{declared}, chunks of {size}");
            }
        }
    }
}
