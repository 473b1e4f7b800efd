//! Many shards and many workers, for [keywalk](keywalk).

#![forbid(unsafe_code)]

mod parallel;
mod parts;

#[cfg(feature = "async")]
pub use parallel::AsyncWorkerChunks;
pub use parallel::{Handle, Parallel, Progress, Report, Worker, WorkerChunks, WorkerReport};
pub use parts::{Parts, PartsToken};
