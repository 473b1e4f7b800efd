use keywalk_examples::{Failure, say};
use keywalk_job::Stop;
use rusqlite::Connection;

use crate::purge::OldRows;
use crate::writer::Written;

const ROWS_PER_TRANSACTION: u64 = 10_000;

/// Events before this time, in seconds since 1970, are old.
const CUTOFF: u64 = 1_700_000_000;

/// Makes the table: every second event is old.
pub(crate) fn make(db: &mut Connection, rows: u64, stop: &Stop) -> rusqlite::Result<()> {
    db.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = OFF;
         CREATE TABLE events (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, body TEXT NOT NULL);",
    )?;
    let mut made = 0;
    while made < rows && !stop.is_requested() {
        let end = rows.min(made + ROWS_PER_TRANSACTION);
        let transaction = db.transaction()?;
        for id in made + 1..=end {
            let at = match id % 2 {
                0 => CUTOFF + id,
                _ => CUTOFF - id,
            };
            insert(&transaction, Some(id), at)?;
        }
        transaction.commit()?;
        made = end;
    }
    // From here on it is treated as one that must last.
    db.execute_batch("PRAGMA synchronous = NORMAL")?;
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

/// Adds an event, with about 200 bytes of a body; as the next one, where it has no number.
fn insert(db: &Connection, id: Option<u64>, at: u64) -> rusqlite::Result<()> {
    let mut insert = db.prepare_cached("INSERT INTO events VALUES (?1, ?2, ?3)")?;
    let id = id.map(u64::cast_signed);
    insert.execute((
        id,
        at.cast_signed(),
        format!("at {at}: {:.>185}", "something"),
    ))?;
    Ok(())
}

/// Adds an event of today.
pub(crate) fn insert_new(db: &Connection) -> rusqlite::Result<()> {
    insert(db, None, CUTOFF + 1_000_000_000)
}

pub(crate) fn old() -> OldRows {
    OldRows {
        table: "events".to_owned(),
        condition: format!("at < {CUTOFF}"),
    }
}

/// Sees that no old row is left, and that every newer one is, with those that were written meanwhile.
pub(crate) fn check(db: &Connection, rows: u64, written: &Written) -> Result<(), Failure> {
    let sql = "SELECT total(at < ?1), total(at >= ?1 AND id <= ?2), total(at >= ?1 AND id > ?2) FROM events";
    let (old, newer, new): (f64, f64, f64) =
        db.query_row(sql, [CUTOFF.cast_signed(), rows.cast_signed()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let expected = rows / 2;
    if old != 0.0 || newer != expected as f64 || new != written.rows as f64 {
        return Err(Failure::failed(format!(
            "{old} old rows are left, {newer} of {expected} newer ones, and {new} of {} that were written meanwhile",
            written.rows
        )));
    }
    say(format_args!(
        "no old row is left; all {expected} newer ones are, and all {} that were written meanwhile",
        written.rows
    ))?;
    Ok(())
}
