//! What other threads change during a fetch.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::{self, JoinHandle};

use keywalk::Walk;

use crate::history::{Breach, Change, Clock, Flaw, Mutation, Oracle};
use crate::lab::{Lab, Stop};
use crate::run::unexpected;
use crate::trial::{HarnessBreach, Trial};
use crate::watch::Doing;
use crate::{Harness, Writer};

/// So that a history stays small where a walk is slow.
const MOST_CHANGES: usize = 4_000;

/// Keys that stay, among others that come and go: none of them is missed, repeated or overshot, and
/// of the others none comes that certainly wasn't there. Each round another pair of writers works on
/// keys of its own, or on the same.
pub(super) fn keys_that_stay_are_found_beside_writers<H: Harness>(
    lab: &Lab<H>,
) -> Result<(), Stop> {
    lab.needs(|can| can.threads)?;
    let keys = lab.some_keys(48);
    for round in 0..lab.few() {
        lab.attempt(|trial| beside_writers(lab, trial, &keys, round))?;
    }
    Ok(())
}

fn beside_writers<H: Harness>(
    lab: &Lab<H>,
    trial: &Trial<H>,
    keys: &[H::Key],
    round: u32,
) -> Result<(), HarnessBreach<H>> {
    // Every third key stays.
    let share = |of: fn(usize) -> bool| {
        let mine = keys.iter().enumerate().filter(|(at, _)| of(at % 3));
        mine.map(|(_, key)| key.clone()).collect::<Vec<_>>()
    };
    trial.put_all(&share(|at| at == 0))?;
    // Two that put the same key replace it, whatever each knows.
    let replaces = lab.capabilities().replacement.is_yes();
    let shares = match replaces && round % 2 == 1 {
        true => [share(|at| at > 0), share(|at| at > 0)],
        false => [share(|at| at == 1), share(|at| at == 2)],
    };
    let stop = Arc::new(AtomicBool::new(false));
    let start = Arc::new(Barrier::new(shares.len() + 1));
    let mut churns = Vec::new();
    for (number, keys) in (1..).zip(shares) {
        let none = "threads are declared, and the harness has no writer";
        let writer = trial.harness()?.writer();
        let churn = Churn {
            writer: writer.ok_or_else(|| Breach::new(Flaw::Said(none)))?,
            keys,
            clock: trial.clock().clone(),
            value: number << 32,
            replaces,
            random: lab.seed() ^ (u64::from(round) << 8) ^ number,
        };
        let (stop, start) = (Arc::clone(&stop), Arc::clone(&start));
        churns.push(thread::spawn(move || {
            start.wait();
            churn.until(&stop)
        }));
    }
    start.wait();
    let walked = walks(lab, trial, round);
    stop.store(true, SeqCst);
    // A writer may wait for ever, for a lock.
    let joined = || churns.into_iter().try_for_each(|churn| adopt(trial, churn));
    let changed = trial
        .beat()
        .during(Doing::Changing { has_walked: true }, joined);
    let walked = walked?;
    changed?;
    // With everything known, each question is judged.
    walked.into_iter().try_for_each(|walk| walk.judge(trial))
}

/// A walk's questions, and what it handed out.
struct Walked<K> {
    oracle: Oracle<K>,
    chunk_size: usize,
    questions: Vec<crate::history::Question<K>>,
    keys: Vec<K>,
}

fn walks<H: Harness>(
    lab: &Lab<H>,
    trial: &Trial<H>,
    round: u32,
) -> Result<Vec<Walked<H::Key>>, HarnessBreach<H>> {
    let mut walked = Vec::new();
    for order in lab.orders() {
        for chunk_size in [1, 2 + round as usize, 1_000] {
            let range = keywalk::KeyRange::all(*order);
            let opened = trial.clock().tick();
            let walk = Walk::new(trial.source()?)
                .order(*order)
                .chunk_size(chunk_size);
            let mut items = walk.items();
            let mut keys = Vec::new();
            let mut failed = None;
            while let Some(item) = items.next() {
                match item {
                    Ok(item) => keys.push(items.source().entry(&item).0),
                    Err(error) => failed = Some(unexpected(&error)),
                }
            }
            let oracle = Oracle::bounded(range);
            let is_snapshot = lab.capabilities().snapshot.is_yes();
            walked.push(Walked {
                oracle: if is_snapshot {
                    oracle.snapshot(opened)
                } else {
                    oracle
                },
                chunk_size,
                questions: items.source().questions().to_vec(),
                keys,
            });
            if let Some(breach) = failed {
                return Err(breach);
            }
        }
    }
    Ok(walked)
}

impl<K: Ord + Clone + std::fmt::Debug + Send + 'static> Walked<K> {
    fn judge<H: Harness<Key = K>>(mut self, trial: &Trial<H>) -> Result<(), Breach<K>> {
        let lives = trial.lives();
        for question in &self.questions {
            self.oracle.observe(question, &lives)?;
        }
        for key in &self.keys {
            self.oracle.hand_out(key)?;
        }
        self.oracle.end(self.chunk_size, &lives)
    }
}

struct Churn<K> {
    writer: Box<dyn Writer<K>>,
    keys: Vec<K>,
    clock: Clock,
    /// The last one put: each writer has its own, and puts none twice.
    value: u64,
    /// Whether it puts keys that are there.
    replaces: bool,
    random: u64,
}

/// What a writer did, and why it stopped early.
type Changes<K> = (Vec<Mutation<K>>, Option<String>);

impl<K: Ord + Clone> Churn<K> {
    /// Puts and deletes its keys, now this one, now that one.
    fn until(mut self, stop: &AtomicBool) -> Changes<K> {
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

fn adopt<H: Harness>(
    trial: &Trial<H>,
    churn: JoinHandle<Changes<H::Key>>,
) -> Result<(), HarnessBreach<H>> {
    let Ok((mutations, failed)) = churn.join() else {
        return Err(Breach::new(Flaw::Panicked).got("a writer"));
    };
    trial.adopt(mutations);
    match failed {
        Some(error) => Err(Breach::new(Flaw::Failed).got(format!("a writer: {error}"))),
        None => Ok(()),
    }
}
