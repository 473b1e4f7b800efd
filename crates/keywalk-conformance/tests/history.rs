//! Forged histories: each that breaks a law is refused by its clause, and none that keeps them is.

#![forbid(unsafe_code)]

use std::ops::RangeBounds;

use keywalk::{Fetched, KeyRange, LastKey, Order};
use keywalk_conformance::Clause;
use keywalk_conformance::history::{Breach, Change, Flaw, Lives, Mutation, Oracle, Question, Span};

use Fetched::{End, More, ScannedTo};

mod history {
    mod lives;
    mod walk;
}

type Items<'a> = &'a [(i64, u64)];

fn span(from: u64, to: u64) -> Span {
    Span { from, to }
}

fn lives(mutations: &[(i64, Change, Span)]) -> Lives<i64> {
    let mut lives = Lives::default();
    for (key, change, during) in mutations {
        lives.record(Mutation {
            key: *key,
            change: *change,
            during: *during,
        });
    }
    lives
}

/// Each put with ten times itself, and done before anything else.
fn hold(keys: &[i64]) -> Lives<i64> {
    let put = |key: &i64| (*key, Change::Put(key.unsigned_abs() * 10), span(0, 1));
    lives(&keys.iter().map(put).collect::<Vec<_>>())
}

fn ascending(bounds: impl RangeBounds<i64>) -> KeyRange<i64> {
    KeyRange::new(bounds, Order::Ascending)
}

fn descending(bounds: impl RangeBounds<i64>) -> KeyRange<i64> {
    KeyRange::new(bounds, Order::Descending)
}

/// What a live walk's first fetch is judged to be.
fn fetch(
    lives: &Lives<i64>,
    range: KeyRange<i64>,
    limit: usize,
    items: Items<'_>,
    fetched: Fetched<i64>,
) -> Result<(), Breach<i64>> {
    let question = Question::fetch(range, limit, items.to_vec(), fetched, span(100, 110));
    Oracle::live(range).observe(&question, lives)
}

#[track_caller]
fn refused(judged: Result<(), Breach<i64>>, clause: Clause, flaw: Flaw<i64>) {
    let breach = judged.expect_err("it breaks a law");
    assert_eq!((breach.clause(), breach.flaw()), (clause, &flaw));
}

#[test]
fn keys_out_of_order_are_refused() {
    let all = ascending(..);
    let swapped = fetch(&hold(&[1, 2]), all, 5, &[(2, 20), (1, 10)], End);
    refused(swapped, Clause::G1, Flaw::Disordered(2, 1));
    let upwards = fetch(&hold(&[1, 2]), descending(..), 5, &[(1, 10), (2, 20)], End);
    refused(upwards, Clause::G1, Flaw::Disordered(1, 2));
}

#[test]
fn a_key_that_comes_twice_is_refused() {
    let lives = hold(&[1, 2]);
    let beside = fetch(&lives, ascending(..), 5, &[(1, 10), (1, 10), (2, 20)], End);
    refused(beside, Clause::G2, Flaw::Repeated(1));
    let apart = fetch(&lives, ascending(..), 5, &[(1, 10), (2, 20), (1, 10)], End);
    refused(apart, Clause::G2, Flaw::Repeated(1));
}

#[test]
fn a_key_that_is_skipped_is_refused() {
    let lives = hold(&[1, 2, 3]);
    let between = fetch(&lives, ascending(..), 2, &[(1, 10), (3, 30)], More);
    refused(between, Clause::G3, Flaw::Missing(2));
    let scanned = fetch(&lives, ascending(..), 2, &[(1, 10)], ScannedTo(2));
    refused(scanned, Clause::G3, Flaw::Missing(2));
    let backward = fetch(&lives, descending(..), 2, &[(3, 30), (1, 10)], More);
    refused(backward, Clause::G3, Flaw::Missing(2));
}

#[test]
fn a_key_that_is_not_there_is_refused() {
    let never = fetch(&hold(&[1]), ascending(..), 5, &[(1, 10), (2, 20)], End);
    refused(never, Clause::G4, Flaw::Absent(2));
    let deleted = lives(&[
        (1, Change::Put(10), span(0, 2)),
        (1, Change::Delete, span(4, 6)),
    ]);
    let gone = fetch(&deleted, ascending(..), 5, &[(1, 10)], End);
    refused(gone, Clause::G4, Flaw::Absent(1));
    // Put only after the fetch returned.
    let later = lives(&[(1, Change::Put(10), span(112, 114))]);
    let early = fetch(&later, ascending(..), 5, &[(1, 10)], End);
    refused(early, Clause::G4, Flaw::Absent(1));
}

#[test]
fn a_value_that_a_key_does_not_have_is_refused() {
    let of_another = fetch(&hold(&[1, 2]), ascending(..), 5, &[(1, 20), (2, 20)], End);
    refused(of_another, Clause::G5, Flaw::Value(1));
    let replaced = lives(&[
        (1, Change::Put(10), span(0, 2)),
        (1, Change::Put(11), span(4, 6)),
    ]);
    let stale = fetch(&replaced, ascending(..), 5, &[(1, 10)], End);
    refused(stale, Clause::G5, Flaw::Value(1));
    fetch(&replaced, ascending(..), 5, &[(1, 11)], End).expect("the newest");
}

#[test]
fn keys_outside_of_the_range_are_refused() {
    let lives = hold(&[1, 2, 3, 4]);
    let mut after = ascending(..);
    after.advance_past(2);
    let cursor = fetch(&lives, after, 2, &[(2, 20), (3, 30)], More);
    refused(cursor, Clause::G6, Flaw::Behind(2));
    let excluded = fetch(
        &lives,
        ascending(2..4),
        5,
        &[(2, 20), (3, 30), (4, 40)],
        End,
    );
    refused(excluded, Clause::G6, Flaw::Beyond(4));
    let backward = fetch(&lives, descending(2..4), 5, &[(4, 40)], More);
    refused(backward, Clause::G6, Flaw::Behind(4));
    let inclusive = fetch(&lives, descending(2..=3), 5, &[(3, 30), (2, 20)], End);
    inclusive.expect("both ends are included");
}

#[test]
fn more_than_the_limit_is_refused() {
    let lives = hold(&[1, 2, 3]);
    let items = [(1, 10), (2, 20), (3, 30)];
    let judged = fetch(&lives, ascending(..), 2, &items, End);
    refused(judged, Clause::G6, Flaw::Overfull);
    fetch(&lives, ascending(..), 3, &items, End).expect("just the limit, and the end");
    fetch(&lives, ascending(..), 3, &items, More).expect("just the limit, and maybe more");
}

#[test]
fn an_end_before_the_end_is_refused() {
    let lives = hold(&[1, 2]);
    let short = fetch(&lives, ascending(..), 5, &[(1, 10)], End);
    refused(short, Clause::G8, Flaw::MissingAtEnd(2));
    let empty = fetch(&lives, descending(..), 5, &[], End);
    refused(empty, Clause::G8, Flaw::MissingAtEnd(2));
    fetch(&lives, ascending(3..), 5, &[], End).expect("nothing is left");
}

#[test]
fn neither_the_end_nor_progress_is_refused() {
    let lives = hold(&[1, 2]);
    let nothing = fetch(&lives, ascending(5..), 5, &[], More);
    refused(nothing, Clause::G8, Flaw::Stuck);
    let mut after = ascending(..);
    after.advance_past(2);
    let same = fetch(&lives, after, 5, &[], ScannedTo(2));
    refused(same, Clause::G8, Flaw::Stuck);
    fetch(&lives, after, 5, &[], ScannedTo(3)).expect("one further");
}

#[test]
fn a_stretch_scanned_ends_past_its_items_and_within_the_range() {
    let lives = hold(&[1, 2]);
    let short = fetch(&lives, ascending(..), 5, &[(1, 10), (2, 20)], ScannedTo(1));
    refused(short, Clause::G8, Flaw::ScannedShort(1));
    let upwards = fetch(&lives, descending(..), 5, &[(2, 20), (1, 10)], ScannedTo(2));
    refused(upwards, Clause::G8, Flaw::ScannedShort(2));
    let beyond = fetch(&lives, ascending(..4), 5, &[(1, 10), (2, 20)], ScannedTo(4));
    refused(beyond, Clause::G6, Flaw::Beyond(4));
    let exact = fetch(
        &lives,
        ascending(..=4),
        5,
        &[(1, 10), (2, 20)],
        ScannedTo(2),
    );
    exact.expect("to the last item");
    let to_bound = fetch(
        &lives,
        ascending(..=4),
        5,
        &[(1, 10), (2, 20)],
        ScannedTo(4),
    );
    to_bound.expect("to the bound");
}

#[test]
fn a_last_key_that_is_not_the_last_is_refused() {
    let lives = hold(&[1, 2, 3, 8]);
    let ask = |range: KeyRange<i64>, answer| {
        let question = Question::last_key(range, answer, span(100, 110));
        Oracle::bounded(range).observe(&question, &lives)
    };
    let range = ascending(1..=5);
    refused(ask(range, LastKey::Is(2)), Clause::G8, Flaw::NotLast(3));
    refused(ask(range, LastKey::Empty), Clause::G8, Flaw::NoLast(3));
    refused(ask(range, LastKey::Is(8)), Clause::G6, Flaw::Beyond(8));
    refused(ask(range, LastKey::Is(5)), Clause::G4, Flaw::Absent(5));
    refused(ask(range, LastKey::Is(0)), Clause::G6, Flaw::Behind(0));
    let backward = descending(1..=5);
    refused(ask(backward, LastKey::Is(3)), Clause::G8, Flaw::NotLast(1));
    ask(range, LastKey::Is(3)).expect("the largest");
    ask(backward, LastKey::Is(1)).expect("the smallest");
    ask(range, LastKey::Unknown).expect("it needn't be known");
    ask(ascending(4..=5), LastKey::Empty).expect("there is none");
}

#[test]
fn what_overlaps_a_fetch_may_be_seen_or_not() {
    // The fetch is from 100 to 110: these overlap it by a tick.
    for during in [span(98, 101), span(109, 112), span(103, 105), span(98, 112)] {
        let inserted = lives(&[(1, Change::Put(10), during)]);
        fetch(&inserted, ascending(..), 5, &[(1, 10)], End).expect("it came just before");
        fetch(&inserted, ascending(..), 5, &[], End).expect("it came just after");
        let deleted = lives(&[
            (1, Change::Put(10), span(0, 2)),
            (1, Change::Delete, during),
        ]);
        fetch(&deleted, ascending(..), 5, &[(1, 10)], End).expect("it went just after");
        fetch(&deleted, ascending(..), 5, &[], End).expect("it went just before");
        let replaced = lives(&[
            (1, Change::Put(10), span(0, 2)),
            (1, Change::Put(11), during),
        ]);
        for value in [10, 11] {
            fetch(&replaced, ascending(..), 5, &[(1, value)], End).expect("the old or the new");
        }
        let missing = fetch(&replaced, ascending(..), 5, &[], End);
        refused(missing, Clause::G8, Flaw::MissingAtEnd(1));
    }
}

#[test]
fn a_mutation_that_failed_is_possible_for_ever() {
    let failed = span(4, 6).failed();
    let put = lives(&[(1, Change::Put(10), failed)]);
    let deleted = lives(&[
        (1, Change::Put(10), span(0, 2)),
        (1, Change::Delete, failed),
    ]);
    for lives in [put, deleted] {
        fetch(&lives, ascending(..), 5, &[(1, 10)], End).expect("it is there");
        fetch(&lives, ascending(..), 5, &[], End).expect("it isn't");
    }
    let replaced = lives(&[
        (1, Change::Put(10), span(0, 2)),
        (1, Change::Put(11), failed),
    ]);
    for value in [10, 11] {
        fetch(&replaced, ascending(..), 5, &[(1, value)], End).expect("one of the two");
    }
    let other = fetch(&replaced, ascending(..), 5, &[(1, 12)], End);
    refused(other, Clause::G5, Flaw::Value(1));
}

#[test]
fn a_put_beside_a_delete_of_the_same_key_leaves_either() {
    let both = lives(&[
        (1, Change::Put(10), span(2, 6)),
        (1, Change::Delete, span(4, 8)),
    ]);
    fetch(&both, ascending(..), 5, &[(1, 10)], End).expect("the put was the last");
    fetch(&both, ascending(..), 5, &[], End).expect("the delete was the last");
    // One tick earlier, and the delete is certainly the last.
    let in_turn = lives(&[
        (1, Change::Put(10), span(2, 3)),
        (1, Change::Delete, span(4, 8)),
    ]);
    let gone = fetch(&in_turn, ascending(..), 5, &[(1, 10)], End);
    refused(gone, Clause::G4, Flaw::Absent(1));
}
