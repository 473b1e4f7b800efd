//! `count` tells how many rows there are to walk.

use keywalk::Walk;
use keywalk_sqlite::{ErrorKind, Query, Table};
use rusqlite::Connection;

fn open() -> Connection {
    let db = Connection::open_in_memory().expect("memory is there");
    db.execute_batch(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, tenant INT NOT NULL, size INT);
         CREATE UNIQUE INDEX i ON t (tenant, id);
         WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 100)
         INSERT INTO t SELECT i, i % 3, nullif(i % 10, 0) FROM n",
    )
    .expect("the schema is valid");
    db
}

#[test]
fn all_that_filter_and_fixed_columns_let_through_is_counted() {
    let db = open();
    let t = || Table::new(&db, "t");
    let of_1 = || {
        t().within("tenant", 1)
            .expect("a column")
            .key::<i64>(["id"])
    };
    let filtered = |filter: &str, size: i64| of_1().and_then(|t| t.filter(filter, [size]));
    assert_eq!(t().count().expect("it is there"), 100);
    assert_eq!(of_1().and_then(|t| t.count()).expect("it is there"), 34);
    for (filter, size) in [
        ("size > ?1 OR size IS NULL -- or", 4),
        ("size BETWEEN 2 AND :size AND id < 1000 /* ? */", 5),
        ("size IS NOT ?", 7),
        ("size", 1),
    ] {
        let parameters = filter.contains(['?', ':']);
        let table = || match parameters {
            true => filtered(filter, size),
            false => of_1().and_then(|t| t.filter(filter, [])),
        };
        let table = || table().expect("a filter");
        let walked = Walk::new(table()).into_iter().count() as u64;
        assert!((1..34).contains(&walked), "{filter}");
        assert_eq!(table().count().expect("it is there"), walked, "{filter}");
    }
}

#[test]
fn the_rows_of_a_query_are_counted() {
    let db = open();
    let sql = "SELECT id, size FROM t WHERE size >= ? AND id <> ?";
    let query = Query::new(&db, sql, (3, 5)).and_then(|query| query.key::<i64>(["id"]));
    let query = query.expect("it has the column");
    let count = query.count().expect("it runs");
    assert_eq!(count, 69);
    assert_eq!(Walk::new(query).into_iter().count() as u64, count);
}

#[test]
fn in_the_middle_of_a_walk_all_is_counted_as_it_is_now() {
    let db = open();
    let table = Table::new(&db, "t").key::<i64>(["id"]).expect("a key");
    let mut items = Walk::new(table).range(50..).chunk_size(7).items();
    assert_eq!(items.by_ref().take(10).count(), 10);
    db.execute("DELETE FROM t WHERE id > 90", [])
        .expect("it is SQL");
    db.execute_batch("CREATE TEMP TABLE t (id INTEGER PRIMARY KEY)")
        .expect("it is SQL");
    assert_eq!(items.source().count().expect("it is there"), 90);
    db.execute_batch("DROP TABLE main.t; DROP TABLE temp.t")
        .expect("it is SQL");
    let error = items.source().count().expect_err("it is gone");
    assert_eq!(error.kind(), ErrorKind::Sqlite);
    let error = Table::new(&db, "t").count().expect_err("it is gone");
    assert_eq!(error.kind(), ErrorKind::NoSuchTable);
}
