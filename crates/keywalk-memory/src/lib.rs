//! Stores in memory for [keywalk]: maps, a lock-free skip list and sorted slices.
//!
//! ```
//! use std::collections::BTreeMap;
//! use keywalk::Walk;
//! use keywalk_memory::Map;
//!
//! let map = BTreeMap::from([(1, "one"), (2, "two"), (3, "three")]);
//! for item in Walk::new(Map::new(&map)).descending() {
//!     let (number, name) = item?;
//!     println!("{number} is {name}");
//! }
//! # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
//! ```
//!
//! # Stores and what they guarantee
//!
//! | | [`Map`] | [`SharedMap`] | [`SkipList`] | [`Slice`] |
//! |---|---|---|---|---|
//! | Walks | `&BTreeMap<K, V>` | `Arc<RwLock<BTreeMap<K, V>>>` | `Arc<SkipMap<K, V>>` | `&[T]`, sorted by a key |
//! | Item | `(&K, &V)` | `(K, V)`, cloned | `(K, V)`, cloned | `&T` |
//! | Order | `Ord` of `K` | `Ord` of `K` | `Ord` of `K` | `Ord` of the key |
//! | Changed by others while walked | no: it is borrowed | between fetches | at any time | no: it is borrowed |
//! | A chunk is | exact | exact: one lock | each item by itself | exact |
//! | Held between fetches | nothing | nothing | nothing | nothing |
//! | Fails when | never | the lock is poisoned | never | it isn't sorted, when made |
//! | A fetch costs | O(log n + items) | O(log n + items), locked | O(log n + items) | O(log n + items) |
//!
//! The promises G1 to G15 are those of a [walk](keywalk#what-a-walk-promises).

#![forbid(unsafe_code)]

mod map;
mod ordered;
mod shared_map;
mod skip_list;
mod slice;

pub use map::Map;
pub use shared_map::{Poisoned, SharedMap};
pub use skip_list::SkipList;
pub use slice::{Slice, Unsorted};
