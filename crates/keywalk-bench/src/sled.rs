//! Walks over a sled tree beside one native range over the same, CPU time.
//!
//! Entries of 16-byte keys (UUIDs) and 500-byte values, which sled lends without a copy. `copied_N` fills
//! values of its own again, over a native range that makes a new one each.

use std::hint::black_box;

use keywalk::Walk;
use keywalk_sled::Tree;
use tempfile::TempDir;
use uuid::Uuid;

use crate::Fallible;
use crate::bench::Bench;
use crate::case::Target;
use crate::seen::Seen;

const DEFAULT: usize = Walk::<Tree<Uuid>>::DEFAULT_CHUNK_SIZE;

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    let (_folder, tree) = tree(bench.items())?;
    for chunk_size in [1, 10, 100, DEFAULT, 1_000, 10_000] {
        let target = match chunk_size {
            100 => Target::AtMost(1.10),
            DEFAULT | 1_000 => Target::AtMost(1.05),
            _ => Target::None,
        };
        bench.versus(
            format!("lent_{chunk_size}"),
            target,
            || native(&tree),
            || walk_lends(&tree, chunk_size),
        )?;
    }
    for chunk_size in [DEFAULT, 1_000] {
        bench.versus(
            format!("items_{chunk_size}"),
            Target::None,
            || native(&tree),
            || walk_hands_out(&tree, chunk_size),
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

/// A tree of so many entries, in a folder of its own.
pub(crate) fn tree(entries: u64) -> Fallible<(TempDir, sled::Tree)> {
    let folder = tempfile::tempdir()?;
    let config = sled::Config::new().path(folder.path());
    // All of it stays in the cache, as for the others.
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
fn see(seen: &mut Seen, key: &Uuid, value: &[u8]) {
    seen.see((key.as_u128() as u64).wrapping_add(value.len() as u64));
}

/// What users write: one range over the whole tree.
pub(crate) fn native(tree: &sled::Tree) -> Fallible<Seen> {
    let mut seen = Seen::default();
    for entry in tree.iter() {
        let (key, value) = entry?;
        see(&mut seen, &Uuid::from_slice(&key)?, &value);
    }
    Ok(seen)
}

fn native_copies(tree: &sled::Tree) -> Fallible<Seen> {
    let mut seen = Seen::default();
    for entry in tree.iter() {
        let (key, value) = entry?;
        let copy = black_box(Vec::from(&value[..]));
        see(&mut seen, &Uuid::from_slice(&key)?, &copy);
    }
    Ok(seen)
}

pub(crate) fn walk_lends(tree: &sled::Tree, chunk_size: usize) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let walk = Walk::new(Tree::<Uuid>::new(tree.clone()));
    let mut chunks = walk.chunk_size(chunk_size).chunks();
    while let Some(items) = chunks.next()? {
        for (key, value) in items {
            see(&mut seen, key, value);
        }
    }
    Ok(seen)
}

fn walk_hands_out(tree: &sled::Tree, chunk_size: usize) -> Fallible<Seen> {
    let mut seen = Seen::default();
    for entry in Walk::new(Tree::<Uuid>::new(tree.clone())).chunk_size(chunk_size) {
        let (key, value) = entry?;
        see(&mut seen, &key, &value);
    }
    Ok(seen)
}

fn walk_copies(tree: &sled::Tree, chunk_size: usize) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let tree = Tree::<Uuid>::new(tree.clone()).fill(|value, item: &mut Vec<u8>| {
        item.clear();
        item.extend_from_slice(value);
        Ok::<_, std::convert::Infallible>(())
    });
    let mut chunks = Walk::new(tree).chunk_size(chunk_size).chunks();
    while let Some(items) = chunks.next()? {
        for (key, value) in items {
            see(&mut seen, key, value);
        }
    }
    Ok(seen)
}
