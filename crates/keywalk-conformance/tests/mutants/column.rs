//! Sources that get keys of several columns wrong.

use std::cmp::{Ordering, Reverse};
use std::ops::Bound;
use std::sync::Arc;

use keywalk::{Chunk, Fetched, KeyRange, Order};
use keywalk_conformance::Blown;

use super::store::{Quirk, Store};

type Pair = (i64, i64);
type Mixed = (i64, Reverse<String>);

fn fill<K>(entries: Vec<(K, u64)>, chunk: &mut Chunk<(K, u64)>) -> Fetched<K> {
    for entry in entries {
        if chunk.is_full() {
            return Fetched::More;
        }
        chunk.push(entry);
    }
    Fetched::End
}

macro_rules! after {
    ($(#[$doc:meta])* $name:ident, ($first:ident, $second:ident) => $is_after:expr) => {
        $(#[$doc])*
        #[derive(Default)]
        pub(crate) struct $name;

        impl Quirk<Pair> for $name {
            fn fetch(
                &mut self,
                store: &Arc<Store<Pair>>,
                range: &KeyRange<Pair>,
                chunk: &mut Chunk<(Pair, u64)>,
            ) -> Result<Fetched<Pair>, Blown> {
                let mut entries = store.take(range, usize::MAX)?;
                if let Bound::Excluded((a, b)) = range.near() {
                    entries.retain(|((x, y), _)| {
                        let ($first, $second) = match range.order() {
                            Order::Ascending => (x.cmp(a), y.cmp(b)),
                            Order::Descending => (a.cmp(x), b.cmp(y)),
                        };
                        $is_after
                    });
                }
                Ok(fill(entries, chunk))
            }
        }
    };
}

after! {
    /// `a > ? AND b > ?`.
    Each, (first, second) => first.is_gt() && second.is_gt()
}

after! {
    /// `a > ?`.
    FirstOnly, (first, _second) => first.is_gt()
}

/// All columns ascend, in the index and in the comparison.
#[derive(Default)]
pub(crate) struct Reversed;

impl Quirk<Mixed> for Reversed {
    fn fetch(
        &mut self,
        store: &Arc<Store<Mixed>>,
        range: &KeyRange<Mixed>,
        chunk: &mut Chunk<(Mixed, u64)>,
    ) -> Result<Fetched<Mixed>, Blown> {
        let plain = |(a, Reverse(b)): &Mixed| (*a, b.clone());
        let bounds = (range.lower().map(plain), range.upper().map(plain));
        let within = KeyRange::new(bounds, range.order());
        let mut entries = store.take(&KeyRange::all(Order::Ascending), usize::MAX)?;
        entries.retain(|(key, _)| within.admits(&plain(key)));
        entries.sort_by(|(a, _), (b, _)| {
            let order: Ordering = plain(a).cmp(&plain(b));
            match range.order() {
                Order::Ascending => order,
                Order::Descending => order.reverse(),
            }
        });
        Ok(fill(entries, chunk))
    }
}

/// What the iterator keeps of an item is its last column.
#[derive(Default)]
pub(crate) struct HalfKept;

impl Quirk<Pair> for HalfKept {
    fn key_into(&self, (key, _): &(Pair, u64), kept: &mut Pair) {
        kept.1 = key.1;
    }
}
