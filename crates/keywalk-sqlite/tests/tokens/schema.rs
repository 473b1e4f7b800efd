//! The schema changes between a token and its walk: what keeps a walk keeps its token, and what ends it
//! ends it, also where it changes after the token was read.

use keywalk::{Aspect, DurableSource, Error, Token, TokenError, Walk};
use keywalk_sqlite::{AnyKey, Error as SqliteError, ErrorKind, Key, Query, Table};
use rusqlite::Connection;

use crate::db::open;

const ITEMS: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL, size INT);
    CREATE INDEX names ON t (name);
    INSERT INTO t VALUES (1, 'a', 10), (2, 'b', 20), (3, 'c', 30), (4, 'd', 40)";

/// Rowids 2 and 4: VACUUM makes them 1 and 2.
const ROWIDS: &str = "CREATE TABLE t (name TEXT NOT NULL);
    INSERT INTO t VALUES ('a'), ('b'), ('c'), ('d'); DELETE FROM t WHERE name IN ('a', 'c')";

fn change(db: &Connection, sql: &str) {
    db.execute_batch(sql).expect("the change is valid");
}

fn by<'db, K: Key>(db: &'db Connection, columns: &[&str]) -> Table<&'db Connection, K> {
    let table = Table::new(db, "t").key(columns.iter().copied());
    table.expect("it is a key")
}

fn token_after_one<S: DurableSource<Error = SqliteError>>(source: S) -> Token {
    let mut items = Walk::new(source).chunk_size(1).items();
    items.next().expect("there are some").expect("it is fine");
    items.token().expect("the source says what it walks")
}

fn rest<S: DurableSource<Error = SqliteError>>(
    source: S,
    token: &Token,
) -> Result<Vec<S::Key>, Error<SqliteError>> {
    let mut items = Walk::new(source).resume_token(token)?.items();
    let mut keys = Vec::new();
    while let Some(item) = items.next() {
        keys.push(items.source().key_of(&item?));
    }
    Ok(keys)
}

fn refused_key<S: DurableSource<Error = SqliteError>>(source: S, token: &Token) -> bool {
    match rest(source, token) {
        Err(Error::Token(TokenError::Source { aspect, .. })) => aspect == Aspect::Key,
        _ => false,
    }
}

#[test]
fn what_keeps_a_walk_keeps_its_tokens() {
    for sql in [
        "ALTER TABLE t ADD COLUMN more TEXT DEFAULT 'x'",
        "CREATE INDEX by_name ON t (name, size)",
        "CREATE TABLE other (id)",
        "VACUUM",
        "ANALYZE",
        "DROP TABLE t; CREATE TABLE T (size INT, more, id INTEGER NOT NULL PRIMARY KEY, name TEXT);
         ALTER TABLE T RENAME TO u; ALTER TABLE u RENAME TO t;
         INSERT INTO t (id) VALUES (1), (3), (4)",
    ] {
        let db = open(ITEMS);
        // Running: what was taken before it met the change, and after it.
        let mut items = Walk::new(by::<i64>(&db, &["id"])).chunk_size(1).items();
        items.next().expect("there are four").expect("it is fine");
        let before = items.token().expect("it is a table");
        change(&db, sql);
        assert_eq!(items.token().expect("it is a table"), before, "{sql}");
        items.next().expect("there are more").expect("it is fine");
        let after = items.token().expect("it is a table");
        let from_before = rest(by::<i64>(&db, &["id"]), &before).expect("it is kept");
        assert!(from_before.ends_with(&[3, 4]), "{sql}");
        let from_after = rest(by::<i64>(&db, &["id"]), &after).expect("it is kept");
        assert!(from_before.ends_with(&from_after), "{sql}");
        assert!(from_after.len() < from_before.len(), "{sql}");
    }
}

#[test]
fn a_rowid_that_vacuum_renumbers_is_refused_after_it_and_after_any_change_of_the_schema() {
    for columns in [&["rowid"], &["OID"]] {
        for sql in ["VACUUM", "CREATE TABLE other (id)"] {
            let db = open(ROWIDS);
            let token = token_after_one(by::<i64>(&db, columns));
            let dynamic = token_after_one(by::<AnyKey>(&db, columns));
            assert_eq!(token, dynamic);
            change(&db, "INSERT INTO t VALUES ('e')");
            assert_eq!(
                rest(by::<i64>(&db, &["_rowid_"]), &token).ok(),
                Some(vec![4])
            );
            change(&db, sql);
            assert!(refused_key(by::<i64>(&db, columns), &token), "{sql}");
            assert!(refused_key(by::<AnyKey>(&db, columns), &token), "{sql}");
        }
    }
    // As the last column of a key too.
    let db = open(&format!("{ROWIDS}; CREATE INDEX names ON t (name)"));
    let token = token_after_one(by::<(String, i64)>(&db, &["name", "rowid"]));
    assert_eq!(
        rest(by::<(String, i64)>(&db, &["name", "rowid"]), &token)
            .map(|k| k.len())
            .ok(),
        Some(1)
    );
    change(&db, "VACUUM");
    assert!(refused_key(
        by::<(String, i64)>(&db, &["name", "rowid"]),
        &token
    ));
}

#[test]
fn a_rowid_of_another_database_file_is_told_by_its_schema_alone() {
    let dir = tempfile::tempdir().expect("there is a place for it");
    let path = dir.path().join("copy.db");
    let db = open(ROWIDS);
    let token = token_after_one(by::<i64>(&db, &["rowid"]));
    db.execute("VACUUM INTO ?1", [path.to_str().expect("it is UTF-8")])
        .expect("the directory is writable");
    let copy = Connection::open(&path).expect("it is there");
    assert!(refused_key(by::<i64>(&copy, &["rowid"]), &token));
}

/// Reads the token, changes the schema, and only then walks.
fn changed_between<K: Key>(
    db: &Connection,
    columns: &[&str],
    sql: &str,
) -> Result<usize, ErrorKind> {
    let token = token_after_one(by::<K>(db, columns));
    let walk = Walk::new(by::<K>(db, columns)).resume_token(&token);
    let mut items = walk.expect("it is the table's").chunk_size(1).items();
    change(db, sql);
    let mut count = 0;
    loop {
        match items.next() {
            None => return Ok(count),
            Some(Ok(_)) => count += 1,
            Some(Err(Error::Source(error))) => {
                assert!(items.next().is_none(), "it is fused");
                return Err(error.kind());
            }
            Some(Err(error)) => panic!("{error}"),
        }
    }
}

#[test]
fn a_change_between_reading_a_token_and_the_first_row_is_met_as_by_a_running_walk() {
    let by_rowid = |sql| changed_between::<i64>(&open(ROWIDS), &["rowid"], sql);
    assert_eq!(by_rowid("INSERT INTO t VALUES ('f')"), Ok(1));
    assert_eq!(by_rowid("VACUUM"), Err(ErrorKind::Changed));
    assert_eq!(by_rowid("CREATE TABLE other (id)"), Err(ErrorKind::Changed));
    let by_id = |sql| changed_between::<i64>(&open(ITEMS), &["id"], sql);
    assert_eq!(by_id("VACUUM; CREATE TABLE other (id)"), Ok(3));
    assert_eq!(by_id("CREATE TEMP TABLE t (id INTEGER PRIMARY KEY)"), Ok(3));
    assert_eq!(by_id("DROP TABLE t"), Err(ErrorKind::NoSuchTable));
    let anew = |key: &str| {
        format!(
            "DROP TABLE IF EXISTS t;
             CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, PRIMARY KEY ({key})) WITHOUT ROWID;
             INSERT INTO t VALUES (1, 1), (2, 2)"
        )
    };
    let any = |sql: &str| changed_between::<AnyKey>(&open(&anew("a, b")), &["a", "b"], sql);
    assert_eq!(any(&anew("a, b")), Ok(1));
    assert_eq!(any(&anew("b, a")), Err(ErrorKind::NotSeekable));
}

#[test]
fn a_walk_that_failed_before_its_first_row_may_be_asked_again() {
    let db = open(ITEMS);
    let token = token_after_one(by::<i64>(&db, &["id"]));
    let mut table = by::<i64>(&db, &["id"]);
    assert_eq!(rest(&mut table, &token).ok(), Some(vec![2, 3, 4]));
    let mut table = by::<i64>(&db, &["id"]);
    let walk = Walk::new(&mut table).resume_token(&token);
    let mut items = walk.expect("it is the table's").items();
    change(&db, "ALTER TABLE t RENAME TO u");
    assert!(items.next().is_some_and(|item| item.is_err()));
    drop(items);
    change(&db, "ALTER TABLE u RENAME TO t");
    assert_eq!(rest(&mut table, &token).ok(), Some(vec![2, 3, 4]));
}

#[test]
fn a_query_of_all_columns_keeps_its_tokens_when_there_are_more() {
    let db = open(ITEMS);
    let query = || {
        let query = Query::new(&db, "SELECT * FROM t", []).expect("it is a query");
        query.key::<i64>(["id"]).expect("it has the column")
    };
    let token = token_after_one(query());
    change(&db, "ALTER TABLE t ADD COLUMN more");
    assert_eq!(rest(query(), &token).ok(), Some(vec![2, 3, 4]));
}

/// A row's values would be read from the wrong columns, the key's too.
#[test]
fn a_query_of_all_columns_that_has_others_before_its_first_row_is_an_error() {
    for reads_token in [false, true] {
        let db = open(ITEMS);
        let query = || {
            let query = Query::new(&db, "SELECT * FROM t", []).expect("it is a query");
            query.key::<i64>(["id"]).expect("it has the column")
        };
        let token = token_after_one(query());
        let mut walk = Walk::new(query());
        if reads_token {
            walk = walk.resume_token(&token).expect("it is the query's");
        }
        change(&db, "ALTER TABLE t ADD COLUMN more INT DEFAULT 7");
        match walk.items().next() {
            Some(Err(Error::Source(error))) => assert_eq!(error.kind(), ErrorKind::Changed),
            other => panic!("{other:?}"),
        }
    }
}

/// By the statistics SQLite would begin with the users, and sort.
#[test]
fn a_join_goes_on_when_statistics_change_and_from_its_tokens() {
    let db = open(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, country INT);
         CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INT NOT NULL);
         CREATE INDEX by_country ON users (country); CREATE INDEX by_user ON posts (user_id);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
             INSERT INTO posts SELECT i, i % 100 FROM n;
         INSERT INTO users SELECT id, id % 50 FROM posts WHERE id <= 100",
    );
    let sql =
        "SELECT posts.id FROM posts JOIN users ON users.id = posts.user_id WHERE users.country = 1";
    let query = || {
        Query::new(&db, sql, [])
            .unwrap()
            .key::<i64>(["id"])
            .unwrap()
    };
    let mut items = Walk::new(query()).chunk_size(10).items();
    let first: Vec<i64> = (&mut items).take(10).map(|item| item.unwrap().0).collect();
    let token = items.token().expect("it is a query");
    change(&db, "ANALYZE; PRAGMA optimize");
    let after: Vec<i64> = items.map(|item| item.unwrap().0).collect();
    assert_eq!((first.len(), after.len()), (10, 50));
    assert_eq!(rest(query(), &token).expect("it is kept"), after);
}
