//! A job over numbers, with all that it touches.

use std::time::Duration;

use keywalk::Walk;
use keywalk_job::{ConstantBuilder, Error, Outcome, Stop};

use crate::clock::TestClock;
use crate::numbers::Numbers;
use crate::store::{Failed, Store};

/// Clones share all of it.
#[derive(Clone, Default)]
pub(crate) struct Lab {
    pub(crate) numbers: Numbers,
    pub(crate) store: Store,
    pub(crate) clock: TestClock,
    pub(crate) stop: Stop,
}

pub(crate) use crate::driver::NumbersJob;
/// What a test says to a job.
pub(crate) type Says = fn(NumbersJob<'static>) -> NumbersJob<'static>;
pub(crate) type Run = Result<Outcome, Error<Failed, Failed>>;

impl Lab {
    pub(crate) fn new(keys: impl IntoIterator<Item = u32>) -> Self {
        Lab::of(Numbers::new(keys))
    }

    pub(crate) fn of(numbers: Numbers) -> Self {
        Lab {
            numbers,
            ..Lab::default()
        }
    }

    /// For the next run: no one has asked that to stop.
    pub(crate) fn again(&self) -> Self {
        Lab {
            stop: Stop::new(),
            clock: TestClock::default(),
            ..self.clone()
        }
    }

    pub(crate) fn walk(&self, size: usize) -> Walk<Numbers> {
        Walk::new(self.numbers.clone()).chunk_size(size)
    }

    /// In chunks of this size.
    pub(crate) fn job<'a>(&self, size: usize) -> NumbersJob<'a> {
        self.job_over(self.walk(size))
    }

    pub(crate) fn job_over<'a>(&self, walk: Walk<Numbers>) -> NumbersJob<'a> {
        NumbersJob::new("job", walk, self.store.clone())
            .clock(self.clock.clone())
            .stop_on(&self.stop)
    }

    /// Asks to stop at this time, if someone sleeps then.
    pub(crate) fn stop_at(&self, time: Duration) {
        let stop = self.stop.clone();
        self.clock.on_sleep(move |now| {
            if now >= time {
                stop.request();
            }
        });
    }
}

/// Runs a job; which items it did, and how that ended.
pub(crate) fn collect(job: NumbersJob<'_>) -> (Vec<u32>, Run) {
    let (calls, run) = attempt(job, |_, _| None);
    (calls.concat(), run)
}

/// Runs a job whose function does the items and then fails as `fails` says of them and of how often it was
/// called; what it was called with, and how the run ended.
pub(crate) fn attempt(
    job: NumbersJob<'_>,
    mut fails: impl FnMut(&[u32], usize) -> Option<&'static str>,
) -> (Vec<Vec<u32>>, Run) {
    let mut calls = Vec::new();
    let run = job.run(|effects, items| {
        calls.push(items.to_vec());
        items.iter().for_each(|number| effects.done(*number));
        fails(&items, calls.len()).map_or(Ok(()), |error| Err(error.into()))
    });
    (calls, run)
}

/// [`attempt`] by a word a call: `ok`, or what it fails with; `ok` beyond them.
pub(crate) fn script(job: NumbersJob<'_>, script: &'static str) -> (Vec<Vec<u32>>, Run) {
    attempt(job, |_, call| {
        script.split(' ').nth(call - 1).filter(|word| *word != "ok")
    })
}

/// As many tries more as this, each after three seconds.
pub(crate) fn delays(times: usize) -> ConstantBuilder {
    ConstantBuilder::new()
        .with_delay(Duration::from_secs(3))
        .with_max_times(times)
}

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
