use std::fmt;
use std::time::Duration;

use crate::outcome::Items;

/// How far a job has got; what its [hooks](crate::Job::on_progress) are told before the first chunk and after
/// each. Printed it says `41000 items, 41 %, 8 s left`, or `41000 items (19 skipped), 41 %, 8 s left`.
#[derive(Clone)]
pub struct Progress<'a, K> {
    pub(crate) job: &'a str,
    pub(crate) position: Option<&'a K>,
    pub(crate) items: u64,
    pub(crate) items_of_run: u64,
    pub(crate) chunks: u64,
    pub(crate) skipped: u64,
    pub(crate) elapsed: Duration,
    /// With the pause that the last chunk has earned, which is still to come.
    pub(crate) charged: Duration,
    pub(crate) share: Option<f64>,
    pub(crate) share_at_start: f64,
    pub(crate) total: Option<u64>,
    pub(crate) is_done: bool,
}

impl<K> Progress<'_, K> {
    /// The job's name.
    #[must_use]
    pub fn job(&self) -> &str {
        self.job
    }

    /// The key that the walk has come to: the last one that was done, or a later one where a filter has
    /// dropped what follows it. `None` before the first item.
    #[must_use]
    pub fn position(&self) -> Option<&K> {
        self.position
    }

    /// The items that were done, by all runs since the job began.
    #[must_use]
    pub fn items(&self) -> u64 {
        self.items
    }

    /// The items that this run has done.
    #[must_use]
    pub fn items_of_run(&self) -> u64 {
        self.items_of_run
    }

    /// The chunks that were done, by all runs since the job began.
    #[must_use]
    pub fn chunks(&self) -> u64 {
        self.chunks
    }

    /// The items that failed and were recorded instead, by all runs.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// How long this run has gone on, pauses included.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Items per second of this run, pauses included; `None` at its start.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        let seconds = self.charged.as_secs_f64();
        (seconds > 0.0 && self.items_of_run > 0).then(|| self.items_of_run as f64 / seconds)
    }

    /// How many items the job has, if it was [told](crate::Job::total).
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// The share that is done, 0 to 1: of the items, if their [total](crate::Job::total) was told;
    /// otherwise by where the last key lies between the first and the last one of the walk, which costs
    /// nothing and is right where keys are spread evenly. That can be told for integers, UUIDs and bytes, and
    /// for composite keys by the first column that changes. `None` for text, for an unbounded walk without an end,
    /// and at the start.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        self.share
    }

    /// The time that is left, if the rest is as fast as this run has been; `None` where the share can't be
    /// told, and at the run's start.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        if self.is_done {
            return Some(Duration::ZERO);
        }
        let share = self.share?;
        let covered = share - self.share_at_start;
        let left = self.charged.as_secs_f64() * (1.0 - share) / covered;
        (covered > 0.0).then(|| Duration::try_from_secs_f64(left.max(0.0)).ok())?
    }

    /// Whether the job is done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.is_done
    }
}

/// Prints the job's name and counts, and no key.
impl<K> fmt::Debug for Progress<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress")
            .field("job", &self.job)
            .field("items", &self.items)
            .field("share", &self.share)
            .field("done", &self.is_done)
            .finish_non_exhaustive()
    }
}

/// Human-readable: `41000 items, 41 %, 8 s left`, as far as they are known, with the skipped items if there are any.
impl<K> fmt::Display for Progress<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Items(self.items, self.skipped))?;
        if let Some(share) = self.share {
            // Down: all of it is done when it is.
            write!(f, ", {} %", (share * 100.0).floor())?;
        }
        match self.time_left() {
            Some(left) if !self.is_done => write!(f, ", {} s left", left.as_secs()),
            _ => Ok(()),
        }
    }
}
