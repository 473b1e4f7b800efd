//! Walks over a redb table of bytes, as for [each byte-ordered store](crate::bytes).

use std::path::Path;

use keywalk::Order;
use keywalk_redb::Table;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use crate::bench::{Bench, Target};
use crate::bytes::{self, Slots};
use crate::measure::{Fallible, Seen};

const ITEMS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("items");

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    bytes::peaks(bench, "redb", |path, entries| {
        make(&path.join("items"), entries)
    })?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("items");
    make(&file, bench.items)?;
    // All entries stay in the cache, as for the other stores.
    let db = Database::builder().set_cache_size(4 << 30).open(file)?;
    bytes::run(
        bench,
        Target::AtMost(1.05),
        || Table::new(&db, ITEMS),
        |order, slots| native(&db, order, slots),
    )
}

fn make(file: &Path, entries: u64) -> Fallible {
    let tx = Database::create(file)?.begin_write()?;
    let mut table = tx.open_table(ITEMS)?;
    for (key, value) in bytes::entries(entries) {
        table.insert(&key.as_bytes()[..], &value[..])?;
    }
    drop(table);
    Ok(tx.commit()?)
}

/// What users write: one range over the whole table.
fn native(db: &Database, order: Order, slots: &mut Slots) -> Fallible {
    let table = db.begin_read()?.open_table(ITEMS)?;
    let mut entries = table.iter()?;
    while let Some(entry) = match order {
        Order::Ascending => entries.next(),
        Order::Descending => entries.next_back(),
    } {
        let (key, value) = entry?;
        slots.take(key.value(), value.value())?;
    }
    Ok(())
}

/// A pass whose peak memory is measured.
pub(crate) fn pass(folder: &Path, way: &str) -> Fallible<Seen> {
    let mut builder = Database::builder();
    builder.set_cache_size(bytes::SMALL_CACHE as usize);
    let db = builder.open(folder.join("items"))?;
    bytes::pass(way, Table::new(&db, ITEMS), |order, slots| {
        native(&db, order, slots)
    })
}
