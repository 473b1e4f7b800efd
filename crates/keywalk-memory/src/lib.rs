//! Stores in memory for [keywalk]: maps, a lock-free skip list and sorted slices.
//!
//! ```
//! use std::collections::BTreeMap;
//! use std::sync::{Arc, RwLock};
//! use keywalk::Walk;
//! use keywalk_memory::SharedMap;
//!
//! let map = Arc::new(RwLock::new(BTreeMap::from([(1, "one"), (2, "two"), (3, "three")])));
//! for item in Walk::new(SharedMap::new(Arc::clone(&map))).descending() {
//!     let (number, name) = item?;
//!     println!("{number} is {name}");
//! }
//! # Ok::<(), keywalk::Error<keywalk_memory::Poisoned>>(())
//! ```
//!
//! A borrowed `BTreeMap` or `BTreeSet` needs no adapter: `Walk::new(&map)`. [`Named`] gives any of these stores a
//! name, and with it cursors that can be written down.
//!
//! # Stores and what they guarantee
//!
//! | | `&BTreeMap` | [`SharedMap`] | [`SkipList`] | [`SortedSlice`] |
//! |---|---|---|---|---|
//! | Walks | `&BTreeMap<K, V>` | `Arc<RwLock<BTreeMap<K, V>>>` | `Arc<SkipMap<K, V>>` | `&[T]`, sorted by a key |
//! | Item | `(&K, &V)` | `(K, V)`, cloned | `(K, V)`, cloned | `(K, &T)` |
//! | Keys | any `Ord + Clone` | any `Ord + Clone` | any `Ord + Clone` | any `Ord + Clone` |
//! | Order (G1) | `Ord` of `K` | `Ord` of `K` | `Ord` of `K` | `Ord` of the key |
//! | Changed by others while walked | no: it is borrowed | between fetches | at any time | no: it is borrowed |
//! | A chunk is (G3, G4, G7) | exact | exact: one lock | each item by itself | exact |
//! | Held between fetches (G14) | the borrow, no lock | nothing | nothing | the borrow, no lock |
//! | In memory at once (G13) | references, and few keys | a chunk of clones | a chunk of clones | a chunk of keys and references |
//! | Fails when (G11) | never | the lock is poisoned | never | it isn't sorted, when made |
//! | Can be [prefetched](keywalk::Walk::prefetch) | only if it is borrowed for `'static` | if keys and values are `Send + Sync + 'static` | if keys and values are `Send + Sync + 'static` | only if it is borrowed for `'static` |
//! | A cursor can be written down | [`Named`], where its keys are a [`keywalk_key::Key`] | the same | the same | the same |
//! | A fetch costs | O(log n + items) | O(log n + items), locked | O(log n + items) | O(log n + items) |
//!
//! # What happens when
//!
//! | | What comes of it | And then |
//! |---|---|---|
//! | A thread panics while it holds [`SharedMap`]'s write lock | [`Poisoned`], once; nothing is lost | repair the map, [`clear_poison`](std::sync::RwLock::clear_poison), resume from the cursor |
//! | A slice isn't sorted, or a key comes twice | [`Unsorted`] when the [`SortedSlice`] is made, with the place | `sort_by_key`, `dedup_by_key` |
//! | Items of a slice change behind it (a `Cell`) so that it is no longer sorted | items are missed or come twice, or a contract error; the walk ends | make the slice anew |
//! | `Ord` of a key contradicts itself | the same; and `BTreeMap` may panic | correct the `Ord` |
//! | `Ord` or `Clone` of a key or value panics | the panic goes on to the caller; no lock is held or poisoned, and the source is as before | walk again |
//!
//! A cursor that is written down, a [`Token`](keywalk::Token), goes on over any of these stores whose keys
//! are of the same type and that has the same name: [`Named`].
//!
//! The promises G1 to G15 are those of a [walk](keywalk#what-a-walk-promises); what the table doesn't name
//! holds as it stands there.
//!
//! # Features
//!
//! - `skiplist`: [`SkipList`]. crossbeam-skiplist is then a part of this crate's interface: use the same version.
//!
//! Key types for tokens are [`keywalk_key`]'s, which is re-exported.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod named;
mod ordered;
mod shared_map;
#[cfg(feature = "skiplist")]
mod skip_list;
mod sorted_slice;

pub use named::Named;
pub use shared_map::{Poisoned, SharedMap};
#[cfg(feature = "skiplist")]
pub use skip_list::SkipList;
pub use sorted_slice::{SortedSlice, Unsorted};

pub use keywalk_key;
