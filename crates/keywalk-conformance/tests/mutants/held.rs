//! Sources that keep something between two fetches.

use std::collections::BTreeMap;
use std::sync::Arc;

use keywalk::{Chunk, Fetched, KeyRange, Order};
use keywalk_conformance::Blown;

use super::store::{Quirk, Store, answer_from};

type Numbers = Chunk<(i64, u64)>;

/// A transaction that is begun by the first fetch, and stays.
#[derive(Default)]
pub(crate) struct Snapshot(Option<BTreeMap<i64, u64>>);

impl Quirk<i64> for Snapshot {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        store.fuse.operation()?;
        let entries = self.0.get_or_insert_with(|| store.read_lock().clone());
        Ok(answer_from(entries, range, chunk))
    }
}

/// It has read all before it is asked.
#[derive(Default)]
pub(crate) struct Eager(BTreeMap<i64, u64>);

impl Quirk<i64> for Eager {
    fn open(&mut self, store: &Arc<Store<i64>>) {
        self.0 = store.read_lock().clone();
    }

    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        store.fuse.operation()?;
        Ok(answer_from(&self.0, range, chunk))
    }
}

/// All of the store is read for each chunk; what it answers is right.
#[derive(Default)]
pub(crate) struct All;

impl Quirk<i64> for All {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        let all = store.take(&KeyRange::all(Order::Ascending), usize::MAX)?;
        Ok(answer_from(&all.into_iter().collect(), range, chunk))
    }
}

/// A lock of the store is kept from the first fetch on.
#[derive(Default)]
pub(crate) struct Lock(bool);

impl Quirk<i64> for Lock {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        let answer = store.answer(range, chunk);
        if !self.0 {
            self.0 = true;
            std::mem::forget(store.read_lock());
        }
        answer
    }
}
