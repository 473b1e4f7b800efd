//! Many shards and many workers, for [keywalk](keywalk).
//!
//! [`Parallel`] walks one store by several workers at once. [`Parts`] is its position: it stops and resumes, also in
//! another process and with another number of workers.

#![forbid(unsafe_code)]

mod parallel;
mod parts;

#[cfg(feature = "async")]
pub use parallel::AsyncWorkerChunks;
pub use parallel::{Handle, Parallel, Progress, Report, Worker, WorkerChunks, WorkerReport};
pub use parts::{Parts, PartsToken};
