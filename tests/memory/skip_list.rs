//! A lock-free skip list.

use std::convert::Infallible;
use std::sync::Arc;

use crossbeam_skiplist::SkipMap;
use keywalk_memory::SkipList;

use crate::filled::{BoxError, Filled, REFILLED, text};
use crate::stores::Key;

/// For [`SkipList`], which clones its entries.
pub(crate) struct LockFreeList<K> {
    map: Arc<SkipMap<K, String>>,
}

impl<K: Key + Send + 'static> Filled for LockFreeList<K> {
    const OWNED: usize = K::OWNED + REFILLED;
    const SOURCE: usize = 0;
    const PER_FETCH: u64 = K::CLONES;

    type Error = Infallible;
    type Source<'a> = SkipList<K, String>;

    fn name() -> String {
        format!("SkipList<{}>", K::NAME)
    }

    fn filled(items: u32) -> Result<Self, BoxError> {
        let map = (0..i64::from(items))
            .map(|n| (K::numbered(n), text(n)))
            .collect();
        Ok(LockFreeList { map: Arc::new(map) })
    }

    fn source(&self) -> Result<Self::Source<'_>, BoxError> {
        Ok(SkipList::new(Arc::clone(&self.map)))
    }
}
