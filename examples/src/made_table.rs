use rusqlite::{Connection, Transaction};

const ROWS_PER_TRANSACTION: u64 = 10_000;

/// Makes the table `items` in `db`, about 600 bytes a row: `id` from 1 to `rows`, `name`, `photo` (a
/// blob of 500 bytes). `made` is told after each part how many rows there are.
///
/// # Errors
///
/// What SQLite says.
pub fn make_table(
    db: &mut Connection,
    rows: u64,
    mut made: impl FnMut(u64),
) -> rusqlite::Result<()> {
    // The database is thrown away at the end: what a power failure does to it doesn't matter.
    db.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = OFF;
         CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, photo BLOB NOT NULL);",
    )?;
    let mut next = 1;
    while next <= rows {
        let end = rows.min(next + ROWS_PER_TRANSACTION - 1);
        let transaction = db.transaction()?;
        insert(&transaction, next, end)?;
        transaction.commit()?;
        made(end);
        next = end + 1;
    }
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

fn insert(transaction: &Transaction<'_>, first: u64, last: u64) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached("INSERT INTO items VALUES (?1, ?2, ?3)")?;
    let mut photo = [0u8; 500];
    for id in first..=last {
        photo[..8].copy_from_slice(&id.to_be_bytes());
        insert.execute((id as i64, format!("the item number {id}"), &photo[..]))?;
    }
    Ok(())
}
