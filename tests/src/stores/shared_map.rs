use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, RwLock, RwLockWriteGuard};

use keywalk_memory::SharedMap;

use crate::{BoxError, Store};

/// A map behind a lock.
#[derive(Debug)]
pub struct SharedMapStore<K> {
    map: Arc<RwLock<BTreeMap<K, u64>>>,
}

impl<K> SharedMapStore<K> {
    /// Never waits: the walk holds nothing (G14).
    fn write(&self) -> Result<RwLockWriteGuard<'_, BTreeMap<K, u64>>, BoxError> {
        self.map
            .try_write()
            .map_err(|error| error.to_string().into())
    }
}

impl<K: Ord + Clone + Debug> Store for SharedMapStore<K> {
    type Key = K;
    type Source<'a>
        = SharedMap<K, u64>
    where
        K: 'a;

    fn open() -> Result<Self, BoxError> {
        Ok(SharedMapStore {
            map: Arc::default(),
        })
    }

    fn source(&self) -> Result<SharedMap<K, u64>, BoxError> {
        Ok(SharedMap::new(Arc::clone(&self.map)))
    }

    fn value((_, value): &(K, u64)) -> u64 {
        *value
    }

    fn put(&self, key: &K, value: u64) -> Result<(), BoxError> {
        self.write()?.insert(key.clone(), value);
        Ok(())
    }

    fn delete(&self, key: &K) -> Result<(), BoxError> {
        self.write()?.remove(key);
        Ok(())
    }
}
