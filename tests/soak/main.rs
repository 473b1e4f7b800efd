//! A soak test: walks SQLite for hours while everything goes wrong, and judges every walk.
//!
//! `cargo run --release --bin soak -- --seconds 600` walks one database with a WAL, and one with a rollback journal and
//! a filter, in both orders. Meanwhile it runs writers, locks, interrupts, closures that fail and panic, and a process
//! that is killed while it writes. All of it is recorded. After each round it is judged by what a walk promises (G1 to
//! G15), then discarded.

#![forbid(unsafe_code)]

mod database;

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fmt::Display;
use std::iter::successors;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::{Command, ExitCode, exit};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use keywalk::{ChunkSource, Chunks, Error, Fetched, KeyRange, LastKey, Order, Walk};
use keywalk_conformance::Clause;
use keywalk_conformance::history::{
    Change, Clock, KeyHistory, Mutation, Oracle, Request, Response, Span, Violation,
};
use keywalk_job::Stop;
use keywalk_tests::peak_memory::PeakMemory;
use keywalk_tests::program::{BoxError, log_line, print_line, run, stop_on_interrupt};
use keywalk_tests::random::Random;
use rusqlite::TransactionBehavior::{Exclusive, Immediate};
use rusqlite::{Connection, ErrorCode, InterruptHandle};

use database::{Database, Fault, Step};

/// Walks SQLite with concurrent writers, faults and a process that is killed, and judges every walk. The last line is
/// for scripts; the exit code is 1 if a walk broke its contract.
#[derive(Parser)]
#[command(name = "soak")]
struct Args {
    /// Duration in seconds
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// Random seed; the interleaving of threads isn't seeded
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Folder for the databases, which go into a new folder in it; default: the temporary folder
    #[arg(long = "db", value_name = "DIR")]
    folder: Option<PathBuf>,
    // For the process that is killed: it writes to this file.
    #[arg(long, hide = true)]
    victim: Option<PathBuf>,
}

/// The work so far, and its results.
#[derive(Default)]
struct Counts {
    walks: u64,
    items: u64,
    changes: u64,
    faults: BTreeMap<Fault, u64>,
    violations: Vec<String>,
}

fn main() -> ExitCode {
    run(|args: Args| match &args.victim {
        Some(file) => write_until_killed(&Database::at(file.clone())),
        None => soak(&args),
    })
}

/// Walks both databases, round by round, until the time is over, and judges all walks.
fn soak(args: &Args) -> Result<(), BoxError> {
    let seed = args.seed.unwrap_or_else(Random::any_seed);
    log_line(format_args!("soak: seed {seed}"));
    let mut random = Random::new(seed);
    let stop = stop_on_interrupt()?;
    let folder = tempfile::tempdir_in(args.folder.clone().unwrap_or_else(std::env::temp_dir))?;
    let databases = ["wal.db", "rollback.db"].map(|name| Database::at(folder.path().join(name)));
    for database in &databases {
        database.make()?;
    }
    let (memory, time) = (PeakMemory::start()?, Duration::from_secs(args.seconds));
    thread::spawn(move || {
        // A round that takes this much longer hangs: an endless walk, or a lock that is held.
        thread::sleep(time + Duration::from_secs(120));
        log_line("soak: a round doesn't end");
        exit(1);
    });
    let (start, mut counts, mut rounds) = (Instant::now(), Counts::default(), 0);
    while start.elapsed() < time && !stop.is_requested() && counts.violations.len() < 5 {
        rounds += 1;
        for database in &databases {
            round(database, rounds, &mut random, &stop, &mut counts)?;
        }
    }
    for violation in &counts.violations {
        print_line(format_args!("violation: {violation}\n"))?;
    }
    let (changes, mib) = (counts.changes, memory.added()? >> 20);
    let (walks, items, violations) = (counts.walks, counts.items, counts.violations.len());
    let faults: u64 = counts.faults.values().sum();
    print_line(format_args!(
        "beside {changes} changes, in {rounds} rounds, with {mib} MiB at most\nfaults: {:?}\n\
         soak: {walks} walks, {items} items, {faults} faults, {violations} violations",
        counts.faults
    ))?;
    match violations {
        0 => Ok(()),
        _ => Err(format!("{violations} violations").into()),
    }
}

const PANICKED: &str = "a thread panicked";

type Changes = Vec<Mutation<i64>>;

/// Runs one round and judges all its walks. Adds the violations to `counts`.
fn round(
    database: &Database,
    number: u64,
    random: &mut Random,
    stop: &Stop,
    counts: &mut Counts,
) -> Result<(), BoxError> {
    let (db, clock, start) = (database.connect()?, Clock::default(), Instant::now());
    // The duration of the round; then it is judged and discarded.
    let goes_on = || start.elapsed() < Duration::from_millis(500) && !stop.is_requested();
    // The initial contents count as put before the round.
    let during = Span::at(clock.tick());
    let puts = database.content(&db)?.into_iter();
    let puts = puts.map(|(key, value)| (key, Change::Put(value))).collect();
    let mut changes: Changes = happened(puts, during).collect();
    let readers = [database.connect()?, database.connect()?];
    let interrupts = readers.each_ref().map(|db| db.get_interrupt_handle());

    let walks = thread::scope(|scope| -> Result<Vec<Walked>, BoxError> {
        let (clock, goes_on) = (&clock, &goes_on);
        let walkers = readers.map(|db| {
            let mut random = random.fork();
            scope.spawn(move || {
                let mut walks = Vec::new();
                while goes_on() {
                    walks.push(walk(database, &db, clock, &mut random)?);
                }
                Ok::<_, rusqlite::Error>(walks)
            })
        });
        let writers = [1, 2, 3].map(|writer: u64| {
            let (random, interrupts) = (random.fork(), &interrupts);
            let (value, is_queue) = ((number << 32) | (writer << 24), writer == 3);
            let write = move || {
                write(
                    database, clock, random, value, is_queue, interrupts, goes_on,
                )
            };
            scope.spawn(write)
        });
        let (killed, kills) = kill(database, clock, random, goes_on)?;
        changes.extend(killed);
        *counts.faults.entry(Fault::Kill).or_default() += kills;
        for writer in writers {
            changes.extend(writer.join().map_err(|_| PANICKED)??);
        }
        let mut walks = Vec::new();
        for walker in walkers {
            walks.extend(walker.join().map_err(|_| PANICKED)??);
        }
        Ok(walks)
    })?;

    let mut lives = KeyHistory::default();
    for change in &changes {
        lives.record(change.clone());
    }
    counts.changes += changes.len() as u64;
    // If a change isn't in the database at the end, no walk is to blame.
    let content = database.content(&db)?;
    let (all, now) = (KeyRange::all(Order::Ascending), Span::at(clock.tick()));
    let read = Request::fetch(all, usize::MAX, content.clone(), Fetched::End, now);
    let observed = Oracle::unbounded(all).observe(&read, &lives);
    observed.map_err(|violation| told(&violation, &read, &changes))?;
    let mut broken = Vec::new();
    for walked in walks {
        broken.extend(walked.judge(&lives, &changes, counts).err());
    }
    for order in [Order::Ascending, Order::Descending] {
        broken.extend(walk_alone(database, order, &content)?);
    }
    let name = database.file.display();
    let broken = broken.iter().map(|what| format!("{name}: {what}"));
    counts.violations.extend(broken);
    Ok(())
}

/// Checks that a walk without concurrent changes yields the contents, and holds nothing between two fetches.
fn walk_alone(
    database: &Database,
    order: Order,
    content: &[(i64, u64)],
) -> Result<Option<String>, BoxError> {
    let (db, other) = (database.connect()?, database.connect()?);
    other.busy_timeout(Duration::ZERO)?;
    let source = database.source(&db, Random::new(0), None)?;
    let mut items = Walk::new(source).order(order).chunk_size(7).items();
    let first = items.next();
    if let Err(error) = database.with_exclusive_access(&other) {
        return Ok(Some(message(Clause::G14, error)));
    }
    let walked: Vec<_> = first.into_iter().chain(items).collect::<Result<_, _>>()?;
    let is_right = match order {
        Order::Ascending => walked.iter().eq(content),
        Order::Descending => walked.iter().rev().eq(content),
    };
    let what = format!(
        "{} items came of {}, or others",
        walked.len(),
        content.len()
    );
    Ok((!is_right).then(|| message(Clause::G7, what)))
}

/// Writes, with a short pause after each transaction. Some transactions are rolled back, some lock the database for a
/// moment, and sometimes a reader is interrupted. Values are unique, from `value` on.
fn write(
    database: &Database,
    clock: &Clock,
    mut random: Random,
    mut value: u64,
    is_queue: bool,
    interrupts: &[InterruptHandle],
    goes_on: impl Fn() -> bool,
) -> rusqlite::Result<Changes> {
    let mut db = database.connect()?;
    let mut changes = Vec::new();
    while goes_on() {
        let steps = steps(&mut random, &mut value, is_queue);
        let (is_kept, is_long) = (!random.one_in(8), random.one_in(30));
        let behavior = if is_long { Exclusive } else { Immediate };
        let (changed, during) = clock.time(|| {
            let (transaction, changed) = database.begin(&mut db, behavior, &steps)?;
            if is_long {
                thread::sleep(Duration::from_micros(random.below(8_000)));
            }
            match is_kept {
                true => transaction.commit().map(|()| changed),
                false => transaction.rollback().map(|()| Vec::new()),
            }
        });
        changes.extend(happened(changed?, during));
        let interrupted = interrupts.iter().filter(|_| random.one_in(12));
        interrupted.for_each(InterruptHandle::interrupt);
        thread::sleep(Duration::from_micros(random.below(1_500)));
    }
    Ok(changes)
}

/// Puts and deletes keys of the pool; some steps move a row or delete several. A queue is appended to at one end, where
/// a value is its own key, and deleted from at the other.
fn steps(random: &mut Random, value: &mut u64, is_queue: bool) -> Vec<Step> {
    let key = random.below(600) as i64;
    *value += 1;
    match random.below(12) {
        0..3 if is_queue => return vec![Step::Delete(QUEUE, value.cast_signed() - 100)],
        0 => return vec![Step::Delete(key, key + 20)],
        1 | 2 => return vec![Step::Delete(key, key), Step::Put(key + 20, *value)],
        _ => {}
    }
    let mut steps = BTreeMap::new();
    for _ in 0..random.pick([1, 1, 1, 1, 3, 30]) {
        *value += 1;
        let key = match is_queue {
            true => value.cast_signed(),
            false => pool_key(random),
        };
        let step = match is_queue || random.one_in(2) {
            true => Step::Put(key, *value),
            false => Step::Delete(key, key),
        };
        steps.insert(key, step);
    }
    steps.into_values().collect()
}

fn happened(changed: Vec<(i64, Change)>, during: Span) -> impl Iterator<Item = Mutation<i64>> {
    changed.into_iter().map(move |(key, change)| Mutation {
        key,
        change,
        during,
    })
}

/// Returns what a process that is killed writes in its transaction of this number.
fn puts(number: i32) -> Vec<(i64, u64)> {
    let mut random = Random::new(number.unsigned_abs().into());
    let value = (1 << 62) | (u64::from(number.unsigned_abs()) << 8);
    let values = value..value + random.pick([1, 5, 60]);
    values.map(|value| (pool_key(&mut random), value)).collect()
}

/// The pragma that holds the number of the last committed transaction of such a process.
const NUMBER: &str = "user_version";

/// The work of a process that is killed. It ends by itself if nobody kills it.
fn write_until_killed(database: &Database) -> Result<(), BoxError> {
    let mut db = database.connect()?;
    let first: i32 = db.pragma_query_value(None, NUMBER, |row| row.get(0))?;
    for number in first + 1..first + 1_000 {
        let puts = puts(number).into_iter();
        let steps: Vec<Step> = puts.map(|(key, value)| Step::Put(key, value)).collect();
        let (transaction, _) = database.begin(&mut db, Immediate, &steps)?;
        transaction.pragma_update(None, NUMBER, number)?;
        transaction.commit()?;
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Starts processes one after another, and kills each at a random moment. Returns what they wrote, and their number.
fn kill(
    database: &Database,
    clock: &Clock,
    random: &mut Random,
    goes_on: impl Fn() -> bool,
) -> Result<(Changes, u64), BoxError> {
    let db = database.connect()?;
    let number = || db.pragma_query_value(None, NUMBER, |row| row.get::<_, i32>(0));
    let (mut changes, mut kills) = (Vec::new(), 0);
    while goes_on() {
        let (first, from) = (number()?, clock.tick());
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--victim".as_ref(), database.file.as_os_str()])
            .spawn()?;
        thread::sleep(Duration::from_micros(random.below(25_000)));
        child.kill()?;
        child.wait()?;
        kills += 1;
        // The process is dead: what is committed now stays, and the rest never will be.
        let (last, to) = (number()?, clock.tick());
        for (key, value) in (first + 1..=last).flat_map(puts) {
            changes.extend(happened(vec![(key, Change::Put(value))], Span { from, to }));
        }
    }
    Ok((changes, kills))
}

/// The pool of keys that come and go; the keys of the queue are above. Both ends of the key type are included.
fn pool_key(random: &mut Random) -> i64 {
    match random.below(60) {
        0 => i64::MIN,
        1 => i64::MAX,
        _ => random.below(1_200) as i64 - 600,
    }
}

/// The first key of the queue.
const QUEUE: i64 = 10_000;

/// Draws the bounds of a walk. Some are empty or inverted.
fn any_range(random: &mut Random) -> KeyRange<i64> {
    let [lower, upper] = [(); 2].map(|()| {
        let key = random.pick([-300, -5, 0, 20, 300, i64::MIN, i64::MAX, QUEUE]);
        let (included, excluded) = (Bound::Included(key), Bound::Excluded(key));
        random.pick([Bound::Unbounded, Bound::Unbounded, included, excluded])
    });
    let order = random.pick([Order::Ascending, Order::Descending]);
    KeyRange::new((lower, upper), order)
}

/// Everything that a walk fetched.
struct Walked {
    range: KeyRange<i64>,
    live: bool,
    parts: Vec<Part>,
    faults: Vec<Fault>,
    broken: Option<String>,
}

/// A part of a walk, from its start to its end or to where it was dropped.
#[derive(Default)]
struct Part {
    /// The size of its chunks.
    size: usize,
    requests: Vec<Request<i64>>,
}

/// Walks in as many parts as necessary: the walk is dropped and resumed, or resumed after a fault.
fn walk(
    database: &Database,
    db: &Connection,
    clock: &Clock,
    random: &mut Random,
) -> rusqlite::Result<Walked> {
    // With a WAL, connections needn't wait for one another.
    if !database.wal {
        db.busy_timeout(Duration::from_millis(random.pick([0, 1, 5, 20])))?;
    }
    let (range, live) = (any_range(random), random.one_in(4));
    let rarity = random.one_in(3).then(|| 300 + random.below(3_000));
    let mut drop_at = random.one_in(3).then(|| random.below(60) as usize);
    let mut walked = Walked {
        range,
        live,
        parts: Vec::new(),
        faults: Vec::new(),
        broken: None,
    };
    let mut cursor = None;
    // Set until the walk's end is known: since when, and for which keys.
    let mut since = (!live).then(|| (clock.tick(), range));
    loop {
        let mut part = Part::default();
        let left = match database.source(db, random.fork(), rarity) {
            Err(error) => fault_of(&error, database.wal).map(Some),
            Ok(source) => {
                part.size = random.pick([1, 2, 3, 7, 16, 64, 200, 512, usize::MAX]);
                let mut walk = Walk::new(source).chunk_size(part.size);
                // The cursor may repeat what it knows.
                if cursor.is_none() || random.one_in(2) {
                    walk = walk.range(range).order(range.order());
                    if live {
                        walk = walk.unbounded();
                    }
                }
                if let Some(cursor) = cursor {
                    walk = walk.resume(cursor);
                }
                let mut chunks = walk.chunks();
                let left = part.pull(&mut chunks, clock, database.wal, drop_at.take(), &mut since);
                cursor = Some(chunks.cursor());
                left
            }
        };
        walked.parts.push(part);
        match left {
            Ok(Some(fault)) => walked.faults.push(fault),
            // An unbounded walk that ended may continue with what was appended.
            Ok(None) if live && random.one_in(2) => {}
            end => {
                walked.broken = end.err();
                return Ok(walked);
            }
        }
    }
}

impl Part {
    /// Continues to the end (`None`), to an error, or to where the walk must be dropped. `since` is set for a walk
    /// whose end isn't known yet.
    fn pull<S: ChunkSource<Key = i64, Item = (i64, u64), Error = keywalk_sqlite::Error>>(
        &mut self,
        chunks: &mut Chunks<S>,
        clock: &Clock,
        is_wal: bool,
        drop_at: Option<usize>,
        since: &mut Option<(u64, KeyRange<i64>)>,
    ) -> Result<Option<Fault>, String> {
        let mut before = clock.tick();
        loop {
            if drop_at == Some(self.requests.len()) {
                return Ok(Some(Fault::Drop));
            }
            let mut range = *chunks.cursor().range();
            let next = || chunks.next().map(|items| items.map(|items| items.to_vec()));
            let (next, during) = clock.time(|| catch_unwind(AssertUnwindSafe(next)));
            let (items, left) = match next {
                Ok(Ok(Some(items))) => (items, None),
                Ok(Ok(None)) => (Vec::new(), Some(is_fused(chunks).map(|()| None))),
                Ok(Err(Error::Source(error))) => {
                    let fault = is_fused(chunks).and_then(|()| fault_of(&error, is_wal));
                    (Vec::new(), Some(fault.map(Some)))
                }
                Ok(Err(error)) => return Err(message(Clause::G15, error)),
                Err(panic) if panic.is::<Fault>() => (Vec::new(), Some(Ok(Some(Fault::Panic)))),
                Err(_) => return Err(message(Clause::G11, "it panicked")),
            };
            let now = *chunks.cursor().range();
            let has_ended = matches!(left, Some(Ok(None)));
            let moved_to = match now.start() {
                Bound::Excluded(to) if now.start() != range.start() => Some(*to),
                _ => None,
            };
            let is_answered = left.is_none() || has_ended || moved_to.is_some();
            // A walk requests its last key before its first chunk, and again if that failed.
            if let Some((from, whole)) = since.take_if(|_| is_answered) {
                range = whole;
                let last = match now.end() {
                    Bound::Included(last) if !has_ended || now.end() != range.end() => {
                        LastKey::Known(*last)
                    }
                    _ if has_ended => LastKey::Empty,
                    _ => LastKey::Unknown,
                };
                let to = during.to;
                let request = Request::last_key(range, last, Span { from, to });
                self.requests.push(request);
                if let LastKey::Known(last) = last {
                    range.end_including(last);
                }
            }
            let mut tell = |range, items, fetched, during| {
                let request = Request::fetch(range, self.size, items, fetched, during);
                self.requests.push(request);
            };
            let last = items.last().map(|(key, _)| *key);
            match moved_to {
                Some(to) if last != Some(to) => {
                    tell(range, items, Fetched::ScannedTo(to), during);
                }
                _ if left.is_none() => tell(range, items, Fetched::More, during),
                _ => {}
            }
            // The end may be known since the previous chunk.
            let from = std::mem::replace(&mut before, during.from);
            if has_ended {
                range = moved_to.map_or(range, |_| now);
                tell(range, Vec::new(), Fetched::End, Span { from, ..during });
            }
            if let Some(left) = left {
                return left;
            }
        }
    }
}

/// Checks that nothing comes after the end or after an error.
fn is_fused<S: ChunkSource>(chunks: &mut Chunks<S>) -> Result<(), String> {
    match (0..2).all(|_| matches!(chunks.next(), Ok(None))) {
        true => Ok(()),
        false => Err(message(Clause::G12, "it goes on after its end")),
    }
}

/// Returns the fault that caused the error; any other error breaks the contract.
fn fault_of(error: &keywalk_sqlite::Error, is_wal: bool) -> Result<Fault, String> {
    match error.sqlite_error().and_then(|why| why.sqlite_error_code()) {
        Some(ErrorCode::DatabaseBusy) if !is_wal => {
            // An immediate retry would only keep the other threads busy.
            thread::sleep(Duration::from_millis(1));
            return Ok(Fault::Busy);
        }
        Some(ErrorCode::OperationInterrupted) => return Ok(Fault::Interrupt),
        _ => {}
    }
    let mut causes = successors(error.source(), |&cause| cause.source());
    let made = causes.find_map(|cause| match cause.downcast_ref() {
        Some(fault) => Some(*fault),
        // If a virtual table is interrupted while it is declared, only the message shows it.
        None => (cause.to_string() == "interrupted").then_some(Fault::Interrupt),
    });
    made.ok_or_else(|| message(Clause::G11, format!("nothing was made to fail: {error:?}")))
}

impl Walked {
    /// Judges the part by all concurrent changes.
    fn judge(
        self,
        lives: &KeyHistory<i64>,
        changes: &[Mutation<i64>],
        counts: &mut Counts,
    ) -> Result<(), String> {
        counts.walks += 1;
        for fault in self.faults {
            *counts.faults.entry(fault).or_default() += 1;
        }
        let mut oracle = match self.live {
            true => Oracle::unbounded(self.range),
            false => Oracle::bounded(self.range),
        };
        for part in &self.parts {
            for request in &part.requests {
                let told = |violation| told(&violation, request, changes);
                match &request.response {
                    Response::LastKey(LastKey::Empty) if oracle.has_ended() => continue,
                    // The walk knew its end, and made no request.
                    Response::Items(items) if items.items.is_empty() && oracle.has_ended() => {}
                    _ => oracle.observe(request, lives).map_err(told)?,
                }
                if let Response::Items(items) = &request.response {
                    counts.items += items.items.len() as u64;
                    for (key, _) in &items.items {
                        oracle.hand_out(key).map_err(told)?;
                    }
                    if items.fetched == Fetched::End {
                        oracle.end().map_err(told)?;
                    }
                }
            }
            oracle.resume(false, 0);
        }
        self.broken.map_or(Ok(()), Err)
    }
}

/// Makes the report of a broken clause.
fn message(clause: Clause, what: impl Display) -> String {
    format!("{what}\n  {clause}")
}

/// Formats a violation as the kit does, with the last changes of its key before the response.
fn told(violation: &Violation<i64>, asked: &Request<i64>, changes: &[Mutation<i64>]) -> String {
    let is_of_it = |change: &&Mutation<i64>| {
        Some(&change.key) == violation.kind().key() && !asked.during.is_before(change.during)
    };
    let mut of_key: Vec<_> = changes.iter().filter(is_of_it).collect();
    of_key.sort_by_key(|change| change.during.from);
    let mut told = format!("{violation:#}\n    {:?}: {asked}\n", asked.during);
    for change in of_key.iter().rev().take(5) {
        told += &format!("    {:?}: {change}\n", change.during);
    }
    message(violation.clause(), told)
}
