// The cure: no float (`AnyKey` walks a REAL column), and nothing that may be NULL

use keywalk_sqlite::{Error, Table};
use rusqlite::Connection;

fn walk(db: &Connection) -> Result<(), Error> {
    let items = Table::new(db, "items").key::<f64>(["price"])?;
    Ok(())
}

fn main() {}
