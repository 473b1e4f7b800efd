use std::io::{Error, ErrorKind};
use std::time::Duration;

use keywalk::{
    Chunk, ChunkSource, Fetched, Fingerprint, FingerprintField, KeyRange, LastKey, ResumableSource,
    Source,
};
use keywalk_bytes::Key;
use keywalk_conformance::{BoxError, Capabilities, Harness, KeySpace, KnownKey, Writer};
use keywalk_memory::{Named, Poisoned, SharedMap};
use keywalk_retry::{ConstantBuilder, Retry};

use super::SharedMapHarness;

/// A map behind a lock, inside [`Retry`], that loses every other answer.
#[derive(Clone, Debug)]
pub struct RetriedHarness<K>(SharedMapHarness<K>);

/// A source that loses every other answer, with the chunk already filled.
#[derive(Debug)]
pub struct Lossy<S> {
    source: S,
    asked: u64,
}

impl<S> Lossy<S> {
    fn arrive<T>(&mut self, answer: Result<T, Poisoned>) -> Result<T, Error> {
        self.asked += 1;
        match answer {
            Ok(answer) if self.asked.is_multiple_of(2) => Ok(answer),
            Ok(_) => Err(ErrorKind::TimedOut.into()),
            Err(error) => Err(Error::other(error)),
        }
    }
}

impl<S: Source<Error = Poisoned>> Source for Lossy<S> {
    type Key = S::Key;
    type Item = S::Item;
    type Error = Error;
}

impl<S: ChunkSource<Error = Poisoned>> ChunkSource for Lossy<S> {
    fn fetch(
        &mut self,
        range: &KeyRange<S::Key>,
        chunk: &mut Chunk<S::Item>,
    ) -> Result<Fetched<S::Key>, Error> {
        let answer = self.source.fetch(range, chunk);
        self.arrive(answer)
    }

    fn last_key(&mut self, range: &KeyRange<S::Key>) -> Result<LastKey<S::Key>, Error> {
        let answer = self.source.last_key(range);
        self.arrive(answer)
    }
}

/// Methods that don't read the store lose nothing.
impl<S: ResumableSource<Error = Poisoned>> ResumableSource for Lossy<S> {
    fn fingerprint(&self) -> Result<Fingerprint, Error> {
        self.source.fingerprint().map_err(Error::other)
    }

    fn encode_key(&self, key: &S::Key, bytes: &mut Vec<u8>) {
        self.source.encode_key(key, bytes);
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<S::Key>, Error> {
        self.source.decode_key(bytes).map_err(Error::other)
    }

    fn key_text(&self, key: &S::Key) -> String {
        self.source.key_text(key)
    }

    fn fraction(&self, first: &S::Key, last: &S::Key, at: &S::Key) -> Option<f64> {
        self.source.fraction(first, last, at)
    }
}

fn is_lost(error: &Error) -> bool {
    error.kind() == ErrorKind::TimedOut
}

impl<K: KnownKey + Key + Send + Sync> Harness for RetriedHarness<K> {
    type Key = K;
    type Source<'a> = Retry<Lossy<Named<SharedMap<K, u64>>>, ConstantBuilder, fn(&Error) -> bool>;

    fn open() -> Result<Self, BoxError> {
        SharedMapHarness::open().map(RetriedHarness)
    }

    fn capabilities() -> Capabilities {
        SharedMapHarness::<K>::capabilities()
    }

    fn source(&self) -> Result<Self::Source<'_>, BoxError> {
        let source = Lossy {
            source: self.0.source()?,
            asked: 0,
        };
        let at_once = ConstantBuilder::default().with_delay(Duration::ZERO);
        Ok(Retry::new(source, at_once, is_lost as fn(&Error) -> bool))
    }

    fn put(&self, key: &K, value: u64) -> Result<(), BoxError> {
        Harness::put(&self.0, key, value)
    }

    fn delete(&self, key: &K) -> Result<(), BoxError> {
        Harness::delete(&self.0, key)
    }

    fn value(item: &(K, u64)) -> u64 {
        SharedMapHarness::<K>::value(item)
    }

    fn keys() -> KeySpace<K> {
        KeySpace::known()
    }

    fn writer(&self) -> Option<Box<dyn Writer<K>>> {
        self.0.writer()
    }

    fn foreign_fingerprints(&self) -> Result<Vec<(FingerprintField, Fingerprint)>, BoxError> {
        self.0.foreign_fingerprints()
    }

    fn with_exclusive_access(&self) -> Result<(), BoxError> {
        self.0.with_exclusive_access()
    }
}
