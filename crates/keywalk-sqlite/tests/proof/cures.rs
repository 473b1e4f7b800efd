//! What the messages tell to do works.

use keywalk::{ChunkSource, Walk};
use keywalk_sqlite::{AnyKey, Error, ErrorKind, Query, Table};
use rusqlite::Connection;

use crate::db::open;

fn keys<K, T, S>(source: S) -> Vec<K>
where
    S: ChunkSource<Key = K, Item = (K, T), Error = Error>,
{
    let walk = Walk::new(source).chunk_size(1);
    let key = |item: Result<_, _>| item.map(|(key, _)| key).expect("the walk goes on");
    walk.into_iter().map(key).collect()
}

#[test]
fn a_full_text_table_is_walked_behind_the_table_of_its_content() {
    let db = open(
        "CREATE TABLE posts (id INTEGER PRIMARY KEY, body TEXT);
         INSERT INTO posts VALUES (1, 'one apple'), (2, 'a pear'), (5, 'two apple trees');
         CREATE VIRTUAL TABLE search USING fts5(body, content = posts, content_rowid = id);
         INSERT INTO search (search) VALUES ('rebuild')",
    );
    let by_id = |sql: &str| {
        Query::new(&db, sql, ["apple"])
            .unwrap()
            .key::<i64>(["id"])
            .unwrap()
    };
    let behind = "SELECT p.id, p.body FROM posts p CROSS JOIN search s ON s.rowid = p.id
                  WHERE s.body MATCH ?1";
    assert_eq!(keys(by_id(behind)), [1, 5]);
    let first = "SELECT rowid AS id, body FROM search WHERE body MATCH ?1";
    let refused = Walk::new(by_id(first)).into_iter().next();
    let Some(Err(keywalk::Error::Source(error))) = refused else {
        panic!("not refused");
    };
    assert_eq!(error.kind(), ErrorKind::NotSeekable);
    assert!(error.to_string().contains("no virtual table"), "{error}");
}

#[test]
fn a_unique_column_that_may_hold_null_is_walked_by_a_query_without_the_nulls() {
    let db = open(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT UNIQUE);
         INSERT INTO t (k) VALUES ('b'), (NULL), ('a'), (NULL), ('c')",
    );
    let by_k = |sql: &str| {
        Query::new(&db, sql, [])
            .unwrap()
            .key::<String>(["k"])
            .unwrap()
    };
    assert_eq!(
        keys(by_k("SELECT * FROM t WHERE +k IS NOT NULL")),
        ["a", "b", "c"]
    );
    // Without the plus SQLite takes it for a range.
    let range = by_k("SELECT * FROM t WHERE k IS NOT NULL");
    let Some(Err(keywalk::Error::Source(error))) = Walk::new(range).into_iter().next() else {
        panic!("not refused");
    };
    assert_eq!(error.kind(), ErrorKind::NotSeekable);
    assert!(error.to_string().contains("+column IS NOT NULL"), "{error}");
}

fn refusal(source: impl ChunkSource<Error = Error, Item: std::fmt::Debug>) -> String {
    let Some(Err(keywalk::Error::Source(error))) = Walk::new(source).into_iter().next() else {
        panic!("not refused");
    };
    assert_eq!(error.kind(), ErrorKind::NotSeekable);
    error.to_string()
}

/// Users, of whom every second has posts, with statistics.
fn users() -> Connection {
    open(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, born INT);
         CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INT NOT NULL);
         CREATE INDEX by_user ON posts (user_id);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
             INSERT INTO posts SELECT i, i % 40 * 2 FROM n;
         INSERT INTO users SELECT id, id % 7 FROM posts WHERE id < 90; ANALYZE; PRAGMA optimize",
    )
}

#[test]
fn what_would_be_sorted_or_grouped_is_walked_as_a_table_whose_filter_asks_for_the_rest() {
    let db = users();
    for sql in [
        "SELECT DISTINCT users.id FROM users JOIN posts ON posts.user_id = users.id",
        "SELECT user_id AS id, count(*) FROM posts GROUP BY user_id HAVING user_id > 0",
        "SELECT abs(users.id) AS id FROM users WHERE id IN (SELECT user_id FROM posts)",
    ] {
        let query = Query::new(&db, sql, []).unwrap();
        let message = refusal(query.key::<i64>(["id"]).unwrap());
        assert!(message.contains("by EXISTS or IN"), "{message}");
    }
    for filter in [
        "EXISTS (SELECT 1 FROM posts WHERE posts.user_id = users.id)",
        "id IN (SELECT user_id FROM posts)",
    ] {
        let table = Table::new(&db, "users").filter(filter, []).unwrap();
        let found: Vec<i64> = keys(table.key::<i64>(["id"]).unwrap());
        assert_eq!(found, (1..40).map(|half| half * 2).collect::<Vec<_>>());
    }
}

#[test]
fn a_table_that_is_joined_without_an_index_is_joined_by_one() {
    let db = users();
    db.execute_batch(
        "CREATE TABLE notes (user_id INT, note TEXT); INSERT INTO notes SELECT id, 'x' FROM users",
    )
    .unwrap();
    let sql = "SELECT users.id, note FROM users JOIN notes ON notes.user_id = users.id";
    let query = || {
        Query::new(&db, sql, [])
            .unwrap()
            .key::<i64>(["id"])
            .unwrap()
    };
    let message = refusal(query());
    assert!(
        message.contains("an index on the columns that join"),
        "{message}"
    );
    db.execute_batch("CREATE INDEX by_note ON notes (user_id); ANALYZE")
        .unwrap();
    assert_eq!(keys(query()).len(), 89);
}

#[test]
fn statistics_of_smaller_tables_are_replaced_by_analyze() {
    let db = users();
    db.execute_batch(
        "UPDATE sqlite_stat1 SET stat = '1 1'; DROP TABLE IF EXISTS sqlite_stat4; ANALYZE sqlite_schema",
    )
    .unwrap();
    let sql = "SELECT users.id AS user, posts.id FROM users JOIN posts ON posts.user_id = users.id";
    let query = || {
        let query = Query::new(&db, sql, []).unwrap();
        query.key::<(i64, i64)>(["user", "id"]).unwrap()
    };
    let message = refusal(query());
    assert!(message.contains("run ANALYZE"), "{message}");
    db.execute_batch("ANALYZE").unwrap();
    assert_eq!(keys(query()).len(), 1_950);
}

/// SQLite knows the rowid by three names, and a column may have any of them.
#[test]
fn the_key_that_is_told_is_the_rowid_by_a_name_that_no_column_has() {
    for (columns, told) in [
        ("a", Some("rowid")),
        ("oid", Some("rowid")),
        ("RowID", Some("oid")),
        ("rowid, Oid", Some("_rowid_")),
        ("rowid, oid, _rowid_", None),
    ] {
        let db = open(&format!(
            "CREATE TABLE t ({columns}); INSERT INTO t DEFAULT VALUES"
        ));
        let refused = Walk::new(Table::new(&db, "t")).into_iter().next();
        let Some(Err(keywalk::Error::Source(error))) = refused else {
            panic!("not refused");
        };
        assert_eq!(error.kind(), ErrorKind::NoPrimaryKey);
        let message = error.to_string();
        let hint = told.map(|name| format!(", or walk by the key \"{name}\""));
        assert!(
            message.ends_with(hint.as_deref().unwrap_or("NOT NULL columns")),
            "{columns}: {message}"
        );
        if let Some(name) = told {
            let table = Table::new(&db, "t").key::<AnyKey>([name]).unwrap();
            assert_eq!(keys(table).len(), 1);
        }
    }
    let db = open("CREATE TABLE t (a)");
    let fixed = Table::new(&db, "t").within("oid", 1).unwrap();
    let message = fixed.key::<i64>(["a"]).err().unwrap().to_string();
    assert!(!message.contains("rowid"), "{message}");
}
