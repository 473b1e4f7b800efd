//! A small source of which nothing is wrong.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt::Debug;

use keywalk::{Chunk, ChunkSource, DurableSource, Fetched, Fingerprint, KeyRange, Order};

/// A key with a form as bytes.
pub(super) trait Coded: Ord + Clone + Debug {
    const NAME: &'static str;

    fn write(&self, bytes: &mut Vec<u8>);
    fn read(bytes: &[u8]) -> Option<Self>;
}

impl Coded for i16 {
    const NAME: &'static str = "i16";

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.to_be_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(i16::from_be_bytes)
    }
}

/// Reads more than it writes: what isn't UTF-8 is mended.
impl Coded for String {
    const NAME: &'static str = "text";

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.as_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        Some(String::from_utf8_lossy(bytes).into_owned())
    }
}

/// Its items are its keys.
pub(super) struct Shelf<K> {
    keys: BTreeSet<K>,
}

impl<K: Coded> Shelf<K> {
    pub(super) fn of(keys: impl IntoIterator<Item = K>) -> Self {
        Shelf {
            keys: keys.into_iter().collect(),
        }
    }

    /// The keys within a range, in its order.
    pub(super) fn within(&self, range: &KeyRange<K>) -> Vec<K> {
        let keys = self.keys.iter().filter(|key| range.admits(key)).cloned();
        match range.order() {
            Order::Ascending => keys.collect(),
            Order::Descending => keys.rev().collect(),
        }
    }
}

impl<K: Coded> ChunkSource for &Shelf<K> {
    type Key = K;
    type Item = K;
    type Error = Infallible;

    fn fetch(
        &mut self,
        range: &KeyRange<K>,
        chunk: &mut Chunk<K>,
    ) -> Result<Fetched<K>, Infallible> {
        for key in self.within(range) {
            if chunk.is_full() {
                return Ok(Fetched::More);
            }
            chunk.push(key);
        }
        Ok(Fetched::End)
    }

    fn key_of(&self, item: &K) -> K {
        item.clone()
    }
}

impl<K: Coded> DurableSource for &Shelf<K> {
    fn fingerprint(&self) -> Result<Fingerprint, Infallible> {
        Ok(Fingerprint::new("shelf").key(K::NAME))
    }

    fn encode_key(&self, key: &K, bytes: &mut Vec<u8>) {
        key.write(bytes);
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<K>, Infallible> {
        Ok(K::read(bytes))
    }
}
