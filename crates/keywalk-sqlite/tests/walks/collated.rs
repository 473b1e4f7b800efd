//! Keys whose order only SQLite knows, where no single index search ends at the far bound: columns in
//! different directions, and the rowid behind a collated column.

use std::cmp::Reverse;
use std::error::Error;
use std::fmt::Debug;
use std::ops::Bound;

use keywalk::{Order, Walk};
use keywalk_sqlite::{AnyKey, Collated, Key, Table};
use rusqlite::Connection;

fn open() -> rusqlite::Result<Connection> {
    let db = Connection::open_in_memory()?;
    db.execute_batch(
        "CREATE TABLE t (
             id INTEGER PRIMARY KEY,
             name TEXT NOT NULL COLLATE NOCASE,
             rank INTEGER NOT NULL,
             UNIQUE (rank DESC, name)
         );
         CREATE INDEX by_name ON t (name);
         WITH RECURSIVE n (i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < 39)
         INSERT INTO t SELECT i * 7 % 41, substr('aBcDeFgHij', i % 10 + 1, 1), i / 10 FROM n;",
    )?;
    Ok(db)
}

/// The ids of a walk and of SQL, in this order and within these bounds.
fn both<K: Key + Debug>(
    key: [&str; 2],
    bounds: (Bound<K>, Bound<K>),
    sql: &str,
) -> Result<(), Box<dyn Error>> {
    let db = open()?;
    let mut expected: Vec<i64> = db
        .prepare(sql)?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    assert!(expected.len() > 3, "there is something to walk");
    for order in [Order::Ascending, Order::Descending] {
        for size in [1, 2, 7, 512] {
            for live in [false, true] {
                let table = Table::new(&db, "t").key::<K>(key)?.columns(["id"]);
                let table = table.map(|row| row.get::<_, i64>(0));
                let walk = Walk::new(table)
                    .range(bounds.clone())
                    .order(order)
                    .chunk_size(size);
                let walk = if live { walk.live() } else { walk };
                let mut ids = Vec::new();
                for item in walk {
                    ids.push(item?.1);
                }
                assert_eq!(ids, expected, "{order:?}, chunks of {size}, {bounds:?}");
            }
        }
        expected.reverse();
    }
    Ok(())
}

fn name(name: &str) -> Collated {
    Collated(name.to_owned())
}

#[test]
fn the_rowid_behind_a_collated_column_comes_in_its_order() {
    let all = (Bound::Unbounded, Bound::Unbounded);
    let sql = "SELECT id FROM t ORDER BY name, id";
    both::<(Collated, i64)>(["name", "id"], all.clone(), sql).unwrap();
    both::<AnyKey>(["name", "id"], (Bound::Unbounded, Bound::Unbounded), sql).unwrap();
}

#[test]
fn a_collated_column_in_mixed_directions_comes_in_their_order() {
    let all = (Bound::Unbounded, Bound::Unbounded);
    let sql = "SELECT id FROM t ORDER BY rank DESC, name";
    both::<(Reverse<i64>, Collated)>(["rank", "name"], all, sql).unwrap();
    both::<AnyKey>(["rank", "name"], (Bound::Unbounded, Bound::Unbounded), sql).unwrap();
}

#[test]
fn bounds_are_in_the_columns_collation() {
    for (last, within) in [
        (Bound::Included((name("d"), 20)), "id <= 20"),
        (Bound::Excluded((name("d"), 21)), "id < 21"),
    ] {
        let bounds = (Bound::Excluded((name("A"), 7)), last);
        let sql = format!(
            "SELECT id FROM t WHERE (name > 'a' OR name = 'a' AND id > 7)
                 AND (name < 'd' OR name = 'd' AND {within}) ORDER BY name, id"
        );
        both::<(Collated, i64)>(["name", "id"], bounds, &sql).unwrap();
    }
    let bounds = (
        Bound::Included((Reverse(2), name("C"))),
        Bound::Excluded((Reverse(1), name("G"))),
    );
    let sql = "SELECT id FROM t WHERE rank = 2 AND name >= 'c' OR rank = 1 AND name < 'g'
               ORDER BY rank DESC, name";
    both::<(Reverse<i64>, Collated)>(["rank", "name"], bounds, sql).unwrap();
}
