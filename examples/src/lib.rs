//! What several examples need: a table to walk, the user's own database, progress, failures, and measures
//! of time and memory.

#![forbid(unsafe_code)]

mod failure;
mod job_progress;
mod made_table;
mod own_database;
mod peak_memory;
mod random;

pub use failure::Failure;
pub use job_progress::show_progress;
pub use made_table::make_table;
pub use own_database::{key_columns, open, quoted};
pub use peak_memory::PeakMemory;
pub use random::Random;

/// The CPU time that this thread has used, in nanoseconds. Unlike the clock on the wall it doesn't
/// count what other processes do.
#[must_use]
pub fn thread_cpu_ns() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}
