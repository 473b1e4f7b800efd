//! The rows that a walk comes to, in several ways.

use std::error::Error;

use keywalk::{ChunkSource, DurableSource, Walk};
use keywalk_job::Job;
use keywalk_sqlite::{CheckpointTable, Table};
use rusqlite::Connection;

use crate::Fallible;

pub(super) fn delete_by_range(db: &Connection, end: i64) -> Fallible<u64> {
    each_chunk(keys(db)?, end, |rows| {
        one_transaction(db, rows, delete_range)
    })
}

pub(super) fn delete_by_row(db: &Connection, end: i64) -> Fallible<u64> {
    each_chunk(keys(db)?, end, |rows| {
        one_transaction(db, rows, delete_rows)
    })
}

pub(super) fn delete_a_transaction_each(db: &Connection, end: i64) -> Fallible<u64> {
    each_chunk(keys(db)?, end, |rows| {
        a_transaction_each(db, rows, delete_rows)
    })
}

pub(super) fn delete_job(db: &Connection, end: i64) -> Fallible<u64> {
    job(db, keys(db)?, end, delete_range)
}

pub(super) fn update_by_range(db: &Connection, end: i64) -> Fallible<u64> {
    each_chunk(keys(db)?, end, |rows| {
        one_transaction(db, rows, update_range)
    })
}

pub(super) fn update_by_row(db: &Connection, end: i64) -> Fallible<u64> {
    each_chunk(names(db)?, end, |rows| {
        one_transaction(db, rows, update_rows)
    })
}

pub(super) fn update_a_transaction_each(db: &Connection, end: i64) -> Fallible<u64> {
    each_chunk(names(db)?, end, |rows| {
        a_transaction_each(db, rows, update_rows)
    })
}

pub(super) fn update_job(db: &Connection, end: i64) -> Fallible<u64> {
    job(db, names(db)?, end, update_rows)
}

type Key = (i64, ());
type Name = (i64, String);

/// Nothing but keys.
fn keys(
    db: &Connection,
) -> Fallible<impl DurableSource<Key = i64, Item = Key, Error = keywalk_sqlite::Error>> {
    let table = Table::new(db, "items").key::<i64>(["id"])?;
    Ok(table.columns(["id"]).map(|_| Ok(())))
}

fn names(
    db: &Connection,
) -> Fallible<impl DurableSource<Key = i64, Item = Name, Error = keywalk_sqlite::Error>> {
    let table = Table::new(db, "items").key::<i64>(["id"])?;
    let table = table.columns(["id", "name"]);
    Ok(table.fill(|row, name: &mut String| {
        name.clear();
        name.push_str(row.get_ref(1)?.as_str()?);
        Ok(())
    }))
}

fn delete_range(db: &Connection, rows: &[Key]) -> rusqlite::Result<u64> {
    from_first_to_last(db, "DELETE FROM items", rows)
}

fn update_range(db: &Connection, rows: &[Key]) -> rusqlite::Result<u64> {
    from_first_to_last(db, "UPDATE items SET name = upper(name)", rows)
}

fn from_first_to_last(db: &Connection, sql: &str, rows: &[Key]) -> rusqlite::Result<u64> {
    let ([(first, ()), ..], [.., (last, ())]) = (rows, rows) else {
        return Ok(0);
    };
    let mut change = db.prepare_cached(&format!("{sql} WHERE id BETWEEN ?1 AND ?2"))?;
    Ok(change.execute([first, last])? as u64)
}

fn delete_rows(db: &Connection, rows: &[Key]) -> rusqlite::Result<u64> {
    let mut delete = db.prepare_cached("DELETE FROM items WHERE id = ?1")?;
    rows.iter()
        .try_fold(0, |all, (id, ())| Ok(all + delete.execute([id])? as u64))
}

fn update_rows(db: &Connection, rows: &[Name]) -> rusqlite::Result<u64> {
    let mut update = db.prepare_cached("UPDATE items SET name = ?2 WHERE id = ?1")?;
    rows.iter().try_fold(0, |all, (id, name)| {
        Ok(all + update.execute((id, name.to_ascii_uppercase()))? as u64)
    })
}

/// Changes these rows, and answers how many they were.
type Change<T> = fn(&Connection, &[T]) -> rusqlite::Result<u64>;

fn each_chunk<S>(
    source: S,
    end: i64,
    mut change: impl FnMut(&[S::Item]) -> rusqlite::Result<u64>,
) -> Fallible<u64>
where
    S: ChunkSource<Key = i64>,
    S::Error: Error + 'static,
{
    let mut all = 0;
    let mut chunks = Walk::new(source).range(..end).chunks();
    while let Some(rows) = chunks.next()? {
        all += change(rows)?;
    }
    Ok(all)
}

fn one_transaction<T>(db: &Connection, rows: &[T], change: Change<T>) -> rusqlite::Result<u64> {
    let transaction = db.unchecked_transaction()?;
    let changed = change(&transaction, rows)?;
    transaction.commit()?;
    Ok(changed)
}

fn a_transaction_each<T>(db: &Connection, rows: &[T], change: Change<T>) -> rusqlite::Result<u64> {
    rows.chunks(1)
        .try_fold(0, |all, row| Ok(all + change(db, row)?))
}

fn job<S>(db: &Connection, source: S, end: i64, change: Change<S::Item>) -> Fallible<u64>
where
    S: DurableSource<Key = i64, Error = keywalk_sqlite::Error>,
{
    let mut all = 0;
    let walk = Walk::new(source).range(..end);
    let outcome = Job::new("work", walk, CheckpointTable::new(db)).run(|transaction, rows| {
        all += change(transaction, rows)?;
        Ok(())
    })?;
    match outcome.is_done() {
        true => Ok(all),
        false => Err(format!("the job ended early: {outcome}").into()),
    }
}
