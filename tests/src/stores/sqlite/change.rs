//! Changes to the table that is walked.

use std::marker::PhantomData;

use keywalk_conformance::{BoxError, Writer};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::{SqliteKey, Way};

/// Inserts the row or replaces it, and makes it visible.
pub(super) fn put<K: SqliteKey, W: Way<K>>(
    db: &Connection,
    key: &K,
    value: u64,
) -> Result<(), BoxError> {
    let names = W::names();
    let (marks, names) = (vec!["?"; names.len()].join(", "), names.join(", "));
    let mut values = key.values();
    values.push(value.cast_signed().into());
    let sql = format!("INSERT OR REPLACE INTO t ({names}, value) VALUES ({marks}, ?)");
    execute(db, &sql, values)
}

/// Deletes the row. If hidden rows aren't walked, it hides rows with odd values instead.
pub(super) fn delete<K: SqliteKey, W: Way<K>>(db: &Connection, key: &K) -> Result<(), BoxError> {
    let names = W::names();
    let terms = names.iter().map(|name| format!("{name} IS ?"));
    let terms: Vec<String> = terms.chain([W::OURS.to_owned()]).collect();
    let is_it = terms.join(" AND ");
    if W::HIDES {
        let hide = format!("UPDATE t SET hidden = 1 WHERE {is_it} AND value & 1");
        execute(db, &hide, key.values())?;
    }
    let delete = format!("DELETE FROM t WHERE {is_it} AND hidden = 0");
    execute(db, &delete, key.values())
}

fn execute(db: &Connection, sql: &str, values: Vec<Value>) -> Result<(), BoxError> {
    db.prepare_cached(sql)?.execute(params_from_iter(values))?;
    Ok(())
}

/// A writer that changes a table through a connection of its own.
pub(super) struct SqliteWriter<K, W>(
    pub(super) Connection,
    pub(super) PhantomData<fn() -> (K, W)>,
);

impl<K: SqliteKey, W: Way<K>> Writer<K> for SqliteWriter<K, W> {
    fn put(&mut self, key: &K, value: u64) -> Result<(), BoxError> {
        put::<K, W>(&self.0, key, value)
    }

    fn delete(&mut self, key: &K) -> Result<(), BoxError> {
        delete::<K, W>(&self.0, key)
    }
}
