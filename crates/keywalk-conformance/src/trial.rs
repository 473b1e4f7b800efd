use std::any::Any;
use std::cell::Cell;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use keywalk::Order;

use crate::edit::Place;
use crate::history::{Breach, Change, Event, Flaw, Tell};
use crate::ledger::Ledger;
use crate::watch::{Beat, Doing, message};
use crate::witness::Witness;
use crate::{BoxError, Clause, Edit, Harness};

/// A store under test, with all that happened to it.
pub(crate) struct Trial<H: Harness> {
    /// Only `reopen` takes it out.
    harness: Option<H>,
    beat: Beat,
    ledger: Ledger<H::Key>,
    /// Whether a source was asked; from then on a lock may be held.
    has_walked: Cell<bool>,
}

/// The breach of a check over this harness.
pub(crate) type HarnessBreach<H> = Breach<<H as Harness>::Key>;

impl<H: Harness> Trial<H> {
    pub(crate) fn open(beat: &Beat) -> Result<Self, HarnessBreach<H>> {
        let harness = beat.during(Doing::Opening, H::open).map_err(refused)?;
        let ledger = Ledger::default();
        let shown: Arc<Mutex<dyn Tell>> = ledger.timeline();
        beat.shows(shown);
        Ok(Trial {
            harness: Some(harness),
            beat: beat.clone(),
            ledger,
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

    /// All that happened so far.
    pub(crate) fn ledger(&self) -> &Ledger<H::Key> {
        &self.ledger
    }

    /// Inserts or replaces, with a new value.
    pub(crate) fn put(&self, key: &H::Key) -> Result<(), HarnessBreach<H>> {
        let value = self.ledger.next_value();
        self.change(key, Change::Put(value), |harness| harness.put(key, value))
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
        // A store's own assertion is an error that names its key, and the history shows the change.
        let operation =
            || catch_unwind(AssertUnwindSafe(|| operation(harness))).unwrap_or_else(panicked);
        let operation = || self.between(operation);
        let changed = self.ledger.change(key, change, operation);
        changed.map_err(|error| self.unexpected(error))
    }

    /// Does what others do. `pool` are the keys to choose from; `cursor` is the last key handed out by a
    /// walk in `order`.
    pub(crate) fn edit(
        &self,
        edit: &Edit<H::Key>,
        pool: &[H::Key],
        order: Order,
        cursor: Option<&H::Key>,
    ) -> Result<(), HarnessBreach<H>> {
        let present = &self.ledger.present()[..];
        let place = Place {
            pool,
            present,
            order,
            cursor,
        };
        let mut keys = edit.keys(&place).into_iter();
        keys.try_for_each(|key| match edit.is_put() {
            true => self.put(&key),
            false => self.delete(&key),
        })
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
        held(error)
    }

    pub(crate) fn beat(&self) -> &Beat {
        &self.beat
    }

    /// A source is asked.
    pub(crate) fn walks(&self) {
        self.has_walked.set(true);
    }

    pub(crate) fn note(&self, note: impl Into<String>) {
        self.ledger.tell(Event::Note(note.into()));
    }
}

/// An error of the harness itself.
pub(crate) fn refused<K: Debug>(error: BoxError) -> Breach<K> {
    Breach::new(Flaw::Failed).of(Clause::Harness).got(error)
}

/// An error of a change beside a walk.
pub(crate) fn held<K: Debug>(error: BoxError) -> Breach<K> {
    Breach::new(Flaw::Said("a change after a fetch failed"))
        .of(Clause::G14)
        .got(error)
        .hint("is a lock, a statement, a transaction or an iterator held between two fetches?")
}

/// A change that panicked.
fn panicked(panic: Box<dyn Any + Send>) -> Result<(), BoxError> {
    Err(format!("it panicked: {}", message(&*panic)).into())
}
