//! Sources that begin at the wrong place.

use std::ops::Bound;
use std::sync::Arc;

use keywalk::{Chunk, Fetched, KeyRange, Order};
use keywalk_conformance::Blown;

use super::store::{Quirk, Store};

type Numbers = Chunk<(i64, u64)>;

/// The same range with another near bound.
pub(crate) fn from(range: &KeyRange<i64>, near: Bound<i64>) -> KeyRange<i64> {
    match range.order() {
        Order::Ascending => KeyRange::new((near, range.upper().cloned()), Order::Ascending),
        Order::Descending => KeyRange::new((range.lower().cloned(), near), Order::Descending),
    }
}

/// `>=` where `>` is meant.
#[derive(Default)]
pub(crate) struct Inclusive;

impl Quirk<i64> for Inclusive {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        match range.near() {
            Bound::Excluded(near) => store.answer(&from(range, Bound::Included(*near)), chunk),
            _ => store.answer(range, chunk),
        }
    }
}

/// The first key that it finds after a cursor is lost.
#[derive(Default)]
pub(crate) struct Skips;

impl Quirk<i64> for Skips {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        let mut range = *range;
        if matches!(range.near(), Bound::Excluded(_))
            && let Some((first, _)) = store.take(&range, 1)?.first()
        {
            range.advance_past(*first);
        }
        store.answer(&range, chunk)
    }
}

/// A cursor at 0 looks like none.
#[derive(Default)]
pub(crate) struct ZeroIsStart;

impl Quirk<i64> for ZeroIsStart {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        match range.near() {
            Bound::Excluded(0) => store.answer(&from(range, Bound::Unbounded), chunk),
            _ => store.answer(range, chunk),
        }
    }
}

/// Every page is the first one.
#[derive(Default)]
pub(crate) struct Ignored;

impl Quirk<i64> for Ignored {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        store.answer(&from(range, Bound::Unbounded), chunk)
    }
}

/// LIMIT and OFFSET, for as long as it is asked to go on from where it was.
#[derive(Default)]
pub(crate) struct Offset {
    offset: usize,
    last: Option<i64>,
    from: Option<KeyRange<i64>>,
}

impl Quirk<i64> for Offset {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        let goes_on = self
            .last
            .is_some_and(|last| range.near() == Bound::Excluded(&last));
        let from = match &self.from {
            Some(from) if goes_on && from.far() == range.far() && from.order() == range.order() => {
                *from
            }
            _ => {
                (self.offset, self.from) = (0, Some(*range));
                *range
            }
        };
        let all = store.take(&from, self.offset.saturating_add(chunk.limit()))?;
        for entry in all.into_iter().skip(self.offset) {
            chunk.push(entry);
        }
        self.offset += chunk.len();
        self.last = chunk.as_slice().last().map(|(key, _)| *key).or(self.last);
        Ok(if chunk.is_full() {
            Fetched::More
        } else {
            Fetched::End
        })
    }
}
