use keywalk::{Chunk, ChunkSource, DurableSource, Fetched, Fingerprint, KeyRange};

/// A source as another one writes its tokens: under another fingerprint, or with other bytes for a key.
pub(crate) struct Forged<'s, S> {
    source: &'s S,
    fingerprint: Option<Fingerprint>,
    bytes: Option<Vec<u8>>,
}

impl<'s, S: DurableSource> Forged<'s, S> {
    /// Tokens look as if they were of a source of this fingerprint.
    pub(crate) fn as_of(source: &'s S, fingerprint: Fingerprint) -> Self {
        Forged {
            source,
            fingerprint: Some(fingerprint),
            bytes: None,
        }
    }

    /// Every key in a token is these bytes.
    pub(crate) fn with_bytes(source: &'s S, bytes: &[u8]) -> Self {
        Forged {
            source,
            fingerprint: None,
            bytes: Some(bytes.to_vec()),
        }
    }
}

/// For what it is a source of, and never asked.
impl<S: ChunkSource> ChunkSource for Forged<'_, S> {
    type Key = S::Key;
    type Item = S::Item;
    type Error = S::Error;

    fn fetch(
        &mut self,
        _: &KeyRange<S::Key>,
        _: &mut Chunk<S::Item>,
    ) -> Result<Fetched<S::Key>, S::Error> {
        Ok(Fetched::End)
    }

    fn key_of(&self, item: &S::Item) -> S::Key {
        self.source.key_of(item)
    }
}

impl<S: DurableSource> DurableSource for Forged<'_, S> {
    fn fingerprint(&self) -> Result<Fingerprint, S::Error> {
        match &self.fingerprint {
            Some(fingerprint) => Ok(fingerprint.clone()),
            None => self.source.fingerprint(),
        }
    }

    fn encode_key(&self, key: &S::Key, bytes: &mut Vec<u8>) {
        match &self.bytes {
            Some(forged) => bytes.extend_from_slice(forged),
            None => self.source.encode_key(key, bytes),
        }
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<S::Key>, S::Error> {
        self.source.decode_key(bytes)
    }
}
