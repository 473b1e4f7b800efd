//! What several examples need: a table to walk, and measures of time and memory.

#![forbid(unsafe_code)]

mod made_table;
mod peak_memory;

pub use made_table::make_table;
pub use peak_memory::PeakMemory;

/// The CPU time that this thread has used, in nanoseconds. Unlike the clock on the wall it doesn't
/// count what other processes do.
#[must_use]
pub fn thread_cpu_ns() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}
