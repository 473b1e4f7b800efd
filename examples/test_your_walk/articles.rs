//! The test's fixtures: a table of articles, and concurrent changes to it.

use keywalk_conformance::BoxError;
use keywalk_conformance::history::Change;
use rusqlite::{Connection, Row};

/// A row of the table. Each put of a schedule has a new number, which any column can store. Here it is `version`.
#[derive(Debug)]
pub(crate) struct Article {
    pub(crate) id: i64,
    pub(crate) version: u64,
}

impl Article {
    pub(crate) fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Article {
            id: row.get("id")?,
            version: row.get::<_, i64>("version")?.unsigned_abs(),
        })
    }
}

/// Opens a database in memory, with an empty table.
pub(crate) fn database() -> rusqlite::Result<Connection> {
    let db = Connection::open_in_memory()?;
    db.execute_batch(
        "CREATE TABLE articles (id INTEGER PRIMARY KEY, version INTEGER NOT NULL);
         CREATE TABLE position (one INTEGER PRIMARY KEY, token BLOB NOT NULL);",
    )?;
    Ok(db)
}

/// Makes a concurrent change.
pub(crate) fn change(db: &Connection, id: i64, change: Change) -> Result<(), BoxError> {
    match change {
        Change::Put(value) => db
            .prepare_cached("INSERT OR REPLACE INTO articles VALUES (?1, ?2)")?
            .execute((id, value.cast_signed()))?,
        Change::Delete => db
            .prepare_cached("DELETE FROM articles WHERE id = ?1")?
            .execute([id])?,
    };
    Ok(())
}
