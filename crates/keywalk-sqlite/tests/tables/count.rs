//! `count` tells how many rows there are to walk.

use keywalk::Walk;
use keywalk_sqlite::{ErrorKind, Table};
use rusqlite::{Connection, params_from_iter};

use crate::db::{assert_says, by_id, keys, open, query};

fn hundred() -> Connection {
    open(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, tenant INT NOT NULL, size INT);
         CREATE UNIQUE INDEX i ON t (tenant, id);
         WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 100)
         INSERT INTO t SELECT i, i % 3, nullif(i % 10, 0) FROM n",
    )
}

#[test]
fn all_that_filter_and_fixed_columns_let_through_is_counted() {
    let db = hundred();
    let of_1 = || {
        Table::new(&db, "t")
            .prefix_eq("tenant", 1)
            .and_then(|t| t.key::<i64>(["id"]))
    };
    assert_eq!(Table::new(&db, "t").count().unwrap(), 100);
    assert_eq!(of_1().and_then(|t| t.count()).unwrap(), 34);
    for (filter, size) in [
        ("size > ?1 OR size IS NULL -- or", Some(4)),
        ("size BETWEEN 2 AND :size AND id < 1000 /* ? */", Some(5)),
        ("size IS NOT ?", Some(7)),
        ("size", None),
    ] {
        let table = || {
            of_1()
                .and_then(|t| t.filter(filter, params_from_iter(size)))
                .unwrap()
        };
        let walked = keys(Walk::new(table())).len() as u64;
        assert!((1..34).contains(&walked), "{filter}");
        assert_eq!(table().count().unwrap(), walked, "{filter}");
    }
    let sql = "SELECT id, size FROM t WHERE size >= ? AND id <> ?";
    let query = query::<i64>(&db, sql, (3, 5), &["id"]);
    assert_eq!(query.count().unwrap(), 69);
    assert_eq!(keys(Walk::new(query)).len(), 69);
}

#[test]
fn in_the_middle_of_a_walk_all_is_counted_as_it_is_now() {
    let db = hundred();
    let mut items = Walk::new(by_id(&db)).range(50..).chunk_size(7).items();
    assert_eq!(items.by_ref().take(10).count(), 10);
    db.execute_batch("DELETE FROM t WHERE id > 90; CREATE TEMP TABLE t (id INTEGER PRIMARY KEY)")
        .unwrap();
    assert_eq!(items.source().count().unwrap(), 90);
    db.execute_batch("DROP TABLE main.t; DROP TABLE temp.t")
        .unwrap();
    assert_says("gone", items.source().count(), ErrorKind::Sqlite, &[]);
    let gone = Table::new(&db, "t").count();
    assert_says("gone", gone, ErrorKind::NoSuchTable, &[]);
}
