//! Trees to walk.

use keywalk_sled::Key;

pub(crate) fn open() -> sled::Db {
    sled::Config::new()
        .temporary(true)
        .open()
        .expect("a temporary database opens")
}

/// Holds these keys and no others.
pub(crate) fn fill<K: Key>(tree: &sled::Tree, keys: &[K]) {
    tree.clear().expect("it can be emptied");
    for key in keys {
        tree.insert(key.to_bytes(), b"value")
            .expect("it can be written");
    }
}
