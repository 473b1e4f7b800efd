use std::collections::BTreeMap;
use std::sync::{Arc, RwLock, RwLockWriteGuard};

use keywalk::{Fingerprint, FingerprintField};
use keywalk_bytes::Key;
use keywalk_conformance::{
    BoxError, Capabilities, Capability, Harness, KeySpace, KnownKey, Writer,
};
use keywalk_memory::{Named, SharedMap};

use super::{ByCopy, lent::foreign_fingerprints};

/// A map behind a lock.
#[derive(Clone, Debug)]
pub struct SharedMapHarness<K> {
    map: Arc<RwLock<BTreeMap<K, u64>>>,
}

impl<K> SharedMapHarness<K> {
    fn lock(&self) -> Result<RwLockWriteGuard<'_, BTreeMap<K, u64>>, BoxError> {
        self.map.write().map_err(|error| error.to_string().into())
    }
}

impl<K: KnownKey + Key + Send + Sync> Harness for SharedMapHarness<K> {
    type Key = K;
    type Source<'a> = Named<SharedMap<K, u64>>;

    fn open() -> Result<Self, BoxError> {
        Ok(SharedMapHarness {
            map: Arc::default(),
        })
    }

    fn capabilities() -> Capabilities {
        Capabilities {
            threads: Capability::Yes,
            faults: Capability::No(
                "a lock fails where a thread panicked, and not at the n-th read",
            ),
            reopening: Capability::No("memory doesn't outlive its process"),
            counting: Capability::No("a map doesn't count its reads"),
            ..Capabilities::default()
        }
    }

    fn source(&self) -> Result<Named<SharedMap<K, u64>>, BoxError> {
        Ok(Named::new("", SharedMap::new(Arc::clone(&self.map))))
    }

    fn put(&self, key: &K, value: u64) -> Result<(), BoxError> {
        self.lock()?.insert(key.clone(), value);
        Ok(())
    }

    fn delete(&self, key: &K) -> Result<(), BoxError> {
        self.lock()?.remove(key);
        Ok(())
    }

    fn value((_, value): &(K, u64)) -> u64 {
        *value
    }

    fn keys() -> KeySpace<K> {
        KeySpace::known()
    }

    fn foreign_fingerprints(&self) -> Result<Vec<(FingerprintField, Fingerprint)>, BoxError> {
        Ok(foreign_fingerprints::<K>())
    }

    fn writer(&self) -> Option<Box<dyn Writer<K>>> {
        Some(Box::new(ByCopy(self.clone())))
    }

    /// Fails instead of waiting if the lock is held.
    fn with_exclusive_access(&self) -> Result<(), BoxError> {
        let locked = self.map.try_write();
        locked.map(drop).map_err(|error| error.to_string().into())
    }
}
