use std::thread;
use std::time::Duration;

use keywalk_conformance::history::{Clock, Mutation};

use crate::plan::{QUEUE, pool_key};
use crate::store::{Step, Store};
use crate::trouble::BoxError;
use keywalk_examples::Random;

/// What a writer does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trade {
    Inserts,
    Deletes,
    Updates,
    /// Appends at one end, and deletes from the other.
    Queues,
}

/// A writer. It draws its steps at random, and no value twice.
pub(crate) struct Churn {
    pub(crate) trade: Trade,
    pub(crate) random: Random,
    pub(crate) clock: Clock,
    /// The last value that it put; each writer has its own.
    pub(crate) value: u64,
    /// The queue's keys, from the first to after the last.
    pub(crate) queue: (i64, i64),
}

/// So long is the queue.
const QUEUE_LEN: i64 = 150;

impl Churn {
    /// Writes until told to stop, with a short rest after each transaction.
    pub(crate) fn write<S: Store>(
        mut self,
        store: &S,
        go_on: impl Fn() -> bool,
    ) -> Result<Vec<Mutation<i64>>, BoxError> {
        let mut connection = store.connect()?;
        let mut done = Vec::new();
        while go_on() {
            let steps = self.steps();
            if self.random.one_in(8) && !matches!(self.trade, Trade::Queues) {
                store.change_and_roll_back(&mut connection, &steps)?;
            } else {
                let change = || store.change(&mut connection, &steps);
                let (changed, during) = self.clock.time(change);
                let mutation = |(key, change)| Mutation {
                    key,
                    change,
                    during,
                };
                done.extend(changed?.into_iter().map(mutation));
            }
            thread::sleep(Duration::from_micros(self.random.below(1_500)));
        }
        Ok(done)
    }

    fn value(&mut self) -> u64 {
        self.value += 1;
        self.value
    }

    /// Several now and then.
    fn steps(&mut self) -> Vec<Step> {
        let most = self.random.pick([1, 1, 1, 1, 3, 30]);
        let mut steps: Vec<Step> = Vec::new();
        match self.trade {
            Trade::Inserts | Trade::Deletes | Trade::Updates => {
                let mut keys: Vec<i64> = (0..most).map(|_| pool_key(&mut self.random)).collect();
                keys.sort_unstable();
                keys.dedup();
                for key in keys {
                    let value = self.value();
                    steps.push(match self.trade {
                        Trade::Inserts => Step::Insert(key, value),
                        Trade::Deletes => Step::Delete(key),
                        _ => Step::Update(key, value),
                    });
                }
                // Alone: what it does isn't known before.
                let key = pool_key(&mut self.random);
                match (self.trade, self.random.below(12)) {
                    (Trade::Deletes, 0) if key < i64::MAX - 40 => {
                        steps = vec![Step::DeleteAll(key, key + 20)];
                    }
                    (Trade::Updates, 0..4) if key < i64::MAX - 40 => {
                        steps = vec![Step::Move(key, key + 20, self.value())];
                    }
                    (Trade::Inserts, 0..4) => steps = vec![Step::Put(key, self.value())],
                    _ => {}
                }
            }
            Trade::Queues => {
                let (first, end) = self.queue;
                if end - first > QUEUE_LEN {
                    let last = first + self.random.below(40) as i64;
                    steps.push(Step::DeleteAll(first, last));
                    self.queue.0 = last + 1;
                } else {
                    let new_end = end + most;
                    for key in end..new_end {
                        steps.push(Step::Put(key, self.value()));
                    }
                    self.queue.1 = new_end;
                }
            }
        }
        steps
    }
}

/// The queue of what a store holds.
pub(crate) fn queue(content: &[(i64, u64)]) -> (i64, i64) {
    let mut keys = content.iter().map(|(key, _)| *key);
    let first = keys.find(|key| *key >= QUEUE && *key < i64::MAX);
    let last = keys.rfind(|key| *key < i64::MAX);
    match (first, last) {
        (Some(first), last) => (first, last.unwrap_or(first) + 1),
        _ => (QUEUE, QUEUE),
    }
}
