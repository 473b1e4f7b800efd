use std::any::Any;
use std::cell::{RefCell, RefMut};
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use keywalk::{
    Chunk, ChunkSource, Fetched, Fingerprint, KeyRange, Keyed, LastKey, ResumableSource, Source,
};

use crate::clause::Clause;
use crate::config::Config;
use crate::history::{
    Clock, Event, FailureKind, Items, Request, Response, Timeline, ToLines, Violation,
};
use crate::outcome::{Failure, Verdict};

/// A source that records every request and response, also in its store's history. Works in other threads too.
pub(crate) struct Recorder<S: Source> {
    source: RefCell<S>,
    value: fn(&S::Item) -> u64,
    diary: Diary<S::Key>,
    log: Log<S::Key>,
    pub(crate) opened: u64,
    /// The number of requests until a walk counts as endless.
    left: usize,
    /// Whether requests are counted only.
    is_quiet: bool,
}

/// What a recorder writes to: a store's watchdog, clock and history.
pub(crate) struct Diary<K> {
    /// The moment before the source was opened.
    pub(crate) opened: u64,
    pub(crate) beat: Watchdog,
    pub(crate) clock: Clock,
    pub(crate) timeline: Arc<Mutex<Timeline<K>>>,
}

/// The requests to a source.
pub(crate) struct Log<K>(Arc<Mutex<Vec<Request<K>>>>);

/// The panic payload that ends a check.
pub(crate) enum Unwound {
    /// A walk that doesn't end.
    Endless,
    /// A method that panicked while a token was made or read, with its message.
    Unwritten(&'static str, String),
}

impl<S: ChunkSource> Recorder<S> {
    /// A walk that makes more than `most` requests counts as endless.
    pub(crate) fn new(
        source: S,
        value: fn(&S::Item) -> u64,
        diary: Diary<S::Key>,
        most: usize,
    ) -> Self {
        let opened = diary.opened;
        let log = Log(Arc::default());
        Recorder {
            source: RefCell::new(source),
            value,
            diary,
            log,
            opened,
            left: most,
            is_quiet: false,
        }
    }

    /// Records no requests, which is quicker.
    pub(crate) fn quiet(self) -> Self {
        Recorder {
            is_quiet: true,
            ..self
        }
    }

    /// Returns a shared handle to the requests so far and later ones.
    pub(crate) fn log(&self) -> Log<S::Key> {
        Log(Arc::clone(&self.log.0))
    }

    pub(crate) fn entry(&self, item: &S::Item) -> (S::Key, u64) {
        (item.key(), (self.value)(item))
    }

    /// Returns the inner source. Its requests aren't recorded.
    pub(crate) fn unseen(&self) -> RefMut<'_, S> {
        self.source.borrow_mut()
    }

    /// Returns the record of a fetch: its limit, its items, and how far it got.
    pub(crate) fn items_of(
        &self,
        chunk: &Chunk<S::Item>,
        limit: usize,
        fetched: &Fetched<S::Key>,
    ) -> Items<S::Key> {
        Items {
            limit,
            items: chunk
                .as_slice()
                .iter()
                .map(|item| self.entry(item))
                .collect(),
            overflowed: chunk.overflowed(),
            fetched: fetched.clone(),
        }
    }

    /// Makes a request. Records its time and its result; `response` converts the result.
    fn record<C, T>(
        &mut self,
        range: &KeyRange<S::Key>,
        (limit, budget): (Option<usize>, Option<usize>),
        chunk: &mut C,
        request: impl FnOnce(&mut S, &mut C) -> Result<T, S::Error>,
        response: impl FnOnce(&Self, &C, &T) -> Response<S::Key>,
    ) -> Result<T, S::Error>
    where
        S::Error: Debug,
    {
        self.left = match self.left {
            0 => resume_unwind(Box::new(Unwound::Endless)),
            left => left - 1,
        };
        let Diary { beat, clock, .. } = &self.diary;
        let source = self.source.get_mut();
        if self.is_quiet {
            return beat.during(Doing::Fetching, || request(source, chunk));
        }
        let requested = || caught(|| request(source, chunk));
        let (result, during) = beat.during(Doing::Fetching, || clock.time(requested));
        let request = Request {
            range: range.clone(),
            limit,
            budget,
            response: match &result {
                Ok(Ok(value)) => response(self, chunk, value),
                Ok(Err(error)) => Response::Error(format!("{error:?}")),
                Err(panic) => Response::Panic(message(&**panic)),
            },
            during,
        };
        let mut timeline = lock(&self.diary.timeline);
        if self.log.len() == 0 {
            timeline.push(Event::Opened);
        }
        timeline.push(Event::Request(request.clone()));
        drop(timeline);
        lock(&self.log.0).push(request);
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }

    fn write<T>(&self, method: &'static str, write: impl FnOnce(&S) -> T) -> T {
        let written = || caught(|| write(&self.source.borrow()));
        let result = self.diary.beat.during(Doing::Writing, written);
        result.unwrap_or_else(|panic| {
            let message = message(&*panic);
            resume_unwind(Box::new(Unwound::Unwritten(method, message)))
        })
    }
}

impl<K: Clone> Log<K> {
    pub(crate) fn len(&self) -> usize {
        lock(&self.0).len()
    }

    /// Returns the requests from the n-th on.
    pub(crate) fn from(&self, n: usize) -> Vec<Request<K>> {
        lock(&self.0)[n..].to_vec()
    }

    pub(crate) fn last(&self) -> Option<Request<K>> {
        lock(&self.0).last().cloned()
    }
}

impl Unwound {
    pub(crate) fn violation<K: Debug>(self) -> Violation<K> {
        let Unwound::Unwritten(method, message) = self else {
            return Violation::new(FailureKind::Endless);
        };
        let violation = Violation::new(FailureKind::Panicked).of(Clause::G10);
        let violation = violation.got(format!("`{method}`: {message}"));
        match method {
            "decode_key" => violation.hint(
                "it is given any bytes: are there as many as it takes, and is the text UTF-8?",
            ),
            "fraction" => violation.hint("does a difference of two far keys overflow?"),
            _ => violation,
        }
    }
}

#[deny(clippy::missing_trait_methods)]
impl<S: Source> Source for Recorder<S> {
    type Key = S::Key;
    type Item = S::Item;
    type Error = S::Error;

    fn key_into(item: &S::Item, key: &mut S::Key) {
        S::key_into(item, key);
    }
}

#[deny(clippy::missing_trait_methods)]
impl<S: ChunkSource<Error: Debug>> ChunkSource for Recorder<S> {
    fn fetch(
        &mut self,
        range: &KeyRange<S::Key>,
        chunk: &mut Chunk<S::Item>,
    ) -> Result<Fetched<S::Key>, S::Error> {
        // Read before the fetch: a source could replace the chunk.
        let (limit, budget) = (chunk.limit(), chunk.budget());
        self.record(
            range,
            (Some(limit), budget),
            chunk,
            |source, chunk| source.fetch(range, chunk),
            |witness, chunk, fetched| Response::Items(witness.items_of(chunk, limit, fetched)),
        )
    }

    fn last_key(&mut self, range: &KeyRange<S::Key>) -> Result<LastKey<S::Key>, S::Error> {
        self.record(
            range,
            (None, None),
            &mut (),
            |source, ()| source.last_key(range),
            |_, (), response| Response::LastKey(response.clone()),
        )
    }
}

#[deny(clippy::missing_trait_methods)]
impl<S: ChunkSource<Error: Debug> + ResumableSource> ResumableSource for Recorder<S> {
    fn fingerprint(&self) -> Result<Fingerprint, S::Error> {
        self.write("fingerprint", |source| source.fingerprint())
    }

    fn encode_key(&self, key: &S::Key, bytes: &mut Vec<u8>) {
        self.write("encode_key", |source| source.encode_key(key, bytes));
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<S::Key>, S::Error> {
        self.write("decode_key", |source| source.decode_key(bytes))
    }

    fn key_text(&self, key: &S::Key) -> String {
        self.write("key_text", |source| source.key_text(key))
    }

    fn fraction(&self, first: &S::Key, last: &S::Key, at: &S::Key) -> Option<f64> {
        self.write("fraction", |source| source.fraction(first, last, at))
    }
}

/// The progress of a check, for the thread that waits for it.
#[derive(Clone, Default)]
pub(crate) struct Watchdog(Arc<State>);

#[derive(Default)]
struct State {
    /// Odd while an operation of the store runs.
    count: AtomicU64,
    doing: Mutex<Doing>,
    /// Whether a source has fetched: from then on it may hold a lock.
    has_walked: AtomicBool,
    history: Mutex<Option<Arc<Mutex<dyn ToLines + Send>>>>,
}

/// An operation of the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Doing {
    #[default]
    Opening,
    /// A change, or an operation with exclusive access.
    Changing,
    Fetching,
    /// A method of [`ResumableSource`](keywalk::ResumableSource).
    Writing,
}

impl Watchdog {
    /// Sets the history of a newly opened store, which is shown if the store gets stuck.
    pub(crate) fn show_history(&self, history: Arc<Mutex<dyn ToLines + Send>>) {
        self.0.has_walked.store(false, SeqCst);
        *lock(&self.0.history) = Some(history);
    }

    /// Runs an operation, and records its start and its end.
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

    fn stuck(&self) -> (Violation<()>, Vec<String>) {
        let (clause, kind) = match *lock(&self.0.doing) {
            Doing::Changing if self.has_walked() => (
                Clause::G14,
                "a change after a fetch doesn't return: does the source hold a lock?",
            ),
            Doing::Changing => (Clause::Harness, "a change doesn't return"),
            Doing::Opening => (Clause::Harness, "opening the store doesn't return"),
            Doing::Fetching => (Clause::G9, "a fetch doesn't return"),
            Doing::Writing => (Clause::G10, "a method of `ResumableSource` doesn't return"),
        };
        let history = lock(&self.0.history);
        let lines = history.as_ref().map(|history| lock(history).lines());
        (Violation::message(clause, kind), lines.unwrap_or_default())
    }
}

/// Runs a check on a thread of its own. If an operation of the store hangs, leaves that thread behind.
pub(crate) fn watched(
    check: &'static str,
    config: Config,
    run: Box<dyn FnOnce(Watchdog) -> Result<Verdict, Failure> + Send>,
) -> Result<Verdict, Failure> {
    let failed =
        |violation: Violation<()>, lines| Err(Failure::new(check, config.seed, &violation, lines));
    let beat = Watchdog::default();
    let of_thread = beat.clone();
    let (sender, receiver) = channel();
    let run = move || {
        let result = caught(|| run(of_thread));
        // The receiver is gone if the check took too long.
        drop(sender.send(result));
    };
    if let Err(error) = thread::Builder::new().name(check.to_owned()).spawn(run) {
        let violation = Violation::<()>::message(Clause::Harness, "no thread could be started");
        return failed(violation.got(error), Vec::new());
    }
    let (mut count, mut unmoved) = (beat.count(), 0);
    loop {
        let violation = match receiver.recv_timeout(config.patience) {
            Ok(Ok(result)) => return result,
            Ok(Err(panic)) => Violation::new(FailureKind::Panicked).got(message(&*panic)),
            Err(RecvTimeoutError::Disconnected) => {
                Violation::message(Clause::Harness, "the check's thread was lost")
            }
            Err(RecvTimeoutError::Timeout) => {
                let now = beat.count();
                unmoved = if now == count { unmoved + 1 } else { 0 };
                count = now;
                let is_operating = now % 2 == 1;
                // The kit's own work between two operations takes negligible time.
                if unmoved > 0 && (is_operating || unmoved > 10) {
                    let (violation, lines) = beat.stuck();
                    return failed(violation, lines);
                }
                continue;
            }
        };
        return failed(violation, Vec::new());
    }
}

pub(crate) fn caught<T>(what: impl FnOnce() -> T) -> thread::Result<T> {
    catch_unwind(AssertUnwindSafe(what))
}

/// Makes a violation of a panic that ended a check or one of its threads.
pub(crate) fn stopped<K: Debug>(panic: Box<dyn Any + Send>) -> Violation<K> {
    match panic.downcast::<Unwound>() {
        Ok(unwound) => unwound.violation(),
        Err(panic) => Violation::new(FailureKind::Panicked).got(message(&*panic)),
    }
}

/// Locks a mutex. A poisoned one is usable, because a thread that panics leaves nothing half done here.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)")
        .to_owned()
}
