//! What the options of a `Walk` mean, and how a walk goes.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, RwLock};

use keywalk::{Order, Walk};
use keywalk_memory::{Map, SharedMap};
use proptest::prelude::*;

#[path = "support/tally.rs"]
mod tally;
use tally::Tally;

const ORDERS: [Order; 2] = [Order::Ascending, Order::Descending];

/// The keys from 1 to `len`, each with itself as its value.
fn numbers(len: i32) -> BTreeMap<i32, i32> {
    (1..=len).map(|n| (n, n)).collect()
}

type Shared = Arc<RwLock<BTreeMap<i32, i32>>>;

fn shared(len: i32) -> (Shared, SharedMap<i32, i32>) {
    let map = Arc::new(RwLock::new(numbers(len)));
    (Arc::clone(&map), SharedMap::new(map))
}

fn bound() -> impl Strategy<Value = Bound<i32>> {
    prop_oneof![
        Just(Bound::Unbounded),
        (0..12).prop_map(Bound::Included),
        (0..12).prop_map(Bound::Excluded),
    ]
}

proptest! {
    #[test]
    fn a_walk_yields_exactly_the_range_in_its_order_whatever_the_chunk_size(
        map in prop::collection::btree_map(0..12, any::<u8>(), 0..10),
        bounds in (bound(), bound()),
        descending in any::<bool>(),
        live in any::<bool>(),
        chunk_size in prop_oneof![1..12_usize, Just(usize::MAX)],
    ) {
        let within = |key: &i32| std::ops::RangeBounds::contains(&bounds, key);
        let mut expected: Vec<_> = map.iter().filter(|(key, _)| within(key)).collect();
        let mut walk = Walk::new(Map::new(&map)).range(bounds).chunk_size(chunk_size);
        if descending {
            expected.reverse();
            walk = walk.descending();
        }
        if live {
            walk = walk.live();
        }
        let items: Vec<_> = walk.into_iter().collect::<Result<_, _>>()?;
        prop_assert_eq!(items, expected);
    }

    #[test]
    fn every_chunk_but_the_last_is_full(len in 0..20, chunk_size in 1..25_usize) {
        let map = numbers(len);
        let mut chunks = Walk::new(Map::new(&map)).chunk_size(chunk_size).chunks();
        let mut lens = Vec::new();
        while let Some(items) = chunks.next()? {
            lens.push(items.len());
        }
        let expected: Vec<usize> =
            map.keys().collect::<Vec<_>>().chunks(chunk_size).map(<[_]>::len).collect();
        prop_assert_eq!(lens, expected);
    }

    #[test]
    fn the_size_hint_is_honest_at_every_step(
        len in 0..20,
        chunk_size in 1..25_usize,
        live in any::<bool>(),
    ) {
        let map = numbers(len);
        let walk = Walk::new(Map::new(&map)).chunk_size(chunk_size);
        let mut items = if live { walk.live() } else { walk }.into_iter();
        let mut left = map.len();
        loop {
            let (least, most) = items.size_hint();
            prop_assert!(least <= left && most.is_none_or(|most| left <= most));
            // A bounded walk that has its last chunk knows that nothing else comes.
            if !live && items.stats().chunks() > 0 && left <= chunk_size && left == least {
                prop_assert_eq!(most, Some(left));
            }
            if items.next().transpose()?.is_none() {
                break;
            }
            left -= 1;
        }
        prop_assert_eq!((left, items.size_hint()), (0, (0, Some(0))));
    }
}

#[test]
#[should_panic(expected = "the chunk size must not be 0")]
fn a_chunk_size_of_0_panics() {
    let _ = Walk::new(Map::new(&numbers(1))).chunk_size(0);
}

#[test]
fn the_largest_chunk_size_fetches_everything_at_once() {
    let map = numbers(1_000);
    let mut chunks = Walk::new(Map::new(&map)).chunk_size(usize::MAX).chunks();
    assert_eq!(chunks.next().unwrap().unwrap().len(), 1_000);
    assert_eq!(chunks.next(), Ok(None));
}

#[test]
fn the_default_chunk_size_is_the_documented_one() {
    let map = numbers(1_000);
    let mut chunks = Walk::new(Map::new(&map)).chunks();
    let first = chunks.next().unwrap().unwrap().len();
    assert_eq!(first, Walk::<Map<'_, i32, i32>>::DEFAULT_CHUNK_SIZE);
}

#[test]
fn a_later_range_order_or_chunk_size_replaces_an_earlier_one() {
    let map = numbers(9);
    let mut chunks = Walk::new(Map::new(&map))
        .range(..=2)
        .range(8..)
        .descending()
        .order(Order::Ascending)
        .chunk_size(1)
        .chunk_size(5)
        .chunks();
    let items = chunks.next().unwrap().unwrap();
    assert_eq!(items, [(&8, &8), (&9, &9)]);
}

#[test]
fn an_inverted_range_holds_nothing_and_asks_nothing() {
    let map = numbers(9);
    let excluded = (Bound::Excluded(5), Bound::Excluded(5));
    let inverted = (Bound::Included(7), Bound::Included(3));
    for bounds in [excluded, inverted] {
        for order in ORDERS {
            let source = Tally::new(Map::new(&map));
            let mut chunks = Walk::new(source).range(bounds).order(order).chunks();
            assert_eq!(chunks.next(), Ok(None));
            assert_eq!(chunks.source().asked(), 0);
        }
    }
}

#[test]
fn a_bounded_walk_stops_at_what_was_the_last_key_when_it_began() {
    for order in ORDERS {
        let (map, source) = shared(6);
        let mut chunks = Walk::new(source).order(order).chunk_size(2).chunks();
        let mut seen = 0;
        let mut append = (7.., (-1_000..=0).rev());
        // Appending faster than it walks doesn't keep it from ending.
        while let Some(items) = chunks.next().unwrap() {
            seen += items.len();
            assert!(seen <= 6, "it chases what is appended");
            for _ in 0..5 {
                let key = match order {
                    Order::Ascending => append.0.next(),
                    Order::Descending => append.1.next(),
                };
                map.write().unwrap().insert(key.unwrap(), 0);
            }
        }
        assert_eq!(seen, 6);
    }
}

#[test]
fn a_live_walk_goes_on_while_there_is_more() {
    let (map, source) = shared(2);
    let mut chunks = Walk::new(source).live().chunk_size(2).chunks();
    let mut seen = Vec::new();
    while let Some(items) = chunks.next().unwrap() {
        seen.extend(items.iter().map(|(key, _)| *key));
        if seen.len() < 10 {
            let last = *seen.last().unwrap();
            map.write().unwrap().extend([(last + 1, 0), (last + 2, 0)]);
        }
    }
    assert_eq!(seen, (1..=10).collect::<Vec<_>>());
}

#[test]
fn nothing_is_asked_before_the_first_next() {
    let (map, source) = shared(0);
    let mut chunks = Walk::new(Tally::new(source.clone())).chunks();
    let mut items = Walk::new(Tally::new(source)).into_iter();
    assert_eq!(
        (items.size_hint(), items.cursor().is_done()),
        ((0, None), false)
    );
    assert_eq!((chunks.source().asked(), items.source().asked()), (0, 0));
    // So what is written until then is seen.
    map.write().unwrap().insert(1, 10);
    assert_eq!(chunks.next(), Ok(Some([(1, 10)].as_mut_slice())));
    assert_eq!(items.next(), Some(Ok((1, 10))));
}

#[test]
fn after_the_end_comes_none_and_the_store_is_not_asked() {
    for live in [false, true] {
        let (map, source) = shared(3);
        let walk = |source| {
            let walk = Walk::new(Tally::new(source)).chunk_size(2);
            if live { walk.live() } else { walk }
        };
        let mut chunks = walk(source.clone()).chunks();
        let mut items = walk(source).into_iter();
        while chunks.next().unwrap().is_some() {}
        assert_eq!(items.by_ref().count(), 3);
        let asked = (chunks.source().asked(), items.source().asked());
        // There would be more: fused means not to look.
        map.write().unwrap().insert(4, 4);
        for _ in 0..3 {
            assert_eq!(chunks.next(), Ok(None));
            assert_eq!(items.next(), None);
        }
        assert_eq!((chunks.source().asked(), items.source().asked()), asked);
    }
}

#[test]
fn at_most_one_chunk_is_fetched_ahead() {
    let map = numbers(10);
    let mut items = Walk::new(Tally::new(Map::new(&map)))
        .live()
        .chunk_size(3)
        .into_iter();
    for handed_out in 1..=10_usize {
        items.next().unwrap().unwrap();
        assert_eq!(items.source().fetches, handed_out.div_ceil(3));
        assert_eq!(
            items.size_hint().0,
            (10 - handed_out).min(2 - (handed_out - 1) % 3)
        );
    }
}

#[test]
fn stats_count_queries_chunks_and_the_items_that_were_handed_out() {
    let map = numbers(5);
    let mut items = Walk::new(Tally::new(Map::new(&map)))
        .chunk_size(2)
        .into_iter();
    assert_eq!(items.stats(), keywalk::Stats::default());
    items.next().unwrap().unwrap();
    // The last key by itself, then by a fetch, then the chunk.
    let stats = items.stats();
    assert_eq!((stats.queries(), stats.chunks(), stats.items()), (3, 1, 1));
    assert_eq!(items.by_ref().count(), 4);
    let stats = items.stats();
    assert_eq!((stats.queries(), stats.chunks(), stats.items()), (5, 3, 5));
    assert_eq!(stats.queries(), items.source().asked() as u64);

    let mut chunks = Walk::new(Map::new(&map)).live().chunk_size(5).chunks();
    chunks.next().unwrap();
    assert_eq!((chunks.stats().queries(), chunks.stats().items()), (1, 5));
    // Live: it has to ask whether there is more.
    chunks.next().unwrap();
    assert_eq!((chunks.stats().queries(), chunks.stats().chunks()), (2, 1));
}

#[test]
fn the_position_does_not_depend_on_what_is_done_to_the_items() {
    let (_, source) = shared(6);
    let mut chunks = Walk::new(source).chunk_size(2).chunks();
    let mut seen = Vec::new();
    while let Some(items) = chunks.next().unwrap() {
        seen.extend(items.iter().map(|(key, _)| *key));
        items.reverse();
        items.fill((0, 0));
    }
    assert_eq!(seen, [1, 2, 3, 4, 5, 6]);
}

#[test]
fn the_source_comes_back() {
    let map = numbers(3);
    let mut source = Tally::new(Map::new(&map));
    for _ in 0..2 {
        let mut items = Walk::new(source).live().into_iter();
        assert_eq!(items.by_ref().count(), 3);
        source = items.into_source();
    }
    assert_eq!(source.fetches, 2);
    let mut chunks = Walk::new(source).live().chunks();
    chunks.next().unwrap();
    assert_eq!(chunks.into_source().fetches, 3);
}
