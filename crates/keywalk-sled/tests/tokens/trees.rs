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

/// The thread's own: making one takes sled long.
pub(crate) fn orders() -> sled::Tree {
    thread_local! {
        static DB: sled::Db = open();
    }
    DB.with(|db| db.open_tree("orders").expect("it can be opened"))
}
