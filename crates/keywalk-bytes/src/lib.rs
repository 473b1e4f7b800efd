//! Walks any store that is ordered by bytes with [keywalk], in about 40 lines: implement the one method of
//! [`ByteStore`], and [`Tree`] walks the store by typed keys. The keys' bytes sort as the keys do:
//!
//! ```
//! use std::cmp::Reverse;
//! use keywalk_bytes::Key;
//!
//! let old = ("ada".to_string(), Reverse(7_i64));
//! let new = ("ada".to_string(), Reverse(300_i64));
//! assert!(new.to_bytes() < old.to_bytes());
//! assert_eq!(Key::decode(&old.to_bytes()), Ok(old));
//! ```
//!
//! # Contents
//!
//! - [`ByteStore`] is the trait of a store, with an example: a map of bytes.
//! - [`Tree`] walks a store: by keys of a type, in both orders, by prefixes, from saved cursors. Its walks can be
//!   [split](keywalk::Walk::split) for several workers. It [decodes](Tree::map) values with a closure, without a copy.
//! - [`Error`] names the table, the key and the cure, and holds the store's error.
//! - [`Key`] lists the key types and their bytes: integers, `bool`, text, UUIDs, raw bytes, dates and times, tuples of
//!   columns ([`TupleElement`]), each also optional or reversed, and types of your own.
//! - [`BareString`] is a text that is encoded as its plain bytes.
//! - [`DecodeError`] explains why bytes are not a key.
//!
//! [`keywalk-redb`], [`keywalk-fjall`] and [`keywalk-sled`] walk such stores, and [`keywalk-memory`] uses the encoding
//! for the keys of its cursors.
//! The bytes are a storage format: no release changes them. SQLite orders by values and not by bytes, so
//! [`keywalk-sqlite`] has its own keys.
//!
//! # What it guarantees
//!
//! | | |
//! |---|---|
//! | Order | comparing bytes, where a prefix comes first, gives the `Ord` of the type |
//! | Round trip | exact: nothing is rounded, cut or changed to lower case |
//! | Hostile bytes | an error that describes the problem, never a panic |
//! | Cost | O(bytes); `encode` appends to existing memory, `decode_in_place` decodes into it. A fetch is one scan of the store, and lent chunks allocate nothing per item |
//! | Not keys | floats (a NaN has no place in the order), borrowed text (a key outlives the fetch), `usize` (its width depends on the machine) |
//!
//! # Features
//!
//! - `chrono`, `jiff`: dates and times as keys. To use them with another keywalk crate, add this crate with
//!   the feature to your dependencies.
//!
//! uuid is part of this crate's interface ([`uuid`] is re-exported): use the same version.
//!
//! Terms are defined in the repository's GLOSSARY.md.
//!
//! [`keywalk-redb`]: https://docs.rs/keywalk-redb
//! [`keywalk-fjall`]: https://docs.rs/keywalk-fjall
//! [`keywalk-sled`]: https://docs.rs/keywalk-sled
//! [`keywalk-memory`]: https://docs.rs/keywalk-memory
//! [`keywalk-sqlite`]: https://docs.rs/keywalk-sqlite

#![forbid(unsafe_code)]

pub mod decode;
mod edge;
mod error;
mod key;
mod store;
mod tree;

pub use decode::Decode;
pub use error::{Error, ErrorKind};
pub use key::{BareString, DecodeError, Key, TupleElement};
pub use store::{ByteStore, Each};
pub use tree::Tree;

pub use uuid;
