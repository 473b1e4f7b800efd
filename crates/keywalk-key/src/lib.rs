//! Keys as bytes whose order is the keys' own, for keywalk and every store that is ordered by bytes.
//!
//! ```
//! use std::cmp::Reverse;
//! use keywalk_key::Key;
//!
//! let old = ("ada".to_string(), Reverse(7_i64));
//! let new = ("ada".to_string(), Reverse(300_i64));
//! assert!(new.to_bytes() < old.to_bytes());
//! assert_eq!(Key::decode(&old.to_bytes()), Ok(old));
//! ```
//!
//! # Contents
//!
//! - [`Key`] lists the key types and their bytes: integers, text, UUIDs, raw bytes, tuples of columns
//!   ([`TupleElement`]) in any direction, and types of your own.
//! - [`BareString`] is a text that is written bare.
//! - [`DecodeError`] says why bytes are no key.
//!
//! [`keywalk-sled`] stores by these bytes, and [`keywalk-memory`] writes its cursors' keys by them. They are
//! a storage format: no release changes them. (SQLite orders by values and not by bytes: [`keywalk-sqlite`]
//! has keys of its own.)
//!
//! # What it guarantees
//!
//! | | |
//! |---|---|
//! | Order | of bytes, one by one and a beginning before what it begins, is the `Ord` of the type |
//! | Round trip | exact: nothing is rounded, cut or made lower-case |
//! | Hostile bytes | an error that says what is wrong, never a panic |
//! | Cost | O(bytes); `encode` appends to memory that is there, `decode_in_place` reads into it |
//! | Not keys | floats (a NaN has no place), `Option` (where does `None` stand?), borrowed text (a key outlives the fetch), `usize` (its width is the machine's) |
//!
//! uuid is a part of this crate's interface ([`uuid`] is re-exported): use the same version.
//!
//! [`keywalk-sled`]: https://docs.rs/keywalk-sled
//! [`keywalk-memory`]: https://docs.rs/keywalk-memory
//! [`keywalk-sqlite`]: https://docs.rs/keywalk-sqlite

#![forbid(unsafe_code)]

mod key;

pub use key::{BareString, DecodeError, Key, TupleElement};

pub use uuid;
