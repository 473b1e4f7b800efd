//! Pauses, ceilings, holds, deadlines, and what ends a wait.

use std::time::Duration;

use keywalk_job::{Pace, StopReason};

use crate::lab::{Lab, NumbersJob, Says, collect, delays, millis};
use crate::shared::Shared;

#[test]
fn a_chunk_begins_when_pause_ceiling_hold_and_deadline_let_it() {
    // In milliseconds, and when each of three chunks of two items begins, if it takes 100.
    const NO: u64 = 0;
    type Case = (&'static str, u64, f64, f64, u64, &'static [u64]);
    let cases: [Case; 11] = [
        ("a pause", 250, 0.0, 0.0, NO, &[0, 350, 700]),
        ("a share of the work", 0, 0.25, 0.0, NO, &[0, 125, 250]),
        ("the longer: the share", 10, 4.0, 4.0, NO, &[0, 500, 1000]),
        (
            "the longer: not the share",
            250,
            0.25,
            0.0,
            NO,
            &[0, 350, 700],
        ),
        ("a ceiling with the work", 0, 0.0, 4.0, NO, &[0, 500, 1000]),
        ("a high one", 0, 0.0, 1e9, NO, &[0, 100, 200]),
        ("the longer: the pause", 700, 0.0, 4.0, NO, &[0, 800, 1600]),
        ("the longer: the ceiling", 10, 0.0, 4.0, NO, &[0, 500, 1000]),
        // Chunks of a second's worth: up to two items, and one at least.
        ("a ceiling of two", 0, 0.0, 1.25, NO, &[0, 1600, 3200]),
        (
            "a ceiling of less than one",
            0,
            0.0,
            0.1,
            15_000,
            &[0, 10_000],
        ),
        ("the deadline", 0, 0.0, 0.0, 150, &[0, 100]),
    ];
    for (name, pause, ratio, rate, deadline, expected) in cases {
        let lab = Lab::new(0..6);
        // Not from 0, where a deadline could be taken for a time; and the longest one is none.
        let began = Duration::from_secs(1000);
        lab.clock.pass(began);
        let job = lab.job(2).pause(millis(pause)).pause_ratio(ratio);
        let job = match deadline {
            NO => job.deadline(Duration::MAX),
            deadline => job.deadline(millis(deadline)),
        };
        let job = match rate {
            0.0 => job,
            rate => job.max_items_per_second(rate),
        };
        let mut starts = Vec::new();
        let outcome = job.run(|_, _| {
            starts.push((lab.clock.now() - began).as_millis() as u64);
            lab.clock.pass(millis(100));
            Ok(())
        });
        let outcome = outcome.unwrap();
        assert_eq!(starts, expected, "{name}");
        let items = if rate == 0.1 { 2 } else { 2 * starts.len() };
        assert_eq!(outcome.items(), items as u64, "{name}");
        let (ended, elapsed) = match deadline {
            // Nothing is waited for after the end.
            NO => (StopReason::Done, expected[2] + 100),
            deadline => (StopReason::Deadline, deadline.max(200)),
        };
        assert_eq!(outcome.stop_reason(), ended, "{name}");
        assert_eq!(outcome.elapsed(), millis(elapsed), "{name}");
    }
}

#[test]
fn a_hold_is_asked_once_a_chunk_and_until_it_says_nothing() {
    let lab = Lab::new(0..4);
    let (asked, mut answers) = (Shared::default(), vec![None, Some(300), Some(200), None]);
    let job = lab.job(2).throttle_with(|progress| {
        Vec::push(
            &mut asked.borrow_mut(),
            (lab.clock.now().as_millis(), progress.items()),
        );
        answers.pop().flatten().map(millis)
    });
    assert!(collect(job).1.unwrap().is_done());
    let expected = [(0, 0), (0, 2), (200, 2), (500, 2)];
    assert_eq!(asked.take(), expected);
}

/// Each change is made by the function, as another thread would.
#[test]
fn a_pace_that_is_changed_holds_from_the_next_chunk_on_and_none_is_the_jobs_own() {
    let lab = Lab::new(0..20);
    let (pace, mut chunks) = (Pace::new(), Vec::new());
    let job = lab.job(2).pause(millis(10)).pace(&pace.clone());
    let outcome = job.run(|_, items| {
        chunks.push((items.len(), lab.clock.now().as_millis()));
        lab.clock.pass(millis(100));
        match chunks.len() {
            1 => pace.set_chunk_size(3),
            2 => pace.set_pause(millis(200)),
            3 => pace.set_pause_ratio(3.0),
            4 => pace.set_max_items_per_second(2.0),
            5 => {
                pace.set_pause(None);
                pace.set_pause_ratio(None);
                pace.set_chunk_size(None);
            }
            _ => pace.set_max_items_per_second(None),
        }
        Ok(())
    });
    assert!(outcome.unwrap().is_done());
    let expected = [
        (2, 0),
        (3, 110),
        (3, 410),
        (3, 810),
        (2, 2310),
        (2, 3310),
        (2, 3420),
    ];
    assert_eq!(chunks[..7], expected);
}

/// By the time of day of the first run, whatever passes between the runs.
#[test]
fn a_total_deadline_counts_from_the_first_run_and_from_the_start_of_one_that_starts_over() {
    let lab = Lab::new(0..6);
    let run = |says: Says| {
        let job = says(lab.job(2).total_deadline(Duration::from_secs(10)));
        let ran = job.run(|_, _| {
            lab.clock.pass(Duration::from_secs(4));
            Ok(())
        });
        let outcome = ran.unwrap();
        (outcome.stop_reason(), outcome.items())
    };
    let now = |job: NumbersJob<'static>| job.deadline(Duration::from_secs(1));
    lab.clock.pass(Duration::from_secs(1000));
    assert_eq!(run(now), (StopReason::Deadline, 2));
    lab.clock.pass(Duration::from_secs(5));
    assert_eq!(run(|job| job), (StopReason::TotalDeadline, 2));
    assert_eq!(run(now), (StopReason::TotalDeadline, 0), "it did nothing");
    assert_eq!(collect(lab.job(2)).0, [4, 5]);
    assert_eq!(run(|job| job), (StopReason::Done, 0));
    assert_eq!(run(|job| job.restart_when_done()), (StopReason::Done, 6));
}

#[test]
#[should_panic(expected = "the rate must be above 0")]
fn a_rate_is_above_0() {
    drop(Lab::new([]).job(1).max_items_per_second(f64::NAN));
}

/// A stop within 20 milliseconds, the deadline at once.
#[test]
fn every_wait_ends_with_a_stop_or_the_deadline_and_what_was_done_is_told() {
    const LONG: Duration = Duration::from_secs(3600);
    let at = Duration::from_secs(2);
    // Slower than time can tell.
    const SLOW: f64 = f64::MIN_POSITIVE;
    fn spins<'a>(job: NumbersJob<'a>) -> NumbersJob<'a> {
        let mut asked = 0;
        job.throttle_with(move |_| {
            asked += 1;
            assert!(asked <= 2000, "a millisecond at least");
            Some(Duration::ZERO)
        })
    }
    // With the operation of the store that fails, and how many items are done before.
    let waits: [(&str, Says, Option<usize>, u64); 9] = [
        ("between two chunks", |job| job.pause(LONG), None, 2),
        (
            "for the rate",
            |job| job.max_items_per_second(SLOW),
            None,
            1,
        ),
        ("on hold", |job| job.throttle_with(|_| Some(LONG)), None, 0),
        ("on hold by no time", spins, None, 0),
        ("for another try", |job| job, None, 0),
        ("for the lease", |job| job.wait_for_lease(), None, 0),
        ("for checkpoints, at the start", |job| job, Some(0), 0),
        ("for checkpoints, at a commit", |job| job, Some(5), 0),
        ("for checkpoints, later", |job| job, Some(6), 2),
    ];
    for ((name, says, fails_in, items), ended) in waits
        .into_iter()
        .flat_map(|wait| [(wait, StopReason::Stopped), (wait, StopReason::Deadline)])
    {
        let mut lab = Lab::new(0..6);
        let lease = keywalk_job::Leases::lease(&mut lab.store, "job").unwrap();
        let _lease = lease.filter(|_| name == "for the lease");
        if let Some(fails_in) = fails_in {
            lab.store.breaks_for_a_while(fails_in);
        }
        let job = says(lab.job(2)).retry(delays(1).with_delay(LONG), |_| true);
        let job = match ended {
            StopReason::Deadline => job.deadline(at),
            _ => {
                lab.stop_at(at);
                job
            }
        };
        let outcome = job.run(|_, _| match name {
            "for another try" => Err("bad".into()),
            _ => Ok(()),
        });
        let outcome = outcome.unwrap();
        assert_eq!(
            (outcome.stop_reason(), outcome.items()),
            (ended, items),
            "{name}"
        );
        let late = outcome.elapsed().checked_sub(at);
        let most = if ended == StopReason::Stopped { 20 } else { 0 };
        assert!(
            late.is_some_and(|late| late <= millis(most)),
            "{name}: {late:?}"
        );
        let retries = u64::from(fails_in.is_some() || name == "for another try");
        assert_eq!(outcome.retries(), retries, "{name}");
        let stands = outcome.checkpoint().map(|checkpoint| checkpoint.items());
        let has_begun = name != "for the lease" && fails_in != Some(0);
        assert_eq!(stands, has_begun.then_some(items), "{name}");
    }
}
