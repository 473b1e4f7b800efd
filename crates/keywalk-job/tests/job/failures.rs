//! What a failure of the function, the source or the store does.

use std::error::Error as _;
use std::time::Duration;

use keywalk::Walk;
use keywalk_job::{BoxError, ConstantBuilder, Ended, Error, Job, Stop};

use crate::clock::TestClock;
use crate::numbers::Numbers;
use crate::store::Store;

fn job<'a>(numbers: &Numbers, size: usize, store: &Store) -> Job<'a, Numbers, Store> {
    let walk = Walk::new(numbers.clone()).chunk_size(size);
    Job::new("work", walk, store.clone())
}

fn delays(times: usize) -> ConstantBuilder {
    ConstantBuilder::new()
        .with_delay(Duration::from_secs(3))
        .with_max_times(times)
}

#[test]
fn a_failure_ends_the_run_and_says_where() {
    let (numbers, store) = (Numbers::new(0..6), Store::default());
    let mut calls = 0;
    let mut fail_at = |at| {
        let run = job(&numbers, 2, &store).run(|_, items| match items.contains(&at) {
            true => Err("bad".into()),
            false => {
                calls += 1;
                Ok(())
            }
        });
        run.unwrap_err()
    };
    let error = fail_at(0);
    assert_eq!(
        error.to_string(),
        "the function of the job \"work\" failed in the chunk of 2 at the start; mend what it failed \
         over and run the job again, or let it skip such items (`Job::skip_failures`) or try again \
         (`Job::retry`)"
    );
    let error = fail_at(3);
    let says = error.to_string();
    assert!(
        says.contains("failed in the chunk of 2 after the key 1; "),
        "{says}"
    );
    assert_eq!(error.source().unwrap().to_string(), "bad");
    assert_eq!(calls, 1);
    assert_eq!(store.at("work").items(), 2);
}

#[test]
fn the_source_and_the_store_fail_by_name() {
    let (numbers, store) = (Numbers::new(0..6), Store::default());
    numbers.fails_in.set(Some(1));
    let error = job(&numbers, 2, &store).run(|_, _| Ok(())).unwrap_err();
    assert!(matches!(&error, Error::Walk { job, .. } if job == "work"));
    assert!(error.to_string().contains("\"work\""), "{error}");
    let said = error.source().unwrap();
    let said = said.source().unwrap_or(said).to_string();
    assert_eq!(said, "the numbers are gone");
    store.get().fails_in = Some(0);
    let error = job(&numbers, 2, &store).run(|_, _| Ok(())).unwrap_err();
    assert!(matches!(&error, Error::Checkpoints { job, .. } if job == "work"));
    assert_eq!(error.source().unwrap().to_string(), "begin failed");
    assert!(
        job(&numbers, 2, &store)
            .run(|_, _| Ok(()))
            .unwrap()
            .is_done()
    );
}

#[test]
fn a_chunk_is_tried_again_after_each_delay_with_nothing_held_and_fetched_anew() {
    let (numbers, store, clock) = (Numbers::new(0..4), Store::default(), TestClock::default());
    let held = store.clone();
    clock.on_sleep(move |_| assert_eq!(held.open_scopes(), 0));
    let mut tries = Vec::new();
    let keys = numbers.keys.clone();
    let run = job(&numbers, 2, &store)
        .clock(clock.clone())
        .retry(delays(2), |error| error.to_string() == "passes")
        .run(|effects, items| {
            tries.push(items.to_vec());
            items.iter().for_each(|number| effects.done(*number));
            if items.contains(&3) && tries.len() < 4 {
                keys.borrow_mut().remove(&2);
                return Err("passes".into());
            }
            Ok(())
        });
    let outcome = run.unwrap();
    assert_eq!(tries, [vec![0, 1], vec![2, 3], vec![3], vec![3]]);
    assert_eq!(outcome.retries(), 2);
    assert_eq!(outcome.elapsed(), Duration::from_secs(6));
    assert!(store.get().published.values().all(|times| *times == 1));
    assert_eq!(outcome.items(), 3);
}

#[test]
fn tries_run_out_and_each_chunk_has_its_own() {
    let (numbers, store) = (Numbers::new(0..4), Store::default());
    let mut tries = Vec::new();
    let mut run = |bad: fn(usize, u32) -> bool| {
        tries.clear();
        let run = job(&numbers, 1, &store)
            .clock(TestClock::default())
            .retry(delays(2), |_| true)
            .run(|_, items| {
                tries.push(items[0]);
                match bad(tries.len(), items[0]) {
                    true => Err("passes".into()),
                    false => Ok(()),
                }
            });
        (tries.clone(), run)
    };
    // Every chunk succeeds at its third try.
    let (tries, outcome) = run(|tries, _| tries % 3 != 0);
    assert_eq!(tries, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]);
    assert_eq!(outcome.unwrap().retries(), 8);
    store.get().checkpoints.clear();
    let (tries, outcome) = run(|_, number| number == 1);
    assert_eq!(tries, [0, 1, 1, 1]);
    assert!(matches!(outcome, Err(Error::Work { .. })));
}

#[test]
fn a_failure_tells_how_often_it_was_tried() {
    let (numbers, store) = (Numbers::new(0..6), Store::default());
    let policy = ConstantBuilder::default().with_max_times(3);
    let clock = TestClock::default();
    let job = job(&numbers, 2, &store).clock(clock.clone());
    let mut good = true;
    let run = job
        .retry(policy, |_| true)
        .run(|_, _| match std::mem::take(&mut good) {
            true => Ok(()),
            false => Err("bad".into()),
        });
    let error = run.unwrap_err();
    assert!(matches!(error, Error::Work { tries: 4, .. }), "{error:?}");
    let says = error.to_string();
    assert!(
        says.contains("failed 4 times in the chunk of 2 after the key 1"),
        "{says}"
    );
}

#[test]
fn what_is_not_worth_it_is_not_tried_again() {
    let (numbers, store) = (Numbers::new(0..4), Store::default());
    let mut tries = 0;
    let run = job(&numbers, 4, &store)
        .retry(delays(2), |error: &BoxError| error.to_string() == "passes")
        .run(|_, _| {
            tries += 1;
            Err("stays".into())
        });
    assert!(matches!(run, Err(Error::Work { items: 4, .. })));
    assert_eq!(tries, 1);
}

#[test]
fn a_stop_or_deadline_between_two_tries_ends_the_run() {
    let (numbers, store, stop) = (Numbers::new(0..4), Store::default(), Stop::new());
    let clock = TestClock::default();
    let asked = stop.clone();
    clock.on_sleep(move |now| {
        if now >= Duration::from_secs(1) {
            asked.request();
        }
    });
    let retried = |deadline| {
        job(&numbers, 4, &store)
            .deadline(Duration::from_secs(deadline))
            .retry(delays(2), |_| true)
    };
    let run = retried(60).clock(clock).stop_on(&stop);
    let outcome = run.run(|_, _| Err("bad".into())).unwrap();
    assert_eq!(outcome.ended(), Ended::Stopped);
    assert_eq!(outcome.elapsed(), Duration::from_secs(1));
    let run = retried(2).clock(TestClock::default());
    let outcome = run.run(|_, _| Err("bad".into())).unwrap();
    assert_eq!(outcome.ended(), Ended::Deadline);
    assert_eq!(outcome.elapsed(), Duration::from_secs(2));
    assert_eq!(store.at("work").items(), 0);
}

#[test]
fn a_skipped_item_is_buried_with_its_error_and_undone_alone() {
    #[derive(Debug)]
    struct Outer(std::num::ParseIntError);
    impl std::fmt::Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("no number")
        }
    }
    impl std::error::Error for Outer {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }
    let (numbers, store) = (Numbers::new(0..6), Store::default());
    store.get().buries = true;
    let run = job(&numbers, 4, &store)
        .skip_failures()
        .run(|effects, items| {
            let [number] = items else {
                panic!("one at a time")
            };
            effects.done(*number);
            match number % 2 {
                0 => Ok(()),
                _ => Err("x".parse::<u8>().map_err(Outer).unwrap_err().into()),
            }
        });
    let outcome = run.unwrap();
    assert_eq!((outcome.items(), outcome.skipped()), (6, 3));
    assert_eq!(store.at("work").skipped(), 3);
    let inner = store.get();
    assert!(inner.published.keys().eq(&[0, 2, 4]), "undone alone");
    let letters: Vec<_> = inner.letters.iter().collect();
    assert_eq!(letters.len(), 3);
    let said = "no number: invalid digit found in string".to_owned();
    assert_eq!(letters[0], (&vec![0, 0, 0, 1], &("1".to_owned(), said)));
}

#[test]
fn a_store_without_a_place_for_letters_stops_the_job() {
    let (numbers, store) = (Numbers::new(0..6), Store::default());
    let mut worked = Vec::new();
    let run = job(&numbers, 4, &store).skip_failures();
    let run = run.run(|_, items| {
        worked.push(items[0]);
        match items[0] {
            4 => Err("bad".into()),
            _ => Ok(()),
        }
    });
    let error = run.unwrap_err();
    let says = error.to_string();
    assert!(says.contains("failed on the item with the key 4"), "{says}");
    // Not at the chunk's end: what comes after it isn't done in vain.
    assert_eq!(worked, [0, 1, 2, 3, 4]);
    assert_eq!(store.at("work").items(), 4);
}

#[test]
fn each_item_has_its_own_tries_and_what_was_done_before_it_is_not_done_again() {
    let (numbers, store) = (Numbers::new(0..4), Store::default());
    store.get().buries = true;
    let mut tries = Vec::new();
    let run = job(&numbers, 4, &store)
        .clock(TestClock::default())
        .skip_failures()
        .retry(delays(2), |_| true)
        .run(|effects, items| {
            tries.push(items[0]);
            effects.done(items[0]);
            // The first always, the third twice.
            match (items[0], tries.len()) {
                (1, _) | (2, ..=6) => Err("bad".into()),
                _ => Ok(()),
            }
        });
    let outcome = run.unwrap();
    assert_eq!(tries, [0, 1, 1, 1, 2, 2, 2, 3]);
    assert_eq!((outcome.skipped(), outcome.retries()), (1, 4));
    let inner = store.get();
    assert!(inner.published.iter().eq([(&0, &1), (&2, &1), (&3, &1)]));
    assert!(inner.letters.keys().eq([&vec![0, 0, 0, 1]]));
}

/// Their chunk is undone once, and then they stand alone.
#[test]
fn items_that_lose_the_scope_have_their_own_tries_too() {
    type Fails = fn(&[u32]) -> Option<&'static str>;
    let cases: [(Fails, &[u32]); 2] = [
        // The third item loses it, twice.
        (
            |calls| (calls.len() != 7 && calls.ends_with(&[2])).then_some("lost"),
            &[0, 1, 2, 0, 1, 2, 2, 3],
        ),
        // The second loses it, then the first fails, which went well before.
        (
            |calls| match calls {
                [0, 1] => Some("lost"),
                [0, 1, 0] => Some("bad"),
                _ => None,
            },
            &[0, 1, 0, 0, 1, 2, 3],
        ),
    ];
    for (fails, expected) in cases {
        let (numbers, store) = (Numbers::new(0..4), Store::default());
        let mut calls = Vec::new();
        let times = if expected.len() == 8 { 2 } else { 1 };
        let run = job(&numbers, 4, &store)
            .clock(TestClock::default())
            .skip_failures()
            .retry(delays(times), |_| true)
            .run(|effects, items| {
                calls.push(items[0]);
                effects.done(items[0]);
                match fails(&calls) {
                    Some(error) => Err(error.into()),
                    None => Ok(()),
                }
            });
        assert!(run.unwrap().is_done());
        assert_eq!(calls, expected);
        assert!(store.get().published.values().eq(&[1; 4]));
    }
}

#[test]
fn more_failures_than_may_be_skipped_end_the_run_and_keep_what_was_done() {
    type NumbersJob<'a> = Job<'a, Numbers, Store>;
    // Which item ends the run where every third one fails, and how many were skipped before it.
    type Limit = fn(NumbersJob<'_>) -> NumbersJob<'_>;
    let limits: [(Limit, u32, u64); 4] = [
        (|job| job.max_skipped(0), 0, 0),
        (|job| job.max_skipped(2), 6, 2),
        (|job| job.max_skipped_ratio(0.5, 1), 0, 0),
        (|job| job.max_skipped_ratio(0.3, 15), 15, 5),
    ];
    for (limited, ends_at, skipped) in limits {
        let (numbers, store) = (Numbers::new(0..20), Store::default());
        store.get().buries = true;
        let attempt = |limited: Limit, is_fixed: bool| {
            limited(job(&numbers, 4, &store)).run(|effects, items| {
                effects.done(items[0]);
                match !is_fixed && items[0] % 3 == 0 {
                    true => Err("bad".into()),
                    false => Ok(()),
                }
            })
        };
        // Again it comes no further.
        for _ in 0..2 {
            let error = attempt(limited, false).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "the function of the job \"work\" failed on the item with the key {ends_at}, after \
                     {skipped} of {ends_at} items were skipped, and no more may be; fix what they failed \
                     over and run the job again, or let it skip more (`Job::max_skipped`, \
                     `Job::max_skipped_ratio`)"
                )
            );
            assert_eq!(error.source().unwrap().to_string(), "bad");
            let inner = store.get();
            assert_eq!(inner.letters.len() as u64, skipped);
            assert_eq!(inner.checkpoints["work"].items(), u64::from(ends_at));
        }
        let more: Limit = |job| job.max_skipped(7).max_skipped_ratio(0.5, 20);
        let (cured, skipped) = match skipped {
            2 => (attempt(more, false), 7),
            _ => (attempt(limited, true), skipped),
        };
        assert!(cured.unwrap().is_done());
        let inner = store.get();
        assert_eq!(inner.published.len() as u64, 20 - skipped);
        assert!(inner.published.values().all(|times| *times == 1));
    }
}

#[test]
fn skipped_items_are_printed() {
    let (numbers, store) = (Numbers::new(0..4), Store::default());
    store.get().buries = true;
    let mut told = String::new();
    let outcome = job(&numbers, 4, &store)
        .clock(TestClock::default())
        .skip_failures()
        .on_progress(|progress| told = progress.to_string())
        .run(|_, items| match items[0] {
            0 => Ok(()),
            _ => Err("bad".into()),
        });
    assert_eq!(
        outcome.unwrap().to_string(),
        "done: 4 items (3 skipped) in 1 chunks, 0.00 s"
    );
    assert_eq!(told, "4 items (3 skipped), 100 %");
}

/// Begins, loads and commits, each of them, at the start and later.
#[test]
fn checkpoints_that_fail_for_a_while_are_waited_out_and_each_effect_happens_once() {
    for fails_in in 0..12 {
        let (numbers, store, clock) = (Numbers::new(0..6), Store::default(), TestClock::default());
        {
            let mut inner = store.get();
            (inner.is_transient, inner.fails_in) = (true, Some(fails_in));
        }
        let held = store.clone();
        clock.on_sleep(move |_| assert_eq!(held.open_scopes(), 0));
        let job = job(&numbers, 2, &store).clock(clock.clone());
        let outcome = job
            .retry(delays(1), |_| false)
            .run(|effects, items| {
                items.iter().for_each(|number| effects.done(*number));
                Ok(())
            })
            .unwrap();
        let failed = u64::from(store.get().fails_in.is_none());
        assert_eq!(outcome.retries(), failed, "{fails_in}");
        assert_eq!(outcome.elapsed(), Duration::from_secs(3 * failed));
        assert_eq!((outcome.items(), outcome.chunks()), (6, 3));
        assert!(store.get().published.values().all(|times| *times == 1));
        assert_eq!(store.at("work").items(), 6);
    }
}

/// Also those of the start, and where a filter drops all meanwhile.
#[test]
fn checkpoints_that_worked_in_between_have_the_whole_policy_again() {
    for (keys, fails_in, then_in) in [(0..6, 0, 3), (0..6, 7, 2), (10..100, 4, 2)] {
        let (store, clock) = (Store::default(), TestClock::default());
        let numbers = Numbers::new(keys).filter(|n| n < 6 || n == 99);
        {
            let mut inner = store.get();
            (inner.is_transient, inner.fails_in) = (true, Some(fails_in));
        }
        let (again, mut times) = (store.clone(), 0);
        clock.on_sleep(move |now| {
            if now.as_millis().is_multiple_of(3000) {
                times += 1;
                again.get().fails_in = (times < 3).then_some(then_in);
            }
        });
        let job = job(&numbers, 2, &store).clock(clock);
        let outcome = job.retry(delays(1), |_| true).run(|_, _| Ok(()));
        assert!(outcome.unwrap().retries() > 1);
    }
}

#[test]
fn checkpoints_are_tried_as_often_as_the_policy_says_until_a_stop_or_the_deadline() {
    let cases = [
        (Duration::MAX, Duration::MAX, None),
        (Duration::from_secs(4), Duration::MAX, Some(Ended::Deadline)),
        (Duration::MAX, Duration::from_secs(1), Some(Ended::Stopped)),
    ];
    // At the start, at the second chunk, and at each commit from the first one on.
    for ((deadline, stops, expected), fails_in, then_in) in cases
        .into_iter()
        .flat_map(|case| [(case, 0, 0), (case, 6, 0), (case, 5, 1)])
    {
        let (numbers, store, clock) = (Numbers::new(0..6), Store::default(), TestClock::default());
        let stop = Stop::new();
        {
            let mut inner = store.get();
            (inner.is_transient, inner.fails_in) = (true, Some(fails_in));
        }
        let (again, asked) = (store.clone(), stop.clone());
        clock.on_sleep(move |now| {
            again.get().fails_in = Some(then_in);
            if now >= stops {
                asked.request();
            }
        });
        let run = job(&numbers, 2, &store)
            .clock(clock.clone())
            .stop_on(&stop)
            .deadline(deadline)
            .retry(delays(2), |_| true)
            .run(|_, _| Ok(()));
        match expected {
            Some(ended) => {
                let outcome = run.unwrap();
                let retries = if ended == Ended::Stopped { 1 } else { 2 };
                assert_eq!((outcome.ended(), outcome.retries()), (ended, retries));
            }
            None => {
                assert!(matches!(run, Err(Error::Checkpoints { .. })), "{run:?}");
                assert_eq!(keywalk_job::Clock::now(&clock), Duration::from_secs(6));
            }
        }
    }
}

#[test]
fn a_key_is_shown_as_a_terminal_may_see_it_whatever_the_source_says() {
    let (numbers, store) = (Numbers::new([7, u32::MAX]), Store::default());
    store.get().buries = true;
    let shown = r"the\u{1b}[2J\nlast";
    let fail = |_: &_, items: &[u32]| match items.contains(&u32::MAX) {
        true => Err("bad".into()),
        false => Ok(()),
    };
    let job = || job(&numbers, 1, &store).skip_failures();
    let outcome = job().run(fail).unwrap();
    assert_eq!(outcome.skipped(), 1);
    assert_eq!(outcome.checkpoint().unwrap().position(), Some(shown));
}
