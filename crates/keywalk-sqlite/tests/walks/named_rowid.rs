//! An index may name the INTEGER PRIMARY KEY as its last column, or have it there unnamed.

use std::cmp::Reverse;
use std::error::Error;

use keywalk::{Order, Walk};
use keywalk_sqlite::{AnyKey, ErrorKind, Key, Table};
use rusqlite::Connection;

/// Rows of one to three to a day, with an index over these columns.
fn days(index: &str) -> Result<Connection, Box<dyn Error>> {
    let db = Connection::open_in_memory()?;
    db.execute_batch(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, day TEXT NOT NULL);
         WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 60)
         INSERT INTO t SELECT i * 7 % 61, i % 2, 'd' || (i * i % 23) FROM n;
         CREATE INDEX by_day ON t ({index});"
    ))?;
    Ok(db)
}

/// The ids that a walk by `(day, id)` as `K` gives, and those that SQL gives in `order`.
fn both<K: Key>(
    db: &Connection,
    order: Order,
    sql: &str,
) -> Result<(Vec<i64>, Vec<i64>), Box<dyn Error>> {
    let table = Table::new(db, "t")
        .within("tenant", 1)?
        .key::<K>(["day", "id"])?
        .columns(["id"])
        .map(|row| row.get(0));
    let mut ids = Vec::new();
    for item in Walk::new(table).order(order).chunk_size(4) {
        ids.push(item?.1);
    }
    let sql = format!("SELECT id FROM t WHERE tenant = 1 ORDER BY {sql}");
    let expected = db
        .prepare(&sql)?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok((ids, expected))
}

#[test]
fn ascending_and_named_or_not() {
    for index in ["tenant, day", "tenant, day, id"] {
        let db = days(index).unwrap();
        for (order, sql) in [
            (Order::Ascending, "day, id"),
            (Order::Descending, "day DESC, id DESC"),
        ] {
            let (ids, expected) = both::<(String, i64)>(&db, order, sql).unwrap();
            assert_eq!(ids, expected, "{index}");
            let (ids, expected) = both::<AnyKey>(&db, order, sql).unwrap();
            assert_eq!(ids, expected, "{index}");
        }
    }
}

#[test]
fn newest_first_and_named_or_not() {
    for index in [
        "tenant, day DESC",
        "tenant, day DESC, id",
        "tenant, day, id DESC",
    ] {
        let db = days(index).unwrap();
        let sql = "day DESC, id";
        let (ids, expected) = both::<(Reverse<String>, i64)>(&db, Order::Ascending, sql).unwrap();
        assert_eq!(ids, expected, "{index}");
    }
}

#[test]
fn a_dynamic_key_takes_the_directions_of_the_index() {
    for index in ["tenant, day DESC", "tenant, day DESC, id"] {
        let db = days(index).unwrap();
        let (ids, expected) = both::<AnyKey>(&db, Order::Ascending, "day DESC, id").unwrap();
        assert_eq!(ids, expected, "{index}");
    }
}

#[test]
fn both_descending_and_named() {
    let db = days("tenant, day DESC, id DESC").unwrap();
    let sql = "day DESC, id DESC";
    let (ids, expected) =
        both::<(Reverse<String>, Reverse<i64>)>(&db, Order::Ascending, sql).unwrap();
    assert_eq!(ids, expected);
}

#[test]
fn directions_that_no_index_has_are_refused_with_the_index_that_would_do() {
    let db = days("tenant, day, id").unwrap();
    let table = Table::new(&db, "t")
        .within("tenant", 1)
        .unwrap()
        .key::<(Reverse<String>, i64)>(["day", "id"])
        .unwrap();
    let error = Walk::new(table).items().next().unwrap().unwrap_err();
    assert!(
        error
            .to_string()
            .contains(r#"("tenant", "day" DESC, "id")"#),
        "{error}"
    );
    let keywalk::Error::Source(error) = error else {
        panic!("{error}")
    };
    assert_eq!(error.kind(), ErrorKind::NotSeekable);
}
