// The cure: a tuple of up to six of these

use keywalk_sqlite::{Error, Table};
use rusqlite::Connection;

fn walk(db: &Connection) -> Result<(), Error> {
    let items = Table::new(db, "items").key::<(f64, i64)>(["price", "id"])?;
    Ok(())
}

fn main() {}
