//! Retries for [keywalk]: a wrapper around a source that retries failed fetches after a delay. Use it for
//! transient failures. While nothing fails, its only cost is one copy of the policy per fetch.
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
//! Without the wrapper, a walk ends at its first error, and you resume the walk from its cursor. [`Retry`] saves
//! you that for transient failures, such as another process's lock. The walk doesn't see the failure, and keeps
//! its position, bounds and guarantees.
//!
//! # What it guarantees
//!
//! | | |
//! |---|---|
//! | Order, chunks, keys, isolation (G1 to G8) | as in the wrapped source |
//! | Errors (G11) | the source's own, after the last try; what a failed fetch put into the chunk is discarded |
//! | Held while it waits (G14) | nothing of the store; the thread sleeps, or does what [`Retry::with_sleep`] specifies; over an asynchronous source the task waits |
//! | Memory (G13) | none of its own |
//! | Delays | each request (a fetch or a look-up of the last key) starts with the policy's first delay |
//! | Tokens | those of the wrapped source: you can add or remove the wrapper when you resume a walk |
//! | Threads | can be [prefetched](keywalk::Walk::prefetch) if the source can be, and if the policy and closures are `Send + 'static` |
//!
//! With the feature `async`, [`Retry`] also wraps an asynchronous source (`AsyncChunkSource`). Pass a function to
//! `Retry::with_async_sleep` that waits, such as `tokio::time::sleep`. A future that is dropped while it waits loses
//! nothing: the next fetch starts with the policy's first delay.
//!
//! The guarantees G1 to G15 are those of a [walk](keywalk#what-a-walk-guarantees). A job has its own retry
//! policy, for the processing of items and for its checkpoints: `Job::retry` in [`keywalk-job`].
//!
//! The policy comes from [backon]: the number of retries, their delays and jitter. backon is part of this
//! crate's interface, and [`backon`] is re-exported.
//!
//! Terms are defined in the repository's GLOSSARY.md.
//!
//! [`keywalk-job`]: https://docs.rs/keywalk-job

#![forbid(unsafe_code)]

mod retry;

pub use backon::{self, BackoffBuilder, ConstantBuilder, ExponentialBuilder};
pub use retry::Retry;
