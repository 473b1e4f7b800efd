//! What the snippet that everyone copies gets wrong, and what happens to rows while they are walked.

use keywalk::{Order, Walk};
use keywalk_sqlite::Table;
use rusqlite::Connection;
use uuid::Uuid;

fn open(rows: i64) -> Connection {
    let db = Connection::open_in_memory().expect("memory is there");
    fill(&db, rows);
    db
}

/// A table of the keys from 1 to `rows`.
fn fill(db: &Connection, rows: i64) {
    db.execute_batch(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
             INSERT INTO t SELECT i, 'name' FROM n WHERE {rows} > 0;"
    ))
    .expect("the schema is valid");
}

fn table(db: &Connection) -> Table<&Connection, i64> {
    Table::new(db, "t").key(["id"]).expect("it is the key")
}

/// The keys of a walk during which something happens after every chunk.
fn keys(
    db: &Connection,
    order: Order,
    size: usize,
    mut act: impl FnMut(&Connection, i64),
) -> Vec<i64> {
    let mut chunks = Walk::new(table(db)).chunk_size(size).order(order).chunks();
    let mut seen = Vec::new();
    while let Some(items) = chunks.next().expect("the walk goes on") {
        seen.extend(items.iter().map(|item| item.0));
        act(db, items[items.len() - 1].0);
        assert!(seen.len() < 10_000, "it goes on for ever");
    }
    assert!(matches!(chunks.next(), Ok(None)), "the end is the end");
    seen
}

/// There, `queryset.order_by('-pk')[0]` raises an IndexError.
#[test]
fn an_empty_table_ends_at_once() {
    let db = open(0);
    for order in [Order::Ascending, Order::Descending] {
        assert!(keys(&db, order, 5, |_, _| ()).is_empty());
        let mut walk = Walk::new(table(&db)).order(order).into_iter();
        assert!(walk.next().is_none() && walk.next().is_none());
        assert_eq!(walk.stats().queries(), 1);
    }
}

/// There, the walk starts at 0.
#[test]
fn keys_below_zero_are_walked() {
    let db = open(3);
    db.execute_batch("INSERT INTO t (id) VALUES (-1), (0), (-9223372036854775808)")
        .unwrap();
    assert_eq!(
        keys(&db, Order::Ascending, 2, |_, _| ()),
        [i64::MIN, -1, 0, 1, 2, 3]
    );
}

/// There, `0` is compared with a UUID.
#[test]
fn keys_that_are_not_integers_are_walked() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch("CREATE TABLE t (id BLOB PRIMARY KEY NOT NULL, name TEXT NOT NULL UNIQUE)")
        .unwrap();
    for i in 0..30_u128 {
        let id = Uuid::from_u128(i.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835));
        db.execute(
            "INSERT INTO t VALUES (?1, ?2)",
            (id.as_bytes(), id.to_string()),
        )
        .unwrap();
    }
    let by_id = Table::new(&db, "t").key::<Uuid>(["id"]).unwrap();
    assert_eq!(
        Walk::new(by_id)
            .chunk_size(7)
            .into_iter()
            .map(Result::unwrap)
            .count(),
        30
    );
    let by_name = Table::new(&db, "t").key::<String>(["name"]).unwrap();
    assert_eq!(
        Walk::new(by_name)
            .chunk_size(7)
            .into_iter()
            .map(Result::unwrap)
            .count(),
        30
    );
}

/// There, `while pk < last_pk` never ends: the last key isn't reached any more.
#[test]
fn the_last_row_may_be_deleted_meanwhile() {
    for size in [1, 2, 5] {
        let db = open(10);
        let delete = |db: &Connection, _| {
            db.execute("DELETE FROM t WHERE id = 10", []).unwrap();
        };
        assert_eq!(
            keys(&db, Order::Ascending, size, delete),
            (1..=9).collect::<Vec<_>>()
        );
        let db = open(10);
        let delete = |db: &Connection, _| {
            db.execute("DELETE FROM t WHERE id = 1", []).unwrap();
        };
        assert_eq!(
            keys(&db, Order::Descending, size, delete),
            (2..=10).rev().collect::<Vec<_>>()
        );
    }
}

#[test]
fn rows_that_are_appended_for_ever_are_not_chased() {
    for size in [1, 4, 512] {
        let db = open(10);
        let append = |db: &Connection, _| {
            db.execute_batch("INSERT INTO t (name) VALUES ('new'), ('new'), ('new')")
                .unwrap();
        };
        assert_eq!(
            keys(&db, Order::Ascending, size, append),
            (1..=10).collect::<Vec<_>>()
        );
    }
}

#[test]
fn a_live_walk_sees_what_is_appended() {
    let db = open(3);
    let mut items = Walk::new(table(&db)).chunk_size(1).live().into_iter();
    for id in 1..=20 {
        assert_eq!(items.next().unwrap().unwrap().0, id);
        if id < 18 {
            db.execute("INSERT INTO t (name) VALUES ('new')", [])
                .unwrap();
        }
    }
    assert!(items.next().is_none());
}

#[test]
fn a_table_that_is_cleared_ends_the_walk() {
    for order in [Order::Ascending, Order::Descending] {
        let db = open(10);
        let clear = |db: &Connection, _| {
            db.execute("DELETE FROM t", []).unwrap();
        };
        assert_eq!(keys(&db, order, 3, clear).len(), 3);
    }
}

#[test]
fn a_walk_of_deleted_rows_leaves_no_gap() {
    for order in [Order::Ascending, Order::Descending] {
        for size in [1, 3, 7] {
            let db = open(40);
            // Each row is deleted as it is handled, as a queue's are.
            let delete = |db: &Connection, last: i64| {
                let sql = match order {
                    Order::Ascending => "DELETE FROM t WHERE id <= ?1",
                    Order::Descending => "DELETE FROM t WHERE id >= ?1",
                };
                db.execute(sql, [last]).unwrap();
            };
            let seen = keys(&db, order, size, delete);
            assert_eq!(seen.len(), 40);
            assert_eq!(
                db.query_row("SELECT count(*) FROM t", [], |row| row.get(0)),
                Ok(0)
            );
        }
    }
}

#[test]
fn the_row_at_the_cursor_may_be_deleted_and_come_back() {
    let db = open(10);
    let mut seen = Vec::new();
    for item in Walk::new(table(&db)).chunk_size(1) {
        let id = item.unwrap().0;
        seen.push(id);
        db.execute("DELETE FROM t WHERE id = ?1", [id]).unwrap();
        if id % 2 == 0 {
            db.execute("INSERT INTO t VALUES (?1, 'again')", [id])
                .unwrap();
        }
    }
    assert_eq!(seen, (1..=10).collect::<Vec<_>>());
}

#[test]
fn a_resumed_walk_goes_on_past_a_deleted_row() {
    let db = open(10);
    let mut items = Walk::new(table(&db)).chunk_size(3).into_iter();
    assert_eq!(items.by_ref().take(4).count(), 4);
    let cursor = items.cursor();
    db.execute("DELETE FROM t WHERE id IN (4, 5, 10)", [])
        .unwrap();
    let rest: Vec<i64> = Walk::new(table(&db))
        .resume(cursor)
        .into_iter()
        .map(|item| item.unwrap().0)
        .collect();
    assert_eq!(rest, [6, 7, 8, 9]);
}

#[test]
fn rows_deleted_by_another_connection_ahead_do_not_come_and_no_other_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("items.db");
    let db = Connection::open(&path).unwrap();
    db.pragma_update(None, "journal_mode", "WAL").unwrap();
    for size in [1, 3, 7, 10, 64] {
        for order in [Order::Ascending, Order::Descending] {
            db.execute_batch("DROP TABLE IF EXISTS t").unwrap();
            fill(&db, 200);
            let other = Connection::open(&path).unwrap();
            let mut first = None;
            let seen = keys(&db, order, size, |_, last| {
                if first.is_none() {
                    first = Some(last);
                    other
                        .execute("DELETE FROM t WHERE id % 10 = 0", [])
                        .unwrap();
                    other
                        .execute(
                            "INSERT INTO t VALUES (1000, 'beyond'), (-1000, 'before')",
                            [],
                        )
                        .unwrap();
                }
            });
            let first = first.unwrap();
            let came_before = |id: &i64| match order {
                Order::Ascending => *id <= first,
                Order::Descending => *id >= first,
            };
            let mut expected: Vec<i64> = (1..=200)
                .filter(|id| id % 10 != 0 || came_before(id))
                .collect();
            if order == Order::Descending {
                expected.reverse();
            }
            assert_eq!(seen, expected, "chunks of {size}, {order:?}");
        }
    }
}
