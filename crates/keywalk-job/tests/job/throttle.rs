//! Pauses, ceilings and holds.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use keywalk::Walk;
use keywalk_job::{Ended, Job, Stop};

use crate::clock::TestClock;
use crate::numbers::Numbers;
use crate::store::Store;

fn job<'a>(keys: u32, size: usize, clock: &TestClock) -> Job<'a, Numbers, Store> {
    let walk = Walk::new(Numbers::new(0..keys)).chunk_size(size);
    Job::new("slow", walk, Store::default()).clock(clock.clone())
}

/// When each chunk began, in milliseconds; each takes 100.
fn starts(job: Job<'_, Numbers, Store>, clock: &TestClock) -> Vec<u128> {
    let mut starts = Vec::new();
    let outcome = job.run(|_, _| {
        starts.push(keywalk_job::Clock::now(clock).as_millis());
        clock.pass(Duration::from_millis(100));
        Ok(())
    });
    assert!(outcome.unwrap().is_done());
    starts
}

#[test]
fn a_pause_is_made_between_two_chunks() {
    let clock = TestClock::default();
    let job = job(6, 2, &clock).pause(Duration::from_millis(250));
    assert_eq!(starts(job, &clock), [0, 350, 700]);
}

#[test]
fn a_ceiling_counts_from_the_beginning_of_a_chunk() {
    let clock = TestClock::default();
    // Five items may take half a second, the work's time included.
    let limited = job(12, 5, &clock).most_per_second(10.0);
    assert_eq!(starts(limited, &clock), [0, 500, 1000]);
    let clock = TestClock::default();
    let unhurried = job(12, 5, &clock).most_per_second(1e9);
    assert_eq!(starts(unhurried, &clock), [0, 100, 200]);
}

#[test]
fn a_ceiling_makes_chunks_of_a_seconds_worth() {
    for (rate, second) in [(2.5, 3), (0.1, 1), (100.0, 12)] {
        let mut chunks = Vec::new();
        let clock = TestClock::default();
        let job = job(12, 12, &clock).most_per_second(rate);
        let outcome = job.run(|_, items| {
            chunks.push(items.len());
            Ok(())
        });
        assert!(outcome.unwrap().is_done());
        assert_eq!(
            (chunks[0], chunks.iter().sum()),
            (second, 12),
            "{rate} a second"
        );
    }
}

#[test]
fn the_longer_of_pause_and_ceiling_counts() {
    for (pause, rate, second) in [(700, 10.0, 800), (10, 10.0, 500)] {
        let clock = TestClock::default();
        let job = job(10, 5, &clock)
            .pause(Duration::from_millis(pause))
            .most_per_second(rate);
        assert_eq!(starts(job, &clock), [0, second]);
    }
}

#[test]
fn a_rate_that_is_slower_than_time_can_tell_holds_until_the_deadline() {
    let clock = TestClock::default();
    let job = job(10, 5, &clock)
        .most_per_second(f64::MIN_POSITIVE)
        .deadline(Duration::from_secs(30));
    let outcome = job.run(|_, _| Ok(())).unwrap();
    assert_eq!((outcome.ended(), outcome.chunks()), (Ended::Deadline, 1));
}

#[test]
#[should_panic(expected = "the rate must be above 0")]
fn a_rate_is_above_0() {
    drop(job(1, 1, &TestClock::default()).most_per_second(f64::NAN));
}

#[test]
fn a_hold_is_asked_until_it_says_nothing() {
    let clock = TestClock::default();
    let mut answers = vec![None, Some(300), Some(200), None];
    let asked = Rc::new(RefCell::new(Vec::new()));
    let told = Rc::clone(&asked);
    let job = job(4, 2, &clock).hold_while(move |progress| {
        told.borrow_mut().push(progress.items());
        answers.pop().flatten().map(Duration::from_millis)
    });
    // The first question is for the last key.
    assert_eq!(starts(job, &clock), [500, 600]);
    assert_eq!(*asked.borrow(), [0, 0, 0, 0, 2]);
}

#[test]
fn a_hold_without_end_yields_to_a_stop_and_doesnt_spin() {
    let clock = TestClock::default();
    let stop = Stop::new();
    let mut asked = 0;
    let job = job(4, 2, &clock).stop_on(&stop).hold_while(|_| {
        asked += 1;
        if asked == 50 {
            stop.request();
        }
        Some(Duration::ZERO)
    });
    let outcome = job.run(|_, _| Ok(())).unwrap();
    assert_eq!(outcome.ended(), Ended::Stopped);
    assert_eq!(outcome.elapsed(), Duration::from_millis(49));
}

#[test]
fn a_long_pause_is_left_within_20_milliseconds_of_a_stop() {
    let clock = TestClock::default();
    let stop = Stop::new();
    let asked = stop.clone();
    clock.on_sleep(move |now| {
        if now >= Duration::from_secs(2) {
            asked.request();
        }
    });
    let job = job(4, 2, &clock)
        .stop_on(&stop)
        .pause(Duration::from_secs(3600));
    let outcome = job.run(|_, _| Ok(())).unwrap();
    assert_eq!((outcome.ended(), outcome.items()), (Ended::Stopped, 2));
    assert!(outcome.elapsed() <= Duration::from_millis(2020));
}
