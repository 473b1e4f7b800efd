//! Keys whose order only the store knows: the guards judge by equality, and a walk still ends (G15).

#![forbid(unsafe_code)]

use std::ops::Bound;

use keywalk::Fetched::{End, More, ScannedTo};
use keywalk::{Chunk, Error, Fetched, KeyRange, LastKey, Order, Violation, Walk};
use proptest::prelude::*;

#[path = "support/opaque.rs"]
mod opaque;
use opaque::Opaque;
#[path = "support/script.rs"]
mod script;
use script::{Broken, Script};
#[path = "support/verdict.rs"]
mod verdict;
use verdict::Trial;

/// In the store's order, which the keys don't show.
const STORED: [i32; 7] = [7, 3, 9, 1, 8, 2, 5];

fn place(key: &Opaque) -> usize {
    let stored = STORED.iter().position(|stored| *stored == key.0);
    stored.expect("a range lies between stored keys")
}

/// A right source: it finds its place by the key.
fn fetch(range: &KeyRange<Opaque>, chunk: &mut Chunk<Opaque>) -> Result<Fetched<Opaque>, Broken> {
    let start = match range.lower() {
        Bound::Unbounded => 0,
        Bound::Included(key) => place(key),
        Bound::Excluded(key) => place(key) + 1,
    };
    let end = match range.upper() {
        Bound::Unbounded => STORED.len(),
        Bound::Included(key) => place(key) + 1,
        Bound::Excluded(key) => place(key),
    };
    let mut keys: Vec<i32> = STORED[start..end].to_vec();
    if range.order() == Order::Descending {
        keys.reverse();
    }
    for key in keys {
        if chunk.is_full() {
            return Ok(More);
        }
        chunk.push(Opaque(key));
    }
    Ok(End)
}

#[test]
fn a_right_source_is_walked_in_its_own_order() {
    for order in [Order::Ascending, Order::Descending] {
        let mut expected = STORED.map(Opaque);
        if order == Order::Descending {
            expected.reverse();
        }
        let last = *expected.last().unwrap();
        for chunk_size in 1..=8 {
            for live in [false, true] {
                for knows in [false, true] {
                    let source = || {
                        let answer = if knows {
                            LastKey::Is(last)
                        } else {
                            LastKey::Unknown
                        };
                        Script::new(fetch).last(move |_| Ok(answer))
                    };
                    let walk = Walk::new(source()).order(order).chunk_size(chunk_size);
                    let mut items = if live { walk.live() } else { walk }.into_iter();
                    let mut seen = Vec::new();
                    while let Some(item) = items.next() {
                        seen.push(item.unwrap());
                        let rest = Walk::new(source()).resume(items.cursor()).chunk_size(3);
                        let rest: Vec<_> = rest.into_iter().map(Result::unwrap).collect();
                        assert_eq!(rest, expected[seen.len()..]);
                    }
                    assert_eq!(seen, expected);
                }
            }
        }
    }
}

#[test]
fn a_range_of_such_keys_is_walked_within_its_bounds() {
    let bounds = Opaque(3)..Opaque(2);
    let walk = Walk::new(Script::new(fetch)).range(bounds).chunk_size(2);
    let keys: Vec<i32> = walk.into_iter().map(|item| item.unwrap().0).collect();
    assert_eq!(keys, [3, 9, 1, 8]);
}

/// What `trial` must find in a source that gives these pages for ever, one after the other.
fn pages(trial: &Trial<Opaque>, pages: &[&[i32]], good: &[i32], violation: Violation) {
    let good: Vec<Opaque> = good.iter().copied().map(Opaque).collect();
    let source = || {
        let pages: Vec<Vec<i32>> = pages.iter().map(|page| page.to_vec()).collect();
        let mut pages = pages.into_iter().cycle();
        Script::new(move |_, chunk: &mut Chunk<Opaque>| {
            pages
                .next()
                .expect("the pages go round for ever")
                .into_iter()
                .for_each(|key| chunk.push(Opaque(key)));
            Ok(More)
        })
    };
    trial.must_end(source, &good, violation);
}

fn live() -> Trial<Opaque> {
    Trial {
        range: KeyRange::all(Order::Ascending),
        chunk_size: 2,
        live: true,
        scanned: None,
    }
}

#[test]
fn a_source_that_ignores_its_position_is_found_at_once() {
    pages(&live(), &[&[1, 2]], &[1, 2], Violation::NotPastStart);
    pages(&live(), &[&[1]], &[1], Violation::NotPastStart);
    // The second page begins with the cursor's own key, or ends with it.
    pages(
        &live(),
        &[&[1, 2], &[2, 3]],
        &[1, 2],
        Violation::NotPastStart,
    );
    pages(
        &live(),
        &[&[1, 2], &[3, 2]],
        &[1, 2],
        Violation::NotPastStart,
    );
}

#[test]
fn a_page_that_ends_where_it_begins_is_found() {
    pages(&live(), &[&[1, 2], &[3, 3]], &[1, 2], Violation::OutOfOrder);
}

#[test]
fn a_source_that_goes_round_between_two_or_three_pages_is_found() {
    pages(
        &live(),
        &[&[1, 2], &[3, 4]],
        &[1, 2, 3, 4],
        Violation::NoProgress,
    );
    pages(&live(), &[&[1], &[2]], &[1, 2], Violation::NoProgress);
    let (three, seen) = ([[1, 2], [3, 4], [5, 6]], [1, 2, 3, 4, 5, 6, 1, 2, 3, 4]);
    pages(
        &live(),
        &three.each_ref().map(|page| page.as_slice()),
        &seen,
        Violation::NoProgress,
    );
}

#[test]
fn a_bounded_walk_over_such_a_source_ends_as_well() {
    let source = |last: LastKey<Opaque>| {
        let mut keys = [1, 2, 3].into_iter().cycle();
        Script::new(move |_, chunk: &mut Chunk<Opaque>| {
            chunk.push(Opaque(keys.next().unwrap()));
            Ok(More)
        })
        .last(move |_| Ok(last))
    };
    let trial = Trial {
        live: false,
        chunk_size: 1,
        ..live()
    };
    // A last key that never comes.
    let seen = [1, 2, 3, 1, 2].map(Opaque);
    trial.must_end(
        || source(LastKey::Is(Opaque(9))),
        &seen,
        Violation::NoProgress,
    );
    // One that comes: the end, although the source would go on.
    let items = trial.walk(source(LastKey::Is(Opaque(2)))).into_iter();
    assert_eq!(
        items.collect::<Result<Vec<_>, _>>(),
        Ok(vec![Opaque(1), Opaque(2)])
    );
}

#[test]
fn the_last_key_may_not_be_the_one_that_the_range_excludes() {
    let excluded = (Bound::Excluded(Opaque(1)), Bound::Excluded(Opaque(2)));
    let trial = Trial {
        range: KeyRange::new(excluded, Order::Ascending),
        live: false,
        ..live()
    };
    for key in [1, 2] {
        let source = || Script::new(fetch).last(move |_| Ok(LastKey::Is(Opaque(key))));
        trial.must_end(source, &[], Violation::LastKeyOutside);
    }
}

proptest! {
    #[test]
    fn whatever_circle_a_source_goes_in_the_walk_ends_soon(
        prefix in 0..12_i32,
        circle in 1..12_i32,
        scans in any::<bool>(),
        backward in any::<bool>(),
    ) {
        let mut positions = (0..prefix).chain((prefix..prefix + circle).cycle().take(10_000));
        let source = Script::new(move |_, chunk: &mut Chunk<Opaque>| {
            let at = Opaque(positions.next().expect("the walk should have ended"));
            Ok(if scans || backward {
                ScannedTo(at)
            } else {
                chunk.push(at);
                More
            })
        });
        let asked = source.asked();
        let walk = Walk::new(source).chunk_size(1);
        // A bounded walk goes round while it looks for the last key.
        let walk = if backward { walk } else { walk.live() };
        let last = walk.into_iter().last().unwrap();
        let found = match last {
            Err(Error::Contract(violation)) => violation,
            other => panic!("{other:?}"),
        };
        // A circle of one is a source that doesn't move.
        let stands = circle == 1 && !(scans || backward);
        prop_assert_eq!(
            found,
            if stands { Violation::NotPastStart } else { Violation::NoProgress }
        );
        prop_assert!(asked.get() <= 4 * (prefix + circle) as usize);
    }
}
