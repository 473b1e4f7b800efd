//! In-memory stores for [keywalk]: maps, a lock-free skip list and sorted slices.
//! A fetch costs O(log n + items).
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
//! A borrowed `BTreeMap` or `BTreeSet` needs no adapter: `Walk::new(&map)`. [`Named`] gives any of these stores
//! a name, so that its cursors can be saved as tokens.
//!
//! # Stores and what they guarantee
//!
//! | | `&BTreeMap` | [`SharedMap`] | [`SkipList`] | [`SortedSlice`] |
//! |---|---|---|---|---|
//! | Walks | `&BTreeMap<K, V>` | `Arc<RwLock<BTreeMap<K, V>>>` | `Arc<SkipMap<K, V>>` | `&[T]`, sorted by a key |
//! | Item | `(&K, &V)` | `(K, V)`, cloned | `(K, V)`, cloned | `(K, &T)` |
//! | Keys | any `Ord + Clone` | any `Ord + Clone` | any `Ord + Clone` | any `Ord + Clone` |
//! | Order (G1) | `Ord` of `K` | `Ord` of `K` | `Ord` of `K` | `Ord` of the key |
//! | Concurrent changes | none: it is borrowed | between fetches | at any time | none: it is borrowed |
//! | Consistency of a chunk (G3, G4, G7) | exact | exact: one lock | each item on its own | exact |
//! | Held between fetches (G14) | the borrow, no lock | nothing | nothing | the borrow, no lock |
//! | Memory (G13) | a chunk of references, and a few keys | a chunk of clones | a chunk of clones | a chunk of keys and references |
//! | Errors (G11) | none | the lock is poisoned | none | only on creation: the slice isn't sorted |
//! | Can be [prefetched](keywalk::Walk::prefetch) | only if it is borrowed for `'static` | if keys and values are `Send + Sync + 'static` | if keys and values are `Send + Sync + 'static` | only if it is borrowed for `'static` |
//! | Tokens | with [`Named`], if the keys are a [`keywalk_bytes::Key`] | the same | the same | the same |
//! | A fetch costs | O(log n + items) | O(log n + items), locked | O(log n + items) | O(log n + items) |
//! | A [split](keywalk::Walk::split) costs | O(n) | O(n), locked for at most 4,096 keys at a time | O(n) | O(log n + parts), and is exact |
//!
//! # What happens when
//!
//! | Event | Result | What to do |
//! |---|---|---|
//! | A thread panics while it holds [`SharedMap`]'s write lock | the walk returns [`Poisoned`] and ends; its cursor stays at the last item | repair the map, call [`clear_poison`](std::sync::RwLock::clear_poison), resume from the cursor |
//! | A slice isn't sorted, or has a key twice | creating the [`SortedSlice`] returns [`Unsorted`], with the position | `sort_by_key`, `dedup_by_key` |
//! | Items of a slice change (in a `Cell`) so that it is no longer sorted | items are missed or repeated, or a contract error ends the walk | create the slice again |
//! | `Ord` of a key contradicts itself | as in the previous row; `BTreeMap` may also panic | correct the `Ord` |
//! | `Ord` or `Clone` of a key or value panics | the panic propagates to the caller; no lock is held or poisoned, and the source is unchanged | walk again |
//!
//! A saved cursor, a [`Token`](keywalk::Token), resumes over any of these stores that has the same name and key
//! type: see [`Named`].
//!
//! G1 to G15 are the promises of a [walk](keywalk#what-a-walk-guarantees). The promises that the first table
//! doesn't list hold as stated there.
//!
//! # Features
//!
//! - `skiplist`: [`SkipList`]. crossbeam-skiplist is then part of this crate's interface: use the same version.
//!
//! Key types for tokens come from [`keywalk_bytes`], which is re-exported.
//!
//! Terms are defined in the repository's GLOSSARY.md.

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

pub use keywalk_bytes;
