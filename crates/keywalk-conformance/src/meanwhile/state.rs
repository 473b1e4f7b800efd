use std::fmt::Debug;

use crate::edit::Place;
use crate::history::{Breach, Change, Event, Flaw, Mutation, Span, Visits};
use crate::ledger::Ledger;
use crate::trial::held;
use crate::watch::lock;
use crate::{BoxError, Counterexample, Schedule};

/// Code that says so many turns in a row, and visits nothing, has no end.
const MOST_IDLE: usize = 1_000;

/// A store beside which code runs, and what that did.
pub(super) struct State<K, W> {
    pub(super) schedule: Schedule<K>,
    pub(super) ledger: Ledger<K>,
    pub(super) visits: Visits<K>,
    pub(super) write: W,
    /// Turns so far, of all runs, and when the last one ended.
    pub(super) turns: usize,
    pub(super) turned: u64,
    /// Turns since the last visit.
    pub(super) idle: usize,
    /// Runs before this one, when it began, and what it has had of events.
    pub(super) runs: usize,
    pub(super) begun: u64,
    pub(super) events: usize,
    /// What the code deleted since the last turn.
    pub(super) pending: Vec<Mutation<K>>,
    /// Where the code is.
    pub(super) cursor: Option<K>,
    /// It was killed, and hasn't said where it goes on.
    pub(super) is_lost: bool,
    pub(super) stop: Option<Stop<K>>,
}

/// Why the code was stopped.
pub(super) enum Stop<K> {
    Killed,
    Broke(Breach<K>),
}

impl<K, W> State<K, W>
where
    K: Ord + Clone + Debug,
    W: FnMut(&K, Change) -> Result<(), BoxError>,
{
    pub(super) fn turn(&mut self) -> Result<bool, Breach<K>> {
        self.ledger
            .tell(Event::Note("others have their turn".to_owned()));
        self.idle += 1;
        if self.idle >= MOST_IDLE {
            return Err(Breach::new(Flaw::Endless)
                .expected("a visit, or the end")
                .got(format!("{MOST_IDLE} turns, and nothing visited"))
                .hint("is the end taken for a row that is gone?"));
        }
        self.settle();
        let now = self.schedule.turns.get(self.turns).cloned();
        self.turns += 1;
        for edit in now.into_iter().flatten() {
            let place = Place {
                pool: &self.schedule.pool,
                present: &self.ledger.present(),
                order: self.visits.range().order(),
                cursor: self.cursor.as_ref(),
            };
            for key in edit.keys(&place) {
                self.write(&key, edit.is_put()).map_err(held)?;
            }
        }
        self.turned = self.ledger.clock().tick();
        Ok(self.is_killed())
    }

    /// The code deletes this row. It may do so in a transaction, that a kill undoes.
    pub(super) fn delete(&mut self, key: &K) {
        let mutation = Mutation {
            key: key.clone(),
            change: Change::Delete,
            during: Span {
                from: self.turned,
                to: self.ledger.clock().tick(),
            },
        };
        self.ledger.attempt(mutation.clone());
        self.pending.push(mutation);
    }

    /// Others can write: what the code deleted is done.
    fn settle(&mut self) {
        let to = self.ledger.clock().tick();
        for mut mutation in self.pending.drain(..) {
            mutation.during.to = to;
            self.ledger.settle(&mutation);
        }
    }

    pub(super) fn visit(&mut self, key: &K, value: Option<u64>) -> Result<bool, Breach<K>> {
        let now = self.ledger.clock().tick();
        self.ledger.tell(Event::Visit(key.clone(), value));
        self.find_place()?;
        self.visits.visit(key, value, now, &self.ledger.lives())?;
        self.idle = 0;
        self.cursor = Some(key.clone());
        Ok(self.is_killed())
    }

    pub(super) fn resume(&mut self, after: Option<K>) -> Result<(), Breach<K>> {
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
        self.visits.resume(after, self.begun, &self.ledger.lives())
    }

    /// A run that doesn't say where it goes on begins at the start.
    pub(super) fn find_place(&mut self) -> Result<(), Breach<K>> {
        match self.is_lost {
            true => self.resume(None),
            false => Ok(()),
        }
    }

    /// The event that just was is this run's last one.
    pub(super) fn is_killed(&mut self) -> bool {
        self.events += 1;
        self.schedule.kills.get(self.runs) == Some(&self.events)
    }

    pub(super) fn write(&mut self, key: &K, is_put: bool) -> Result<(), BoxError> {
        let change = match is_put {
            true => Change::Put(self.ledger.next_value()),
            false => Change::Delete,
        };
        let write = &mut self.write;
        self.ledger.change(key, change, || write(key, change))
    }

    pub(super) fn found(&self, breach: Breach<K>) -> Counterexample<K> {
        Counterexample::new(breach, &lock(&self.ledger.timeline()))
    }
}
