//! What is particular to a walk over a borrowed map.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::ops::Bound;

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, Order, Walk};
use keywalk_memory::Map;

#[path = "support/counted.rs"]
mod counted;
use counted::{Counted, counts};

/// Can't be cloned: a walk that compiles lends it.
#[derive(Debug, PartialEq)]
struct Unique(u32);

fn uniques() -> BTreeMap<u32, Unique> {
    (1..=9).map(|n| (n, Unique(n * n))).collect()
}

#[test]
fn items_are_the_maps_own_entries() {
    let map = uniques();
    let items: Vec<_> = Walk::new(Map::new(&map))
        .chunk_size(4)
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(items.len(), map.len());
    for ((key, value), entry) in items.into_iter().zip(&map) {
        assert!(std::ptr::eq(key, entry.0) && std::ptr::eq(value, entry.1));
    }
}

#[test]
fn items_outlive_the_walk() {
    let map = uniques();
    let last = {
        let mut items = Walk::new(Map::new(&map)).descending().into_iter();
        items.next().unwrap().unwrap()
    };
    assert_eq!(last, (&9, &Unique(81)));
}

#[test]
fn key_clones_do_not_grow_with_the_items_of_a_chunk() {
    let map: BTreeMap<Counted, ()> = (0..1_000).map(|n| (Counted(n), ())).collect();
    counts();
    let mut chunks = Walk::new(Map::new(&map)).live().chunk_size(200).chunks();
    while chunks.next().unwrap().is_some() {}
    let (clones, refills) = counts();
    assert!(
        clones + refills <= 6 * 5,
        "{clones} clones and {refills} refills for 5 chunks"
    );
}

#[test]
fn iterating_items_fills_one_key_again_and_again() {
    let map: BTreeMap<Counted, ()> = (0..1_000).map(|n| (Counted(n), ())).collect();
    counts();
    assert_eq!(
        Walk::new(Map::new(&map))
            .live()
            .chunk_size(200)
            .into_iter()
            .count(),
        1_000
    );
    let (clones, refills) = counts();
    assert!(clones <= 6 * 5 + 1, "{clones} clones");
    assert!(refills <= 1_000, "{refills} refills");
}

#[test]
fn a_fetch_over_an_empty_or_inverted_range_answers_the_end() {
    let map = uniques();
    let excluded = (Bound::Excluded(5), Bound::Excluded(5));
    let inverted = (Bound::Included(7), Bound::Included(3));
    for bounds in [excluded, inverted] {
        for order in [Order::Ascending, Order::Descending] {
            let mut chunk = Chunk::with_limit(3);
            let fetched = Map::new(&map).fetch(&KeyRange::new(bounds, order), &mut chunk);
            assert_eq!(fetched, Ok(Fetched::End));
            assert!(chunk.is_empty());
        }
    }
}

#[test]
fn a_copy_walks_the_same_map() {
    let map = uniques();
    let source = Map::new(&map);
    let copy = source;
    #[expect(
        clippy::clone_on_copy,
        reason = "that it works without `V: Clone` is the point"
    )]
    let clone = source.clone();
    for source in [source, copy, clone] {
        assert_eq!(Walk::new(source).into_iter().count(), 9);
    }
}

#[test]
fn debug_shows_the_number_of_entries_and_none_of_them() {
    let map = BTreeMap::from([("secret key", "secret value")]);
    assert_eq!(format!("{:?}", Map::new(&map)), "Map { len: 1, .. }");
}
