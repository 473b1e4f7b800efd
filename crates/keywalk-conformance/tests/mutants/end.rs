//! Sources that say the end when it isn't, or don't when it is.

use std::ops::Bound;
use std::sync::Arc;

use keywalk::{Chunk, Fetched, KeyRange};
use keywalk_conformance::Blown;

use super::store::{Quirk, Store};

type Numbers = Chunk<(i64, u64)>;

/// The store has pages of three, and a page smaller than the limit is the last one.
#[derive(Default)]
pub(crate) struct ShortPage;

impl Quirk<i64> for ShortPage {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        let page = store.take(range, chunk.limit().min(3))?;
        page.into_iter().for_each(|entry| chunk.push(entry));
        Ok(if chunk.is_full() {
            Fetched::More
        } else {
            Fetched::End
        })
    }
}

/// The first page is the last one.
#[derive(Default)]
pub(crate) struct Always;

impl Quirk<i64> for Always {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        store.answer(range, chunk)?;
        Ok(Fetched::End)
    }
}

/// There is always more.
#[derive(Default)]
pub(crate) struct Never;

impl Quirk<i64> for Never {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        store.answer(range, chunk)?;
        Ok(Fetched::More)
    }
}

/// It looks its position up, and doesn't find it.
#[derive(Default)]
pub(crate) struct RowGone;

impl Quirk<i64> for RowGone {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        match range.near() {
            Bound::Excluded(key) if !store.read_lock().contains_key(key) => Ok(Fetched::End),
            _ => store.answer(range, chunk),
        }
    }
}
