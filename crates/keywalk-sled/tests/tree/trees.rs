//! Trees to walk.

use keywalk::Order;
use keywalk_sled::Key;

pub(crate) const ORDERS: [Order; 2] = [Order::Ascending, Order::Descending];

pub(crate) fn open() -> sled::Db {
    sled::Config::new()
        .temporary(true)
        .open()
        .expect("a temporary database opens")
}

/// Inserts in an order that is neither up nor down: sled's leaves then lie as in a grown tree.
pub(crate) fn insert<K: Key>(tree: &sled::Tree, keys: &[K]) {
    let mut at = 0;
    for _ in keys {
        at = (at + 7_919) % keys.len();
        tree.insert(keys[at].to_bytes(), keys[at].to_bytes())
            .expect("it can be written");
    }
    for key in keys {
        tree.insert(key.to_bytes(), key.to_bytes())
            .expect("it can be written");
    }
}
