//! How runs end, and what the next one does.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::time::Duration;

use keywalk_job::{Error, Next, Stop, StopReason};

use crate::lab::{Lab, Run, attempt, collect, delays};
use crate::numbers::Numbers;

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

/// Of ten numbers, in chunks of four or one by one where failures are skipped. Returns how the run ended whose
/// function did `done` numbers of the call with 5 and returned `next`.
fn keep(lab: &Lab, skips: bool, next: Next, done: usize) -> Run {
    let job = lab.job(4);
    let job = if skips { job.skip_failures() } else { job };
    let mut next = Some(next);
    job.run(|effects, items| {
        let next = next.take_if(|_| items.contains(&5));
        let done = if next.is_some() { done } else { items.len() };
        items[..done]
            .iter()
            .for_each(|number| effects.done(*number));
        Ok(next.unwrap_or(Next::go_on()))
    })
}

#[test]
fn the_function_keeps_what_it_did_of_a_chunk_and_goes_on_ends_the_run_or_ends_the_job() {
    use StopReason::{Done, Stopped};
    // Whether failures are skipped, how many numbers of the call are done, and the next number.
    let cases: [(bool, Next, usize, u32, StopReason); 10] = [
        (false, Next::go_on().after(2), 2, 10, Done),
        (false, Next::stop(), 4, 8, Stopped),
        (false, Next::stop().after(3), 3, 7, Stopped),
        (false, Next::stop().after(0), 0, 4, Stopped),
        (false, Next::finish(), 4, 8, Done),
        (false, Next::finish().after(1), 1, 5, Done),
        (true, Next::stop(), 1, 6, Stopped),
        (true, Next::stop().after(0), 0, 5, Stopped),
        (true, Next::finish(), 1, 6, Done),
        (true, Next::finish().after(0), 0, 5, Done),
    ];
    for (skips, next, done, end, ended) in cases {
        let lab = Lab::new(0..10);
        let outcome = keep(&lab, skips, next, done).unwrap();
        assert_eq!(outcome.stop_reason(), ended, "{next:?}");
        assert_eq!(outcome.items(), u64::from(end), "{next:?}");
        assert!(
            lab.store.get().published.keys().copied().eq(0..end),
            "{next:?}"
        );
        let at = lab.store.at("job");
        assert_eq!((at.items(), at.is_done()), (u64::from(end), ended == Done));
        assert_eq!(at.chunks(), outcome.chunks(), "{next:?}");
        let rest = if ended == Done { 10 } else { end };
        assert!(
            collect(lab.again().job(4)).0.into_iter().eq(rest..10),
            "{next:?}"
        );
        assert_eq!(collect(lab.job(4).restart_when_done()).0.len(), 10);
    }
}

#[test]
fn a_job_that_its_function_finished_goes_on_to_a_later_end() {
    let lab = Lab::new(0..10);
    let run = lab
        .job_over(lab.walk(4).range(..8))
        .run(|_, _| Ok(Next::finish().after(3)));
    assert_eq!(run.unwrap().stop_reason(), StopReason::Done);
    let job = |end| lab.job_over(lab.walk(4).range(..end)).extend_range();
    assert!(collect(job(8)).0.is_empty());
    assert_eq!(collect(job(9)).0, [3, 4, 5, 6, 7, 8]);
}

#[test]
fn a_count_of_items_that_the_batch_does_not_have_or_of_none_is_an_error_and_undoes_the_chunk() {
    for (skips, next, says) in [
        (
            false,
            Next::stop().after(5),
            "`Next::after(5)` for a batch of 4 items; return at most 4",
        ),
        (false, Next::go_on().after(0), "`Next::go_on().after(0)`"),
        (
            true,
            Next::finish().after(2),
            "`Next::after(2)` for a batch of 1 items; return at most 1",
        ),
        (true, Next::go_on().after(0), "`Next::go_on().after(0)`"),
    ] {
        let lab = Lab::new(0..10);
        let error = keep(&lab, skips, next, 1).unwrap_err();
        assert!(matches!(error, Error::InvalidNext { .. }), "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert!(lab.store.get().published.keys().eq(&[0, 1, 2, 3]));
    }
}

/// The batches' numbers, ranges, and what was done before.
#[test]
fn a_batch_knows_its_number_its_keys_and_the_progress_before_it() {
    use Bound::{Excluded, Included, Unbounded};
    let chunks = [
        (1, Unbounded, Included(3), 0),
        (2, Excluded(3), Included(13), 2),
        (3, Excluded(13), Included(14), 4),
    ];
    let items = [
        (1, Unbounded, Included(0), 0),
        (1, Excluded(0), Included(3), 0),
        (2, Excluded(3), Included(10), 2),
        (2, Excluded(10), Included(13), 2),
        (3, Excluded(13), Included(14), 4),
    ];
    for (skips, down) in [(false, false), (true, false), (false, true)] {
        let keys = [0, 3, 10, 13, 14].map(|key| if down { 20 - key } else { key });
        let lab = Lab::of(Numbers::new(keys.into_iter().chain([12])).filter(|key| key != 12));
        let walk = lab.walk(2);
        let job = lab.job_over(if down { walk.descending() } else { walk });
        let job = if skips { job.skip_failures() } else { job };
        let mut seen = Vec::new();
        let run = job.run(|_, batch| {
            let range = batch.range();
            let up = |key: &u32| if down { 20 - key } else { *key };
            let bounds = (range.start().map(up), range.end().map(up));
            seen.push((batch.number(), bounds.0, bounds.1, batch.progress().items()));
            assert_eq!(
                (batch.first_key(), batch.last_key()),
                (batch[0], batch[batch.len() - 1])
            );
            assert!(batch.into_iter().all(|key| range.may_contain(key)));
            Ok(())
        });
        assert!(run.unwrap().is_done());
        assert_eq!(seen, if skips { &items[..] } else { &chunks[..] }, "{down}");
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

/// Also where items come again: after a retry, one by one, or since the function kept a part of its chunk.
#[test]
fn a_limit_counts_the_items_of_all_runs_and_a_higher_one_lets_the_job_go_on() {
    use StopReason::{Done, Limit};
    for (skips, size) in [(false, 3), (true, 3), (false, 20)] {
        let lab = Lab::new(0..10);
        let mut all = Vec::new();
        let mut fails = true;
        // The limit, how the run ends, and the next number.
        for (limit, ended, next) in [
            (Some(4), Limit, 4),
            (Some(4), Limit, 4),
            (Some(2), Limit, 4),
            (Some(8), Limit, 8),
            (Some(10), Done, 10),
            (None, Done, 10),
        ] {
            let walk = lab.walk(size);
            let job = lab.job_over(match limit {
                Some(limit) => walk.limit(limit),
                None => walk,
            });
            let job = job.retry(delays(9), |_| true);
            let job = if skips { job.skip_failures() } else { job };
            let outcome = job.run(|_, items| {
                fails = !fails;
                if fails {
                    return Err("again".into());
                }
                all.push(items[0]);
                Ok(Next::go_on().after(1))
            });
            assert_eq!(outcome.unwrap().stop_reason(), ended, "{limit:?}");
            assert_eq!(all, Vec::from_iter(0..next), "{limit:?}");
        }
    }
}
