//! What the messages tell to do works.

use keywalk::{ChunkSource, Walk};
use keywalk_sqlite::{AnyKey, Error, ErrorKind, Query, Table};

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
