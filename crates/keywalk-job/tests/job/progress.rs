//! What the hooks are told.

use std::time::Duration;

use proptest::prelude::*;

use crate::lab::{Lab, collect};
use crate::shared::Shared;

#[test]
fn hooks_are_told_before_the_first_chunk_and_after_each() {
    let told = Shared::new(Vec::new());
    let job = Lab::new(0..5).job(2).on_progress(|progress| {
        let position = progress.position().copied();
        let counts = (progress.items(), progress.chunks());
        told.borrow_mut()
            .push((counts, position, progress.is_done()));
    });
    let job = job.on_progress(|progress| assert_eq!(progress.job(), "job"));
    assert!(collect(job).1.unwrap().is_done());
    let expected = [
        ((0, 0), None, false),
        ((2, 1), Some(1), false),
        ((4, 2), Some(3), false),
        ((5, 3), Some(4), true),
    ];
    assert_eq!(*told.borrow(), expected);
}

#[test]
fn rate_and_time_left_are_those_of_this_run() {
    let lab = Lab::new(0..101);
    let run = lab.job(51).run(|_, _| {
        lab.clock.pass(Duration::from_secs(1000));
        lab.stop.request();
        Ok(())
    });
    assert_eq!(run.unwrap().items(), 51);
    let (lab, mut told) = (lab.again(), Vec::new());
    let job = lab.job(10).on_progress(|progress| {
        told.push((progress.fraction(), progress.rate(), progress.time_left()));
    });
    let run = job.run(|_, _| {
        lab.clock.pass(Duration::from_secs(2));
        Ok(())
    });
    assert!(run.unwrap().is_done());
    // Known from the run before.
    assert_eq!(told[0], (Some(0.5), None, None));
    let (share, rate, left) = told[1];
    assert_eq!((share, rate), (Some(0.6), Some(5.0)));
    let left = left.unwrap().as_secs_f64();
    // A tenth in 2 s leaves four.
    assert!((left - 8.0).abs() < 1e-6, "{left}");
    assert_eq!(told[5], (Some(1.0), Some(5.0), Some(Duration::ZERO)));
}

/// As soon as the chunk is done, though the pause that it has earned is still to come.
#[test]
fn rate_and_time_left_know_the_pause_that_follows() {
    let mut told = Vec::new();
    let job = Lab::new(0..101).job(51).max_items_per_second(51.0);
    let job = job.pause(Duration::from_secs(10)).on_progress(|progress| {
        let elapsed = progress.elapsed().as_secs();
        told.push((progress.rate(), elapsed, progress.to_string()));
    });
    assert!(collect(job).1.unwrap().is_done());
    let expected = [
        (None, 0, "0 items"),
        (Some(5.1), 0, "51 items, 50 %, 10 s left"),
        (Some(10.1), 10, "101 items, 100 %"),
    ];
    let expected = expected.map(|(rate, at, words)| (rate, at, words.to_owned()));
    assert_eq!(told, expected);
}

#[test]
fn a_total_tells_the_share_where_the_key_cannot() {
    // Whether the walk is unbounded, and the share after the first chunk, of half the items.
    let cases = [
        (true, Some(16), Some(0.25)),
        (true, None, None),
        // More than there were is no more than all; and of none there is no share.
        (false, Some(2), Some(1.0)),
        (false, Some(0), None),
    ];
    for (is_unbounded, total, share) in cases {
        let (lab, told) = (Lab::new(0..8), Shared::default());
        let walk = if is_unbounded {
            lab.walk(4).unbounded()
        } else {
            lab.walk(4)
        };
        let job = lab.job_over(walk).on_progress(|progress| {
            assert!(progress.fraction().is_some() || progress.time_left().is_none());
            assert_eq!(progress.total(), total);
            assert!(!(progress.is_done() && is_unbounded));
            assert!(progress.is_done() || !progress.to_string().contains("100 %"));
            Vec::push(&mut told.borrow_mut(), progress.fraction());
        });
        let job = match total {
            Some(total) => job.total(total),
            None => job,
        };
        assert!(collect(job).1.unwrap().is_done());
        let told = told.take();
        assert_eq!(told[1], share, "{total:?}");
        assert_eq!(told.len(), if is_unbounded { 4 } else { 3 });
    }
}

proptest! {
    #[test]
    fn the_share_never_goes_back_and_ends_at_1(
        keys in prop::collection::btree_set(any::<u32>(), 1..60),
        sizes in prop::collection::vec(1..9_usize, 1..9),
        down in any::<bool>(),
    ) {
        let mut lab = Lab::new(keys);
        let mut shares = Vec::new();
        loop {
            lab = lab.again();
            let walk = lab.walk(sizes[shares.len() % sizes.len()]);
            let walk = if down { walk.descending() } else { walk };
            let job = lab.job_over(walk).on_progress(|progress| shares.extend(progress.fraction()));
            let outcome = job.run(|_, _| {
                lab.stop.request();
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
