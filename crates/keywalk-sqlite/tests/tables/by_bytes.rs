//! Rows by their bytes.

use keywalk::{ByteSize, Walk};
use keywalk_sqlite::{Collated, DynKey, Row, Table};
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::db::{ORDERS, open, query};

/// Rows of 1 to 10,000 bytes, as wild as can be.
fn files() -> Connection {
    open(
        "CREATE TABLE files (path TEXT NOT NULL PRIMARY KEY, body BLOB) WITHOUT ROWID;
         WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 300)
         INSERT INTO files SELECT printf('%06d', n), zeroblob(CASE n % 10 WHEN 0 THEN 10000 ELSE n % 10 END)
         FROM numbers;",
    )
}

fn weight((key, row): &(DynKey, Row)) -> usize {
    let values = key.values().iter().chain(row.values());
    let weights = values.map(|value| match value {
        Value::Text(text) => size_of::<Value>() + text.len(),
        Value::Blob(blob) => size_of::<Value>() + blob.len(),
        _ => size_of::<Value>(),
    });
    size_of::<(DynKey, Row)>() + weights.sum::<usize>()
}

#[test]
fn a_row_and_a_key_weigh_their_values() {
    let db = files();
    for item in Walk::new(Table::new(&db, "files")) {
        let item = item.unwrap();
        assert_eq!(item.byte_size(), weight(&item));
    }
    let name = Collated("seven b".to_owned());
    assert_eq!(name.byte_size(), size_of::<String>() + 7);
}

#[test]
fn chunks_of_rows_reach_the_bytes_and_no_more_by_more_than_a_row() {
    let db = files();
    for filter in ["TRUE", "path % 3 > 0"] {
        for (order, bytes) in ORDERS
            .into_iter()
            .flat_map(|order| [1, 500, 12_000, 1_000_000].map(|bytes| (order, bytes)))
        {
            let table = || Table::new(&db, "files").filter(filter, []).unwrap();
            let walk = || Walk::new(table()).order(order);
            let all: Vec<(DynKey, Row)> = walk().items().collect::<Result<_, _>>().unwrap();
            let mut rest = &all[..];
            let mut chunks = walk().chunk_bytes(bytes).chunks();
            while let Some(items) = chunks.next().unwrap() {
                let (expected, after) = rest.split_at(items.len());
                assert_eq!(items, expected);
                let (last, before) = items.split_last().unwrap();
                let before: usize = before.iter().map(weight).sum();
                assert!(before < bytes, "{filter}, {bytes} bytes");
                assert!(
                    before + weight(last) >= bytes || after.is_empty(),
                    "{filter}, {bytes} bytes"
                );
                rest = after;
            }
            assert!(rest.is_empty());
        }
    }
}

#[test]
fn a_query_is_walked_by_bytes_too() {
    let db = files();
    let query = query::<String>(&db, "SELECT path, body FROM files", [], &["path"]);
    let query = query.map(|row| row.get::<_, Vec<u8>>(1));
    let mut chunks = Walk::new(query)
        .chunk_bytes_with(10_000, |(_, body)| body.len())
        .chunks();
    let mut lens = Vec::new();
    while let Some(items) = chunks.next().unwrap() {
        lens.push(items.len());
    }
    assert_eq!(lens, [10; 30]);
}
