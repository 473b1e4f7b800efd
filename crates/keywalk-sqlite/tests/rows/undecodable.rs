//! Rows of a query, and rows that don't decode: an error that names them, never a skipped row.

use keywalk::{ChunkSource, Order, Walk};
use keywalk_sqlite::{Error, ErrorKind, Query, Table};

use crate::db::open;

/// How many rows came, one at a time, and the error after them. Chunk by chunk: what the walk
/// answers after the error is in `once.rs`.
fn rows_and_error<S>(walk: Walk<S>) -> (usize, Option<Error>)
where
    S: ChunkSource<Error = Error>,
{
    let mut chunks = walk.chunk_size(1).chunks();
    let mut rows = 0;
    loop {
        match chunks.next() {
            Ok(Some(items)) => rows += items.len(),
            Ok(None) => return (rows, None),
            Err(keywalk::Error::Source(error)) => {
                assert!(matches!(chunks.next(), Ok(None)), "the walk is fused");
                return (rows, Some(error));
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_null_in_the_key_of_a_query_is_an_error_both_ways() {
    let db = open(
        "CREATE TABLE t (a INT, b INT); CREATE INDEX i ON t (a, b);
         INSERT INTO t VALUES (1, 1), (1, 2), (2, NULL), (2, 1), (3, 1)",
    );
    for (sql, rows) in [("", [2, 2]), ("WHERE b IS NOT NULL", [4, 4])] {
        for (order, rows) in [Order::Ascending, Order::Descending].into_iter().zip(rows) {
            for live in [false, true] {
                let sql = format!("SELECT * FROM t {sql}");
                let query = Query::new(&db, sql, [])
                    .unwrap()
                    .key::<(i64, i64)>(["a", "b"])
                    .unwrap();
                let walk = Walk::new(query).order(order);
                let (found, error) = rows_and_error(if live { walk.live() } else { walk });
                // A query looks one row ahead, so the row before the bad one doesn't come either.
                if rows == 4 {
                    assert_eq!((found, error.is_none()), (4, true), "{order:?}");
                    continue;
                }
                let error = error.expect("there is a NULL");
                assert!(found < rows, "{found} rows, {order:?}");
                assert_eq!(error.kind(), ErrorKind::Value);
                assert!(
                    error.to_string().contains("\"b\" of the query holds NULL"),
                    "{error}"
                );
            }
        }
    }
    db.execute("UPDATE t SET a = NULL, b = 7 WHERE b IS NULL", [])
        .unwrap();
    for order in [Order::Ascending, Order::Descending] {
        let query = Query::new(&db, "SELECT * FROM t", [])
            .unwrap()
            .key::<(i64, i64)>(["a", "b"])
            .unwrap();
        let (_, error) = rows_and_error(Walk::new(query).order(order).live());
        assert!(
            error
                .unwrap()
                .to_string()
                .contains("\"a\" of the query holds NULL"),
            "{order:?}"
        );
    }
}

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
