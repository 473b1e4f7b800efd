use std::cell::{Cell, Ref, RefCell};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use crate::BoxError;
use crate::history::{Change, Clock, Event, Lives, Mutation, Span, Timeline};
use crate::watch::lock;

/// All that happened to a store.
pub(crate) struct Ledger<K> {
    clock: Clock,
    lives: RefCell<Lives<K>>,
    /// What the store must hold, if nobody else changes it.
    present: RefCell<BTreeSet<K>>,
    timeline: Arc<Mutex<Timeline<K>>>,
    /// Every put has a value of its own, so that a stale one shows.
    puts: Cell<u64>,
}

impl<K> Default for Ledger<K> {
    fn default() -> Self {
        Ledger {
            clock: Clock::default(),
            lives: RefCell::default(),
            present: RefCell::default(),
            timeline: Arc::default(),
            puts: Cell::new(0),
        }
    }
}

impl<K: Ord + Clone> Ledger<K> {
    /// The value of the next put.
    pub(crate) fn next_value(&self) -> u64 {
        self.puts.set(self.puts.get() + 1);
        self.puts.get()
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
        self.keep(mutation);
    }

    /// Writes down what was done.
    pub(crate) fn record(&self, mutation: Mutation<K>) {
        self.lives.borrow_mut().record(mutation.clone());
        if mutation.during.to < Span::NEVER {
            self.keep(&mutation);
        }
        self.tell(Event::Mutation(mutation));
    }

    fn keep(&self, mutation: &Mutation<K>) {
        let mut present = self.present.borrow_mut();
        match mutation.change {
            Change::Put(_) => present.insert(mutation.key.clone()),
            Change::Delete => present.remove(&mutation.key),
        };
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

    /// The keys that are there.
    pub(crate) fn present(&self) -> Vec<K> {
        self.present.borrow().iter().cloned().collect()
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn tell(&self, event: Event<K>) {
        lock(&self.timeline).add(event);
    }

    /// Tells nothing but this.
    pub(crate) fn tell_only(&self, events: Vec<Event<K>>) {
        *lock(&self.timeline) = Timeline::of(events);
    }

    pub(crate) fn timeline(&self) -> Arc<Mutex<Timeline<K>>> {
        Arc::clone(&self.timeline)
    }
}
