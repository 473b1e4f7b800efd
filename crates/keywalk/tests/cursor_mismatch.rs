//! Options that contradict a cursor are refused, never ignored (G10).

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use keywalk::{Cursor, CursorMismatch, Error, Order, Walk};
use keywalk_memory::SharedMap;

#[path = "support/tally.rs"]
mod tally;
use tally::Tally;

/// The tens from 10 to 50.
fn tens() -> SharedMap<i32, i32> {
    let map: BTreeMap<i32, i32> = (1..=5).map(|n| (n * 10, n)).collect();
    SharedMap::new(Arc::new(RwLock::new(map)))
}

/// The walk must be refused before the store is asked, once, and keep its cursor.
fn refused(
    walk: impl Fn() -> Walk<Tally<SharedMap<i32, i32>>>,
    cursor: &Cursor<i32>,
    why: CursorMismatch,
) {
    let mut chunks = walk().resume(cursor.clone()).chunks();
    assert_eq!(chunks.next(), Err(Error::Cursor(why)));
    assert_eq!(chunks.next(), Ok(None));
    assert_eq!(chunks.next(), Ok(None));
    assert_eq!((chunks.source().asked(), &chunks.cursor()), (0, cursor));

    let mut items = walk().resume(cursor.clone()).into_iter();
    // It isn't the end: not even where the cursor's walk has ended.
    assert_eq!(items.size_hint(), (0, None));
    assert_eq!(items.next(), Some(Err(Error::Cursor(why))));
    assert_eq!((items.next(), items.next()), (None, None));
    assert_eq!((items.source().asked(), &items.cursor()), (0, cursor));
}

#[test]
fn options_that_contradict_the_cursor_are_refused() {
    let source = tens();
    let walk = || Walk::new(Tally::new(source.clone())).chunk_size(2);
    // In the middle, and at the end.
    for taken in [2, 6] {
        let cursor_of = |walk: Walk<Tally<SharedMap<i32, i32>>>| {
            let mut items = walk.into_iter();
            items
                .by_ref()
                .take(taken)
                .for_each(|item| assert!(item.is_ok()));
            items.cursor()
        };
        let bounded = cursor_of(walk().range(10..=50));
        refused(|| walk().descending(), &bounded, CursorMismatch::Order);
        refused(|| walk().live(), &bounded, CursorMismatch::Live);
        let descending = cursor_of(walk().descending());
        refused(
            || walk().order(Order::Ascending),
            &descending,
            CursorMismatch::Order,
        );
    }
    let mut items = walk().range(10..=50).into_iter();
    items.next().unwrap().unwrap();
    let cursor = items.cursor();
    for other in [(10, 50), (20, 51), (60, 90), (0, 51), (10, 100)] {
        let range = || walk().range(other.0..other.1);
        refused(range, &cursor, CursorMismatch::Range);
        // Whichever is said first.
        let mut items = walk()
            .resume(cursor.clone())
            .range(other.0..other.1)
            .items();
        assert_eq!(
            items.next(),
            Some(Err(Error::Cursor(CursorMismatch::Range)))
        );
    }
    refused(|| walk().range(5..), &cursor, CursorMismatch::Range);
    // A live walk isn't bounded by what there is.
    let live = walk().live().into_iter().cursor();
    refused(|| walk().range(..=50), &live, CursorMismatch::Range);
}

#[test]
fn options_that_agree_with_the_cursor_or_are_not_set_are_accepted() {
    let source = tens();
    let walk = || Walk::new(source.clone()).chunk_size(2);
    for (live, order, left) in [
        (false, Order::Ascending, [20, 30, 40, 50]),
        (true, Order::Ascending, [20, 30, 40, 50]),
        (false, Order::Descending, [40, 30, 20, 10]),
        (true, Order::Descending, [40, 30, 20, 10]),
    ] {
        let started = walk().range(10..=50).order(order);
        let mut items = if live { started.live() } else { started }.into_iter();
        items.next().unwrap().unwrap();
        let cursor = items.cursor();
        let mut same = walk().range(10..=50).order(order);
        if live {
            same = same.live();
        }
        for again in [walk(), walk().order(order), same] {
            let keys = again
                .resume(cursor.clone())
                .into_iter()
                .map(|item| item.unwrap().0);
            assert_eq!(keys.collect::<Vec<_>>(), left);
        }
    }
}
