//! The loop of a walk, driven by hand.

use std::convert::Infallible;
use std::time::Duration;

use keywalk::{Fetched, LastKey, Request, Walk};

use crate::shelf::numbers;

#[test]
fn an_answer_that_comes_out_of_turn_changes_nothing() {
    let walk = Walk::new(numbers(0)).range(0..=9);
    for (walk, asks_the_last_key) in [(walk, true), (Walk::new(numbers(0)).unbounded(), false)] {
        let (_, mut engine) = walk.into_engine();
        let before = engine.cursor();
        let last = Ok::<_, Infallible>(LastKey::Known(3));
        let fetched = Ok::<_, Infallible>(Fetched::End);
        for seeks in [false, true] {
            // Nothing is requested; then something is, and forgotten by a seek.
            if seeks {
                assert!(engine.request().is_ok());
                engine.seek(before.clone());
            }
            assert_eq!(engine.last_key(last, Duration::ZERO), Ok(()));
            assert_eq!(engine.fetched(fetched, Duration::ZERO), Ok(()));
            assert_eq!(engine.cursor(), before);
        }
        // Only what was requested.
        assert!(engine.request().is_ok());
        match asks_the_last_key {
            true => assert_eq!(engine.fetched(fetched, Duration::ZERO), Ok(())),
            false => assert_eq!(engine.last_key(last, Duration::ZERO), Ok(())),
        }
        assert_eq!((engine.cursor(), engine.stats().queries()), (before, 0));
    }
}

#[test]
fn at_its_end_a_bounded_walk_stands_at_its_bound_and_a_live_one_at_its_last_item() {
    let walk = || Walk::new(numbers(0)).range(..=9);
    for (walk, is_left) in [(walk(), false), (walk().unbounded(), true)] {
        let (_, mut engine) = walk.into_engine();
        let last = Ok::<_, Infallible>(LastKey::Known(9));
        if let Ok(Request::LastKey(_)) = engine.request() {
            assert_eq!(engine.last_key(last, Duration::ZERO), Ok(()));
        }
        // What was the last key is gone.
        if let Ok(Request::Fetch(_, chunk)) = engine.request() {
            chunk.push(1);
        }
        let end = Ok::<_, Infallible>(Fetched::End);
        assert_eq!(engine.fetched(end, Duration::ZERO), Ok(()));
        assert_eq!(engine.cursor().range().may_contain(&3), is_left);
    }
}
