//! Retrying for [keywalk]: a wrapper around a source that asks again, after a while, where it failed.
//!
//! ```
//! use keywalk::Walk;
//! use keywalk_retry::{ExponentialBuilder, Retry};
//! use keywalk_sqlite::{Error, Table};
//!
//! # let db = rusqlite::Connection::open_in_memory()?;
//! # db.execute_batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)")?;
//! let items = Table::new(&db, "items").key::<i64>(["id"])?;
//! let patient = ExponentialBuilder::default().with_max_times(5);
//! for item in Walk::new(Retry::new(items, patient, Error::is_transient)) {
//!     let (id, row) = item?;
//!     println!("{id}: {row:?}");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A walk ends at its first error and can be resumed from its cursor. Where the failure passes by
//! itself, another process's lock for one, [`Retry`] saves the loop around that: the walk doesn't see
//! the failure, and its position, bound and promises stay what they are.
//!
//! The policy is [backon]'s: how often, after what delays, with what jitter. It is a part of this
//! crate's interface, and [`backon`] is exported again.

#![forbid(unsafe_code)]

mod retry;

pub use backon::{self, BackoffBuilder, ConstantBuilder, ExponentialBuilder};
pub use retry::Retry;
