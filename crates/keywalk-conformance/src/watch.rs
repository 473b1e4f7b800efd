use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::{Breach, Clause, Config, Failure, Flaw, Tell, Verdict};

/// What a check is doing, for the one who waits for it.
#[derive(Clone, Default)]
pub(crate) struct Beat(Arc<State>);

#[derive(Default)]
struct State {
    /// Odd while an operation of the store goes on.
    count: AtomicU64,
    doing: Mutex<Doing>,
    /// Whether a source was asked; from then on a lock may be held.
    has_walked: AtomicBool,
    history: Mutex<Option<Arc<Mutex<dyn Tell + Send>>>>,
}

/// An operation of the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Doing {
    #[default]
    Opening,
    /// A change, or a use of the store for itself.
    Changing,
    Fetching,
    /// A method of [`DurableSource`](keywalk::DurableSource).
    Writing,
}

impl Beat {
    /// Another store was opened: what to show if it gets stuck.
    pub(crate) fn shows(&self, history: Arc<Mutex<dyn Tell + Send>>) {
        self.0.has_walked.store(false, SeqCst);
        *lock(&self.0.history) = Some(history);
    }

    /// Tells that an operation begins, and that it ended.
    pub(crate) fn during<T>(&self, doing: Doing, operation: impl FnOnce() -> T) -> T {
        *lock(&self.0.doing) = doing;
        self.0.has_walked.fetch_or(doing == Doing::Fetching, SeqCst);
        self.0.count.fetch_add(1, SeqCst);
        let result = caught(operation);
        self.0.count.fetch_add(1, SeqCst);
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }

    pub(crate) fn has_walked(&self) -> bool {
        self.0.has_walked.load(SeqCst)
    }

    fn count(&self) -> u64 {
        self.0.count.load(SeqCst)
    }

    fn stuck(&self) -> (Breach<()>, Vec<String>) {
        let (clause, flaw) = match *lock(&self.0.doing) {
            Doing::Changing if self.has_walked() => (
                Clause::G14,
                "a change after a fetch doesn't return: the source holds a lock",
            ),
            Doing::Changing => (Clause::Harness, "a change doesn't return"),
            Doing::Opening => (Clause::Harness, "opening the store doesn't return"),
            Doing::Fetching => (Clause::G9, "a fetch doesn't return"),
            Doing::Writing => (Clause::G10, "a method of `DurableSource` doesn't return"),
        };
        let history = lock(&self.0.history);
        let lines = history.as_ref().map(|history| lock(history).lines());
        (Breach::said(clause, flaw), lines.unwrap_or_default())
    }
}

/// Runs a check on a thread of its own. Where an operation of the store hangs, the thread is left
/// behind.
pub(crate) fn watched(
    check: &'static str,
    config: Config,
    run: Box<dyn FnOnce(Beat) -> Result<Verdict, Failure> + Send>,
) -> Result<Verdict, Failure> {
    let failed = |breach: Breach<()>, lines| Failure::new(check, config.seed, breach, lines);
    let beat = Beat::default();
    let of_thread = beat.clone();
    let (told, tells) = channel();
    let run = move || {
        let result = caught(|| run(of_thread));
        // Nobody listens any more if it took too long.
        drop(told.send(result));
    };
    if let Err(error) = thread::Builder::new().name(check.to_owned()).spawn(run) {
        let breach = Breach::said(Clause::Harness, "no thread could be started");
        return Err(failed(breach.got(error), Vec::new()));
    }
    let (mut count, mut unmoved) = (beat.count(), 0);
    loop {
        match tells.recv_timeout(config.patience) {
            Ok(Ok(result)) => return result,
            Ok(Err(panic)) => {
                let breach = Breach::new(Flaw::Panicked).got(message(&*panic));
                return Err(failed(breach, Vec::new()));
            }
            Err(RecvTimeoutError::Timeout) => {
                let now = beat.count();
                unmoved = if now == count { unmoved + 1 } else { 0 };
                count = now;
                let is_operating = now % 2 == 1;
                // What the kit itself does between two operations takes no time to speak of.
                if unmoved > 0 && (is_operating || unmoved > 10) {
                    let (breach, lines) = beat.stuck();
                    return Err(failed(breach, lines));
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                let breach = Breach::said(Clause::Harness, "the check's thread was lost");
                return Err(failed(breach, Vec::new()));
            }
        }
    }
}

pub(crate) fn caught<T>(what: impl FnOnce() -> T) -> thread::Result<T> {
    catch_unwind(AssertUnwindSafe(what))
}

/// A thread that panicked left nothing half done here.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)")
        .to_owned()
}
