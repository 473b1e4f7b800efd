//! A bit is wrong within a key, which SQLite doesn't notice: the row stands where it stood, and has
//! another key.

use std::fs;

use keywalk::{Order, Walk};
use keywalk_sqlite::{ErrorKind, Query, Table};
use rusqlite::Connection;

use crate::world::Source;

/// The rows 1 to 100, of which the eleventh says that it is the seventy-fifth.
fn damaged() -> (tempfile::TempDir, Connection) {
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

fn sources(db: &Connection) -> [Source<'_>; 2] {
    let name = |row: &rusqlite::Row<'_>| {
        row.get_ref("name")?
            .as_bytes()
            .map(<[u8]>::to_vec)
            .map_err(Into::into)
    };
    let table = Table::new(db, "t").key(["id"]).unwrap().map(name);
    let query = Query::new(db, "SELECT id, name FROM t", []).unwrap();
    [
        Box::new(table),
        Box::new(query.key(["id"]).unwrap().map(name)),
    ]
}

#[test]
fn keys_out_of_order_are_damage_and_are_not_handed_out() {
    let (_dir, db) = damaged();
    for order in [Order::Ascending, Order::Descending] {
        for (size, source) in [3, 7, 40, 512]
            .into_iter()
            .flat_map(|size| sources(&db).map(|source| (size, source)))
        {
            let mut keys = Vec::new();
            let mut walk = Walk::new(source).order(order).chunk_size(size).into_iter();
            let error = loop {
                match walk.next() {
                    Some(Ok((key, _))) => keys.push(key),
                    Some(Err(keywalk::Error::Source(error))) => break error,
                    other => panic!("by {size}, after {keys:?}: {other:?}"),
                }
            };
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            assert!(error.to_string().contains("integrity_check"));
            assert!(keys.is_sorted_by(|a, b| match order {
                Order::Ascending => a < b,
                Order::Descending => a > b,
            }));
        }
    }
}

/// A row is read ahead, as that of a query is.
#[test]
fn a_key_out_of_order_at_the_end_of_a_querys_chunk_is_damage_as_well() {
    let (_dir, db) = damaged();
    for size in [1, 11] {
        let [_, query] = sources(&db);
        let items = Walk::new(query).chunk_size(size).into_iter();
        let kinds: Vec<ErrorKind> = items
            .filter_map(|item| match item {
                Err(keywalk::Error::Source(error)) => Some(error.kind()),
                _ => None,
            })
            .collect();
        assert_eq!(kinds, [ErrorKind::Corrupt], "by {size}");
    }
}
