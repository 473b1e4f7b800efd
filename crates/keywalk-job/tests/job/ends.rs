//! How runs end, and what the next one does.

use std::collections::BTreeSet;
use std::time::Duration;

use keywalk_job::{Stop, StopReason};

use crate::lab::{Lab, attempt, collect};

#[test]
fn a_job_that_is_done_does_nothing_more_asks_nothing_and_tells_the_run_that_did_it() {
    let lab = Lab::new(0..10);
    let (seen, run) = collect(lab.job(3));
    assert_eq!((seen.len(), run.unwrap().chunks()), (10, 4));
    let (asked, commits) = (lab.numbers.asked.get(), lab.store.get().commits);
    let mut told = Vec::new();
    let again = lab.job(3).pause(Duration::from_secs(5));
    let (seen, run) =
        collect(again.on_progress(|progress| told.push((progress.is_done(), progress.fraction()))));
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
        let job = job.on_progress(|progress| told.push((progress.is_done(), progress.fraction())));
        let outcome = job.run(|_, items| {
            change(&mut lab.numbers.keys.borrow_mut(), items[0]);
            Ok(())
        });
        let (outcome, chunks) = (outcome.unwrap(), items.div_ceil(2));
        assert_eq!(outcome.items(), items, "{keys} keys");
        assert_eq!(outcome.chunks(), chunks, "{keys} keys");
        let pauses = Duration::from_secs(chunks.saturating_sub(1));
        assert_eq!(outcome.elapsed(), pauses, "{keys} keys");
        let (end, before) = told.split_last().unwrap();
        assert_eq!(*end, (true, Some(1.0)), "{keys} keys");
        assert!(before.iter().all(|(is_done, _)| !is_done), "{keys} keys");
        let at = lab.store.at("job");
        assert!(at.is_done() && at.position().is_some() == (items > 0));
    }
}

#[test]
fn any_stop_finishes_the_chunk_and_the_next_run_goes_on_unless_the_job_is_done() {
    for (size, which, ended) in [
        (4, 0, StopReason::Stopped),
        (4, 1, StopReason::Stopped),
        (10, 0, StopReason::Done),
    ] {
        let (lab, another) = (Lab::new(0..10), Stop::new());
        let job = || lab.job(size).stop_on(&another);
        let (seen, run) = attempt(job(), |_, _| {
            [&lab.stop, &another][which].request();
            None
        });
        assert_eq!((seen.len(), run.unwrap().stop_reason()), (1, ended));
        // Already asked to.
        let (rest, run) = collect(job());
        assert!(rest.is_empty() && run.unwrap().stop_reason() == ended);
        let rest = collect(lab.again().job(5)).0;
        assert!(rest.into_iter().eq(size as u32..10));
        let runs = if ended == StopReason::Done { 1 } else { 3 };
        assert_eq!(lab.store.at("job").run(), runs);
    }
}

#[test]
fn a_repeated_job_starts_over_only_where_it_was_done_and_then_with_any_walk() {
    let lab = Lab::new(0..4);
    let run = lab.job(2).restart_when_done().run(|_, _| {
        lab.stop.request();
        Ok(())
    });
    assert!(!run.unwrap().is_done());
    let lab = lab.again();
    assert_eq!(collect(lab.job(2).restart_when_done()).0, [2, 3]);
    assert_eq!(lab.store.at("job").items(), 4);
    lab.numbers.keys.borrow_mut().insert(9);
    assert_eq!(collect(lab.job(9).restart_when_done()).0, [0, 1, 2, 3, 9]);
    let at = lab.store.at("job");
    assert_eq!((at.items(), at.run(), at.position()), (5, 3, Some("9")));
    let down = lab.job_over(lab.walk(2).descending());
    assert_eq!(collect(down.restart_when_done()).0, [9, 3, 2, 1, 0]);
}

#[test]
fn a_live_walks_job_is_never_done_and_does_what_was_appended() {
    let lab = Lab::new(0..3);
    let live = || lab.job_over(lab.walk(512).unbounded());
    assert_eq!(collect(live()).0, [0, 1, 2]);
    assert!(collect(live()).0.is_empty());
    lab.numbers.keys.borrow_mut().extend([5, 6]);
    let (seen, run) = collect(live());
    assert_eq!(seen, [5, 6]);
    assert!(!run.unwrap().checkpoint().unwrap().is_done());
    assert_eq!(lab.store.at("job").fraction(), None);
}
