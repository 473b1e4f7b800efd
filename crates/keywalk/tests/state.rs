//! The state machine of a walk, driven by hand.

#![forbid(unsafe_code)]

use keywalk::state::{Ask, State};
use keywalk::{Chunk, Fetched, KeyRange, LastKey, Order, Violation};

fn chunk(items: &[i32]) -> Chunk<i32> {
    let mut chunk = Chunk::with_limit(3);
    items.iter().for_each(|item| chunk.push(*item));
    chunk
}

fn answer(state: &mut State<i32>, items: &[i32], fetched: Fetched<i32>) -> Result<(), Violation> {
    state.fetched(&chunk(items), 3, |key| *key, fetched)
}

/// A walk over 0 to 9 at each of its stages.
fn stages() -> [State<i32>; 4] {
    let range = KeyRange::new(0..=9, Order::Ascending);
    let start = State::bounded(range);
    let mut backward = start.clone();
    backward
        .last_key(LastKey::Unknown)
        .expect("it may not know");
    let mut bounded = start.clone();
    bounded.last_key(LastKey::Is(8)).expect("8 is in the range");
    [start, backward, bounded, State::live(range)]
}

#[test]
fn a_bounded_walk_asks_for_the_last_key_then_the_last_item_then_items() {
    let [start, backward, bounded, live] = stages();
    let range = KeyRange::new(0..=9, Order::Ascending);
    assert_eq!(start.ask(), Ask::LastKey(&range));
    assert_eq!(backward.ask(), Ask::LastItem(&range.reversed()));
    assert_eq!(
        bounded.ask(),
        Ask::Items(&KeyRange::new(0..=8, Order::Ascending))
    );
    assert_eq!(live.ask(), Ask::Items(&range));
}

#[test]
fn the_last_item_is_the_bound_and_is_not_walked_yet() {
    let [_, mut backward, ..] = stages();
    assert_eq!(answer(&mut backward, &[7], Fetched::More), Ok(()));
    assert_eq!(
        backward.ask(),
        Ask::Items(&KeyRange::new(0..=7, Order::Ascending))
    );
    assert!(!backward.is_done());
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
fn an_answer_that_breaks_the_contract_leaves_the_state_as_it_was() {
    let answers: [(&[i32], Fetched<i32>); 6] = [
        (&[], Fetched::More),
        (&[5, 5], Fetched::More),
        (&[-1], Fetched::End),
        (&[10], Fetched::End),
        (&[], Fetched::ScannedTo(10)),
        (&[], Fetched::ScannedTo(-1)),
    ];
    for before in stages().into_iter().skip(1) {
        for (items, fetched) in answers {
            let mut state = before.clone();
            assert!(answer(&mut state, items, fetched).is_err());
            assert_eq!(
                (state.ask(), state.cursor()),
                (before.ask(), before.cursor())
            );
            // What is right is still taken.
            assert_eq!(answer(&mut state, &[4], Fetched::More), Ok(()));
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
fn a_last_key_out_of_turn_changes_nothing() {
    for before in stages().into_iter().skip(2) {
        let mut state = before.clone();
        for key in [
            LastKey::Is(3),
            LastKey::Is(100),
            LastKey::Empty,
            LastKey::Unknown,
        ] {
            assert_eq!(state.last_key(key), Ok(()));
        }
        assert_eq!(
            (state.ask(), state.cursor()),
            (before.ask(), before.cursor())
        );
    }
}

#[test]
fn a_state_goes_on_from_the_cursor_past_an_item() {
    let [.., mut bounded, mut live] = stages();
    for state in [&mut bounded, &mut live] {
        assert_eq!(answer(state, &[1, 2, 3], Fetched::More), Ok(()));
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
    for (live, left) in [(false, false), (true, true)] {
        let range = KeyRange::new(..=9, Order::Ascending);
        let mut state = if live {
            State::live(range)
        } else {
            State::bounded(range)
        };
        if !live {
            assert_eq!(state.last_key(LastKey::Is(9)), Ok(()));
        }
        // What was the last key is gone.
        assert_eq!(answer(&mut state, &[1, 2], Fetched::End), Ok(()));
        assert!(state.is_done());
        assert_eq!(state.cursor().range().admits(&3), left);
    }
}
