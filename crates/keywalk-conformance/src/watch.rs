use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::history::{Breach, Flaw, Tell};
use crate::{Clause, Failure};

/// What a check is doing, for the one who waits for it.
#[derive(Clone, Default)]
pub(crate) struct Beat(Arc<State>);

#[derive(Default)]
struct State {
    /// Odd while an operation of the store goes on.
    count: AtomicU64,
    doing: Mutex<Doing>,
    history: Mutex<Option<Arc<Mutex<dyn Tell>>>>,
}

/// An operation of the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Doing {
    #[default]
    Opening,
    /// A change, or a use of the store for itself; after a fetch, maybe.
    Changing {
        has_walked: bool,
    },
    Fetching,
    /// A method of [`DurableSource`](keywalk::DurableSource).
    Writing,
}

impl Beat {
    /// Tells that an operation begins, and that it ended.
    pub(crate) fn during<T>(&self, doing: Doing, operation: impl FnOnce() -> T) -> T {
        *lock(&self.0.doing) = doing;
        self.0.count.fetch_add(1, SeqCst);
        let result = catch_unwind(AssertUnwindSafe(operation));
        self.0.count.fetch_add(1, SeqCst);
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// What to show if it gets stuck.
    pub(crate) fn shows(&self, history: Arc<Mutex<dyn Tell>>) {
        *lock(&self.0.history) = Some(history);
    }

    fn count(&self) -> u64 {
        self.0.count.load(SeqCst)
    }

    fn stuck(&self, check: &'static str, seed: u64) -> Failure {
        let (clause, flaw) = match *lock(&self.0.doing) {
            Doing::Changing { has_walked: true } => (
                Clause::G14,
                "a change after a fetch doesn't return: the source holds a lock",
            ),
            Doing::Changing { has_walked: false } => (Clause::Harness, "a change doesn't return"),
            Doing::Opening => (Clause::Harness, "opening the store doesn't return"),
            Doing::Fetching => (Clause::G9, "a fetch doesn't return"),
            Doing::Writing => (Clause::G10, "a method of `DurableSource` doesn't return"),
        };
        let timeline = lock(&self.0.history)
            .as_ref()
            .map(|history| lock(history).lines());
        let breach = Breach::<()>::new(Flaw::Said(flaw)).of(clause);
        Failure::new(check, seed, breach, timeline.unwrap_or_default())
    }
}

/// A thread that panicked left nothing half done here.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a check on a thread of its own. Where an operation of the store hangs, the thread is left
/// behind.
pub(crate) fn watched<T: Send + 'static>(
    check: &'static str,
    seed: u64,
    patience: Duration,
    run: impl FnOnce(Beat) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let beat = Beat::default();
    let (told, tells) = channel();
    let of_thread = beat.clone();
    let spawned = thread::Builder::new()
        .name(check.to_owned())
        .spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(|| run(of_thread)));
            // Nobody listens any more if it took too long.
            drop(told.send(result));
        });
    if let Err(error) = spawned {
        let breach = Breach::<()>::new(Flaw::Said("no thread could be started")).got(error);
        return Err(Failure::new(check, seed, breach, Vec::new()));
    }
    let mut count = beat.count();
    let mut unmoved = 0;
    loop {
        match tells.recv_timeout(patience) {
            Ok(Ok(result)) => return result,
            Ok(Err(panic)) => {
                let breach = Breach::<()>::new(Flaw::Panicked).got(message(&*panic));
                return Err(Failure::new(check, seed, breach, Vec::new()));
            }
            Err(RecvTimeoutError::Timeout) => {
                let now = beat.count();
                unmoved = if now == count { unmoved + 1 } else { 0 };
                count = now;
                let is_operating = now % 2 == 1;
                // What the kit itself does between two operations takes no time to speak of.
                if unmoved > 0 && (is_operating || unmoved > 10) {
                    return Err(beat.stuck(check, seed));
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                let breach = Breach::<()>::new(Flaw::Said("the check's thread was lost"));
                return Err(Failure::new(check, seed, breach, Vec::new()));
            }
        }
    }
}

/// What a panic says.
pub(crate) fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)")
        .to_owned()
}
