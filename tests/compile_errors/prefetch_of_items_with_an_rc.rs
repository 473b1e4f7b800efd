// The cure: have to hold an `Arc`

use std::rc::Rc;

use keywalk::Walk;
use keywalk_sqlite::{Error, Table};
use rusqlite::Connection;

fn walk(db: Connection) -> Result<(), Error> {
    let items = Table::new(db, "items").key::<i64>(["id"])?;
    let items = items.map(|row| row.get::<_, String>("name").map(Rc::new));
    let walk = Walk::new(items).prefetch(1);
    Ok(())
}

fn main() {}
