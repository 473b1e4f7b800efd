use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Changes how fast jobs run while they run, from another thread. Clones share one state.
///
/// A value that is set here replaces the job's own option, until `None` is set. A change applies from the next chunk
/// on; a pause that is in progress becomes shorter or longer. Reading it costs an uncontended lock per chunk.
///
/// ```
/// use std::time::Duration;
/// use keywalk::Walk;
/// use keywalk_job::{FileCheckpoints, Job, Pace};
///
/// # let folder = tempfile::tempdir()?;
/// # let map: std::collections::BTreeMap<u32, u32> = (1..=9).map(|n| (n, n)).collect();
/// # let walk = Walk::new(keywalk_memory::Named::new("items", &map));
/// let pace = Pace::new();
/// let job = Job::new("backfill", walk, FileCheckpoints::new(folder.path())).pace(&pace);
///
/// // In an administrator's thread, say:
/// pace.set_chunk_size(100);
/// pace.set_pause(Duration::from_millis(50));
/// pace.set_max_items_per_second(1_000.0);
/// // At night, at full speed:
/// pace.set_pause(None);
/// pace.set_max_items_per_second(None);
/// # assert!(job.run(|(), _| Ok(()))?.is_done());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Pace {
    shared: Arc<Mutex<Rates>>,
}

impl Pace {
    /// Creates a handle that changes nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Pace::default()
    }

    /// Replaces the walk's [`chunk_size`](keywalk::Walk::chunk_size). It may be larger than that.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    pub fn set_chunk_size(&self, items: impl Into<Option<usize>>) {
        let items = items.into();
        assert!(items != Some(0), "the chunk size must not be 0");
        self.change(|rates| rates.chunk_size = items);
    }

    /// Replaces the job's [`max_items_per_second`](crate::Job::max_items_per_second).
    ///
    /// # Panics
    ///
    /// If the rate isn't a number above 0.
    #[track_caller]
    pub fn set_max_items_per_second(&self, items: impl Into<Option<f64>>) {
        let items = items.into();
        items.into_iter().for_each(check_rate);
        self.change(|rates| rates.items_per_second = items);
    }

    /// Replaces the job's [`pause`](crate::Job::pause).
    pub fn set_pause(&self, time: impl Into<Option<Duration>>) {
        let time = time.into();
        self.change(|rates| rates.pause = time);
    }

    /// Replaces the job's [`pause_ratio`](crate::Job::pause_ratio).
    ///
    /// # Panics
    ///
    /// If the ratio isn't a number from 0 on.
    #[track_caller]
    pub fn set_pause_ratio(&self, ratio: impl Into<Option<f64>>) {
        let ratio = ratio.into();
        ratio.into_iter().for_each(check_ratio);
        self.change(|rates| rates.pause_ratio = ratio);
    }

    fn change(&self, change: impl FnOnce(&mut Rates)) {
        change(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn get(&self) -> Rates {
        *self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

#[track_caller]
pub(crate) fn check_rate(items: f64) {
    assert!(items > 0.0, "the rate must be above 0");
}

#[track_caller]
pub(crate) fn check_ratio(ratio: f64) {
    assert!(
        ratio >= 0.0 && ratio.is_finite(),
        "the ratio of the pause must be a number from 0 on"
    );
}

/// How large chunks are and when the next one may begin. `None` if it isn't set.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rates {
    pub(crate) chunk_size: Option<usize>,
    pub(crate) items_per_second: Option<f64>,
    pub(crate) pause: Option<Duration>,
    /// The pause as a ratio of the time that the chunk took.
    pub(crate) pause_ratio: Option<f64>,
}

/// A chunk that was committed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DoneChunk {
    pub(crate) began: Duration,
    pub(crate) ended: Duration,
    pub(crate) items: usize,
}

impl Rates {
    /// Returns these values, and those of `other` where they aren't set.
    pub(crate) fn or(self, other: Rates) -> Rates {
        Rates {
            chunk_size: self.chunk_size.or(other.chunk_size),
            items_per_second: self.items_per_second.or(other.items_per_second),
            pause: self.pause.or(other.pause),
            pause_ratio: self.pause_ratio.or(other.pause_ratio),
        }
    }

    /// Returns the rates of one of so many workers.
    pub(crate) fn divided(self, workers: usize) -> Rates {
        let items_per_second = self.items_per_second.map(|rate| rate / workers as f64);
        Rates {
            items_per_second,
            ..self
        }
    }

    /// Returns the most items of a chunk; `own` is the walk's chunk size.
    pub(crate) fn most_items(&self, own: usize) -> usize {
        // One second's worth of items bounds the burst of a chunk.
        let burst = self
            .items_per_second
            .map_or(usize::MAX, |rate| rate.ceil() as usize);
        self.chunk_size.unwrap_or(own).min(burst).max(1)
    }

    /// Returns when the chunk after this one may begin.
    pub(crate) fn next_start(&self, chunk: DoneChunk) -> Duration {
        let DoneChunk {
            began,
            ended,
            items,
        } = chunk;
        let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        let took = ended.saturating_sub(began);
        let share = self
            .pause_ratio
            .map(|ratio| ended.saturating_add(seconds(took.as_secs_f64() * ratio)));
        let pause = self.pause.map(|pause| ended.saturating_add(pause));
        let rate = self
            .items_per_second
            .map(|rate| began.saturating_add(seconds(items as f64 / rate)));
        [share, pause, rate]
            .into_iter()
            .flatten()
            .fold(ended, Duration::max)
    }
}
