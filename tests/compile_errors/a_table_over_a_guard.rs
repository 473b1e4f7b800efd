// The cure: a guard that dereferences to a connection, as a pool's or a mutex's, is given as `Held(guard)`

use std::sync::MutexGuard;

use keywalk_sqlite::Table;
use rusqlite::Connection;

fn walk(db: MutexGuard<'_, Connection>) {
    Table::new(db, "items");
}

fn main() {}
