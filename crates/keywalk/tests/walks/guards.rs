//! G15: a source that breaks its contract ends the walk, with the clause that it broke.

use std::ops::Bound;

use keywalk::ContractViolation::{LastKeyOutside, NoProgress, NotPastStart};
use keywalk::ContractViolation::{OutOfOrder, Overfull, PastEnd, ScannedShort};
use keywalk::{ContractViolation, Error, Fetched, KeyRange, Order, Walk};

use crate::shelf::{Answer, Last, Opaque, Shelf, Stored, all};
use crate::ways::ways;

/// What a source answers: the keys of each fetch, then `+` for more, `.` for the end, or `~5` for scanned
/// to 5. Before a fetch's keys `@9` puts them in a chunk of its own, of that limit. At the front `?` is a
/// bounded walk that looks for its last key, and `=4` one that is told it is 4; others are live.
fn written<K: Stored>(text: &str, key: &dyn Fn(i64) -> K) -> (bool, Shelf<K>, Vec<Answer<K>>) {
    let number = |text: &str| key(text.parse().expect("a number"));
    let (mut live, mut last) = (true, Last::Unknown);
    let (mut answers, mut keys, mut own) = (Vec::new(), Vec::new(), None);
    for word in text.split_whitespace() {
        let fetched = match word.split_at(1) {
            ("?", _) => {
                live = false;
                continue;
            }
            ("=", at) => {
                (live, last) = (false, Last::Said(number(at)));
                continue;
            }
            ("@", limit) => {
                own = limit.parse().ok();
                continue;
            }
            ("+", _) => Fetched::More,
            (".", _) => Fetched::End,
            ("~", at) => Fetched::ScannedTo(number(at)),
            _ => {
                keys.push(number(word));
                continue;
            }
        };
        let keys = std::mem::take(&mut keys);
        answers.push(Answer {
            keys,
            fetched,
            own: own.take(),
        });
    }
    (live, Shelf::written(answers.clone(), last), answers)
}

/// By every way the walk must hand out all but the last answer's items, then say the violation once with its
/// cursor where it was, and then be fused.
fn must_end<K: Stored>(
    range: &KeyRange<K>,
    key: &dyn Fn(i64) -> K,
    cases: &[(&str, ContractViolation)],
) {
    for (text, violation) in cases {
        for way in ways(1) {
            let (live, shelf, answers) = written(text, key);
            let watch = shelf.watch.clone();
            let walk = Walk::new(shelf)
                .chunk_size(2)
                .range(range.clone())
                .order(range.order());
            let mut going = way.start(if live { walk.unbounded() } else { walk }, 2);
            let mut seen = Vec::new();
            let (before, error) = loop {
                let before = going.place().cursor;
                match going.go() {
                    Ok(Some(keys)) => seen.extend(keys),
                    Ok(None) => panic!("{text}: it ended as if all were well"),
                    Err(error) => break (before, error),
                }
            };
            // A search for the last key yields nothing, and stands at the start.
            let good = match text.starts_with('?') {
                true => &[],
                false => &answers[..answers.len().saturating_sub(1)],
            };
            let keys: Vec<K> = good.iter().flat_map(|answer| answer.keys.clone()).collect();
            assert_eq!(
                (&seen, error),
                (&keys, Error::Contract(*violation)),
                "{text}"
            );
            let after = going.place();
            let stands = match good.last() {
                Some(Answer {
                    fetched: Fetched::ScannedTo(key),
                    ..
                }) => Bound::Excluded(key),
                Some(answer) => Bound::Excluded(answer.keys.last().expect("it has keys")),
                None => range.start(),
            };
            assert_eq!(after.cursor.range().start(), stands, "{text}");
            assert!(!after.cursor.is_done(), "{text}");
            // Only a bounded walk that just began may have learnt its end.
            assert!(
                seen.is_empty() || after.cursor.range().end() == before.range().end(),
                "{text}"
            );
            assert_eq!(after.stats.items(), keys.len() as u64, "{text}");
            let asked = watch.asked();
            (0..3).for_each(|_| assert_eq!(going.go(), Ok(None), "{text}: it is fused"));
            assert_eq!(
                (going.place(), watch.asked()),
                (after, asked),
                "{text}: it is fused"
            );
            assert!(
                going.place().hint.is_none_or(|hint| hint == (0, Some(0))),
                "{text}"
            );
        }
    }
}

#[test]
fn a_source_that_breaks_its_contract_is_found_in_either_order() {
    let cases = [
        ("1 2 + 2 3 +", NotPastStart),
        ("1 2 + 2 .", NotPastStart),
        ("5 6 + 1 7 +", NotPastStart),
        ("5 6 + 7 1 .", NotPastStart),
        ("5 6 + 1 +", NotPastStart),
        ("-1 5 +", NotPastStart),
        ("-1 .", NotPastStart),
        // It ignores its position.
        ("1 2 + 1 2 +", NotPastStart),
        ("99 101 +", PastEnd),
        ("1 2 + 101 .", PastEnd),
        ("101 50 +", PastEnd),
        ("=4 1 2 + 3 5 .", PastEnd),
        ("~101", PastEnd),
        ("1 ~101", PastEnd),
        ("1 2 + 3 ~200", PastEnd),
        ("3 2 +", OutOfOrder),
        ("1 2 + 4 4 .", OutOfOrder),
        ("1 2 3 +", Overfull),
        ("1 2 + 3 4 5 6 .", Overfull),
        // The limit is the walk's, also after a chunk of its own that kept to it.
        ("@9 1 2 3 +", Overfull),
        ("@9 1 2 + @9 3 4 5 +", Overfull),
        ("@9 1 2 + 3 4 5 +", Overfull),
        ("=-1", LastKeyOutside),
        ("=101", LastKeyOutside),
        ("+", NoProgress),
        ("1 2 + +", NoProgress),
        ("1 2 + ~2", NoProgress),
        ("1 2 + ~1", NoProgress),
        ("~-1", NoProgress),
        ("=50 1 2 + +", NoProgress),
        ("=50 1 2 + ~2", NoProgress),
        ("=50 1 ~2 ~2", NoProgress),
        ("1 3 ~2", ScannedShort),
        ("1 2 + 3 4 ~2", ScannedShort),
        ("1 2 + 4 ~3", ScannedShort),
        // A stretch without items moves the position as items do.
        ("~5 4 6 +", NotPastStart),
        ("~5 5 6 +", NotPastStart),
        ("1 ~5 5 6 +", NotPastStart),
        ("~5 +", NoProgress),
        ("~5 ~5", NoProgress),
        ("~5 7 8 ~6", ScannedShort),
        // The walk looks for its last key by fetches of one item in the opposite order.
        ("? 101 +", NotPastStart),
        ("? -1 +", PastEnd),
        ("? 8 9 +", Overfull),
        ("? +", NoProgress),
        ("? ~101", NoProgress),
        ("? ~-1", PastEnd),
        ("? ~50 ~50", NoProgress),
        ("? ~50 50 .", NotPastStart),
        ("? 9 ~10", ScannedShort),
    ];
    must_end(
        &KeyRange::new(0..=100, Order::Ascending),
        &|key| key,
        &cases,
    );
    // With every key negated, the exact mirror.
    must_end(
        &KeyRange::new(-100..=0, Order::Descending),
        &|key| -key,
        &cases,
    );

    let excluded = [
        ("99 100 .", PastEnd),
        ("=50 0 +", NotPastStart),
        ("=100", LastKeyOutside),
    ];
    let open = (Bound::Excluded(0), Bound::Excluded(100));
    must_end(
        &KeyRange::new(open, Order::Ascending),
        &|key| key,
        &excluded,
    );
    let open = (Bound::Excluded(-100), Bound::Excluded(0));
    must_end(
        &KeyRange::new(open, Order::Descending),
        &|key| -key,
        &excluded,
    );
}

/// The guards judge by equality.
#[test]
fn a_source_whose_keys_only_it_can_order_is_found() {
    let cases = [
        ("1 2 + 1 2 +", NotPastStart),
        ("1 + 1 +", NotPastStart),
        ("1 2 + 2 3 +", NotPastStart),
        ("1 2 + 3 2 +", NotPastStart),
        ("1 2 + 3 3 +", OutOfOrder),
        // It goes round.
        ("1 2 + 3 4 + 1 2 +", NoProgress),
        ("1 + 2 + 1 +", NoProgress),
        ("1 2 + 3 4 + 5 6 + 1 2 + 3 4 + 5 6 +", NoProgress),
        // A last key that never comes.
        ("=9 1 + 2 + 3 + 1 + 2 + 3 +", NoProgress),
    ];
    must_end(&KeyRange::all(Order::Ascending), &Opaque, &cases);
    let excluded = (Bound::Excluded(Opaque(1)), Bound::Excluded(Opaque(2)));
    let excluded = KeyRange::new(excluded, Order::Ascending);
    must_end(
        &excluded,
        &Opaque,
        &[("=1", LastKeyOutside), ("=2", LastKeyOutside)],
    );
    // One that comes is the end, although the source would go on.
    let (_, shelf, _) = written("=2 1 + 2 + 3 +", &Opaque);
    assert_eq!(all(Walk::new(shelf)), [1, 2].map(Opaque));
}

#[test]
fn whatever_circle_a_source_goes_in_the_walk_ends_soon() {
    for (prefix, circle) in (0..12).flat_map(|prefix| (1..12).map(move |circle| (prefix, circle))) {
        // A bounded walk goes round while it looks for the last key.
        for (scans, live) in [(false, true), (true, true), (true, false)] {
            let soon = 4 * (prefix + circle) as usize;
            let positions = (0..prefix)
                .chain((prefix..prefix + circle).cycle())
                .map(Opaque);
            let answers = positions
                .take(soon - usize::from(!live))
                .map(|at| match scans {
                    true => Answer {
                        keys: vec![],
                        fetched: Fetched::ScannedTo(at),
                        own: None,
                    },
                    false => Answer {
                        keys: vec![at],
                        fetched: Fetched::More,
                        own: None,
                    },
                });
            let walk = Walk::new(Shelf::written(answers.collect(), Last::Unknown)).chunk_size(1);
            let last = if live { walk.unbounded() } else { walk }.items().last();
            // A circle of one is a source that doesn't move.
            let found = if circle == 1 && !scans {
                NotPastStart
            } else {
                NoProgress
            };
            assert_eq!(
                last,
                Some(Err(Error::Contract(found))),
                "{prefix} {circle} {scans} {live}"
            );
        }
    }
}

/// Each number weighs 8 bytes.
#[test]
fn a_source_that_ignores_the_bytes_is_found_and_another_chunk_within_them_is_fine() {
    for (text, bytes, expected) in [
        ("1 2 3 4 .", 24, Err(Overfull)),
        ("@9 1 2 3 4 .", 24, Err(Overfull)),
        ("@9 1 2 3 .", 24, Ok(3)),
        ("@9 1 2 3 4 .", 25, Ok(4)),
        ("@9 1 .", 1, Ok(1)),
        ("@9 .", 1, Ok(0)),
        // It has the bytes again.
        ("@9 1 2 3 + 4 5 6 7 .", 24, Err(Overfull)),
    ] {
        let (_, shelf, _) = written(text, &|key| key);
        let items = Walk::new(shelf).unbounded().chunk_bytes(bytes).items();
        let items: Result<Vec<i64>, _> = items.collect();
        let found = items.map(|items| items.len());
        assert_eq!(found, expected.map_err(Error::Contract), "{text}");
    }
}
