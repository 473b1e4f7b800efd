// The cure: a key is `i8` to `i64`, `u8` to `u32`, `String`

use keywalk_sqlite::{Error, Table};
use rusqlite::Connection;

fn walk(db: &Connection) -> Result<(), Error> {
    let items = Table::new(db, "items").key::<&str>(["name"])?;
    Ok(())
}

fn main() {}
