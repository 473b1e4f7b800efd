//! Walks over a fjall keyspace, as for [each byte-ordered store](crate::bytes). Its entries are in one level of tables,
//! which are compressed, as by default.

use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions};
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
        Target::AtMost(1.15),
        || FjallKeyspace::from(keyspace.clone()),
        |slots| native(&keyspace, slots),
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

/// What users write: one range over the whole keyspace.
fn native(keyspace: &Keyspace, slots: &mut Slots) -> Fallible {
    for entry in keyspace.iter() {
        let (key, value) = entry.into_inner()?;
        slots.take(&key, &value)?;
    }
    Ok(())
}

/// A pass whose peak memory is measured.
pub(crate) fn pass(folder: &Path, way: &str) -> Fallible<Seen> {
    let (_db, keyspace) = open(folder, bytes::SMALL_CACHE)?;
    let store = FjallKeyspace::from(keyspace.clone());
    bytes::pass(way, store, |slots| native(&keyspace, slots))
}
