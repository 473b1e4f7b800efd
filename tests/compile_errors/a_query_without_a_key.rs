// The cure: a `Query` has no key until it is told: `.key::<i64>(["id"])?`

use keywalk::Walk;
use keywalk_sqlite::{Error, Query};
use rusqlite::Connection;

fn walk(db: &Connection) -> Result<(), Error> {
    for row in Walk::new(Query::new(db, "SELECT id, name FROM items", [])?) {
        println!("{}", row.is_ok());
    }
    Ok(())
}

fn main() {}
