//! A cursor comes back from its bytes and from its text, and has one form.

use std::collections::BTreeSet;
use std::ops::Bound;

use keywalk::{Cursor, Order, Token, Walk};
use proptest::prelude::*;

use super::shelf::{Coded, Shelf, for_every_walk};

/// A walk, and after how many items its cursor is taken.
#[derive(Clone, Debug)]
struct Trip<K: Ord> {
    keys: BTreeSet<K>,
    bounds: (Bound<K>, Bound<K>),
    order: Order,
    live: bool,
    chunk_size: usize,
    items: usize,
}

fn bound<K: Clone + std::fmt::Debug>(
    key: impl Strategy<Value = K> + Clone,
) -> impl Strategy<Value = Bound<K>> {
    prop_oneof![
        Just(Bound::Unbounded),
        key.clone().prop_map(Bound::Included),
        key.prop_map(Bound::Excluded),
    ]
}

fn trip<K: Ord + Clone + std::fmt::Debug>(
    key: impl Strategy<Value = K> + Clone,
) -> impl Strategy<Value = Trip<K>> {
    (
        prop::collection::btree_set(key.clone(), 0..8),
        (bound(key.clone()), bound(key)),
        prop_oneof![Just(Order::Ascending), Just(Order::Descending)],
        any::<bool>(),
        1..6_usize,
        0..9_usize,
    )
        .prop_map(|(keys, bounds, order, live, chunk_size, items)| Trip {
            keys,
            bounds,
            order,
            live,
            chunk_size,
            items,
        })
}

fn comes_back<K: Coded>(trip: Trip<K>) -> Result<(), TestCaseError> {
    let shelf = Shelf::of(trip.keys);
    let walk = Walk::new(shelf.clone())
        .range(trip.bounds)
        .order(trip.order)
        .chunk_size(trip.chunk_size);
    let mut items = if trip.live { walk.live() } else { walk }.items();
    prop_assert!(items.by_ref().take(trip.items).all(|item| item.is_ok()));
    let cursor = items.cursor();
    let token = items.token().expect("it isn't broken");
    let bytes = Token::from_bytes(token.as_bytes()).expect("it is whole");
    let text: Token = token.to_string().parse().expect("it is whole");
    prop_assert_eq!((&bytes, &text), (&token, &token));
    prop_assert_eq!(text.cursor(&shelf), Ok(cursor.clone()));
    prop_assert_eq!(token.is_done(), cursor.is_done());
    prop_assert_eq!(shelf.token(&cursor), token.clone());
    prop_assert_eq!(token.clone().into_bytes(), token.as_bytes());
    Ok(())
}

proptest! {
    #[test]
    fn cursors_of_numbers_come_back_from_bytes_and_text(trip in trip(any::<i64>())) {
        comes_back(trip)?;
    }

    /// Of up to 40,000 bytes: their lengths take one, two and three bytes.
    #[test]
    fn cursors_of_texts_come_back_from_bytes_and_text(
        trip in trip(("\\PC{0,9}", prop_oneof![Just(1_usize), Just(30), Just(4_000)])
            .prop_map(|(text, times)| text.repeat(times))),
    ) {
        comes_back(trip)?;
    }
}

/// Each cursor that a small walk comes by, and its token.
fn every_cursor() -> Vec<(Cursor<i64>, Token)> {
    let mut all: Vec<(Cursor<i64>, Token)> = Vec::new();
    for_every_walk(|shelf, walk| {
        for chunk_size in [1, 2, 7] {
            let mut chunks = walk().chunk_size(chunk_size).chunks();
            loop {
                let cursor = chunks.cursor();
                all.push((cursor.clone(), shelf.token(&cursor)));
                let lent = match chunks.step().expect("it isn't broken") {
                    keywalk::Step::Items(items) => items.to_vec(),
                    keywalk::Step::Moved => continue,
                    keywalk::Step::End => break,
                };
                for key in lent {
                    let cursor = chunks.cursor_past(key);
                    all.push((cursor.clone(), shelf.token(&cursor)));
                }
            }
        }
    });
    all
}

#[test]
fn two_cursors_have_the_same_bytes_if_and_only_if_they_are_equal() {
    let all = every_cursor();
    let distinct: BTreeSet<&[u8]> = all.iter().map(|(_, token)| token.as_bytes()).collect();
    assert!(distinct.len() > 50, "{} cursors", distinct.len());
    for (cursor, token) in &all {
        for (other, others) in &all {
            assert_eq!(cursor == other, token == others, "{cursor:?} and {other:?}");
        }
    }
}

#[test]
fn every_cursor_that_a_walk_comes_by_can_be_read() {
    for (cursor, token) in every_cursor() {
        let read = Token::from_bytes(token.into_bytes()).expect("it is whole");
        assert_eq!(read.cursor(&super::shelf::tens(0)), Ok(cursor));
    }
}

#[test]
fn a_token_is_28_bytes_and_those_of_its_keys_and_its_text_a_third_longer() {
    for (cursor, token) in every_cursor() {
        let keys = [cursor.range().near(), cursor.range().far()];
        let keys = keys.iter().filter(|bound| **bound != Bound::Unbounded);
        // A walk that has begun keeps both bounds of the range that it was given, where it was given one.
        let given = match token.as_bytes()[0] {
            1 => 0,
            _ => 1 + 2 * (1 + 8),
        };
        let bytes = 26 + keys.count() * (1 + 8) + given;
        assert_eq!(token.as_bytes().len(), bytes);
        let text = token.to_string();
        assert_eq!(text.len(), (bytes * 4).div_ceil(3));
        let url = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        assert!(text.chars().all(url), "{text}");
    }
}
