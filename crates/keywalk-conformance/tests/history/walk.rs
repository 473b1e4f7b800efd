//! Laws of a whole walk: its questions, its end, and how it goes on.

use keywalk::{Fetched, KeyRange, LastKey};
use keywalk_conformance::Clause;
use keywalk_conformance::history::{Answer, Breach, Change, Flaw, Lives, Oracle, Question};

use Fetched::{End, More, ScannedTo};

use crate::{Items, ascending, descending, hold, lives, refused, span};

fn asked(
    oracle: &mut Oracle<i64>,
    lives: &Lives<i64>,
    range: KeyRange<i64>,
    items: Items<'_>,
    fetched: Fetched<i64>,
    from: u64,
) -> Result<(), Breach<i64>> {
    let during = span(from, from + 2);
    let question = Question::fetch(range, 2, items.to_vec(), fetched, during);
    oracle.observe(&question, lives)
}

fn after(range: KeyRange<i64>, key: i64) -> KeyRange<i64> {
    let mut range = range;
    range.advance_past(key);
    range
}

#[test]
fn a_bounded_walk_ends_at_what_was_its_last_key() {
    let lives = lives(&[
        (1, Change::Put(10), span(0, 2)),
        (2, Change::Put(20), span(4, 6)),
        (3, Change::Put(30), span(106, 108)),
    ]);
    let mut oracle = Oracle::bounded(ascending(..));
    let last = Question::last_key(ascending(..), LastKey::Unknown, span(100, 101));
    oracle.observe(&last, &lives).expect("it isn't known");
    asked(&mut oracle, &lives, descending(..), &[(2, 20)], More, 102).expect("found backwards");
    let wider = asked(
        &mut oracle.clone(),
        &lives,
        ascending(..),
        &[(1, 10)],
        More,
        110,
    );
    refused(wider, Clause::G6, Flaw::OtherRange);
    let items = [(1, 10), (2, 20)];
    asked(&mut oracle, &lives, ascending(..=2), &items, More, 110).expect("all up to it");
    assert!(oracle.has_ended());
    oracle.end(2, &lives).expect("three questions");
    let on = asked(
        &mut oracle,
        &lives,
        after(ascending(..=2), 2),
        &[],
        End,
        114,
    );
    assert!(on.is_err(), "it has ended");
}

#[test]
fn a_live_walk_goes_on_to_what_was_appended() {
    let lives = lives(&[
        (1, Change::Put(10), span(0, 2)),
        (2, Change::Put(20), span(106, 108)),
    ]);
    let mut oracle = Oracle::live(ascending(..));
    asked(&mut oracle, &lives, ascending(..), &[(1, 10)], More, 100).expect("the first");
    let mut cut = oracle.clone();
    let missed = asked(&mut cut, &lives, after(ascending(..), 1), &[], End, 110);
    refused(missed, Clause::G8, Flaw::MissingAtEnd(2));
    let rest = after(ascending(..), 1);
    asked(&mut oracle, &lives, rest, &[(2, 20)], End, 110).expect("the appended one");
    oracle.end(1, &lives).expect("it has ended");
}

#[test]
fn a_walk_may_not_end_before_it_is_told_so() {
    let lives = hold(&[1, 2]);
    let mut oracle = Oracle::live(ascending(..));
    asked(&mut oracle, &lives, ascending(..), &[(1, 10)], More, 100).expect("the first");
    refused(oracle.end(1, &lives), Clause::G9, Flaw::OtherEnd);
}

#[test]
fn a_walk_that_asks_too_often_is_refused() {
    let lives = hold(&[1, 2, 3, 4]);
    let mut oracle = Oracle::live(ascending(..));
    let failed = Question {
        answer: Answer::Error("busy".to_owned()),
        ..Question::fetch(ascending(..), 2, Vec::new(), End, span(90, 92))
    };
    for _ in 0..3 {
        oracle.observe(&failed, &lives).expect("a fetch may fail");
    }
    asked(
        &mut oracle,
        &lives,
        ascending(..),
        &[(1, 10), (2, 20)],
        More,
        100,
    )
    .expect("two");
    let rest = after(ascending(..), 2);
    asked(&mut oracle, &lives, rest, &[(3, 30), (4, 40)], End, 104).expect("two more");
    refused(oracle.end(2, &lives), Clause::G9, Flaw::Endless);
}

#[test]
fn short_and_empty_stretches_are_allowed_for() {
    let lives = hold(&[9]);
    let mut oracle = Oracle::live(ascending(..));
    let mut range = ascending(..);
    for key in 0..8 {
        asked(
            &mut oracle,
            &lives,
            range,
            &[],
            ScannedTo(key),
            100 + 4 * key.unsigned_abs(),
        )
        .expect("nothing is there");
        range.advance_past(key);
    }
    asked(&mut oracle, &lives, range, &[(9, 90)], End, 200).expect("the only one");
    oracle
        .end(2, &lives)
        .expect("each stretch counts for itself");
}

#[test]
fn what_is_handed_out_comes_once_and_in_order() {
    let mut oracle = Oracle::live(ascending(..));
    oracle.hand_out(&1).expect("the first");
    oracle.hand_out(&5).expect("the next");
    refused(oracle.clone().hand_out(&5), Clause::G2, Flaw::Repeated(5));
    refused(oracle.hand_out(&3), Clause::G1, Flaw::Disordered(5, 3));
    let mut oracle = Oracle::live(descending(..));
    oracle.hand_out(&5).expect("the first");
    refused(
        oracle.clone().hand_out(&6),
        Clause::G1,
        Flaw::Disordered(5, 6),
    );
    oracle.hand_out(&1).expect("the next");
}

#[test]
fn a_snapshot_is_of_one_moment_before_its_first_fetch_returned() {
    let lives = lives(&[
        (1, Change::Put(10), span(0, 2)),
        (2, Change::Put(20), span(4, 6)),
        (2, Change::Delete, span(104, 106)),
        (3, Change::Put(30), span(108, 110)),
    ]);
    let mut oracle = Oracle::live(ascending(..)).snapshot(50);
    asked(&mut oracle, &lives, ascending(..), &[(1, 10)], More, 100).expect("the first");
    let rest = after(ascending(..), 1);
    let live = asked(&mut oracle.clone(), &lives, rest, &[(3, 30)], End, 120);
    refused(live, Clause::G4, Flaw::Absent(3));
    asked(&mut oracle, &lives, rest, &[(2, 20)], End, 120).expect("as it was at first");
}

#[test]
fn a_resumed_walk_asks_for_what_was_not_handed_out() {
    let lives = hold(&[1, 2, 3]);
    let mut oracle = Oracle::live(ascending(..));
    asked(
        &mut oracle,
        &lives,
        ascending(..),
        &[(1, 10), (2, 20)],
        More,
        100,
    )
    .expect("two");
    oracle.hand_out(&1).expect("one of them");
    oracle.resume(true, 104);
    let skips = asked(
        &mut oracle.clone(),
        &lives,
        after(ascending(..), 2),
        &[(3, 30)],
        End,
        106,
    );
    refused(skips, Clause::G6, Flaw::OtherRange);
    let rest = after(ascending(..), 1);
    asked(&mut oracle, &lives, rest, &[(2, 20), (3, 30)], End, 106).expect("the rest");
    refused(oracle.clone().hand_out(&1), Clause::G2, Flaw::Repeated(1));
    oracle.hand_out(&2).expect("the next");
}
