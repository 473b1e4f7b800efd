// The cure: `Table::new(connection, "items")`

use keywalk::Walk;
use keywalk_sqlite::{Error, Table};
use rusqlite::Connection;

fn walk(db: &Connection) -> Result<(), Error> {
    let items = Table::new(db, "items").key::<i64>(["id"])?;
    for item in Walk::new(items).prefetch(1) {
        println!("{:?}", item.is_ok());
    }
    Ok(())
}

fn main() {}
