//! Sources that are right, in ways that a naive kit would take for wrong.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use keywalk::{Chunk, Fetched, KeyRange, LastKey, Order};
use keywalk_conformance::{Blown, Capabilities, Capability, KnownKey};

use super::durable::{Durable, DurableKey};
use super::store::{Quirk, Store, answer_from};

type Numbers = Chunk<(i64, u64)>;

macro_rules! durable {
    ($($quirk:ident),+) => {$(
        impl Durable<i64> for $quirk {}
    )+};
}

durable!(
    EmptyLast,
    ShortPages,
    ScansStretches,
    Tombstones,
    KnowsItsLast,
    ForwardOnly,
    Retries,
    Snapshot,
    SometimesKnows
);

/// As one would expect.
#[derive(Default)]
pub(crate) struct Plain;

impl<K: KnownKey + Send + Sync> Quirk<K> for Plain {}

impl<K: DurableKey> Durable<K> for Plain {}

/// Where the last item is, it says that there may be more; then the end, without an item.
#[derive(Default)]
pub(crate) struct EmptyLast;

impl Quirk<i64> for EmptyLast {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        store.answer(range, chunk)?;
        Ok(if chunk.is_empty() {
            Fetched::End
        } else {
            Fetched::More
        })
    }
}

/// Now one item, now two, now three, whatever the limit.
#[derive(Default)]
pub(crate) struct ShortPages(usize);

impl Quirk<i64> for ShortPages {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        self.0 = self.0 % 3 + 1;
        for entry in store.take(range, chunk.limit().min(self.0))? {
            if !chunk.is_full() {
                chunk.push(entry);
            }
        }
        Ok(if chunk.is_empty() {
            Fetched::End
        } else {
            Fetched::More
        })
    }
}

/// Of two stretches one has no item: it ends just before the next key.
#[derive(Default)]
pub(crate) struct ScansStretches;

impl Quirk<i64> for ScansStretches {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        let page = store.take(range, chunk.limit().min(2))?;
        let Some((first, _)) = page.first() else {
            return Ok(Fetched::End);
        };
        let before = match range.order() {
            Order::Ascending => first.checked_sub(1),
            Order::Descending => first.checked_add(1),
        };
        match before.filter(|key| range.admits(key)) {
            Some(before) => Ok(Fetched::ScannedTo(before)),
            None => {
                let mut last = *first;
                for entry in page {
                    if !chunk.is_full() {
                        last = entry.0;
                        chunk.push(entry);
                    }
                }
                Ok(Fetched::ScannedTo(last))
            }
        }
    }
}

/// The first fetch of a range finds nothing but what was deleted long ago.
#[derive(Default)]
pub(crate) struct Tombstones;

impl Quirk<i64> for Tombstones {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        let far_end = match range.order() {
            Order::Ascending => i64::MIN,
            Order::Descending => i64::MAX,
        };
        if range.near() == Bound::Unbounded
            && store
                .take(range, 1)?
                .first()
                .is_none_or(|(key, _)| *key != far_end)
        {
            return Ok(if range.admits(&far_end) {
                Fetched::ScannedTo(far_end)
            } else {
                Fetched::End
            });
        }
        store.answer(range, chunk)
    }
}

/// It knows its last key without a fetch.
#[derive(Default)]
pub(crate) struct KnowsItsLast;

impl Quirk<i64> for KnowsItsLast {
    fn last_key(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
    ) -> Result<LastKey<i64>, Blown> {
        let last = store.take(&range.reversed(), 1)?;
        Ok(last.first().map(|(key, _)| *key).into())
    }
}

/// Descending fetches are declined.
#[derive(Default)]
pub(crate) struct ForwardOnly;

impl Quirk<i64> for ForwardOnly {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        match range.order() {
            Order::Ascending => store.answer(range, chunk),
            Order::Descending => Err(Blown::default()),
        }
    }

    fn last_key(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
    ) -> Result<LastKey<i64>, Blown> {
        KnowsItsLast.last_key(store, range)
    }

    fn capabilities(all: Capabilities) -> Capabilities {
        Capabilities {
            descending: Capability::No("the store's iterator goes forward only"),
            ..all
        }
    }
}

/// A fetch that fails is tried once more before the error is said.
#[derive(Default)]
pub(crate) struct Retries;

impl Quirk<i64> for Retries {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        store.answer(range, chunk).or_else(|_| {
            chunk.clear();
            store.answer(range, chunk)
        })
    }
}

/// A snapshot is taken by the first fetch, as it says.
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

    fn capabilities(all: Capabilities) -> Capabilities {
        Capabilities {
            snapshot: Capability::Yes,
            counting: Capability::No("the snapshot is taken as a whole"),
            ..all
        }
    }
}

/// It knows its last key now and then.
#[derive(Default)]
pub(crate) struct SometimesKnows(bool);

impl Quirk<i64> for SometimesKnows {
    fn last_key(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
    ) -> Result<LastKey<i64>, Blown> {
        self.0 = !self.0;
        if self.0 {
            KnowsItsLast.last_key(store, range)
        } else {
            Ok(LastKey::Unknown)
        }
    }
}
