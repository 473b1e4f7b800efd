use std::collections::VecDeque;
use std::sync::PoisonError;
use std::vec::Vec;

use super::sync::{Condvar, Mutex, MutexGuard};

/// Connects a thread that fills buffers and a caller that uses them. Full buffers go to the caller in order,
/// and used ones return to be filled again.
///
/// Either side may leave at any time, the thread also by a panic. The other side then notices, and never waits
/// forever.
///
/// The two sides never wait at the same time. Suppose that they did: neither would hold a buffer, so each buffer
/// would be empty or full, and one side could proceed.
pub(super) struct Handoff<E, F> {
    state: Mutex<State<E, F>>,
    /// Signals that a buffer arrived or a side left.
    changed: Condvar,
}

struct State<E, F> {
    empty: Vec<E>,
    /// How many more empty buffers may be created.
    unmade: usize,
    full: VecDeque<F>,
    is_served: bool,
    is_wanted: bool,
}

impl<E: Default, F> Handoff<E, F> {
    /// Creates a handoff for `depth` buffers that are full or being filled, besides the caller's.
    pub(super) fn new(depth: usize) -> Self {
        Handoff {
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

    /// Runs the thread's side: fills one buffer after another until `fill` returns `None` or fails, or the
    /// caller has left.
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

    /// Runs the caller's side: returns a used buffer and waits for the next full one. Returns `None` once the
    /// thread has left and everything that it filled was taken.
    pub(super) fn next(&self, used: E) -> Option<F> {
        self.change(|state| state.empty.push(used));
        self.wait(|state| match state.full.pop_front() {
            None if state.is_served => None,
            next => Some(next),
        })
    }

    /// Leaves as the caller: no more buffers are filled.
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

impl<E, F> Handoff<E, F> {
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

    /// No code panics under the lock with the state half changed, so poisoning is ignored.
    fn lock(&self) -> MutexGuard<'_, State<E, F>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Records that the thread has left, also when it unwinds.
struct Leaves<'a, E, F>(&'a Handoff<E, F>);

impl<E, F> Drop for Leaves<'_, E, F> {
    fn drop(&mut self) {
        self.0.change(|state| state.is_served = false);
    }
}
