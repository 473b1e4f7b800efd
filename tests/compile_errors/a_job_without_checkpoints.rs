// The cure: give `keywalk_sqlite::CheckpointTable::new(&db)`

use keywalk::Walk;
use keywalk_job::Job;
use keywalk_sqlite::{Error, Table};
use rusqlite::Connection;

fn run(db: &Connection) -> Result<(), Error> {
    let items = Table::new(db, "items").key::<i64>(["id"])?;
    let outcome = Job::new("job", Walk::new(items), db).run(|tx, items| Ok(()));
    Ok(())
}

fn main() {}
