use core::time::Duration;

use crate::budget::Budget;
use crate::clock::Clock;
use crate::pace::Pace;

/// What ends a chunk, as far as a walk was told.
#[derive(Debug)]
pub(crate) struct Limits<T> {
    pub(crate) items: Option<usize>,
    pub(crate) budget: Option<Budget<T>>,
    pub(crate) target: Option<Duration>,
    pub(crate) clock: Clock,
}

impl<T> Limits<T> {
    /// The chunk size of a walk that isn't given one.
    pub(crate) const DEFAULT: usize = 512;

    /// The most items of a walk that is given a time, and no chunk size.
    pub(crate) const MOST_TIMED: usize = 8_192;

    /// The most items of a chunk.
    pub(crate) fn chunk_size(&self) -> usize {
        self.items.unwrap_or(match self.target {
            Some(_) => Self::MOST_TIMED,
            None => Self::DEFAULT,
        })
    }

    /// How the size of chunks is set from fetch to fetch.
    pub(crate) fn pace(&self) -> Option<Pace> {
        let target = self.target?;
        Some(Pace::new(target, Self::DEFAULT, self.chunk_size()))
    }
}

impl<T> Default for Limits<T> {
    fn default() -> Self {
        Limits {
            items: None,
            budget: None,
            target: None,
            clock: Clock::default(),
        }
    }
}
