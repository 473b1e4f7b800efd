//! Where hand-written statistics may keep SQLite from the key's own index, the error says so; elsewhere it doesn't.

use keywalk::{ChunkSource, KeyRange, Order};
use keywalk_sqlite::{AnyKey, Error, ErrorKind, Query, Table};
use rusqlite::Connection;

use crate::db::open;

/// A table with two indexes, of which the statistics say this.
fn analyzed(stat: &str) -> Connection {
    let db = open(
        "CREATE TABLE t (id TEXT NOT NULL PRIMARY KEY, a INT NOT NULL, b INT NOT NULL)
             WITHOUT ROWID;
         CREATE INDEX i ON t (a, id); CREATE TABLE u (id INTEGER PRIMARY KEY);
         INSERT INTO t VALUES ('x', 1, 1), ('y', 2, 2); ANALYZE",
    );
    db.execute("UPDATE sqlite_stat1 SET stat = ?1 WHERE tbl = 't'", [stat])
        .and_then(|_| db.execute_batch("ANALYZE sqlite_schema"))
        .expect("statistics are a table");
    db
}

fn first_error<S: ChunkSource<Error = Error>>(mut source: S) -> Option<Error> {
    let mut chunk = keywalk::Chunk::with_limit(10);
    source
        .fetch(&KeyRange::all(Order::Ascending), &mut chunk)
        .err()
}

#[test]
fn where_the_keys_own_index_may_be_called_unordered_analyze_is_a_cure_too() {
    let db = analyzed("5000 1 1 unordered");
    let by_a = || {
        Table::new(&db, "t")
            .key::<(i64, String)>(["a", "id"])
            .unwrap()
    };
    for error in [first_error(by_a()), first_error(Table::new(&db, "t"))] {
        let error = error.unwrap();
        assert_eq!(error.kind(), ErrorKind::NotSeekable);
        let message = error.to_string();
        for word in ["table \"t\"", "sqlite_stat1", "unordered", "run ANALYZE"] {
            assert!(message.contains(word), "{message}");
        }
    }
    db.execute_batch("ANALYZE").unwrap();
    assert!(first_error(by_a()).is_none());
    assert!(first_error(Table::new(&db, "t")).is_none());
}

#[test]
fn those_of_another_index_or_table_are_not_to_blame() {
    let db = analyzed("5000 1 1 unordered");
    db.execute_batch("CREATE TABLE v (id INTEGER PRIMARY KEY, a INT NOT NULL)")
        .unwrap();
    let table = |name, key: [&str; 2]| Table::new(&db, name).key::<AnyKey>(key).unwrap();
    for (error, wanted) in [
        (first_error(table("v", ["a", "id"])), r#"("a", "id")"#),
        (first_error(table("t", ["b", "id"])), r#"("b", "id")"#),
    ] {
        let message = error.unwrap().to_string();
        assert!(
            message.contains(&format!("make one on {wanted}")),
            "{message}"
        );
        assert!(!message.contains("sqlite_stat1"), "{message}");
    }
    let query = Query::new(&db, "SELECT a AS b, id FROM v", []).unwrap();
    let message = first_error(query.key::<i64>(["b"]).unwrap())
        .unwrap()
        .to_string();
    assert!(message.contains("by the columns of one index"), "{message}");
    assert!(!message.contains("sqlite_stat1"), "{message}");
}
