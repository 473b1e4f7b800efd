use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, LastKey};
use keywalk_memory::{Slice, Unsorted};

use crate::{BoxError, Store};

/// Entries that are laid out as a sorted slice for one fetch at a time, since a borrowed one can't
/// change.
#[derive(Debug)]
pub struct RebuiltSlice<K> {
    entries: RefCell<BTreeMap<K, u64>>,
}

/// Makes a [`Slice`] for each fetch.
#[derive(Debug)]
pub struct RebuiltSliceSource<'a, K> {
    entries: &'a RefCell<BTreeMap<K, u64>>,
}

impl<K: Ord + Clone + Debug> Store for RebuiltSlice<K> {
    type Key = K;
    type Source<'a>
        = RebuiltSliceSource<'a, K>
    where
        K: 'a;

    fn open() -> Result<Self, BoxError> {
        Ok(RebuiltSlice {
            entries: RefCell::default(),
        })
    }

    fn source(&self) -> Result<RebuiltSliceSource<'_, K>, BoxError> {
        Ok(RebuiltSliceSource {
            entries: &self.entries,
        })
    }

    fn value((_, value): &(K, u64)) -> u64 {
        *value
    }

    fn put(&self, key: &K, value: u64) -> Result<(), BoxError> {
        self.entries.try_borrow_mut()?.insert(key.clone(), value);
        Ok(())
    }

    fn delete(&self, key: &K) -> Result<(), BoxError> {
        self.entries.try_borrow_mut()?.remove(key);
        Ok(())
    }
}

impl<K: Ord + Clone> ChunkSource for RebuiltSliceSource<'_, K> {
    type Key = K;
    type Item = (K, u64);
    type Error = Unsorted;

    fn fetch(
        &mut self,
        range: &KeyRange<K>,
        chunk: &mut Chunk<(K, u64)>,
    ) -> Result<Fetched<K>, Unsorted> {
        let entries: Vec<(K, u64)> = self.entries.borrow().clone().into_iter().collect();
        let mut slice = Slice::new(&entries, |(key, _)| key.clone())?;
        let mut lent = Chunk::with_limit(chunk.limit());
        let Ok(fetched) = slice.fetch(range, &mut lent);
        lent.as_slice()
            .iter()
            .for_each(|entry| chunk.push((*entry).clone()));
        Ok(fetched)
    }

    fn key_of(&self, (key, _): &(K, u64)) -> K {
        key.clone()
    }

    fn last_key(&mut self, _: &KeyRange<K>) -> Result<LastKey<K>, Unsorted> {
        Ok(LastKey::Unknown)
    }
}
