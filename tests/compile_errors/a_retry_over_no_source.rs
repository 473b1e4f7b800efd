// The cure: `Table::new(&db, "items").key::<i64>(["id"])?`

use keywalk_retry::{ExponentialBuilder, Retry};
use rusqlite::Connection;

fn retry(db: &Connection) {
    let patient = Retry::new(db, ExponentialBuilder::default(), |_| true);
}

fn main() {}
