//! Walks redb tables with [keywalk]: by typed keys, in both orders, in constant memory; and runs jobs over them whose
//! effects happen exactly once.
//!
//! A fetch is one read transaction. It costs what redb's `range` costs over the same entries, and opening the table.
//!
//! ```
//! use std::sync::Arc;
//! use keywalk::Walk;
//! use keywalk_redb::{Key, Table, Tree, redb};
//! use redb::{Database, TableDefinition};
//!
//! const ITEMS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("items");
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("shop.redb");
//! let db = Arc::new(Database::create(path)?);
//! # let tx = db.begin_write()?;
//! # tx.open_table(ITEMS)?.insert(&*7_u64.to_bytes(), &b"seven"[..])?;
//! # tx.commit()?;
//! for item in Walk::new(Tree::<u64>::new(Table::new(db, ITEMS))).descending() {
//!     let (id, value) = item?;
//!     println!("{id}: {} bytes", value.len());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Contents
//!
//! - [`Tree`] walks a [`Table`] of bytes by keys in the encoding of [`Key`]: integers, text, UUIDs, raw bytes, tuples
//!   of columns ([`TupleElement`]), each ascending or reversed, and types of your own. It walks
//!   [prefixes](keywalk::Walk::prefix) and [splits](keywalk::Walk::split) a walk for several workers.
//! - [`TypedTable`] walks a table of redb's own types, `TableDefinition<K, V>`, by redb's own order.
//! - [`Snapshot`] is one state of the database for all fetches, for both.
//! - [`RedbCheckpoints`] stores jobs' checkpoints in the database that they change (feature `jobs`).
//! - A walk's cursor can be saved as a [`Token`](keywalk::Token). Another process can resume from it, over a table of
//!   the same name and key type, in any database.
//! - [`Error`] identifies the table and the key, and names the remedy.
//!
//! Which of the two tables? In a `TableDefinition<(&str, u64), V>` and the like, redb orders keys by their type: take
//! [`TypedTable`]. To walk by a prefix, in mixed directions, or to show progress, store keys as bytes
//! ([`Key::to_bytes`]) and take [`Tree`].
//!
//! # What it guarantees
//!
//! | | |
//! |---|---|
//! | Order (G1) | `Tree`: by the keys' bytes, which is the `Ord` of the key's type. `TypedTable`: by [`redb::Key::compare`] |
//! | Both orders | yes; descending costs what redb's own descending range costs: about twice as much, measured over values of 500 bytes |
//! | Consistency of a chunk (G3, G4, G5) | a snapshot: one read transaction, which sees whole commits only |
//! | Between chunks (G7) | each fetch sees what is committed then; with a [`Snapshot`], what was committed when it was taken |
//! | Held between fetches (G14) | nothing: writers, and [`compact`](redb::Database::compact), succeed. With a [`Snapshot`], its read transaction |
//! | Memory (G13) | one chunk of items, and redb's cache (1 GiB by default) |
//! | Keys | those of [`Key`], or any [`redb::Key`] |
//! | A table that doesn't exist (G11) | an error, never an empty table; redb creates a table when it is first opened in a write transaction |
//! | A stored key that isn't of the source's key type (G11) | an error that shows its bytes; nothing is skipped |
//! | Threads | a source over an `Arc` or a snapshot is `Send` if its closure is: it can be [prefetched](keywalk::Walk::prefetch) |
//! | Allocations per item, in lent chunks after the first | none by this crate |
//! | Jobs | exactly once: effects and checkpoint commit in one transaction |
//!
//! The guarantees G1 to G15 are those of a [walk](keywalk#what-a-walk-guarantees).
//!
//! `Database::compact` needs the database alone (`&mut`), so no source may refer to it: keep the walk's cursor, drop
//! the walk, compact, and resume.
//!
//! redb and uuid are part of this crate's interface ([`redb`] and [`uuid`] are re-exported): use the same versions.
//!
//! # What happens when
//!
//! An [error](ErrorKind) is returned once and ends the walk. Items yielded before it stay valid. The walk's cursor
//! stands at the last item, so that you can resume.
//!
//! | Event | [`ErrorKind`] | What to do |
//! |---|---|---|
//! | the table doesn't exist, or was deleted | `Store`, [`TableDoesNotExist`](redb::Error::TableDoesNotExist) | check its name, or create it |
//! | the table has other types | `Store`, [`TableTypeMismatch`](redb::Error::TableTypeMismatch) | walk it by a [`TypedTable`] of its types |
//! | it is a multimap table | `Store`, [`TableIsMultimap`](redb::Error::TableIsMultimap) | these have several values per key and can't be walked |
//! | a stored key isn't of the source's key type | `Key` | walk by the type that it was written with, or remove it |
//! | the closure refuses a value | `Value`; the source is the closure's error | correct the value or remove it |
//! | a file can't be read | `Store`, [`Io`](redb::Error::Io), then [`PreviousIo`](redb::Error::PreviousIo) each time | open the database again; a source over it resumes from the cursor |
//! | the database is dropped under a [`Snapshot`] | `Store`, [`DatabaseClosed`](redb::Error::DatabaseClosed) | keep the database as long as the snapshot |
//! | the closure, or a method of the key, panics | the panic propagates to the caller unchanged | walk on: nothing is held, and the fetch loses no item |
//! | a write transaction is open | no error: the fetch reads what is committed, and doesn't wait | |
//! | the table is emptied | no error: the walk ends | |
//!
//! # Features
//!
//! - `jobs`: [`RedbCheckpoints`].
//!
//! Rust 1.90 or newer, which redb needs. Terms are defined in the repository's GLOSSARY.md.

#![forbid(unsafe_code)]

#[cfg(feature = "jobs")]
mod checkpoints;
mod raw;
mod snapshot;
mod table;
pub mod typed;

#[cfg(feature = "jobs")]
pub use checkpoints::{CheckpointError, CheckpointErrorKind, ChunkTransaction, RedbCheckpoints};
pub use keywalk_bytes::{BareString, DecodeError, Error, ErrorKind, Key, TupleElement};
pub use snapshot::Snapshot;
pub use table::{Reader, Table, Tree};
pub use typed::{Encoded, TypedTable};

pub use keywalk_bytes::uuid;
pub use redb;
