//! Sources that keep something between two fetches.

use std::collections::BTreeMap;
use std::sync::Arc;

use keywalk::{Chunk, Fetched, KeyRange, Order};
use keywalk_conformance::{Blown, Capabilities};

use super::store::{Quirk, Store};

type Numbers = Chunk<(i64, u64)>;

/// Answers from entries of its own.
fn answer(
    entries: &BTreeMap<i64, u64>,
    range: &KeyRange<i64>,
    chunk: &mut Numbers,
) -> Fetched<i64> {
    let mut within: Vec<_> = entries
        .iter()
        .filter(|(key, _)| range.admits(key))
        .collect();
    if range.order() == Order::Descending {
        within.reverse();
    }
    for (key, value) in within {
        if chunk.is_full() {
            return Fetched::More;
        }
        chunk.push((*key, *value));
    }
    Fetched::End
}

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
        Ok(answer(entries, range, chunk))
    }
}

/// The same, and it says so: this one is right.
#[derive(Default)]
pub(crate) struct Declared(Snapshot);

impl Quirk<i64> for Declared {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        self.0.fetch(store, range, chunk)
    }

    fn capabilities(all: Capabilities) -> Capabilities {
        Capabilities {
            snapshot: keywalk_conformance::Capability::Yes,
            ..all
        }
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
        Ok(answer(&self.0, range, chunk))
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
        Ok(answer(&all.into_iter().collect(), range, chunk))
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
