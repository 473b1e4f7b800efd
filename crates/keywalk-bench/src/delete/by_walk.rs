//! The rows that a walk comes to, in several ways.

use std::error::Error;

use keywalk::{ChunkSource, DurableSource, Walk};
use keywalk_job::Job;
use keywalk_sqlite::{CheckpointTable, Table};
use rusqlite::Connection;

use crate::Fallible;

pub(super) fn delete_by_range(db: &Connection, end: i64) -> Fallible<u64> {
    a_transaction_a_chunk(db, keys(db)?, end, delete_range)
}

pub(super) fn delete_by_row(db: &Connection, end: i64) -> Fallible<u64> {
    a_transaction_a_chunk(db, keys(db)?, end, delete_rows)
}

pub(super) fn delete_a_transaction_each(db: &Connection, end: i64) -> Fallible<u64> {
    a_transaction_a_row(db, keys(db)?, end, delete_rows)
}

pub(super) fn delete_job(db: &Connection, end: i64) -> Fallible<u64> {
    job(db, keys(db)?, end, delete_range)
}

pub(super) fn update_by_range(db: &Connection, end: i64) -> Fallible<u64> {
    a_transaction_a_chunk(db, keys(db)?, end, update_range)
}

pub(super) fn update_by_row(db: &Connection, end: i64) -> Fallible<u64> {
    a_transaction_a_chunk(db, names(db)?, end, update_rows)
}

pub(super) fn update_a_transaction_each(db: &Connection, end: i64) -> Fallible<u64> {
    a_transaction_a_row(db, names(db)?, end, update_rows)
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
    let ([(first, ()), ..], [.., (last, ())]) = (rows, rows) else {
        return Ok(0);
    };
    let mut delete = db.prepare_cached("DELETE FROM items WHERE id BETWEEN ?1 AND ?2")?;
    Ok(delete.execute([first, last])? as u64)
}

fn delete_rows(db: &Connection, rows: &[Key]) -> rusqlite::Result<u64> {
    let mut delete = db.prepare_cached("DELETE FROM items WHERE id = ?1")?;
    rows.iter()
        .try_fold(0, |all, (id, ())| Ok(all + delete.execute([id])? as u64))
}

fn update_range(db: &Connection, rows: &[Key]) -> rusqlite::Result<u64> {
    let ([(first, ()), ..], [.., (last, ())]) = (rows, rows) else {
        return Ok(0);
    };
    let sql = "UPDATE items SET name = upper(name) WHERE id BETWEEN ?1 AND ?2";
    Ok(db.prepare_cached(sql)?.execute([first, last])? as u64)
}

fn update_rows(db: &Connection, rows: &[Name]) -> rusqlite::Result<u64> {
    let mut update = db.prepare_cached("UPDATE items SET name = ?2 WHERE id = ?1")?;
    rows.iter().try_fold(0, |all, (id, name)| {
        Ok(all + update.execute((id, name.to_ascii_uppercase()))? as u64)
    })
}

fn a_transaction_a_chunk<S>(
    db: &Connection,
    source: S,
    end: i64,
    work: fn(&Connection, &[S::Item]) -> rusqlite::Result<u64>,
) -> Fallible<u64>
where
    S: ChunkSource<Key = i64>,
    S::Error: Error + 'static,
{
    let mut all = 0;
    let mut chunks = Walk::new(source).range(..end).chunks();
    while let Some(rows) = chunks.next()? {
        let transaction = db.unchecked_transaction()?;
        all += work(&transaction, rows)?;
        transaction.commit()?;
    }
    Ok(all)
}

fn a_transaction_a_row<S>(
    db: &Connection,
    source: S,
    end: i64,
    work: fn(&Connection, &[S::Item]) -> rusqlite::Result<u64>,
) -> Fallible<u64>
where
    S: ChunkSource<Key = i64>,
    S::Error: Error + 'static,
{
    let mut all = 0;
    let mut chunks = Walk::new(source).range(..end).chunks();
    while let Some(rows) = chunks.next()? {
        for row in rows.chunks(1) {
            all += work(db, row)?;
        }
    }
    Ok(all)
}

fn job<S>(
    db: &Connection,
    source: S,
    end: i64,
    work: fn(&Connection, &[S::Item]) -> rusqlite::Result<u64>,
) -> Fallible<u64>
where
    S: DurableSource<Key = i64, Error = keywalk_sqlite::Error>,
{
    let mut all = 0;
    let walk = Walk::new(source).range(..end);
    let outcome = Job::new("work", walk, CheckpointTable::new(db)).run(|transaction, rows| {
        all += work(transaction, rows)?;
        Ok(())
    })?;
    match outcome.is_done() {
        true => Ok(all),
        false => Err(format!("the job ended early: {outcome}").into()),
    }
}
