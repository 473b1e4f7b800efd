//! Walks over a sled tree. The ratio is the CPU time over that of one native range over the same tree.
//!
//! Entries have 16-byte keys (UUIDs) and 500-byte values, which sled lends without a copy. `lent_N` and `items_N` are
//! as for SQLite. `copied_N` copies values into reused buffers; its floor is a native range that makes a new value per
//! entry.

use std::convert::Infallible;
use std::hint::black_box;

use keywalk::Walk;
use keywalk_sled::Tree;
use tempfile::TempDir;
use uuid::Uuid;

use crate::bench::{Bench, Target};
use crate::measure::{Fallible, Seen, lent, owned};
use crate::sqlite::DEFAULT;

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    let (_folder, tree) = tree(bench.items)?;
    for chunk_size in [1, 10, 100, DEFAULT, 1_000, 10_000] {
        let target = match chunk_size {
            100 => Target::AtMost(1.10),
            DEFAULT | 1_000 => Target::AtMost(1.05),
            _ => Target::None,
        };
        let name = format!("lent_{chunk_size}");
        bench.versus(
            name,
            target,
            || native(&tree),
            || walk_lends(&tree, chunk_size),
        )?;
    }
    for chunk_size in [DEFAULT, 1_000] {
        let walk = || Walk::new(Tree::<Uuid>::new(tree.clone())).chunk_size(chunk_size);
        bench.versus(
            format!("items_{chunk_size}"),
            Target::None,
            || native(&tree),
            || owned(walk(), |(key, value)| digest(&key, &value)),
        )?;
        bench.versus(
            format!("copied_{chunk_size}"),
            Target::None,
            || native_copies(&tree),
            || walk_copies(&tree, chunk_size),
        )?;
    }
    Ok(())
}

/// Makes a tree of this many entries in a folder of its own.
pub(crate) fn tree(entries: u64) -> Fallible<(TempDir, sled::Tree)> {
    let folder = tempfile::tempdir()?;
    let config = sled::Config::new().path(folder.path());
    // The whole tree stays in the cache, as for the other stores.
    let db = config.cache_capacity(4 << 30).open()?;
    let tree = db.open_tree("items")?;
    let mut value = [0; 500];
    for at in 0..entries {
        value[..8].copy_from_slice(&at.to_be_bytes());
        let key = Uuid::from_u128(u128::from(at) << 64 | u128::from(at));
        tree.insert(key.as_bytes(), &value[..])?;
    }
    tree.flush()?;
    Ok((folder, tree))
}

#[inline]
fn digest(key: &Uuid, value: &[u8]) -> u64 {
    (key.as_u128() as u64).wrapping_add(value.len() as u64)
}

/// What users write: one range over the whole tree.
pub(crate) fn native(tree: &sled::Tree) -> Fallible<Seen> {
    let mut seen = Seen::default();
    for entry in tree.iter() {
        let (key, value) = entry?;
        seen.see(digest(&Uuid::from_slice(&key)?, &value));
    }
    Ok(seen)
}

fn native_copies(tree: &sled::Tree) -> Fallible<Seen> {
    let mut seen = Seen::default();
    for entry in tree.iter() {
        let (key, value) = entry?;
        let copy = black_box(Vec::from(&value[..]));
        seen.see(digest(&Uuid::from_slice(&key)?, &copy));
    }
    Ok(seen)
}

pub(crate) fn walk_lends(tree: &sled::Tree, chunk_size: usize) -> Fallible<Seen> {
    let walk = Walk::new(Tree::<Uuid>::new(tree.clone())).chunk_size(chunk_size);
    lent(walk, |(key, value)| digest(key, value))
}

fn walk_copies(tree: &sled::Tree, chunk_size: usize) -> Fallible<Seen> {
    let tree = Tree::<Uuid>::new(tree.clone()).map_into(|value, item: &mut Vec<u8>| {
        item.clear();
        item.extend_from_slice(value);
        Ok::<_, Infallible>(())
    });
    lent(Walk::new(tree).chunk_size(chunk_size), |(key, value)| {
        digest(key, value)
    })
}
