//! A source whose keys are converted to another type.

use std::fmt;
use std::ops::Bound;

use keywalk::{
    Chunk, ChunkSource, Fetched, Fingerprint, KeyRange, LastKey, ResumableSource, Source,
};

/// Converts to the source's key.
type Made<S, K> = fn(&S, &K) -> Result<<S as Source>::Key, <S as Source>::Error>;

/// Wraps a source whose keys have no total order, because the kit requires `Ord`.
pub struct Recast<S: Source, K> {
    source: S,
    into: Made<S, K>,
    /// `None` for a key that no row has: a dynamic key holds values of any class.
    from: fn(S::Key) -> Option<K>,
}

impl<S: Source, K: Clone + Ord> Recast<S, K> {
    pub(in crate::stores) fn new(
        source: S,
        into: Made<S, K>,
        from: fn(S::Key) -> Option<K>,
    ) -> Self {
        Recast { source, into, from }
    }

    fn key_of_row(&self, key: S::Key) -> K {
        (self.from)(key).expect("a row's key is of the table's types")
    }

    fn range(&self, range: &KeyRange<K>) -> Result<KeyRange<S::Key>, S::Error> {
        let bound = |bound: Bound<&K>| {
            Ok(match bound {
                Bound::Included(key) => Bound::Included((self.into)(&self.source, key)?),
                Bound::Excluded(key) => Bound::Excluded((self.into)(&self.source, key)?),
                Bound::Unbounded => Bound::Unbounded,
            })
        };
        let bounds = (bound(range.lower())?, bound(range.upper())?);
        Ok(KeyRange::new(bounds, range.order()))
    }
}

impl<S: Source, K: Clone + Ord> Source for Recast<S, K> {
    type Key = K;
    type Item = (K, u64);
    type Error = S::Error;
}

impl<S: ChunkSource<Item = (<S as Source>::Key, u64)>, K: Clone + Ord> ChunkSource
    for Recast<S, K>
{
    fn fetch(
        &mut self,
        range: &KeyRange<K>,
        chunk: &mut Chunk<(K, u64)>,
    ) -> Result<Fetched<K>, S::Error> {
        let range = self.range(range)?;
        let mut own = Chunk::with_limit(chunk.limit());
        let fetched = self.source.fetch(&range, &mut own)?;
        for (key, value) in own.as_slice() {
            if chunk.is_full() {
                // Compares the bytes.
                return Ok(Fetched::More);
            }
            chunk.push((self.key_of_row(key.clone()), *value));
        }
        Ok(match fetched {
            Fetched::End => Fetched::End,
            Fetched::More => Fetched::More,
            Fetched::ScannedTo(key) => Fetched::ScannedTo(self.key_of_row(key)),
        })
    }

    fn last_key(&mut self, range: &KeyRange<K>) -> Result<LastKey<K>, S::Error> {
        let range = self.range(range)?;
        Ok(match self.source.last_key(&range)? {
            LastKey::Known(key) => LastKey::Known(self.key_of_row(key)),
            LastKey::Empty => LastKey::Empty,
            LastKey::Unknown => LastKey::Unknown,
        })
    }
}

/// Encodes as the source's own keys. A value that isn't a key isn't walked either.
impl<S: ResumableSource, K: Clone + Ord> ResumableSource for Recast<S, K> {
    fn fingerprint(&self) -> Result<Fingerprint, S::Error> {
        self.source.fingerprint()
    }

    fn encode_key(&self, key: &K, bytes: &mut Vec<u8>) {
        if let Ok(key) = (self.into)(&self.source, key) {
            self.source.encode_key(&key, bytes);
        }
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<K>, S::Error> {
        Ok(self.source.decode_key(bytes)?.and_then(self.from))
    }

    fn key_text(&self, key: &K) -> String {
        let key = (self.into)(&self.source, key).ok();
        key.map_or_else(String::new, |key| self.source.key_text(&key))
    }

    fn fraction(&self, first: &K, last: &K, at: &K) -> Option<f64> {
        let [first, last, at] = [first, last, at].map(|key| (self.into)(&self.source, key).ok());
        self.source.fraction(&first?, &last?, &at?)
    }
}

impl<S: Source + fmt::Debug, K> fmt::Debug for Recast<S, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recast").field(&self.source).finish()
    }
}
