use core::time::Duration;

/// Chooses how many items to fetch next, so that a fetch takes about the target time.
///
/// It assumes that the time is proportional to the number of items. From one fetch to the next the number at
/// most doubles or halves, so a single slow fetch affects only a few later ones. It grows only after a full
/// chunk: a fetch of few items doesn't show how long many items take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChunkSizer {
    target: Duration,
    size: usize,
    most: usize,
}

impl ChunkSizer {
    /// Begins with `start` items, or `most` if that is fewer.
    pub(crate) fn new(target: Duration, start: usize, most: usize) -> Self {
        ChunkSizer {
            target,
            size: start.min(most),
            most,
        }
    }

    /// The number of items to fetch: at least 1.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Caps the number of items at `most` from now on.
    pub(crate) fn set_most(&mut self, most: usize) {
        self.most = most;
        self.size = self.size.min(most);
    }

    /// Records that a fetch of [`size`](Self::size) items returned `items` items and took `took`.
    pub(crate) fn fetched(&mut self, items: usize, took: Duration) {
        let is_slow = took > self.target;
        if !is_slow && (items < self.size || took == self.target) {
            return;
        }
        let (target, took) = (self.target.as_nanos(), took.as_nanos().max(1));
        let share = (self.size as u128).saturating_mul(target);
        let size = if is_slow {
            to_usize(share / took).max(self.size.div_ceil(2))
        } else {
            // Rounded up, so that a size of 1 can grow. If a fetch has a high fixed cost, 1 item may take more than
            // half of the target although many items would fit into it.
            to_usize(share.div_ceil(took)).min(self.size.saturating_mul(2))
        };
        self.size = size.clamp(1, self.most);
    }
}

fn to_usize(number: u128) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
