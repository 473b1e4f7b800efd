use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};

/// What a piece of work took, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time {
    /// The processor's time for this thread: without what other processes do.
    pub(crate) cpu: f64,
    pub(crate) wall: f64,
}

impl Time {
    /// Of `work`, with what it gives.
    pub(crate) fn of<T>(work: impl FnOnce() -> T) -> (T, Time) {
        let (wall, cpu) = (Instant::now(), thread_cpu_ns());
        let result = work();
        let time = Time {
            cpu: thread_cpu_ns() - cpu,
            wall: wall.elapsed().as_nanos() as f64,
        };
        (result, time)
    }
}

fn thread_cpu_ns() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// The middle one of an odd number of values, or the upper of the middle two.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
