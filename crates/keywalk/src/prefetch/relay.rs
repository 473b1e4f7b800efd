use std::collections::VecDeque;
use std::sync::PoisonError;
use std::vec::Vec;

use super::sync::{Condvar, Mutex, MutexGuard};

/// Between a thread that fills what is empty and a caller who uses it up: what is full goes to the
/// caller, in order, and what was used comes back to be filled again.
///
/// Either may leave at any moment, the thread also by a panic; the other one then learns it, and never
/// waits for ever.
///
/// At most one of the two waits at a time: if nothing is empty and nothing is full, somebody has it.
pub(super) struct Relay<E, F> {
    state: Mutex<State<E, F>>,
    /// Something came, or one of the two left.
    changed: Condvar,
}

struct State<E, F> {
    empty: Vec<E>,
    /// How many more empty ones may be made.
    unmade: usize,
    full: VecDeque<F>,
    is_served: bool,
    is_wanted: bool,
}

impl<E: Default, F> Relay<E, F> {
    /// For so many that are full, or being filled, beside the one that the caller has.
    pub(super) fn new(depth: usize) -> Self {
        Relay {
            state: Mutex::new(State {
                empty: Vec::new(),
                unmade: depth,
                full: VecDeque::new(),
                is_served: true,
                is_wanted: true,
            }),
            changed: Condvar::new(),
        }
    }

    /// The thread's part: fills one after the other, until `fill` gives none or fails, or the caller has
    /// left.
    pub(super) fn serve<X>(
        &self,
        mut fill: impl FnMut(E) -> Result<Option<F>, X>,
    ) -> Result<(), X> {
        let _leaves = Leaves(self);
        while let Some(empty) = self.empty() {
            let Some(full) = fill(empty)? else { break };
            self.change(|state| state.full.push_back(full));
        }
        Ok(())
    }

    /// The caller's part: gives back what it used and waits for the next one. `None` once the thread has
    /// left, and all that it filled has come.
    pub(super) fn next(&self, used: E) -> Option<F> {
        self.change(|state| state.empty.push(used));
        self.wait(|state| match state.full.pop_front() {
            None if state.is_served => None,
            next => Some(next),
        })
    }

    /// The caller leaves: no other one is filled.
    pub(super) fn leave(&self) {
        self.change(|state| state.is_wanted = false);
    }

    fn empty(&self) -> Option<E> {
        self.wait(|state| {
            if !state.is_wanted {
                return Some(None);
            }
            let used = state.empty.pop();
            if used.is_none() && state.unmade > 0 {
                state.unmade -= 1;
                return Some(Some(E::default()));
            }
            used.map(Some)
        })
    }
}

impl<E, F> Relay<E, F> {
    fn change(&self, change: impl FnOnce(&mut State<E, F>)) {
        change(&mut self.lock());
        self.changed.notify_one();
    }

    fn wait<T>(&self, mut until: impl FnMut(&mut State<E, F>) -> Option<T>) -> T {
        let mut state = self.lock();
        loop {
            if let Some(value) = until(&mut state) {
                return value;
            }
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Nothing is done under the lock that leaves it half done.
    fn lock(&self) -> MutexGuard<'_, State<E, F>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says that the thread has left, also when it unwinds.
struct Leaves<'a, E, F>(&'a Relay<E, F>);

impl<E, F> Drop for Leaves<'_, E, F> {
    fn drop(&mut self) {
        self.0.change(|state| state.is_served = false);
    }
}
