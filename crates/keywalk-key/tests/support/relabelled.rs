//! A source that says of itself what it is told to. Not this crate's: what the stores' tests share.

use keywalk::{Chunk, ChunkSource, DurableSource, Fetched, Fingerprint, KeyRange};

pub(crate) struct Relabelled<S> {
    pub(crate) source: S,
    pub(crate) fingerprint: Fingerprint,
}

impl<S: ChunkSource> ChunkSource for Relabelled<S> {
    type Key = S::Key;
    type Item = S::Item;
    type Error = S::Error;

    fn fetch(
        &mut self,
        range: &KeyRange<S::Key>,
        chunk: &mut Chunk<S::Item>,
    ) -> Result<Fetched<S::Key>, S::Error> {
        self.source.fetch(range, chunk)
    }

    fn key_of(&self, item: &S::Item) -> S::Key {
        self.source.key_of(item)
    }
}

impl<S: DurableSource> DurableSource for Relabelled<S> {
    fn fingerprint(&self) -> Result<Fingerprint, S::Error> {
        Ok(self.fingerprint.clone())
    }

    fn encode_key(&self, key: &S::Key, bytes: &mut Vec<u8>) {
        self.source.encode_key(key, bytes);
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<S::Key>, S::Error> {
        self.source.decode_key(bytes)
    }
}
