use alloc::vec::Vec;
use core::mem;

use crate::state::State;
use crate::{Chunk, ChunkSource, Chunks, Cursor, Error, Stats};

/// A chunk that was fetched, and where the walk stands past it.
pub(super) struct Parcel<S: ChunkSource> {
    pub(super) buffer: Buffer<S>,
    pub(super) place: Place<S::Key>,
}

/// What is filled again and again.
pub(super) struct Buffer<S: ChunkSource> {
    pub(super) chunk: Chunk<S::Item>,
    /// Of its items, in order, if they are handed out one by one: the source that tells them is
    /// elsewhere. There may be spare ones behind them.
    pub(super) keys: Vec<S::Key>,
}

impl<S: ChunkSource> Default for Buffer<S> {
    /// Allocates nothing. The limit is set by the fetch.
    fn default() -> Self {
        Buffer {
            chunk: Chunk::with_limit(1),
            keys: Vec::new(),
        }
    }
}

/// What is known of a walk where it stands.
pub(super) struct Place<K> {
    pub(super) state: State<K>,
    pub(super) stats: Stats,
    /// Whether it is known that nothing else comes.
    pub(super) is_over: bool,
}

impl<K: Clone + PartialOrd> Place<K> {
    pub(super) fn of<S: ChunkSource<Key = K>>(chunks: &Chunks<S>) -> Self {
        Place {
            state: chunks.state().clone(),
            stats: chunks.stats(),
            is_over: chunks.is_over(),
        }
    }

    pub(super) fn cursor(&self) -> Cursor<K> {
        self.state.cursor()
    }
}

/// How a chunk is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Chunks,
    /// In reverse, with its keys.
    Items,
}

impl<S: ChunkSource> Parcel<S> {
    /// Fetches the next chunk into `buffer`; `None` at the end. If it panics, the buffer is lost.
    pub(super) fn fetch(
        chunks: &mut Chunks<S>,
        mut buffer: Buffer<S>,
        by: By,
    ) -> Result<Option<Self>, Error<S::Error>> {
        mem::swap(chunks.chunk(), &mut buffer.chunk);
        let advanced = chunks.advance();
        if by == By::Items && matches!(advanced, Ok(true)) {
            note_keys(chunks, &mut buffer.keys);
            chunks.chunk().reverse();
        }
        mem::swap(chunks.chunk(), &mut buffer.chunk);
        Ok(advanced?.then(|| Parcel {
            buffer,
            place: Place::of(chunks),
        }))
    }
}

fn note_keys<S: ChunkSource>(chunks: &mut Chunks<S>, keys: &mut Vec<S::Key>) {
    // A key that is filled again keeps the memory of the largest that it ever was.
    if chunks.chunk().budget().is_some() {
        keys.clear();
    }
    for (at, item) in chunks.items().iter().enumerate() {
        match keys.get_mut(at) {
            Some(key) => chunks.source().key_into(item, key),
            None => keys.push(chunks.source().key_of(item)),
        }
    }
}
