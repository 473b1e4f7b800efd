//! The table of articles, and how a test writes to it.

use keywalk::DurableSource;
use keywalk_conformance::BoxError;
use keywalk_conformance::history::Change;
use keywalk_sqlite::Table;
use rusqlite::{Connection, Row};

/// A row. A schedule gives each one that it writes a number of its own; any column will do for it.
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

/// A database in memory, with an empty table.
pub(crate) struct Articles(Connection);

impl Articles {
    pub(crate) fn new() -> Result<Self, BoxError> {
        let db = Connection::open_in_memory()?;
        db.execute_batch(
            "CREATE TABLE articles (id INTEGER PRIMARY KEY, version INTEGER NOT NULL);
             CREATE TABLE position (one INTEGER PRIMARY KEY, token BLOB NOT NULL);",
        )?;
        Ok(Articles(db))
    }

    pub(crate) fn db(&self) -> &Connection {
        &self.0
    }

    /// The table, to be walked.
    pub(crate) fn table(
        &self,
    ) -> Result<
        impl DurableSource<Key = i64, Item = (i64, Article), Error = keywalk_sqlite::Error>,
        BoxError,
    > {
        let table = Table::new(&self.0, "articles").key(["id"])?;
        Ok(table.map(Article::from_row))
    }

    /// What others do.
    pub(crate) fn change(&self, id: i64, change: Change) -> Result<(), BoxError> {
        match change {
            Change::Put(value) => self
                .0
                .prepare_cached("INSERT OR REPLACE INTO articles VALUES (?1, ?2)")?
                .execute((id, value as i64))?,
            Change::Delete => self
                .0
                .prepare_cached("DELETE FROM articles WHERE id = ?1")?
                .execute([id])?,
        };
        Ok(())
    }
}
