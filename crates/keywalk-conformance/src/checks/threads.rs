//! Checks with other threads that write or read during a fetch.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use keywalk::ChunkSource;

use crate::case::{Case, Tried};
use crate::clause::Clause;
use crate::harness::{Harness, PrefetchedHarness, Writer};
use crate::history::{Change, Clock, Event, FailureKind, Mutation, Request, Violation};
use crate::recorder::{Doing, Recorder, caught, lock, stopped};
use crate::run::{Plan, unexpected};
use crate::runner::{Checked, Runner, Stop, mixed};

/// A round ends after this many turns, or once this many fetches per case overlapped a write. In a turn, there are walks
/// of each order and of three chunk sizes.
const MOST_TURNS: u32 = 8;
const OVERLAPPED: usize = 4;

/// A writer stops after this many changes, which limits the history if a walk is slow.
const MOST_CHANGES: usize = 4_000;

const MOMENT: Duration = Duration::from_micros(20);

/// With fewer fetches that overlapped a write, the check has tested nothing.
const FEWEST: usize = 20;

/// A writer's n-th value is `n` in both halves, so that a value is detected whose halves are of different ones.
const HALVES: u64 = 0x1_0000_0001;

/// Walks over keys that stay, among keys that come and go. Each key that stays must come exactly once. No other key may
/// come while it is certainly absent. Each round has two new writers, which work on separate keys or on the same keys.
/// There are rounds until enough fetches overlapped a write.
pub(super) fn keys_that_stay_are_found_during_writes<H: Harness>(runner: &Runner<H>) -> Checked {
    runner.needs(|can| can.threads)?;
    let keys = runner.some_keys(48);
    let mut overlapped = 0;
    for round in 0..runner.few().max(2) {
        runner.attempt(|case| {
            overlapped += beside_writers(runner, case, &keys, round, &|writes| {
                walks(runner, case, round, writes)
            })?;
            Ok(())
        })?;
        if round > 0 && overlapped >= FEWEST {
            return Ok(());
        }
    }
    match overlapped {
        0..FEWEST => Err(Stop::Skipped(
            "too few fetches overlapped a write: run it while a second core is idle, or with more `KEYWALK_CASES`",
        )),
        _ => Ok(()),
    }
}

/// The walks of one round over keys that change concurrently. Returns how many of their fetches overlapped a write.
fn beside_writers<H: Harness>(
    runner: &Runner<H>,
    case: &Case<H>,
    keys: &[H::Key],
    round: u32,
    walks: &dyn Fn(&Writes) -> Walks<H>,
) -> Tried<H, usize> {
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
    let shares = Vec::from_iter(shares.into_iter().filter(|_| runner.can.threads.is_yes()));
    let writes = Arc::new(Writes::default());
    let start = Arc::new(Barrier::new(shares.len() + 1));
    let mut churns = Vec::new();
    for (number, keys) in (1..).zip(shares) {
        let none = "threads are declared, and the harness has no writer";
        let writer = case.harness()?.writer();
        let churn = Churn {
            writer: writer.ok_or_else(|| Violation::message(Clause::Harness, none))?,
            keys,
            clock: case.ledger.clock.clone(),
            value: number,
            replaces,
            random: runner.config.seed ^ (u64::from(round) << 8) ^ number,
        };
        let (writes, start) = (Arc::clone(&writes), Arc::clone(&start));
        churns.push(thread::spawn(move || {
            start.wait();
            churn.until_stopped(&writes)
        }));
    }
    start.wait();
    let walked = walks(&writes);
    writes.stop.store(true, SeqCst);
    // A writer may wait for a lock for ever.
    let join = || churns.into_iter().map(JoinHandle::join).collect::<Vec<_>>();
    let joined = case.beat.during(Doing::Changing, join);
    let walked = walked?;
    let (mut changes, mut failed) = (Vec::new(), None);
    for joined in joined {
        let Ok((mutations, error)) = joined else {
            return Err(Violation::new(FailureKind::Panicked).got("a writer"));
        };
        case.ledger.adopt(&mutations);
        changes.extend(mutations);
        failed = failed.or(error);
    }
    // All changes are known now, so each request can be judged.
    let judged = walked
        .into_iter()
        .try_for_each(|walk| walk.judge(case, &changes));
    if let Some(error) = failed {
        return Err(Violation::new(FailureKind::Failed).got(format!("a writer: {error}")));
    }
    judged?;
    Ok(writes.overlapped())
}

type Walks<H> = Tried<H, Vec<Walked<<H as Harness>::Key>>>;

/// A walk's requests, its items, and why it stopped early.
struct Walked<K> {
    plan: Plan<K>,
    opened: u64,
    requests: Vec<Request<K>>,
    entries: Vec<(K, u64)>,
    failed: Option<Violation<K>>,
}

fn walks<H: Harness>(runner: &Runner<H>, case: &Case<H>, round: u32, writes: &Writes) -> Walks<H> {
    let mut walked = Vec::new();
    let orders = runner.orders();
    for turn in 0..MOST_TURNS {
        for (order, chunk_size) in orders
            .iter()
            .flat_map(|order| [1, 2 + round as usize, 1_000].map(|size| (*order, size)))
        {
            let before = writes.overlapped();
            let plan = Plan::of_all(order, chunk_size);
            let walk = walk(plan, &mut case.source()?, writes);
            if turn == 0 || writes.overlapped() > before || walk.failed.is_some() {
                walked.push(walk);
            }
        }
        if writes.overlapped() >= OVERLAPPED * runner.config.cases as usize {
            break;
        }
    }
    Ok(walked)
}

/// Walks until the end, or until the plan's cut if it has one.
fn walk<S: ChunkSource<Key: Ord + Debug, Error: Debug>>(
    plan: Plan<S::Key>,
    source: &mut Recorder<S>,
    writes: &Writes,
) -> Walked<S::Key> {
    let (opened, log, mut entries) = (source.opened, source.log(), Vec::new());
    let before = log.len();
    // Interrupts a writer within a write, on a machine with one core too.
    thread::sleep(MOMENT);
    let taken = caught(|| {
        let mut items = plan.walk(source).items();
        while plan.cut == 0 || entries.len() < plan.cut {
            let next = match items.size_hint().0 {
                0 => writes.during(|| items.next()),
                _ => items.next(),
            };
            match next {
                Some(Ok(item)) => entries.push(items.source().entry(&item)),
                Some(Err(error)) => return Some(unexpected(&error)),
                None => break,
            }
        }
        None
    });
    let failed = taken.unwrap_or_else(|panic| Some(stopped(panic)));
    Walked {
        plan,
        opened,
        requests: log.from(before),
        entries,
        failed,
    }
}

/// Four sources at once, each on a thread, beside writers if there are any. The threads exchange their sources, and cut
/// every other walk.
pub(super) fn readers_in_threads_do_not_disturb_each_other<H: PrefetchedHarness>(
    runner: &Runner<H>,
) -> Checked {
    let keys = runner.some_keys(48);
    runner.attempt(|case| {
        beside_writers(runner, case, &keys, 0, &|writes| {
            readers(runner, case, writes)
        })
        .map(drop)
    })
}

fn readers<H: PrefetchedHarness>(runner: &Runner<H>, case: &Case<H>, writes: &Writes) -> Walks<H> {
    const READERS: usize = 4;
    const WALKS: usize = 6;
    let sources = (0..READERS).map(|_| Ok(Mutex::new(case.source()?)));
    let sources = sources.collect::<Tried<H, Vec<_>>>()?;
    let (start, orders) = (Barrier::new(READERS), runner.orders());
    let read = |reader: usize| {
        start.wait();
        let walk = |turn: usize| {
            let size = [1, 3, 1_000][turn % 3];
            let mut plan = Plan::of_all(orders[(reader + turn) % orders.len()], size);
            plan.cut = turn % 2 * (reader + turn);
            let mut source = lock(&sources[(reader + turn) % READERS]);
            walk(plan, &mut source, writes)
        };
        (0..WALKS).map(walk).collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let readers = (0..READERS).map(|reader| scope.spawn(move || read(reader)));
        let readers = readers
            .collect::<Vec<_>>()
            .into_iter()
            .map(|reader| reader.join());
        let walked = readers.collect::<thread::Result<Vec<_>>>();
        walked
            .map(|walked| walked.into_iter().flatten().collect())
            .map_err(stopped)
    })
}

impl<K: Ord + Clone + Debug + Send + 'static> Walked<K> {
    fn judge<H: Harness<Key = K>>(
        self,
        case: &Case<H>,
        changes: &[Mutation<K>],
    ) -> Result<(), Violation<K>> {
        let lives = case.ledger.lives.borrow();
        let mut oracle = self.plan.oracle();
        if H::capabilities().snapshot.is_yes() {
            oracle = oracle.snapshot(self.opened);
        }
        for request in &self.requests {
            let observed = oracle.observe(request, &lives);
            observed.inspect_err(|violation| {
                *lock(&case.ledger.timeline) = about(violation, request, changes);
            })?;
        }
        let mut entries = self.entries.iter();
        entries.try_for_each(|(key, _)| oracle.hand_out(key))?;
        match self.failed {
            Some(violation) => Err(violation),
            None if self.plan.cut > 0 => Ok(()),
            None => oracle.end(),
        }
    }
}

/// Returns the part of the history that matters for a request: the changes of the violation's key until its return, the
/// concurrent changes, and the request.
fn about<K: Ord + Clone + Debug>(
    violation: &Violation<K>,
    request: &Request<K>,
    changes: &[Mutation<K>],
) -> Vec<Event<K>> {
    const MOST: usize = 24;
    let matters = |change: &&Mutation<K>| {
        let is_of_key = Some(&change.key) == violation.kind().key();
        let is_later = request.during.is_before(change.during);
        !is_later && (is_of_key || !change.during.is_before(request.during))
    };
    let mut told = Vec::from_iter(changes.iter().filter(matters).cloned());
    told.sort_by_key(|change| change.during.from);
    let told = told.split_off(told.len().saturating_sub(MOST));
    let told = told.into_iter().map(Event::Mutation);
    told.chain([Event::Request(request.clone())]).collect()
}

/// What the writers do, and how many fetches overlapped it.
#[derive(Default)]
struct Writes {
    stop: AtomicBool,
    begun: AtomicUsize,
    done: AtomicUsize,
    fetched: AtomicUsize,
    overlapped: AtomicUsize,
}

impl Writes {
    /// Returns whether a writer that made `done` changes is far ahead of the fetches.
    fn is_ahead(&self, done: usize) -> bool {
        done > 50 + 4 * self.fetched.load(SeqCst) && !self.stop.load(SeqCst)
    }

    /// Calls `fetch`, and counts it if a write was in progress at the same time.
    fn during<T>(&self, fetch: impl FnOnce() -> T) -> T {
        let done = self.done.load(SeqCst);
        let fetched = fetch();
        self.fetched.fetch_add(1, SeqCst);
        let is_overlapped = self.begun.load(SeqCst) > done;
        self.overlapped
            .fetch_add(usize::from(is_overlapped), SeqCst);
        fetched
    }

    fn overlapped(&self) -> usize {
        self.overlapped.load(SeqCst)
    }
}

/// A writer that puts and deletes keys until it is stopped.
struct Churn<K> {
    writer: Box<dyn Writer<K>>,
    keys: Vec<K>,
    clock: Clock,
    /// The number of the last value that was put. Each writer has every other number, and puts each value once.
    value: u64,
    /// Whether it puts keys that exist.
    replaces: bool,
    random: u64,
}

/// What a writer did, and why it stopped early.
type Changes<K> = (Vec<Mutation<K>>, Option<String>);

impl<K: Ord + Clone> Churn<K> {
    /// Puts and deletes randomly chosen keys.
    fn until_stopped(mut self, writes: &Writes) -> Changes<K> {
        let mut done = Vec::new();
        let mut present = BTreeSet::new();
        while done.len() < MOST_CHANGES && !writes.stop.load(SeqCst) {
            let random = mixed(&mut self.random) as usize;
            let Some(key) = self.keys.get(random % self.keys.len().max(1)).cloned() else {
                break;
            };
            while writes.is_ahead(done.len()) {
                thread::sleep(MOMENT);
            }
            writes.begun.fetch_add(1, SeqCst);
            let is_there = present.contains(&key);
            let puts = !is_there || (self.replaces && random.is_multiple_of(5));
            let (change, (result, during)) = if puts {
                self.value += 2;
                let value = self.value * HALVES;
                present.insert(key.clone());
                let put = || self.writer.put(&key, value);
                (Change::Put(value), self.clock.time(put))
            } else {
                present.remove(&key);
                (Change::Delete, self.clock.time(|| self.writer.delete(&key)))
            };
            writes.done.fetch_add(1, SeqCst);
            done.push(Mutation {
                key,
                change,
                during: if result.is_ok() {
                    during
                } else {
                    during.failed()
                },
            });
            if let Err(error) = result {
                return (done, Some(error.to_string()));
            }
        }
        (done, None)
    }
}
