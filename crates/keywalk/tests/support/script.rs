//! A source that answers whatever a test tells it to.

use std::cell::Cell;
use std::rc::Rc;

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, LastKey};

/// What a scripted source fails with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Broken;

type Fetch<K> = dyn FnMut(&KeyRange<K>, &mut Chunk<K>) -> Result<Fetched<K>, Broken>;
type Last<K> = dyn FnMut(&KeyRange<K>) -> Result<LastKey<K>, Broken>;

/// Its items are their own keys. It doesn't know its last key unless told.
pub(crate) struct Script<K> {
    fetch: Box<Fetch<K>>,
    last: Box<Last<K>>,
    /// How often it was asked anything.
    asked: Rc<Cell<usize>>,
}

impl<K> Script<K> {
    pub(crate) fn new(
        fetch: impl FnMut(&KeyRange<K>, &mut Chunk<K>) -> Result<Fetched<K>, Broken> + 'static,
    ) -> Self {
        Script {
            fetch: Box::new(fetch),
            last: Box::new(|_| Ok(LastKey::Unknown)),
            asked: Rc::default(),
        }
    }

    pub(crate) fn last(
        mut self,
        last: impl FnMut(&KeyRange<K>) -> Result<LastKey<K>, Broken> + 'static,
    ) -> Self {
        self.last = Box::new(last);
        self
    }

    /// A counter that goes on counting when the source was moved into a walk.
    pub(crate) fn asked(&self) -> Rc<Cell<usize>> {
        Rc::clone(&self.asked)
    }
}

impl<K: Clone + PartialOrd> ChunkSource for Script<K> {
    type Key = K;
    type Item = K;
    type Error = Broken;

    fn fetch(&mut self, range: &KeyRange<K>, chunk: &mut Chunk<K>) -> Result<Fetched<K>, Broken> {
        self.asked.set(self.asked.get() + 1);
        (self.fetch)(range, chunk)
    }

    fn key_of(&self, item: &K) -> K {
        item.clone()
    }

    fn last_key(&mut self, range: &KeyRange<K>) -> Result<LastKey<K>, Broken> {
        self.asked.set(self.asked.get() + 1);
        (self.last)(range)
    }
}
