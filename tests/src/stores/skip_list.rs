use std::fmt;
use std::fmt::Debug;
use std::sync::Arc;

use crossbeam_skiplist::SkipMap;
use keywalk_memory::SkipList;

use crate::{BoxError, Store};

/// A lock-free skip list.
pub struct SkipListStore<K> {
    map: Arc<SkipMap<K, u64>>,
}

impl<K: Ord + Clone + Debug + Send + 'static> Store for SkipListStore<K> {
    type Key = K;
    type Source<'a>
        = SkipList<K, u64>
    where
        K: 'a;

    fn open() -> Result<Self, BoxError> {
        Ok(SkipListStore {
            map: Arc::new(SkipMap::new()),
        })
    }

    fn source(&self) -> Result<SkipList<K, u64>, BoxError> {
        Ok(SkipList::new(Arc::clone(&self.map)))
    }

    fn value((_, value): &(K, u64)) -> u64 {
        *value
    }

    fn put(&self, key: &K, value: u64) -> Result<(), BoxError> {
        self.map.insert(key.clone(), value);
        Ok(())
    }

    fn delete(&self, key: &K) -> Result<(), BoxError> {
        self.map.remove(key);
        Ok(())
    }
}

impl<K> Debug for SkipListStore<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SkipListStore").finish_non_exhaustive()
    }
}
