//! A walk that goes on from a token is exactly the rest, like one that goes on from the cursor.

use keywalk::{CursorMismatch, Error, Order, Step, Token, Walk};

use super::shelf::{Broken, Shelf, for_every_walk, tens};

/// In another process: from its text, over a source made anew.
fn rest(shelf: &Shelf<i64>, token: &Token, chunk_size: usize) -> Vec<i64> {
    let token = token.to_string().parse().expect("it is whole");
    let keys: Vec<i64> = shelf.map.borrow().keys().copied().collect();
    Shelf::of(keys).rest(&token, chunk_size)
}

#[test]
fn items_go_on_at_every_position_with_any_chunk_size() {
    for_every_walk(|shelf, walk| {
        let expected: Vec<i64> = walk().into_iter().map(|item| item.unwrap()).collect();
        for first in 1..=6 {
            for second in 1..=6 {
                // One more than there are items: after the end was said.
                for cut in 0..=expected.len() + 1 {
                    let mut items = walk().chunk_size(first).items();
                    let before = items.by_ref().take(cut).map(|item| item.unwrap());
                    let mut seen: Vec<i64> = before.collect();
                    seen.extend(rest(shelf, &items.token().unwrap(), second));
                    assert_eq!(seen, expected, "cut after {cut}, by {first}, then {second}");
                }
            }
        }
    });
}

#[test]
fn chunks_go_on_after_every_question_with_any_chunk_size() {
    for_every_walk(|shelf, walk| {
        let expected: Vec<i64> = walk().into_iter().map(|item| item.unwrap()).collect();
        for first in 1..=6 {
            let mut chunks = walk().chunk_size(first).chunks();
            let mut seen = Vec::new();
            loop {
                for second in 1..=6 {
                    let rest = rest(shelf, &chunks.token().unwrap(), second);
                    assert_eq!([&seen[..], &rest].concat(), expected);
                }
                match chunks.step().unwrap() {
                    Step::Items(items) => seen.extend_from_slice(items),
                    Step::Moved => {}
                    Step::End => break,
                }
            }
            assert_eq!(rest(shelf, &chunks.token().unwrap(), 1), [0; 0]);
        }
    });
}

#[test]
fn after_an_error_a_token_goes_on_where_the_walk_stopped() {
    for_every_walk(|shelf, walk| {
        let expected: Vec<i64> = walk().into_iter().map(|item| item.unwrap()).collect();
        for cut in 0..=expected.len() {
            let mut items = walk().chunk_size(2).items();
            let before = items.by_ref().take(cut).map(|item| item.unwrap());
            let mut seen: Vec<i64> = before.collect();
            shelf.is_broken.set(true);
            let error = loop {
                match items.next() {
                    Some(Ok(key)) => seen.push(key),
                    other => break other,
                }
            };
            // Where the end came with the last item there is nothing left to ask.
            let is_over = error.is_none() && seen == expected;
            assert!(is_over || error == Some(Err(Error::Source(Broken))));
            assert_eq!(items.token(), Err(Broken), "it can't say what it walks");
            shelf.is_broken.set(false);
            seen.extend(rest(shelf, &items.token().unwrap(), 3));
            assert_eq!(seen, expected);
        }
    });
}

#[test]
fn the_bound_is_that_of_the_first_query() {
    let shelf = tens(3);
    let mut items = Walk::new(shelf.clone()).chunk_size(2).items();
    let not_begun = items.token().unwrap();
    items.next().unwrap().unwrap();
    let begun = items.token().unwrap();
    shelf.map.borrow_mut().insert(1_000, ());
    assert_eq!(shelf.rest(&begun, 2), [20, 30]);
    assert_eq!(shelf.rest(&not_begun, 2), [10, 20, 30, 1_000]);
}

#[test]
fn the_token_of_a_finished_walk_yields_nothing_and_asks_nothing() {
    for len in [0, 3] {
        let shelf = tens(len);
        let mut items = Walk::new(shelf.clone()).items();
        assert_eq!(items.by_ref().count(), len as usize);
        let token = items.token().unwrap();
        assert!(token.is_done());
        shelf.map.borrow_mut().insert(1_000, ());
        let asked = shelf.asked.get();
        assert_eq!(shelf.rest(&token, 2), [0; 0]);
        assert_eq!(shelf.asked.get(), asked);
    }
}

#[test]
fn the_token_of_a_finished_live_walk_finds_what_was_appended() {
    let shelf = tens(3);
    let mut items = Walk::new(shelf.clone()).live().items();
    assert_eq!(items.by_ref().count(), 3);
    let token = items.token().unwrap();
    assert!(!token.is_done());
    shelf.map.borrow_mut().insert(1_000, ());
    assert_eq!(shelf.rest(&token, 2), [1_000]);
}

#[test]
fn options_that_contradict_a_token_are_refused() {
    let shelf = tens(3);
    for live in [false, true] {
        let again = |range: (i64, i64)| {
            let walk = Walk::new(shelf.clone()).range(range.0..=range.1);
            if live { walk.live() } else { walk }
        };
        let mut items = again((10, 50)).items();
        items.next().unwrap().unwrap();
        let token = items.token().unwrap().to_string().parse().unwrap();
        let resumed = || Walk::new(shelf.clone()).resume_token(&token).unwrap();
        let refused = |walk: Walk<Shelf<i64>>, why| {
            assert_eq!(walk.items().next(), Some(Err(Error::Cursor(why))));
        };
        refused(resumed().order(Order::Descending), CursorMismatch::Order);
        if !live {
            refused(resumed().live(), CursorMismatch::Live);
        }
        // A wider range too, in either order of the calls: its other rows would not be walked.
        for other in [(20, 30), (10, 30), (10, 100), (0, 50), (0, 100)] {
            refused(resumed().range(other.0..=other.1), CursorMismatch::Range);
            let walk = again(other).resume_token(&token).unwrap();
            refused(walk, CursorMismatch::Range);
        }
        for walk in [
            resumed(),
            resumed().range(10..=50),
            again((10, 50)).resume_token(&token).unwrap(),
        ] {
            assert_eq!(walk.items().next(), Some(Ok(20)));
        }
    }
}

#[test]
fn sources_are_durable_through_a_box_and_a_reference() {
    type Dyn = dyn keywalk::DurableSource<Key = i64, Item = i64, Error = Broken>;
    let mut shelf = tens(3);
    let mut items = Walk::new(&mut shelf).items();
    items.next().unwrap().unwrap();
    let token = items.token().unwrap();
    let boxed: Box<Dyn> = Box::new(shelf);
    let rest = Walk::new(boxed).resume_token(&token).unwrap();
    assert_eq!(rest.into_iter().collect::<Result<_, _>>(), Ok(vec![20, 30]));
}
