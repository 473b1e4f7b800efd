//! A source that says of itself what it is told to. Not this crate's: what the stores' tests share.

use keywalk::{Chunk, ChunkSource, Fetched, Fingerprint, KeyRange, ResumableSource, Source};

pub(crate) struct Relabelled<S> {
    pub(crate) source: S,
    pub(crate) fingerprint: Fingerprint,
}

impl<S: Source> Source for Relabelled<S> {
    type Key = S::Key;
    type Item = S::Item;
    type Error = S::Error;
}

impl<S: ChunkSource> ChunkSource for Relabelled<S> {
    fn fetch(
        &mut self,
        range: &KeyRange<S::Key>,
        chunk: &mut Chunk<S::Item>,
    ) -> Result<Fetched<S::Key>, S::Error> {
        self.source.fetch(range, chunk)
    }
}

impl<S: ResumableSource> ResumableSource for Relabelled<S> {
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
