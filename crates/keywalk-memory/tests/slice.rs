//! What is particular to a walk over a sorted slice.

#![forbid(unsafe_code)]

use std::ops::{Bound, RangeBounds};

use keywalk::{KeyRange, Order, Walk};
use keywalk_memory::{Slice, Unsorted};
use proptest::prelude::*;

fn bound() -> impl Strategy<Value = Bound<u8>> {
    prop_oneof![
        Just(Bound::Unbounded),
        (0..12_u8).prop_map(Bound::Included),
        (0..12_u8).prop_map(Bound::Excluded),
    ]
}

proptest! {
    #[test]
    fn a_slice_is_refused_at_the_first_key_that_is_not_larger(
        keys in prop_oneof![
            // Few different ones, so that some repeat.
            prop::collection::vec(0..6_u8, 0..8),
            prop::collection::btree_set(0..50_u8, 0..8).prop_map(Vec::from_iter),
        ],
    ) {
        let first = (1..keys.len()).find(|at| keys[*at] <= keys[at - 1]);
        let refused = Slice::new(&keys, |key| *key).err();
        prop_assert_eq!(refused.map(|error| error.position), first);
        if let Some(Unsorted { position, repeated, .. }) = refused {
            prop_assert_eq!(repeated, keys[position] == keys[position - 1]);
        }
    }

    #[test]
    fn a_slice_is_walked_within_all_kinds_of_bounds(
        keys in prop::collection::btree_set(0..12_u8, 0..12),
        bounds in (bound(), bound()),
        descending in any::<bool>(),
        chunk_size in 1..13_usize,
    ) {
        let items: Vec<(u8, char)> = keys.into_iter().map(|key| (key, 'a')).collect();
        let order = if descending { Order::Descending } else { Order::Ascending };
        let mut expected: Vec<_> = items.iter().filter(|item| bounds.contains(&item.0)).collect();
        if descending {
            expected.reverse();
        }
        let slice = Slice::new(&items, |item| item.0).unwrap();
        let walk = Walk::new(slice).range(bounds).order(order).chunk_size(chunk_size);
        prop_assert_eq!(walk.into_iter().collect::<Result<Vec<_>, _>>()?, expected);
    }
}

#[test]
fn items_are_the_slices_own() {
    // Can't be cloned: a walk that compiles lends it.
    #[derive(Debug)]
    struct Unique(u32);

    let items: Vec<Unique> = (1..=9).map(Unique).collect();
    let slice = Slice::new(&items, |item| item.0).unwrap();
    let walked: Vec<&Unique> = Walk::new(slice)
        .chunk_size(4)
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(walked.len(), items.len());
    assert!(
        walked
            .into_iter()
            .zip(&items)
            .all(|(walked, item)| std::ptr::eq(walked, item))
    );
}

#[test]
fn a_fetch_over_an_inverted_range_answers_the_end() {
    use keywalk::{Chunk, ChunkSource, Fetched};

    let mut slice = Slice::new(&[1, 2, 3, 4], |key| *key).unwrap();
    for order in [Order::Ascending, Order::Descending] {
        let mut chunk = Chunk::with_limit(3);
        let range = KeyRange::new((Bound::Included(4), Bound::Excluded(2)), order);
        assert_eq!(slice.fetch(&range, &mut chunk), Ok(Fetched::End));
        assert!(chunk.is_empty());
    }
}

#[test]
fn the_key_may_be_borrowed_or_computed() {
    let words = ["a", "bee", "horse", "squirrel"];
    let by_word = Slice::new(&words, |word: &&'static str| *word).unwrap();
    assert_eq!(Walk::new(by_word).range("b".."i").into_iter().count(), 2);
    let by_length = Slice::new(&words, |word| word.len()).unwrap();
    assert_eq!(
        Walk::new(by_length).range(4..).into_iter().next(),
        Some(Ok(&"horse"))
    );
}

#[test]
fn an_unsorted_slice_is_refused_with_the_cure() {
    fn assert_error<E: std::error::Error + Send + Sync + 'static>(error: E) -> String {
        error.to_string()
    }
    let repeated = Slice::new(&[1, 2, 2], |key| *key).unwrap_err();
    assert!(assert_error(repeated).contains("item 2 is the same"));
    let smaller = Slice::new(&[1, 3, 2], |key| *key).unwrap_err();
    assert!(assert_error(smaller).contains("item 2 is smaller"));
}

#[test]
fn debug_shows_the_number_of_items_and_none_of_them() {
    let slice = Slice::new(&["secret"], |word: &&'static str| *word).unwrap();
    assert_eq!(format!("{slice:?}"), "Slice { len: 1, .. }");
}
