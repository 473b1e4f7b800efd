use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use tempfile::TempDir;

use crate::Fallible;

const ROWS_A_TRANSACTION: u64 = 10_000;

/// What a table is walked by.
pub(crate) trait Shape {
    /// The key's type for a walk.
    type Key: keywalk_sqlite::Key;
    const NAME: &'static str;
    /// What CREATE TABLE says of the key, and what stands after the columns.
    const COLUMNS: &'static str;
    const CONSTRAINT: &'static str;
    const SUFFIX: &'static str;
    const KEY: &'static [&'static str];
    /// The order of the walk.
    const ORDER: &'static str;

    /// The key of row number `at`.
    fn values(at: u64) -> Vec<Value>;
    /// As the cursor that makes structs reads it, for [`digest`](Self::digest).
    fn read(row: &Row<'_>) -> rusqlite::Result<Self::Key>;
    /// The digest of a key that is borrowed.
    fn visit(row: &Row<'_>) -> rusqlite::Result<u64>;
    fn digest(key: &Self::Key) -> u64;
}

/// A new database in a folder of its own, with `rows` rows in the table `items`: the key's columns,
/// `name`, and `photo`, a blob of 500 bytes.
pub(crate) fn database<S: Shape>(rows: u64) -> Fallible<(TempDir, Connection)> {
    let folder = tempfile::tempdir()?;
    let mut db = Connection::open(folder.path().join("items.db"))?;
    // It is thrown away at the end: what a power failure does to it doesn't matter.
    db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;")?;
    let (columns, constraint, suffix) = (S::COLUMNS, S::CONSTRAINT, S::SUFFIX);
    db.execute_batch(&format!(
        "CREATE TABLE items ({columns}, name TEXT NOT NULL, photo BLOB NOT NULL{constraint}) {suffix}"
    ))?;
    let places = vec!["?"; S::KEY.len() + 2].join(", ");
    let insert = format!("INSERT INTO items VALUES ({places})");
    for first in (0..rows).step_by(ROWS_A_TRANSACTION as usize) {
        let transaction = db.transaction()?;
        let mut insert = transaction.prepare_cached(&insert)?;
        for at in first..rows.min(first + ROWS_A_TRANSACTION) {
            let mut values = S::values(at);
            let mut photo = vec![0; 500];
            photo[..8].copy_from_slice(&at.to_be_bytes());
            values.push(Value::Text(format!("the item number {at}")));
            values.push(Value::Blob(photo));
            insert.execute(params_from_iter(values))?;
        }
        drop(insert);
        transaction.commit()?;
    }
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok((folder, db))
}

/// The cursor's statement: all columns, in the order of the walk.
pub(crate) fn select<S: Shape>() -> String {
    let (key, order) = (S::KEY.join(", "), S::ORDER);
    format!("SELECT {key}, name, photo FROM items ORDER BY {order}")
}
