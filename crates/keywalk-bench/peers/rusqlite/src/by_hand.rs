//! rusqlite by hand.

use keywalk_bench_seen::Seen;
use keywalk_sqlite::FromRow;
use rusqlite::Connection;

use crate::Fallible;
use crate::item::Item;

const PAGE: usize = 1_000;

/// One cursor, nothing copied: the least that reading the table can cost.
pub(crate) fn cursor_borrowed(db: &Connection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut statement = db.prepare("SELECT id, name, photo FROM items ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let name = row.get_ref(1)?.as_str()?;
        let photo = row.get_ref(2)?.as_blob()?;
        seen.see(row.get(0)?, name, photo);
    }
    Ok(seen)
}

/// One cursor that makes a new struct a row.
pub(crate) fn cursor_owned(db: &Connection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut statement = db.prepare("SELECT id, name, photo FROM items ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let item = Item::from_row(row)?;
        seen.see(row.get(0)?, &item.name, &item.photo);
    }
    Ok(seen)
}

/// Pages from the last key on, in a `Vec` that is used again: nothing is held while a page is worked on.
pub(crate) fn keyset(db: &Connection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let sql = format!("SELECT id, name, photo FROM items WHERE id > ?1 ORDER BY id LIMIT {PAGE}");
    let mut statement = db.prepare(&sql)?;
    let mut page: Vec<(i64, Item)> = Vec::with_capacity(PAGE);
    let mut last = 0;
    loop {
        page.clear();
        let mut rows = statement.query([last])?;
        while let Some(row) = rows.next()? {
            page.push((row.get(0)?, Item::from_row(row)?));
        }
        for (id, item) in &page {
            seen.see(*id, &item.name, &item.photo);
            last = *id;
        }
        if page.len() < PAGE {
            return Ok(seen);
        }
    }
}

/// Pages by number, each of which reads all before it again.
pub(crate) fn offset(db: &Connection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let sql = format!("SELECT id, name, photo FROM items ORDER BY id LIMIT {PAGE} OFFSET ?1");
    let mut statement = db.prepare(&sql)?;
    loop {
        let before = seen.rows();
        let mut rows = statement.query([i64::try_from(before)?])?;
        while let Some(row) = rows.next()? {
            let item = Item::from_row(row)?;
            seen.see(row.get(0)?, &item.name, &item.photo);
        }
        if seen.rows() == before {
            return Ok(seen);
        }
    }
}
