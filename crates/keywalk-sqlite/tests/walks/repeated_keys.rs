//! G2: a query that gives a key twice ends with an error.

use keywalk::{Order, Walk};
use keywalk_sqlite::{Error, ErrorKind, Query};
use rusqlite::Connection;

use crate::queries::open;

/// The keys that came before the error, and the error.
fn repeat(db: &Connection, sql: &str, size: usize, order: Order) -> (Vec<i64>, Error) {
    let query = Query::new(db, sql, [])
        .and_then(|query| query.key::<i64>(["user"]))
        .expect("it is a key");
    let mut chunks = Walk::new(query).chunk_size(size).order(order).chunks();
    let mut keys = Vec::new();
    loop {
        match chunks.next() {
            Ok(Some(items)) => keys.extend(items.iter().map(|item| item.0)),
            Err(keywalk::Error::Source(error)) => return (keys, error),
            other => panic!("the repeat came through: {other:?}"),
        }
    }
}

#[test]
fn a_key_that_repeats_is_an_error_within_a_chunk_and_at_its_edge() {
    let db = open();
    // Users 0 to 6, of which only the fourth comes twice.
    db.execute_batch(
        "DELETE FROM orders WHERE id > 7; INSERT INTO orders VALUES (100, 3, 99, 'again')",
    )
    .unwrap();
    for size in [1, 2, 3, 4, 5, 6, 7, 8, 512] {
        for order in [Order::Ascending, Order::Descending] {
            let (keys, error) = repeat(&db, "SELECT user FROM orders", size, order);
            assert_eq!(error.kind(), ErrorKind::RepeatedKey, "chunks of {size}");
            assert_eq!(
                error.to_string(),
                "the query gave two rows with the key 3; walk it by a key that is unique in its result"
            );
            let whole_chunks = 3 / size * size;
            assert_eq!(
                keys.len(),
                whole_chunks,
                "chunks of {size}, {order:?}: {keys:?}"
            );
        }
    }
}

#[test]
fn a_key_that_repeats_at_the_very_end_is_an_error() {
    let db = open();
    db.execute_batch(
        "DELETE FROM orders WHERE id > 7; INSERT INTO orders VALUES (100, 6, 99, 'again')",
    )
    .unwrap();
    for size in [1, 6, 7, 8] {
        assert_eq!(
            repeat(&db, "SELECT user FROM orders", size, Order::Ascending)
                .1
                .kind(),
            ErrorKind::RepeatedKey
        );
        assert_eq!(
            repeat(&db, "SELECT user FROM orders", size, Order::Descending)
                .1
                .kind(),
            ErrorKind::RepeatedKey
        );
    }
}

#[test]
fn a_composite_key_repeats_only_as_a_whole() {
    let db = open();
    db.execute_batch(
        "CREATE TABLE pairs (a INT, b TEXT); CREATE INDEX ab ON pairs (a, b);
         INSERT INTO pairs VALUES (1, 'x'), (1, 'y'), (2, 'x'), (2, 'y')",
    )
    .unwrap();
    let walk = |size| {
        let query = Query::new(&db, "SELECT * FROM pairs", []).expect("it is a SELECT");
        let query = query
            .key::<(i64, String)>(["a", "b"])
            .expect("it has the columns");
        let mut chunks = Walk::new(query).chunk_size(size).chunks();
        let mut rows = 0;
        loop {
            match chunks.next() {
                Ok(Some(items)) => rows += items.len(),
                Ok(None) => return Ok(rows),
                Err(error) => return Err(error),
            }
        }
    };
    assert_eq!(walk(1).unwrap(), 4);
    assert_eq!(walk(3).unwrap(), 4);
    db.execute("INSERT INTO pairs VALUES (2, 'x')", []).unwrap();
    for size in 1..6 {
        let Err(keywalk::Error::Source(error)) = walk(size) else {
            panic!("the repeat came through")
        };
        assert!(error.to_string().contains("key 2, the text 'x'"), "{error}");
    }
}
