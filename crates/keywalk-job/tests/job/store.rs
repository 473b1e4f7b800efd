//! Checkpoints in memory, with effects that are published when they are committed, and failures.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use keywalk_job::{
    Attempt, BoxError, Checkpoint, CheckpointStore, DeadLetter, DeadLetterRecord, DeadLetters,
    Lease, Leases,
};

/// Clones are one store.
#[derive(Clone, Default)]
pub(crate) struct Store {
    inner: Arc<Mutex<Inner>>,
    /// The runner that the store gives each lease as often as it asks, 0 if none.
    pub(crate) runner: u32,
}

#[derive(Default)]
pub(crate) struct Inner {
    pub(crate) checkpoints: BTreeMap<String, Checkpoint>,
    /// How often each number was done by what was committed.
    pub(crate) published: BTreeMap<u32, u32>,
    /// Numbers that were done and not committed, and those that were.
    pub(crate) unrecorded: BTreeSet<u32>,
    pub(crate) recorded: BTreeSet<u32>,
    pub(crate) letters: BTreeMap<Vec<u8>, (String, String)>,
    pub(crate) commits: usize,
    /// Whether several workers may have a scope at a time.
    pub(crate) has_workers: bool,
    /// Scopes that are open.
    pub(crate) open: Arc<()>,
    /// How many operations go well before one fails.
    pub(crate) fails_in: Option<usize>,
    /// Whether a commit that fails has been written all the same.
    pub(crate) fails_late: bool,
    /// Whether what fails passes by itself.
    pub(crate) is_transient: bool,
    /// Is called once, before an operation or a lease or after a load, after so many of them.
    pub(crate) acts: Option<(usize, Box<dyn FnOnce() + Send>)>,
    /// How many runners there were.
    pub(crate) runners: u32,
    /// Who has a job.
    taken: BTreeMap<String, Arc<u32>>,
}

/// What was done with numbers and isn't published.
pub(crate) struct Effects {
    pub(crate) done: RefCell<Vec<u32>>,
    _open: Arc<()>,
}

impl Effects {
    pub(crate) fn done(&self, number: u32) {
        self.done.borrow_mut().push(number);
    }
}

/// What failed, and what that failed over.
#[derive(Debug)]
pub(crate) struct Failed(pub(crate) &'static str, pub(crate) Option<Box<Failed>>);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed", self.0)
    }
}

impl std::error::Error for Failed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.1.as_deref().map(|cause| cause as _)
    }
}

impl Store {
    pub(crate) fn get(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    pub(crate) fn at(&self, job: &str) -> Checkpoint {
        self.get().checkpoints[job].clone()
    }

    pub(crate) fn open_scopes(&self) -> usize {
        Arc::strong_count(&self.get().open) - 1
    }

    /// Something happens to a number, outside of any scope.
    pub(crate) fn happens(&self, number: u32) {
        let mut inner = self.get();
        assert!(!inner.recorded.contains(&number), "{number} comes again");
        inner.unrecorded.insert(number);
    }

    /// One operation fails, after so many that go well, and what it failed over passes by itself.
    pub(crate) fn breaks_for_a_while(&self, fails_in: usize) {
        let mut inner = self.get();
        (inner.is_transient, inner.fails_in) = (true, Some(fails_in));
    }

    fn act(&self) {
        let mut inner = self.get();
        match inner.acts.take() {
            Some((0, act)) => {
                drop(inner);
                act();
            }
            left => inner.acts = left.map(|(after, act)| (after - 1, act)),
        }
    }

    fn operation(&self, name: &'static str) -> Result<(), Failed> {
        self.act();
        let mut inner = self.get();
        match inner.fails_in.take() {
            Some(0) => Err(Failed(name, None)),
            left => {
                inner.fails_in = left.map(|left| left - 1);
                Ok(())
            }
        }
    }
}

impl CheckpointStore for Store {
    type Scope<'a> = Effects;
    type Rest<'a> = &'a mut Self;
    type Error = Failed;

    fn begin(&mut self) -> Result<(Effects, &mut Self), Failed> {
        self.operation("begin")?;
        let is_free = self.get().has_workers || self.open_scopes() == 0;
        assert!(is_free, "one scope at a time");
        let scope = Effects {
            done: RefCell::default(),
            _open: Arc::clone(&self.get().open),
        };
        Ok((scope, self))
    }

    fn load_in(
        _: &mut Effects,
        store: &mut &mut Self,
        job: &str,
    ) -> Result<Option<Checkpoint>, Failed> {
        // What is read may be out of date when it comes.
        let stored = store.get().checkpoints.get(job).cloned();
        store.operation("load")?;
        Ok(stored)
    }

    fn commit(scope: Effects, store: &mut Self, checkpoint: &Checkpoint) -> Result<(), Failed> {
        let operation = store.operation("commit");
        let inner = &mut *store.get();
        if operation.is_err() && !inner.fails_late {
            return operation;
        }
        for number in scope.done.into_inner() {
            *inner.published.entry(number).or_default() += 1;
            inner.unrecorded.remove(&number);
            inner.recorded.insert(number);
        }
        let stored = inner.checkpoints.get(checkpoint.job());
        let is_later = |stored: &Checkpoint| stored.run() > checkpoint.run();
        assert!(!stored.is_some_and(is_later), "two runners at a time");
        let parts = |checkpoint: &Checkpoint| checkpoint.parts().unwrap_or(0);
        if parts(checkpoint) > 0 && stored.is_some_and(|stored| parts(stored) == 0) {
            // A new plan.
            inner.published.clear();
            inner.unrecorded.clear();
            inner.recorded.clear();
        }
        if parts(checkpoint) > 0 && checkpoint.is_done() {
            let of_parts = |(job, _): &(&String, _)| job.contains('#');
            let of_parts = inner.checkpoints.iter().filter(of_parts);
            let items = of_parts.map(|(job, part)| {
                assert!(part.is_done(), "{job} isn't done");
                part.items()
            });
            assert_eq!(items.sum::<u64>(), checkpoint.items());
        }
        inner
            .checkpoints
            .insert(checkpoint.job().to_owned(), checkpoint.clone());
        inner.commits += 1;
        operation
    }

    fn remove(&mut self, job: &str) -> Result<bool, Failed> {
        Ok(self.get().checkpoints.remove(job).is_some())
    }

    fn list(&mut self) -> Result<Vec<Checkpoint>, Failed> {
        Ok(self.get().checkpoints.values().cloned().collect())
    }

    fn is_transient(&self, _: &Failed) -> bool {
        self.get().is_transient
    }

    fn attempt(
        scope: &mut Effects,
        _: &mut &mut Self,
        work: impl FnOnce(&mut Effects) -> Result<(), BoxError>,
    ) -> Result<Attempt, Failed> {
        let before = scope.done.borrow().len();
        Ok(match work(scope) {
            Ok(()) => Attempt::Done,
            Err(error) if error.to_string() == "lost" => {
                scope.done.borrow_mut().clear();
                Attempt::ScopeLost(error)
            }
            Err(error) if error.to_string() == "undone" => Attempt::ScopeUndone(error),
            Err(error) => {
                scope.done.borrow_mut().truncate(before);
                Attempt::RolledBack(error)
            }
        })
    }
}

impl Leases for Store {
    fn lease(&mut self, job: &str) -> Result<Option<Lease>, Failed> {
        self.act();
        let mut inner = self.get();
        let guard = inner.taken.entry(job.to_owned()).or_default();
        let is_own = self.runner > 0 && **guard == self.runner;
        if Arc::strong_count(guard) > 1 && !is_own {
            return Ok(None);
        }
        if !is_own {
            *guard = Arc::new(self.runner);
        }
        Ok(Some(Lease::new(Arc::clone(guard))))
    }
}

impl DeadLetters for Store {
    fn record_dead_letter(
        _: &mut Effects,
        store: &mut &mut Self,
        letter: &DeadLetter<'_>,
    ) -> Result<(), Failed> {
        let said = (letter.key().to_owned(), letter.error_text());
        let mut inner = store.get();
        inner.letters.insert(letter.key_bytes().to_owned(), said);
        Ok(())
    }

    /// Tests look into `letters`.
    fn dead_letters(&mut self, _: &str) -> Result<Vec<DeadLetterRecord>, Failed> {
        Ok(Vec::new())
    }
}
