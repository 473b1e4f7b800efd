//! Walk sled trees with [keywalk]: by typed keys, in both orders, in constant memory.
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
//! - [`Tree`] walks a tree. Its items are keys and the values as sled lends them, or what a closure
//!   makes of those.
//! - [`Key`] lists the key types and their bytes: integers, text, UUIDs, raw bytes, tuples of columns
//!   ([`TupleElement`]) in any direction, and types of your own. [`Key::to_bytes`] makes what to insert by.
//! - A walk's cursor can be written down, as a [`Token`](keywalk::Token), and another process goes on from
//!   it over a tree of the same name, by the same type of key, wherever its database lies.
//! - [`Error`] says which key of which tree isn't what was asked for, and what to do.
//!
//! # What it guarantees
//!
//! | | |
//! |---|---|
//! | Order (G1) | by the keys' bytes, which is the `Ord` of the key's type |
//! | Both ways | yes, and over every key; sled's own `next_back` isn't used, since it [panics over some](Tree#cost) |
//! | A chunk is (G3, G4) | not one moment of the tree: a key that is inserted or removed during the fetch may or may not be in it (G3 and G4 speak of the others) |
//! | Isolation (G5, G7) | none: sled's ranges see what others write meanwhile; a single insert or remove is seen whole or not at all, a batch or transaction may be seen in part |
//! | Held between fetches (G14) | nothing: no iterator. The source keeps sled's handle, and with it the database open |
//! | Memory (G13) | a chunk of items, descending during a fetch half a chunk and 16 entries more (of a chunk by bytes: as many as the one before), and some 256 keys; and sled's cache (1 GiB by default) |
//! | A value | is a count on sled's own buffer: it stays whole when the entry is overwritten or removed |
//! | Keys | those of [`Key`]: integers, text, bytes, UUIDs, tuples to six, `Reverse`, your own |
//! | A key that isn't of the key's type (G11) | an error that shows its bytes; nothing is skipped |
//! | Threads | a tree is `Send` if what its closure holds is, and owns its handle: it can be [prefetched](keywalk::Walk::prefetch) |
//! | A key written in a second way | an error: keys of types that aren't [`CANONICAL`](Key::CANONICAL) are encoded again and compared |
//! | Allocated for each item, warm and lent | nothing here; sled itself allocates for a key of more than 22 bytes |
//!
//! The promises G1 to G15 are those of a [walk](keywalk#what-a-walk-promises).
//!
//! Don't fetch inside a sled transaction's closure: sled's ranges wait for the transaction there, for
//! ever. Between two transactions, and between two items of a walk, all is free.
//!
//! sled and uuid are parts of this crate's interface ([`sled`] and [`uuid`] are re-exported): use the
//! same versions.
//!
//! # What happens when
//!
//! An [error](ErrorKind) comes once; what was handed out before stays good, the walk is over, and its
//! cursor stands at the last item, to resume from.
//!
//! | | [`ErrorKind`] | The cure |
//! |---|---|---|
//! | a key isn't of the key's type | `Key` | walk by the type that it was written with, or remove it |
//! | the closure refuses a value | `Value`, the closure's error as the source | put the value right or remove it |
//! | the tree is dropped, and perhaps made again by its name | `Dropped` | open it again; a source over that resumes |
//! | a checksum is wrong, a file is cut off, or keys don't ascend | `Corrupt` | restore the database, or walk the ranges around it |
//! | a file can't be read, or is gone with its directory | `Io` | see to the file system; it may be passing |
//! | sled panics | `Panicked`, with what it said | open the database in a new process, or restore it |
//! | sled says anything else | `Store` | open the database again |
//! | the closure, or a method of the key, panics | the panic goes on to the caller as it was | walk on: nothing is held, and no item is lost that way in a fetch |
//! | the tree is cleared | no error: the walk ends | |
//! | all `Db`s are dropped | no error: the source keeps the database open, and locked, until it is dropped | |
//! | another process opens the database | no error here: sled refuses it there | |
//!
//! A panic of sled's own prints its message as any does: the panic hook is left as it is. What sled had
//! locked then is free again but may be half done, and it wasn't written to be used after that: read what
//! is needed and end the process. With `panic = "abort"` the panic ends it at once. Some damage makes sled
//! look for something a million times before it panics, which takes seconds; and it can hang.
//!
//! # The state of sled
//!
//! sled 0.34.7 is of 2021 and isn't maintained. It can hang ([#1412]), and issues [#1533] and [#1387] are
//! open. It pulls in two crates that RustSec lists as unmaintained: `fxhash` ([RUSTSEC-2025-0057]) and,
//! with an old `parking_lot`, `instant` ([RUSTSEC-2024-0384]). The alphas of 1.0 aren't used: their
//! iterators give keys again ([#1540]). This crate is for the databases that are there; for a new one
//! redb is the safer embedded store.
//!
//! [#1412]: https://github.com/spacejam/sled/issues/1412
//! [#1533]: https://github.com/spacejam/sled/issues/1533
//! [#1387]: https://github.com/spacejam/sled/issues/1387
//! [#1540]: https://github.com/spacejam/sled/issues/1540
//! [RUSTSEC-2025-0057]: https://rustsec.org/advisories/RUSTSEC-2025-0057
//! [RUSTSEC-2024-0384]: https://rustsec.org/advisories/RUSTSEC-2024-0384

#![forbid(unsafe_code)]

mod ascend;
mod backward;
pub mod decode;
mod edge;
mod error;
mod fault;
mod marks;
mod reader;
mod source;
mod step;
mod tree;

pub use decode::Decode;
pub use error::{Error, ErrorKind};
pub use keywalk_key::{BareString, DecodeError, Key, TupleElement};
pub use tree::Tree;

pub use keywalk_key::uuid;
pub use sled;
