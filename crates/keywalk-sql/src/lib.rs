//! What [keywalk](https://docs.rs/keywalk)'s backends for SQL databases share, without a database client.
//!
//! To walk a database, use its own crate, such as [keywalk-sqlite](https://docs.rs/keywalk-sqlite). This crate is for
//! code that writes a backend. **Its API isn't stable**: any release may change it, so depend on an exact version.
//!
//! - [`Quoted`], [`Named`] and [`Names`] write names into SQL and messages.

#![forbid(unsafe_code)]

mod names;

pub use names::{Named, Names, Quoted};
