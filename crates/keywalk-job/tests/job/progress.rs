//! What the hooks are told.

use std::cell::RefCell;
use std::time::Duration;

use keywalk::Walk;
use keywalk_job::{Job, Stop};
use proptest::prelude::*;

use crate::clock::TestClock;
use crate::numbers::Numbers;
use crate::store::Store;

#[test]
fn hooks_are_told_before_the_first_chunk_and_after_each() {
    let told = RefCell::new(Vec::new());
    let walk = Walk::new(Numbers::new(0..5)).chunk_size(2);
    let job = Job::new("told", walk, Store::default())
        .on_progress(|progress| {
            let position = progress.position().copied();
            told.borrow_mut().push((
                progress.items(),
                progress.chunks(),
                position,
                progress.is_done(),
            ));
        })
        .on_progress(|progress| assert_eq!(progress.job(), "told"));
    assert!(job.run(|_, _| Ok(())).unwrap().is_done());
    let expected = [
        (0, 0, None, false),
        (2, 1, Some(1), false),
        (4, 2, Some(3), false),
        (5, 3, Some(4), true),
    ];
    assert_eq!(*told.borrow(), expected);
}

#[test]
fn rate_and_time_left_are_those_of_this_run() {
    let (numbers, store, clock) = (Numbers::new(0..101), Store::default(), TestClock::default());
    let job = |size| {
        let walk = Walk::new(numbers.clone()).chunk_size(size);
        Job::new("timed", walk, store.clone()).clock(clock.clone())
    };
    let stop = Stop::new();
    let run = job(51).stop_on(&stop).run(|_, _| {
        clock.pass(Duration::from_secs(1000));
        stop.request();
        Ok(())
    });
    assert_eq!(run.unwrap().items(), 51);
    let mut told = Vec::new();
    let run = job(10)
        .on_progress(|progress| {
            told.push((progress.share(), progress.rate(), progress.time_left()))
        })
        .run(|_, _| {
            clock.pass(Duration::from_secs(2));
            Ok(())
        });
    assert!(run.unwrap().is_done());
    assert_eq!(
        told[0],
        (Some(0.5), None, None),
        "known from the run before"
    );
    let (share, rate, left) = told[1];
    assert_eq!((share, rate), (Some(0.6), Some(5.0)));
    let left = left.unwrap().as_secs_f64();
    assert!(
        (left - 8.0).abs() < 1e-6,
        "a tenth in 2 s leaves four: {left}"
    );
    assert_eq!(told[5], (Some(1.0), Some(5.0), Some(Duration::ZERO)));
}

/// As soon as the chunk is done, though the pause that it has earned is still to come.
#[test]
fn rate_and_time_left_know_the_pause_that_follows() {
    let clock = TestClock::default();
    let walk = Walk::new(Numbers::new(0..101)).chunk_size(51);
    let mut told = Vec::new();
    let job = Job::new("slow", walk, Store::default()).clock(clock.clone());
    let job = job.most_per_second(51.0).pause(Duration::from_secs(10));
    let run = job
        .on_progress(|progress| {
            told.push((progress.rate(), progress.elapsed(), progress.to_string()))
        })
        .run(|_, _| Ok(()));
    assert!(run.unwrap().is_done());
    let second = Duration::from_secs(10);
    assert_eq!(told[0], (None, Duration::ZERO, "0 items".to_owned()));
    let (rate, elapsed, words) = &told[1];
    assert_eq!(
        (*rate, *elapsed, &words[..]),
        (Some(5.1), Duration::ZERO, "51 items, 50 %, 10 s left")
    );
    assert_eq!(told[2], (Some(10.1), second, "101 items, 100 %".to_owned()));
}

#[test]
fn a_total_tells_the_share_where_the_key_cannot() {
    let store = Store::default();
    let walk = Walk::new(Numbers::new(0..8)).chunk_size(4).live();
    let mut shares = Vec::new();
    let job = Job::new("counted", walk, store)
        .total(16)
        .on_progress(|progress| shares.push((progress.share(), progress.total())));
    assert!(job.run(|_, _| Ok(())).unwrap().is_done());
    assert_eq!(shares[1], (Some(0.25), Some(16)));
    // More than there were is no more than all; and of none there is no share.
    for (total, share) in [(2, Some(1.0)), (0, None)] {
        let walk = Walk::new(Numbers::new(0..8)).chunk_size(4);
        let mut first = None;
        let job = Job::new("counted", walk, Store::default())
            .total(total)
            .on_progress(|progress| {
                if progress.chunks() == 1 {
                    first = Some(progress.share());
                }
            });
        assert!(job.run(|_, _| Ok(())).unwrap().is_done());
        assert_eq!(first, Some(share));
    }
}

#[test]
fn a_live_walk_without_an_end_has_no_share_and_no_time_left() {
    let walk = Walk::new(Numbers::new(0..8)).chunk_size(3).live();
    let mut told = 0;
    let job = Job::new("live", walk, Store::default()).on_progress(|progress| {
        told += 1;
        assert_eq!((progress.share(), progress.time_left()), (None, None));
        assert!(!progress.is_done());
    });
    assert!(job.run(|_, _| Ok(())).unwrap().is_done());
    assert_eq!(told, 5);
}

#[test]
fn an_empty_table_is_done_at_once() {
    let mut last = None;
    let walk = Walk::new(Numbers::new([]));
    let job = Job::new("empty", walk, Store::default())
        .on_progress(|progress| last = Some((progress.is_done(), progress.share())));
    let outcome = job.run(|_, _| Err("there is no item".into())).unwrap();
    assert_eq!((outcome.items(), outcome.chunks()), (0, 0));
    assert_eq!(last, Some((true, Some(1.0))));
    assert_eq!(outcome.checkpoint().unwrap().position(), None);
}

proptest! {
    #[test]
    fn the_share_never_goes_back_and_ends_at_1(
        keys in prop::collection::btree_set(any::<u32>(), 1..60),
        sizes in prop::collection::vec(1..9_usize, 1..9),
        down in any::<bool>(),
    ) {
        let (numbers, store) = (Numbers::new(keys), Store::default());
        let mut shares = Vec::new();
        loop {
            let size = sizes[shares.len() % sizes.len()];
            let walk = Walk::new(numbers.clone()).chunk_size(size);
            let walk = if down { walk.descending() } else { walk };
            let stop = Stop::new();
            let job = Job::new("share", walk, store.clone())
                .stop_on(&stop)
                .on_progress(|progress| shares.extend(progress.share()));
            let outcome = job.run(|_, _| {
                stop.request();
                Ok(())
            });
            if outcome.unwrap().is_done() {
                break;
            }
        }
        prop_assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)), "{:?}", shares);
        prop_assert!(shares.is_sorted(), "{:?}", shares);
        prop_assert_eq!(shares.last(), Some(&1.0));
    }
}
