//! What a failure of the function, the source or the store does.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::time::Duration;

use keywalk::{Token, Walk};
use keywalk_job::{BoxError, Error, Job};
use keywalk_memory::Named;

use crate::lab::{Lab, Says, attempt, collect, delays, script};
use crate::numbers::Numbers;
use crate::store::{Failed, Store};

#[test]
fn a_failure_ends_the_run_and_says_where_how_often_and_what_to_do() {
    // What befalls the calls, and which items are done.
    let cases: [(Says, &str, u64, &str); 4] = [
        (|job| job, "bad", 0, "in the chunk of 2 at the start"),
        (|job| job, "ok bad", 2, "in the chunk of 2 after the key 1"),
        (
            |job| job.retry(delays(3), |_| true),
            "ok bad bad bad bad",
            2,
            "4 times in the chunk of 2 after the key 1",
        ),
        // What loses the scope isn't skipped. What comes after it isn't done in vain.
        (
            |job| job.skip_failures(),
            "ok ok ok ok lost",
            4,
            "on the item with the key 4",
        ),
    ];
    for (says, calls, done, place) in cases {
        let lab = Lab::new(0..6);
        let (called, run) = script(says(lab.job(2)), calls);
        assert_eq!(called.len(), calls.split(' ').count(), "{place}");
        let error = run.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "the function of the job \"job\" failed {place}; fix the cause and run the job again, \
                 or let it skip such items (`Job::skip_failures`) or try again (`Job::retry`)"
            )
        );
        let source = error.source().unwrap().to_string();
        assert!(calls.ends_with(&source), "{place}: {source}");
        assert_eq!(lab.store.at("job").items(), done, "{place}");
    }
}

#[test]
fn the_source_and_the_store_fail_by_name() {
    let lab = Lab::new(0..6);
    lab.numbers.fails_in.set(Some(1));
    let error = collect(lab.job(2)).1.unwrap_err();
    assert!(matches!(&error, Error::Walk { job, .. } if job == "job"));
    assert!(error.to_string().contains("\"job\""), "{error}");
    assert_eq!(error.source().unwrap().to_string(), "the numbers failed");
    lab.store.get().fails_in = Some(0);
    let error = collect(lab.job(2)).1.unwrap_err();
    assert!(matches!(&error, Error::CheckpointStore { job, .. } if job == "job"));
    assert_eq!(error.source().unwrap().to_string(), "begin failed");
    assert!(collect(lab.job(2)).1.unwrap().is_done());
}

#[test]
fn a_position_that_no_token_holds_is_a_failure_of_the_walk_and_not_of_an_earlier_one() {
    let items = BTreeMap::from([("a".repeat(Token::MAX_BYTES), 1)]);
    let job = Job::new(
        "job",
        Walk::new(Named::new("items", &items)),
        Store::default(),
    );
    let error = job.run(|_, _| Ok(())).unwrap_err();
    assert!(matches!(&error, Error::Walk { .. }), "{error}");
    let cure = error.source().unwrap().to_string();
    assert!(cure.contains("walk by a shorter key"), "{cure}");
}

#[test]
fn a_chunk_is_tried_again_after_each_delay_with_nothing_held_and_fetched_again() {
    let lab = Lab::new(0..4);
    let held = lab.store.clone();
    lab.clock
        .on_sleep(move |_| assert_eq!(held.open_scopes(), 0));
    let keys = lab.numbers.keys.clone();
    let (calls, run) = attempt(lab.job(2).retry(delays(2), |_| true), |items, call| {
        let fails = items.contains(&3) && call < 4;
        fails
            .then(|| keys.borrow_mut().remove(&2))
            .map(|_| "passes")
    });
    let outcome = run.unwrap();
    assert_eq!(calls, [vec![0, 1], vec![2, 3], vec![3], vec![3]]);
    assert_eq!((outcome.retries(), outcome.items()), (2, 3));
    assert_eq!(outcome.elapsed(), Duration::from_secs(6));
    assert!(lab.store.get().published.values().all(|times| *times == 1));
}

#[test]
fn each_chunk_has_the_whole_policy_to_itself_where_another_try_is_worth_it() {
    // With the items of the calls, and how often the chunk failed that ended the run.
    let cases: [(&str, &[u32], Option<u64>); 3] = [
        (
            "bad bad ok bad bad ok bad bad ok bad bad ok",
            &[0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3],
            None,
        ),
        ("ok bad bad bad", &[0, 1, 1, 1], Some(3)),
        ("worse", &[0], Some(1)),
    ];
    for (calls, expected, failed) in cases {
        let worth = |error: &BoxError| error.to_string() == "bad";
        let job = Lab::new(0..4).job(1).retry(delays(2), worth);
        let (called, run) = script(job, calls);
        assert_eq!(called.concat(), expected, "{calls}");
        match failed {
            None => assert_eq!(run.unwrap().retries(), 8),
            Some(n) => assert!(matches!(run, Err(Error::Work { tries, .. }) if tries == n)),
        }
    }
}

#[test]
fn a_skipped_item_is_buried_with_its_error_as_a_terminal_may_see_it_and_undone_alone() {
    let lab = Lab::new([0, 1, 2, 3, u32::MAX]);
    let run = lab.job(4).skip_failures().run(|effects, items| {
        let [number] = items.items() else {
            panic!("one at a time")
        };
        effects.done(*number);
        match number % 2 {
            0 => Ok(()),
            _ => Err(Failed("it", Some(Box::new(Failed("that", None)))).into()),
        }
    });
    let outcome = run.unwrap();
    assert_eq!((outcome.items(), outcome.skipped()), (5, 3));
    assert_eq!(lab.store.at("job").skipped(), 3);
    let shown = r"the\u{1b}[2J\nlast";
    assert_eq!(lab.store.at("job").position(), Some(shown));
    let inner = lab.store.get();
    assert!(inner.published.keys().eq(&[0, 2]), "undone alone");
    let said = "it failed: that failed";
    let letters = [(1, "1"), (3, "3"), (u32::MAX, shown)].map(|(number, key)| {
        let bytes = number.to_be_bytes().to_vec();
        (bytes, (key.to_owned(), said.to_owned()))
    });
    assert!(inner.letters.clone().into_iter().eq(letters));
}

/// Any item's tries are the law's to prove. Where they lose the scope their chunk is undone once, and then they
/// stand alone; also where one fails then that went well before.
#[test]
fn what_was_done_before_an_item_that_fails_is_not_done_again() {
    let cases: [(&str, usize, &[u32]); 3] = [
        ("ok ok bad bad ok", 2, &[0, 1, 2, 2, 2, 3]),
        ("ok ok lost ok ok lost", 2, &[0, 1, 2, 0, 1, 2, 2, 3]),
        ("ok lost bad", 1, &[0, 1, 0, 0, 1, 2, 3]),
    ];
    for (calls, times, expected) in cases {
        let lab = Lab::new(0..4);
        let job = lab.job(4).skip_failures().retry(delays(times), |_| true);
        let (called, run) = script(job, calls);
        assert!(run.unwrap().is_done());
        assert_eq!(called.concat(), expected, "{calls}");
        assert!(lab.store.get().published.values().eq(&[1; 4]), "{calls}");
    }
}

#[test]
fn an_item_whose_failure_undoes_its_chunk_is_tried_alone_and_then_skipped() {
    let cases: [(Says, &str, &[u32], u64); 5] = [
        (
            |job| job,
            "ok ok undone ok ok undone",
            &[0, 1, 2, 0, 1, 2, 3],
            1,
        ),
        (|job| job, "ok undone ok ok", &[0, 1, 0, 1, 2, 3], 0),
        (
            |job| job,
            "undone ok ok undone ok ok undone",
            &[0, 1, 2, 3, 1, 2, 3],
            2,
        ),
        (
            |job| job.retry(delays(1), |_| true),
            "ok undone ok undone",
            &[0, 1, 0, 1, 2, 3],
            1,
        ),
        (
            |job| job.max_skipped(0),
            "ok undone ok undone",
            &[0, 1, 0, 1],
            0,
        ),
    ];
    for (says, calls, expected, skipped) in cases {
        let lab = Lab::new(0..4);
        let (called, run) = script(says(lab.job(4).skip_failures()), calls);
        assert_eq!(called.concat(), expected, "{calls}");
        assert_eq!(run.is_ok(), expected.ends_with(&[3]), "{calls}");
        let checkpoint = lab.store.at("job");
        assert_eq!(checkpoint.skipped(), skipped, "{calls}");
        let inner = lab.store.get();
        assert_eq!(inner.letters.len() as u64, skipped, "{calls}");
        let done = checkpoint.items() - skipped;
        assert!(
            inner.published.values().eq(&vec![1; done as usize]),
            "{calls}"
        );
    }
}

#[test]
fn more_failures_than_may_be_skipped_end_the_run_and_keep_what_was_done() {
    // Which item ends the run where every third one fails, and how many were skipped before it.
    let limits: [(Says, u32, u64); 4] = [
        (|job| job.max_skipped(0), 0, 0),
        (|job| job.max_skipped(2), 6, 2),
        (|job| job.max_skipped_ratio(0.5, 1), 0, 0),
        (|job| job.max_skipped_ratio(0.3, 15), 15, 5),
    ];
    for (limited, ends_at, skipped) in limits {
        let lab = Lab::new(0..20);
        let third = |items: &[u32], _| items[0].is_multiple_of(3).then_some("bad");
        // Again it comes no further.
        for _ in 0..2 {
            let error = attempt(limited(lab.job(4)), third).1.unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "the function of the job \"job\" failed on the item with the key {ends_at}, after \
                     {skipped} of {ends_at} items were skipped, and no more may be; fix what they failed \
                     over and run the job again, or let it skip more (`Job::max_skipped`, \
                     `Job::max_skipped_ratio`)"
                )
            );
            assert_eq!(error.source().unwrap().to_string(), "bad");
            assert_eq!(lab.store.get().letters.len() as u64, skipped);
            assert_eq!(lab.store.at("job").items(), u64::from(ends_at));
        }
        let (cured, skipped) = match skipped {
            2 => {
                let more = lab.job(4).max_skipped(7).max_skipped_ratio(0.5, 20);
                (attempt(more, third).1, 7)
            }
            _ => (collect(limited(lab.job(4))).1, skipped),
        };
        assert!(cured.unwrap().is_done());
        let inner = lab.store.get();
        assert_eq!(inner.published.len() as u64, 20 - skipped);
        assert!(inner.published.values().all(|times| *times == 1));
    }
}

/// Begins, loads and commits, each of them, at the start and later.
#[test]
fn checkpoints_that_fail_for_a_while_are_waited_out_and_each_effect_happens_once() {
    for fails_in in 0..12 {
        let lab = Lab::new(0..6);
        lab.store.breaks_for_a_while(fails_in);
        let held = lab.store.clone();
        lab.clock
            .on_sleep(move |_| assert_eq!(held.open_scopes(), 0));
        let outcome = collect(lab.job(2).retry(delays(1), |_| false)).1.unwrap();
        let inner = lab.store.get();
        let failed = u64::from(inner.fails_in.is_none());
        assert_eq!(outcome.retries(), failed, "{fails_in}");
        assert_eq!(outcome.elapsed(), Duration::from_secs(3 * failed));
        assert_eq!((outcome.items(), outcome.chunks()), (6, 3));
        assert!(inner.published.values().all(|times| *times == 1));
        assert_eq!(inner.checkpoints["job"].items(), 6);
    }
}

#[test]
fn checkpoints_are_tried_as_often_as_the_policy_says_and_from_scratch_once_they_worked() {
    // How many operations go well at first and after each failure, and how often the policy allows that in all.
    let cases = [
        ("at the start", 0..6, 0, 0, None),
        ("at the second chunk", 0..6, 6, 0, None),
        ("each commit from the first chunk's on", 0..6, 5, 1, None),
        ("they work at the start", 0..6, 0, 3, Some(3)),
        ("they work later", 0..9, 7, 2, Some(3)),
        ("while a filter drops all", 10..100, 4, 2, Some(3)),
    ];
    for (name, keys, fails_in, then_in, times) in cases {
        let lab = Lab::of(Numbers::new(keys).filter(|n| n < 9 || n == 99));
        lab.store.breaks_for_a_while(fails_in);
        let (store, mut failed) = (lab.store.clone(), 1);
        lab.clock.on_sleep(move |now| {
            if now.as_millis().is_multiple_of(3000) {
                failed += 1;
                store.get().fails_in = times.is_none_or(|most| failed <= most).then_some(then_in);
            }
        });
        let tries = if times.is_some() { 1 } else { 2 };
        let run = collect(lab.job(2).retry(delays(tries), |_| true)).1;
        match times {
            Some(times) => assert_eq!(run.unwrap().retries(), times, "{name}"),
            None => {
                assert!(matches!(run, Err(Error::CheckpointStore { .. })), "{name}");
                assert_eq!(lab.clock.now(), Duration::from_secs(6), "{name}");
            }
        }
    }
}
