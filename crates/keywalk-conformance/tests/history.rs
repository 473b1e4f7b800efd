//! Forged histories: each that breaks a clause is refused by that clause, and all others are accepted.

#![forbid(unsafe_code)]

use std::ops::RangeBounds;

use keywalk::{Fetched, KeyRange, LastKey, Order};
use keywalk_conformance::Clause::{self, G1, G2, G3, G4, G5, G6, G8, G9};
use keywalk_conformance::history::{
    Change, FailureKind, KeyHistory, Mutation, Oracle, Presence, Request, Span, Violation,
};
use proptest::prelude::*;

use FailureKind::{
    Absent, Behind, Beyond, Disordered, Missing, MissingAtEnd, NoLast, NotLast, OtherEnd,
    OtherRange, Overfull, Repeated, ScannedShort, Stuck, Value,
};
use Fetched::{End, More, ScannedTo};

type Judged = Result<(), (Clause, FailureKind<i64>)>;

fn judged(observed: Result<(), Violation<i64>>) -> Judged {
    observed.map_err(|violation| (violation.clause(), violation.kind().clone()))
}

fn span(from: u64, to: u64) -> Span {
    Span { from, to }
}

fn put(key: i64, value: u64, from: u64, to: u64) -> Mutation<i64> {
    Mutation {
        key,
        change: Change::Put(value),
        during: span(from, to),
    }
}

fn delete(key: i64, from: u64, to: u64) -> Mutation<i64> {
    Mutation {
        change: Change::Delete,
        ..put(key, 0, from, to)
    }
}

fn lives(mutations: impl IntoIterator<Item = Mutation<i64>>) -> KeyHistory<i64> {
    let mut lives = KeyHistory::default();
    mutations.into_iter().for_each(|made| lives.record(made));
    lives
}

/// Records a put of each key with ten times its value, before anything else.
fn hold(keys: &[i64]) -> KeyHistory<i64> {
    lives(keys.iter().map(|key| put(*key, 10 * *key as u64, 0, 1)))
}

fn up(bounds: impl RangeBounds<i64>) -> KeyRange<i64> {
    KeyRange::new(bounds, Order::Ascending)
}

fn down(bounds: impl RangeBounds<i64>) -> KeyRange<i64> {
    KeyRange::new(bounds, Order::Descending)
}

fn past(key: i64, mut range: KeyRange<i64>) -> KeyRange<i64> {
    range.start_after(key);
    range
}

/// Judges the first fetch of an unbounded walk.
fn fetch(
    lives: &KeyHistory<i64>,
    range: KeyRange<i64>,
    limit: usize,
    items: &[(i64, u64)],
    fetched: Fetched<i64>,
) -> Judged {
    let request = Request::fetch(range, limit, items.to_vec(), fetched, span(100, 110));
    judged(Oracle::unbounded(range).observe(&request, lives))
}

/// One row per fetch: the present keys, the range, the limit, the returned keys, and how far it got.
macro_rules! fetches {
    ($($name:literal: $held:expr, $range:expr, $limit:literal, $came:expr, $fetched:expr => $judged:expr;)+) => {$({
        let items = $came.map(|key: i64| (key, 10 * key as u64));
        assert_eq!(fetch(&hold(&$held), $range, $limit, &items, $fetched), $judged, $name);
    })+};
}

#[test]
fn a_fetch_is_judged_by_the_keys_that_are_there() {
    fetches! {
        "out of order": [1, 2], up(..), 5, [2, 1], End => Err((G1, Disordered(2, 1)));
        "upwards": [1, 2], down(..), 5, [1, 2], End => Err((G1, Disordered(1, 2)));
        "twice, beside": [1, 2], up(..), 5, [1, 1, 2], End => Err((G2, Repeated(1)));
        "twice, apart": [1, 2], up(..), 5, [1, 2, 1], End => Err((G2, Repeated(1)));
        "one is skipped": [1, 2, 3], up(..), 2, [1, 3], More => Err((G3, Missing(2)));
        "one is scanned": [1, 2, 3], up(..), 2, [1], ScannedTo(2) => Err((G3, Missing(2)));
        "skipped backward": [1, 2, 3], down(..), 2, [3, 1], More => Err((G3, Missing(2)));
        "never put": [1], up(..), 5, [1, 2], End => Err((G4, Absent(2)));
        "the cursor": [1, 2, 3, 4], past(2, up(..)), 2, [2, 3], More => Err((G6, Behind(2)));
        "excluded": [1, 2, 3, 4], up(2..4), 5, [2, 3, 4], End => Err((G6, Beyond(4)));
        "excluded backward": [1, 2, 3, 4], down(2..4), 5, [4], More => Err((G6, Behind(4)));
        "both ends included": [1, 2, 3, 4], down(2..=3), 5, [3, 2], End => Ok(());
        "more than the limit": [1, 2, 3], up(..), 2, [1, 2, 3], End => Err((G6, Overfull));
        "just the limit, the end": [1, 2, 3], up(..), 3, [1, 2, 3], End => Ok(());
        "just the limit, maybe more": [1, 2, 3], up(..), 3, [1, 2, 3], More => Ok(());
        "a short page": [1, 2], up(..), 5, [1], End => Err((G8, MissingAtEnd(2)));
        "an empty page": [1, 2], down(..), 5, [], End => Err((G8, MissingAtEnd(2)));
        "nothing is left": [1, 2], up(3..), 5, [], End => Ok(());
        "neither end nor item": [1, 2], up(5..), 5, [], More => Err((G8, Stuck));
        "no progress": [1, 2], past(2, up(..)), 5, [], ScannedTo(2) => Err((G8, Stuck));
        "one further": [1, 2], past(2, up(..)), 5, [], ScannedTo(3) => Ok(());
        "scanned short": [1, 2], up(..), 5, [1, 2], ScannedTo(1) => Err((G8, ScannedShort(1)));
        "scanned upwards": [1, 2], down(..), 5, [2, 1], ScannedTo(2) => Err((G8, ScannedShort(2)));
        "scanned beyond": [1, 2], up(..4), 5, [1, 2], ScannedTo(4) => Err((G6, Beyond(4)));
        "scanned to the last item": [1, 2], up(..=4), 5, [1, 2], ScannedTo(2) => Ok(());
        "scanned to the bound": [1, 2], up(..=4), 5, [1, 2], ScannedTo(4) => Ok(());
    }
}

/// One row per history of the key 1: whether a fetch of everything, from 100 to 110, may see the key with a value, or
/// not.
macro_rules! histories {
    ($($name:literal: $mutations:expr, $came:expr => $judged:expr;)+) => {$({
        assert_eq!(fetch(&lives($mutations), up(..), 5, &$came, End), $judged, $name);
    })+};
}

#[test]
fn a_fetch_is_judged_by_what_was_certain_during_it() {
    histories! {
        "deleted": [put(1, 10, 0, 2), delete(1, 4, 6)], [(1, 10)] => Err((G4, Absent(1)));
        "put only afterwards": [put(1, 10, 112, 114)], [(1, 10)] => Err((G4, Absent(1)));
        "of another": [put(1, 10, 0, 2)], [(1, 20)] => Err((G5, Value(1)));
        "stale": [put(1, 10, 0, 2), put(1, 11, 4, 6)], [(1, 10)] => Err((G5, Value(1)));
        // These overlap the fetch by one tick, so they may be before or after it.
        "deleted after": [put(1, 10, 0, 2), delete(1, 98, 101)], [(1, 10)] => Ok(());
        "deleted before": [put(1, 10, 0, 2), delete(1, 109, 112)], [] => Ok(());
        "the old": [put(1, 10, 0, 2), put(1, 11, 98, 101)], [(1, 10)] => Ok(());
        "the new": [put(1, 10, 0, 2), put(1, 11, 109, 112)], [(1, 11)] => Ok(());
        "neither": [put(1, 10, 0, 2), put(1, 11, 98, 112)], [] => Err((G8, MissingAtEnd(1)));
    }
}

#[test]
fn a_last_key_that_is_not_the_last_is_refused() {
    use LastKey::{Empty, Known, Unknown};
    let rows = [
        (up(1..=5), Known(2), Err((G8, NotLast(3)))),
        (up(1..=5), Empty, Err((G8, NoLast(3)))),
        (up(1..=5), Known(8), Err((G6, Beyond(8)))),
        (up(1..=5), Known(5), Err((G4, Absent(5)))),
        (up(1..=5), Known(0), Err((G6, Behind(0)))),
        (down(1..=5), Known(3), Err((G8, NotLast(1)))),
        (up(1..=5), Known(3), Ok(())),
        (down(1..=5), Known(1), Ok(())),
        (up(1..=5), Unknown, Ok(())),
        (up(4..=5), Empty, Ok(())),
    ];
    for (range, response, expected) in rows {
        let request = Request::last_key(range, response, span(100, 110));
        let observed = Oracle::bounded(range).observe(&request, &hold(&[1, 2, 3, 8]));
        assert_eq!(judged(observed), expected, "{response:?} of {range:?}");
    }
}

/// Judges a walk by requests for two items. One row per request: when it is made, its range, the returned keys, and how
/// far it got. A refused request changes nothing. Returns the judge and the history.
macro_rules! walk {
    ($oracle:expr, $lives:expr; $($now:literal: $range:expr, $keys:expr, $fetched:expr => $judged:expr;)+) => {{
        let (mut oracle, lives) = ($oracle, $lives);
        $(
            let items = $keys.map(|key: i64| (key, 10 * key as u64)).to_vec();
            let request = Request::fetch($range, 2, items, $fetched, span($now, $now + 2));
            let mut next = oracle.clone();
            let observed = judged(next.observe(&request, &lives));
            if observed.is_ok() {
                oracle = next;
            }
            assert_eq!(observed, $judged, "at {}", $now);
        )+
        (oracle, lives)
    }};
}

#[test]
fn a_bounded_walk_ends_at_what_was_its_last_key() {
    let lives = lives([put(1, 10, 0, 2), put(2, 20, 4, 6), put(3, 30, 106, 108)]);
    let mut oracle = Oracle::bounded(up(..));
    let last = Request::last_key(up(..), LastKey::Unknown, span(98, 99));
    assert_eq!(judged(oracle.observe(&last, &lives)), Ok(()));
    let (oracle, _) = walk! {
        oracle, lives;
        100: down(..), [2], More => Ok(());
        110: up(..), [1], More => Err((G6, OtherRange));
        112: up(..=2), [1, 2], More => Ok(());
        116: past(2, up(..=2)), [], End => Err((G9, OtherEnd));
    };
    assert!(oracle.has_ended());
    assert_eq!(judged(oracle.end()), Ok(()));
}

#[test]
fn a_live_walk_goes_on_to_what_was_appended() {
    let lives = lives([put(1, 10, 0, 2), put(2, 20, 106, 108)]);
    let (oracle, lives) = walk! {
        Oracle::unbounded(up(..)), lives;
        100: up(..), [1], More => Ok(());
    };
    assert_eq!(judged(oracle.end()), Err((G9, OtherEnd)));
    let (oracle, _) = walk! {
        oracle, lives;
        110: past(1, up(..)), [], End => Err((G8, MissingAtEnd(2)));
        112: past(1, up(..)), [2], End => Ok(());
    };
    assert_eq!(judged(oracle.end()), Ok(()));
}

#[test]
fn what_is_handed_out_comes_once_and_in_order() {
    for (range, before, after) in [(up(..), 3, 9), (down(..), 9, 3)] {
        let mut oracle = Oracle::unbounded(range);
        assert_eq!(judged(oracle.hand_out(&5)), Ok(()));
        let again = judged(oracle.clone().hand_out(&5));
        assert_eq!(again, Err((G2, Repeated(5))));
        let back = judged(oracle.clone().hand_out(&before));
        assert_eq!(back, Err((G1, Disordered(5, before))));
        assert_eq!(judged(oracle.hand_out(&after)), Ok(()));
    }
}

#[test]
fn a_snapshot_is_of_one_moment_before_its_first_fetch_returned() {
    let first = [put(1, 10, 0, 2), put(2, 20, 4, 6)];
    let later = [delete(2, 104, 106), put(3, 30, 108, 110)];
    walk! {
        Oracle::unbounded(up(..)).snapshot(50), lives(first.into_iter().chain(later));
        100: up(..), [1], More => Ok(());
        120: past(1, up(..)), [3], End => Err((G4, Absent(3)));
        122: past(1, up(..)), [2], End => Ok(());
    };
}

#[test]
fn a_resumed_walk_asks_for_what_was_not_handed_out() {
    let (mut oracle, lives) = walk! {
        Oracle::unbounded(up(..)), hold(&[1, 2, 3]);
        100: up(..), [1, 2], More => Ok(());
    };
    assert_eq!(judged(oracle.hand_out(&1)), Ok(()), "one of them");
    oracle.resume(true, 104);
    let (mut oracle, _) = walk! {
        oracle, lives;
        110: past(2, up(..)), [3], End => Err((G6, OtherRange));
        112: past(1, up(..)), [2, 3], End => Ok(());
    };
    let again = judged(oracle.clone().hand_out(&1));
    assert_eq!(again, Err((G2, Repeated(1))));
    assert_eq!(judged(oracle.hand_out(&2)), Ok(()));
}

/// The key of the differential test: `KeyHistory` against every order in which the mutations can have taken effect.
const KEY: i64 = 7;

/// The values of a key at the moments of a span, in one order of events; `None` is absent.
type Seen = Vec<Option<u64>>;

/// Finds all values that the key can have had during a span, for each order of events that their spans allow: tries
/// each event as the next one, unless another is certainly before it. An event without a change begins the judged span,
/// or ends it. A failed mutation may never have taken effect, which is the same as after the span.
fn linearise(
    events: &[(Option<Change>, Span)],
    held: Option<u64>,
    seen: Option<&Seen>,
    all: &mut Vec<Seen>,
) {
    for (at, (change, span)) in events.iter().enumerate() {
        if events.iter().any(|(_, other)| other.is_before(*span)) {
            continue;
        }
        let held = match change {
            Some(Change::Put(value)) => Some(*value),
            Some(Change::Delete) => None,
            None if seen.is_some() => {
                all.extend(seen.cloned());
                continue;
            }
            None => held,
        };
        let begins = change.is_none().then(Vec::new);
        let mut seen = seen.cloned().or(begins);
        seen.iter_mut().for_each(|seen| seen.push(held));
        let left = [&events[..at], &events[at + 1..]].concat();
        linearise(&left, held, seen.as_ref(), all);
    }
}

/// Draws up to four mutations and a span, at distinct moments. Some mutations never returned.
fn histories() -> impl Strategy<Value = (Vec<(Change, Span)>, Span)> {
    let moments = Just(Vec::from_iter((0..10_u64).map(|at| at * 2))).prop_shuffle();
    let kinds = prop::collection::vec((any::<bool>(), prop::bool::weighted(0.15)), 0..=4);
    (moments, kinds).prop_map(|(moments, kinds)| {
        let pairs = moments.chunks(2);
        let mut spans = pairs.map(|pair| span(pair[0].min(pair[1]), pair[0].max(pair[1])));
        let during = spans.next().expect("ten moments");
        let mutations = kinds.into_iter().zip(spans).zip(0..);
        let mutations = mutations.map(|(((is_put, failed), span), value)| {
            let put = is_put.then_some(Change::Put(value));
            let span = if failed { span.failed() } else { span };
            (put.unwrap_or(Change::Delete), span)
        });
        (mutations.collect(), during)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn what_is_certain_is_what_is_so_in_every_order((mutations, during) in histories()) {
        let recorded = |(change, during): &(Change, Span)| {
            Mutation { change: *change, ..put(KEY, 0, during.from, during.to) }
        };
        let lives = lives(mutations.iter().map(recorded));
        let ends = [during.from, during.to].map(|at| (None, Span::at(at)));
        let changes = mutations.iter().map(|(change, span)| (Some(*change), *span));
        let mut orders = Vec::new();
        linearise(&Vec::from_iter(changes.chain(ends)), None, None, &mut orders);
        let moments = || orders.iter().flatten();
        let expected = match (moments().all(Option::is_some), moments().all(Option::is_none)) {
            (true, false) => Presence::Present,
            (false, true) => Presence::Absent,
            _ => Presence::Possible,
        };
        prop_assert_eq!(lives.presence(&KEY, during), expected);
        for value in 0..4 {
            let is_held = moments().any(|held| *held == Some(value));
            prop_assert_eq!(lives.may_hold(&KEY, value, during), is_held, "{}", value);
        }
    }
}
