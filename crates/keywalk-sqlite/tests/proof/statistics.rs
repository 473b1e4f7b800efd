//! Where SQLite's statistics are in the way, the error says so, and not that there is no index.

use keywalk::{ChunkSource, KeyRange, Order};
use keywalk_sqlite::{Error, ErrorKind, Query, Table};
use rusqlite::Connection;

use crate::db::open;

/// A table with two indexes, of which the statistics say this.
fn analyzed(stat: &str) -> Connection {
    let db = open(
        "CREATE TABLE t (id TEXT NOT NULL PRIMARY KEY, a INT NOT NULL) WITHOUT ROWID;
         CREATE INDEX i ON t (a, id); CREATE TABLE u (id INTEGER PRIMARY KEY);
         INSERT INTO t VALUES ('x', 1), ('y', 2); ANALYZE",
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
fn an_index_that_they_call_unordered_is_named_and_analyze_is_the_cure() {
    let db = analyzed("5000 1 1 unordered");
    let by_a = || {
        Table::new(&db, "t")
            .key::<(i64, String)>(["a", "id"])
            .unwrap()
    };
    let query = || {
        let query = Query::new(&db, "SELECT * FROM t", []).unwrap();
        query.key::<String>(["id"]).unwrap()
    };
    for (error, relation) in [
        (first_error(by_a()), "table \"t\""),
        (first_error(Table::new(&db, "t")), "table \"t\""),
        (first_error(query()), "the query"),
    ] {
        let error = error.unwrap();
        assert_eq!(error.kind(), ErrorKind::NotSeekable);
        let message = error.to_string();
        for word in [relation, "sqlite_stat1", "unordered", "run ANALYZE"] {
            assert!(message.contains(word), "{message}");
        }
        assert!(
            message.contains("\"i\"") || message.contains("\"t\""),
            "{message}"
        );
    }
    db.execute_batch("ANALYZE").unwrap();
    assert!(first_error(by_a()).is_none());
    assert!(first_error(Table::new(&db, "t")).is_none());
    assert!(first_error(query()).is_none());
}

#[test]
fn those_of_another_table_are_not_to_blame() {
    let db = analyzed("5000 1 1 unordered");
    db.execute_batch("CREATE TABLE v (id INTEGER PRIMARY KEY, a INT NOT NULL)")
        .unwrap();
    let table = Table::new(&db, "v").key::<(i64, i64)>(["a", "id"]).unwrap();
    let message = first_error(table).unwrap().to_string();
    assert!(message.contains("make one on (\"a\", \"id\")"), "{message}");
}
