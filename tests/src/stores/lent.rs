use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Debug;

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, LastKey};
use keywalk_memory::Map;

use crate::{BoxError, Store};

/// A map that is borrowed for one fetch at a time, since a borrowed one can't change.
#[derive(Debug)]
pub struct RebuiltMap<K> {
    map: RefCell<BTreeMap<K, u64>>,
}

/// Makes a [`Map`] for each fetch.
#[derive(Debug)]
pub struct RebuiltMapSource<'a, K> {
    map: &'a RefCell<BTreeMap<K, u64>>,
}

impl<K: Ord + Clone + Debug> Store for RebuiltMap<K> {
    type Key = K;
    type Source<'a>
        = RebuiltMapSource<'a, K>
    where
        K: 'a;

    fn open() -> Result<Self, BoxError> {
        Ok(RebuiltMap {
            map: RefCell::default(),
        })
    }

    fn source(&self) -> Result<RebuiltMapSource<'_, K>, BoxError> {
        Ok(RebuiltMapSource { map: &self.map })
    }

    fn value((_, value): &(K, u64)) -> u64 {
        *value
    }

    fn put(&self, key: &K, value: u64) -> Result<(), BoxError> {
        self.map.try_borrow_mut()?.insert(key.clone(), value);
        Ok(())
    }

    fn delete(&self, key: &K) -> Result<(), BoxError> {
        self.map.try_borrow_mut()?.remove(key);
        Ok(())
    }
}

impl<K: Ord + Clone> ChunkSource for RebuiltMapSource<'_, K> {
    type Key = K;
    type Item = (K, u64);
    type Error = Infallible;

    fn fetch(
        &mut self,
        range: &KeyRange<K>,
        chunk: &mut Chunk<(K, u64)>,
    ) -> Result<Fetched<K>, Infallible> {
        let map = self.map.borrow();
        let mut lent = Chunk::with_limit(chunk.limit());
        let fetched = Map::new(&map).fetch(range, &mut lent)?;
        lent.as_slice()
            .iter()
            .for_each(|(key, value)| chunk.push((K::clone(key), **value)));
        Ok(fetched)
    }

    fn key_of(&self, (key, _): &(K, u64)) -> K {
        key.clone()
    }

    fn last_key(&mut self, range: &KeyRange<K>) -> Result<LastKey<K>, Infallible> {
        Map::new(&self.map.borrow()).last_key(range)
    }
}
