//! A map that is borrowed.

use std::collections::BTreeMap;
use std::convert::Infallible;

use keywalk_memory::Map;

use crate::filled::{BoxError, Filled, text};
use crate::stores::Key;

/// For [`Map`], which lends its entries.
pub(crate) struct BorrowedMap<K> {
    map: BTreeMap<K, String>,
}

impl<K: Key> Filled for BorrowedMap<K> {
    const OWNED: usize = 0;
    const SOURCE: usize = 0;
    const PER_FETCH: u64 = K::CLONES;

    type Error = Infallible;
    type Source<'a>
        = Map<'a, K, String>
    where
        K: 'a;

    fn name() -> String {
        format!("Map<{}>", K::NAME)
    }

    fn filled(items: u32) -> Result<Self, BoxError> {
        let map = (0..i64::from(items))
            .map(|n| (K::numbered(n), text(n)))
            .collect();
        Ok(BorrowedMap { map })
    }

    fn source(&self) -> Result<Self::Source<'_>, BoxError> {
        Ok(Map::new(&self.map))
    }
}
