//! A wrapper that counts what its source is asked.

use std::cell::Cell;

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, LastKey};

#[derive(Default)]
pub(crate) struct Tally<S> {
    source: S,
    pub(crate) fetches: usize,
    pub(crate) last_keys: usize,
    pub(crate) key_intos: Cell<usize>,
}

impl<S> Tally<S> {
    pub(crate) fn new(source: S) -> Self {
        Tally {
            source,
            fetches: 0,
            last_keys: 0,
            key_intos: Cell::new(0),
        }
    }

    pub(crate) fn asked(&self) -> usize {
        self.fetches + self.last_keys
    }
}

impl<S: ChunkSource> ChunkSource for Tally<S> {
    type Key = S::Key;
    type Item = S::Item;
    type Error = S::Error;

    fn fetch(
        &mut self,
        range: &KeyRange<S::Key>,
        chunk: &mut Chunk<S::Item>,
    ) -> Result<Fetched<S::Key>, S::Error> {
        self.fetches += 1;
        self.source.fetch(range, chunk)
    }

    fn key_of(&self, item: &S::Item) -> S::Key {
        self.source.key_of(item)
    }

    fn key_into(&self, item: &S::Item, key: &mut S::Key) {
        self.key_intos.set(self.key_intos.get() + 1);
        self.source.key_into(item, key);
    }

    fn last_key(&mut self, range: &KeyRange<S::Key>) -> Result<LastKey<S::Key>, S::Error> {
        self.last_keys += 1;
        self.source.last_key(range)
    }
}
