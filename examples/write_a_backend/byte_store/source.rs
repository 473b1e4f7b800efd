//! A store of keys and values as bytes, in the order of the bytes. A `BTreeMap` stands in for it.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::{Arc, PoisonError, RwLock};

use keywalk::{Chunk, ChunkSource, Fetched, Fingerprint, KeyRange, Order, ResumableSource, Source};
use keywalk_bytes::{DecodeError, Key};

/// The store.
pub(crate) type Bytes = Arc<RwLock<BTreeMap<Vec<u8>, Vec<u8>>>>;

/// The entries of a store, by keys of type `K`.
pub(crate) struct Entries<K> {
    pub(crate) store: Bytes,
    pub(crate) name: &'static str,
    pub(crate) key: PhantomData<K>,
}

impl<K: Key> Source for Entries<K> {
    type Key = K;
    type Item = (K, Vec<u8>);
    type Error = DecodeError;
}

impl<K: Key> ChunkSource for Entries<K> {
    fn fetch(
        &mut self,
        range: &KeyRange<K>,
        chunk: &mut Chunk<(K, Vec<u8>)>,
    ) -> Result<Fetched<K>, DecodeError> {
        if range.is_empty() {
            return Ok(Fetched::End);
        }
        // Bytes are ordered as their keys are.
        let bounds = (
            range.lower().map(K::to_bytes),
            range.upper().map(K::to_bytes),
        );
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        let mut entries = store.range(bounds);
        while !chunk.is_full() {
            let next = match range.order() {
                Order::Ascending => entries.next(),
                Order::Descending => entries.next_back(),
            };
            match next {
                Some((key, value)) => chunk.push((decode(key)?, value.clone())),
                None => return Ok(Fetched::End),
            }
        }
        Ok(Fetched::More)
    }
}

/// Decodes a stored key. Bytes that are no key are an error, and so are bytes that `encode` doesn't write.
fn decode<K: Key>(bytes: &[u8]) -> Result<K, DecodeError> {
    let key = K::decode(bytes)?;
    match K::CANONICAL || key.to_bytes() == bytes {
        true => Ok(key),
        false => Err(DecodeError::new(
            "isn't in the form that keys are stored in",
        )),
    }
}

impl<K: Key> ResumableSource for Entries<K> {
    fn fingerprint(&self) -> Result<Fingerprint, DecodeError> {
        let fingerprint = Fingerprint::new("bytes").relation(self.name);
        Ok(fingerprint.key(K::encoding_name()))
    }

    fn encode_key(&self, key: &K, bytes: &mut Vec<u8>) {
        key.encode(bytes);
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<K>, DecodeError> {
        Ok(K::decode(bytes).ok())
    }
}
