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
//! | Keys | any `Ord + Clone` | any `Ord + Clone` | any `Ord + Clone` | any `Ord + Clone` |
//! | Order (G1) | `Ord` of `K` | `Ord` of `K` | `Ord` of `K` | `Ord` of the key |
//! | Changed by others while walked | no: it is borrowed | between fetches | at any time | no: it is borrowed |
//! | A chunk is (G3, G4, G7) | exact | exact: one lock | each item by itself | exact |
//! | Held between fetches (G14) | the borrow, no lock | nothing | nothing | the borrow, no lock |
//! | In memory at once (G13) | references, and few keys | a chunk of clones | a chunk of clones | references, and few keys |
//! | Fails when (G11) | never | the lock is poisoned | never | it isn't sorted, when made |
//! | Can be [prefetched](keywalk::Walk::prefetch) | only if it is borrowed for `'static` | if keys and values are `Send + Sync + 'static` | if keys and values are `Send + Sync + 'static` | only if it is borrowed for `'static` |
//! | A cursor can be written down | where its keys are a [`keywalk_key::Key`] | the same | the same | the same |
//! | A fetch costs | O(log n + items) | O(log n + items), locked | O(log n + items) | O(log n + items) |
//!
//! # What happens when
//!
//! | | What comes of it | And then |
//! |---|---|---|
//! | A thread panics while it holds [`SharedMap`]'s write lock | [`Poisoned`], once; nothing is lost | repair the map, [`clear_poison`](std::sync::RwLock::clear_poison), resume from the cursor |
//! | A slice isn't sorted, or a key comes twice | [`Unsorted`] when the [`Slice`] is made, with the place | `sort_by_key`, `dedup_by_key` |
//! | Items of a slice change behind it (a `Cell`) so that it is no longer sorted | items are missed or come twice, or a contract error; the walk ends | make the slice anew |
//! | `Ord` of a key contradicts itself | the same; and `BTreeMap` may panic | correct the `Ord` |
//! | `Ord` or `Clone` of a key or value panics | the panic goes on to the caller; no lock is held or poisoned, and the source is as before | walk again |
//!
//! A cursor that is written down, a [`Token`](keywalk::Token), goes on over any of these stores whose keys
//! are of the same type and that has the same name: [`Map::named`].
//!
//! The promises G1 to G15 are those of a [walk](keywalk#what-a-walk-promises); what the table doesn't name
//! holds as it stands there.
//!
//! crossbeam-skiplist is a part of this crate's interface: use the same version. Key types for tokens are
//! [`keywalk_key`]'s, which is re-exported.

#![forbid(unsafe_code)]

mod durable_source;
mod map;
mod ordered;
mod shared_map;
mod skip_list;
mod slice;

pub use map::Map;
pub use shared_map::{Poisoned, SharedMap};
pub use skip_list::SkipList;
pub use slice::{Slice, Unsorted};

pub use keywalk_key;
