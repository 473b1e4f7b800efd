use core::time::Duration;

/// How many items to fetch next, so that a fetch takes about so long.
///
/// It takes the time for proportional to the number. From one fetch to the next the number is at most
/// doubled and at most halved, so that a single slow fetch costs a few; and it grows only if as many
/// items came as were asked for: stretches that hold little tell nothing of what many items take.
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

    /// How many items to fetch: at least 1.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// A fetch of [`size`](Self::size) items brought so many, and took so long.
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
            // Up: where a fetch itself costs much, so that 1 item takes almost as long as 2.
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
