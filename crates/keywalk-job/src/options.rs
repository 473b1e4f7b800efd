use std::time::Duration;

use crate::events;
use crate::{BoxError, Checkpoints, Clock, Ended, Error, Progress, Stop};

/// The longest time for which a job doesn't look whether to stop.
const STEP: Duration = Duration::from_millis(20);

/// What a job was told, but for its walk.
pub(crate) struct Options<'a, K> {
    pub(crate) repeated: bool,
    pub(crate) restarts: bool,
    pub(crate) extends: bool,
    pub(crate) adopts: bool,
    pub(crate) waits: bool,
    pub(crate) skips: bool,
    pub(crate) max_skipped: Option<u64>,
    /// The share of the items, and of how many at least.
    pub(crate) max_skipped_ratio: Option<(f64, u64)>,
    pub(crate) again: Option<Again<'a>>,
    pub(crate) stops: Vec<Stop>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) pause: Duration,
    /// Items per second.
    pub(crate) rate: Option<f64>,
    pub(crate) hold: Option<Hold<'a, K>>,
    pub(crate) total: Option<u64>,
    pub(crate) hooks: Vec<Hook<'a, K>>,
    pub(crate) clock: Box<dyn Clock + 'a>,
}

pub(crate) type Hold<'a, K> = Box<dyn FnMut(&Progress<'_, K>) -> Option<Duration> + 'a>;
pub(crate) type Hook<'a, K> = Box<dyn FnMut(&Progress<'_, K>) + 'a>;
pub(crate) type Delays<'a> = Box<dyn Iterator<Item = Duration> + 'a>;

/// How what failed is tried again.
pub(crate) struct Again<'a> {
    pub(crate) policy: Box<dyn Fn() -> Delays<'a> + 'a>,
    pub(crate) when: Box<dyn FnMut(&BoxError) -> bool + 'a>,
    /// Those that are left for the checkpoints, since they failed first.
    pub(crate) for_checkpoints: Option<Delays<'a>>,
}

impl<'a, K> Options<'a, K> {
    pub(crate) fn new(clock: impl Clock + 'a) -> Self {
        Options {
            repeated: false,
            restarts: false,
            extends: false,
            adopts: false,
            waits: false,
            skips: false,
            max_skipped: None,
            max_skipped_ratio: None,
            again: None,
            stops: Vec::new(),
            deadline: None,
            pause: Duration::ZERO,
            rate: None,
            hold: None,
            total: None,
            hooks: Vec::new(),
            clock: Box::new(clock),
        }
    }

    /// Why the run should end now, if it should; `began` is when it did.
    pub(crate) fn end_asked(&self, began: Duration) -> Option<Ended> {
        if self.stops.iter().any(Stop::is_requested) {
            return Some(Ended::Stopped);
        }
        let elapsed = self.clock.now().saturating_sub(began);
        let is_late = self.deadline.is_some_and(|deadline| elapsed >= deadline);
        is_late.then_some(Ended::Deadline)
    }

    /// Waits until `time`, unless the run should end before.
    pub(crate) fn wait_until(&self, time: Duration, began: Duration) -> Option<Ended> {
        loop {
            if let Some(ended) = self.end_asked(began) {
                return Some(ended);
            }
            let now = self.clock.now();
            if now >= time {
                return None;
            }
            let deadline = self.deadline.map(|left| began.saturating_add(left));
            let end = deadline.map_or(time, |deadline| time.min(deadline));
            self.clock.sleep(end.saturating_sub(now).min(STEP));
        }
    }

    /// Waits at least a moment, so that who asks again and again doesn't spin.
    pub(crate) fn wait_for(&self, time: Duration, began: Duration) -> Option<Ended> {
        let time = time.max(Duration::from_millis(1));
        self.wait_until(self.clock.now().saturating_add(time), began)
    }

    /// Whether so many of the job's items may be skipped.
    pub(crate) fn may_skip(&self, skipped: u64, items: u64) -> bool {
        let is_too_large = |(ratio, min_items): (f64, u64)| {
            items >= min_items && skipped as f64 > ratio * items as f64
        };
        self.max_skipped.is_none_or(|most| skipped <= most)
            && !self.max_skipped_ratio.is_some_and(is_too_large)
    }

    /// The time after which the checkpoints are tried again that failed with this; the error, if they aren't.
    pub(crate) fn delay_for_checkpoints<S, C: Checkpoints>(
        &mut self,
        checkpoints: &C,
        error: Error<S, C::Error>,
    ) -> Result<Duration, Error<S, C::Error>> {
        let Error::Checkpoints { job, error: cause } = &error else {
            return Err(error);
        };
        let Some(again) = &mut self.again else {
            return Err(error);
        };
        if !checkpoints.is_transient(cause) {
            return Err(error);
        }
        let delays = again
            .for_checkpoints
            .get_or_insert_with(|| (again.policy)());
        let Some(delay) = delays.next() else {
            return Err(error);
        };
        events::checkpoints_tried(job, cause, delay);
        Ok(delay)
    }

    /// Whether the checkpoints have failed, and nothing was committed since.
    pub(crate) fn retries_checkpoints(&self) -> bool {
        let again = self.again.as_ref();
        again.is_some_and(|again| again.for_checkpoints.is_some())
    }

    /// The checkpoints work: what fails next has the whole policy to itself.
    pub(crate) fn checkpoints_worked(&mut self) {
        if let Some(again) = &mut self.again {
            again.for_checkpoints = None;
        }
    }

    /// When the next chunk may begin, after one of so many items.
    pub(crate) fn next_start(&self, chunk_began: Duration, items: usize) -> Duration {
        let paused = self.clock.now().saturating_add(self.pause);
        let Some(rate) = self.rate else {
            return paused;
        };
        let time = Duration::try_from_secs_f64(items as f64 / rate).unwrap_or(Duration::MAX);
        chunk_began.saturating_add(time).max(paused)
    }
}
