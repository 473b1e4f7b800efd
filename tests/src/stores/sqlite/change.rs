//! What changes a table that is walked.

use std::fmt;
use std::marker::PhantomData;

use keywalk_conformance::{BoxError, Writer};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::{SqliteKey, Way};

/// Inserts the row, or replaces it; then it isn't hidden.
pub(super) fn put<K: SqliteKey, W: Way<K>>(
    db: &Connection,
    key: &K,
    value: u64,
) -> Result<(), BoxError> {
    let names = W::names();
    let marks = vec!["?"; names.len()].join(", ");
    let names = names.join(", ");
    let mut values = key.values();
    values.push(value.cast_signed().into());
    execute(
        db,
        &format!("INSERT OR REPLACE INTO t ({names}, value) VALUES ({marks}, ?)"),
        values,
    )
}

/// Deletes the row. Where hidden rows aren't walked, it hides those with odd values.
pub(super) fn delete<K: SqliteKey, W: Way<K>>(db: &Connection, key: &K) -> Result<(), BoxError> {
    let names = W::names();
    let terms = names.iter().map(|name| format!("{name} = ?"));
    let terms: Vec<String> = terms.chain([W::OURS.to_owned()]).collect();
    let is_it = terms.join(" AND ");
    if W::HIDES {
        execute(
            db,
            &format!("UPDATE t SET hidden = 1 WHERE {is_it} AND value & 1"),
            key.values(),
        )?;
    }
    execute(
        db,
        &format!("DELETE FROM t WHERE {is_it} AND hidden = 0"),
        key.values(),
    )
}

fn execute(db: &Connection, sql: &str, values: Vec<Value>) -> Result<(), BoxError> {
    db.prepare_cached(sql)?.execute(params_from_iter(values))?;
    Ok(())
}

/// Changes a table through a connection of its own.
pub struct SqliteWriter<K, W> {
    /// Why there is none is said at the first change.
    db: Result<Connection, String>,
    types: PhantomData<fn() -> (K, W)>,
}

impl<K, W> SqliteWriter<K, W> {
    pub(super) fn new(db: Result<Connection, BoxError>) -> Self {
        SqliteWriter {
            db: db.map_err(|error| error.to_string()),
            types: PhantomData,
        }
    }

    fn db(&self) -> Result<&Connection, BoxError> {
        self.db.as_ref().map_err(|error| error.clone().into())
    }
}

impl<K: SqliteKey, W: Way<K>> Writer<K> for SqliteWriter<K, W> {
    fn put(&mut self, key: &K, value: u64) -> Result<(), BoxError> {
        put::<K, W>(self.db()?, key, value)
    }

    fn delete(&mut self, key: &K) -> Result<(), BoxError> {
        delete::<K, W>(self.db()?, key)
    }
}

impl<K, W> fmt::Debug for SqliteWriter<K, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteWriter").finish_non_exhaustive()
    }
}
