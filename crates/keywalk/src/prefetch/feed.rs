use alloc::sync::Arc;
use core::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::parcel::{Buffer, By, Parcel, Place};
use super::worker::Worker;
use crate::{ChunkSource, Chunks, Error, SendSource, Stats};

/// The chunk that a prefetched walk handed out last, and those that come.
pub(super) struct Feed<S: ChunkSource> {
    // Dropped first: when the walk is, its thread is gone.
    ahead: Ahead<S>,
    /// Locked for a fetch, and otherwise for as long as a key is written down.
    chunks: Arc<Mutex<Chunks<S>>>,
    depth: usize,
    by: By,
    pub(super) buffer: Buffer<S>,
    pub(super) place: Place<S::Key>,
    /// How many items the caller was given.
    pub(super) handed_out: u64,
    fused: bool,
}

/// Who fetches.
enum Ahead<S: ChunkSource> {
    Unasked,
    Thread(Worker<S>),
    /// The caller: there is no thread.
    Nobody,
}

impl<S: ChunkSource> Feed<S> {
    pub(super) fn new(chunks: Chunks<S>, depth: usize, by: By) -> Self {
        Feed {
            ahead: Ahead::Unasked,
            place: Place::of(&chunks),
            chunks: Arc::new(Mutex::new(chunks)),
            depth,
            by,
            buffer: Buffer::default(),
            handed_out: 0,
            fused: false,
        }
    }

    pub(super) fn stats(&self) -> Stats {
        let mut stats = self.place.stats;
        stats.items = self.handed_out;
        stats
    }

    /// Whether it is known that `advance` will say neither `true` nor an error.
    pub(super) fn is_over(&self) -> bool {
        self.fused || self.place.is_over
    }

    pub(super) fn is_fused(&self) -> bool {
        self.fused
    }

    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// Reads the source, between two fetches.
    pub(super) fn with_source<T>(&self, read: impl FnOnce(&S) -> T) -> T {
        read(lock(&self.chunks).source())
    }

    pub(super) fn into_source(self) -> S {
        let Feed { ahead, chunks, .. } = self;
        drop(ahead);
        let chunks = Arc::into_inner(chunks).expect("the thread that had the other one is gone");
        let chunks = chunks.into_inner().unwrap_or_else(PoisonError::into_inner);
        chunks.into_source()
    }
}

impl<S: SendSource> Feed<S> {
    /// Gives the last chunk back and takes the next. `false` at the end.
    pub(super) fn advance(&mut self) -> Result<bool, Error<S::Error>> {
        if self.is_over() {
            self.fused = true;
            self.ahead = Ahead::Nobody;
            return Ok(false);
        }
        // Also if the source panics. The place then stays: a chunk whose keys can't be told isn't
        // handed out, and the engine's own state is past it.
        self.fused = true;
        let used = mem::take(&mut self.buffer);
        match self.next(used) {
            Ok(Some(Parcel { buffer, place })) => {
                self.buffer = buffer;
                self.place = place;
                self.fused = false;
                Ok(true)
            }
            ended => {
                self.place = Place::of(&lock(&self.chunks));
                ended.map(|_| false)
            }
        }
    }

    fn next(&mut self, used: Buffer<S>) -> Result<Option<Parcel<S>>, Error<S::Error>> {
        if let Ahead::Unasked = self.ahead {
            self.ahead = match Worker::start(&self.chunks, self.depth, self.by) {
                Some(worker) => Ahead::Thread(worker),
                None => Ahead::Nobody,
            };
        }
        let Ahead::Thread(worker) = &mut self.ahead else {
            return Parcel::fetch(&mut lock(&self.chunks), used, self.by);
        };
        match worker.next(used) {
            Some(parcel) => Ok(Some(parcel)),
            None => worker.join().map(|()| None),
        }
    }
}

/// Nothing of a walk is broken where it panics.
pub(super) fn lock<S: ChunkSource>(chunks: &Mutex<Chunks<S>>) -> MutexGuard<'_, Chunks<S>> {
    chunks.lock().unwrap_or_else(PoisonError::into_inner)
}
