//! A decoding closure that uses the connection that it is called from.

use keywalk::{Order, Walk};
use keywalk_sqlite::{Query, Table};
use rusqlite::Connection;

use crate::walked::{ORDERS, integers, keys, open, walked};

fn two_tables() -> Connection {
    open(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT); CREATE TABLE log (id INTEGER PRIMARY KEY, t INT);
         CREATE TABLE u (a INT, b INT, PRIMARY KEY (a, b)) WITHOUT ROWID;
         INSERT INTO t VALUES (1, 3), (2, 1), (3, 2), (4, 0), (5, 4);
         INSERT INTO u SELECT x.id, y.id FROM t AS x, t AS y WHERE y.id <= x.v",
    )
}

fn by_id(db: &Connection) -> Table<&Connection, i64> {
    Table::new(db, "t").key(["id"]).expect("it is the key")
}

#[test]
fn a_closure_that_walks_the_same_or_another_table_gets_its_rows_and_disturbs_nothing() {
    let db = two_tables();
    for (size, order) in (1..=7).flat_map(|size| ORDERS.map(|order| (size, order))) {
        let table = by_id(&db).map(|row| {
            let id: i64 = row.get("id")?;
            let v: i64 = row.get("v")?;
            let same = keys(Walk::new(by_id(&db)).chunk_size(size).order(order));
            let rest = keys(Walk::new(by_id(&db)).range(id..).chunk_size(2).descending());
            let children = Table::new(&db, "u")
                .within("a", id)
                .expect("it is a column");
            let children = keys(Walk::new(children).chunk_size(size)).len() as i64;
            let sql = "SELECT b FROM u WHERE a = ?1 AND b <> 0";
            let query = Query::new(&db, sql, [id]).and_then(|query| query.key::<i64>(["b"]));
            let queried =
                keys(Walk::new(query.expect("it is a SELECT")).chunk_size(1)).len() as i64;
            assert_eq!((same.len(), rest.len() as i64), (5, 6 - id));
            assert_eq!((children, queried), (v, v));
            // As late as this the row is still there.
            assert_eq!(row.get::<_, i64>("id")?, id);
            Ok(v)
        });
        let mut values = Vec::new();
        for item in Walk::new(table).chunk_size(size).order(order) {
            values.push(item.unwrap().1);
        }
        if order == Order::Descending {
            values.reverse();
        }
        assert_eq!(values, [3, 1, 2, 0, 4], "chunks of {size}");
        assert!(!db.is_busy());
    }
}

#[test]
fn a_closure_may_write_to_another_table() {
    let db = two_tables();
    for (size, order) in (1..=7).flat_map(|size| ORDERS.map(|order| (size, order))) {
        db.execute_batch("DELETE FROM log").unwrap();
        let table = by_id(&db).map(|row| {
            let id: i64 = row.get("id")?;
            db.execute("INSERT INTO log (t) VALUES (?1)", [id])
        });
        let found = keys(Walk::new(table).chunk_size(size).order(order));
        assert_eq!(integers(&db, "SELECT t FROM log ORDER BY id"), found);
        assert_eq!(found.len(), 5);
    }
}

/// Appended rows lie behind the bound; what is changed and deleted is so for the rows to come.
#[test]
fn a_closure_that_writes_to_the_table_itself_can_not_make_the_walk_endless() {
    for (size, order) in [1, 3, 512]
        .into_iter()
        .flat_map(|size| ORDERS.map(|order| (size, order)))
    {
        let db = two_tables();
        let table = by_id(&db).map(|row| {
            let id: i64 = row.get("id")?;
            db.execute("INSERT INTO t (v) VALUES (?1)", [id])?;
            db.execute("UPDATE t SET v = -1 WHERE id > ?1", [id])?;
            db.execute("DELETE FROM t WHERE id = ?1", [id])?;
            row.get::<_, i64>("id").map(drop).or(Ok(()))
        });
        let walk = Walk::new(table).chunk_size(size).order(order).items();
        let found: Vec<i64> = walk.take(50).map(|item| item.unwrap().0).collect();
        let mut expected = vec![1, 2, 3, 4, 5];
        if order == Order::Descending {
            expected.reverse();
        }
        assert_eq!(found, expected, "chunks of {size}, {order:?}");
        assert_eq!(
            integers(&db, "SELECT id FROM t ORDER BY id"),
            [6, 7, 8, 9, 10]
        );
    }
}

#[test]
fn a_closure_that_empties_the_cache_of_statements_disturbs_nothing() {
    let db = two_tables();
    let table = by_id(&db).map(|row| {
        db.flush_prepared_statement_cache();
        db.set_prepared_statement_cache_capacity(0);
        row.get::<_, i64>("id")
    });
    assert_eq!(keys(Walk::new(table).chunk_size(2)), [1, 2, 3, 4, 5]);
}

/// Under a statement that is running SQLite refuses some things; that is the closure's error, and the
/// walk's, and nothing is lost.
#[test]
fn what_sqlite_refuses_to_a_closure_is_an_error_of_its_row() {
    for sql in [
        "VACUUM",
        "DROP TABLE t",
        "PRAGMA journal_mode = WAL; VACUUM",
        "nonsense",
    ] {
        for size in [1, 3, 512] {
            let db = two_tables();
            let table = by_id(&db).map(|row| {
                let id: i64 = row.get("id")?;
                if id == 4 {
                    db.execute_batch(sql)
                } else {
                    Ok(())
                }
            });
            let found = walked(Walk::new(table).chunk_size(size));
            let error = found.error.expect("it is refused").to_string();
            assert!(
                error.contains("the row of table \"t\" with the key 4"),
                "{error}"
            );
            assert!(!db.is_busy());
            let rest = keys(Walk::new(by_id(&db)).resume(found.cursor));
            assert_eq!([found.keys, rest].concat(), [1, 2, 3, 4, 5], "{sql}");
        }
    }
}

/// Transactions of its own, that it ends; and one that it rolls back, in which the walk stands.
#[test]
fn a_closure_may_begin_and_end_transactions() {
    for sql in [
        "BEGIN; DELETE FROM t; ROLLBACK",
        "BEGIN; INSERT INTO log (t) VALUES (1); COMMIT",
        "SAVEPOINT s; DELETE FROM t; ROLLBACK TO s; RELEASE s",
    ] {
        for (size, order) in [1, 3, 512]
            .into_iter()
            .flat_map(|size| ORDERS.map(|order| (size, order)))
        {
            let db = two_tables();
            let table = by_id(&db).map(|_| db.execute_batch(sql));
            let mut found = keys(Walk::new(table).chunk_size(size).order(order));
            found.sort_unstable();
            assert_eq!(found, [1, 2, 3, 4, 5], "{sql}, chunks of {size}");
            assert!(db.is_autocommit() && !db.is_busy());
        }
    }
}
