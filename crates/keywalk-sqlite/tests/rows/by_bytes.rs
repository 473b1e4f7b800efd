//! Rows by their bytes.

use keywalk::{Order, Walk, Weigh};
use keywalk_sqlite::{AnyKey, Collated, Query, Row, Table};
use rusqlite::Connection;

/// Rows of 1 to 10,000 bytes, as wild as can be, and a filter that drops one of three.
fn open() -> Connection {
    let db = Connection::open_in_memory().expect("memory is there");
    db.execute_batch(
        "CREATE TABLE files (path TEXT NOT NULL PRIMARY KEY, body BLOB) WITHOUT ROWID;
         WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 300)
         INSERT INTO files SELECT printf('%06d', n), zeroblob(CASE n % 10 WHEN 0 THEN 10000 ELSE n % 10 END)
         FROM numbers;",
    )
    .expect("the schema is valid");
    db
}

fn weight((key, row): &(AnyKey, Row)) -> usize {
    let texts = key
        .values()
        .iter()
        .chain(row.values())
        .map(|value| match value {
            rusqlite::types::Value::Text(text) => text.len(),
            rusqlite::types::Value::Blob(blob) => blob.len(),
            _ => 0,
        });
    let values = (key.values().len() + row.values().len()) * size_of_val(&row.values()[0]);
    size_of::<(AnyKey, Row)>() + values + texts.sum::<usize>()
}

#[test]
fn a_row_and_a_key_weigh_their_values() {
    let db = open();
    for item in Walk::new(Table::new(&db, "files")) {
        let item = item.unwrap();
        assert_eq!(item.weigh(), weight(&item));
    }
    let name = Collated("seven b".to_owned());
    assert_eq!(name.weigh(), size_of::<String>() + 7);
}

#[test]
fn chunks_of_rows_reach_the_bytes_and_no_more_by_more_than_a_row() {
    let db = open();
    for order in [Order::Ascending, Order::Descending] {
        for bytes in [1, 500, 12_000, 1_000_000] {
            for filter in ["TRUE", "path % 3 > 0"] {
                let walk = || {
                    let table = Table::new(&db, "files").filter(filter, []).unwrap();
                    Walk::new(table).order(order)
                };
                let all: Vec<(AnyKey, Row)> = walk().items().collect::<Result<_, _>>().unwrap();
                let mut rest = &all[..];
                let mut chunks = walk().chunk_bytes(bytes).chunks();
                while let Some(items) = chunks.next().unwrap() {
                    let (expected, after) = rest.split_at(items.len());
                    assert_eq!(items, expected);
                    let (last, before) = items.split_last().unwrap();
                    let before: usize = before.iter().map(weight).sum();
                    assert!(before < bytes);
                    assert!(before + weight(last) >= bytes || after.is_empty());
                    rest = after;
                }
                assert!(rest.is_empty());
            }
        }
    }
}

#[test]
fn a_query_is_walked_by_bytes_too() {
    let db = open();
    let query = Query::new(&db, "SELECT path, body FROM files", [])
        .unwrap()
        .key::<String>(["path"])
        .unwrap()
        .map(|row| row.get::<_, Vec<u8>>(1));
    let walk = Walk::new(query).chunk_bytes_by(10_000, |(_, body)| body.len());
    let mut chunks = walk.chunks();
    let mut lens = Vec::new();
    while let Some(items) = chunks.next().unwrap() {
        lens.push(items.len());
    }
    assert_eq!(lens, [10; 30]);
}
