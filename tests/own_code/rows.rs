//! A table, and what others do to it.

use keywalk_conformance::BoxError;
use keywalk_conformance::history::Change;
use rusqlite::Connection;

pub(crate) fn open() -> Connection {
    let db = Connection::open_in_memory().expect("a database in memory");
    let table = "CREATE TABLE rows (id INTEGER PRIMARY KEY, value INTEGER NOT NULL)";
    db.execute_batch(table).expect("a table");
    db
}

pub(crate) fn change(db: &Connection, id: i64, change: Change) -> Result<(), BoxError> {
    match change {
        Change::Put(value) => db
            .prepare_cached("INSERT OR REPLACE INTO rows VALUES (?1, ?2)")?
            .execute([id, value as i64])?,
        Change::Delete => db
            .prepare_cached("DELETE FROM rows WHERE id = ?1")?
            .execute([id])?,
    };
    Ok(())
}
