//! The maps and sets of the standard library, which are sources as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::ops::{Bound, RangeBounds};

use keywalk::{ChunkSource, Order, Walk};
use proptest::prelude::*;

fn bound() -> impl Strategy<Value = Bound<u8>> {
    prop_oneof![
        Just(Bound::Unbounded),
        (0..12_u8).prop_map(Bound::Included),
        (0..12_u8).prop_map(Bound::Excluded),
    ]
}

/// The items, and how many requests they took.
fn all<S: ChunkSource<Error: Debug>>(walk: Walk<S>) -> (Vec<S::Item>, u64) {
    let mut items = walk.items();
    let all = items.by_ref().map(|item| item.expect("nothing can fail"));
    (all.collect(), items.stats().queries())
}

proptest! {
    #[test]
    fn a_borrowed_map_or_set_is_walked_within_all_kinds_of_bounds(
        keys in prop::collection::btree_set(0..12_u8, 0..12),
        bounds in (bound(), bound()),
        order in prop::sample::select(&[Order::Ascending, Order::Descending][..]),
        size in 1..13_usize,
    ) {
        let set: BTreeSet<u8> = keys;
        let map: BTreeMap<u8, String> = set.iter().map(|key| (*key, key.to_string())).collect();
        let mut expected: Vec<&u8> = set.iter().filter(|key| bounds.contains(*key)).collect();
        if order == Order::Descending {
            expected.reverse();
        }
        // The last key takes no fetch: it is known.
        let queries = match expected.len().div_ceil(size) as u64 {
            0 => 0..=1,
            chunks => chunks..=chunks + 1,
        };
        let (of_map, asked) = all(Walk::new(&map).range(bounds).order(order).chunk_size(size));
        prop_assert!(queries.contains(&asked), "{asked} queries");
        prop_assert!(of_map.iter().all(|(key, value)| std::ptr::eq(&map[*key], *value)));
        prop_assert!(of_map.iter().map(|(key, _)| key).eq(&expected));
        let (of_set, asked) = all(Walk::new(&set).range(bounds).order(order).chunk_size(size));
        prop_assert!(queries.contains(&asked), "{asked} queries");
        prop_assert_eq!(of_set, expected);
    }
}
