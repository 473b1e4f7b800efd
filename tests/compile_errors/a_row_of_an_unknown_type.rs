// The cure: implement `keywalk_sqlite::FromRow` for it, or give a closure to `map`

use keywalk_sqlite::{Error, Table};
use rusqlite::Connection;

struct User {
    name: String,
}

fn walk(db: &Connection) -> Result<(), Error> {
    let users = Table::new(db, "users").key::<i64>(["id"])?.decode::<User>();
    Ok(())
}

fn main() {}
