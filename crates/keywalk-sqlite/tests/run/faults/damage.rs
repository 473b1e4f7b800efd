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

use std::fs;
use std::sync::LazyLock;

use keywalk::{Order, Walk};
use keywalk_sqlite::ErrorKind;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::Config;
use rusqlite::{Connection, ErrorCode};
use tempfile::TempDir;

use super::trial::{
    ORDERS, ROWS, SIZES, Trial, WalkError, Way, World, assert_free, code_of, connect, source_of,
    until_error,
};

const SIZE: usize = 512;

/// Of what a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Leaf,
    Interior,
    Overflow,
}

#[derive(Clone, Copy, Debug)]
struct Page {
    number: usize,
    kind: Kind,
    /// Of the table itself, not of its index.
    is_table: bool,
}

/// A file that is whole, and all its pages but the first, which is the schema's.
static IMAGE: LazyLock<(Vec<u8>, Vec<Page>)> = LazyLock::new(|| {
    let world = World::new("DELETE");
    let sql = "SELECT pageno, pagetype, name = 't' FROM dbstat WHERE pageno > 1 ORDER BY 1";
    let mut statement = world.db.prepare(sql).unwrap();
    let page = |row: &rusqlite::Row<'_>| {
        let kind = match row.get_ref(1)?.as_str()? {
            "leaf" => Kind::Leaf,
            "internal" => Kind::Interior,
            _ => Kind::Overflow,
        };
        let (number, is_table) = (row.get::<_, u32>(0)? as usize, row.get(2)?);
        Ok(Page {
            number,
            kind,
            is_table,
        })
    };
    let pages: rusqlite::Result<Vec<Page>> = statement.query_map([], page).unwrap().collect();
    let pages = pages.unwrap();
    for kind in [Kind::Leaf, Kind::Interior, Kind::Overflow] {
        assert!(
            pages.iter().any(|page| page.is_table && page.kind == kind),
            "{kind:?}"
        );
    }
    (world.read("items.db"), pages)
});

/// A file of which a page is damaged, and a connection to it.
fn damaged(page: Page, damage: impl FnOnce(&mut [u8])) -> (TempDir, Connection) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("items.db");
    let mut bytes = IMAGE.0.clone();
    damage(&mut bytes[(page.number - 1) * SIZE..page.number * SIZE]);
    fs::write(&path, bytes).unwrap();
    (dir, connect(&path))
}

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

fn is_after(order: Order, one: i64, other: i64) -> bool {
    match order {
        Order::Ascending => one > other,
        Order::Descending => one < other,
    }
}

/// What the walk gives, and that it is over then, and holds nothing.
fn walked(db: &Connection, trial: &Trial) -> (Rows, Option<WalkError>) {
    let mut chunks = trial.walk(db).chunks();
    let mut seen: Rows = Vec::new();
    let mut last = None;
    let error = loop {
        match chunks.next() {
            Ok(Some(rows)) => {
                let (first, end) = (rows[0].0, rows[rows.len() - 1].0);
                assert!(
                    last.is_none_or(|last| is_after(trial.order, first, last)),
                    "{trial:?}"
                );
                assert!(
                    rows.len() == 1 || is_after(trial.order, end, first),
                    "{trial:?}"
                );
                last = Some(end);
                seen.extend_from_slice(rows);
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
        assert!(seen.len() < 10 * ROWS as usize, "it goes on and on");
    };
    assert!(matches!(chunks.next(), Ok(None)) && matches!(chunks.next(), Ok(None)));
    assert_free(db, trial);
    (seen, error)
}

fn keys(rows: &Rows) -> Vec<i64> {
    rows.iter().map(|row| row.0).collect()
}

/// The true rows up to the error, or all of them; whether there is one. A page of one byte is none.
fn check_page(page: Page, byte: u8, trial: &Trial) -> bool {
    let (_dir, db) = damaged(page, |page| page.fill(byte));
    let (native, native_error) = native(&db, trial);
    let (rows, error) = walked(&db, trial);
    let what = format!("{page:?}, {byte}, {trial:?}: {error:?}");
    let true_keys = trial.keys();
    assert_eq!(keys(&rows), true_keys[..rows.len()], "{what}");
    assert_eq!(
        rows,
        native[..rows.len()],
        "{what}: as one cursor gives them"
    );
    match &error {
        Some(error) => assert_eq!(code_of(error), ErrorCode::DatabaseCorrupt, "{what}"),
        // Not the end, too early.
        None => assert_eq!(rows.len(), true_keys.len(), "{what}"),
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
fn every_page_that_is_gone_is_an_error_behind_the_true_rows_or_is_not_needed() {
    let mut failed = 0;
    for (at, page) in IMAGE.1.iter().enumerate() {
        for trial in Trial::after(0).filter(|trial| trial.size == SIZES[at % 5]) {
            let is_error = check_page(*page, [0, 0xff][at % 2], &trial);
            failed += usize::from(is_error);
            let is_needed = page.is_table || trial.way == Way::ByIndex;
            assert!(is_error <= is_needed, "{page:?} of {trial:?} isn't read");
            let is_tree = page.kind != Kind::Overflow;
            assert!(
                is_error || !(is_tree && is_needed),
                "{page:?} of {trial:?} is read"
            );
        }
    }
    assert!(failed > IMAGE.1.len());
}

/// Bits anywhere, or in the page's header and where it says its cells are.
fn bits() -> impl Strategy<Value = Vec<usize>> {
    let places = prop_oneof![Just(SIZE * 8), Just(40 * 8)];
    places.prop_flat_map(|places| prop::collection::vec(0..places, 1..4))
}

fn config() -> Config {
    Config {
        failure_persistence: None,
        ..Config::default()
    }
}

proptest! {
    #![proptest_config(config())]

    /// What SQLite finds nothing wrong with is walked as its own cursor walks it, to the last row.
    /// Otherwise the walk still ends, over keys in their order, or says what it met.
    #[test]
    fn flipped_bits_change_no_walk_that_sqlite_does_not_find_damaged(
        page in select(IMAGE.1.as_slice()),
        bits in bits(),
        trial in select(Trial::after(0).collect::<Vec<_>>()),
    ) {
        let flip = |page: &mut [u8]| bits.iter().for_each(|bit| page[bit / 8] ^= 1 << (bit % 8));
        let (_dir, db) = damaged(page, flip);
        let (rows, error) = walked(&db, &trial);
        prop_assert!(keys(&rows).is_sorted_by(|a, b| is_after(trial.order, *b, *a)));
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

/// A bit is wrong within a key, which SQLite doesn't notice: the row stands where it stood, and has
/// another key. Of the rows 1 to 100, the eleventh says that it is the seventy-fifth.
fn out_of_order() -> (TempDir, Connection) {
    let dir = tempfile::tempdir().expect("there is room");
    let path = dir.path().join("items.db");
    let db = Connection::open(&path).unwrap();
    db.execute_batch(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);
         WITH RECURSIVE i(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < 100)
             INSERT INTO t SELECT i, 'nnnnn' FROM i",
    )
    .unwrap();
    drop(db);
    let mut bytes = fs::read(&path).unwrap();
    // A cell: its length, the rowid, its header (itself, NULL for the rowid, a text of 5 bytes).
    let cell = [8, 11, 3, 0, 23];
    let at = bytes.windows(5).position(|bytes| bytes == cell).unwrap();
    bytes[at + 1] = 75;
    fs::write(&path, bytes).unwrap();
    (dir, Connection::open(&path).unwrap())
}

#[test]
fn keys_out_of_order_are_damage_and_are_not_handed_out() {
    let (_dir, db) = out_of_order();
    // A row is read ahead, as that of a query is: there also where it is at the end of a chunk.
    for (way, size) in [3, 7, 40, 512]
        .into_iter()
        .flat_map(|size| [(Way::ById, size), (Way::Query, size)])
        .chain([(Way::Query, 1), (Way::Query, 11)])
    {
        let orders = if [1, 11].contains(&size) {
            &ORDERS[..1]
        } else {
            &ORDERS
        };
        for order in orders {
            let walk = Walk::new(way.source(&db).unwrap()).order(*order);
            let mut items = walk.chunk_size(size).items();
            let (keys, error) = until_error(&mut items, &db, way);
            let error = error.unwrap_or_else(|| panic!("{way:?} by {size}: {keys:?}"));
            let error = source_of(&error);
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            assert!(error.to_string().contains("integrity_check"));
            assert!(
                keys.is_sorted_by(|a, b| is_after(*order, *b, *a)),
                "{keys:?}"
            );
        }
    }
}
