//! Sources that hand out the wrong items.

use std::sync::Arc;

use keywalk::{Chunk, Fetched, KeyRange, Order};
use keywalk_conformance::Blown;

use super::store::{Quirk, Store};

type Numbers = Chunk<(i64, u64)>;

/// All of a range, changed somehow, as far as the limit goes.
macro_rules! with_items {
    ($(#[$doc:meta])* $name:ident, ($store:ident, $range:ident, $items:ident) $change:block) => {
        $(#[$doc])*
        #[derive(Default)]
        pub(crate) struct $name;

        impl Quirk<i64> for $name {
            fn fetch(
                &mut self,
                $store: &Arc<Store<i64>>,
                $range: &KeyRange<i64>,
                chunk: &mut Numbers,
            ) -> Result<Fetched<i64>, Blown> {
                let mut $items = $store.take($range, usize::MAX)?;
                $change
                for item in $items {
                    if chunk.is_full() {
                        return Ok(Fetched::More);
                    }
                    chunk.push(item);
                }
                Ok(Fetched::End)
            }
        }
    };
}

with_items! {
    /// Encoded as big-endian bytes, with the sign as it is.
    SignLost, (store, range, items) {
        let place = |key: i64| key.cast_unsigned();
        let (lower, upper) = (range.lower().map(|key| place(*key)), range.upper().map(|key| place(*key)));
        let bytes = KeyRange::new((lower, upper), range.order());
        items.clear();
        items.extend(store.take(&KeyRange::all(Order::Ascending), usize::MAX)?);
        items.retain(|(key, _)| bytes.admits(&place(*key)));
        items.sort_by_key(|(key, _)| place(*key));
        if range.order() == Order::Descending {
            items.reverse();
        }
    }
}

with_items! {
    /// The store's smallest key isn't seen.
    DropsSmallest, (store, range, items) {
        let smallest = store.take(&KeyRange::all(Order::Ascending), 1)?;
        items.retain(|item| Some(item) != smallest.first());
    }
}

with_items! {
    /// The largest key of all is taken for a sentinel.
    DropsLargest, (store, range, items) {
        items.retain(|(key, _)| *key != i64::MAX);
    }
}

with_items! {
    /// It doesn't know of descending order.
    Ascending, (store, range, items) {
        items.sort();
    }
}

with_items! {
    /// In a chunk of several.
    Swapped, (store, range, items) {
        let last = items.len();
        if last > 2 {
            items.swap(last - 2, last - 1);
        }
    }
}

with_items! {
    /// Every other row matches two of another table.
    Joined, (store, range, items) {
        items = items
            .into_iter()
            .flat_map(|item| vec![item; 1 + usize::from(item.1 % 2 == 0)])
            .collect();
    }
}

with_items! {
    /// Each has that of its neighbour.
    WrongValues, (store, range, items) {
        let values: Vec<u64> = items.iter().map(|(_, value)| *value).collect();
        let shifted = values.iter().cycle().skip(1);
        items.iter_mut().zip(shifted).for_each(|(item, value)| item.1 = *value);
    }
}

/// The slots of an earlier chunk are filled again, and not emptied before.
#[derive(Default)]
pub(crate) struct Appended;

impl Quirk<String> for Appended {
    fn fetch(
        &mut self,
        store: &Arc<Store<String>>,
        range: &KeyRange<String>,
        chunk: &mut Chunk<(String, u64)>,
    ) -> Result<Fetched<String>, Blown> {
        for (key, value) in store.take(range, chunk.limit())? {
            chunk.push_with(|slot| {
                slot.0.push_str(&key);
                slot.1 = value;
            });
        }
        Ok(if chunk.is_full() {
            Fetched::More
        } else {
            Fetched::End
        })
    }
}
