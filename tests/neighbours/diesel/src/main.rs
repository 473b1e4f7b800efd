//! diesel writes what keywalk walks, in one program.

#![forbid(unsafe_code)]

use std::error::Error;

use diesel::connection::SimpleConnection;
use diesel::{Connection, RunQueryDsl, SqliteConnection};
use keywalk_sqlite::{Table, keywalk::Walk, rusqlite};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("items.db");

    let mut by_diesel = SqliteConnection::establish(&path.to_string_lossy())?;
    by_diesel.batch_execute(
        "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);
         INSERT INTO items VALUES (1, 'diesel'), (2, 'diesel')",
    )?;

    let items = Table::new(rusqlite::Connection::open(&path)?, "items").key::<i64>(["id"])?;
    let items = items.map(|row| row.get::<_, String>("name"));
    let mut names = Vec::new();
    for item in Walk::new(items).chunk_size(1) {
        let (id, name) = item?;
        diesel::sql_query(format!("DELETE FROM items WHERE id = {id}")).execute(&mut by_diesel)?;
        names.push(name);
    }
    assert_eq!(names, ["diesel", "diesel"]);
    println!(
        "walked rows of {} with SQLite {}",
        names[0],
        rusqlite::version()
    );
    Ok(())
}
