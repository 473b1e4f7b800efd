//! Rows that don't decode: an error that names them, never a skipped row; and what the decoding sees.

use keywalk::Walk;
use keywalk_sqlite::{ErrorKind, Table};
use rusqlite::Connection;

use crate::db::open;
use crate::walked::rows_and_error;

#[test]
fn a_row_that_does_not_decode_is_named_by_its_key() {
    let db = open(
        "CREATE TABLE t (a TEXT, b INT, v INT, PRIMARY KEY (a, b)) WITHOUT ROWID;
         INSERT INTO t VALUES ('x', 1, 1), ('y', 2, 'seven'), ('z', 3, 3)",
    );
    let table = Table::new(&db, "t")
        .key::<(String, i64)>(["a", "b"])
        .unwrap();
    let table = table.map(|row| row.get::<_, i64>("v"));
    let (rows, error) = rows_and_error(Walk::new(table));
    let error = error.unwrap();
    assert_eq!((rows, error.kind()), (1, ErrorKind::Value));
    assert_eq!(
        error.to_string(),
        "the row of table \"t\" with the key the text 'y', 2 doesn't decode; change it, or what it is \
         decoded into (an `Option` where a column may be NULL)"
    );
    assert!(
        error.sqlite_error().unwrap().to_string().contains('v'),
        "rusqlite names the column"
    );
}

#[test]
fn a_column_that_is_not_read_is_named_beside_those_that_are() {
    let db = open(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT, w INT); INSERT INTO t VALUES (1, 1, 1)",
    );
    let table = || Table::new(&db, "t").key::<i64>(["id"]).unwrap();
    for (table, column, read) in [
        (table(), "nosuch", "\"id\", \"v\", \"w\""),
        (table().columns(["w"]), "v", "\"w\""),
    ] {
        let table = table.map(|row| row.get::<_, i64>(column));
        let (_, error) = rows_and_error(Walk::new(table));
        let error = error.unwrap();
        assert_eq!(error.kind(), ErrorKind::Value);
        let said = format!(
            "the decoding of a row of table \"t\" asks for a column that isn't read; those that are: {read}"
        );
        assert_eq!(error.to_string(), said);
        let source = error.sqlite_error().unwrap().to_string();
        assert!(source.contains(column), "{source}");
    }
}

/// A key that can't be read is within the range or past it, which another statement tells.
#[test]
fn the_decoding_sees_no_row_twice() {
    let db = open(
        "CREATE TABLE t (id INT NOT NULL UNIQUE, v INT);
         INSERT INTO t VALUES (1, 1), (2, 2), (3, 3), ('x', 4), ('y', 5)",
    );
    for (size, bound) in [(2, 3), (3, 3), (512, 3), (2, 9), (512, 9)] {
        let mut seen = Vec::new();
        let table = Table::new(&db, "t").key::<i64>(["id"]).unwrap();
        let table = table.map(|row| {
            seen.push(row.get::<_, i64>("v")?);
            Ok(())
        });
        // Text comes after every number.
        let walk = Walk::new(table).range(..=bound).chunk_size(size);
        let mut items = walk.items();
        assert_eq!(items.by_ref().map_while(Result::ok).count(), 3, "{size}");
        drop(items);
        assert_eq!(seen, [1, 2, 3], "{size}");
    }
}

#[test]
fn the_decoding_sees_no_row_twice_before_a_bad_one_in_the_range() {
    let db = open(
        "CREATE TABLE t (id INT NOT NULL UNIQUE, v INT);
         INSERT INTO t VALUES (1, 1), (2, 2), (2.5, 3), (3, 4)",
    );
    for size in [1, 2, 512] {
        let mut seen = Vec::new();
        let table = Table::new(&db, "t").key::<i64>(["id"]).unwrap();
        let table = table.map(|row| {
            seen.push(row.get::<_, i64>("v")?);
            Ok(())
        });
        let mut items = Walk::new(table).chunk_size(size).items();
        let Some(keywalk::Error::Source(error)) = items.find_map(Result::err) else {
            panic!("2.5 is no i64");
        };
        let message = error.to_string();
        assert!(
            message.contains("\"id\" of table \"t\" holds 2.5"),
            "{message}"
        );
        drop(items);
        assert_eq!(seen, [1, 2], "{size}");
    }
}

/// It is mended by another connection while the chunk is fetched, which doesn't see that.
#[test]
fn a_row_whose_key_was_bad_when_its_chunk_was_fetched_comes_in_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    let writer = Connection::open(&path).unwrap();
    writer
        .execute_batch(
            "PRAGMA journal_mode = WAL; CREATE TABLE t (id INT NOT NULL UNIQUE, v INT);
             INSERT INTO t VALUES (1, 1), (2, 2), ('x', 3)",
        )
        .unwrap();
    let db = Connection::open(&path).unwrap();
    let mut seen = Vec::new();
    let table = Table::new(&db, "t").key::<i64>(["id"]).unwrap().map(|row| {
        let v: i64 = row.get("v")?;
        seen.push(v);
        if v == 2 {
            writer.execute("UPDATE t SET id = 7 WHERE id = 'x'", [])?;
        }
        Ok(v)
    });
    let mut chunks = Walk::new(table).range(..=9).live().chunks();
    assert_eq!(chunks.next().unwrap().unwrap(), [(1, 1), (2, 2)]);
    assert_eq!(chunks.next().unwrap().unwrap(), [(7, 3)]);
    assert!(chunks.next().unwrap().is_none());
    drop(chunks);
    assert_eq!(seen, [1, 2, 3]);
}
