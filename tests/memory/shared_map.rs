//! A map behind a lock.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use keywalk_memory::{Poisoned, SharedMap};

use crate::filled::{BoxError, Filled, REFILLED, text};
use crate::stores::Key;

/// For [`SharedMap`], which clones its entries.
pub(crate) struct LockedMap<K> {
    map: Arc<RwLock<BTreeMap<K, String>>>,
}

impl<K: Key> Filled for LockedMap<K> {
    const OWNED: usize = K::OWNED + REFILLED;
    const SOURCE: usize = 0;
    const PER_FETCH: u64 = K::CLONES;

    type Error = Poisoned;
    type Source<'a>
        = SharedMap<K, String>
    where
        K: 'a;

    fn name() -> String {
        format!("SharedMap<{}>", K::NAME)
    }

    fn filled(items: u32) -> Result<Self, BoxError> {
        let map = (0..i64::from(items))
            .map(|n| (K::numbered(n), text(n)))
            .collect();
        Ok(LockedMap {
            map: Arc::new(RwLock::new(map)),
        })
    }

    fn source(&self) -> Result<Self::Source<'_>, BoxError> {
        Ok(SharedMap::new(Arc::clone(&self.map)))
    }
}
