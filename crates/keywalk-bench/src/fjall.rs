//! Walks over a fjall keyspace, as for [each byte-ordered store](crate::bytes). Its entries are in one level of tables,
//! which are compressed, as by default.

use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions};
use keywalk::Order;
use keywalk_fjall::FjallKeyspace;

use crate::bench::{Bench, Target};
use crate::bytes::{self, Slots};
use crate::measure::{Fallible, Seen};

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    bytes::peaks(bench, "fjall", make)?;
    let folder = tempfile::tempdir()?;
    make(folder.path(), bench.items)?;
    // All entries stay in the cache, as for the other stores.
    let (_db, keyspace) = open(folder.path(), 4 << 30)?;
    bytes::run(
        bench,
        Target::AtMost(1.05),
        || FjallKeyspace::from(keyspace.clone()),
        |order, slots| native(&keyspace, order, slots),
    )
}

fn open(folder: &Path, cache: u64) -> Fallible<(Database, Keyspace)> {
    let db = Database::builder(folder).cache_size(cache).open()?;
    let keyspace = db.keyspace("items", KeyspaceCreateOptions::default)?;
    Ok((db, keyspace))
}

fn make(folder: &Path, entries: u64) -> Fallible {
    let (_db, keyspace) = open(folder, bytes::SMALL_CACHE)?;
    for (key, value) in bytes::entries(entries) {
        keyspace.insert(key.as_bytes(), &value[..])?;
    }
    keyspace.rotate_memtable_and_wait()?;
    Ok(keyspace.major_compact()?)
}

/// What users write: one range over all keys. It has bounds, as a walk has: fjall compares each entry with them. Without
/// bounds (`iter`) its pass takes about 0.87 of the time.
fn native(keyspace: &Keyspace, order: Order, slots: &mut Slots) -> Fallible {
    let mut entries = keyspace.range([0; 16]..=[u8::MAX; 16]);
    while let Some(entry) = match order {
        Order::Ascending => entries.next(),
        Order::Descending => entries.next_back(),
    } {
        let (key, value) = entry.into_inner()?;
        slots.take(&key, &value)?;
    }
    Ok(())
}

/// A pass whose peak memory is measured.
pub(crate) fn pass(folder: &Path, way: &str) -> Fallible<Seen> {
    let (_db, keyspace) = open(folder, bytes::SMALL_CACHE)?;
    let store = FjallKeyspace::from(keyspace.clone());
    bytes::pass(way, store, |order, slots| native(&keyspace, order, slots))
}
