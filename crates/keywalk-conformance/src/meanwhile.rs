use std::fmt::{self, Debug};
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread;

use keywalk::KeyRange;

use crate::history::{Breach, Change, Event, Flaw, Shown, Visits};
use crate::ledger::Ledger;
use crate::{BoxError, Counterexample, Schedule};

mod interleaved;
mod shared;
mod state;

pub use interleaved::Interleaved;
use shared::Shared;
use state::{State, Stop};

/// What happens to a store while code under test walks it, and what that code did so far: the code's side of
/// [`Schedule::run`].
///
/// Clones are the same one, also in other threads if `W`, which writes, can go there. In a thread that unwinds,
/// killed or by a panic of its own, it does nothing: destructors may say what they do.
pub struct Meanwhile<K, W>(Arc<Shared<State<K, W>>>);

/// How a run of the code came to its end.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Ran {
    ToItsEnd,
    IntoItsDeath,
}

impl Ran {
    pub(crate) fn is_killed(self) -> bool {
        self == Ran::IntoItsDeath
    }
}

/// Unwinds out of the code.
struct Stopped;

impl<K, W> Meanwhile<K, W>
where
    K: Ord + Clone + Debug,
    W: FnMut(&K, Change) -> Result<(), BoxError>,
{
    /// Puts what the schedule has at first.
    pub(crate) fn begin(
        schedule: &Schedule<K>,
        visits: Visits<K>,
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
        for key in &schedule.initial {
            let put = state.write(key, true);
            put.map_err(|error| {
                let breach = Breach::new(Flaw::Said("a row that is there at first was not put"))
                    .got(error)
                    .hint("does the store take every key that is drawn, and is it empty when the run begins?");
                state.found(breach)
            })?;
        }
        let now = state.ledger.clock().tick();
        (state.begun, state.turned) = (now, now);
        state.visits.begin(now);
        Ok(Meanwhile(Arc::new(Shared::new(state))))
    }

    /// Runs the code once.
    pub(crate) fn watch<E: Debug>(
        &self,
        code: &mut impl FnMut(&Self) -> Result<(), E>,
    ) -> Result<Ran, Counterexample<K>> {
        let returned = catch_unwind(AssertUnwindSafe(|| code(self)));
        let mut state = self.0.get();
        match (state.stop.take(), returned) {
            (Some(Stop::Broke(breach)), _) => Err(state.found(breach)),
            (Some(Stop::Killed), _) => {
                state
                    .ledger
                    .tell(Event::Note("killed, and begun again".to_owned()));
                // Undone with its transaction, or not: it stays possible.
                state.pending.clear();
                (state.runs, state.events, state.idle) = (state.runs + 1, 0, 0);
                state.is_lost = true;
                state.begun = state.ledger.clock().tick();
                Ok(Ran::IntoItsDeath)
            }
            (None, Err(panic)) => {
                drop(state);
                resume_unwind(panic)
            }
            (None, Ok(Err(error))) => {
                let breach = Breach::new(Flaw::Said("the code under test returned an error"))
                    .got(format!("{error:?}"))
                    .hint("is it an error that it should have tried again?");
                Err(state.found(breach))
            }
            (None, Ok(Ok(()))) => Ok(Ran::ToItsEnd),
        }
    }

    /// The code returned, as if nothing more came.
    pub(crate) fn end(&self) -> Result<(), Counterexample<K>> {
        let mut state = self.0.get();
        let now = state.ledger.clock().tick();
        // With nothing left to be read, nothing was.
        let kept = state.cursor.clone();
        let found = match state.is_lost {
            true => state.resume(kept),
            false => Ok(()),
        };
        let found = found.and_then(|()| {
            let State { ledger, visits, .. } = &mut *state;
            visits.end(now, &ledger.lives())
        });
        found.map_err(|breach| state.found(breach))
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
    /// something (G14). [`Schedule::run`] catches it.
    ///
    /// If it comes, as by a hook of the store, from the `write` of [`Schedule::run`]: that is what others do.
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
    /// It unwinds where the schedule kills the code, and where it breaks a clause. [`Schedule::run`] catches it.
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
    /// It unwinds where rows before that key were never visited (G10). [`Schedule::run`] catches it.
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
            self.0.get().delete(key);
        }
    }

    /// The same source, with the others' [turn](Self::turn) before each question that a walk asks.
    #[must_use = "others have their turn only before the questions of the source that it makes"]
    pub fn interleave<S>(&self, source: S) -> Interleaved<S, K, W> {
        Interleaved::new(source, self.clone())
    }

    /// A walk asks for what is left of its range, and others have their turn or not.
    fn asked(&self, range: &KeyRange<K>, is_turn: bool) {
        let after = match range.near() {
            Bound::Excluded(key) => Some(key),
            _ => None,
        };
        self.say(|state| {
            if state.is_lost {
                state.resume(after.cloned())?;
            }
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
    fn say(&self, what: impl FnOnce(&mut State<K, W>) -> Result<bool, Breach<K>>) {
        if thread::panicking() {
            return;
        }
        let mut state = self.0.get();
        if state.stop.is_none() {
            state.stop = match what(&mut state) {
                Err(breach) => Some(Stop::Broke(breach)),
                Ok(is_killed) => is_killed.then_some(Stop::Killed),
            };
        }
        let goes_on = state.stop.is_none();
        drop(state);
        if !goes_on {
            resume_unwind(Box::new(Stopped));
        }
    }
}

impl<K, W> Clone for Meanwhile<K, W> {
    fn clone(&self) -> Self {
        Meanwhile(Arc::clone(&self.0))
    }
}

impl<K, W> Debug for Meanwhile<K, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meanwhile").finish_non_exhaustive()
    }
}
