//! What [keywalk](https://docs.rs/keywalk)'s backends for SQL databases share, without a database client.
//!
//! To walk a database, use its own crate, such as [keywalk-sqlite](https://docs.rs/keywalk-sqlite). This crate is for
//! code that writes a backend. **Its API isn't stable**: any release may change it, so depend on an exact version.
//!
//! - [`Dialect`] is what differs between databases in the SQL that this crate writes and reads.
//! - [`Statement`] writes a walk's statement: a [`Seek`], with the conditions that an index can be searched by.
//! - [`Definition`] computes the fingerprint that tokens are bound to.
//! - [`tokens`] splits SQL, and [`Conjunct`] a condition at its ANDs.
//! - [`Quoted`], [`Named`] and [`Names`] write names into SQL and messages.

#![forbid(unsafe_code)]

mod dialect;
mod fingerprint;
mod lexer;
mod names;
mod seek;

pub use dialect::Dialect;
pub use fingerprint::Definition;
pub use lexer::{Conjunct, Token, tokens, unquoted, without_end};
pub use names::{Named, Names, Quoted};
pub use seek::{
    Answer, BoundKind, FarBound, FixedColumn, KeyColumn, Nulls, Param, RangeShape, Role, Seek,
    SeekForm, Statement, Term, is_mixed, key_positions,
};
