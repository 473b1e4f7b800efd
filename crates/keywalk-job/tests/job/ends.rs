//! How runs end, and what the next one does.

use std::time::Duration;

use keywalk::Walk;
use keywalk_job::{Checkpoints, Ended, Error, Job, Outcome, Stop};

use crate::clock::TestClock;
use crate::numbers::{Broken, Numbers};
use crate::store::{Failed, Store};

type Run = Result<Outcome, Error<Broken, Failed>>;

fn job<'a>(numbers: &Numbers, size: usize, store: &Store) -> Job<'a, Numbers, Store> {
    let walk = Walk::new(numbers.clone()).chunk_size(size);
    Job::new("ends", walk, store.clone())
}

fn collect(job: Job<'_, Numbers, Store>) -> (Vec<u32>, Run) {
    let mut seen = Vec::new();
    let run = job.run(|_, items| {
        seen.extend_from_slice(items);
        Ok(())
    });
    (seen, run)
}

#[test]
fn a_job_that_is_done_does_nothing_more_and_asks_nothing() {
    let (numbers, store) = (Numbers::new(0..10), Store::default());
    let (seen, run) = collect(job(&numbers, 3, &store));
    assert_eq!((seen.len(), run.unwrap().chunks()), (10, 4));
    let (asked, commits) = (numbers.asked.get(), store.get().commits);
    let mut told = Vec::new();
    let again = job(&numbers, 3, &store)
        .pause(Duration::from_secs(5))
        .on_progress(|progress| told.push((progress.is_done(), progress.share())))
        .clock(TestClock::default());
    let (seen, run) = collect(again);
    let outcome = run.unwrap();
    assert!(seen.is_empty() && outcome.is_done());
    assert_eq!(outcome.elapsed(), Duration::ZERO, "nothing to wait for");
    assert_eq!(told, [(true, Some(1.0))]);
    assert_eq!((numbers.asked.get(), store.get().commits), (asked, commits));
}

#[test]
fn the_end_is_told_once_and_nothing_is_waited_for_after_it() {
    for keys in [0, 1, 6, 7] {
        let (numbers, store) = (Numbers::new(0..keys), Store::default());
        let clock = TestClock::default();
        let mut told = Vec::new();
        let job = job(&numbers, 3, &store)
            .pause(Duration::from_secs(1))
            .clock(clock)
            .on_progress(|progress| told.push(progress.is_done()));
        let outcome = collect(job).1.unwrap();
        let chunks = u64::from(keys.div_ceil(3));
        assert_eq!(outcome.chunks(), chunks);
        assert_eq!(told.iter().filter(|done| **done).count(), 1, "{keys} keys");
        assert_eq!(told.last(), Some(&true));
        let pauses = Duration::from_secs(chunks.saturating_sub(1));
        assert_eq!(outcome.elapsed(), pauses, "{keys} keys");
    }
}

#[test]
fn a_stop_finishes_the_chunk_and_the_next_run_goes_on() {
    let (numbers, store, stop) = (Numbers::new(0..10), Store::default(), Stop::new());
    let mut seen = Vec::new();
    let outcome = job(&numbers, 4, &store).stop_on(&stop).run(|_, items| {
        stop.request();
        seen.extend_from_slice(items);
        Ok(())
    });
    assert_eq!(outcome.unwrap().ended(), Ended::Stopped);
    assert_eq!(seen, [0, 1, 2, 3]);
    // Already asked to.
    let (rest, run) = collect(job(&numbers, 4, &store).stop_on(&stop));
    assert!(rest.is_empty() && run.unwrap().ended() == Ended::Stopped);
    assert_eq!(collect(job(&numbers, 5, &store)).0, [4, 5, 6, 7, 8, 9]);
    assert_eq!(store.at("ends").run(), 3);
}

#[test]
fn a_stop_during_the_last_chunk_does_not_hide_that_the_job_is_done() {
    let (numbers, store, stop) = (Numbers::new(0..4), Store::default(), Stop::new());
    let outcome = job(&numbers, 4, &store).stop_on(&stop).run(|_, _| {
        stop.request();
        Ok(())
    });
    assert_eq!(outcome.unwrap().ended(), Ended::Done);
    let (_, run) = collect(job(&numbers, 4, &store).stop_on(&stop));
    assert_eq!(run.unwrap().ended(), Ended::Done);
}

#[test]
fn any_of_several_stops_counts() {
    for which in 0..2 {
        let stops = [Stop::new(), Stop::new()];
        let job = job(&Numbers::new(0..4), 1, &Store::default());
        let job = job.stop_on(&stops[0]).stop_on(&stops[1]);
        let outcome = job.run(|_, _| {
            stops[which].request();
            Ok(())
        });
        assert_eq!(outcome.unwrap().items(), 1);
    }
}

#[test]
fn no_chunk_begins_after_the_deadline() {
    let (numbers, store, clock) = (Numbers::new(0..10), Store::default(), TestClock::default());
    clock.pass(Duration::from_secs(1000));
    let job = job(&numbers, 1, &store)
        .clock(clock.clone())
        .deadline(Duration::from_secs(5));
    let outcome = job.run(|_, _| {
        clock.pass(Duration::from_secs(2));
        Ok(())
    });
    let outcome = outcome.unwrap();
    assert_eq!((outcome.ended(), outcome.items()), (Ended::Deadline, 3));
    assert_eq!(outcome.elapsed(), Duration::from_secs(6));
}

#[test]
fn a_pause_ends_at_the_deadline_and_the_longest_deadline_is_none() {
    let (numbers, store, clock) = (Numbers::new(0..3), Store::default(), TestClock::default());
    let paused = |deadline| {
        job(&numbers, 1, &store)
            .clock(clock.clone())
            .pause(Duration::from_secs(60))
            .deadline(deadline)
    };
    let outcome = collect(paused(Duration::from_secs(1))).1.unwrap();
    assert_eq!(outcome.ended(), Ended::Deadline);
    assert_eq!(outcome.elapsed(), Duration::from_secs(1));
    let outcome = collect(paused(Duration::MAX)).1.unwrap();
    assert_eq!((outcome.ended(), outcome.items()), (Ended::Done, 2));
}

#[test]
fn a_repeated_job_starts_anew_only_where_it_was_done() {
    let (numbers, store, stop) = (Numbers::new(0..4), Store::default(), Stop::new());
    let run = job(&numbers, 2, &store)
        .repeated()
        .stop_on(&stop)
        .run(|_, _| {
            stop.request();
            Ok(())
        });
    assert!(!run.unwrap().is_done());
    assert_eq!(collect(job(&numbers, 2, &store).repeated()).0, [2, 3]);
    assert_eq!(store.at("ends").items(), 4);
    numbers.keys.borrow_mut().insert(9);
    assert_eq!(
        collect(job(&numbers, 9, &store).repeated()).0,
        [0, 1, 2, 3, 9]
    );
    let at = store.at("ends");
    assert_eq!((at.items(), at.run(), at.position()), (5, 3, Some("9")));
}

#[test]
fn a_live_walks_job_is_never_done_and_does_what_was_appended() {
    let (numbers, store) = (Numbers::new(0..3), Store::default());
    let live = || {
        let walk = Walk::new(numbers.clone()).live();
        Job::new("live", walk, store.clone())
    };
    assert_eq!(collect(live()).0, [0, 1, 2]);
    assert!(collect(live()).0.is_empty());
    numbers.keys.borrow_mut().extend([5, 6]);
    let (seen, run) = collect(live());
    assert_eq!(seen, [5, 6]);
    assert!(!run.unwrap().checkpoint().unwrap().is_done());
    assert_eq!(store.at("live").share(), None);
}

#[test]
fn what_is_appended_during_a_run_is_left_to_a_later_job() {
    let (numbers, store) = (Numbers::new(0..3), Store::default());
    let keys = numbers.keys.clone();
    let mut seen = Vec::new();
    let run = job(&numbers, 1, &store).run(|_, items| {
        keys.borrow_mut().insert(items[0] + 10);
        seen.extend_from_slice(items);
        Ok(())
    });
    assert!(run.unwrap().is_done());
    assert_eq!(seen, [0, 1, 2]);
}

#[test]
fn a_job_whose_last_rows_are_deleted_meanwhile_is_done() {
    let (numbers, store) = (Numbers::new(0..9), Store::default());
    let keys = numbers.keys.clone();
    let mut done = 0;
    let run = job(&numbers, 2, &store)
        .on_progress(|progress| done += usize::from(progress.is_done()))
        .run(|_, _| {
            keys.borrow_mut().retain(|key| *key < 3);
            Ok(())
        });
    let outcome = run.unwrap();
    assert!(outcome.is_done() && outcome.items() == 3);
    assert_eq!(done, 1);
    assert!(store.at("ends").is_done());
}

#[test]
fn a_job_that_is_reset_starts_anew() {
    let (numbers, mut store) = (Numbers::new(0..3), Store::default());
    assert!(!store.reset("ends").unwrap());
    assert!(collect(job(&numbers, 2, &store)).1.unwrap().is_done());
    assert_eq!(store.list().unwrap().len(), 1);
    assert!(store.reset("ends").unwrap());
    assert_eq!(collect(job(&numbers, 2, &store)).0, [0, 1, 2]);
    assert_eq!(store.at("ends").run(), 1);
}
