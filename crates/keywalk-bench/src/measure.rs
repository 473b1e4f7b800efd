//! Measures a pass over items: what it saw and its time.

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use keywalk::{ChunkSource, Walk};
use rustix::time::{ClockId, clock_gettime};

pub(crate) type Fallible<T = ()> = Result<T, Box<dyn Error>>;

/// What a pass saw. Two passes that did the same work in the same order have equal values.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    pub(crate) items: u64,
    pub(crate) sum: u64,
}

impl Seen {
    /// Counts an item by a number that distinguishes it from its neighbours.
    #[inline]
    pub(crate) fn see(&mut self, item: u64) {
        self.items += 1;
        self.sum = self.sum.wrapping_mul(31).wrapping_add(black_box(item));
    }
}

/// A pass over the chunks that a walk lends.
pub(crate) fn lent<S>(walk: Walk<S>, digest: impl Fn(&S::Item) -> u64) -> Fallible<Seen>
where
    S: ChunkSource,
    S::Error: Error + 'static,
{
    let mut seen = Seen::default();
    let mut chunks = walk.chunks();
    while let Some(items) = chunks.next()? {
        for item in items {
            seen.see(digest(item));
        }
    }
    Ok(seen)
}

/// A pass over items that are yielded one by one, each the caller's own.
pub(crate) fn owned<T, E: Error + 'static>(
    items: impl IntoIterator<Item = Result<T, E>>,
    digest: impl Fn(T) -> u64,
) -> Fallible<Seen> {
    let mut seen = Seen::default();
    for item in items {
        seen.see(digest(item?));
    }
    Ok(seen)
}

/// Runs a pass and returns its CPU time in nanoseconds.
pub(crate) fn cpu(pass: impl FnOnce() -> Fallible<Seen>) -> Fallible<(Seen, f64)> {
    let start = cpu_ns();
    let seen = pass()?;
    Ok((seen, cpu_ns() - start))
}

/// Runs a pass and returns its wall time in nanoseconds.
pub(crate) fn wall(pass: impl FnOnce() -> Fallible<Seen>) -> Fallible<(Seen, f64)> {
    let start = Instant::now();
    let seen = pass()?;
    Ok((seen, start.elapsed().as_nanos() as f64))
}

/// Returns the CPU time of this thread so far. It excludes other processes.
pub(crate) fn cpu_ns() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// Returns the median; of an even number of values, the upper of the middle two.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
