use crate::Violation;

/// Finds a walk that goes round in a circle where keys can't be ordered, and each step by itself
/// looks like progress: one earlier position is remembered, a later one after every power of two
/// steps (R. P. Brent, "An improved Monte Carlo factorization algorithm", BIT 20, 1980). O(1) a
/// chunk.
#[derive(Clone, Debug)]
pub(super) struct Landmark<K> {
    key: Option<K>,
    steps: usize,
    /// The number of steps after which a new landmark is taken.
    reach: usize,
}

impl<K> Default for Landmark<K> {
    fn default() -> Self {
        Landmark {
            key: None,
            steps: 0,
            reach: 1,
        }
    }
}

impl<K: Clone + PartialEq> Landmark<K> {
    pub(super) fn pass(&mut self, position: &K) -> Result<(), Violation> {
        if self.key.as_ref() == Some(position) {
            return Err(Violation::NoProgress);
        }
        self.steps += 1;
        if self.steps >= self.reach {
            self.key = Some(position.clone());
            self.steps = 0;
            self.reach = self.reach.saturating_mul(2);
        }
        Ok(())
    }
}
