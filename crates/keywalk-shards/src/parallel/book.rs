//! The bookkeeping of a parallel walk, without I/O or waiting: the queue of parts, their positions, the results that
//! wait for the consumer, progress, and why a run ends. Both drivers, threads and tasks, share it.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keywalk::KeyRange;

use super::{Progress, Report, WorkerReport};
use crate::parts::Parts;

/// The book, and how to wait for a change of it.
pub(super) struct Desk<K> {
    book: Mutex<Book<K>>,
    changed: Condvar,
    #[cfg(feature = "async")]
    notify: tokio::sync::Notify,
}

impl<K: Clone + PartialOrd> Desk<K> {
    pub(super) fn new(parts: Parts<K>) -> Self {
        Desk {
            book: Mutex::new(Book::new(parts)),
            changed: Condvar::new(),
            #[cfg(feature = "async")]
            notify: tokio::sync::Notify::new(),
        }
    }

    /// A panic while it is locked is one of the key's own methods, and leaves the book whole.
    pub(super) fn book(&self) -> MutexGuard<'_, Book<K>> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the book, and wakes everyone that waits for a change.
    pub(super) fn change(&self, change: impl FnOnce(&mut Book<K>)) {
        change(&mut self.book());
        self.wake();
    }

    fn wake(&self) {
        self.changed.notify_all();
        #[cfg(feature = "async")]
        self.notify.notify_waiters();
    }

    /// Blocks until `change` returns something, wakes the others, and returns that.
    pub(super) fn wait<R>(&self, mut change: impl FnMut(&mut Book<K>) -> Option<R>) -> R {
        let mut book = self.book();
        loop {
            if let Some(changed) = change(&mut book) {
                drop(book);
                self.wake();
                return changed;
            }
            let woken = self.changed.wait(book);
            book = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// [`wait`](Self::wait) as a future.
    #[cfg(feature = "async")]
    pub(super) async fn wait_async<R>(
        &self,
        mut change: impl FnMut(&mut Book<K>) -> Option<R>,
    ) -> R {
        loop {
            let mut woken = std::pin::pin!(self.notify.notified());
            // From here on a change wakes it, also one that happens before it waits.
            woken.as_mut().enable();
            let changed = change(&mut self.book());
            if let Some(changed) = changed {
                self.wake();
                return changed;
            }
            woken.await;
        }
    }
}

/// Where the workers' results go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mode {
    /// Nowhere: a chunk is done when its worker is done with it.
    Direct,
    /// To the consumer, at most `ahead` at a time. A chunk is done when the consumer is.
    Results { ahead: usize, is_ordered: bool },
}

pub(super) struct Book<K> {
    /// In the walk's order. Those that are done stay until the next run.
    parts: Vec<Part<K>>,
    /// The number of the current run, or of the last one. Workers of earlier runs change nothing.
    run: u64,
    mode: Mode,
    /// The part that a worker takes next.
    next: usize,
    /// The first part that isn't done, in an ordered run.
    head: usize,
    entries: VecDeque<Entry<K>>,
    /// The results in `entries`.
    results: usize,
    /// The workers that run.
    running: usize,
    /// No worker begins another chunk in this run.
    is_over: bool,
    /// The walk was stopped for good.
    is_stopped: bool,
    /// Who failed first.
    failed: Option<Party>,
    workers: Vec<WorkerReport>,
    progress: Progress,
}

struct Part<K> {
    left: KeyRange<K>,
    is_done: bool,
}

/// What a worker reports to the consumer.
enum Entry<K> {
    Result(Done<K>),
    /// The part has no more results.
    End(usize),
}

/// A chunk that is done, with the range that is left of its part.
pub(super) struct Done<K> {
    pub(super) part: usize,
    pub(super) left: KeyRange<K>,
    pub(super) items: u64,
    /// Which result it is, if there is one.
    pub(super) result: u64,
}

/// Who runs code of the caller.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Party {
    Worker(usize),
    Consumer,
}

/// What a consumer receives.
pub(super) enum Received<K> {
    Result(Done<K>),
    /// A part has ended. In an ordered run the worker of the next one may have to be woken.
    Ended,
    /// No result comes any more.
    Over,
}

impl<K: Clone + PartialOrd> Book<K> {
    fn new(parts: Parts<K>) -> Self {
        let parts = parts.into_ranges().into_iter().map(|left| Part {
            left,
            is_done: false,
        });
        let parts = Vec::from_iter(parts);
        Book {
            run: 0,
            mode: Mode::Direct,
            next: 0,
            head: 0,
            entries: VecDeque::new(),
            results: 0,
            running: 0,
            is_over: true,
            is_stopped: false,
            failed: None,
            workers: Vec::new(),
            progress: Progress {
                parts: parts.len(),
                ..Progress::default()
            },
            parts,
        }
    }

    /// Begins a run by at most `workers` workers. Returns its number and how many workers it needs.
    pub(super) fn begin(&mut self, workers: usize, mode: Mode) -> (u64, usize) {
        self.parts.retain(|part| !part.is_done);
        let workers = workers.min(self.parts.len());
        self.run += 1;
        self.mode = mode;
        (self.next, self.head) = (0, 0);
        self.entries.clear();
        self.results = 0;
        self.running = workers;
        self.is_over = false;
        self.failed = None;
        self.workers = vec![WorkerReport::default(); workers];
        (self.run, workers)
    }

    /// Ends the run: what its workers still do changes nothing.
    pub(super) fn end(&mut self, run: u64) {
        if self.run == run {
            self.run += 1;
            self.is_over = true;
            self.entries.clear();
        }
    }

    /// Whether no worker of the run may begin another chunk.
    pub(super) fn is_over(&self, run: u64) -> bool {
        self.run != run || self.is_over || self.is_stopped
    }

    /// Takes the next part.
    pub(super) fn take(&mut self, run: u64) -> Option<(usize, KeyRange<K>)> {
        if self.is_over(run) {
            return None;
        }
        let number = self.next;
        let part = self.parts.get(number)?;
        self.next += 1;
        Some((number, part.left.clone()))
    }

    /// Moves a part past a chunk.
    pub(super) fn done(&mut self, run: u64, done: Done<K>) {
        if self.run == run {
            self.parts[done.part].left = done.left;
            self.progress.items += done.items;
            self.progress.chunks += 1;
        }
    }

    /// Moves a part past a span without items, unless results of items before it may still wait.
    pub(super) fn scanned(&mut self, run: u64, part: usize, left: KeyRange<K>) {
        if self.run == run && self.mode == Mode::Direct {
            self.parts[part].left = left;
        }
    }

    /// Puts a result for the consumer. Returns `false` if it isn't needed, and `None` if the worker has to wait.
    pub(super) fn put(&mut self, run: u64, done: &mut Option<Done<K>>) -> Option<bool> {
        if self.is_over(run) {
            return Some(false);
        }
        let has_room = match (self.mode, &done) {
            (Mode::Direct, _) | (_, None) => true,
            // One place is kept for the part that the consumer waits for. So its worker never waits for the others.
            (
                Mode::Results {
                    ahead,
                    is_ordered: true,
                },
                Some(done),
            ) if done.part != self.head => self.results + 1 < ahead,
            (Mode::Results { ahead, .. }, _) => self.results < ahead,
        };
        if !has_room {
            return None;
        }
        let done = done.take()?;
        self.entries.push_back(Entry::Result(done));
        self.results += 1;
        Some(true)
    }

    /// The worker has reached the part's end.
    pub(super) fn end_part(&mut self, run: u64, part: usize) {
        match self.mode {
            _ if self.run != run => {}
            Mode::Direct => self.finish(part),
            Mode::Results { .. } => self.entries.push_back(Entry::End(part)),
        }
    }

    fn finish(&mut self, part: usize) {
        self.parts[part].is_done = true;
        self.progress.parts_done += 1;
    }

    /// Receives the consumer's next result. `None`: it has to wait.
    pub(super) fn receive(&mut self, run: u64) -> Option<Received<K>> {
        if self.is_over(run) {
            return Some(Received::Over);
        }
        let head = match self.mode {
            Mode::Results {
                is_ordered: true, ..
            } => Some(self.head),
            _ => None,
        };
        let is_next = |entry: &Entry<K>| match entry {
            Entry::Result(Done { part, .. }) | Entry::End(part) => {
                head.is_none_or(|head| *part == head)
            }
        };
        let Some(at) = self.entries.iter().position(is_next) else {
            return (self.running == 0).then_some(Received::Over);
        };
        Some(match self.entries.remove(at)? {
            Entry::Result(done) => {
                self.results -= 1;
                Received::Result(done)
            }
            Entry::End(part) => {
                self.finish(part);
                self.head += 1;
                Received::Ended
            }
        })
    }

    /// Adds what a worker did.
    pub(super) fn worked(&mut self, run: u64, worker: usize, work: impl FnOnce(&mut WorkerReport)) {
        if self.run == run {
            work(&mut self.workers[worker]);
        }
    }

    /// Ends a worker, which ran for this time.
    pub(super) fn worker_ended(&mut self, run: u64, worker: usize, time: Duration) {
        self.worked(run, worker, |report| {
            report.time = time.saturating_sub(report.waited)
        });
        self.running -= usize::from(self.run == run);
    }

    /// Ends the run early: workers finish their chunks and stop.
    pub(super) fn cancel(&mut self, run: u64) {
        self.is_over |= self.run == run;
    }

    /// Ends the run early, because this party failed.
    pub(super) fn fail(&mut self, run: u64, party: Party) {
        self.cancel(run);
        if self.run == run && self.failed.is_none() {
            self.failed = Some(party);
        }
    }

    /// Ends this run and every later one.
    pub(super) fn stop(&mut self) {
        self.is_stopped = true;
    }

    pub(super) fn failed(&self) -> Option<Party> {
        self.failed
    }

    pub(super) fn progress(&self) -> Progress {
        self.progress
    }

    pub(super) fn report(&self) -> Report {
        Report {
            workers: self.workers.clone(),
        }
    }

    pub(super) fn parts(&self) -> Parts<K> {
        let left = self.parts.iter().filter(|part| !part.is_done);
        Parts::new(left.map(|part| part.left.clone()))
    }
}
