//! Prefetched walks: the same as others, fetched ahead in a thread.

#![forbid(unsafe_code)]

mod ahead;
mod bytes;
mod drops;
mod fails;
mod numbers;
mod same;
#[cfg(target_os = "linux")]
mod thread;
