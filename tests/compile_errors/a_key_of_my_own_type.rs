// The cure: implement `keywalk_sqlite::KeyColumn`

use keywalk_sqlite::{Error, Table};
use rusqlite::Connection;

#[derive(Clone, PartialEq, PartialOrd)]
struct UserId(i64);

fn walk(db: &Connection) -> Result<(), Error> {
    let users = Table::new(db, "users").key::<UserId>(["id"])?;
    Ok(())
}

fn main() {}
