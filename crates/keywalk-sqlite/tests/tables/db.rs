//! Databases, and walks over them as far as they go.

use std::error::Error as StdError;
use std::fmt::Debug;
use std::path::Path;
use std::time::Duration;

use keywalk::{ChunkSource, Cursor, Order, Walk};
use keywalk_sqlite::{Error, ErrorKind, Query, SqlKey, Table};
use rusqlite::types::Value;
use rusqlite::{Connection, Params};
use tempfile::TempDir;

pub(crate) const ORDERS: [Order; 2] = [Order::Ascending, Order::Descending];

pub(crate) fn open(sql: &str) -> Connection {
    let db = Connection::open_in_memory().expect("memory is there");
    db.execute_batch(sql).expect("the schema is valid");
    db
}

/// A file in WAL mode, and two connections that don't wait for each other.
pub(crate) fn open_file(sql: &str) -> (TempDir, Connection, Connection) {
    let dir = tempfile::tempdir().expect("there is room");
    let path = dir.path().join("t.db");
    let db = connect(&path);
    db.pragma_update(None, "journal_mode", "WAL")
        .expect("SQLite knows it");
    db.execute_batch(sql).expect("the schema is valid");
    let other = connect(&path);
    (dir, db, other)
}

pub(crate) fn connect(path: &Path) -> Connection {
    let db = Connection::open(path).expect("it opens");
    db.busy_timeout(Duration::ZERO).expect("SQLite takes it");
    // Nothing here outlives the power.
    db.pragma_update(None, "synchronous", "OFF")
        .expect("SQLite knows it");
    db
}

/// Nothing is held of the database: the connection is idle, another one writes, and all of the WAL goes
/// into the file.
pub(crate) fn assert_free(db: &Connection, other: &Connection) {
    assert!(!db.is_busy() && db.is_autocommit(), "a statement is open");
    other
        .execute_batch("BEGIN IMMEDIATE; PRAGMA user_version = 1; COMMIT")
        .expect("nobody holds a lock");
    let busy: i64 = other
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        .expect("a checkpoint runs");
    assert_eq!(busy, 0, "a reader pins the WAL");
}

/// The table `t` by these columns.
pub(crate) fn by<'db, K: SqlKey>(db: &'db Connection, key: &[&str]) -> Table<&'db Connection, K> {
    let table = Table::new(db, "t").key(key.iter().copied());
    table.unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn by_id(db: &Connection) -> Table<&Connection, i64> {
    by(db, &["id"])
}

pub(crate) fn query<'db, K: SqlKey>(
    db: &'db Connection,
    sql: &str,
    params: impl Params,
    key: &[&str],
) -> Query<&'db Connection, K> {
    let query = Query::new(db, sql, params).and_then(|query| query.key(key.iter().copied()));
    query.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// What came, how it ended, and where it stands.
pub(crate) struct Walked<K> {
    pub(crate) keys: Vec<K>,
    pub(crate) error: Option<Error>,
    pub(crate) cursor: Cursor<K>,
}

/// Walks to the end or to the error, behind which nothing comes; by lent chunks, whose keys are read into
/// the memory of those before.
pub(crate) fn walked<S, K, T>(walk: Walk<S>) -> Walked<K>
where
    S: ChunkSource<Key = K, Item = (K, T), Error = Error>,
    K: Clone + PartialOrd,
{
    let mut chunks = walk.chunks();
    let mut keys = Vec::new();
    let error = loop {
        match chunks.next() {
            Ok(None) => break None,
            Ok(Some(items)) => keys.extend(items.iter().map(|(key, _)| key.clone())),
            Err(keywalk::Error::Source(error)) => break Some(error),
            Err(other) => panic!("{other}"),
        }
    };
    assert!(matches!(chunks.next(), Ok(None)), "it is fused");
    Walked {
        keys,
        error,
        cursor: chunks.cursor(),
    }
}

/// The keys of a walk, or its error.
pub(crate) fn outcome<S, K, T>(walk: Walk<S>) -> Result<Vec<K>, Error>
where
    S: ChunkSource<Key = K, Item = (K, T), Error = Error>,
    K: Clone + PartialOrd,
{
    let walked = walked(walk);
    walked.error.map_or(Ok(walked.keys), Err)
}

/// The keys of a walk that meets no error.
pub(crate) fn keys<S, K, T>(walk: Walk<S>) -> Vec<K>
where
    S: ChunkSource<Key = K, Item = (K, T), Error = Error>,
    K: Clone + PartialOrd,
{
    outcome(walk).unwrap_or_else(|error| panic!("{error}: {:?}", error.source()))
}

pub(crate) fn select(db: &Connection, sql: &str, params: impl Params) -> Vec<Vec<Value>> {
    let mut statement = db.prepare(sql).expect("the test's own SQL is valid");
    let width = statement.column_count();
    statement
        .query_map(params, |row| (0..width).map(|at| row.get(at)).collect())
        .and_then(Iterator::collect)
        .expect("SQLite answers")
}

/// The first column of a SELECT.
pub(crate) fn column(db: &Connection, sql: &str) -> Vec<Value> {
    let rows = select(db, sql, []).into_iter();
    rows.map(|mut row| row.swap_remove(0)).collect()
}

pub(crate) fn integers(db: &Connection, sql: &str) -> Vec<i64> {
    let integer = |value| match value {
        Value::Integer(integer) => integer,
        other => panic!("{other:?} is no integer"),
    };
    column(db, sql).into_iter().map(integer).collect()
}

/// It was refused, or ended in an error, of this kind; the words are in its message or in what SQLite
/// said.
pub(crate) fn assert_says<T: Debug>(
    name: &str,
    result: Result<T, Error>,
    kind: ErrorKind,
    words: &[&str],
) {
    let error = result.expect_err(name);
    let said = format!("{error}: {:?}", error.source().map(ToString::to_string));
    assert_eq!(error.kind(), kind, "{name}: {said}");
    for word in words {
        assert!(said.contains(word), "{name}: {word:?} isn't in {said}");
    }
}
