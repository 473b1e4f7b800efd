//! How a tree answers a walk.

use std::ops::Bound;

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, LastKey, Order};
use sled::IVec;

use crate::backward::Backward;
use crate::decode::Decode;
use crate::edge::is_above;
use crate::error::{Problem, TreeName};
use crate::key::Key;
use crate::reader::Reader;
use crate::{Error, Tree};

impl<K: Key, D: Decode> ChunkSource for Tree<K, D> {
    type Key = K;
    type Item = (K, D::Item);
    type Error = Error;

    fn fetch(
        &mut self,
        range: &KeyRange<K>,
        chunk: &mut Chunk<Self::Item>,
    ) -> Result<Fetched<K>, Error> {
        if range.is_empty() {
            return Ok(Fetched::End);
        }
        if chunk.is_full() {
            return Ok(Fetched::More);
        }
        self.lower.set(range.lower());
        self.upper.set(range.upper());
        let bounds = (self.lower.get(), self.upper.get());
        let mut reader = Reader::new(&self.tree, &mut self.again);
        let wanted = chunk.limit() - chunk.len();
        let push = |key, value| {
            reader.push(key, value, &mut self.decode, chunk)?;
            Ok(!chunk.is_full())
        };
        let ended = match range.order() {
            Order::Ascending => forward(&self.tree, bounds, push),
            Order::Descending => self.backward.fetch(&self.tree, bounds, wanted, push),
        };
        match ended {
            Ok(true) => Ok(Fetched::End),
            Ok(false) => Ok(Fetched::More),
            Err(failure) => Err(failure.in_tree(&self.tree)),
        }
    }

    fn key_of(&self, (key, _): &Self::Item) -> K {
        key.clone()
    }

    fn key_into(&self, (item_key, _): &Self::Item, key: &mut K) {
        key.copy_from(item_key);
    }

    /// Reads the key by itself: a value that doesn't decode is no error here.
    fn last_key(&mut self, range: &KeyRange<K>) -> Result<LastKey<K>, Error> {
        if range.is_empty() {
            return Ok(LastKey::Empty);
        }
        self.lower.set(range.lower());
        self.upper.set(range.upper());
        let bounds = (self.lower.get(), self.upper.get());
        let mut last = None;
        let take = |key: IVec, _| -> Result<bool, Failure> {
            last = Some(key);
            Ok(false)
        };
        match range.order() {
            // Apart from that of the walk, which is for chunks.
            Order::Ascending => Backward::default().fetch(&self.tree, bounds, 1, take),
            Order::Descending => forward(&self.tree, bounds, take),
        }
        .map_err(|failure| failure.in_tree(&self.tree))?;
        let mut reader = Reader::new(&self.tree, &mut self.again);
        let key = last.map(|bytes| reader.key(&bytes)).transpose()?;
        Ok(LastKey::from(key))
    }
}

/// Calls `take` with the entries from `lower` up to `upper`, until it wants no more (`false`) or there
/// are none (`true`).
fn forward(
    tree: &sled::Tree,
    (lower, upper): (Bound<&[u8]>, Bound<&[u8]>),
    mut take: impl FnMut(IVec, IVec) -> Result<bool, Failure>,
) -> Result<bool, Failure> {
    for entry in tree.range::<&[u8], _>((lower, Bound::Unbounded)) {
        let (key, value) = entry?;
        if is_above(&key, upper) {
            break;
        }
        if !take(key, value)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What ends a fetch early.
enum Failure {
    Sled(sled::Error),
    Entry(Error),
}

impl Failure {
    fn in_tree(self, tree: &sled::Tree) -> Error {
        match self {
            Failure::Sled(source) => Error::from(Problem::Store {
                tree: TreeName(tree.name()),
                source,
            }),
            Failure::Entry(error) => error,
        }
    }
}

impl From<sled::Error> for Failure {
    fn from(error: sled::Error) -> Self {
        Failure::Sled(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Entry(error)
    }
}
