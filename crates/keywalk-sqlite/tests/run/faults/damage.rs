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

/// What becomes of a page.
#[derive(Clone, Debug)]
enum Damage {
    /// The whole page is this byte.
    Byte(u8),
    Bytes(Vec<u8>),
    /// The bits at these places are the other way round.
    Bits(Vec<usize>),
}

impl Damage {
    /// A page of nothing: what it is of can't be read any more.
    fn whole() -> impl Strategy<Value = Damage> {
        // No b-tree page begins so, and no overflow page goes on there.
        let bytes = prop::collection::vec(any::<u8>(), SIZE - 1);
        let bytes = bytes.prop_map(|bytes| Damage::Bytes([vec![0x7f], bytes].concat()));
        prop_oneof![Just(Damage::Byte(0)), Just(Damage::Byte(0xff)), bytes]
    }

    /// Anywhere, or in the page's header and where it says its cells are.
    fn bits() -> impl Strategy<Value = Damage> {
        let places = prop_oneof![Just(SIZE * 8), Just(40 * 8)];
        let bits = places.prop_flat_map(|places| prop::collection::vec(0..places, 1..4));
        bits.prop_map(Damage::Bits)
    }
}

/// A file with this damage, and a connection to it.
fn damaged(page: Page, damage: &Damage) -> (TempDir, Connection) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("items.db");
    let mut bytes = IMAGE.0.clone();
    let page = &mut bytes[(page.number - 1) * SIZE..page.number * SIZE];
    match damage {
        Damage::Byte(byte) => page.fill(*byte),
        Damage::Bytes(bytes) => page.copy_from_slice(bytes),
        Damage::Bits(bits) => bits.iter().for_each(|bit| page[bit / 8] ^= 1 << (bit % 8)),
    }
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

/// The true rows up to the error, or all of them.
fn check_page(page: Page, damage: &Damage, trial: &Trial) -> bool {
    let (_dir, db) = damaged(page, damage);
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
    for (at, page) in IMAGE.1.iter().enumerate() {
        for way in Way::ALL {
            let (size, order) = (SIZES[at % 5], ORDERS[at / 2 % 2]);
            let trial = Trial {
                way,
                size,
                order,
                taken: 0,
            };
            let is_error = check_page(*page, &Damage::Byte([0, 0xff][at % 2]), &trial);
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
    assert!(failed > IMAGE.1.len());
}

/// The cursor stands after the last row that was handed out, and what is behind the damage isn't lost.
#[test]
fn the_walk_goes_on_from_its_cursor_once_the_page_is_restored() {
    let is_leaf = |page: &&Page| page.is_table && page.kind == Kind::Leaf;
    let leaves: Vec<&Page> = IMAGE.1.iter().filter(is_leaf).collect();
    let middle = *leaves[leaves.len() / 2];
    for trial in Trial::after(0) {
        let (dir, db) = damaged(middle, &Damage::Byte(0));
        let mut items = trial.walk(&db).items();
        let (mut seen, _) = until_error(&mut items, &db, trial);
        // A walk that begins by looking at rows for its last key may not get so far.
        assert!(trial.size == 512 || !seen.is_empty(), "{trial:?}");
        assert!(seen.len() < trial.keys().len(), "{trial:?}: it got past it");
        assert_eq!(seen.len() % trial.size, 0, "{trial:?}: whole chunks");
        fs::write(dir.path().join("items.db"), &IMAGE.0).unwrap();
        db.execute_batch("PRAGMA shrink_memory").unwrap();
        let rest = trial.walk(&db).resume(items.cursor()).items();
        seen.extend(rest.map(|item| item.expect("it is restored").0));
        assert_eq!(seen, trial.keys(), "{trial:?}");
    }
}

fn trials() -> impl Strategy<Value = Trial> {
    let of = |(way, size, order)| Trial {
        way,
        size,
        order,
        taken: 0,
    };
    (
        select(&Way::ALL[..]),
        select(&SIZES[..]),
        select(&ORDERS[..]),
    )
        .prop_map(of)
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
        page in select(IMAGE.1.as_slice()),
        damage in Damage::whole(),
        trial in trials(),
    ) {
        check_page(page, &damage, &trial);
    }

    /// What SQLite finds nothing wrong with is walked as its own cursor walks it, to the last row.
    /// Otherwise the walk still ends, over keys in their order, or says what it met.
    #[test]
    fn flipped_bits_change_no_walk_that_sqlite_does_not_find_damaged(
        page in select(IMAGE.1.as_slice()),
        damage in Damage::bits(),
        trial in trials(),
    ) {
        let (_dir, db) = damaged(page, &damage);
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
