//! Which walk a job goes on with, and how far a filter that matches nothing is recorded.

use std::error::Error as _;
use std::ops::Range;

use keywalk::Walk;
use keywalk_job::{Error, StopReason, WalkMismatch};

use crate::lab::{Lab, NumbersJob, attempt, collect};
use crate::numbers::Numbers;
use crate::store::{Failed, Store};

type NumbersWalk = Walk<Numbers>;

fn job(walk: NumbersWalk, store: &Store) -> NumbersJob<'static> {
    let store = store.clone();
    Lab {
        store,
        ..Lab::default()
    }
    .job_over(walk)
}

/// To the end; which items were done.
fn run(walk: NumbersWalk, store: &Store) -> Result<Vec<u32>, Error<Failed, Failed>> {
    let (seen, run) = collect(job(walk, store));
    assert_eq!(run?.stop_reason(), StopReason::Done);
    Ok(seen)
}

/// After the first chunk of four.
fn begun(walk: NumbersWalk) -> Store {
    let lab = Lab::default();
    let outcome = lab.job_over(walk.chunk_size(4)).run(|_, _| {
        lab.stop.request();
        Ok(())
    });
    assert_eq!(outcome.unwrap().items(), 4);
    lab.store
}

/// Else a job whose range was widened would say that it is done, and the rest never would be.
#[test]
fn a_walk_of_another_range_order_or_liveness_is_refused_and_says_which() {
    type Change = fn(NumbersWalk) -> NumbersWalk;
    let options: [(&str, Change); 7] = [
        ("all", |walk| walk),
        ("..6", |walk| walk.range(..6)),
        ("..8", |walk| walk.range(..8)),
        ("2..6", |walk| walk.range(2..6)),
        ("down", |walk| walk.descending()),
        ("down ..6", |walk| walk.descending().range(..6)),
        ("live", |walk| walk.unbounded()),
    ];
    let range = |name: &'static str| match name.trim_start_matches("down ") {
        "all" | "down" => "..",
        range => range,
    };
    let walk = || Walk::new(Numbers::new(0..10));
    for (first, begins) in options {
        let done = Store::default();
        run(begins(walk()), &done).unwrap();
        for store in [begun(begins(walk())), done] {
            for (then, goes_on) in options {
                let before = store.at("job");
                if first == then {
                    continue;
                }
                let differs = match run(goes_on(walk()), &store).unwrap_err() {
                    Error::Resume { differs, .. } => differs,
                    error => panic!("{first} and then {then}: {error}"),
                };
                let expected = match (first.contains("down"), then.contains("down")) {
                    (a, b) if a != b => WalkMismatch::Order,
                    _ if first == "live" || then == "live" => WalkMismatch::Unbounded,
                    _ => WalkMismatch::Range {
                        begun: range(first).to_owned(),
                        walk: range(then).to_owned(),
                        is_longer: matches!((first, then), ("..6", "..8" | "all") | ("..8", "all")),
                    },
                };
                assert_eq!(differs, expected, "{first} and then {then}");
                assert_eq!(store.at("job"), before, "{first} and then {then}");
            }
            // The same one goes on, whatever the chunk size.
            run(begins(walk()).chunk_size(3), &store).unwrap();
        }
    }
}

#[test]
fn the_cures_that_a_refusal_names_go_on_where_it_was_or_start_over() {
    let walk = |words: &'static str| {
        let numbers = Numbers::new(0..10);
        match words {
            "..6" => Walk::new(numbers).range(..6),
            "..=7" => Walk::new(numbers).range(..=7),
            "..6 live" => Walk::new(numbers).range(..6).unbounded(),
            "..=7 live" => Walk::new(numbers).range(..=7).unbounded(),
            "4.. down" => Walk::new(numbers).range(4..).descending(),
            "1.. down" => Walk::new(numbers).range(1..).descending(),
            name => Walk::new(Numbers { name, ..numbers }),
        }
    };
    let up = |keys: Range<u32>| keys.collect::<Vec<_>>();
    let down = |keys: Range<u32>| keys.rev().collect::<Vec<_>>();
    let extends = "`Job::extend_range`";
    let adopts = "`Job::adopt`";
    // What goes on, the cure that does, and what starts over.
    let cases = [
        ("..6", "..=7", extends, up(4..8), up(0..8)),
        ("..6 live", "..=7 live", extends, up(4..8), up(0..8)),
        ("4.. down", "1.. down", extends, down(1..6), down(1..10)),
        ("these", "others", adopts, up(4..10), up(0..10)),
        ("..=7", "..6", "", vec![], up(0..6)),
        ("numbers", "1.. down", "", vec![], down(1..10)),
    ];
    for ((first, then, cure, rest, all), is_done) in
        cases.iter().flat_map(|case| [(case, false), (case, true)])
    {
        let store = begun(walk(first));
        let done = match is_done {
            true => run(walk(first), &store).unwrap(),
            false => vec![],
        };
        let left = rest.iter().filter(|number| !done.contains(number));
        let left: Vec<u32> = left.copied().collect();
        let refused = run(walk(then), &store).unwrap_err();
        let cause = refused.source().map(|cause| cause.to_string());
        let is_named = cause.is_some_and(|cause| cause.contains("another table"));
        assert_eq!(is_named, *cure == adopts);
        let says = refused.to_string();
        assert!(says.contains("`Job::restart_if_changed`"), "{says}");
        for named in [extends, adopts] {
            assert_eq!(says.contains(named), named == *cure, "{says}");
        }
        let cured = |is_restarted: bool| {
            let copy = Store::default();
            copy.get().checkpoints = store.get().checkpoints.clone();
            let job = job(walk(then).chunk_size(3), &copy);
            let job = match (is_restarted, *cure == extends) {
                (true, _) => job.restart_if_changed(),
                (false, true) => job.extend_range(),
                (false, false) => job.adopt(),
            };
            let (seen, outcome) = collect(job);
            assert!(outcome.unwrap().is_done());
            assert_eq!(
                copy.at("job").is_done(),
                !walk(then).cursor().is_unbounded()
            );
            // It is this walk's now.
            assert!(run(walk(then), &copy).unwrap().is_empty());
            seen
        };
        assert_eq!(cured(true), *all, "{says}");
        if !cure.is_empty() {
            assert_eq!(cured(false), left, "{says}");
        }
    }
}

#[test]
fn a_walk_that_begins_behind_a_key_has_not_come_to_it() {
    for (fails_at, after, told) in [
        (9, "at the start", &[None][..]),
        (1, "after the key 2", &[None, Some(2)]),
    ] {
        let (lab, mut positions) = (Lab::new(0..20), Vec::new());
        let walk = lab.walk(8).range(..10).descending();
        let job = lab.job_over(walk);
        let job = job.on_progress(|progress| positions.push(progress.position().copied()));
        let (_, run) = attempt(job, |items, _| items.contains(&fails_at).then_some("bad"));
        let says = run.unwrap_err().to_string();
        assert!(says.contains(after), "{says}");
        assert_eq!(positions, told);
        assert_eq!(lab.store.at("job").position().is_some(), told.len() > 1);
    }
}

#[test]
fn a_checkpoint_under_another_name_is_of_the_job_that_runs() {
    let store = begun(Walk::new(Numbers::new(0..10)));
    let copied = store.at("job");
    let copy = ("copy".to_owned(), copied.clone());
    store.get().checkpoints.extend([copy]);
    let walk = Walk::new(Numbers::new(0..10));
    let (seen, _) = collect(NumbersJob::new("copy", walk, store.clone()));
    assert_eq!(seen, [4, 5, 6, 7, 8, 9]);
    assert_eq!(store.at("job"), copied, "the other job's is left alone");
    assert!(store.at("copy").is_done());
    assert_eq!(store.at("copy").job(), "copy");
}

#[test]
fn a_filter_that_matches_nothing_for_long_is_told_recorded_and_held_a_stretch_at_a_time() {
    // 300 stretches of ten keys.
    let lab = Lab::of(Numbers::new(0..3000).filter(|n| [0, 2999].contains(&n)));
    lab.numbers.fails_in.set(Some(201));
    let mut positions = Vec::new();
    let job = lab.job(512);
    let job = job.on_progress(|progress| positions.extend(progress.position().copied()));
    collect(job).1.unwrap_err();
    // The last key is asked for in the same way; then every 64th stretch is a commit.
    let commits = lab.store.get().commits;
    assert!((3..=2 + 201 / 64).contains(&commits), "{commits} commits");
    let between = positions.iter().filter(|at| (1..2999).contains(*at));
    assert!(between.count() >= 2, "{positions:?}");
    assert!(positions.is_sorted(), "{positions:?}");
    let asked = lab.numbers.asked.get();
    assert_eq!(run(lab.walk(512), &lab.store).unwrap(), [2999]);
    let again = lab.numbers.asked.get() - asked;
    assert!(again <= 301 - 201 + 64 + 1, "{again} stretches again");
}

#[test]
fn a_stop_in_the_middle_of_what_a_filter_drops_records_how_far_it_was() {
    // Or not, where another writer is in the way: no item was done.
    for (is_locked, stretches) in [(false, 101), (true, 131)] {
        let lab = Lab::of(Numbers::new(0..1000).filter(|n| n == 999));
        let (stop, store) = (lab.stop.clone(), lab.store.clone());
        *lab.numbers.on_question.borrow_mut() = Some(Box::new(move |number| {
            if number == 30 {
                stop.request();
                let mut inner = store.get();
                inner.is_transient = true;
                inner.fails_in = is_locked.then_some(1);
            }
        }));
        let run_to_stop = collect(lab.job(512)).1.unwrap();
        assert_eq!(run_to_stop.stop_reason(), StopReason::Stopped);
        assert_eq!(lab.store.get().commits, if is_locked { 1 } else { 2 });
        assert_eq!(lab.numbers.asked.get(), 30);
        assert_eq!(run(lab.walk(512), &lab.store).unwrap(), [999]);
        let asked = lab.numbers.asked.get();
        assert_eq!(asked, stretches, "no stretch is walked twice");
    }
}
