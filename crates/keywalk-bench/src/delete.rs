//! Deleting and updating the rows that a walk over a SQLite table comes to, in chunks of the default size, over
//! doing so by range in each chunk's transaction, one statement from its first key to its last: CPU time.
//!
//! `…_by_row` is a statement for each of the chunk's rows, in one transaction; `…_by_transaction` a transaction
//! for each row; `…_by_job` a job by range, whose checkpoint is part of the chunk's transaction. Each turn works
//! on the older half of a new copy of the table and leaves the same rows.

use std::fs;
use std::path::Path;

use keywalk::{DurableSource, Walk};
use keywalk_job::Job;
use keywalk_sqlite::{CheckpointTable, Error, Table};
use rusqlite::{Connection, Result};

use crate::bench::{Bench, Target};
use crate::measure::{Fallible, Seen, cpu_ns};
use crate::sqlite_table::{Integer, database};

/// Changes the rows with keys up to the second argument by a statement; returns how many they were.
type Work = fn(&Connection, i64, &str) -> Fallible<u64>;

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    let rows = bench.items / 10;
    let (folder, db) = database::<Integer>(rows)?;
    drop(db);
    let file = folder.path().join("items.db");
    for (name, sql) in [
        ("delete", "DELETE FROM items"),
        ("update", "UPDATE items SET name = upper(name)"),
    ] {
        let mut versus = |way: &str, work: Work| {
            let turn = |work: Work| turn(&file, (rows / 2) as i64, sql, work);
            let name = format!("{name}_{way}");
            bench.turns(name, Target::None, || turn(by_range), || turn(work))
        };
        versus("by_row", |db, end, sql| {
            each_chunk(db, end, |keys| {
                in_transaction(db, || each_row(db, keys, sql))
            })
        })?;
        versus("by_transaction", |db, end, sql| {
            each_chunk(db, end, |keys| each_row(db, keys, sql))
        })?;
        versus("by_job", by_job)?;
    }
    Ok(())
}

/// Works on a new copy of the database and times that; sees what it leaves.
fn turn(made: &Path, end: i64, sql: &str, work: Work) -> Fallible<(Seen, f64)> {
    let file = made.with_file_name("copy.db");
    fs::copy(made, &file)?;
    let db = Connection::open(&file)?;
    db.execute_batch("PRAGMA synchronous = NORMAL")?;
    let start = cpu_ns();
    let items = work(&db, end, sql)?;
    let took = cpu_ns() - start;
    let left = "SELECT count(*) + total(id) + total(id * (name = upper(name))) FROM items";
    let left: f64 = db.query_row(left, [], |row| row.get(0))?;
    Ok((
        Seen {
            items,
            sum: left as u64,
        },
        took,
    ))
}

fn by_range(db: &Connection, end: i64, sql: &str) -> Fallible<u64> {
    each_chunk(db, end, |keys| in_transaction(db, || range(db, keys, sql)))
}

fn by_job(db: &Connection, end: i64, sql: &str) -> Fallible<u64> {
    let mut all = 0;
    let job = Job::new("work", walk(db, end)?, CheckpointTable::new(db));
    let outcome = job.run(|db, keys| {
        all += range(db, keys, sql)?;
        Ok(())
    })?;
    match outcome.is_done() {
        true => Ok(all),
        false => Err(format!("the job ended early: {outcome}").into()),
    }
}

type Key = (i64, ());

/// Over the keys alone, up to one of them.
fn walk(
    db: &Connection,
    end: i64,
) -> Fallible<Walk<impl DurableSource<Key = i64, Item = Key, Error = Error>>> {
    let table = Table::new(db, "items").key::<i64>(["id"])?;
    Ok(Walk::new(table.columns(["id"]).map(|_| Ok(()))).range(..=end))
}

fn each_chunk(db: &Connection, end: i64, change: impl Fn(&[Key]) -> Result<u64>) -> Fallible<u64> {
    let mut all = 0;
    let mut chunks = walk(db, end)?.chunks();
    while let Some(keys) = chunks.next()? {
        all += change(keys)?;
    }
    Ok(all)
}

fn in_transaction(db: &Connection, change: impl Fn() -> Result<u64>) -> Result<u64> {
    let transaction = db.unchecked_transaction()?;
    let changed = change()?;
    transaction.commit()?;
    Ok(changed)
}

fn range(db: &Connection, keys: &[Key], sql: &str) -> Result<u64> {
    let ([(first, ()), ..], [.., (last, ())]) = (keys, keys) else {
        return Ok(0);
    };
    let mut change = db.prepare_cached(&format!("{sql} WHERE id BETWEEN ?1 AND ?2"))?;
    Ok(change.execute([first, last])? as u64)
}

fn each_row(db: &Connection, keys: &[Key], sql: &str) -> Result<u64> {
    let mut change = db.prepare_cached(&format!("{sql} WHERE id = ?1"))?;
    let mut keys = keys.iter();
    keys.try_fold(0, |all, (id, ())| Ok(all + change.execute([id])? as u64))
}
