//! Walks over a sled tree, as for [each byte-ordered store](crate::bytes).

use keywalk_sled::SledTree;
use tempfile::TempDir;

use crate::bench::{Bench, Target};
use crate::bytes::{self, Slots};
use crate::measure::Fallible;

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    let (_folder, tree) = tree(bench.items)?;
    // sled's own `next_back` panics over some keys, so a descending walk reads entries upwards and buffers them.
    let descending = Target::AtMost(5.0);
    bytes::run(
        bench,
        descending,
        || SledTree::from(tree.clone()),
        |slots| native(&tree, slots),
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
pub(crate) fn native(tree: &sled::Tree, slots: &mut Slots) -> Fallible {
    for entry in tree.iter() {
        let (key, value) = entry?;
        slots.take(&key, &value)?;
    }
    Ok(())
}
