//! Trees to walk.

use keywalk::{ChunkSource, Cursor, Walk};
use keywalk_sled::{Error, Key, SledErrorKind, Tree};

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

/// A walk of copied values.
pub(crate) fn walk<K: Key>(tree: &sled::Tree) -> Walk<Tree<K>> {
    Walk::new(Tree::new(tree.clone()))
}

/// The keys that came before the only error of a walk, the error, and where the walk stands.
pub(crate) fn failed<K, T, S>(walk: Walk<S>) -> (Vec<K>, Error, Cursor<K>)
where
    K: Key,
    S: ChunkSource<Key = K, Item = (K, T), Error = Error>,
{
    let mut chunks = walk.chunks();
    let mut keys = Vec::new();
    let error = loop {
        match chunks.next() {
            Ok(Some(items)) => keys.extend(items.iter().map(|(key, _)| key.clone())),
            Ok(None) => panic!("{} items, and the end", keys.len()),
            Err(keywalk::Error::Source(error)) => break error,
            Err(other) => panic!("{other:?}"),
        }
    };
    assert!(matches!(chunks.next(), Ok(None)), "it comes once");
    (keys, error, chunks.cursor())
}

/// The kind of sled's failure.
pub(crate) fn kind(error: &Error) -> Option<SledErrorKind> {
    error.store_error().map(keywalk_sled::SledError::kind)
}
