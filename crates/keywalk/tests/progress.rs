//! G15 of G8: a source that says neither the end nor gets any further is found.

#![forbid(unsafe_code)]

use keywalk::Fetched::{More, ScannedTo};
use keywalk::{LastKey, Order, Violation};

#[path = "support/answers.rs"]
mod answers;
use answers::{Answers, answering, live, mirrored, must_end};
#[path = "support/script.rs"]
mod script;
#[path = "support/verdict.rs"]
mod verdict;
use verdict::Trial;

#[test]
fn more_with_an_empty_chunk_is_found() {
    must_end(&[(&[], More)], &[], Violation::NoProgress);
    must_end(
        &[(&[1, 2], More), (&[], More)],
        &[1, 2],
        Violation::NoProgress,
    );
}

#[test]
fn a_scanned_key_that_does_not_move_or_goes_back_is_found() {
    must_end(
        &[(&[1, 2], More), (&[], ScannedTo(2))],
        &[1, 2],
        Violation::NoProgress,
    );
    must_end(
        &[(&[1, 2], More), (&[], ScannedTo(1))],
        &[1, 2],
        Violation::NoProgress,
    );
    must_end(&[(&[], ScannedTo(-1))], &[], Violation::NoProgress);
}

/// A stretch without items, up to 5, moves the position as items do.
#[test]
fn what_comes_after_a_scanned_stretch_is_judged_by_the_key_scanned_to() {
    let cases: [(Answers, Violation); 5] = [
        (
            &[(&[], ScannedTo(5)), (&[4, 6], More)],
            Violation::NotPastStart,
        ),
        (
            &[(&[], ScannedTo(5)), (&[5, 6], More)],
            Violation::NotPastStart,
        ),
        (&[(&[], ScannedTo(5)), (&[], More)], Violation::NoProgress),
        (
            &[(&[], ScannedTo(5)), (&[], ScannedTo(5))],
            Violation::NoProgress,
        ),
        (
            &[(&[], ScannedTo(5)), (&[7, 8], ScannedTo(6))],
            Violation::ScannedShort,
        ),
    ];
    for order in [Order::Ascending, Order::Descending] {
        let scanned = Some(mirrored(5, order));
        for (answers, violation) in cases {
            let trial = Trial {
                scanned,
                ..live(order)
            };
            trial.must_end(|| answering(answers, order), &[], violation);
        }
    }
    must_end(
        &[(&[1], ScannedTo(5)), (&[5, 6], More)],
        &[1],
        Violation::NotPastStart,
    );
}

#[test]
fn a_scanned_key_before_an_item_of_the_chunk_is_found() {
    must_end(&[(&[1, 3], ScannedTo(2))], &[], Violation::ScannedShort);
    must_end(
        &[(&[1, 2], More), (&[3, 4], ScannedTo(2))],
        &[1, 2],
        Violation::ScannedShort,
    );
    must_end(
        &[(&[1, 2], More), (&[4], ScannedTo(3))],
        &[1, 2],
        Violation::ScannedShort,
    );
}

#[test]
fn a_scanned_key_past_the_ranges_end_is_found() {
    must_end(&[(&[], ScannedTo(101))], &[], Violation::PastEnd);
    must_end(&[(&[1], ScannedTo(101))], &[], Violation::PastEnd);
    must_end(
        &[(&[1, 2], More), (&[3], ScannedTo(200))],
        &[1, 2],
        Violation::PastEnd,
    );
}

#[test]
fn a_bounded_walk_that_gets_no_further_is_found_as_well() {
    let cases: [Answers; 3] = [
        &[(&[1, 2], More), (&[], More)],
        &[(&[1, 2], More), (&[], ScannedTo(2))],
        &[(&[1], ScannedTo(2)), (&[], ScannedTo(2))],
    ];
    for order in [Order::Ascending, Order::Descending] {
        let trial = Trial {
            live: false,
            ..live(order)
        };
        for answers in cases {
            let last = LastKey::Is(mirrored(50, order));
            let source = || answering(answers, order).last(move |_| Ok(last));
            let good: Vec<i32> = answers[0]
                .0
                .iter()
                .map(|key| mirrored(*key, order))
                .collect();
            trial.must_end(source, &good, Violation::NoProgress);
        }
    }
}
