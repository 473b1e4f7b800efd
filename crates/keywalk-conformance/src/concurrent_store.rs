use std::cell::Cell;
use std::fmt::{self, Debug, Display};
use std::ops::Bound;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};
use std::thread;

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, LastKey, forward_source};

use crate::case::{Ledger, held};
use crate::clause::Clause;
use crate::edit::Schedule;
use crate::harness::BoxError;
use crate::history::{
    Change, DisplayRange, Event, FailureKind, Mutation, Span, ToLines, Violation, VisitLog,
};
use crate::recorder::{caught, lock};

/// The handle that [`Schedule::run`](crate::Schedule::run) passes to the code under test. It applies the concurrent
/// changes and records what the code does.
///
/// Its methods unwind where the schedule kills the code, and where the code breaks a clause;
/// [`Schedule::run`](crate::Schedule::run) catches both. While a thread unwinds already, they do nothing in that
/// thread, so destructors may call them. They panic if they are called from within `write`, such as by a hook of the
/// store. If `write` waits for another thread that calls one of them, both threads hang.
///
/// Clones share their state, across threads if the writer `W` is `Send`.
pub struct ConcurrentStore<K, W>(Arc<Mutex<State<K, W>>>);

thread_local! {
    /// Whether this thread uses a state. If it did so twice, it would wait for itself.
    static IS_INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// The store's state, and what the code under test did.
struct State<K, W> {
    schedule: Schedule<K>,
    ledger: Ledger<K>,
    visits: VisitLog<K>,
    write: W,
    /// The number of turns in all runs, and when the last one ended.
    turns: usize,
    turned: u64,
    /// The number of turns since the last visit.
    idle: usize,
    /// The number of earlier runs, the moment at which this run began, and the number of events in this run.
    runs: usize,
    begun: u64,
    events: usize,
    /// What the code deleted since the last turn.
    pending: Vec<Mutation<K>>,
    /// The position of the code.
    cursor: Option<K>,
    /// Whether the code was killed and its new position isn't known yet.
    is_lost: bool,
    stop: Option<Stop<K>>,
}

/// Why the code was stopped.
enum Stop<K> {
    Killed,
    Broke(Violation<K>),
}

/// Code that makes this many turns in a row without a visit counts as endless.
const MOST_IDLE: usize = 1_000;

impl<K, W> ConcurrentStore<K, W>
where
    K: Ord + Clone + Debug,
    W: FnMut(&K, Change) -> Result<(), BoxError>,
{
    /// Puts the initial rows of the schedule.
    pub(crate) fn begin(
        schedule: &Schedule<K>,
        visits: VisitLog<K>,
        write: W,
    ) -> Result<Self, Counterexample<K>> {
        let mut state = State {
            schedule: schedule.clone(),
            ledger: Ledger::default(),
            visits,
            write,
            turns: 0,
            turned: 0,
            idle: 0,
            runs: 0,
            begun: 0,
            events: 0,
            pending: Vec::new(),
            cursor: None,
            is_lost: false,
            stop: None,
        };
        let mut initial = schedule.initial.iter();
        let put = initial.try_for_each(|key| state.write(key, true));
        put.map_err(|error| {
            let violation = "a row that is there at first was not put";
            let violation = Violation::message(Clause::Harness, violation).got(error);
            state.found(violation.hint(
                "does the store take every key that is drawn, and is it empty when the run begins?",
            ))
        })?;
        let now = state.ledger.clock.tick();
        (state.begun, state.turned) = (now, now);
        state.visits.begin(now);
        Ok(ConcurrentStore(Arc::new(Mutex::new(state))))
    }

    /// Runs the code once. Returns `true` if it ended by itself, `false` if it was killed.
    pub(crate) fn runs_to_its_end<E: Debug>(
        &self,
        code: &mut impl FnMut(&Self) -> Result<(), E>,
    ) -> Result<bool, Counterexample<K>> {
        let returned = caught(|| code(self));
        self.with(|state| match (state.stop.take(), returned) {
            (Some(Stop::Broke(violation)), _) => Err(state.found(violation)),
            (Some(Stop::Killed), _) => {
                state.note("killed, and begun again");
                // The kill may have rolled these deletions back, so both outcomes stay possible.
                state.pending.clear();
                (state.runs, state.events, state.idle) = (state.runs + 1, 0, 0);
                state.is_lost = true;
                state.begun = state.ledger.clock.tick();
                Ok(false)
            }
            (None, Err(panic)) => resume_unwind(panic),
            (None, Ok(Err(error))) => {
                let violation = "the code under test returned an error";
                let violation = Violation::message(Clause::Harness, violation);
                let violation = violation.hint("is it an error that it should have tried again?");
                Err(state.found(violation.got(format!("{error:?}"))))
            }
            (None, Ok(Ok(()))) => Ok(true),
        })
    }

    /// Judges the end: the code returned, so it claims that nothing more comes.
    pub(crate) fn end(&self) -> Result<(), Counterexample<K>> {
        self.with(|state| {
            let now = state.ledger.clock.tick();
            // Code that reads nothing after a kill counts as resumed after its last visit.
            let found = state.find_place(state.cursor.clone());
            let found = found.and_then(|()| state.visits.end(now, &state.ledger.lives.borrow()));
            found.map_err(|violation| state.found(violation))
        })
    }

    /// Lets the concurrent changes of the next turn happen. Call it before each page that your code reads.
    ///
    /// Use it for code that reads its store without a [`ChunkSource`](keywalk::ChunkSource). If the code has a source,
    /// [interleave](Self::interleave) the source instead. You can call `turn` from any place that you control: a
    /// callback between two pages, a mock of the connection, or the function that handles a row. It may be called more
    /// or less often than pages are read. If the code ends early, the remaining turns don't happen.
    ///
    /// The thousandth call in a row without a visit breaks G9. If the store can't be written to, the code holds
    /// something (G14).
    pub fn turn(&self) {
        self.say(State::turn);
    }

    /// Records that the code handled this row, and the value that it saw.
    ///
    /// Call it before the code stores its position: the schedule may kill the code in this call.
    pub fn visit(&self, key: &K, value: u64) {
        self.say(|state| state.visit(key, Some(value)));
    }

    /// Records that the code handled the row of this key, as [`visit`](Self::visit) does. The row's value isn't judged.
    pub fn visit_key(&self, key: &K) {
        self.say(|state| state.visit(key, None));
    }

    /// Records that the code begins, or resumes, after this key: the position that it stored. `None` is the start.
    ///
    /// Call it before the first page if your code resumes and reads its store without a source. A source that is
    /// [interleaved](Self::interleave) records this by itself. If no position is recorded, the kit assumes that the run
    /// begins at the start. Rows that were visited after this key must come again, and all rows up to it must have been
    /// visited (G10).
    pub fn resumes_after(&self, key: Option<&K>) {
        self.say(|state| state.resume(key.cloned()));
    }

    /// Records that the code itself deleted this row. For a purge, a deduplication or a queue.
    ///
    /// Call it right after the deletion. The deletion counts as done from the next [turn](Self::turn) on, so a
    /// transaction around it must be committed by then. If a kill comes earlier, both outcomes are allowed.
    ///
    /// If the code changes the value of a row, the kit doesn't know the new value. Record such a row with
    /// [`visit_key`](Self::visit_key).
    pub fn deleted(&self, key: &K) {
        if !thread::panicking() {
            self.with(|state| state.delete(key));
        }
    }

    /// Wraps a source so that a [turn](Self::turn) happens before each of its fetches and last-key requests.
    #[must_use]
    pub fn interleave<S>(&self, source: S) -> Interleaved<S, K, W> {
        Interleaved {
            source,
            concurrent: self.clone(),
            has_turns: true,
        }
    }

    /// Records that a walk requests the rest of its range, with or without a turn before it.
    fn requested(&self, range: &KeyRange<K>, is_turn: bool) {
        let after = match range.start() {
            Bound::Excluded(key) => Some(key),
            _ => None,
        };
        self.say(|state| {
            state.find_place(after.cloned())?;
            if is_turn {
                state.turn()?;
            }
            if state.stop.is_none() {
                state.note(format!("a page of {} is read", DisplayRange(range)));
            }
            Ok(())
        });
    }

    /// Performs `what`, and stops the code if it breaks a clause or is killed here. Does nothing in a thread that
    /// unwinds already, because a second panic in a destructor would abort.
    fn say(&self, what: impl FnOnce(&mut State<K, W>) -> Result<(), Violation<K>>) {
        if thread::panicking() {
            return;
        }
        let is_stopped = self.with(|state| {
            if state.stop.is_none()
                && let Err(violation) = what(state)
            {
                state.stop = Some(Stop::Broke(violation));
            }
            state.stop.is_some()
        });
        if is_stopped {
            resume_unwind(Box::new("stopped by its schedule"));
        }
    }

    /// Calls `what` with the state, once no other thread uses it.
    fn with<T>(&self, what: impl FnOnce(&mut State<K, W>) -> T) -> T {
        assert!(
            !IS_INSIDE.replace(true),
            "`write` may not say turns, visits or deletions: those are the code's, and `write` is what \
             others do in a turn"
        );
        let done = caught(|| what(&mut lock(&self.0)));
        IS_INSIDE.set(false);
        done.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

impl<K, W> Clone for ConcurrentStore<K, W> {
    fn clone(&self) -> Self {
        ConcurrentStore(Arc::clone(&self.0))
    }
}

impl<K, W> Debug for ConcurrentStore<K, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConcurrentStore").finish_non_exhaustive()
    }
}

impl<K, W> State<K, W>
where
    K: Ord + Clone + Debug,
    W: FnMut(&K, Change) -> Result<(), BoxError>,
{
    fn turn(&mut self) -> Result<(), Violation<K>> {
        self.note("others have their turn");
        self.idle += 1;
        if self.idle >= MOST_IDLE {
            return Err(Violation::new(FailureKind::Endless)
                .expected("a visit, or the end")
                .got(format!("{MOST_IDLE} turns, and nothing visited"))
                .hint("is the end taken for a row that is gone?"));
        }
        self.settle();
        let now = self.schedule.turns.get(self.turns).cloned();
        self.turns += 1;
        for edit in now.into_iter().flatten() {
            let (pool, order) = (&self.schedule.pool, self.visits.range().order());
            let (is_put, keys) =
                edit.at(pool, || self.ledger.present(), order, self.cursor.as_ref());
            let mut keys = keys.iter();
            keys.try_for_each(|key| self.write(key, is_put))
                .map_err(held)?;
        }
        self.turned = self.ledger.clock.tick();
        self.count();
        Ok(())
    }

    /// Records that the code deletes this row, perhaps in a transaction that a kill rolls back.
    fn delete(&mut self, key: &K) {
        let mutation = Mutation {
            key: key.clone(),
            change: Change::Delete,
            during: Span::new(self.turned, self.ledger.clock.tick()),
        };
        self.ledger.attempt(mutation.clone());
        self.pending.push(mutation);
    }

    /// Marks the code's deletions as done: others can write, so the code has committed.
    fn settle(&mut self) {
        let to = self.ledger.clock.tick();
        for mut mutation in self.pending.drain(..) {
            mutation.during.to = to;
            self.ledger.lives.borrow_mut().settle(&mutation);
        }
    }

    fn visit(&mut self, key: &K, value: Option<u64>) -> Result<(), Violation<K>> {
        let now = self.ledger.clock.tick();
        self.ledger.record(Event::Visit(key.clone(), value));
        // A run that didn't report its position begins at the start.
        self.find_place(None)?;
        self.visits
            .visit(key, value, now, &self.ledger.lives.borrow())?;
        self.idle = 0;
        self.cursor = Some(key.clone());
        self.count();
        Ok(())
    }

    fn resume(&mut self, after: Option<K>) -> Result<(), Violation<K>> {
        let after = self.visits.place(after);
        if after.is_none() && !self.is_lost {
            return Ok(());
        }
        self.is_lost = false;
        match &after {
            Some(key) => self.note(format!("goes on after {key:?}")),
            None => self.note("begins at the start"),
        }
        self.cursor.clone_from(&after);
        self.visits
            .resume(after, self.begun, &self.ledger.lives.borrow())
    }

    /// Resumes after this key if the code was killed and its new position isn't known yet.
    fn find_place(&mut self, after: Option<K>) -> Result<(), Violation<K>> {
        match self.is_lost {
            true => self.resume(after),
            false => Ok(()),
        }
    }

    /// Counts an event, at which the schedule may kill the code.
    fn count(&mut self) {
        self.events += 1;
        if self.schedule.kills.get(self.runs) == Some(&self.events) {
            self.stop = Some(Stop::Killed);
        }
    }

    fn note(&self, note: impl Into<String>) {
        self.ledger.record(Event::Note(note.into()));
    }

    fn write(&mut self, key: &K, is_put: bool) -> Result<(), BoxError> {
        let change = self.ledger.next_change(is_put);
        let write = &mut self.write;
        self.ledger.change(key, change, || write(key, change))
    }

    fn found(&self, violation: Violation<K>) -> Counterexample<K> {
        Counterexample(Box::new((violation, lock(&self.ledger.timeline).lines())))
    }
}

/// A source with a turn for concurrent changes before each fetch and each last-key request. Made by
/// [`ConcurrentStore::interleave`].
///
/// The first request after a kill shows where the code resumes, so you needn't call
/// [`resumes_after`](ConcurrentStore::resumes_after).
///
/// It is resumable if the inner source is, with the same tokens.
pub struct Interleaved<S, K, W> {
    source: S,
    concurrent: ConcurrentStore<K, W>,
    has_turns: bool,
}

impl<S, K, W> Interleaved<S, K, W> {
    /// Lets requests happen without a turn before them. Use it for code that reads inside a transaction that blocks
    /// other writers, such as jobs with SQLite's `SqliteCheckpoints`. Such code calls [`turn`](ConcurrentStore::turn)
    /// after the transaction, for example in a progress hook.
    #[must_use]
    pub fn without_turns(mut self) -> Self {
        self.has_turns = false;
        self
    }
}

forward_source!([S: ChunkSource, W] Interleaved<S, S::Key, W> => S, |interleaved| interleaved.source);

#[deny(clippy::missing_trait_methods)]
impl<S, W> ChunkSource for Interleaved<S, S::Key, W>
where
    S: ChunkSource<Key: Ord + Debug>,
    W: FnMut(&S::Key, Change) -> Result<(), BoxError>,
{
    fn fetch(
        &mut self,
        range: &KeyRange<S::Key>,
        chunk: &mut Chunk<S::Item>,
    ) -> Result<Fetched<S::Key>, S::Error> {
        self.concurrent.requested(range, self.has_turns);
        self.source.fetch(range, chunk)
    }

    fn last_key(&mut self, range: &KeyRange<S::Key>) -> Result<LastKey<S::Key>, S::Error> {
        self.concurrent.requested(range, self.has_turns);
        self.source.last_key(range)
    }
}

/// Prints the inner source.
impl<S: Debug, K, W> Debug for Interleaved<S, K, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Debug::fmt(&self.source, f)
    }
}

/// The error of [`Schedule::run`](crate::Schedule::run): a run of the code under test that breaks a clause.
///
/// Its `Display` shows what is wrong, the clause, the history, what was expected and what came. Proptest prints the
/// schedule separately, as the minimal input.
#[derive(Clone, Debug)]
pub struct Counterexample<K>(Box<(Violation<K>, Vec<String>)>);

impl<K: Debug> Counterexample<K> {
    /// Returns what is wrong, with the key.
    #[must_use]
    pub fn violation(&self) -> &Violation<K> {
        &self.0.0
    }

    /// Returns the broken clause.
    #[must_use]
    pub fn clause(&self) -> Clause {
        self.violation().clause()
    }

    /// Returns the history, one line per event, at most the last 40.
    #[must_use]
    pub fn timeline(&self) -> &[String] {
        &self.0.1
    }
}

impl<K: Debug> Display for Counterexample<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.violation().explanation(self.timeline()))
    }
}

impl<K: Debug> std::error::Error for Counterexample<K> {}
