//! What other threads change during a fetch.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::{self, JoinHandle};

use keywalk::{KeyRange, Order, Walk};

use crate::history::{Breach, Event, Flaw, Mutation, Oracle, Question};
use crate::lab::{Lab, Stop};
use crate::run::unexpected;
use crate::trial::{HarnessBreach, Trial};
use crate::watch::Doing;
use crate::{Harness, PrefetchedHarness};

mod churn;

use churn::Churn;

/// Walks go on until so much has happened (a call and a return are four moments), or so many times.
const MOMENTS: u64 = 4_000;
const MOST_TURNS: usize = 60;

/// Keys that stay, among others that come and go: none of them is missed, repeated or overshot, and
/// of the others none comes that certainly wasn't there. Each round another pair of writers works on
/// keys of its own, or on the same.
pub(super) fn keys_that_stay_are_found_beside_writers<H: Harness>(
    lab: &Lab<H>,
) -> Result<(), Stop> {
    rounds(lab, walk)
}

/// The same of prefetched walks, whose fetches run at any time.
pub(super) fn keys_that_stay_are_prefetched_beside_writers<H: PrefetchedHarness>(
    lab: &Lab<H>,
) -> Result<(), Stop> {
    rounds(lab, walk_ahead)
}

/// Walks in this order, by chunks of this size.
type Walks<H> =
    fn(&Lab<H>, &Trial<H>, Order, usize) -> Result<Walked<<H as Harness>::Key>, HarnessBreach<H>>;

fn rounds<H: Harness>(lab: &Lab<H>, walk: Walks<H>) -> Result<(), Stop> {
    lab.needs(|can| can.threads)?;
    let keys = lab.some_keys(48);
    for round in 0..lab.few() {
        lab.attempt(|trial| beside_writers(lab, trial, &keys, round, walk))?;
    }
    Ok(())
}

fn beside_writers<H: Harness>(
    lab: &Lab<H>,
    trial: &Trial<H>,
    keys: &[H::Key],
    round: u32,
    walk: Walks<H>,
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
            clock: trial.ledger().clock().clone(),
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
    let walked = walks(lab, trial, round, walk);
    stop.store(true, SeqCst);
    // A writer may wait for ever, for a lock.
    let join = || churns.into_iter().map(JoinHandle::join).collect::<Vec<_>>();
    let doing = Doing::Changing { has_walked: true };
    let mut changes = Vec::new();
    let mut failed = None;
    for joined in trial.beat().during(doing, join) {
        let Ok((mutations, error)) = joined else {
            return Err(Breach::new(Flaw::Panicked).got("a writer"));
        };
        trial.ledger().adopt(&mutations);
        changes.extend(mutations);
        failed = failed.or(error);
    }
    // With everything known, each question is judged.
    let judged = walked?
        .into_iter()
        .try_for_each(|walk| walk.judge(trial, &changes));
    match failed {
        Some(error) => Err(Breach::new(Flaw::Failed).got(format!("a writer: {error}"))),
        None => judged,
    }
}

/// A walk's questions, what it handed out, and why it stopped early.
struct Walked<K> {
    oracle: Oracle<K>,
    chunk_size: usize,
    questions: Vec<Question<K>>,
    keys: Vec<K>,
    failed: Option<Breach<K>>,
}

fn walks<H: Harness>(
    lab: &Lab<H>,
    trial: &Trial<H>,
    round: u32,
    walk: Walks<H>,
) -> Result<Vec<Walked<H::Key>>, HarnessBreach<H>> {
    let mut walked = Vec::new();
    let until = trial.ledger().clock().tick() + MOMENTS;
    for turn in 0..MOST_TURNS {
        if turn > 0 && trial.ledger().clock().tick() > until {
            break;
        }
        for order in lab.orders() {
            for chunk_size in [1, 2 + round as usize, 1_000] {
                walked.push(walk(lab, trial, *order, chunk_size)?);
                // On a machine with one core too, the writers have their turn.
                thread::yield_now();
            }
        }
    }
    Ok(walked)
}

fn oracle<H: Harness>(lab: &Lab<H>, trial: &Trial<H>, order: Order) -> Oracle<H::Key> {
    let oracle = Oracle::bounded(KeyRange::all(order));
    if lab.capabilities().snapshot.is_yes() {
        oracle.snapshot(trial.ledger().clock().tick())
    } else {
        oracle
    }
}

fn walk_ahead<H: PrefetchedHarness>(
    lab: &Lab<H>,
    trial: &Trial<H>,
    order: Order,
    chunk_size: usize,
) -> Result<Walked<H::Key>, HarnessBreach<H>> {
    let oracle = oracle(lab, trial, order);
    let reader = trial.source()?;
    let scribe = trial.scribe()?;
    let log = scribe.log();
    let walk = Walk::new(scribe).order(order).chunk_size(chunk_size);
    let mut items = walk.prefetch(1 + chunk_size % 3).items();
    let mut keys = Vec::new();
    let mut failed = None;
    while let Some(item) = trial.beat().during(Doing::Fetching, || items.next()) {
        match item {
            Ok(item) => keys.push(reader.entry(&item).0),
            Err(error) => failed = Some(unexpected(&error)),
        }
    }
    Ok(Walked {
        oracle,
        chunk_size,
        questions: log.from(0),
        keys,
        failed,
    })
}

fn walk<H: Harness>(
    lab: &Lab<H>,
    trial: &Trial<H>,
    order: Order,
    chunk_size: usize,
) -> Result<Walked<H::Key>, HarnessBreach<H>> {
    let oracle = oracle(lab, trial, order);
    let walk = Walk::new(trial.source()?);
    let mut items = walk.order(order).chunk_size(chunk_size).items();
    let mut keys = Vec::new();
    let mut failed = None;
    while let Some(item) = items.next() {
        match item {
            Ok(item) => keys.push(items.source().entry(&item).0),
            Err(error) => failed = Some(unexpected(&error)),
        }
    }
    Ok(Walked {
        oracle,
        chunk_size,
        questions: items.source().questions().to_vec(),
        keys,
        failed,
    })
}

impl<K: Ord + Clone + Debug + Send + 'static> Walked<K> {
    fn judge<H: Harness<Key = K>>(
        mut self,
        trial: &Trial<H>,
        changes: &[Mutation<K>],
    ) -> Result<(), Breach<K>> {
        let lives = trial.ledger().lives();
        for question in &self.questions {
            let observed = self.oracle.observe(question, &lives);
            observed
                .inspect_err(|breach| trial.ledger().tell_only(about(breach, question, changes)))?;
        }
        for key in &self.keys {
            self.oracle.hand_out(key)?;
        }
        match self.failed {
            Some(breach) => Err(breach),
            None => self.oracle.end(self.chunk_size, &lives),
        }
    }
}

/// What bears on a question, of all that happened: the last changes of the key that the breach is about,
/// and what was at the same time; then the question.
fn about<K: Ord + Clone + Debug>(
    breach: &Breach<K>,
    question: &Question<K>,
    changes: &[Mutation<K>],
) -> Vec<Event<K>> {
    const MOST: usize = 12;
    let is_of_key = |change: &&&Mutation<K>| Some(&change.key) == breach.flaw().key();
    let is_before = |change: &&&Mutation<K>| change.during.is_before(question.during);
    let is_after = |change: &&&Mutation<K>| question.during.is_before(change.during);
    let mut changes: Vec<&Mutation<K>> = changes.iter().collect();
    changes.sort_by_key(|change| change.during.from);
    let newest = changes.iter().rev().filter(is_of_key).filter(is_before);
    let mut told: Vec<&Mutation<K>> = newest.take(MOST).copied().collect();
    let meanwhile = changes
        .iter()
        .filter(|change| !is_before(change) && !is_after(change));
    // Those of the key first, so that they aren't left out.
    let (of_key, others): (Vec<&&Mutation<K>>, Vec<_>) =
        meanwhile.partition(|change| is_of_key(change));
    told.extend(of_key.into_iter().chain(others).take(MOST));
    told.sort_by_key(|change| change.during.from);
    let told = told.into_iter().cloned().map(Event::Mutation);
    told.chain([Event::Question(question.clone())]).collect()
}
