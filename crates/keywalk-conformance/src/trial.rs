use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use crate::history::{Breach, Change, Clock, Event, Flaw, Lives, Mutation, Timeline};
use crate::watch::{Beat, Doing, lock};
use crate::witness::Witness;
use crate::{BoxError, Clause, Harness};

/// A store under test, with all that happened to it.
pub(crate) struct Trial<H: Harness> {
    /// Only `reopen` takes it out.
    harness: Option<H>,
    beat: Beat,
    clock: Clock,
    lives: RefCell<Lives<H::Key>>,
    /// What the store must hold, if nobody else changes it.
    present: RefCell<BTreeSet<H::Key>>,
    timeline: Arc<Mutex<Timeline<H::Key>>>,
    /// Every put has a value of its own, so that a stale one shows.
    puts: Cell<u64>,
    /// Whether a source was asked; from then on a lock may be held.
    has_walked: Cell<bool>,
}

/// The breach of a check over this harness.
pub(crate) type HarnessBreach<H> = Breach<<H as Harness>::Key>;

impl<H: Harness> Trial<H> {
    pub(crate) fn open(beat: &Beat) -> Result<Self, HarnessBreach<H>> {
        let harness = beat.during(Doing::Opening, H::open).map_err(refused)?;
        let timeline = Arc::new(Mutex::new(Timeline::default()));
        let shown: Arc<Mutex<dyn crate::history::Tell>> = timeline.clone();
        beat.shows(shown);
        Ok(Trial {
            harness: Some(harness),
            beat: beat.clone(),
            clock: Clock::default(),
            lives: RefCell::default(),
            present: RefCell::default(),
            timeline,
            puts: Cell::new(0),
            has_walked: Cell::new(false),
        })
    }

    pub(crate) fn harness(&self) -> Result<&H, HarnessBreach<H>> {
        self.harness
            .as_ref()
            .ok_or_else(|| Breach::new(Flaw::Said("the store could not be reopened")))
    }

    /// Another source, whose questions are written down.
    pub(crate) fn source(&self) -> Result<Witness<'_, H>, HarnessBreach<H>> {
        Ok(Witness::new(self, self.bare_source()?))
    }

    /// Another source, as the harness gives it.
    pub(crate) fn bare_source(&self) -> Result<H::Source<'_>, HarnessBreach<H>> {
        let harness = self.harness()?;
        let source = self.beat.during(Doing::Opening, || harness.source());
        source.map_err(refused)
    }

    /// Inserts or replaces, with a new value.
    pub(crate) fn put(&self, key: &H::Key) -> Result<(), HarnessBreach<H>> {
        self.puts.set(self.puts.get() + 1);
        let value = self.puts.get();
        self.change(key, Change::Put(value), |harness| harness.put(key, value))
    }

    /// The values of puts go on from here.
    pub(crate) fn puts_from(&self, value: u64) {
        self.puts.set(value);
    }

    pub(crate) fn put_all<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k H::Key>,
    ) -> Result<(), HarnessBreach<H>> {
        keys.into_iter().try_for_each(|key| self.put(key))
    }

    pub(crate) fn delete(&self, key: &H::Key) -> Result<(), HarnessBreach<H>> {
        self.change(key, Change::Delete, |harness| harness.delete(key))
    }

    fn change(
        &self,
        key: &H::Key,
        change: Change,
        operation: impl FnOnce(&H) -> Result<(), BoxError>,
    ) -> Result<(), HarnessBreach<H>> {
        let harness = self.harness()?;
        let (result, mut during) = self.clock.time(|| self.between(|| operation(harness)));
        if result.is_err() {
            during = during.failed();
        }
        let mutation = Mutation {
            key: key.clone(),
            change,
            during,
        };
        self.lives.borrow_mut().record(mutation.clone());
        self.tell(Event::Mutation(mutation));
        result.map_err(|error| self.unexpected(error))?;
        let mut present = self.present.borrow_mut();
        match change {
            Change::Put(_) => present.insert(key.clone()),
            Change::Delete => present.remove(key),
        };
        Ok(())
    }

    /// Does what can't be done while anything of the store is held.
    pub(crate) fn use_alone(&self) -> Result<(), HarnessBreach<H>> {
        let harness = self.harness()?;
        self.between(|| harness.use_alone())
            .map_err(|error| self.unexpected(error))
    }

    /// Closes the store and opens it again.
    pub(crate) fn reopen(&mut self) -> Result<(), HarnessBreach<H>> {
        let Some(harness) = self.harness.take() else {
            return self.harness().map(drop);
        };
        let reopened = self.beat.during(Doing::Opening, || harness.reopen());
        self.harness = Some(reopened.map_err(refused)?);
        self.note("the store is closed and opened again");
        Ok(())
    }

    fn between<T>(&self, operation: impl FnOnce() -> T) -> T {
        let has_walked = self.has_walked.get();
        self.beat.during(Doing::Changing { has_walked }, operation)
    }

    /// An error of a change: the harness's own, unless a source was asked before.
    fn unexpected(&self, error: BoxError) -> HarnessBreach<H> {
        if !self.has_walked.get() {
            return refused(error);
        }
        let held = "a change after a fetch failed";
        Breach::new(Flaw::Said(held))
            .of(Clause::G14)
            .got(error)
            .hint("does the source hold a lock, a statement or an iterator?")
    }

    pub(crate) fn lives(&self) -> std::cell::Ref<'_, Lives<H::Key>> {
        self.lives.borrow()
    }

    /// What happened elsewhere, on other threads. It is far too much to be told.
    pub(crate) fn adopt(&self, mutations: &[Mutation<H::Key>]) {
        let mut lives = self.lives.borrow_mut();
        for mutation in mutations {
            lives.record(mutation.clone());
        }
    }

    /// Tells nothing but this.
    pub(crate) fn tell_only(&self, events: Vec<Event<H::Key>>) {
        *lock(&self.timeline) = Timeline::of(events);
    }

    /// The keys that are there.
    pub(crate) fn present(&self) -> Vec<H::Key> {
        self.present.borrow().iter().cloned().collect()
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn beat(&self) -> &Beat {
        &self.beat
    }

    /// A source is asked.
    pub(crate) fn walks(&self) {
        self.has_walked.set(true);
    }

    pub(crate) fn note(&self, note: impl Into<String>) {
        self.tell(Event::Note(note.into()));
    }

    pub(crate) fn tell(&self, event: Event<H::Key>) {
        lock(&self.timeline).add(event);
    }

    pub(crate) fn timeline(&self) -> Arc<Mutex<Timeline<H::Key>>> {
        Arc::clone(&self.timeline)
    }
}

/// An error of the harness itself.
pub(crate) fn refused<K: Debug>(error: BoxError) -> Breach<K> {
    Breach::new(Flaw::Failed).of(Clause::Harness).got(error)
}
