use std::fmt;
use std::time::Duration;

use crate::outcome::Items;

/// The progress of a job. [Hooks](crate::Job::on_progress) receive it before the first chunk and after each
/// chunk. Prints as `41000 items, 41 %, 8 s left`, or `41000 items (19 skipped), 41 %, 8 s left`.
pub struct Progress<'a, K> {
    pub(crate) job: &'a str,
    pub(crate) position: Option<&'a K>,
    pub(crate) items: u64,
    pub(crate) items_of_run: u64,
    pub(crate) chunks: u64,
    pub(crate) skipped: u64,
    pub(crate) elapsed: Duration,
    /// The elapsed time plus the pause that follows the last chunk; used for the rate and time left.
    pub(crate) charged: Duration,
    pub(crate) fraction: Option<f64>,
    pub(crate) fraction_at_start: f64,
    pub(crate) total: Option<u64>,
    pub(crate) is_done: bool,
}

impl<K> Progress<'_, K> {
    /// Returns the job's name.
    #[must_use]
    pub fn job(&self) -> &str {
        self.job
    }

    /// Returns the key that the walk has reached: the key of the last processed item, or a later key that the
    /// filter rejected. `None` before the first item.
    #[must_use]
    pub fn position(&self) -> Option<&K> {
        self.position
    }

    /// Returns the number of items done by all runs since the job began.
    #[must_use]
    pub fn items(&self) -> u64 {
        self.items
    }

    /// Returns the number of items that this run has done.
    #[must_use]
    pub fn items_of_run(&self) -> u64 {
        self.items_of_run
    }

    /// Returns the number of chunks done by all runs since the job began.
    #[must_use]
    pub fn chunks(&self) -> u64 {
        self.chunks
    }

    /// Returns the number of items that failed and were skipped, over all runs.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Returns the duration of this run so far, pauses included.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Returns the items per second of this run, pauses included; `None` at its start.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        let seconds = self.charged.as_secs_f64();
        (seconds > 0.0 && self.items_of_run > 0).then(|| self.items_of_run as f64 / seconds)
    }

    /// Returns the number of items that the job has in all, if it was [set](crate::Job::total).
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// Returns the fraction that is done, 0 to 1.
    ///
    /// If the [total](crate::Job::total) is set, this is the fraction of the items. Otherwise it is estimated from
    /// where the current key lies between the walk's first and last key. The estimate costs nothing and is right if
    /// keys are spread evenly. It works for integers, UUIDs and bytes. For composite keys it uses the first column in
    /// which the first and last key differ. If that column holds integers, the next one divides each of its steps: in a
    /// walk by `(tenant, id)`, the estimate also moves within a tenant.
    ///
    /// Set the total where keys are spread unevenly. For example, tenants have very different sizes, or the tenants'
    /// numbers have large gaps, where the estimate jumps. Set it also where the estimate is `None`: for text, for an
    /// unbounded walk whose range has no end, and at the start.
    #[must_use]
    pub fn fraction(&self) -> Option<f64> {
        self.fraction
    }

    /// Returns the time left, if the rest goes as fast as this run so far. `None` if the fraction isn't known, and
    /// at the run's start.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        if self.is_done {
            return Some(Duration::ZERO);
        }
        let fraction = self.fraction?;
        let covered = fraction - self.fraction_at_start;
        let left = self.charged.as_secs_f64() * (1.0 - fraction) / covered;
        (covered > 0.0).then(|| Duration::try_from_secs_f64(left.max(0.0)).ok())?
    }

    /// Returns whether the job is done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.is_done
    }
}

impl<K> Clone for Progress<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Progress<'_, K> {}

/// Prints the job's name and counts, and no key.
impl<K> fmt::Debug for Progress<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress")
            .field("job", &self.job)
            .field("items", &self.items)
            .field("fraction", &self.fraction)
            .field("done", &self.is_done)
            .finish_non_exhaustive()
    }
}

/// Human-readable: `41000 items, 41 %, 8 s left`. Leaves out what isn't known, and adds the skipped items if
/// there are any.
impl<K> fmt::Display for Progress<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Items(self.items, self.skipped))?;
        if let Some(fraction) = self.fraction {
            // Rounded down: 100 % means that all of it is done, even if the total was too low.
            let most = if self.is_done { 100.0 } else { 99.0 };
            write!(f, ", {} %", (fraction * 100.0).floor().min(most))?;
        }
        match self.time_left() {
            Some(left) if !self.is_done => write!(f, ", {} s left", left.as_secs()),
            _ => Ok(()),
        }
    }
}
