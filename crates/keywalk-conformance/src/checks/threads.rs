//! Checks with other threads that write during a fetch.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};

use keywalk::Order;

use crate::case::{Case, Tried};
use crate::clause::Clause;
use crate::harness::{Harness, Writer};
use crate::history::{Change, Clock, Event, FailureKind, Mutation, Oracle, Request, Violation};
use crate::recorder::{Doing, lock};
use crate::run::{Here, Plan, Walks, taken, unexpected};
use crate::runner::{Checked, Runner};

/// Walks are repeated until `MOMENTS` moments have passed (a call takes four), or `MOST_TURNS` times.
const MOMENTS: u64 = 4_000;
const MOST_TURNS: usize = 60;

/// A writer stops after this many changes, which limits the history if a walk is slow.
const MOST_CHANGES: usize = 4_000;

/// Walks over keys that stay, among keys that come and go. Each key that stays must come exactly once. No other key may
/// come while it is certainly absent. Each round has two new writers, which work on separate keys or on the same keys.
pub(super) fn keys_that_stay_are_found_during_writes<H: Harness>(runner: &Runner<H>) -> Checked {
    runner.needs(|can| can.threads)?;
    let keys = runner.some_keys(48);
    (0..runner.few())
        .try_for_each(|round| runner.attempt(|case| beside_writers(runner, case, &keys, round)))
}

fn beside_writers<H: Harness>(
    runner: &Runner<H>,
    case: &Case<H>,
    keys: &[H::Key],
    round: u32,
) -> Tried<H> {
    // Every third key stays.
    let share = |of: fn(usize) -> bool| {
        let mine = keys.iter().enumerate().filter(|(at, _)| of(at % 3));
        mine.map(|(_, key)| key.clone()).collect::<Vec<_>>()
    };
    case.put_all(&share(|at| at == 0))?;
    // Writers that put the same key replace its value, although neither knows of the other.
    let replaces = runner.can.replacement.is_yes();
    let shares = match replaces && round % 2 == 1 {
        true => [share(|at| at > 0), share(|at| at > 0)],
        false => [share(|at| at == 1), share(|at| at == 2)],
    };
    let stop = Arc::new(AtomicBool::new(false));
    let start = Arc::new(Barrier::new(shares.len() + 1));
    let mut churns = Vec::new();
    for (number, keys) in (1..).zip(shares) {
        let none = "threads are declared, and the harness has no writer";
        let writer = case.harness()?.writer();
        let churn = Churn {
            writer: writer.ok_or_else(|| Violation::message(Clause::Harness, none))?,
            keys,
            clock: case.ledger.clock.clone(),
            value: number << 32,
            replaces,
            random: runner.config.seed ^ (u64::from(round) << 8) ^ number,
        };
        let (stop, start) = (Arc::clone(&stop), Arc::clone(&start));
        churns.push(thread::spawn(move || {
            start.wait();
            churn.until(&stop)
        }));
    }
    start.wait();
    let walked = walks(runner, case, round);
    stop.store(true, SeqCst);
    // A writer may wait for a lock for ever.
    let join = || churns.into_iter().map(JoinHandle::join).collect::<Vec<_>>();
    let (mut changes, mut failed) = (Vec::new(), None);
    for joined in case.beat.during(Doing::Changing, join) {
        let Ok((mutations, error)) = joined else {
            return Err(Violation::new(FailureKind::Panicked).got("a writer"));
        };
        case.ledger.adopt(&mutations);
        changes.extend(mutations);
        failed = failed.or(error);
    }
    // All changes are known now, so each request can be judged.
    let mut walked = walked?.into_iter();
    let judged = walked.try_for_each(|walk| walk.judge(case, &changes));
    match failed {
        Some(error) => Err(Violation::new(FailureKind::Failed).got(format!("a writer: {error}"))),
        None => judged,
    }
}

/// A walk's requests, its items, and why it stopped early.
struct Walked<K> {
    oracle: Oracle<K>,
    chunk_size: usize,
    requests: Vec<Request<K>>,
    entries: Vec<(K, u64)>,
    failed: Option<Violation<K>>,
}

fn walks<H: Harness>(
    runner: &Runner<H>,
    case: &Case<H>,
    round: u32,
) -> Tried<H, Vec<Walked<H::Key>>> {
    let mut walked = Vec::new();
    let until = case.ledger.clock.tick() + MOMENTS;
    for turn in 0..MOST_TURNS {
        if turn > 0 && case.ledger.clock.tick() > until {
            break;
        }
        for order in runner.orders() {
            for chunk_size in [1, 2 + round as usize, 1_000] {
                walked.push(walk(runner, case, *order, chunk_size)?);
                // Lets the writers run on a machine with one core too.
                thread::yield_now();
            }
        }
    }
    Ok(walked)
}

fn walk<H: Harness>(
    runner: &Runner<H>,
    case: &Case<H>,
    order: Order,
    chunk_size: usize,
) -> Tried<H, Walked<H::Key>> {
    let plan = Plan::of_all(order, chunk_size);
    let oracle = plan.oracle();
    let oracle = match runner.can.snapshot.is_yes() {
        true => oracle.snapshot(case.ledger.clock.tick()),
        false => oracle,
    };
    let (source, reader) = (case.source()?, case.source()?);
    let log = source.log();
    let (entries, error) = taken::<H>(&mut *Here::items(plan.walk(source)), &reader);
    Ok(Walked {
        oracle,
        chunk_size,
        requests: log.from(0),
        entries,
        failed: error.map(|error| unexpected(&error)),
    })
}

impl<K: Ord + Clone + Debug + Send + 'static> Walked<K> {
    fn judge<H: Harness<Key = K>>(
        mut self,
        case: &Case<H>,
        changes: &[Mutation<K>],
    ) -> Result<(), Violation<K>> {
        let lives = case.ledger.lives.borrow();
        for request in &self.requests {
            let observed = self.oracle.observe(request, &lives);
            observed.inspect_err(|violation| {
                *lock(&case.ledger.timeline) = about(violation, request, changes);
            })?;
        }
        let mut entries = self.entries.iter();
        entries.try_for_each(|(key, _)| self.oracle.hand_out(key))?;
        match self.failed {
            Some(violation) => Err(violation),
            None => self.oracle.end(self.chunk_size, &lives),
        }
    }
}

/// Returns the part of the history that matters for a request: the last changes of the violation's key, the concurrent
/// changes, and the request.
fn about<K: Ord + Clone + Debug>(
    violation: &Violation<K>,
    request: &Request<K>,
    changes: &[Mutation<K>],
) -> Vec<Event<K>> {
    const MOST: usize = 12;
    let is_of_key = |change: &Mutation<K>| Some(&change.key) == violation.kind().key();
    let mut changes = Vec::from_iter(changes);
    changes.sort_by_key(|change| change.during.from);
    changes.retain(|change| !request.during.is_before(change.during));
    let (before, overlapping): (Vec<&Mutation<K>>, Vec<_>) = changes
        .into_iter()
        .partition(|change| change.during.is_before(request.during));
    let newest = before.into_iter().rev().filter(|change| is_of_key(change));
    let mut told = Vec::from_iter(newest.take(MOST));
    // Changes of the key come first, so that they aren't left out.
    let (of_key, others): (Vec<_>, Vec<_>) = overlapping.into_iter().partition(|c| is_of_key(c));
    told.extend(of_key.into_iter().chain(others).take(MOST));
    told.sort_by_key(|change| change.during.from);
    let told = told.into_iter().cloned().map(Event::Mutation);
    told.chain([Event::Request(request.clone())]).collect()
}

/// A writer that puts and deletes keys until it is stopped.
struct Churn<K> {
    writer: Box<dyn Writer<K>>,
    keys: Vec<K>,
    clock: Clock,
    /// The last value that was put. Each writer has its own values, and puts each once.
    value: u64,
    /// Whether it puts keys that exist.
    replaces: bool,
    random: u64,
}

/// What a writer did, and why it stopped early.
type Changes<K> = (Vec<Mutation<K>>, Option<String>);

impl<K: Ord + Clone> Churn<K> {
    /// Puts and deletes randomly chosen keys.
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
            done.push(Mutation {
                key,
                change,
                during: match result {
                    Ok(()) => during,
                    Err(_) => during.failed(),
                },
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
