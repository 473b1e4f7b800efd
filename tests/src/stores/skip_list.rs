use std::fmt;
use std::sync::Arc;

use crossbeam_skiplist::SkipMap;
use keywalk::{Fingerprint, FingerprintField};
use keywalk_bytes::Key;
use keywalk_conformance::{
    BoxError, Capabilities, Capability, Harness, KeySpace, KnownKey, Writer,
};
use keywalk_memory::{Named, SkipList};

use super::{ByCopy, lent::foreign_fingerprints};

/// A lock-free skip list.
#[derive(Clone)]
pub struct SkipListHarness<K> {
    map: Arc<SkipMap<K, u64>>,
}

impl<K: KnownKey + Key + Send + Sync> Harness for SkipListHarness<K> {
    type Key = K;
    type Source<'a> = Named<SkipList<K, u64>>;

    fn open() -> Result<Self, BoxError> {
        Ok(SkipListHarness {
            map: Arc::new(SkipMap::new()),
        })
    }

    fn capabilities() -> Capabilities {
        Capabilities {
            threads: Capability::Yes,
            replacement: Capability::No("`SkipMap::insert` removes the old entry first"),
            faults: Capability::No("reading memory doesn't fail"),
            reopening: Capability::No("memory doesn't outlive its process"),
            counting: Capability::No("a skip list doesn't count its reads"),
            ..Capabilities::default()
        }
    }

    fn source(&self) -> Result<Named<SkipList<K, u64>>, BoxError> {
        Ok(Named::new("", SkipList::new(Arc::clone(&self.map))))
    }

    fn put(&self, key: &K, value: u64) -> Result<(), BoxError> {
        self.map.insert(key.clone(), value);
        Ok(())
    }

    fn delete(&self, key: &K) -> Result<(), BoxError> {
        self.map.remove(key);
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
}

impl<K> fmt::Debug for SkipListHarness<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SkipListHarness").finish_non_exhaustive()
    }
}
