use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use keywalk::{Fetched, KeyRange, Order};
use keywalk_conformance::Clause;
use keywalk_conformance::history::{Change, Clock, Lives, Mutation, Oracle, Question, Span};

use crate::churn::{Churn, Trade, queue};
use crate::killer::{Deeds, Killer};
use crate::plan::Plan;
use crate::saboteur::{Handles, Saboteur};
use crate::store::Store;
use crate::tally::{Counts, Violation};
use crate::timeline::Timeline;
use crate::trouble::{BoxError, Mischief};
use crate::walked::Walked;
use crate::walker::{Pause, Walker};
use keywalk_examples::Random;

/// So long things happen; then it is judged, and forgotten.
const TIME: Duration = Duration::from_millis(1_500);

/// Less long if so much is to be remembered, in bytes.
const MOST_REMEMBERED: usize = 6 << 20;

const WALKERS: usize = 2;

/// A stretch of a store's life that is remembered, and judged as a whole.
pub(crate) struct Round<'s, S> {
    store: &'s S,
    clock: Clock,
    start: Instant,
    remembered: AtomicUsize,
    stop: &'s AtomicBool,
    handles: Handles,
    random: Random,
    /// The number of the round: each has values of its own.
    number: u64,
}

impl<'s, S: Store> Round<'s, S> {
    pub(crate) fn new(store: &'s S, number: u64, random: Random, stop: &'s AtomicBool) -> Self {
        Round {
            store,
            clock: Clock::default(),
            start: Instant::now(),
            remembered: AtomicUsize::new(0),
            stop,
            handles: Handles::default(),
            random,
            number,
        }
    }

    fn goes_on(&self) -> bool {
        self.start.elapsed() < TIME
            && self.remembered.load(Relaxed) < MOST_REMEMBERED
            && !self.stop.load(Relaxed)
    }

    fn remember(&self, walked: &Walked) {
        self.remembered.fetch_add(walked.size(), Relaxed);
    }

    /// What a writer puts: it is unique.
    fn values(&self, writer: u64) -> u64 {
        (self.number << 32) | (writer << 24)
    }

    /// Lets things happen, and judges all walks.
    pub(crate) fn run(mut self) -> Result<Counts, BoxError> {
        let connection = self.store.connect()?;
        let content = self.store.content(&connection)?;
        // What it starts with was put before.
        let mut changes: Vec<Mutation<i64>> = Vec::new();
        for (key, value) in &content {
            changes.push(Mutation {
                key: *key,
                change: Change::Put(*value),
                during: Span::at(self.clock.tick()),
            });
        }
        let mut random = self.random.fork();
        let round = &self;
        let mut counts = Counts::default();
        let mut broken = Vec::new();
        let (walks, content) = thread::scope(|scope| -> Result<_, BoxError> {
            let (paused, pauses) = channel();
            let (on, walkers): (Vec<Sender<()>>, Vec<_>) = (0..WALKERS)
                .map(|_| {
                    let (on, over) = channel();
                    let paused = paused.clone();
                    let random = random.fork();
                    let walk = move || round.walk(random, &Pause { paused, over });
                    (on, scope.spawn(walk))
                })
                .unzip();
            drop(paused);
            let trades = [
                Trade::Inserts,
                Trade::Deletes,
                Trade::Updates,
                Trade::Queues,
            ];
            let mut writers = Vec::new();
            for (number, trade) in (1..).zip(trades) {
                let churn = Churn {
                    trade,
                    random: random.fork(),
                    clock: round.clock.clone(),
                    value: round.values(number),
                    queue: queue(&content),
                };
                writers.push(scope.spawn(|| churn.write(round.store, || round.goes_on())));
            }
            let saboteur = Saboteur {
                random: random.fork(),
            };
            let saboteur =
                scope.spawn(|| saboteur.work(round.store, &round.handles, || round.goes_on()));
            let deeds = round.kill(random.fork())?;
            changes.extend(deeds.changes);
            for fault in deeds.kills {
                counts.fault(fault);
            }
            for writer in writers {
                changes.extend(joined(writer)??);
            }
            joined(saboteur)??;
            // Each walker is between two fetches, or gone.
            wait_for(&pauses);
            match round.store.use_alone(&connection) {
                Ok(checked) => counts.checked(Clause::G14, u64::from(checked)),
                Err(error) => broken.push(Violation {
                    clause: Clause::G14,
                    what: format!("between two fetches: {error}"),
                }),
            }
            let content = round.store.content(&connection)?;
            drop(on);
            let mut walks = deeds.walks;
            for walker in walkers {
                walks.extend(joined(walker)??);
            }
            Ok((walks, content))
        })?;
        let mut lives = Lives::default();
        for change in &changes {
            lives.record(change.clone());
        }
        counts.changes += changes.len() as u64;
        counts.rounds += 1;
        broken.extend(self.store_is_lawful(&content, &lives, &changes).err());
        for walk in walks {
            broken.extend(walk.judge(&lives, &changes, &mut counts).err());
        }
        for order in [Order::Ascending, Order::Descending] {
            broken.extend(self.is_exact(order, &content, &mut counts)?.err());
        }
        for violation in broken {
            counts.violation(self.store.name(), &violation);
        }
        Ok(counts)
    }

    /// Walks until the round is over; then once more, with a pause in the middle.
    fn walk(&self, mut random: Random, pause: &Pause) -> Result<Vec<Walked>, BoxError> {
        let connection = self.store.connect()?;
        if let Some(handle) = self.store.interrupts(&connection) {
            self.handles.add(handle);
        }
        let mut walker = self.walker(random.fork());
        let mut walks = Vec::new();
        let mut is_last = false;
        while !is_last {
            is_last = !self.goes_on();
            let plan = match is_last {
                true => Plan::whole(random.pick([Order::Ascending, Order::Descending])),
                false => Plan::at_random(&mut random),
            };
            self.store.set_patience(&connection, plan.patience)?;
            let walked = walker.walk(
                plan,
                &mut |log, mischief| self.store.source(&connection, log, mischief),
                is_last.then_some(pause),
            );
            self.remember(&walked);
            walks.push(walked);
        }
        Ok(walks)
    }

    fn walker(&self, random: Random) -> Walker {
        Walker {
            random,
            clock: self.clock.clone(),
            faults: self.store.faults(),
        }
    }

    /// Where other processes can work with the store, one does, and is killed.
    fn kill(&self, mut random: Random) -> Result<Deeds, BoxError> {
        let Some(file) = self.store.file() else {
            return Ok(Deeds::default());
        };
        let killer = Killer {
            walker: self.walker(random.fork()),
            random,
            clock: self.clock.clone(),
            value: self.values(9),
        };
        killer.go(file, || self.goes_on(), |walked| self.remember(walked))
    }

    /// If what was changed isn't there at the end, a walk isn't to blame.
    fn store_is_lawful(
        &self,
        content: &[(i64, u64)],
        lives: &Lives<i64>,
        changes: &[Mutation<i64>],
    ) -> Result<(), Violation> {
        let all = KeyRange::all(Order::Ascending);
        let now = Span::at(self.clock.tick());
        let read = Question::fetch(all, usize::MAX, content.to_vec(), Fetched::End, now);
        let judged = Oracle::live(all).observe(&read, lives);
        judged.map_err(|breach| Violation {
            clause: Clause::Harness,
            what: Timeline::of(&breach, Some(&read), changes).told(&breach),
        })
    }

    /// A walk beside which nothing happens gives what is there (G7).
    fn is_exact(
        &self,
        order: Order,
        content: &[(i64, u64)],
        counts: &mut Counts,
    ) -> Result<Result<(), Violation>, BoxError> {
        let connection = self.store.connect()?;
        let mut walker = self.walker(Random::new(self.number));
        let open = &mut |log: &_, mischief: Mischief| self.store.source(&connection, log, mischief);
        let walked = walker.walk(Plan::whole(order), open, None);
        counts.checked(Clause::G7, 1);
        let mut content = content.to_vec();
        if order == Order::Descending {
            content.reverse();
        }
        Ok(if walked.handed_out().eq(content.iter().copied()) {
            Ok(())
        } else {
            Err(Violation {
                clause: Clause::G7,
                what: format!(
                    "{} items came and {} are there, or others",
                    walked.handed_out().count(),
                    content.len()
                ),
            })
        })
    }
}

/// Until each walker said that it paused, or is gone.
fn wait_for(pauses: &Receiver<()>) {
    for _ in 0..WALKERS {
        if pauses.recv().is_err() {
            return;
        }
    }
}

fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> Result<T, BoxError> {
    thread.join().map_err(|_| "a thread panicked".into())
}
