use std::fmt::{self, Debug, Display};
use std::ops::Bound;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, LastKey, forward_source};

use crate::clause::Clause;
use crate::edit::{Edits, Place};
use crate::harness::BoxError;
use crate::history::{
    Change, Event, FailureKind, Mutation, Shown, Span, Tell, Telling, Violation, VisitLog,
};
use crate::trial::{Ledger, held};
use crate::witness::{caught, lock};

/// What happens to a store while code under test walks it, and what that code did so far: the code's side of
/// [`Schedule::run`](crate::Schedule::run).
///
/// Clones are the same one, also in other threads if `W`, which writes, can go there. In a thread that unwinds,
/// killed or by a panic of its own, it does nothing: destructors may say what they do.
pub struct ConcurrentStore<K, W>(Arc<Shared<K, W>>);

/// Threads use it in turn; one that comes again before it is done panics: it would wait for itself.
struct Shared<K, W> {
    state: Mutex<State<K, W>>,
    user: Mutex<Option<ThreadId>>,
}

/// A store beside which code runs, and what that did.
struct State<K, W> {
    edits: Edits<K>,
    kills: Vec<usize>,
    ledger: Ledger<K>,
    visits: VisitLog<K>,
    write: W,
    /// Turns so far, of all runs, and when the last one ended.
    turns: usize,
    turned: u64,
    /// Turns since the last visit.
    idle: usize,
    /// Runs before this one, when it began, and what it has had of events.
    runs: usize,
    begun: u64,
    events: usize,
    /// What the code deleted since the last turn.
    pending: Vec<Mutation<K>>,
    /// Where the code is.
    cursor: Option<K>,
    /// It was killed, and hasn't said where it goes on.
    is_lost: bool,
    stop: Option<Stop<K>>,
}

/// Why the code was stopped.
enum Stop<K> {
    Killed,
    Broke(Violation<K>),
}

/// Unwinds out of the code.
struct Stopped;

/// Code that says so many turns in a row, and visits nothing, has no end.
const MOST_IDLE: usize = 1_000;

impl<K, W> ConcurrentStore<K, W>
where
    K: Ord + Clone + Debug,
    W: FnMut(&K, Change) -> Result<(), BoxError>,
{
    /// Puts what the schedule has at first.
    pub(crate) fn begin(
        edits: &Edits<K>,
        kills: &[usize],
        visits: VisitLog<K>,
        write: W,
    ) -> Result<Self, Counterexample<K>> {
        let mut state = State {
            edits: edits.clone(),
            kills: kills.to_vec(),
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
        for key in &edits.initial {
            let put = state.write(key, true);
            put.map_err(|error| {
                let breach = Violation::said(Clause::Harness, "a row that is there at first was not put");
                state.found(breach.got(error).hint(
                    "does the store take every key that is drawn, and is it empty when the run begins?",
                ))
            })?;
        }
        let now = state.ledger.clock.tick();
        (state.begun, state.turned) = (now, now);
        state.visits.begin(now);
        Ok(ConcurrentStore(Arc::new(Shared {
            state: Mutex::new(state),
            user: Mutex::new(None),
        })))
    }

    /// Runs the code once. Does it run to its end, or into its death?
    pub(crate) fn runs_to_its_end<E: Debug>(
        &self,
        code: &mut impl FnMut(&Self) -> Result<(), E>,
    ) -> Result<bool, Counterexample<K>> {
        let returned = caught(|| code(self));
        self.with(|state| match (state.stop.take(), returned) {
            (Some(Stop::Broke(breach)), _) => Err(state.found(breach)),
            (Some(Stop::Killed), _) => {
                let note = "killed, and begun again".to_owned();
                state.ledger.tell(Event::Note(note));
                // Undone with its transaction, or not: it stays possible.
                state.pending.clear();
                (state.runs, state.events, state.idle) = (state.runs + 1, 0, 0);
                state.is_lost = true;
                state.begun = state.ledger.clock.tick();
                Ok(false)
            }
            (None, Err(panic)) => resume_unwind(panic),
            (None, Ok(Err(error))) => {
                let breach =
                    Violation::said(Clause::Harness, "the code under test returned an error");
                let breach = breach.got(format!("{error:?}"));
                Err(state.found(breach.hint("is it an error that it should have tried again?")))
            }
            (None, Ok(Ok(()))) => Ok(true),
        })
    }

    /// The code returned, as if nothing more came.
    pub(crate) fn end(&self) -> Result<(), Counterexample<K>> {
        self.with(|state| {
            let now = state.ledger.clock.tick();
            // With nothing left to be read, nothing was.
            let kept = state.cursor.clone();
            let found = state.find_place(kept);
            let found = found.and_then(|()| state.visits.end(now, &state.ledger.lives.borrow()));
            found.map_err(|breach| state.found(breach))
        })
    }

    /// A page is about to be read: others have their turn.
    ///
    /// For code that reads its store without a [`ChunkSource`](keywalk::ChunkSource), from wherever it can be
    /// called: a callback between two pages, a mock of the connection, the loop itself. Sources are
    /// [interleaved](Self::interleave). It may be called more often than pages are read, and less often: from
    /// the function that handles a row, say. A turn that the code never comes to doesn't happen.
    ///
    /// # Panics
    ///
    /// It unwinds where the schedule kills the code, and where the code breaks a clause: it comes for the
    /// thousandth time in a row without a visit (G9), or the store can't be written to while the code holds
    /// something (G14). [`Schedule::run`](crate::Schedule::run) catches it.
    ///
    /// If it comes, as by a hook of the store, from the `write` of @@ that is what others do.
    /// The same holds for all that the code says. From another thread, for which `write` waits, it hangs.
    pub fn turn(&self) {
        self.say(State::turn);
    }

    /// The code handled this row, and the value that it saw there.
    ///
    /// Where the code is killed, this row may be its last: say it before the position is kept, as a row is
    /// handled before its position is kept.
    ///
    /// # Panics
    ///
    /// It unwinds where the schedule kills the code, and where it breaks a clause.
    /// [`Schedule::run`](crate::Schedule::run) catches it.
    pub fn visit(&self, key: &K, value: u64) {
        self.say(|state| state.visit(key, Some(value)));
    }

    /// The code handled the row of this key; what it held isn't told, and so not judged.
    ///
    /// # Panics
    ///
    /// As [`visit`](Self::visit).
    pub fn visit_key(&self, key: &K) {
        self.say(|state| state.visit(key, None));
    }

    /// The code begins, or begins again, after this key: the position that it kept, and now read. `None` is
    /// the start, and what is assumed of a run that visits a row and hasn't said.
    ///
    /// For code that is resumed, and that reads its store by itself; said before the first page is read. A
    /// source that is [interleaved](Self::interleave) tells it by what it is asked. Rows visited past that key
    /// come again.
    ///
    /// # Panics
    ///
    /// It unwinds where rows before that key were never visited (G10).
    /// [`Schedule::run`](crate::Schedule::run) catches it.
    pub fn resumes_after(&self, key: Option<&K>) {
        self.say(|state| state.resume(key.cloned()).map(|()| false));
    }

    /// The code itself deleted this row, since the last [turn](Self::turn): for a purge, a dedup, a queue.
    ///
    /// Say it right after. It counts as done from the next turn on, when a transaction around it has to be
    /// committed; a kill before that may undo it, so that the row comes again or doesn't. Rows whose values the
    /// code changes are [visited by their key](Self::visit_key).
    pub fn deleted(&self, key: &K) {
        if !thread::panicking() {
            self.with(|state| state.delete(key));
        }
    }

    /// The same source, with the others' [turn](Self::turn) before each question that a walk asks.
    #[must_use = "others have their turn only before the questions of the source that it makes"]
    pub fn interleave<S>(&self, source: S) -> Interleaved<S, K, W> {
        Interleaved {
            source,
            meanwhile: self.clone(),
            has_turns: true,
        }
    }

    /// A walk asks for what is left of its range, and others have their turn or not.
    fn asked(&self, range: &KeyRange<K>, is_turn: bool) {
        let after = match range.start() {
            Bound::Excluded(key) => Some(key),
            _ => None,
        };
        self.say(|state| {
            state.find_place(after.cloned())?;
            let is_killed = is_turn && state.turn()?;
            if !is_killed {
                let read = format!("a page of {} is read", Shown(range));
                state.ledger.tell(Event::Note(read));
            }
            Ok(is_killed)
        });
    }

    /// Does it, and stops the code if it breaks a clause, or is killed here. Code that unwinds already is on its
    /// way out: what its destructors say neither counts nor unwinds again, which would abort.
    fn say(&self, what: impl FnOnce(&mut State<K, W>) -> Result<bool, Violation<K>>) {
        if thread::panicking() {
            return;
        }
        let goes_on = self.with(|state| {
            if state.stop.is_none() {
                state.stop = match what(state) {
                    Err(breach) => Some(Stop::Broke(breach)),
                    Ok(is_killed) => is_killed.then_some(Stop::Killed),
                };
            }
            state.stop.is_none()
        });
        if !goes_on {
            resume_unwind(Box::new(Stopped));
        }
    }

    /// Waits until no other thread uses the state.
    fn with<T>(&self, what: impl FnOnce(&mut State<K, W>) -> T) -> T {
        let Shared { state, user } = &*self.0;
        let me = Some(thread::current().id());
        assert!(
            *lock(user) != me,
            "`write` may not say turns, visits or deletions: those are the code's, and `write` is what \
             others do in a turn"
        );
        let mut state = lock(state);
        *lock(user) = me;
        let done = caught(|| what(&mut state));
        *lock(user) = None;
        drop(state);
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
    fn turn(&mut self) -> Result<bool, Violation<K>> {
        let note = "others have their turn".to_owned();
        self.ledger.tell(Event::Note(note));
        self.idle += 1;
        if self.idle >= MOST_IDLE {
            return Err(Violation::new(FailureKind::Endless)
                .expected("a visit, or the end")
                .got(format!("{MOST_IDLE} turns, and nothing visited"))
                .hint("is the end taken for a row that is gone?"));
        }
        self.settle();
        let now = self.edits.turns.get(self.turns).cloned();
        self.turns += 1;
        for edit in now.into_iter().flatten() {
            let place = Place {
                pool: &self.edits.pool,
                present: &self.ledger.present(),
                order: self.visits.range().order(),
                cursor: self.cursor.as_ref(),
            };
            let (is_put, keys) = edit.at(&place);
            let mut keys = keys.iter();
            keys.try_for_each(|key| self.write(key, is_put))
                .map_err(held)?;
        }
        self.turned = self.ledger.clock.tick();
        Ok(self.is_killed())
    }

    /// The code deletes this row. It may do so in a transaction, that a kill undoes.
    fn delete(&mut self, key: &K) {
        let mutation = Mutation {
            key: key.clone(),
            change: Change::Delete,
            during: Span::new(self.turned, self.ledger.clock.tick()),
        };
        self.ledger.attempt(mutation.clone());
        self.pending.push(mutation);
    }

    /// Others can write: what the code deleted is done.
    fn settle(&mut self) {
        let to = self.ledger.clock.tick();
        for mut mutation in self.pending.drain(..) {
            mutation.during.to = to;
            self.ledger.lives.borrow_mut().settle(&mutation);
        }
    }

    fn visit(&mut self, key: &K, value: Option<u64>) -> Result<bool, Violation<K>> {
        let now = self.ledger.clock.tick();
        self.ledger.tell(Event::Visit(key.clone(), value));
        // A run that doesn't say where it goes on begins at the start.
        self.find_place(None)?;
        self.visits
            .visit(key, value, now, &self.ledger.lives.borrow())?;
        self.idle = 0;
        self.cursor = Some(key.clone());
        Ok(self.is_killed())
    }

    fn resume(&mut self, after: Option<K>) -> Result<(), Violation<K>> {
        let after = self.visits.place(after);
        if after.is_none() && !self.is_lost {
            return Ok(());
        }
        self.is_lost = false;
        let from = match &after {
            Some(key) => format!("goes on after {key:?}"),
            None => "begins at the start".to_owned(),
        };
        self.ledger.tell(Event::Note(from));
        self.cursor.clone_from(&after);
        self.visits
            .resume(after, self.begun, &self.ledger.lives.borrow())
    }

    /// It goes on after this key, if it was killed and hasn't said so.
    fn find_place(&mut self, after: Option<K>) -> Result<(), Violation<K>> {
        match self.is_lost {
            true => self.resume(after),
            false => Ok(()),
        }
    }

    /// The event that just was is this run's last one.
    fn is_killed(&mut self) -> bool {
        self.events += 1;
        self.kills.get(self.runs) == Some(&self.events)
    }

    fn write(&mut self, key: &K, is_put: bool) -> Result<(), BoxError> {
        let change = self.ledger.next_change(is_put);
        let write = &mut self.write;
        self.ledger.change(key, change, || write(key, change))
    }

    fn found(&self, breach: Violation<K>) -> Counterexample<K> {
        Counterexample::new(breach, lock(&self.ledger.timeline).lines())
    }
}

/// A source before each of whose questions, fetches and the one for the last key, others have their turn: what
/// [`ConcurrentStore::interleave`] makes.
///
/// By the first question after a kill it is known where the code goes on, so that isn't to be said.
///
/// It is durable if the source inside is, and its tokens are that one's.
pub struct Interleaved<S, K, W> {
    source: S,
    meanwhile: ConcurrentStore<K, W>,
    has_turns: bool,
}

impl<S, K, W> Interleaved<S, K, W> {
    /// Nobody has a turn before its questions: for code that reads in a transaction in which nobody else can
    /// write, as jobs with SQLite's `SqliteCheckpoints` do. It says [`turn`](ConcurrentStore::turn) where that has
    /// ended, in a hook for its progress, say. Default: others have their turns.
    #[must_use]
    pub fn without_turns(mut self) -> Self {
        self.has_turns = false;
        self
    }

    /// The source inside.
    #[must_use]
    pub fn get_ref(&self) -> &S {
        &self.source
    }

    /// Takes the source out.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.source
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
        self.meanwhile.asked(range, self.has_turns);
        self.source.fetch(range, chunk)
    }

    fn last_key(&mut self, range: &KeyRange<S::Key>) -> Result<LastKey<S::Key>, S::Error> {
        self.meanwhile.asked(range, self.has_turns);
        self.source.last_key(range)
    }
}

/// Prints the source.
impl<S: Debug, K, W> Debug for Interleaved<S, K, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interleaved")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// A run of code that walks, and the clause that it breaks: what [`Schedule::run`](crate::Schedule::run)
/// found.
///
/// Its `Display` shows what is wrong, the clause, the history, what was expected and what came. The schedule
/// isn't in it: proptest prints that as the minimal input.
#[derive(Clone, Debug)]
pub struct Counterexample<K>(Box<Found<K>>);

#[derive(Clone, Debug)]
struct Found<K> {
    breach: Violation<K>,
    telling: Telling,
}

impl<K: Clone + Debug> Counterexample<K> {
    pub(crate) fn new(breach: Violation<K>, timeline: Vec<String>) -> Self {
        let telling = Telling::new(breach.clone(), timeline);
        Counterexample(Box::new(Found { breach, telling }))
    }
}

impl<K: Debug> Counterexample<K> {
    /// What is wrong, with the key.
    #[must_use]
    pub fn breach(&self) -> &Violation<K> {
        &self.0.breach
    }

    /// The clause that is broken.
    #[must_use]
    pub fn clause(&self) -> Clause {
        self.0.breach.clause()
    }

    /// What happened, a line an event; the last 40 of a long history.
    #[must_use]
    pub fn timeline(&self) -> &[String] {
        &self.0.telling.timeline
    }
}

impl<K> Display for Counterexample<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0.telling, f)
    }
}

impl<K: Debug> std::error::Error for Counterexample<K> {}
