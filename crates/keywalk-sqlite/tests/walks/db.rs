//! A database for a test.

use rusqlite::Connection;

pub(crate) fn open(sql: &str) -> Connection {
    let db = Connection::open_in_memory().expect("memory is there");
    db.execute_batch(sql).expect("the schema is valid");
    db
}
