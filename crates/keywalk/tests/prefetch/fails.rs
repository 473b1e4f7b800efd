//! Sources that fail or panic: at each call, at each depth, it comes in its place.

use std::panic::{AssertUnwindSafe, catch_unwind};

use keywalk::{Cursor, Error, Order, Stats, Walk};

use crate::numbers::{Broken, Numbers, Trouble};

/// Each way to walk, with each call of the source that is in trouble.
fn every(trouble: fn(usize) -> Trouble, check: impl Fn(usize, Order, usize, Trouble)) {
    for (depth, size) in (0..4).flat_map(|depth| [(depth, 1), (depth, 2), (depth, 3)]) {
        for order in [Order::Ascending, Order::Descending] {
            (0..25).for_each(|at| check(depth, order, size, trouble(at)));
        }
    }
}

const END: u32 = 7;

fn walk(order: Order, size: usize, trouble: Trouble) -> Walk<Numbers> {
    Walk::new(Numbers::new(END, trouble).0)
        .order(order)
        .chunk_size(size)
        .clock(|| std::time::Duration::ZERO)
}

fn all(order: Order) -> Vec<u32> {
    match order {
        Order::Ascending => (0..END).collect(),
        Order::Descending => (0..END).rev().collect(),
    }
}

/// What was lent, the errors, and where a walk then stands.
type Walked = (Vec<u32>, Vec<Error<Broken>>, Cursor<u32>, Stats);

macro_rules! walked {
    ($chunks:expr) => {{
        let mut chunks = $chunks;
        let (mut seen, mut errors) = (Vec::new(), Vec::new());
        // Thrice nothing is for ever.
        let mut nothing = 0;
        while nothing < 3 {
            match chunks.next() {
                Ok(Some(items)) => seen.extend(items.iter().map(|item| **item)),
                Ok(None) => nothing += 1,
                Err(error) => errors.push(error),
            }
        }
        (seen, errors, chunks.cursor(), chunks.stats())
    }};
}

#[test]
fn an_error_comes_behind_the_chunks_before_it() {
    every(Trouble::Error, |depth, order, size, trouble| {
        let expected: Walked = walked!(walk(order, size, trouble).chunks());
        let got: Walked = walked!(walk(order, size, trouble).prefetch(depth).chunks());
        assert_eq!(got, expected, "{depth} ahead, by {size}, {trouble:?}");
    });
}

#[test]
fn an_error_comes_behind_the_items_before_it() {
    every(Trouble::Error, |depth, order, size, trouble| {
        let mut items = walk(order, size, trouble).prefetch(depth).items();
        let (mut seen, mut errors) = (Vec::new(), 0);
        // More often than there are items: what comes after an error would be seen.
        for _ in 0..END + 3 {
            match items.next() {
                Some(Ok(item)) => seen.push(*item),
                Some(Err(error)) => {
                    assert!(matches!(error, Error::Source(Broken(_))));
                    errors += 1;
                }
                None => {}
            }
        }
        assert_eq!(errors, usize::from(seen != all(order)));
        assert_eq!(items.size_hint(), (0, Some(0)));
        let cursor = items.cursor();
        let rest = Walk::new(items.into_source()).resume(cursor).items();
        seen.extend(rest.map(|item| *item.unwrap()));
        assert_eq!(seen, all(order), "{depth} ahead, by {size}, {trouble:?}");
    });
}

#[test]
fn a_cursor_that_contradicts_the_walk_is_refused_and_nothing_is_fetched() {
    let cursor = walk(Order::Ascending, 2, Trouble::None).cursor();
    let (numbers, watch) = Numbers::new(END, Trouble::None);
    let resumed = Walk::new(numbers).resume(cursor).descending();
    let mut items = resumed.prefetch(1).items();
    assert!(matches!(items.next(), Some(Err(Error::Cursor(_)))));
    assert_eq!(items.next(), None);
    assert_eq!(watch.begun(), 0);
}

#[test]
fn a_panic_of_the_source_comes_behind_the_chunks_before_it() {
    every(Trouble::Panic, |depth, order, size, trouble| {
        let mut chunks = walk(order, size, trouble).prefetch(depth).chunks();
        let mut seen = Vec::new();
        let mut panicked = false;
        loop {
            let next = catch_unwind(AssertUnwindSafe(|| {
                let items = chunks.next().unwrap();
                items.map(|items| items.iter().map(|item| **item).collect::<Vec<_>>())
            }));
            match next {
                Ok(Some(items)) => {
                    assert!(!panicked);
                    seen.extend(items);
                }
                Ok(None) => break,
                Err(panic) => {
                    assert!(!panicked && panic.is::<Broken>());
                    panicked = true;
                }
            }
        }
        assert_eq!(panicked, seen != all(order), "{trouble:?}");
        let cursor = chunks.cursor();
        let rest = Walk::new(chunks.into_source()).resume(cursor).items();
        seen.extend(rest.map(|item| *item.unwrap()));
        assert_eq!(seen, all(order), "{depth} ahead, by {size}, {trouble:?}");
    });
}

#[test]
fn a_panic_of_the_source_comes_behind_the_items_before_it() {
    every(Trouble::Panic, |depth, order, size, trouble| {
        let mut items = walk(order, size, trouble).prefetch(depth).items();
        let mut seen = Vec::new();
        let mut panics = 0;
        loop {
            match catch_unwind(AssertUnwindSafe(|| items.next())) {
                Ok(Some(item)) => seen.push(*item.unwrap()),
                Ok(None) => break,
                Err(_) => panics += 1,
            }
        }
        assert_eq!(panics, usize::from(seen != all(order)), "{trouble:?}");
        let cursor = items.cursor();
        let rest = Walk::new(items.into_source()).resume(cursor).items();
        seen.extend(rest.map(|item| *item.unwrap()));
        assert_eq!(seen, all(order), "{depth} ahead, by {size}, {trouble:?}");
    });
}
