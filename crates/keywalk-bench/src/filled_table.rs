//! Tables that SQLite fills by itself, millions of rows in seconds.

use std::path::Path;

use rusqlite::Connection;

use crate::Fallible;

/// Makes a database with `rows` rows, of what [`Integer`](crate::sqlite::Integer) walks: `id` from 0 on,
/// `name`, and `photo`, a blob of so many bytes.
pub(crate) fn fill(file: &Path, rows: u64, photo: u64) -> Fallible {
    let db = Connection::open(file)?;
    // It is thrown away at the end: what a power failure does to it doesn't matter.
    db.execute_batch(
        "PRAGMA journal_mode = OFF;
         PRAGMA synchronous = OFF;
         CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, photo BLOB NOT NULL);",
    )?;
    db.execute(
        "WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?1)
         INSERT INTO items SELECT n, 'the item number ' || n, zeroblob(?2) FROM numbers",
        [rows as i64, photo as i64],
    )?;
    db.execute_batch("PRAGMA journal_mode = WAL")?;
    Ok(())
}
