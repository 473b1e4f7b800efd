//! Trees to walk.

use keywalk::Walk;
use keywalk_sled::{Key, Tree};

pub(crate) use crate::walks::ORDERS;

pub(crate) fn open() -> sled::Db {
    let config = sled::Config::new().temporary(true);
    config.open().expect("a temporary database opens")
}

/// Inserts in an order that is neither up nor down: sled's leaves then lie as in a grown tree.
pub(crate) fn insert<K: Key>(tree: &sled::Tree, keys: &[K]) {
    let mixed = (1..=keys.len()).map(|turn| &keys[turn * 7_919 % keys.len()]);
    for key in mixed.chain(keys) {
        tree.insert(key.to_bytes(), key.to_bytes())
            .expect("it can be written");
    }
}

/// A walk that the database outlives.
pub(crate) fn walk<K: Key>(tree: &sled::Tree) -> Walk<Tree<K>> {
    Walk::new(Tree::new(tree.clone()))
}
