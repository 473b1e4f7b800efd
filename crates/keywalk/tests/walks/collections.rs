//! The maps and sets of the standard library, which are sources as they are.

use std::collections::BTreeMap;
use std::ops::{Bound, RangeBounds};

use keywalk::{Order, Walk};
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_borrowed_map_or_set_is_walked_within_all_kinds_of_bounds(
        set in prop::collection::btree_set(any::<u8>(), 0..12),
        bounds in any::<(Bound<u8>, Bound<u8>)>(),
        order in prop::sample::select(&[Order::Ascending, Order::Descending][..]),
        size in 1..13_usize,
    ) {
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
