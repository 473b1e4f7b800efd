//! G11 and G12: an error comes once, and the cursor stays where the last item was handed out.

use keywalk::Walk;
use keywalk_sqlite::{ErrorKind, Table};
use rusqlite::Connection;

/// Five rows, of which the fourth doesn't decode as an integer.
fn open() -> Connection {
    let db = Connection::open_in_memory().expect("memory is there");
    db.execute_batch(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT);
         INSERT INTO t VALUES (1, 1), (2, 2), (3, 3), (4, 'x'), (5, 5)",
    )
    .expect("the schema is valid");
    db
}

#[test]
fn a_lent_walk_is_over_after_an_error_and_resumes_where_it_stood() {
    let db = open();
    for size in [1, 2, 3, 512] {
        let table = Table::new(&db, "t")
            .key::<i64>(["id"])
            .unwrap()
            .map(|row| row.get::<_, i64>("v"));
        let mut chunks = Walk::new(table).chunk_size(size).chunks();
        let mut seen = Vec::new();
        let error = loop {
            match chunks.next() {
                Ok(Some(items)) => seen.extend(items.iter().map(|item| item.0)),
                Ok(None) => panic!("the error got lost"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, keywalk::Error::Source(error) if error.kind() == ErrorKind::Value));
        assert!(matches!(chunks.next(), Ok(None)) && matches!(chunks.next(), Ok(None)));

        db.execute("UPDATE t SET v = 4 WHERE id = 4", []).unwrap();
        let cursor = chunks.cursor();
        for item in Walk::new(chunks.into_source()).resume(cursor) {
            seen.push(item.unwrap().0);
        }
        assert_eq!(seen, [1, 2, 3, 4, 5], "chunks of {size}");
        db.execute("UPDATE t SET v = 'x' WHERE id = 4", []).unwrap();
    }
}

#[test]
fn an_iterator_is_over_after_an_error_in_the_middle_of_a_chunk() {
    let db = open();
    for size in [1, 2, 3, 512] {
        let table = Table::new(&db, "t")
            .key::<i64>(["id"])
            .unwrap()
            .map(|row| row.get::<_, i64>("v"));
        let mut items = Walk::new(table).chunk_size(size).into_iter();
        let good = items.by_ref().take_while(Result::is_ok).count();
        assert!(good <= 3);
        assert!(
            items.next().is_none() && items.next().is_none(),
            "chunks of {size}"
        );
    }
}

/// SQLite takes a name in double quotes for a string if there is no such column.
#[test]
fn a_column_that_is_dropped_meanwhile_is_an_error_and_no_string() {
    let db = open();
    for sql in [
        "ALTER TABLE t DROP COLUMN v",
        "ALTER TABLE t RENAME COLUMN w TO u",
    ] {
        if sql.contains('w') {
            db.execute_batch("ALTER TABLE t ADD COLUMN w TEXT").unwrap();
        }
        let mut chunks = Walk::new(Table::new(&db, "t")).chunk_size(1).chunks();
        for _ in 0..3 {
            assert!(chunks.next().unwrap().is_some());
        }
        db.execute_batch(sql).unwrap();
        let Err(keywalk::Error::Source(error)) = chunks.next() else {
            panic!("{sql}: the column isn't missed");
        };
        assert_eq!(error.kind(), ErrorKind::NoSuchColumn);
    }
}

#[test]
fn a_database_that_is_locked_is_an_error_and_the_walk_resumes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("items.db");
    let db = Connection::open(&path).unwrap();
    db.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)")
        .unwrap();
    db.busy_timeout(std::time::Duration::ZERO).unwrap();
    let other = Connection::open(&path).unwrap();

    let table = Table::new(&db, "t").key::<i64>(["id"]).unwrap();
    let mut items = Walk::new(table).chunk_size(1).into_iter();
    assert_eq!(items.next().unwrap().unwrap().0, 1);
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let Some(Err(keywalk::Error::Source(error))) = items.next() else {
        panic!("the database is locked");
    };
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(error.is_transient());
    let code = error
        .sqlite_error()
        .and_then(rusqlite::Error::sqlite_error_code);
    assert_eq!(code, Some(rusqlite::ErrorCode::DatabaseBusy));
    assert!(items.next().is_none());
    assert!(!db.is_busy() && db.is_autocommit());

    other.execute_batch("COMMIT").unwrap();
    let cursor = items.cursor();
    let rest = Walk::new(items.into_source()).resume(cursor);
    let rest: Vec<i64> = rest.into_iter().map(|item| item.unwrap().0).collect();
    assert_eq!(rest, [2, 3]);
}
