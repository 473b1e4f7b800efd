//! The state machine of a walk, driven by hand.

use keywalk::state::{Ask, State};
use keywalk::{Chunk, Fetched, KeyRange, LastKey, Order, Violation};

fn ascending(bounds: impl std::ops::RangeBounds<i64>) -> KeyRange<i64> {
    KeyRange::new(bounds, Order::Ascending)
}

fn answer(state: &mut State<i64>, items: &[i64], fetched: Fetched<i64>) -> Result<(), Violation> {
    let mut chunk = Chunk::with_limit(3);
    items.iter().for_each(|item| chunk.push(*item));
    state.fetched(&chunk, 3, |key| *key, fetched)
}

/// A walk over 0 to 9 at each of its stages: at its start, where it looks for its last key, bounded by 8, and
/// live.
fn stages() -> [State<i64>; 4] {
    let start = State::bounded(ascending(0..=9));
    let mut backward = start.clone();
    assert_eq!(backward.last_key(LastKey::Unknown), Ok(()));
    let mut bounded = start.clone();
    assert_eq!(bounded.last_key(LastKey::Is(8)), Ok(()));
    [start, backward, bounded, State::live(ascending(0..=9))]
}

#[test]
fn a_bounded_walk_asks_for_the_last_key_then_the_last_item_which_bounds_it_then_items() {
    let [start, mut backward, bounded, live] = stages();
    let range = ascending(0..=9);
    assert_eq!(start.ask(), Ask::LastKey(&range));
    assert_eq!(backward.ask(), Ask::LastItem(&range.reversed()));
    assert_eq!(bounded.ask(), Ask::Items(&ascending(0..=8)));
    assert_eq!(live.ask(), Ask::Items(&range));
    assert_eq!(answer(&mut backward, &[7], Fetched::More), Ok(()));
    assert_eq!(backward.ask(), Ask::Items(&ascending(0..=7)));
    assert!(!backward.is_done(), "it is not walked yet");
}

#[test]
fn no_last_key_is_the_end() {
    let [mut start, mut backward, ..] = stages();
    assert_eq!(start.last_key(LastKey::Empty), Ok(()));
    assert_eq!(answer(&mut backward, &[], Fetched::End), Ok(()));
    for state in [start, backward] {
        assert!(state.is_done() && state.cursor().is_done());
        assert_eq!(state.ask(), Ask::Nothing);
    }
}

#[test]
fn what_breaks_the_contract_or_comes_out_of_turn_leaves_the_state_as_it_was() {
    let answers: [(&[i64], Fetched<i64>); 6] = [
        (&[], Fetched::More),
        (&[5, 5], Fetched::More),
        (&[-1], Fetched::End),
        (&[10], Fetched::End),
        (&[], Fetched::ScannedTo(10)),
        (&[], Fetched::ScannedTo(-1)),
    ];
    for (at, before) in stages().into_iter().enumerate().skip(1) {
        let is_same = |state: &State<i64>| {
            assert_eq!(
                (state.ask(), state.cursor()),
                (before.ask(), before.cursor())
            );
        };
        for (items, fetched) in answers {
            let mut state = before.clone();
            assert!(answer(&mut state, items, fetched).is_err());
            is_same(&state);
            // What is right is still taken.
            assert_eq!(answer(&mut state, &[4], Fetched::More), Ok(()));
        }
        for key in [
            LastKey::Is(3),
            LastKey::Is(100),
            LastKey::Empty,
            LastKey::Unknown,
        ] {
            let mut state = before.clone();
            if at > 1 {
                assert_eq!(state.last_key(key), Ok(()));
                is_same(&state);
            }
        }
    }
    let [mut start, ..] = stages();
    assert_eq!(
        start.last_key(LastKey::Is(10)),
        Err(Violation::LastKeyOutside)
    );
    assert_eq!(start.last_key(LastKey::Is(9)), Ok(()));
}

#[test]
fn a_state_goes_on_from_the_cursor_past_an_item() {
    for mut state in stages().into_iter().skip(2) {
        assert_eq!(answer(&mut state, &[1, 2, 3], Fetched::More), Ok(()));
        let cursor = state.cursor_past(2);
        let resumed = State::resume(cursor.clone());
        assert!(
            matches!(resumed.ask(), Ask::Items(range) if range.admits(&3) && !range.admits(&2))
        );
        assert_eq!(resumed.cursor(), cursor);
    }
}

#[test]
fn at_its_end_a_bounded_walk_stands_at_its_bound_and_a_live_one_at_its_last_item() {
    let mut bounded = State::bounded(ascending(..=9));
    assert_eq!(bounded.last_key(LastKey::Is(9)), Ok(()));
    for (mut state, is_left) in [(bounded, false), (State::live(ascending(..=9)), true)] {
        // What was the last key is gone.
        assert_eq!(answer(&mut state, &[1, 2], Fetched::End), Ok(()));
        assert!(state.is_done());
        assert_eq!(state.cursor().range().admits(&3), is_left);
    }
}
