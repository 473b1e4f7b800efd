use std::fmt;
use std::time::Duration;

use crate::checkpoint::Checkpoint;

/// The result of a run in which nothing failed. Prints as `done: 500000 items in 977 chunks, 2.31 s`, or
/// `done: 500000 items (19 skipped) in 977 chunks, 2.31 s`.
#[derive(Clone, Debug)]
#[must_use = "the run may have been stopped before the job was done"]
pub struct Outcome {
    pub(crate) ended: StopReason,
    pub(crate) items: u64,
    pub(crate) chunks: u64,
    pub(crate) skipped: u64,
    pub(crate) retries: u64,
    pub(crate) elapsed: Duration,
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) workers: Vec<Outcome>,
}

/// The reason why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StopReason {
    /// The job is done: the walk reached its end, or the function [finished](crate::Next::finish) the job, in this
    /// run or an earlier one.
    Done,
    /// A [stop](crate::Stop) was requested, or the function returned [`Next::stop`](crate::Next::stop).
    Stopped,
    /// The [deadline](crate::Job::deadline) passed.
    Deadline,
    /// The [total deadline](crate::Job::total_deadline) of the job passed.
    TotalDeadline,
    /// The job has processed as many items as its [walk's limit](keywalk::Walk::limit) allows. A run with a higher
    /// limit, or without one, continues.
    Limit,
    /// What is left of the [parallel job](crate::ParallelJob) is being done by workers of other runners. Of one worker's
    /// outcome: by any other worker.
    OthersRunning,
}

impl Outcome {
    /// Creates the outcome of a run that has done nothing.
    pub(crate) fn of(ended: StopReason, elapsed: Duration, retries: u64) -> Self {
        Outcome {
            ended,
            items: 0,
            chunks: 0,
            skipped: 0,
            retries,
            elapsed,
            checkpoint: None,
            workers: Vec::new(),
        }
    }

    /// Adds the counts of a later run.
    pub(crate) fn add(&mut self, later: &Outcome) {
        self.items += later.items;
        self.chunks += later.chunks;
        self.skipped += later.skipped;
        self.retries += later.retries;
    }

    /// Returns why the run ended.
    #[must_use]
    pub fn stop_reason(&self) -> StopReason {
        self.ended
    }

    /// Returns whether the walk reached its end or the function [finished](crate::Next::finish) the job, in this run
    /// or an earlier one. For an unbounded walk: whether
    /// this run reached the current end of the table. ([`Checkpoint::is_done`] stays `false`.)
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.ended == StopReason::Done
    }

    /// Returns the number of items of this run, including the skipped ones.
    #[must_use]
    pub fn items(&self) -> u64 {
        self.items
    }

    /// Returns the number of chunks of this run.
    #[must_use]
    pub fn chunks(&self) -> u64 {
        self.chunks
    }

    /// Returns the number of items that failed in this run and were skipped.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Returns how often a chunk, an item or the checkpoints were retried in this run.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.retries
    }

    /// Returns the duration of this run.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Returns the outcome of each worker of a [`ParallelJob`](crate::ParallelJob), in the order of their numbers; empty
    /// for any other job, and for a worker.
    pub fn workers(&self) -> &[Outcome] {
        &self.workers
    }

    /// Returns the job's checkpoint; `None` if the run ended while it waited for another runner or for the
    /// store. A parallel job's counts the items of all its parts; a worker's outcome has none.
    #[must_use]
    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        self.checkpoint.as_ref()
    }
}

/// Human-readable: `done: 500000 items in 977 chunks, 2.31 s`, with the skipped items if there are any.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ended = match self.ended {
            StopReason::Done => "done",
            StopReason::Stopped => "stopped",
            StopReason::Deadline => "out of time",
            StopReason::TotalDeadline => "out of total time",
            StopReason::Limit => "limit reached",
            StopReason::OthersRunning => "the rest is left to others",
        };
        let (items, chunks) = (Items(self.items, self.skipped), self.chunks);
        let seconds = self.elapsed.as_secs_f64();
        write!(f, "{ended}: {items} in {chunks} chunks, {seconds:.2} s")
    }
}

/// A number of items, and how many of them were skipped.
pub(crate) struct Items(pub(crate) u64, pub(crate) u64);

impl fmt::Display for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Items(items, 0) => write!(f, "{items} items"),
            Items(items, skipped) => write!(f, "{items} items ({skipped} skipped)"),
        }
    }
}
