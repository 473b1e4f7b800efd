//! CORRUPT: pages of the table or its index are damaged.
//!
//! A page that is none any more is noticed when it is come to: the rows before it are the true ones.
//! Bits are another thing, since SQLite keeps no checksums. What can't be promised:
//!
//! - Where a bit is wrong within a value, a wrong value is read, by any reader.
//! - Where it is wrong within a key, the row has another key. SQLite's own cursor gives such a row
//!   where it stands, out of its order; to a walk that is an error in the middle of a chunk. At the
//!   end of a table's chunk the next search starts behind the wrong key, and misses what lies between.
//! - Where a page says that it has fewer cells than it has, the others are gone for any reader.
//!
//! `PRAGMA integrity_check` finds all of these but the first.

use std::sync::LazyLock;

use keywalk::Order;
use keywalk_sqlite::ErrorKind;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::Config;
use rusqlite::{Connection, ErrorCode};

use crate::pages::{Damage, Image, Kind, Page};
use crate::trial::{SIZES, Trial, code_of};
use crate::world::{ROWS, Way};

static IMAGE: LazyLock<Image> = LazyLock::new(Image::new);

type Rows = Vec<(i64, Vec<u8>)>;

/// What one cursor of SQLite's gives on the same file, up to its end or an error.
fn native(db: &Connection, trial: &Trial) -> (Rows, Option<rusqlite::Error>) {
    let (key, filter) = match trial.way {
        Way::ById | Way::Query => ("id", "true"),
        Way::ByIndex => ("n", "true"),
        Way::Filtered => ("id", "id % 3 <> 0"),
    };
    let order = match trial.order {
        Order::Ascending => "ASC",
        Order::Descending => "DESC",
    };
    let sql = format!("SELECT {key}, name FROM t WHERE {filter} ORDER BY {key} {order}");
    let mut statement = db.prepare(&sql).unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut seen = Vec::new();
    loop {
        match rows.next() {
            Ok(Some(row)) => {
                let bytes = row.get_ref(1).unwrap();
                let key = row.get_ref(0).unwrap().as_i64().unwrap_or(i64::MAX);
                seen.push((key, bytes.as_bytes().unwrap_or_default().to_vec()));
            }
            Ok(None) => return (seen, None),
            Err(error) => return (seen, Some(error)),
        }
    }
}

type WalkError = keywalk::Error<keywalk_sqlite::Error>;

/// What the walk gives, and that it is over then, and holds nothing.
fn walked(db: &Connection, trial: &Trial) -> (Rows, Option<WalkError>) {
    let mut chunks = trial.walk(db).chunks();
    let mut seen: Rows = Vec::new();
    let mut last = None;
    let error = loop {
        match chunks.next() {
            Ok(Some(rows)) => {
                let (first, end) = (rows[0].0, rows[rows.len() - 1].0);
                let is_after = |one: i64, other: i64| match trial.order {
                    Order::Ascending => one > other,
                    Order::Descending => one < other,
                };
                assert!(last.is_none_or(|last| is_after(first, last)), "{trial:?}");
                assert!(rows.len() == 1 || is_after(end, first), "{trial:?}");
                last = Some(end);
                seen.extend_from_slice(rows);
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
        assert!(seen.len() < 10 * ROWS as usize, "it goes on and on");
    };
    assert!(matches!(chunks.next(), Ok(None)) && matches!(chunks.next(), Ok(None)));
    trial.is_free(db);
    (seen, error)
}

fn keys(rows: &Rows) -> Vec<i64> {
    rows.iter().map(|row| row.0).collect()
}

/// The true rows up to the error, or all of them.
fn check_page(page: Page, damage: &Damage, trial: &Trial) -> bool {
    let (_dir, db) = IMAGE.damaged(page, damage);
    let (native, native_error) = native(&db, trial);
    let (rows, error) = walked(&db, trial);
    let what = format!("{page:?}, {damage:?}, {trial:?}: {error:?}");
    let true_keys = trial.keys();
    assert_eq!(keys(&rows), true_keys[..rows.len()], "{what}");
    assert_eq!(
        rows,
        native[..rows.len()],
        "{what}: as one cursor gives them"
    );
    match &error {
        Some(error) => assert_eq!(code_of(error), ErrorCode::DatabaseCorrupt, "{what}"),
        None => assert_eq!(
            rows.len(),
            true_keys.len(),
            "{what}: the end came too early"
        ),
    }
    // It doesn't fail where nothing that it reads is damaged.
    // A row that the filter drops is read all the same.
    let is_same = error.is_some() == native_error.is_some();
    assert!(
        is_same || error.is_some() && trial.way == Way::Filtered,
        "{what}"
    );
    error.is_some()
}

#[test]
fn every_page_that_is_gone_is_an_error_or_is_not_needed() {
    let mut failed = 0;
    for (at, page) in IMAGE.pages.iter().enumerate() {
        for way in Way::ALL {
            let order = [Order::Ascending, Order::Descending][at / 2 % 2];
            let trial = Trial {
                way,
                size: SIZES[at % 5],
                order,
                taken: 0,
            };
            let damage = Damage::Byte([0, 0xff][at % 2]);
            let is_error = check_page(*page, &damage, &trial);
            failed += usize::from(is_error);
            let is_needed = page.is_table || way == Way::ByIndex;
            assert!(is_error <= is_needed, "{page:?} of {trial:?} isn't read");
            let is_tree = page.kind != Kind::Overflow;
            assert!(
                is_error || !(is_tree && is_needed),
                "{page:?} of {trial:?} is read"
            );
        }
    }
    assert!(failed > IMAGE.pages.len());
}

/// The cursor stands after the last row that was handed out, and what is behind the damage isn't lost.
#[test]
fn the_walk_goes_on_from_its_cursor_once_the_page_is_restored() {
    let is_leaf = |page: &&Page| page.is_table && page.kind == Kind::Leaf;
    let leaves: Vec<&Page> = IMAGE.pages.iter().filter(is_leaf).collect();
    let middle = *leaves[leaves.len() / 2];
    for trial in Trial::after(0) {
        let (dir, db) = IMAGE.damaged(middle, &Damage::Byte(0));
        let mut items = trial.walk(&db).items();
        let mut seen: Vec<i64> = Vec::new();
        while let Some(Ok((key, _))) = items.next() {
            seen.push(key);
        }
        // A walk that begins by looking at rows for its last key may not get so far.
        assert!(trial.size == 512 || !seen.is_empty(), "{trial:?}");
        assert!(seen.len() < trial.keys().len(), "{trial:?}: it got past it");
        assert_eq!(seen.len() % trial.size, 0, "{trial:?}: whole chunks");
        IMAGE.restore(&dir);
        db.execute_batch("PRAGMA shrink_memory").unwrap();
        let rest = trial.walk(&db).resume(items.cursor()).items();
        seen.extend(rest.map(|item| item.expect("it is restored").0));
        assert_eq!(seen, trial.keys(), "{trial:?}");
    }
}

fn trials() -> impl Strategy<Value = Trial> {
    let order = prop_oneof![Just(Order::Ascending), Just(Order::Descending)];
    (select(&Way::ALL[..]), select(&SIZES[..]), order).prop_map(|(way, size, order)| Trial {
        way,
        size,
        order,
        taken: 0,
    })
}

fn config() -> Config {
    Config {
        failure_persistence: None,
        ..Config::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_damaged_page_is_an_error_behind_the_true_rows(
        page in select(IMAGE.pages.as_slice()),
        damage in Damage::whole(),
        trial in trials(),
    ) {
        check_page(page, &damage, &trial);
    }

    /// What SQLite finds nothing wrong with is walked as its own cursor walks it, to the last row.
    /// Otherwise the walk still ends, over keys in their order, or says what it met.
    #[test]
    fn flipped_bits_change_no_walk_that_sqlite_does_not_find_damaged(
        page in select(IMAGE.pages.as_slice()),
        damage in prop_oneof![Damage::bits(), Damage::header_bits()],
        trial in trials(),
    ) {
        let (_dir, db) = IMAGE.damaged(page, &damage);
        let (rows, error) = walked(&db, &trial);
        let keys_of = keys(&rows);
        prop_assert!(keys_of.is_sorted_by(|a, b| a < b) || keys_of.is_sorted_by(|a, b| a > b));
        let check = "PRAGMA integrity_check";
        let verdict: rusqlite::Result<String> = db.query_row(check, [], |row| row.get(0));
        if verdict.as_deref() == Ok("ok") {
            prop_assert!(error.is_none(), "{error:?}");
            prop_assert_eq!(keys(&rows), trial.keys());
            prop_assert_eq!((rows, None), native(&db, &trial));
        } else if let Some(error) = error {
            prop_assert!(is_of_damage(&error), "{}", error);
        }
    }
}

/// SQLite noticed; or a key or a value isn't what it was; or the rows came in another order.
fn is_of_damage(error: &WalkError) -> bool {
    match error {
        keywalk::Error::Source(source) => match source.kind() {
            ErrorKind::Value | ErrorKind::RepeatedKey => true,
            // Rows out of order, which SQLite doesn't notice.
            ErrorKind::Corrupt if source.sqlite_error().is_none() => true,
            _ => code_of(error) == ErrorCode::DatabaseCorrupt,
        },
        keywalk::Error::Contract(_) => true,
        _ => false,
    }
}
