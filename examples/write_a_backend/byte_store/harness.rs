//! How the kit makes, changes and reads a store of bytes, for each type of key.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;

use keywalk::{Fingerprint, FingerprintField, ResumableSource};
use keywalk_bytes::Key;
use keywalk_conformance::{BoxError, Harness, KeySpace, KnownKey};

use super::source::{Bytes, Entries};

/// A store whose keys are of type `K`.
pub(crate) struct Store<K>(Bytes, PhantomData<K>);

impl<K: Key + KnownKey + Debug + Send + 'static> Harness for Store<K> {
    type Key = K;
    type Source<'a> = Entries<K>;

    fn open() -> Result<Self, BoxError> {
        Ok(Store(Bytes::default(), PhantomData))
    }

    fn source(&self) -> Result<Entries<K>, BoxError> {
        let (store, name, key) = (Arc::clone(&self.0), "entries", PhantomData);
        Ok(Entries { store, name, key })
    }

    fn put(&self, key: &K, value: u64) -> Result<(), BoxError> {
        let mut store = self.0.write().map_err(|error| error.to_string())?;
        store.insert(key.to_bytes(), value.to_be_bytes().to_vec());
        Ok(())
    }

    fn delete(&self, key: &K) -> Result<(), BoxError> {
        let mut store = self.0.write().map_err(|error| error.to_string())?;
        store.remove(&key.to_bytes());
        Ok(())
    }

    fn value((_, value): &(K, Vec<u8>)) -> u64 {
        value
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte))
    }

    fn keys() -> KeySpace<K> {
        KeySpace::known()
    }

    fn foreign_fingerprints(&self) -> Result<Vec<(FingerprintField, Fingerprint)>, BoxError> {
        let another = Entries {
            name: "another",
            ..self.source()?
        };
        Ok(vec![(FingerprintField::Relation, another.fingerprint()?)])
    }
}

keywalk_conformance::conformance!(numbers: Store<i64>, durable);
keywalk_conformance::conformance!(pairs: Store<(i64, String)>, durable);
