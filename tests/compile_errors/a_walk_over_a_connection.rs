// The cure: `Table::new(&db, "items").key::<i64>(["id"])?`

use keywalk::Walk;
use rusqlite::Connection;

fn walk(db: &Connection) {
    let walk = Walk::new(db).descending();
}

fn main() {}
