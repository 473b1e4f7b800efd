//! A database for a test, and what is walked or refused in it.

use keywalk::{ChunkSource, ResumableSource, Walk};
use keywalk_sqlite::{DynKey, Error, ErrorKind, Query, SqlKey, Table};
use rusqlite::Connection;

pub(crate) fn open(sql: &str) -> Connection {
    let db = Connection::open_in_memory().expect("memory is there");
    db.execute_batch(sql).expect("the schema is valid");
    db
}

/// The first error, and how many rows came before it.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: Error,
    pub(crate) rows: usize,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Failed { error, rows: 0 }
    }
}

/// The keys in words.
pub(crate) type Keys = Result<Vec<String>, Failed>;

pub(crate) type Call = fn(&Connection) -> Keys;

pub(crate) fn all<K, T, S>(walk: Walk<S>) -> Keys
where
    S: ChunkSource<Key = K, Item = (K, T), Error = Error> + ResumableSource,
{
    let mut items = walk.chunk_size(1).items();
    let mut keys = Vec::new();
    while let Some(item) = items.next() {
        let rows = keys.len();
        match item {
            Ok((key, _)) => keys.push(items.source().key_text(&key)),
            Err(keywalk::Error::Source(error)) => return Err(Failed { error, rows }),
            Err(error) => panic!("{error}"),
        }
    }
    Ok(keys)
}

pub(crate) fn walked<K, T, S>(source: S) -> Keys
where
    S: ChunkSource<Key = K, Item = (K, T), Error = Error> + ResumableSource,
{
    all(Walk::new(source))
}

pub(crate) fn by<K: SqlKey>(db: &Connection, columns: &[&str]) -> Keys {
    walked(Table::new(db, "t").key::<K>(columns.iter().copied())?)
}

pub(crate) fn within(db: &Connection, columns: &[&str]) -> Keys {
    let table = Table::new(db, "t").prefix_eq("a", 1)?;
    walked(table.key::<DynKey>(columns.iter().copied())?)
}

pub(crate) fn query<K: SqlKey>(db: &Connection, sql: &str, columns: &[&str]) -> Keys {
    walked(Query::new(db, sql, [])?.key::<K>(columns.iter().copied())?)
}

/// Refused before the first row: its kind, the phrases of its message, between bars, and whether SQLite is to
/// blame.
pub(crate) fn assert_refused(
    what: &str,
    keys: Keys,
    kind: ErrorKind,
    is_sqlites: bool,
    says: &str,
) {
    let Failed { error, rows } = keys.expect_err(what);
    assert_eq!(rows, 0, "{what}: {error}");
    assert_says(what, &error, kind, says);
    let blamed = (
        error.sqlite_error().is_some(),
        std::error::Error::source(&error).is_some(),
    );
    assert_eq!(blamed, (is_sqlites, is_sqlites), "{what}: {error}");
}

pub(crate) fn assert_says(what: &str, error: &Error, kind: ErrorKind, says: &str) {
    let message = error.to_string();
    assert_eq!(error.kind(), kind, "{what}: {message}");
    for phrase in says.split(" | ") {
        assert!(
            message.contains(phrase),
            "{what}: {phrase:?} isn't in {message:?}"
        );
    }
}
