//! What several examples need: a table to walk, the user's own database, progress, failures, and measures
//! of time and memory.

#![forbid(unsafe_code)]

mod failure;
mod interrupt;
mod job_progress;
mod made_table;
pub mod option_value;
mod own_database;
mod peak_memory;
mod random;
mod read_only;

pub use failure::Failure;
pub use interrupt::stop_on_interrupt;
pub use job_progress::show_progress;
pub use made_table::make_table;
pub use own_database::{key_columns, open, quoted};
pub use peak_memory::PeakMemory;
pub use random::Random;
pub use read_only::ReadOnly;

/// The CPU time that this thread has used, in nanoseconds. Unlike the clock on the wall it doesn't
/// count what other processes do.
#[must_use]
pub fn thread_cpu_ns() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}
