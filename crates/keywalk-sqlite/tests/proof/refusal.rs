//! What is refused, and how.

use keywalk::Walk;
use keywalk_sqlite::{Error, ErrorKind, Key, Table};
use rusqlite::Connection;

/// The error of a table at its first fetch, if it got there, after no row at all.
pub(crate) fn refusal<K: Key>(table: Result<Table<&Connection, K>, Error>) -> Error {
    match table {
        Err(error) => error,
        Ok(table) => {
            let mut items = Walk::new(table).into_iter();
            match items.next().expect("there are rows").map(|_| "a row") {
                Err(keywalk::Error::Source(error)) => error,
                other => panic!("not refused: {other:?}"),
            }
        }
    }
}

/// Kind and message: each of the names and the words of the cure are in it.
pub(crate) fn assert_says(error: &Error, kind: ErrorKind, words: &[&str]) {
    assert_eq!(error.kind(), kind, "{error}");
    for word in words {
        assert!(
            error.to_string().contains(word),
            "{word:?} isn't in {:?}",
            error.to_string()
        );
    }
}

pub(crate) fn one<'db, K: Key>(
    db: &'db Connection,
    columns: &[&str],
) -> Result<Table<&'db Connection, K>, Error> {
    Table::new(db, "t").key(columns.iter().copied())
}
