use std::cell::{Cell, Ref, RefCell};
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use keywalk::{KeyRange, Order};

use crate::{
    BoxError, Breach, Change, Clause, Clock, Event, Lives, Mutation, Presence, Span, Timeline, lock,
};

/// All that happened to a store.
pub(crate) struct Ledger<K> {
    clock: Clock,
    lives: RefCell<Lives<K>>,
    timeline: Arc<Mutex<Timeline<K>>>,
    /// Every put has a value of its own, so that a stale one shows.
    puts: Cell<u64>,
}

impl<K> Default for Ledger<K> {
    fn default() -> Self {
        Ledger {
            clock: Clock::default(),
            lives: RefCell::default(),
            timeline: Arc::default(),
            puts: Cell::new(0),
        }
    }
}

impl<K: Ord + Clone> Ledger<K> {
    /// The next put, with a value of its own, or a deletion.
    pub(crate) fn next_change(&self, is_put: bool) -> Change {
        self.puts.set(self.puts.get() + u64::from(is_put));
        match is_put {
            true => Change::Put(self.puts.get()),
            false => Change::Delete,
        }
    }

    /// The values of puts go on from here.
    pub(crate) fn puts_from(&self, value: u64) {
        self.puts.set(value);
    }

    /// Changes a key, and writes down when. What failed is possible for ever.
    pub(crate) fn change(
        &self,
        key: &K,
        change: Change,
        operation: impl FnOnce() -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        let (result, mut during) = self.clock.time(operation);
        if result.is_err() {
            during = during.failed();
        }
        self.record(Mutation {
            key: key.clone(),
            change,
            during,
        });
        result
    }

    /// Writes down what may be undone, until it is [settled](Self::settle).
    pub(crate) fn attempt(&self, mutation: Mutation<K>) {
        let mut possible = mutation.clone();
        possible.during = possible.during.failed();
        self.lives.borrow_mut().record(possible);
        self.tell(Event::Mutation(mutation));
    }

    /// What was attempted was done by then.
    pub(crate) fn settle(&self, mutation: &Mutation<K>) {
        self.lives.borrow_mut().settle(mutation);
    }

    /// Writes down what was done.
    fn record(&self, mutation: Mutation<K>) {
        self.lives.borrow_mut().record(mutation.clone());
        self.tell(Event::Mutation(mutation));
    }

    /// What happened elsewhere, on other threads. It is far too much to be told.
    pub(crate) fn adopt(&self, mutations: &[Mutation<K>]) {
        let mut lives = self.lives.borrow_mut();
        for mutation in mutations {
            lives.record(mutation.clone());
        }
    }

    pub(crate) fn lives(&self) -> Ref<'_, Lives<K>> {
        self.lives.borrow()
    }

    /// The keys that are certainly there.
    pub(crate) fn present(&self) -> Vec<K> {
        let now = Span::at(self.clock.tick());
        let lives = self.lives.borrow();
        let all = KeyRange::all(Order::Ascending);
        let present = lives.content(&all, now);
        let present = present.filter(|(_, presence)| *presence == Presence::Present);
        present.map(|(key, _)| key.clone()).collect()
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn tell(&self, event: Event<K>) {
        lock(&self.timeline).push(event);
    }

    /// Tells nothing but this.
    pub(crate) fn tell_only(&self, events: Timeline<K>) {
        *lock(&self.timeline) = events;
    }

    pub(crate) fn timeline(&self) -> Arc<Mutex<Timeline<K>>> {
        Arc::clone(&self.timeline)
    }
}

/// An error of a change beside a walk.
pub(crate) fn held<K: Debug>(error: BoxError) -> Breach<K> {
    Breach::said(Clause::G14, "a change after a fetch failed")
        .got(error)
        .hint("is a lock, a statement, a transaction or an iterator held between two fetches?")
}
