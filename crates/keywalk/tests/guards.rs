//! G15: a source that breaks its contract ends the walk with the clause that it broke.

#![forbid(unsafe_code)]

use std::mem;
use std::ops::Bound;

use keywalk::Fetched::{End, More, ScannedTo};
use keywalk::{Chunk, KeyRange, LastKey, Order, Violation};

#[path = "support/answers.rs"]
mod answers;
use answers::{Answers, answering, live, mirrored, must_end};
#[path = "support/script.rs"]
mod script;
use script::Script;
#[path = "support/verdict.rs"]
mod verdict;
use verdict::Trial;

#[test]
fn a_first_key_equal_to_the_cursor_is_found() {
    must_end(
        &[(&[1, 2], More), (&[2, 3], More)],
        &[1, 2],
        Violation::NotPastStart,
    );
    must_end(
        &[(&[1, 2], More), (&[2], End)],
        &[1, 2],
        Violation::NotPastStart,
    );
}

#[test]
fn a_key_before_the_cursor_is_found() {
    must_end(
        &[(&[5, 6], More), (&[1, 7], More)],
        &[5, 6],
        Violation::NotPastStart,
    );
    must_end(
        &[(&[5, 6], More), (&[7, 1], End)],
        &[5, 6],
        Violation::NotPastStart,
    );
    must_end(
        &[(&[5, 6], More), (&[1], More)],
        &[5, 6],
        Violation::NotPastStart,
    );
}

#[test]
fn a_key_before_the_ranges_start_is_found() {
    must_end(&[(&[-1, 5], More)], &[], Violation::NotPastStart);
    must_end(&[(&[-1], End)], &[], Violation::NotPastStart);
}

#[test]
fn a_source_that_ignores_its_position_is_found() {
    must_end(
        &[(&[1, 2], More), (&[1, 2], More)],
        &[1, 2],
        Violation::NotPastStart,
    );
}

#[test]
fn a_key_past_the_ranges_end_is_found() {
    must_end(&[(&[99, 101], More)], &[], Violation::PastEnd);
    must_end(
        &[(&[1, 2], More), (&[101], End)],
        &[1, 2],
        Violation::PastEnd,
    );
    must_end(&[(&[101, 50], More)], &[], Violation::PastEnd);
}

#[test]
fn a_key_at_an_excluded_end_is_found() {
    for (order, bounds) in [
        (Order::Ascending, (Bound::Included(0), Bound::Excluded(100))),
        (
            Order::Descending,
            (Bound::Excluded(-100), Bound::Included(0)),
        ),
    ] {
        let trial = Trial {
            range: KeyRange::new(bounds, order),
            ..live(order)
        };
        trial.must_end(
            || answering(&[(&[99, 100], End)], order),
            &[],
            Violation::PastEnd,
        );
    }
}

#[test]
fn a_key_past_the_last_one_of_a_bounded_walk_is_found() {
    for order in [Order::Ascending, Order::Descending] {
        let trial = Trial {
            live: false,
            ..live(order)
        };
        let source = || {
            answering(&[(&[1, 2], More), (&[3, 5], End)], order)
                .last(move |_| Ok(LastKey::Is(mirrored(4, order))))
        };
        let good = [mirrored(1, order), mirrored(2, order)];
        trial.must_end(source, &good, Violation::PastEnd);
    }
}

#[test]
fn a_chunk_that_does_not_ascend_is_found() {
    must_end(&[(&[3, 2], More)], &[], Violation::OutOfOrder);
    must_end(
        &[(&[1, 2], More), (&[4, 4], End)],
        &[1, 2],
        Violation::OutOfOrder,
    );
}

#[test]
fn an_overfull_chunk_is_found() {
    must_end(&[(&[1, 2, 3], More)], &[], Violation::Overfull);
    must_end(
        &[(&[1, 2], More), (&[3, 4, 5, 6], End)],
        &[1, 2],
        Violation::Overfull,
    );
}

/// A source that puts a chunk of its own making in the place of the walk's.
fn swapping(answers: Answers, limit: usize) -> Script<i32> {
    let mut answers = answers.iter();
    Script::new(move |_, chunk| {
        let (items, fetched) = *answers.next().expect("the walk should have ended");
        let mut own = Chunk::with_limit(limit);
        items.iter().for_each(|item| own.push(*item));
        mem::swap(chunk, &mut own);
        Ok(fetched)
    })
}

#[test]
fn a_chunk_exchanged_for_a_larger_one_is_found() {
    let trial = live(Order::Ascending);
    trial.must_end(
        || swapping(&[(&[1, 2, 3], More)], 9),
        &[],
        Violation::Overfull,
    );
    // The limit is the walk's, also after a chunk that kept to it.
    let later: Answers = &[(&[1, 2], More), (&[3, 4, 5], More)];
    trial.must_end(|| swapping(later, 9), &[1, 2], Violation::Overfull);
}

#[test]
fn a_last_key_outside_of_the_range_is_found() {
    for order in [Order::Ascending, Order::Descending] {
        let trial = Trial {
            live: false,
            ..live(order)
        };
        for last in [-1, 101] {
            let source =
                || answering(&[], order).last(move |_| Ok(LastKey::Is(mirrored(last, order))));
            trial.must_end(source, &[], Violation::LastKeyOutside);
        }
    }
}

/// The walk looks for its last key by a fetch of one item in the opposite order.
#[test]
fn the_search_for_the_last_key_is_guarded_like_any_fetch() {
    let cases: [(Answers, Violation); 9] = [
        (&[(&[101], More)], Violation::NotPastStart),
        (&[(&[-1], More)], Violation::PastEnd),
        (&[(&[8, 9], More)], Violation::Overfull),
        (&[(&[], More)], Violation::NoProgress),
        (&[(&[], ScannedTo(101))], Violation::NoProgress),
        (&[(&[], ScannedTo(-1))], Violation::PastEnd),
        (
            &[(&[], ScannedTo(50)), (&[], ScannedTo(50))],
            Violation::NoProgress,
        ),
        (
            &[(&[], ScannedTo(50)), (&[50], End)],
            Violation::NotPastStart,
        ),
        (&[(&[9], ScannedTo(10))], Violation::ScannedShort),
    ];
    for order in [Order::Ascending, Order::Descending] {
        let trial = Trial {
            live: false,
            ..live(order)
        };
        for (answers, violation) in cases {
            trial.must_end(|| answering(answers, order), &[], violation);
        }
    }
}
