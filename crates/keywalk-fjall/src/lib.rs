//! Walks fjall keyspaces with [keywalk]: by typed keys, in both orders, in constant memory; and runs jobs over them
//! whose effects happen exactly once.
//!
//! A fetch is one range of fjall's, and costs what that costs.
//!
//! ```
//! use fjall::{Database, KeyspaceCreateOptions};
//! use keywalk::Walk;
//! use keywalk_fjall::{Key, Tree, fjall};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path();
//! let db = Database::builder(path).open()?;
//! let items = db.keyspace("items", KeyspaceCreateOptions::default)?;
//! # items.insert(7_u64.to_bytes(), "seven")?;
//! for item in Walk::new(Tree::<u64>::new(items)).descending() {
//!     let (id, value) = item?;
//!     println!("{id}: {} bytes", value.len());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Contents
//!
//! - [`Tree`] walks a keyspace by keys in the encoding of [`Key`]: integers, text, UUIDs, raw bytes, tuples of columns
//!   ([`TupleElement`]), each ascending or reversed, and types of your own. It walks
//!   [prefixes](keywalk::Walk::prefix) and [splits](keywalk::Walk::split) a walk for several workers.
//! - [`FjallKeyspace`] is what it walks: a keyspace as it is at each fetch, or
//!   [one state of it](FjallKeyspace::in_snapshot) for all fetches.
//! - [`FjallCheckpoints`] stores jobs' checkpoints in the database that they change (feature `jobs`).
//! - A walk's cursor can be saved as a [`Token`](keywalk::Token). Another process can resume from it, over a keyspace
//!   of the same name and key type, in any database.
//! - [`Error`] identifies the keyspace and the key, and names the remedy.
//!
//! A keyspace of a transactional database (`SingleWriterTxKeyspace`, `OptimisticTxKeyspace`) is walked by its
//! `inner()`, which shows what is committed.
//!
//! # What it guarantees
//!
//! | | |
//! |---|---|
//! | Order (G1) | by the keys' bytes, which is the `Ord` of the key's type |
//! | Both orders | yes; descending costs what fjall's own descending range costs: about 1.3 times as much, measured over values of 500 bytes |
//! | Consistency of a chunk (G3, G4) | not a snapshot of the keyspace: fjall's ranges see later writes. A key that is inserted or removed during the fetch may or may not be in it; G3 and G4 cover all other keys |
//! | Isolation (G5, G7) | a single insert or remove is seen whole or not at all; a batch or transaction may be seen in part. [In a snapshot](FjallKeyspace::in_snapshot): all fetches see one state, and batches whole |
//! | Held between fetches (G14) | nothing: no iterator, so compactions drop what was deleted. In a snapshot, that state. The source keeps fjall's handle, and so the folder's lock |
//! | Memory (G13) | one chunk of items, and fjall's cache (32 MiB by default) |
//! | Values in files of their own ([`KvSeparationOptions`](fjall::KvSeparationOptions)) | walked like others. To find a walk's last key, and to split a range, fjall reads a value per search |
//! | Keys | those of [`Key`], of 1 to 65,535 bytes; fjall takes no empty key, so no empty `Vec<u8>` or [`BareString`] |
//! | A stored key that isn't of the source's key type (G11) | an error that shows its bytes; nothing is skipped |
//! | Stored bytes that decode to a key but aren't its encoding | an error; the source encodes keys again to find such bytes, unless the type is [`CANONICAL`](Key::CANONICAL) |
//! | Threads | a source owns its handle, and is `Send` if its closure is: it can be [prefetched](keywalk::Walk::prefetch) |
//! | Allocations per item, in lent chunks after the first | none by this crate; fjall may allocate for a key of more than 20 bytes |
//! | Jobs | exactly once: effects and checkpoint commit in one batch |
//!
//! The guarantees G1 to G15 are those of a [walk](keywalk#what-a-walk-guarantees).
//!
//! fjall and uuid are part of this crate's interface ([`fjall`] and [`uuid`] are re-exported): use the same versions.
//!
//! # What happens when
//!
//! An [error](ErrorKind) is returned once and ends the walk. Items yielded before it stay valid. The walk's cursor
//! stands at the last item, so that you can resume.
//!
//! | Event | [`ErrorKind`] | What to do |
//! |---|---|---|
//! | a stored key isn't of the source's key type | `Key` | walk by the type that it was written with, or remove it |
//! | the closure refuses a value | `Value`; the source is the closure's error | correct the value or remove it |
//! | a block's checksum is wrong, or a file can't be read | `Store`, [`Storage`](fjall::Error::Storage) or [`Io`](fjall::Error::Io) | restore the database, or walk the ranges around it |
//! | the closure, or a method of the key, panics | the panic propagates to the caller unchanged | walk on: nothing is held, and the fetch loses no item |
//! | a write failed, and the database is [`Poisoned`](fjall::Error::Poisoned) | no error: it can still be read | |
//! | the keyspace is cleared | no error: the walk ends. In a snapshot it goes on | |
//! | the keyspace is deleted | no error: the source keeps its files, and the walk goes on | |
//! | all `Database`s are dropped | no error: the source keeps the folder locked until it is dropped. Until then nothing is compacted, and writes may wait forever | |
//! | another process opens the database | no error in this process; in the other process, fjall fails to open it ([`Locked`](fjall::Error::Locked)) | |
//!
//! # Features
//!
//! - `jobs`: [`FjallCheckpoints`].
//!
//! Rust 1.90 or newer, which fjall needs. Terms are defined in the repository's GLOSSARY.md.

#![forbid(unsafe_code)]

#[cfg(feature = "jobs")]
mod checkpoints;
mod keyspace;

#[cfg(feature = "jobs")]
pub use checkpoints::{CheckpointError, CheckpointErrorKind, ChunkBatch, FjallCheckpoints};
pub use keyspace::{FjallKeyspace, Tree};
pub use keywalk_bytes::{
    BareString, Decode, DecodeError, Error, ErrorKind, Key, TupleElement, decode,
};

pub use fjall;
pub use keywalk_bytes::uuid;
