//! What users write without a walk: a statement a chunk, each a transaction of its own.

use rusqlite::Connection;

use crate::Fallible;

pub(super) fn delete(db: &Connection, end: i64) -> Fallible<u64> {
    let mut delete = db.prepare(
        "DELETE FROM items WHERE id IN (SELECT id FROM items WHERE id < ?1 ORDER BY id LIMIT 512)",
    )?;
    let mut all = 0;
    loop {
        match delete.execute([end])? as u64 {
            0 => return Ok(all),
            deleted => all += deleted,
        }
    }
}

pub(super) fn update(db: &Connection, end: i64) -> Fallible<u64> {
    let mut next = db.prepare(
        "SELECT max(id) FROM (SELECT id FROM items WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT 512)",
    )?;
    let mut update =
        db.prepare("UPDATE items SET name = upper(name) WHERE id > ?1 AND id <= ?2")?;
    let (mut last, mut all) = (-1, 0);
    while let Some(to) = next.query_row([last, end], |row| row.get::<_, Option<i64>>(0))? {
        all += update.execute([last, to])? as u64;
        last = to;
    }
    Ok(all)
}
