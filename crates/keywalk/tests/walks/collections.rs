//! The maps and sets of the standard library, which are sources as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, RangeBounds};

use keywalk::{Order, Walk};
use proptest::prelude::*;

fn bound() -> impl Strategy<Value = Bound<u8>> {
    let key = (0..3_u8, 0..12_u8);
    key.prop_map(|(kind, key)| match kind {
        0 => Bound::Unbounded,
        1 => Bound::Included(key),
        _ => Bound::Excluded(key),
    })
}

proptest! {
    #[test]
    fn a_borrowed_map_or_set_is_walked_within_all_kinds_of_bounds(
        set in prop::collection::btree_set(0..12_u8, 0..12),
        bounds in (bound(), bound()),
        order in prop::sample::select(&[Order::Ascending, Order::Descending][..]),
        size in 1..13_usize,
    ) {
        let set: BTreeSet<u8> = set;
        let map: BTreeMap<u8, String> = set.iter().map(|key| (*key, key.to_string())).collect();
        let mut expected: Vec<_> = map.iter().filter(|(key, _)| bounds.contains(*key)).collect();
        if order == Order::Descending {
            expected.reverse();
        }
        let of_map = Walk::new(&map).range(bounds).order(order).chunk_size(size);
        prop_assert!(of_map.into_iter().map(Result::unwrap).eq(expected.iter().copied()));
        let of_set = Walk::new(&set).range(bounds).order(order).chunk_size(size);
        prop_assert!(of_set.into_iter().map(Result::unwrap).eq(expected.iter().map(|item| item.0)));
    }
}
