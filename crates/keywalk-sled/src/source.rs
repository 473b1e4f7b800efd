//! The source: how a walk fetches from a tree, and how its cursors are encoded.

use std::fmt::Write;
use std::str;

use keywalk::{
    Chunk, ChunkSource, Fetched, Fingerprint, KeyRange, LastKey, Order, ResumableSource, Source,
};
use keywalk_bytes::Key;
use sled::IVec;

use crate::ascend::ascend;
use crate::backward::Backward;
use crate::decode::Decode;
use crate::error::{Cause, Error, TreeName};
use crate::fault::Fault;
use crate::reader::Reader;
use crate::tree::Tree;

impl<K: Key, D: Decode> Source for Tree<K, D> {
    type Key = K;
    type Item = (K, D::Item);
    type Error = Error;

    fn key_into((from, _): &Self::Item, key: &mut K) {
        key.copy_from(from);
    }
}

impl<K: Key, D: Decode> ChunkSource for Tree<K, D> {
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
        let room = chunk.limit() - chunk.len();
        // A limit in bytes may end the chunk first. Entries read beyond that would be wasted, and held in memory.
        let wanted = match chunk.budget() {
            Some(_) => room.min(self.backward.expected()),
            None => room,
        };
        let push = |key: &IVec, value| {
            reader.push(key, value, &mut self.decode, chunk)?;
            Ok(!chunk.is_full())
        };
        let ended: Result<bool, Failure> = match range.order() {
            Order::Ascending => ascend(&self.tree, bounds, push),
            Order::Descending => self.backward.fetch(&self.tree, bounds, wanted, push),
        };
        match ended {
            Ok(true) => Ok(Fetched::End),
            Ok(false) => Ok(Fetched::More),
            Err(failure) => Err(failure.in_tree(&self.tree)),
        }
    }

    /// Reads only the key: a value that doesn't decode is no error here.
    fn last_key(&mut self, range: &KeyRange<K>) -> Result<LastKey<K>, Error> {
        if range.is_empty() {
            return Ok(LastKey::Empty);
        }
        self.lower.set(range.lower());
        self.upper.set(range.upper());
        let bounds = (self.lower.get(), self.upper.get());
        let mut last = None;
        let take = |key: &IVec, _| -> Result<bool, Failure> {
            last = Some(key.clone());
            Ok(false)
        };
        match range.order() {
            // Uses a state of its own: the estimates of `self.backward` are for chunks.
            Order::Ascending => Backward::default().fetch(&self.tree, bounds, 1, take),
            Order::Descending => ascend(&self.tree, bounds, take),
        }
        .map_err(|failure| failure.in_tree(&self.tree))?;
        let mut reader = Reader::new(&self.tree, &mut self.again);
        let key = last.map(|bytes| reader.key(&bytes)).transpose()?;
        Ok(LastKey::from(key))
    }
}

/// The fingerprint is the tree's name and the [encoding name](Key::encoding_name) of its key. The database and
/// the mapping of values don't matter. Nothing here calls sled.
#[deny(clippy::missing_trait_methods)]
impl<K: Key, D: Decode> ResumableSource for Tree<K, D> {
    fn fingerprint(&self) -> Result<Fingerprint, Error> {
        let name = self.tree.name();
        Ok(Fingerprint::new("sled")
            .relation(text(&name))
            .with_value(&name)
            .key(K::encoding_name()))
    }

    fn encode_key(&self, key: &K, bytes: &mut Vec<u8>) {
        key.encode(bytes);
    }

    /// Decodes a key with [`Key::decode`], which never panics. It may accept bytes that aren't the key's own
    /// encoding: the token encodes the key again and compares.
    fn decode_key(&self, bytes: &[u8]) -> Result<Option<K>, Error> {
        Ok(K::decode(bytes).ok())
    }

    fn key_text(&self, key: &K) -> String {
        key.display()
    }

    fn fraction(&self, first: &K, last: &K, at: &K) -> Option<f64> {
        K::fraction(first, last, at)
    }
}

/// Formats a tree's name, in hexadecimal if it isn't text. The result is hashed, so it is a stored format.
/// Error messages format it differently, and may change: which characters they escape depends on the Rust
/// release.
fn text(name: &[u8]) -> String {
    match str::from_utf8(name) {
        Ok(name) => name.to_owned(),
        Err(_) => name.iter().fold("0x".to_owned(), |mut text, byte| {
            // Writing to a string never fails.
            let _ = write!(text, "{byte:02x}");
            text
        }),
    }
}

/// The reason why a fetch ends early.
enum Failure {
    Store(Fault),
    Entry(Error),
}

impl Failure {
    fn in_tree(self, tree: &sled::Tree) -> Error {
        match self {
            Failure::Store(fault) => Error::from(Cause::Store {
                tree: TreeName(tree.name()),
                fault,
            }),
            Failure::Entry(error) => error,
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Failure::Store(fault)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Entry(error)
    }
}
