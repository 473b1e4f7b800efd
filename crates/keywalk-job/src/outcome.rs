use std::fmt;
use std::time::Duration;

use crate::checkpoint::Checkpoint;

/// How a run of a job ended, where nothing failed. Printed it says `done: 500000 items in 977 chunks, 2.31 s`, or
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
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StopReason {
    /// The job is done: the walk came to its end, now or in an earlier run.
    Done,
    /// It was [asked to](crate::Stop).
    Stopped,
    /// Its [time](crate::Job::deadline) was up.
    Deadline,
}

impl Outcome {
    /// Of a run that has done nothing.
    pub(crate) fn of(ended: StopReason, elapsed: Duration, retries: u64) -> Self {
        Outcome {
            ended,
            items: 0,
            chunks: 0,
            skipped: 0,
            retries,
            elapsed,
            checkpoint: None,
        }
    }

    /// Why the run ended.
    #[must_use]
    pub fn stop_reason(&self) -> StopReason {
        self.ended
    }

    /// Whether the walk came to its end, now or in an earlier run. True of an unbounded walk's run too, which found
    /// nothing more, while its job is never done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.ended == StopReason::Done
    }

    /// The items of this run; the skipped ones among them.
    #[must_use]
    pub fn items(&self) -> u64 {
        self.items
    }

    /// The chunks of this run.
    #[must_use]
    pub fn chunks(&self) -> u64 {
        self.chunks
    }

    /// The items that failed in this run and were recorded instead.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// How often a chunk, an item or the checkpoints were tried again in this run.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.retries
    }

    /// How long this run took.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Where the job stands; `None` if the run ended while it waited for another runner or for the store.
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
        };
        let (items, chunks) = (Items(self.items, self.skipped), self.chunks);
        let seconds = self.elapsed.as_secs_f64();
        write!(f, "{ended}: {items} in {chunks} chunks, {seconds:.2} s")
    }
}

/// So many items, and how many of them were skipped.
pub(crate) struct Items(pub(crate) u64, pub(crate) u64);

impl fmt::Display for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Items(items, 0) => write!(f, "{items} items"),
            Items(items, skipped) => write!(f, "{items} items ({skipped} skipped)"),
        }
    }
}
