use std::time::Duration;

use crate::driver::{Host, JobStore};
use crate::error::Error;
use crate::events;
use crate::outcome::StopReason;
use crate::stop::Stop;

/// The longest time between two checks whether to stop.
const STEP: Duration = Duration::from_millis(20);

/// A job's configuration, as plain data.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) repeated: bool,
    pub(crate) restarts: bool,
    pub(crate) extends: bool,
    pub(crate) adopts: bool,
    pub(crate) waits: bool,
    pub(crate) max_skipped: Option<u64>,
    /// The largest ratio of skipped items, and the number of items from which it applies.
    pub(crate) max_skipped_ratio: Option<(f64, u64)>,
    pub(crate) stops: Vec<Stop>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) pause: Duration,
    /// Items per second.
    pub(crate) rate: Option<f64>,
    pub(crate) total: Option<u64>,
}

impl Options {
    /// Returns whether this many of the job's items may be skipped.
    pub(crate) fn may_skip(&self, skipped: u64, items: u64) -> bool {
        let is_too_large = |(ratio, min_items): (f64, u64)| {
            items >= min_items && skipped as f64 > ratio * items as f64
        };
        self.max_skipped.is_none_or(|most| skipped <= most)
            && !self.max_skipped_ratio.is_some_and(is_too_large)
    }
}

/// Decides when a run goes on, waits or ends, by the job's configuration and the time.
pub(crate) struct Control<H: Host> {
    pub(crate) host: H,
    pub(crate) options: Options,
    pub(crate) began: Duration,
    /// When the next chunk may begin.
    pub(crate) next_start: Duration,
    pub(crate) retries: u64,
    /// The remaining delays for retrying the checkpoint store; `None` unless it failed since the last commit.
    checkpoint_delays: Option<H::Delays>,
}

impl<H: Host> Control<H> {
    pub(crate) fn new(host: H, options: Options) -> Self {
        Control {
            began: host.now(),
            host,
            options,
            next_start: Duration::ZERO,
            retries: 0,
            checkpoint_delays: None,
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.host.now().saturating_sub(self.began)
    }

    /// Returns why the run should end now, if it should.
    fn end_asked(&self) -> Option<StopReason> {
        if self.options.stops.iter().any(Stop::is_requested) {
            return Some(StopReason::Stopped);
        }
        let deadline = self.options.deadline;
        let is_late = deadline.is_some_and(|deadline| self.elapsed() >= deadline);
        is_late.then_some(StopReason::Deadline)
    }

    /// Waits until `time`, unless the run should end before.
    pub(crate) async fn wait_until(&mut self, time: Duration) -> Option<StopReason> {
        loop {
            if let Some(ended) = self.end_asked() {
                return Some(ended);
            }
            let now = self.host.now();
            if now >= time {
                return None;
            }
            let deadline = self.options.deadline;
            let deadline = deadline.map(|left| self.began.saturating_add(left));
            let end = deadline.map_or(time, |deadline| time.min(deadline));
            self.host.sleep(end.saturating_sub(now).min(STEP)).await;
        }
    }

    /// Waits at least one millisecond, so that a caller in a loop doesn't spin.
    pub(crate) async fn wait_for(&mut self, time: Duration) -> Option<StopReason> {
        let time = time.max(Duration::from_millis(1));
        self.wait_until(self.host.now().saturating_add(time)).await
    }

    /// Delays the next chunk.
    pub(crate) fn try_after(&mut self, delay: Duration) {
        let time = self.host.now().saturating_add(delay);
        self.next_start = self.next_start.max(time);
    }

    /// Sets when the next chunk may begin, after a chunk of this many items.
    pub(crate) fn chunk_done(&mut self, chunk_began: Duration, items: usize) {
        self.next_start = self.host.now().saturating_add(self.options.pause);
        if let Some(rate) = self.options.rate {
            let time = Duration::try_from_secs_f64(items as f64 / rate).unwrap_or(Duration::MAX);
            self.next_start = self.next_start.max(chunk_began.saturating_add(time));
        }
    }

    /// Returns the delay before the failed checkpoints are retried. Returns the error if they aren't.
    pub(crate) fn delay_for_checkpoints<T, S, St: JobStore<T>>(
        &mut self,
        store: &St,
        error: Error<S, St::Error>,
    ) -> Result<Duration, Error<S, St::Error>> {
        let Error::CheckpointStore { job, error: cause } = &error else {
            return Err(error);
        };
        if !store.is_transient(cause) {
            return Err(error);
        }
        if self.checkpoint_delays.is_none() {
            self.checkpoint_delays = self.host.delays();
        }
        let delay = self.checkpoint_delays.as_mut().and_then(Iterator::next);
        let Some(delay) = delay else {
            return Err(error);
        };
        events::checkpoints_tried(job, cause, delay);
        self.retries += 1;
        Ok(delay)
    }

    /// Returns whether the checkpoints have failed and nothing was committed since.
    pub(crate) fn retries_checkpoints(&self) -> bool {
        self.checkpoint_delays.is_some()
    }

    /// Called after the checkpoint store succeeds: its next failure starts the retry policy from the beginning.
    pub(crate) fn checkpoints_worked(&mut self) {
        self.checkpoint_delays = None;
    }
}
