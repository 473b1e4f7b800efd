//! A fetch keeps to its range, fills its chunk and says the end.

use std::ops::Bound;

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, LastKey, Order};
use keywalk_sled::Tree;

use crate::trees::{ORDERS, insert, open};

#[test]
fn every_bound_of_every_kind_is_kept() {
    let db = open();
    let keys: Vec<u16> = (0..40).map(|n| n * 3).collect();
    insert(&db, &keys);
    for low in 0..125_u16 {
        for high in [low, low + 1, low + 4, 119, 200] {
            for bounds in [
                (Bound::Included(low), Bound::Included(high)),
                (Bound::Included(low), Bound::Excluded(high)),
                (Bound::Excluded(low), Bound::Included(high)),
                (Bound::Excluded(low), Bound::Excluded(high)),
            ] {
                for order in ORDERS {
                    let range = KeyRange::new(bounds, order);
                    let mut expected: Vec<u16> = keys
                        .iter()
                        .copied()
                        .filter(|key| range.admits(key))
                        .collect();
                    if order == Order::Descending {
                        expected.reverse();
                    }
                    let mut chunk = Chunk::with_limit(50);
                    let mut tree = Tree::<u16>::new((*db).clone());
                    assert_eq!(tree.fetch(&range, &mut chunk).unwrap(), Fetched::End);
                    let found: Vec<u16> = chunk.as_slice().iter().map(|(key, _)| *key).collect();
                    assert_eq!(found, expected, "{range:?}");
                }
            }
        }
    }
}

#[test]
fn empty_and_inverted_ranges_hold_nothing() {
    let db = open();
    insert(&db, &[1_u8, 2, 3]);
    let mut tree = Tree::<u8>::new((*db).clone());
    let mut chunk = Chunk::with_limit(9);
    for order in ORDERS {
        for range in [
            KeyRange::new((Bound::Included(3), Bound::Included(1)), order),
            KeyRange::new(2..2, order),
            KeyRange::new((Bound::Excluded(2), Bound::Excluded(2)), order),
            KeyRange::new((Bound::Excluded(2), Bound::Included(2)), order),
        ] {
            assert_eq!(tree.fetch(&range, &mut chunk).unwrap(), Fetched::End);
            assert_eq!(tree.last_key(&range).unwrap(), LastKey::Empty);
            assert!(chunk.is_empty());
        }
    }
    // sled isn't asked: a dropped tree would answer with an error.
    let gone = db.open_tree("gone").unwrap();
    db.drop_tree("gone").unwrap();
    let mut gone = Tree::<u8>::new(gone);
    let inverted = KeyRange::new((Bound::Included(3), Bound::Included(1)), Order::Descending);
    assert!(gone.fetch(&inverted, &mut chunk).is_ok());
    assert!(gone.last_key(&inverted).is_ok());
}

#[test]
fn a_full_chunk_says_that_there_may_be_more() {
    let db = open();
    insert(&db, &[1_u8, 2, 3]);
    for order in ORDERS {
        let mut tree = Tree::<u8>::new((*db).clone());
        let range = KeyRange::all(order);
        let mut chunk = Chunk::with_limit(3);
        assert_eq!(tree.fetch(&range, &mut chunk).unwrap(), Fetched::More);
        assert_eq!(chunk.len(), 3);
        assert_eq!(tree.fetch(&range, &mut chunk).unwrap(), Fetched::More);
        assert!(chunk.len() == 3 && !chunk.overflowed());
        let mut chunk = Chunk::with_limit(4);
        assert_eq!(tree.fetch(&range, &mut chunk).unwrap(), Fetched::End);
    }
}

#[test]
fn what_other_ranges_taught_a_source_does_not_lead_it_out_of_this_one() {
    let db = open();
    let keys: Vec<u16> = (0..200).collect();
    insert(&db, &keys);
    for (low, high) in (0..45).flat_map(|low| (low..45).map(move |high| (low, high))) {
        let mut tree = Tree::<u16>::new((*db).clone());
        let mut chunk = Chunk::with_limit(16);
        tree.fetch(&KeyRange::all(Order::Descending), &mut chunk)
            .unwrap();
        chunk.clear();
        let bounds = (Bound::Excluded(low), Bound::Excluded(high));
        let range = KeyRange::new(bounds, Order::Descending);
        let fetched = tree.fetch(&range, &mut chunk).unwrap();
        let found: Vec<u16> = chunk.as_slice().iter().map(|(key, _)| *key).collect();
        let expected: Vec<u16> = (low + 1..high).rev().take(16).collect();
        assert_eq!(found, expected, "{range:?}");
        assert_eq!(fetched == Fetched::More, found.len() == 16, "{range:?}");
    }
}
