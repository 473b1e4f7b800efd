//! G10: what comes before a cursor and what comes after it are together one walk.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, RwLock};

use keywalk::{Cursor, Order, Walk};
use keywalk_memory::{Map, SharedMap};

#[path = "support/tally.rs"]
mod tally;
use tally::Tally;

const ORDERS: [Order; 2] = [Order::Ascending, Order::Descending];

type Numbers = BTreeMap<i32, i32>;

/// The tens from 10 to `len` * 10: there is room between them.
fn tens(len: i32) -> Numbers {
    (1..=len).map(|n| (n * 10, n)).collect()
}

fn shared(len: i32) -> (Arc<RwLock<Numbers>>, SharedMap<i32, i32>) {
    let map = Arc::new(RwLock::new(tens(len)));
    (Arc::clone(&map), SharedMap::new(map))
}

fn walk<S: keywalk::ChunkSource>(source: S, live: bool, size: usize) -> Walk<S> {
    let walk = Walk::new(source).chunk_size(size);
    if live { walk.live() } else { walk }
}

/// The keys that come from a cursor on.
fn rest(source: &SharedMap<i32, i32>, cursor: Cursor<i32>) -> Vec<i32> {
    let items = Walk::new(source.clone()).resume(cursor).chunk_size(2);
    items
        .into_iter()
        .map(|item| item.expect("the map doesn't fail").0)
        .collect()
}

/// Every small map, chunk size, order, position and second chunk size.
fn for_every_walk(check: impl Fn(&Numbers, Order, bool, usize, usize)) {
    for len in 0..=5 {
        let map = tens(len);
        for order in ORDERS {
            for live in [false, true] {
                for first in 1..=6 {
                    for second in 1..=6 {
                        check(&map, order, live, first, second);
                    }
                }
            }
        }
    }
}

fn keys(map: &Numbers, order: Order) -> Vec<i32> {
    match order {
        Order::Ascending => map.keys().copied().collect(),
        Order::Descending => map.keys().rev().copied().collect(),
    }
}

#[test]
fn items_go_on_at_every_position_with_any_chunk_size() {
    for_every_walk(|map, order, live, first, second| {
        let expected = keys(map, order);
        // One more than there are items: after the end was said.
        for cut in 0..=expected.len() + 1 {
            let mut items = walk(Map::new(map), live, first).order(order).into_iter();
            let before = items.by_ref().take(cut).map(|item| *item.unwrap().0);
            let mut seen: Vec<i32> = before.collect();
            let cursor = items.cursor();
            assert_eq!(cursor.range().order(), order);
            let after = Walk::new(Map::new(map)).resume(cursor).chunk_size(second);
            seen.extend(after.into_iter().map(|item| *item.unwrap().0));
            assert_eq!(
                seen, expected,
                "cut after {cut} of chunks of {first}, then of {second}"
            );
        }
    });
}

#[test]
fn chunks_go_on_at_every_position_with_any_chunk_size() {
    for_every_walk(|map, order, live, first, second| {
        let expected = keys(map, order);
        for cut in 0..=expected.len().div_ceil(first) + 1 {
            let mut seen = Vec::new();
            let mut chunks = walk(Map::new(map), live, first).order(order).chunks();
            for _ in 0..cut {
                let items = chunks.next().unwrap().unwrap_or_default();
                seen.extend(items.iter().map(|(key, _)| **key));
            }
            let cursor = chunks.cursor();
            let mut chunks = Walk::new(Map::new(map))
                .resume(cursor)
                .chunk_size(second)
                .chunks();
            while let Some(items) = chunks.next().unwrap() {
                seen.extend(items.iter().map(|(key, _)| **key));
            }
            assert_eq!(
                seen, expected,
                "cut after {cut} chunks of {first}, then of {second}"
            );
        }
    });
}

#[test]
fn a_walk_can_be_resumed_after_every_single_item() {
    for_every_walk(|map, order, live, first, second| {
        let mut cursor = walk(Map::new(map), live, first)
            .order(order)
            .into_iter()
            .cursor();
        let mut seen = Vec::new();
        loop {
            let size = if seen.len() % 2 == 0 { first } else { second };
            let mut items = Walk::new(Map::new(map))
                .resume(cursor)
                .chunk_size(size)
                .into_iter();
            let Some(item) = items.next() else { break };
            seen.push(*item.unwrap().0);
            assert!(seen.len() <= map.len(), "it begins anew: {seen:?}");
            cursor = items.cursor();
        }
        assert_eq!(seen, keys(map, order));
    });
}

#[test]
fn a_cursor_says_what_is_left() {
    let map = tens(5);
    for (order, last) in [(Order::Ascending, 50), (Order::Descending, 10)] {
        let mut items = Walk::new(Map::new(&map))
            .order(order)
            .chunk_size(3)
            .into_iter();
        let start = items.cursor();
        assert_eq!(
            (start.range().near(), start.range().far()),
            (Bound::Unbounded, Bound::Unbounded)
        );
        for expected in keys(&map, order) {
            items.next().unwrap().unwrap();
            let cursor = items.cursor();
            assert_eq!(cursor.range().near(), Bound::Excluded(&expected));
            assert_eq!(cursor.range().far(), Bound::Included(&last));
            assert_eq!(cursor.is_done(), expected == last);
        }
    }
}

#[test]
fn taking_a_cursor_does_not_disturb_the_walk() {
    let map = tens(5);
    let mut items = Walk::new(Map::new(&map)).chunk_size(2).into_iter();
    let mut seen = Vec::new();
    while let Some(item) = items.next() {
        seen.push(*item.unwrap().0);
        assert_eq!(items.cursor(), items.cursor());
    }
    assert_eq!(seen, [10, 20, 30, 40, 50]);
}

#[test]
fn a_cursor_of_a_finished_bounded_walk_yields_nothing_and_asks_nothing() {
    for len in [0, 4] {
        let (map, source) = shared(len);
        let mut items = Walk::new(source.clone()).chunk_size(2).into_iter();
        assert_eq!(items.by_ref().count(), len as usize);
        let cursor = items.cursor();
        assert!(cursor.is_done());
        map.write().unwrap().insert(1_000, 0);
        let mut chunks = Walk::new(Tally::new(source))
            .resume(cursor.clone())
            .chunks();
        assert_eq!(chunks.next(), Ok(None));
        assert_eq!(chunks.source().asked(), 0);
        assert_eq!(chunks.cursor(), cursor);
    }
}

#[test]
fn a_cursor_of_a_finished_live_walk_finds_what_was_appended() {
    for len in [0, 4] {
        // With a far bound and without one: its end is not where the walk stands.
        for far in [
            Bound::Unbounded,
            Bound::Included(2_000),
            Bound::Excluded(2_001),
        ] {
            let (map, source) = shared(len);
            let walk = Walk::new(source.clone()).range((Bound::Unbounded, far));
            let mut items = walk.live().chunk_size(2).into_iter();
            assert_eq!(items.by_ref().count(), len as usize);
            let cursor = items.cursor();
            assert!(!cursor.is_done());
            assert_eq!(rest(&source, cursor.clone()), [0; 0]);
            map.write().unwrap().extend([(1_000, 0), (2_000, 0)]);
            assert_eq!(rest(&source, cursor), [1_000, 2_000]);
        }
    }
}

#[test]
fn the_bound_is_that_of_the_first_query_also_after_resuming() {
    let (map, source) = shared(3);
    let mut items = Walk::new(source.clone()).chunk_size(2).into_iter();
    let not_begun = items.cursor();
    items.next().unwrap().unwrap();
    map.write().unwrap().insert(1_000, 0);
    assert_eq!(rest(&source, items.cursor()), [20, 30]);
    // A walk that hadn't begun has no bound yet.
    assert_eq!(rest(&source, not_begun), [10, 20, 30, 1_000]);
}

#[test]
fn the_row_that_a_cursor_stands_at_may_be_deleted() {
    for order in ORDERS {
        for cut in 1..=4 {
            let (map, source) = shared(4);
            let mut items = Walk::new(source.clone())
                .order(order)
                .chunk_size(3)
                .into_iter();
            let (last, _) = items.nth(cut - 1).unwrap().unwrap();
            map.write().unwrap().remove(&last);
            let all = keys(&tens(4), order);
            assert_eq!(rest(&source, items.cursor()), all[cut..]);
        }
    }
}

#[test]
fn the_last_row_may_be_deleted() {
    let (map, source) = shared(4);
    let mut items = Walk::new(source.clone()).chunk_size(1).into_iter();
    items.next().unwrap().unwrap();
    map.write().unwrap().remove(&40);
    // It is the bound none the less.
    map.write().unwrap().insert(45, 0);
    assert_eq!(rest(&source, items.cursor()), [20, 30]);
}

#[test]
fn what_was_fetched_and_not_handed_out_is_read_again() {
    for (order, behind, ahead) in [(Order::Ascending, 19, 21), (Order::Descending, 21, 19)] {
        let (map, source) = shared(3);
        let mut items = Walk::new(source.clone())
            .order(order)
            .chunk_size(10)
            .into_iter();
        while items.next().unwrap().unwrap().0 != 20 {}
        map.write().unwrap().extend([(behind, 0), (ahead, 0)]);
        let beyond = if order == Order::Ascending { 30 } else { 10 };
        assert_eq!(rest(&source, items.cursor()), [ahead, beyond]);
        map.write().unwrap().remove(&beyond);
        assert_eq!(rest(&source, items.cursor()), [ahead]);
    }
}
