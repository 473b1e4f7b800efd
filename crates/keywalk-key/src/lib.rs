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
//!   ([`KeyColumn`]) in any direction, and types of your own.
//! - [`Utf8`] is a text that is written bare.
//! - [`Malformed`] says why bytes are no key.
//!
//! keywalk-sled stores by these bytes. They are a storage format: no release changes them.
//!
//! uuid is a part of this crate's interface ([`uuid`] is exported again): use the same version.

#![forbid(unsafe_code)]

mod key;

pub use key::{Key, KeyColumn, Malformed, Utf8};

pub use uuid;
