//! Sources that remember what they answered.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use keywalk::{Chunk, Fetched, KeyRange};
use keywalk_conformance::Blown;

use super::store::{Quirk, Store};

type Numbers = Chunk<(i64, u64)>;

fn fill(entries: impl IntoIterator<Item = (i64, u64)>, chunk: &mut Numbers) -> Fetched<i64> {
    for entry in entries {
        if chunk.is_full() {
            return Fetched::More;
        }
        chunk.push(entry);
    }
    Fetched::End
}

/// Values are read once.
#[derive(Default)]
pub(crate) struct Values(BTreeMap<i64, u64>);

impl Quirk<i64> for Values {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        let fetched = store.answer(range, chunk)?;
        for (key, value) in chunk.as_mut_slice() {
            *value = *self.0.entry(*key).or_insert(*value);
        }
        Ok(fetched)
    }
}

/// What came once is left out: a cheap way to give no key twice.
#[derive(Default)]
pub(crate) struct Seen(BTreeSet<i64>);

impl Quirk<i64> for Seen {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        let mut entries = store.take(range, usize::MAX)?;
        entries.retain(|(key, _)| !self.0.contains(key));
        let fetched = fill(entries, chunk);
        self.0.extend(chunk.as_slice().iter().map(|(key, _)| key));
        Ok(fetched)
    }
}

/// An iterator of the store is kept, as long as the next question looks like the next page.
#[derive(Default)]
pub(crate) struct Iterator {
    rest: std::vec::IntoIter<(i64, u64)>,
    last: Option<i64>,
    from: Option<KeyRange<i64>>,
}

impl Quirk<i64> for Iterator {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        store.fuse.operation()?;
        let is_next = self.last.map(Bound::Excluded).as_ref().map(Bound::as_ref)
            == Some(range.near())
            && self
                .from
                .is_some_and(|from| from.far() == range.far() && from.order() == range.order());
        if !is_next {
            self.rest = store.take(range, usize::MAX)?.into_iter();
        }
        while !chunk.is_full() {
            let Some(entry) = self.rest.next() else { break };
            chunk.push(entry);
        }
        self.last = chunk.as_slice().last().map(|(key, _)| *key);
        self.from = Some(*range);
        Ok(if chunk.is_full() {
            Fetched::More
        } else {
            Fetched::End
        })
    }
}

/// One item more is read, to know whether there is more, and kept for the next fetch.
#[derive(Default)]
pub(crate) struct Peeked(Option<(i64, (i64, u64))>);

impl Quirk<i64> for Peeked {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        let mut rest = *range;
        if let Some((after, entry)) = self.0.take()
            && range.near() == Bound::Excluded(&after)
            && range.admits(&entry.0)
        {
            chunk.push(entry);
            rest.advance_past(entry.0);
        }
        let wanted = chunk.limit() - chunk.len();
        let mut entries = store.take(&rest, wanted.saturating_add(1))?;
        let more = (entries.len() > wanted).then(|| entries.pop()).flatten();
        entries.into_iter().for_each(|entry| chunk.push(entry));
        let last = chunk.as_slice().last().map(|(key, _)| *key);
        self.0 = last.zip(more);
        Ok(if more.is_some() {
            Fetched::More
        } else {
            Fetched::End
        })
    }
}
