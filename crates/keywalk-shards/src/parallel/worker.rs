//! A worker, and its walk over one part after the other.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use keywalk::{
    ChunkSource, Cursor, CursorMismatch, Engine, Error, KeyRange, Request, Source, Walk,
};

use super::book::{Desk, Done, Party};
use super::{Duty, WorkerReport};

/// A worker of a [parallel walk](super::Parallel::run).
pub struct Worker<K> {
    pub(super) desk: Arc<Desk<K>>,
    pub(super) run: u64,
    number: usize,
}

impl<K: Clone + PartialOrd> Worker<K> {
    pub(super) fn all(desk: &Arc<Desk<K>>, run: u64, workers: usize) -> impl Iterator<Item = Self> {
        (0..workers).map(move |number| Worker {
            desk: Arc::clone(desk),
            run,
            number,
        })
    }

    pub(super) fn on_duty(&self) -> Duty<K> {
        Duty::new(&self.desk, self.run, Party::Worker(self.number))
    }

    /// Returns the worker's number, from 0 on.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }

    /// Returns the chunks of the parts that this worker takes. `walk` is over a source of its own, and has the options
    /// of its chunks; [`Parallel`](super::Parallel) lists those without effect.
    pub fn chunks<S: ChunkSource<Key = K>>(&self, walk: Walk<S>) -> WorkerChunks<S> {
        WorkerChunks {
            walk: PartWalk::new(self, walk),
        }
    }
}

/// Prints the number.
impl<K> fmt::Debug for Worker<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut worker = f.debug_struct("Worker");
        worker.field("number", &self.number).finish_non_exhaustive()
    }
}

/// The chunks that a worker gets; created by [`Worker::chunks`].
///
/// If it is dropped before its end, the run ends.
#[must_use = "a walk does nothing until it is iterated"]
pub struct WorkerChunks<S: Source> {
    walk: PartWalk<S>,
}

impl<S: ChunkSource> WorkerChunks<S> {
    /// Lends the next chunk: at least one item, in key order within a part. The chunk before it is then done. Returns
    /// `None` if no part is left for this worker, and if the run was stopped or another worker has failed.
    ///
    /// You may change the items or move them out. See [`Chunks::next`](keywalk::Chunks::next).
    ///
    /// # Errors
    ///
    /// The source's, once. [`CursorMismatch::Range`] if the walk was given a range, and it doesn't contain the parts.
    ///
    /// # Panics
    ///
    /// If the source does.
    #[expect(
        clippy::should_implement_trait,
        reason = "an Iterator can't lend from itself"
    )]
    pub fn next(&mut self) -> Result<Option<&mut [S::Item]>, Error<S::Error>> {
        self.walk.acknowledge();
        Ok(match self.walk.fetch()? {
            true => Some(self.walk.engine.items_mut()),
            false => None,
        })
    }
}

impl<S: Source> WorkerChunks<S> {
    /// Returns the source, to use the store (through its connection, say) between two chunks.
    pub fn source(&self) -> &S {
        &self.walk.source
    }
}

/// Prints no data.
impl<S: Source> fmt::Debug for WorkerChunks<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.walk.describe(f.debug_struct("WorkerChunks"))
    }
}

/// A worker's walk over one part after the other. The drivers only add the requests.
pub(super) struct PartWalk<S: Source> {
    desk: Arc<Desk<S::Key>>,
    run: u64,
    worker: usize,
    pub(super) source: S,
    pub(super) engine: Engine<S::Key, S::Item>,
    /// The range that the walk was given.
    given: KeyRange<S::Key>,
    part: Option<usize>,
    /// Whether the last chunk was lent and isn't done yet.
    is_lent: bool,
    has_failed: bool,
}

impl<S: Source> PartWalk<S> {
    pub(super) fn new(worker: &Worker<S::Key>, walk: Walk<S>) -> Self {
        let given = walk.cursor().range().clone();
        let (source, mut engine) = walk.into_engine();
        engine.set_limit(None);
        PartWalk {
            desk: Arc::clone(&worker.desk),
            run: worker.run,
            worker: worker.number,
            source,
            engine,
            given,
            part: None,
            is_lent: false,
            has_failed: false,
        }
    }

    /// Marks the last chunk as done.
    pub(super) fn acknowledge(&mut self) {
        if self.is_lent {
            self.is_lent = false;
            let done = self.done(0);
            self.desk.book().done(self.run, done);
        }
    }

    /// Describes the last chunk as done, with this result.
    pub(super) fn done(&self, result: u64) -> Done<S::Key> {
        Done {
            part: self.part.unwrap_or_default(),
            left: self.engine.cursor().range().clone(),
            items: self.engine.items().len() as u64,
            result,
        }
    }

    /// Ends parts and takes the next ones, until there is a request to make. Returns `false` if there is none.
    pub(super) fn has_request(&mut self) -> Result<bool, Error<S::Error>> {
        loop {
            if self.has_failed || self.desk.book().is_over(self.run) {
                return Ok(false);
            }
            match self.part {
                Some(_) if !self.engine.is_over() => return Ok(true),
                Some(part) => {
                    self.part = None;
                    self.desk.change(|book| book.end_part(self.run, part));
                    let report = |report: &mut WorkerReport| report.parts += 1;
                    self.desk.book().worked(self.run, self.worker, report);
                }
                None => {
                    let taken = self.desk.book().take(self.run);
                    let Some((part, range)) = taken else {
                        return Ok(false);
                    };
                    self.part = Some(part);
                    self.check(&range)?;
                    // A part ends at its own end, so the walk needs no last key.
                    self.engine.seek(Cursor::unbounded(range));
                }
            }
        }
    }

    fn check(&mut self, part: &KeyRange<S::Key>) -> Result<(), CursorMismatch> {
        self.has_failed = !self.given.may_contain_range(part);
        match self.has_failed {
            true => Err(CursorMismatch::Range),
            false => Ok(()),
        }
    }

    /// Handles the engine's verdict on a response. Returns whether there are items.
    pub(super) fn responded(
        &mut self,
        response: Result<(), Error<S::Error>>,
    ) -> Result<bool, Error<S::Error>> {
        self.has_failed = response.is_err();
        response?;
        let items = self.engine.items().len() as u64;
        self.is_lent = items > 0;
        if let (false, Some(part)) = (self.is_lent, self.part) {
            let left = self.engine.cursor().range().clone();
            self.desk.book().scanned(self.run, part, left);
            return Ok(false);
        }
        self.desk.book().worked(self.run, self.worker, |report| {
            report.items += items;
            report.chunks += 1;
        });
        Ok(true)
    }

    /// Notes that the worker waited for this time.
    pub(super) fn waited(&self, time: Duration) {
        let wait = |report: &mut WorkerReport| report.waited += time;
        self.desk.book().worked(self.run, self.worker, wait);
    }

    pub(super) fn describe(&self, mut f: fmt::DebugStruct<'_, '_>) -> fmt::Result {
        f.field("worker", &self.worker)
            .field("part", &self.part)
            .finish_non_exhaustive()
    }
}

impl<S: ChunkSource> PartWalk<S> {
    /// Fetches until there are items. Returns `false` if there is nothing more for this worker.
    pub(super) fn fetch(&mut self) -> Result<bool, Error<S::Error>> {
        while self.has_request()? {
            let start = Instant::now();
            let response = match self.engine.request()? {
                Request::LastKey(range) => {
                    let answer = self.source.last_key(range);
                    self.engine.last_key(answer, start.elapsed())
                }
                Request::Fetch(range, chunk) => {
                    let answer = self.source.fetch(range, chunk);
                    self.engine.fetched(answer, start.elapsed())
                }
                Request::Done => Ok(()),
            };
            if self.responded(response)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// A worker that leaves a part unfinished ends the run: in an ordered one, the consumer would wait for that part.
impl<S: Source> Drop for PartWalk<S> {
    fn drop(&mut self) {
        if self.part.is_some() {
            self.desk.change(|book| book.cancel(self.run));
        }
    }
}
