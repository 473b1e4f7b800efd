//! How runs end, and what the next one does.

use std::collections::BTreeSet;
use std::time::Duration;

use keywalk_job::{Checkpoints, Ended, Stop};

use crate::lab::{Lab, collect};

#[test]
fn a_job_that_is_done_does_nothing_more_asks_nothing_and_tells_the_run_that_did_it() {
    let lab = Lab::new(0..10);
    let (seen, run) = collect(lab.job(3));
    assert_eq!((seen.len(), run.unwrap().chunks()), (10, 4));
    let (asked, commits) = (lab.numbers.asked.get(), lab.store.get().commits);
    let mut told = Vec::new();
    let again = lab.job(3).pause(Duration::from_secs(5));
    let (seen, run) =
        collect(again.on_progress(|progress| told.push((progress.is_done(), progress.share()))));
    let outcome = run.unwrap();
    assert!(seen.is_empty() && outcome.is_done());
    assert_eq!(outcome.elapsed(), Duration::ZERO, "nothing to wait for");
    assert_eq!(told, [(true, Some(1.0))]);
    assert_eq!(lab.numbers.asked.get(), asked);
    assert_eq!(lab.store.get().commits, commits);
    assert_eq!(outcome.checkpoint(), Some(&lab.store.at("job")));
    assert_eq!(lab.store.at("job").run(), 1);
}

#[test]
fn the_end_is_told_once_and_nothing_is_waited_for_after_it() {
    type Change = fn(&mut BTreeSet<u32>, u32);
    // What becomes of the keys in each chunk, and how many items are done.
    let cases: [(u32, Change, u64); 6] = [
        (0, |_, _| {}, 0),
        (1, |_, _| {}, 1),
        (6, |_, _| {}, 6),
        (7, |_, _| {}, 7),
        // What is appended is left to a later job.
        (4, |keys, first| keys.extend([first + 10]), 4),
        (9, |keys, _| keys.retain(|key| *key < 3), 3),
    ];
    for (keys, change, items) in cases {
        let lab = Lab::new(0..keys);
        let mut told = Vec::new();
        let job = lab.job(2).pause(Duration::from_secs(1));
        let job = job.on_progress(|progress| told.push((progress.is_done(), progress.share())));
        let outcome = job.run(|_, items| {
            change(&mut lab.numbers.keys.borrow_mut(), items[0]);
            Ok(())
        });
        let outcome = outcome.unwrap();
        let chunks = items.div_ceil(2);
        assert_eq!(
            (outcome.items(), outcome.chunks()),
            (items, chunks),
            "{keys} keys"
        );
        let pauses = Duration::from_secs(chunks.saturating_sub(1));
        assert_eq!(outcome.elapsed(), pauses, "{keys} keys");
        let ends = told.iter().filter(|(is_done, _)| *is_done).count();
        assert_eq!(
            (ends, told.last()),
            (1, Some(&(true, Some(1.0)))),
            "{keys} keys"
        );
        let at = lab.store.at("job");
        assert_eq!(
            (at.is_done(), at.position().is_some()),
            (true, items > 0),
            "{keys} keys"
        );
    }
}

#[test]
fn a_stop_finishes_the_chunk_and_the_next_run_goes_on() {
    let lab = Lab::new(0..10);
    let mut seen = Vec::new();
    let outcome = lab.job(4).run(|_, items| {
        lab.stop.request();
        seen.extend_from_slice(items);
        Ok(())
    });
    assert_eq!(outcome.unwrap().ended(), Ended::Stopped);
    assert_eq!(seen, [0, 1, 2, 3]);
    // Already asked to.
    let (rest, run) = collect(lab.job(4));
    assert!(rest.is_empty() && run.unwrap().ended() == Ended::Stopped);
    assert_eq!(collect(lab.again().job(5)).0, [4, 5, 6, 7, 8, 9]);
    assert_eq!(lab.store.at("job").run(), 3);
}

#[test]
fn any_of_several_stops_counts_and_a_job_that_is_done_by_then_says_so() {
    for (which, (size, ended)) in [
        (0, (1, Ended::Stopped)),
        (1, (1, Ended::Stopped)),
        (1, (4, Ended::Done)),
    ] {
        let (lab, another) = (Lab::new(0..4), Stop::new());
        let job = || lab.job(size).stop_on(&another);
        let outcome = job().run(|_, _| {
            [&lab.stop, &another][which].request();
            Ok(())
        });
        let outcome = outcome.unwrap();
        assert_eq!((outcome.ended(), outcome.items()), (ended, size as u64));
        assert_eq!(collect(job()).1.unwrap().ended(), ended);
    }
}

#[test]
fn a_repeated_job_starts_anew_only_where_it_was_done_and_then_with_any_walk() {
    let lab = Lab::new(0..4);
    let run = lab.job(2).repeated().run(|_, _| {
        lab.stop.request();
        Ok(())
    });
    assert!(!run.unwrap().is_done());
    let lab = lab.again();
    assert_eq!(collect(lab.job(2).repeated()).0, [2, 3]);
    assert_eq!(lab.store.at("job").items(), 4);
    lab.numbers.keys.borrow_mut().insert(9);
    assert_eq!(collect(lab.job(9).repeated()).0, [0, 1, 2, 3, 9]);
    let at = lab.store.at("job");
    assert_eq!((at.items(), at.run(), at.position()), (5, 3, Some("9")));
    let down = lab.job_over(lab.walk(2).descending());
    assert_eq!(collect(down.repeated()).0, [9, 3, 2, 1, 0]);
}

#[test]
fn a_live_walks_job_is_never_done_and_does_what_was_appended() {
    let lab = Lab::new(0..3);
    let live = || lab.job_over(lab.walk(512).live());
    assert_eq!(collect(live()).0, [0, 1, 2]);
    assert!(collect(live()).0.is_empty());
    lab.numbers.keys.borrow_mut().extend([5, 6]);
    let (seen, run) = collect(live());
    assert_eq!(seen, [5, 6]);
    assert!(!run.unwrap().checkpoint().unwrap().is_done());
    assert_eq!(lab.store.at("job").share(), None);
}

#[test]
fn a_job_that_is_reset_starts_anew() {
    let mut lab = Lab::new(0..3);
    assert!(!lab.store.reset("job").unwrap());
    assert!(collect(lab.job(2)).1.unwrap().is_done());
    assert_eq!(lab.store.list().unwrap().len(), 1);
    assert!(lab.store.reset("job").unwrap());
    assert_eq!(collect(lab.job(2)).0, [0, 1, 2]);
    assert_eq!(lab.store.at("job").run(), 1);
}
