//! Walks over a sled tree, as for [each byte-ordered store](crate::bytes).

use keywalk::Order;
use keywalk_sled::SledTree;
use tempfile::TempDir;

use crate::bench::{Bench, Target};
use crate::bytes::{self, Slots};
use crate::measure::Fallible;

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    let (_folder, tree) = tree(bench.items)?;
    bytes::run(
        bench,
        // Entries are read upwards and buffered, since `next_back` can't be trusted.
        Target::AtMost(2.0),
        || SledTree::from(tree.clone()),
        |order, slots| native(&tree, order, slots),
    )
}

/// Makes a tree of this many entries in a folder of its own.
pub(crate) fn tree(entries: u64) -> Fallible<(TempDir, sled::Tree)> {
    let folder = tempfile::tempdir()?;
    let config = sled::Config::new().path(folder.path());
    // The whole tree stays in the cache, as for the other stores.
    let db = config.cache_capacity(4 << 30).open()?;
    let tree = db.open_tree("items")?;
    for (key, value) in bytes::entries(entries) {
        tree.insert(key.as_bytes(), &value[..])?;
    }
    tree.flush()?;
    Ok((folder, tree))
}

/// What users write: one range over the whole tree.
pub(crate) fn native(tree: &sled::Tree, order: Order, slots: &mut Slots) -> Fallible {
    let mut entries = tree.iter();
    // `next_back` is right over these keys. It panics over some others.
    while let Some(entry) = match order {
        Order::Ascending => entries.next(),
        Order::Descending => entries.next_back(),
    } {
        let (key, value) = entry?;
        slots.take(&key, &value)?;
    }
    Ok(())
}
