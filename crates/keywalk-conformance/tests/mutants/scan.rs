//! Sources that say wrongly how far they scanned.

use std::sync::Arc;

use keywalk::{Chunk, Fetched, KeyRange};
use keywalk_conformance::Blown;

use super::store::{Quirk, Store};

type Numbers = Chunk<(i64, u64)>;

/// To the first item that didn't fit any more.
#[derive(Default)]
pub(crate) struct PastItems;

impl Quirk<i64> for PastItems {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        let entries = store.take(range, chunk.limit().saturating_add(1))?;
        let next = entries.get(chunk.limit()).map(|(key, _)| *key);
        let fitting = entries.into_iter().take(chunk.limit());
        fitting.for_each(|entry| chunk.push(entry));
        Ok(next.map_or(Fetched::End, Fetched::ScannedTo))
    }
}

/// To the largest key of the chunk, also where that is the first.
#[derive(Default)]
pub(crate) struct Upwards;

impl Quirk<i64> for Upwards {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        let fetched = store.answer(range, chunk)?;
        let largest = chunk.as_slice().iter().map(|(key, _)| *key).max();
        Ok(match (fetched, largest) {
            (Fetched::More, Some(largest)) => Fetched::ScannedTo(largest),
            (fetched, _) => fetched,
        })
    }
}

/// A stretch without items has no end of its own, so it says that there is more.
#[derive(Default)]
pub(crate) struct Nowhere;

impl Quirk<i64> for Nowhere {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        let fetched = store.answer(range, chunk)?;
        Ok(if chunk.is_empty() {
            Fetched::More
        } else {
            fetched
        })
    }
}
