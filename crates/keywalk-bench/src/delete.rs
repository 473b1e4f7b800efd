//! Deletes and updates rows during a walk over a SQLite table, in chunks of the default size. The floor executes one
//! statement per chunk, in one transaction per chunk. It changes the range from the chunk's first key to its last. The
//! ratio is the CPU time over that of the floor.
//!
//! `…_by_row` executes one statement per row, in one transaction per chunk. `…_by_job` is a job that changes ranges and
//! commits its checkpoint in the chunk's transaction. Each turn works on the older half of a new copy of the table. All
//! ways leave the same rows.

use std::fs;
use std::path::Path;

use keywalk::Walk;
use keywalk_job::Job;
use keywalk_sqlite::{SqliteCheckpoints, Table};
use rusqlite::{Connection, Result};

use crate::bench::{Bench, Target};
use crate::measure::{Fallible, Seen, cpu_ns};
use crate::sqlite_table::{Integer, database};

/// Changes the rows of a chunk with a statement. Returns how many rows changed.
type Change = fn(&Connection, &[Key], &str) -> Result<usize>;

type Key = (i64, ());

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    let rows = bench.items / 10;
    let (folder, db) = database::<Integer>(rows)?;
    drop(db);
    let file = folder.path().join("items.db");
    for (name, sql) in [
        ("delete", "DELETE FROM items"),
        ("update", "UPDATE items SET name = upper(name)"),
    ] {
        for (way, change, is_job) in [
            ("by_row", each_row as Change, false),
            ("by_job", range, true),
        ] {
            let turn = |change, is_job| turn(&file, (rows / 2) as i64, sql, change, is_job);
            let name = format!("{name}_{way}");
            bench.turns(
                name,
                Target::None,
                || turn(range, false),
                || turn(change, is_job),
            )?;
        }
    }
    Ok(())
}

/// Changes a new copy of the database up to a key. Returns the time and what is left.
fn turn(made: &Path, end: i64, sql: &str, change: Change, is_job: bool) -> Fallible<(Seen, f64)> {
    let file = made.with_file_name("copy.db");
    fs::copy(made, &file)?;
    let db = Connection::open(&file)?;
    db.execute_batch("PRAGMA synchronous = NORMAL")?;
    let start = cpu_ns();
    let mut items = 0;
    let mut work = |db: &Connection, keys: &[Key]| -> Result<()> {
        items += change(db, keys, sql)? as u64;
        Ok(())
    };
    // Walks the keys only.
    let table = Table::new(&db, "items").key::<i64>(["id"])?;
    let walk = Walk::new(table.columns(["id"]).map(|_| Ok(()))).range(..=end);
    if is_job {
        let outcome = Job::new("work", walk, SqliteCheckpoints::new(&db))
            .run(|db, keys| Ok(work(db, &keys)?))?;
        assert!(outcome.is_done());
    } else {
        let mut chunks = walk.chunks();
        while let Some(keys) = chunks.next()? {
            let transaction = db.unchecked_transaction()?;
            work(&transaction, keys)?;
            transaction.commit()?;
        }
    }
    let took = cpu_ns() - start;
    let left = "SELECT count(*) + total(id) + total(id * (name = upper(name))) FROM items";
    let left: f64 = db.query_row(left, [], |row| row.get(0))?;
    let sum = left as u64;
    Ok((Seen { items, sum }, took))
}

fn range(db: &Connection, keys: &[Key], sql: &str) -> Result<usize> {
    let ([(first, ()), ..], [.., (last, ())]) = (keys, keys) else {
        return Ok(0);
    };
    let mut change = db.prepare_cached(&format!("{sql} WHERE id BETWEEN ?1 AND ?2"))?;
    change.execute([first, last])
}

fn each_row(db: &Connection, keys: &[Key], sql: &str) -> Result<usize> {
    let mut change = db.prepare_cached(&format!("{sql} WHERE id = ?1"))?;
    let mut keys = keys.iter();
    keys.try_fold(0, |all, (id, ())| Ok(all + change.execute([id])?))
}
