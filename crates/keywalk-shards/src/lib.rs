//! Many shards and many workers, for [keywalk].
//!
//! | You want | Use |
//! |---|---|
//! | to walk one store with several workers | [`Parallel`] |
//! | to stop such a walk, and resume it in another process | [`Parts`] |
//! | to walk the shards of a database, or a table per month, as one store in key order | [`Merge`] |
//! | the same, over shards of different engines | [`Merge`] of [`BoxShard`]s |
//! | to check a migration or a replica, and to repair it | [`Diff`] |
//!
//! [`Merge`] and [`Diff`] are sources: walks over them have all options, cursors, tokens and guarantees of a
//! [`Walk`](keywalk::Walk), and jobs run over them. The exception is [`Walk::split`](keywalk::Walk::split): for
//! [`Parallel`] and keywalk-job's `ParallelJob`, split each shard by itself.
//!
//! # Features
//!
//! - `async`: asynchronous shards and sides, such as PostgreSQL's, which are fetched concurrently (`BoxAsyncShard` for
//!   those of different engines); and parallel walks in tokio's tasks (`Parallel::async_run`, `async_map_in_order`,
//!   `async_map_unordered`).
//!
//! No feature is on by default.

#![forbid(unsafe_code)]

mod boxed;
mod diff;
mod merge;
mod numbered;
mod parallel;
mod parts;
mod shard;
mod shard_error;

#[cfg(feature = "async")]
pub use boxed::BoxAsyncShard;
pub use boxed::BoxShard;
pub use diff::{Diff, Difference};
pub use merge::{Merge, SameKey};
pub use numbered::{Numbered, NumberedItem};
#[cfg(feature = "async")]
pub use parallel::AsyncWorkerChunks;
pub use parallel::{Handle, Parallel, Progress, Report, Worker, WorkerChunks, WorkerReport};
pub use parts::{Parts, PartsToken};
pub use shard_error::{ShardError, ShardErrorKind};
