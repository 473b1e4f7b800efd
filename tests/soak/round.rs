//! A stretch of a database's life that is remembered, and judged as a whole.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write, stdin};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use keywalk::{Fetched, KeyRange, Order, Walk};
use keywalk_conformance::Clause;
use keywalk_conformance::history::{Change, Clock, Lives, Mutation, Oracle, Question, Span};
use keywalk_job::Stop;
use keywalk_tests::program::{BoxError, say};
use keywalk_tests::random::Random;
use rusqlite::{InterruptHandle, TransactionBehavior};

use crate::Counts;
use crate::database::{Database, Fault, Step};
use crate::walk::{QUEUE, Walked, pool_key, told, violation, walk};

/// So long things happen; less if so many bytes are to be remembered.
const TIME: Duration = Duration::from_millis(1_500);
const MOST_REMEMBERED: usize = 6 << 20;

type Changes = Vec<Mutation<i64>>;

/// Lets things happen, and judges all walks. Answers what they broke.
pub(crate) fn run(
    database: &Database,
    number: u64,
    random: &mut Random,
    stop: &Stop,
    counts: &mut Counts,
) -> Result<(), BoxError> {
    let (db, start) = (database.connect()?, Instant::now());
    let (clock, remembered) = (Clock::default(), AtomicUsize::new(0));
    let goes_on = || {
        let is_much = remembered.load(Relaxed) > MOST_REMEMBERED;
        start.elapsed() < TIME && !is_much && !stop.is_requested()
    };
    // What it starts with was put before.
    let during = Span::at(clock.tick());
    let puts = database.content(&db)?.into_iter();
    let puts = puts.map(|(key, value)| (key, Change::Put(value))).collect();
    let mut changes: Changes = happened(puts, during).collect();
    let readers = [database.connect()?, database.connect()?];
    let interrupts = readers.each_ref().map(|db| db.get_interrupt_handle());

    let walks = thread::scope(|scope| -> Result<Vec<Walked>, BoxError> {
        let (clock, goes_on, remembered) = (&clock, &goes_on, &remembered);
        let walkers = readers.map(|db| {
            let mut random = random.fork();
            scope.spawn(move || {
                let mut walks = Vec::new();
                while goes_on() {
                    let walked = walk(database, &db, clock, &mut random)?;
                    remembered.fetch_add(walked.size(), Relaxed);
                    walks.push(walked);
                }
                Ok::<_, rusqlite::Error>(walks)
            })
        });
        // Each puts values of its own.
        let value = |writer: u64| (number << 32) | (writer << 24);
        let writers = [1, 2, 3].map(|writer| {
            let writer = Writer {
                database,
                clock,
                random: random.fork(),
                value: value(writer),
                queues: writer == 3,
                interrupts: &interrupts,
            };
            scope.spawn(move || writer.write(goes_on))
        });
        let (killed, kills) = kill(database, clock, random, value(4), goes_on)?;
        changes.extend(killed);
        *counts.faults.entry(Fault::Kill).or_default() += kills;
        for writer in writers {
            changes.extend(joined(writer)??);
        }
        let mut walks = Vec::new();
        for walker in walkers {
            walks.extend(joined(walker)??);
        }
        Ok(walks)
    })?;

    let mut lives = Lives::default();
    changes
        .iter()
        .for_each(|change| lives.record(change.clone()));
    counts.rounds += 1;
    counts.changes += changes.len() as u64;
    // If what was changed isn't there at the end, a walk isn't to blame.
    let content = database.content(&db)?;
    let all = KeyRange::all(Order::Ascending);
    let now = Span::at(clock.tick());
    let read = Question::fetch(all, usize::MAX, content.clone(), Fetched::End, now);
    if let Err(breach) = Oracle::live(all).observe(&read, &lives) {
        return Err(told(&breach, &read, &changes).into());
    }
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

fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> Result<T, BoxError> {
    thread.join().map_err(|_| "a thread panicked".into())
}

/// A walk beside which nothing happens gives what is there, and holds nothing between two fetches.
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
    if let Err(error) = database.use_alone(&other) {
        return Ok(Some(violation(Clause::G14, error)));
    }
    let walked: Vec<_> = first.into_iter().chain(items).collect::<Result<_, _>>()?;
    let mut content = content.to_vec();
    if order == Order::Descending {
        content.reverse();
    }
    let (came, are) = (walked.len(), content.len());
    let what = format!("{came} items came and {are} are there, or others");
    Ok((walked != content).then(|| violation(Clause::G7, what)))
}

struct Writer<'w> {
    database: &'w Database,
    clock: &'w Clock,
    random: Random,
    /// The last one that it put; each writer has its own.
    value: u64,
    /// Appends at one end, and deletes from the other.
    queues: bool,
    interrupts: &'w [InterruptHandle],
}

impl Writer<'_> {
    /// Writes with a short rest after each transaction. Some are taken back, some keep everyone from the database
    /// for a moment, and now and then a reader is interrupted.
    fn write(mut self, goes_on: impl Fn() -> bool) -> rusqlite::Result<Changes> {
        let mut db = self.database.connect()?;
        let mut changes = Vec::new();
        while goes_on() {
            let steps = match self.queues {
                true => self.of_queue(),
                false => self.of_pool(),
            };
            let random = &mut self.random;
            let (is_kept, is_long) = (!random.one_in(8), random.one_in(30));
            let behavior = match is_long {
                true => TransactionBehavior::Exclusive,
                false => TransactionBehavior::Immediate,
            };
            let (changed, during) = self.clock.time(|| {
                let (transaction, changed) = self.database.begin(&mut db, behavior, &steps)?;
                if is_long {
                    thread::sleep(Duration::from_micros(random.below(8_000)));
                }
                match is_kept {
                    true => transaction.commit().map(|()| changed),
                    false => transaction.rollback().map(|()| Vec::new()),
                }
            });
            changes.extend(happened(changed?, during));
            for handle in self.interrupts {
                if random.one_in(12) {
                    handle.interrupt();
                }
            }
            thread::sleep(Duration::from_micros(random.below(1_500)));
        }
        Ok(changes)
    }

    /// Some in the pool of keys, each of another key.
    fn of_pool(&mut self) -> Vec<Step> {
        let random = &mut self.random;
        let mut steps = BTreeMap::new();
        for _ in 0..random.pick([1, 1, 1, 1, 3, 30]) {
            self.value += 1;
            let (key, value) = (pool_key(random), self.value);
            let (put, insert) = (Step::Put(key, value), Step::Insert(key, value));
            let (update, delete) = (Step::Update(key, value), Step::Delete(key, key));
            steps.insert(key, random.pick([put, insert, update, delete, delete]));
        }
        let key = random.below(600) as i64;
        match random.below(12) {
            0 => vec![Step::Delete(key, key + 20)],
            1 | 2 => vec![Step::Move(key, key + 20, self.value)],
            _ => steps.into_values().collect(),
        }
    }

    /// A value is its own key.
    fn of_queue(&mut self) -> Vec<Step> {
        if self.random.one_in(4) {
            return vec![Step::Delete(QUEUE, self.value.cast_signed() - 100)];
        }
        let from = self.value + 1;
        self.value += self.random.pick([1, 3, 30]);
        let puts = from..=self.value;
        puts.map(|value| Step::Put(value.cast_signed(), value))
            .collect()
    }
}

fn happened(changed: Vec<(i64, Change)>, during: Span) -> impl Iterator<Item = Mutation<i64>> {
    changed.into_iter().map(move |(key, change)| Mutation {
        key,
        change,
        during,
    })
}

/// What the process writes that is told this value: often so much that it is partly written before the commit.
fn as_told(value: u64) -> BTreeMap<i64, u64> {
    let mut random = Random::new(value);
    let values = value..value + random.pick([1, 5, 100]);
    values.map(|value| (pool_key(&mut random), value)).collect()
}

/// The process that is killed: a transaction for each line that it reads, which leaves the line's number behind.
pub(crate) fn write_as_told(database: &Database) -> Result<(), BoxError> {
    // Ctrl-C is its parent's to act upon, which closes the input.
    ctrlc::set_handler(|| {})?;
    let mut db = database.connect()?;
    for line in stdin().lock().lines() {
        let line = line?;
        let (number, value) = line.split_once(' ').ok_or("two numbers are missing")?;
        let puts = as_told(value.parse()?).into_iter();
        let steps: Vec<Step> = puts.map(|(key, value)| Step::Put(key, value)).collect();
        let behavior = TransactionBehavior::Immediate;
        let (transaction, _) = database.begin(&mut db, behavior, &steps)?;
        transaction.pragma_update(None, "user_version", number.parse::<i32>()?)?;
        transaction.commit()?;
        say("done")?;
    }
    Ok(())
}

/// Has process after process write, and kills each at a random moment. Answers what they changed.
fn kill(
    database: &Database,
    clock: &Clock,
    random: &mut Random,
    mut value: u64,
    goes_on: impl Fn() -> bool,
) -> Result<(Changes, u64), BoxError> {
    let db = database.connect()?;
    let last_number = || db.pragma_query_value(None, "user_version", |row| row.get(0));
    let mut number: i32 = last_number()?;
    let (mut changes, mut kills) = (Vec::new(), 0);
    while goes_on() {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--victim")
            .arg(&database.file)
            .args(database.wal.then_some("--wal"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut input = child.stdin.take().ok_or("it has no input")?;
        let mut output = BufReader::new(child.stdout.take().ok_or("it has no output")?);
        for left in (0..=random.below(20)).rev() {
            number += 1;
            value += 128;
            // It can't begin before it is told.
            let from = clock.tick();
            writeln!(input, "{number} {value}")?;
            if left == 0 {
                // Sleeping takes longer than a transaction.
                let (start, time) = (Instant::now(), Duration::from_micros(random.below(1_000)));
                while start.elapsed() < time {
                    std::hint::spin_loop();
                }
                child.kill()?;
                child.wait()?;
                kills += 1;
            }
            let is_answered = output.read_line(&mut String::new())? > 0;
            // Nothing more comes of it: what is committed now was, and the rest never is.
            let is_done = last_number()? == number;
            if is_answered && !is_done || !is_answered && left > 0 {
                return Err("what the process had done was lost with it".into());
            }
            let to = clock.tick();
            if is_done {
                let puts = as_told(value).into_iter();
                let puts = puts.map(|(key, value)| (key, Change::Put(value))).collect();
                changes.extend(happened(puts, Span { from, to }));
            }
            number = last_number()?;
        }
    }
    Ok((changes, kills))
}
