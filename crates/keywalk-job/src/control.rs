use std::time::{Duration, SystemTime};

use crate::driver::{Host, JobStore};
use crate::error::Error;
use crate::events;
use crate::outcome::StopReason;
use crate::pace::{DoneChunk, Pace, Rates};
use crate::parallel::PartOf;
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
    /// Over all runs.
    pub(crate) total_deadline: Option<Duration>,
    /// The job's own rates; those of `pace` come first.
    pub(crate) rates: Rates,
    pub(crate) pace: Option<Pace>,
    pub(crate) shrinks: bool,
    pub(crate) total: Option<u64>,
    /// The part of a parallel job that is running.
    pub(crate) part: Option<PartOf>,
}

impl Options {
    /// Returns the rates at this moment.
    pub(crate) fn rates(&self) -> Rates {
        let rates = match &self.pace {
            Some(pace) => pace.get().or(self.rates),
            None => self.rates,
        };
        match &self.part {
            Some(part) => rates.divided(part.workers()),
            None => rates,
        }
    }

    #[track_caller]
    pub(crate) fn set_max_skipped_ratio(&mut self, ratio: f64, min_items: u64) {
        assert!(
            (0.0..=1.0).contains(&ratio),
            "the ratio of skipped items must be 0 to 1"
        );
        self.max_skipped_ratio = Some((ratio, min_items));
    }

    /// Returns whether this many of the job's items, or of the part's, may be skipped.
    pub(crate) fn may_skip(&self, mut skipped: u64, mut items: u64) -> bool {
        if let Some(part) = &self.part {
            let others = part.others();
            skipped += others.skipped;
            items += others.items;
        }
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
    /// When the total deadline passes, once the job's start is known.
    total_end: Option<Duration>,
    /// The last chunk of this run.
    last_chunk: Option<DoneChunk>,
    /// When the next try may begin, after a failure.
    next_try: Duration,
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
            total_end: None,
            last_chunk: None,
            next_try: Duration::ZERO,
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
        let now = self.host.now();
        let is_late = |end: Option<Duration>| end.is_some_and(|end| now >= end);
        match () {
            () if is_late(self.total_end) => Some(StopReason::TotalDeadline),
            () if is_late(self.end()) => Some(StopReason::Deadline),
            () => None,
        }
    }

    /// Returns when the run's deadline passes.
    fn end(&self) -> Option<Duration> {
        let deadline = self.options.deadline;
        deadline.map(|deadline| self.began.saturating_add(deadline))
    }

    /// Sets when the job's first run began, by the time of day.
    pub(crate) fn set_started(&mut self, started: SystemTime) {
        let passed = self.host.time_of_day().duration_since(started);
        let left = self
            .options
            .total_deadline
            .map(|total| total.saturating_sub(passed.unwrap_or_default()));
        self.total_end = left.map(|left| self.host.now().saturating_add(left));
    }

    /// Returns when the next chunk may begin, by the rates at this moment.
    pub(crate) fn next_start(&self) -> Duration {
        let paced = self
            .last_chunk
            .map(|chunk| self.options.rates().next_start(chunk));
        paced.unwrap_or_default().max(self.next_try)
    }

    /// Waits until the next chunk may begin, unless the run should end before.
    pub(crate) async fn wait_for_start(&mut self) -> Option<StopReason> {
        self.wait_until(Self::next_start).await
    }

    /// Waits after a failure, or for another runner, unless the run should end before.
    pub(crate) async fn wait_for_try(&mut self) -> Option<StopReason> {
        self.wait_until(|control| control.next_try).await
    }

    /// Waits until `time`, unless the run should end before. Calls `time` again after each step, because it may change.
    async fn wait_until(&mut self, time: impl Fn(&Self) -> Duration) -> Option<StopReason> {
        loop {
            if let Some(ended) = self.end_asked() {
                return Some(ended);
            }
            let (now, time) = (self.host.now(), time(self));
            if now >= time {
                return None;
            }
            let ends = [self.end(), self.total_end];
            let end = ends.into_iter().flatten().fold(time, Duration::min);
            self.host.sleep(end.saturating_sub(now).min(STEP)).await;
        }
    }

    /// Waits at least one millisecond, so that a caller in a loop doesn't spin.
    pub(crate) async fn wait_for(&mut self, time: Duration) -> Option<StopReason> {
        let time = time.max(Duration::from_millis(1));
        let end = self.host.now().saturating_add(time);
        self.wait_until(|_| end).await
    }

    /// Delays the next chunk.
    pub(crate) fn try_after(&mut self, delay: Duration) {
        let time = self.host.now().saturating_add(delay);
        self.next_try = self.next_try.max(time);
    }

    /// Records that a chunk of this many items was committed, which delays the next one.
    pub(crate) fn chunk_done(&mut self, began: Duration, items: usize) {
        let ended = self.host.now();
        self.last_chunk = Some(DoneChunk {
            began,
            ended,
            items,
        });
    }

    /// Returns the delay before the failed checkpoints are retried. Returns the error if they aren't.
    pub(crate) fn delay_for_checkpoints<K, T, S, St: JobStore<K, T>>(
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
