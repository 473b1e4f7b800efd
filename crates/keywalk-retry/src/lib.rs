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
//! # What it guarantees
//!
//! | | |
//! |---|---|
//! | Order, chunks, keys, isolation (G1 to G8) | those of the source inside |
//! | Errors (G11) | the source's own, after the last try; what a failed fetch had put into the chunk is thrown away |
//! | Held while it waits (G14) | nothing of the store; the thread sleeps, or does what [`Retry::with_sleep`] says |
//! | Memory (G13) | nothing of its own |
//! | Time | each question, a fetch or that for the last key, has the whole policy to itself |
//! | Tokens | those of the source inside: a walk may be wrapped, or no longer be, when it is resumed |
//! | Threads | can be [prefetched](keywalk::Walk::prefetch) where the source can, and the policy and closures are `Send + 'static` |
//!
//! The promises G1 to G15 are those of a [walk](keywalk#what-a-walk-promises). A job has a policy of its own,
//! for what is done with the items and for its checkpoints: `Job::retry` in [`keywalk-job`].
//!
//! The policy is [backon]'s: how often, after what delays, with what jitter. It is a part of this
//! crate's interface, and [`backon`] is re-exported.
//!
//! [`keywalk-job`]: https://docs.rs/keywalk-job

#![forbid(unsafe_code)]

mod retry;

pub use backon::{self, BackoffBuilder, ConstantBuilder, ExponentialBuilder};
pub use retry::Retry;
