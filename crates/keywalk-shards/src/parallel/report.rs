//! What workers did, as figures.

use std::fmt;
use std::time::Duration;

/// What a parallel walk has done, by all workers together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub(super) items: u64,
    pub(super) chunks: u64,
    pub(super) parts_done: usize,
    pub(super) parts: usize,
}

impl Progress {
    /// Returns the number of items of the chunks that are done.
    #[must_use]
    pub fn items(&self) -> u64 {
        self.items
    }

    /// Returns the number of chunks that are done.
    #[must_use]
    pub fn chunks(&self) -> u64 {
        self.chunks
    }

    /// Returns the number of parts that are done.
    #[must_use]
    pub fn parts_done(&self) -> usize {
        self.parts_done
    }

    /// Returns the number of all parts.
    #[must_use]
    pub fn parts(&self) -> usize {
        self.parts
    }
}

/// What each worker of a run did; returned by [`Parallel::report`](super::Parallel::report).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    pub(super) workers: Vec<WorkerReport>,
}

impl Report {
    /// Returns the workers' figures, by their numbers.
    #[must_use]
    pub fn workers(&self) -> &[WorkerReport] {
        &self.workers
    }

    /// Returns the time of the slowest worker over the mean: 1 if all took equally long, the number of workers if one
    /// did all the work. 1 if nothing ran.
    #[must_use]
    pub fn balance(&self) -> f64 {
        let times = self.workers.iter().map(|worker| worker.time.as_secs_f64());
        let (sum, slowest) = times.fold((0.0, 0.0_f64), |(sum, slowest), time| {
            (sum + time, slowest.max(time))
        });
        match sum > 0.0 {
            true => slowest * self.workers.len() as f64 / sum,
            false => 1.0,
        }
    }

    fn sum(&self, figure: impl Fn(&WorkerReport) -> u64) -> u64 {
        self.workers.iter().map(figure).sum()
    }
}

/// Prints a line, such as `9 items in 8 parts by 2 workers, slowest worker 1.02 of ideal`.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} items in {} parts by {} workers, slowest worker {:.2} of ideal",
            self.sum(|worker| worker.items),
            self.sum(|worker| worker.parts),
            self.workers.len(),
            self.balance()
        )
    }
}

/// What one worker did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkerReport {
    pub(super) items: u64,
    pub(super) chunks: u64,
    pub(super) parts: u64,
    pub(super) time: Duration,
    pub(super) waited: Duration,
}

impl WorkerReport {
    /// Returns the number of items that it fetched.
    #[must_use]
    pub fn items(&self) -> u64 {
        self.items
    }

    /// Returns the number of chunks that it fetched.
    #[must_use]
    pub fn chunks(&self) -> u64 {
        self.chunks
    }

    /// Returns the number of parts that it finished.
    #[must_use]
    pub fn parts(&self) -> u64 {
        self.parts
    }

    /// Returns how long it ran, from its start to its end, without the time in which it waited for the consumer. Zero
    /// while it runs.
    #[must_use]
    pub fn time(&self) -> Duration {
        self.time
    }
}
