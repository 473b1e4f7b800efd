//! Walks sled trees with [keywalk]: by typed keys, in both orders, in constant memory.
//!
//! Use it for existing sled databases; [sled is unmaintained](#the-state-of-sled). A fetch costs what sled's
//! `range` costs. A descending fetch costs about twice that.
//!
//! ```
//! use keywalk::Walk;
//! use keywalk_sled::Tree;
//!
//! # let db = sled::Config::new().temporary(true).open()?;
//! # db.open_tree("items")?.insert(7_u64.to_be_bytes(), "seven")?;
//! let items = Tree::<u64>::new(db.open_tree("items")?);
//! for item in Walk::new(items).chunk_size(500) {
//!     let (id, value) = item?;
//!     println!("{id}: {} bytes", value.len());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Contents
//!
//! - [`Tree`] walks a tree. An item is a key with a copy of its value, or with what a closure makes of the value. It is
//!   [keywalk-bytes' `Tree`](keywalk_bytes::Tree), so a walk can also be [split](keywalk::Walk::split) for several
//!   workers.
//! - [`SledTree`] is the store that it walks.
//! - [`Key`] lists the key types and their bytes: integers, text, UUIDs, raw bytes, tuples of columns
//!   ([`TupleElement`]), each ascending or reversed, and types of your own. [`Key::to_bytes`] encodes a key to
//!   insert.
//! - A walk's cursor can be saved as a [`Token`](keywalk::Token). Another process can resume from it, over a
//!   tree of the same name and key type, in any database.
//! - [`Error`] identifies the tree and the key, and names the remedy. [`SledError`] is the store's part of it.
//!
//! # What it guarantees
//!
//! | | |
//! |---|---|
//! | Order (G1) | by the keys' bytes, which is the `Ord` of the key's type |
//! | Both orders | yes, and over every key; sled's own `next_back` isn't used, since it [panics over some](SledTree#cost) |
//! | Consistency of a chunk (G3, G4) | not a snapshot of the tree: a key that is inserted or removed during the fetch may or may not be in it; G3 and G4 cover all other keys |
//! | Isolation (G5, G7) | none: sled's ranges see concurrent writes. A single insert or remove is seen whole or not at all; a batch or transaction may be seen in part |
//! | Held between fetches (G14) | nothing: no iterator. The source keeps sled's handle, and so keeps the database open |
//! | Memory (G13) | one chunk of items, and sled's cache (1 GiB by default). A descending walk also keeps up to 256 keys. A descending fetch reads entries ahead: at most as many as one and a half chunks hold, and 8 more |
//! | Keys | those of [`Key`]: integers, text, bytes, UUIDs, tuples of up to six columns, `Reverse`, your own |
//! | A stored key that isn't of the source's key type (G11) | an error that shows its bytes; nothing is skipped |
//! | Threads | a tree owns its handle, and is `Send` if its closure is: it can be [prefetched](keywalk::Walk::prefetch) |
//! | Stored bytes that decode to a key but aren't its encoding | an error; the source encodes keys again to find such bytes, unless the type is [`CANONICAL`](Key::CANONICAL) |
//! | Allocations per item, in lent chunks after the first | none by this crate; sled itself allocates for a key of more than 22 bytes |
//!
//! The guarantees G1 to G15 are those of a [walk](keywalk#what-a-walk-guarantees).
//!
//! Don't fetch inside the closure of a sled transaction: sled's ranges wait there forever for the transaction.
//! Between two transactions, and between two items of a walk, you can use sled freely.
//!
//! sled and uuid are part of this crate's interface ([`sled`] and [`uuid`] are re-exported): use the same
//! versions.
//!
//! # What happens when
//!
//! An [error](ErrorKind) is returned once and ends the walk. Items yielded before it stay valid. The walk's
//! cursor stands at the last item, so that you can resume.
//!
//! | Event | [`ErrorKind`] | What to do |
//! |---|---|---|
//! | a stored key isn't of the source's key type | `Key` | walk by the type that it was written with, or remove it |
//! | the closure refuses a value | `Value`; the source is the closure's error | correct the value or remove it |
//! | sled fails | `Store`; the source is a [`SledError`], whose [kind](SledErrorKind) is one of the following | |
//! | the tree is dropped, and perhaps created again by its name | `Dropped` | open it again; a source over the new handle resumes |
//! | a checksum is wrong, a file is truncated, or a descending fetch meets keys that don't ascend | `Corrupt` | restore the database, or walk the ranges around it |
//! | a file can't be read, or is gone with its directory | `Io` | check the file system; it may be transient |
//! | sled panics | `Panicked`, with sled's message | open the database in a new process, or restore it |
//! | sled returns any other error | `Other` | open the database again |
//!
//! These events are no errors of a source:
//!
//! | Event | What happens |
//! |---|---|
//! | the closure, or a method of the key, panics | the panic propagates to the caller unchanged; walk on: nothing is held, and the fetch loses no item |
//! | the tree is cleared | the walk ends |
//! | all `Db`s are dropped | the source keeps the database open, and locked, until it is dropped |
//! | another process opens the database | nothing in this process; in the other process, sled fails to open it |
//!
//! ```
//! use keywalk_sled::{Error, ErrorKind, SledErrorKind};
//!
//! fn is_dropped(error: &Error) -> bool {
//!     let sled_error = error.store_error();
//!     sled_error.is_some_and(|error| error.kind() == SledErrorKind::Dropped)
//! }
//! ```
//!
//! A panic in sled prints its message as usual: the panic hook is unchanged. sled's locks are then released,
//! but the data under them may be half changed, and sled wasn't written to be used after a panic. Read what you
//! need and end the process. With `panic = "abort"` the panic ends it at once. On some damage, sled retries a
//! million times before it panics, which takes seconds; it can also hang.
//!
//! # The state of sled
//!
//! sled 0.34.7 is from 2021 and isn't maintained. It can hang ([#1412]), and issues [#1533] and [#1387] are
//! open. RustSec lists two of its dependencies as unmaintained: `fxhash` ([RUSTSEC-2025-0057]) and `instant`
//! ([RUSTSEC-2024-0384]), which its old `parking_lot` needs. This crate doesn't use the alphas of sled 1.0: their
//! iterators repeat keys ([#1540]). Use keywalk-sled for existing databases. For a new one, redb is the safer
//! embedded store.
//!
//! Terms are defined in the repository's GLOSSARY.md.
//!
//! [#1412]: https://github.com/spacejam/sled/issues/1412
//! [#1533]: https://github.com/spacejam/sled/issues/1533
//! [#1387]: https://github.com/spacejam/sled/issues/1387
//! [#1540]: https://github.com/spacejam/sled/issues/1540
//! [RUSTSEC-2025-0057]: https://rustsec.org/advisories/RUSTSEC-2025-0057
//! [RUSTSEC-2024-0384]: https://rustsec.org/advisories/RUSTSEC-2024-0384

#![forbid(unsafe_code)]

mod descent;
mod error;
mod store;

use keywalk_bytes::decode::Copied;

pub use error::{SledError, SledErrorKind};
pub use keywalk_bytes::{BareString, Decode, DecodeError, ErrorKind, Key, TupleElement, decode};
pub use store::SledTree;

pub use keywalk_bytes::uuid;
pub use sled;

/// A sled tree, walked by keys of type `K`. Its items are `(key, value)`: see [`keywalk_bytes::Tree`].
///
/// ```
/// use keywalk::Walk;
/// use keywalk_sled::{Key, Tree};
///
/// # let db = sled::Config::new().temporary(true).open()?;
/// let orders = db.open_tree("orders")?;
/// for (tenant, number) in [(5, -1), (5, 300), (7, 2)] {
///     orders.insert((tenant, number).to_bytes(), "an order")?;
/// }
///
/// let tree = Tree::<(u32, i64)>::new(orders.clone()).map(|value| std::str::from_utf8(value).map(str::len));
/// for item in Walk::new(tree).range((5, 0)..(6, 0)).chunk_size(100) {
///     let (key, length) = item?;
///     assert_eq!((key, length), ((5, 300), 8));
///     // Nothing of sled is held here.
///     orders.remove(key.to_bytes())?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type Tree<K, D = Copied> = keywalk_bytes::Tree<SledTree, K, D>;

/// An error of a [`Tree`]: see [`keywalk_bytes::Error`]. Match on its [`kind`](keywalk_bytes::Error::kind) and, if that
/// is [`Store`](ErrorKind::Store), on the kind of its [`store_error`](keywalk_bytes::Error::store_error).
pub type Error = keywalk_bytes::Error<SledError>;
