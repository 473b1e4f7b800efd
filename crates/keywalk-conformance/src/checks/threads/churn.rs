use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use crate::Writer;
use crate::history::{Change, Clock, Mutation};

/// So that a history stays small where a walk is slow.
const MOST_CHANGES: usize = 4_000;

/// Puts and deletes keys, until it is told to stop.
pub(super) struct Churn<K> {
    pub(super) writer: Box<dyn Writer<K>>,
    pub(super) keys: Vec<K>,
    pub(super) clock: Clock,
    /// The last one put: each writer has its own, and puts none twice.
    pub(super) value: u64,
    /// Whether it puts keys that are there.
    pub(super) replaces: bool,
    pub(super) random: u64,
}

/// What a writer did, and why it stopped early.
pub(super) type Changes<K> = (Vec<Mutation<K>>, Option<String>);

impl<K: Ord + Clone> Churn<K> {
    /// Puts and deletes its keys, now this one, now that one.
    pub(super) fn until(mut self, stop: &AtomicBool) -> Changes<K> {
        let mut done = Vec::new();
        let mut present = BTreeSet::new();
        while done.len() < MOST_CHANGES && !stop.load(SeqCst) {
            let random = self.next();
            let Some(key) = self.keys.get(random % self.keys.len().max(1)).cloned() else {
                break;
            };
            let is_there = present.contains(&key);
            let puts = !is_there || (self.replaces && random.is_multiple_of(5));
            let (change, (result, during)) = if puts {
                self.value += 1;
                present.insert(key.clone());
                let put = || self.writer.put(&key, self.value);
                (Change::Put(self.value), self.clock.time(put))
            } else {
                present.remove(&key);
                (Change::Delete, self.clock.time(|| self.writer.delete(&key)))
            };
            let during = if result.is_ok() {
                during
            } else {
                during.failed()
            };
            done.push(Mutation {
                key,
                change,
                during,
            });
            if let Err(error) = result {
                return (done, Some(error.to_string()));
            }
        }
        (done, None)
    }

    /// G. Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8 (14), 2003.
    fn next(&mut self) -> usize {
        self.random |= 1;
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 16) as usize
    }
}
