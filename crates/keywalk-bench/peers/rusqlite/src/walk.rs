//! keywalk, at its default chunk size.

use keywalk::Walk;
use keywalk_bench_seen::Seen;
use keywalk_sqlite::Table;
use rusqlite::Connection;

use crate::Fallible;
use crate::item::Item;

/// Lent chunks, whose items are filled again in place.
pub(crate) fn lent(db: &Connection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let table = Table::new(db, "items").key::<i64>(["id"])?.decode::<Item>();
    let mut chunks = Walk::new(table).chunks();
    while let Some(items) = chunks.next()? {
        for (id, item) in items {
            seen.see(*id, &item.name, &item.photo);
        }
    }
    Ok(seen)
}

/// Item by item, each the loop's own.
pub(crate) fn items(db: &Connection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let table = Table::new(db, "items").key::<i64>(["id"])?.decode::<Item>();
    for item in Walk::new(table) {
        let (id, item) = item?;
        seen.see(id, &item.name, &item.photo);
    }
    Ok(seen)
}

/// Nothing of a row is copied: what is asked of it is found out where SQLite has it.
pub(crate) fn visit(db: &Connection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let table = Table::new(db, "items").key::<i64>(["id"])?.map(|row| {
        let name = row.get_ref(1)?.as_str()?.len();
        let photo = row.get_ref(2)?.as_blob()?.len();
        Ok(name + photo)
    });
    let mut chunks = Walk::new(table).chunks();
    while let Some(items) = chunks.next()? {
        for &mut (id, bytes) in items {
            seen.see_bytes(id, bytes);
        }
    }
    Ok(seen)
}
