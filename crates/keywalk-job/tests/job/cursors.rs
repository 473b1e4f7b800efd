//! Which walk a job goes on with, and how far a filter that matches nothing is recorded.

use std::ops::Range;

use keywalk::Walk;
use keywalk_job::{Differs, Ended, Error, Job, Stop};

use crate::numbers::{Broken, Numbers};
use crate::store::{Failed, Store};

fn run(walk: Walk<Numbers>, store: &Store) -> Result<Vec<u32>, Error<Broken, Failed>> {
    let mut seen = Vec::new();
    let job = Job::new("walk", walk, store.clone());
    let outcome = job.run(|_, items| {
        seen.extend_from_slice(items);
        Ok(())
    })?;
    assert_eq!(outcome.ended(), Ended::Done);
    Ok(seen)
}

/// After the first chunk of four.
fn begun(walk: Walk<Numbers>) -> Store {
    let (store, stop) = (Store::default(), Stop::new());
    let job = Job::new("walk", walk.chunk_size(4), store.clone()).stop_on(&stop);
    let outcome = job.run(|_, _| {
        stop.request();
        Ok(())
    });
    assert_eq!(outcome.unwrap().items(), 4);
    store
}

#[test]
fn another_walk_is_refused_and_nothing_is_done() {
    let all = || Walk::new(Numbers::new(0..10));
    let other = || {
        let mut other = Numbers::new(0..10);
        other.name = "others";
        Walk::new(other)
    };
    let done = Store::default();
    run(all(), &done).unwrap();
    for store in [begun(all()), done] {
        let cases = [other(), all().descending(), all().live()];
        for walk in cases {
            let before = store.at("walk");
            let error = run(walk, &store).unwrap_err();
            assert!(
                matches!(&error, Error::Resume { job, .. } if job == "walk"),
                "{error:?}"
            );
            assert_eq!(store.at("walk"), before);
        }
    }
    let error = run(other(), &begun(all())).unwrap_err();
    let source = std::error::Error::source(&error).expect("what differs");
    assert!(source.to_string().contains("another table"), "{source}");
}

/// Else a job whose range was widened would say that it is done, and the rest never would be.
#[test]
fn a_walk_of_another_range_order_or_liveness_is_refused_and_says_which() {
    type NumbersWalk = Walk<Numbers>;
    type Change = fn(NumbersWalk) -> NumbersWalk;
    let options: [(&str, Change); 7] = [
        ("all", |walk| walk),
        ("..6", |walk| walk.range(..6)),
        ("..8", |walk| walk.range(..8)),
        ("2..6", |walk| walk.range(2..6)),
        ("down", |walk| walk.descending()),
        ("down ..6", |walk| walk.descending().range(..6)),
        ("live", |walk| walk.live()),
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
                let before = store.at("walk");
                if first == then {
                    continue;
                }
                let differs = match run(goes_on(walk()), &store).unwrap_err() {
                    Error::Resume { differs, .. } => differs,
                    error => panic!("{first} and then {then}: {error}"),
                };
                let expected = match (first.contains("down"), then.contains("down")) {
                    (a, b) if a != b => Differs::Order,
                    _ if first == "live" || then == "live" => Differs::Live,
                    _ => Differs::Range {
                        begun: range(first).to_owned(),
                        walk: range(then).to_owned(),
                        is_longer: matches!((first, then), ("..6", "..8" | "all") | ("..8", "all")),
                    },
                };
                assert_eq!(differs, expected, "{first} and then {then}");
                assert_eq!(store.at("walk"), before, "{first} and then {then}");
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
            "..6 live" => Walk::new(numbers).range(..6).live(),
            "..=7 live" => Walk::new(numbers).range(..=7).live(),
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
        let says = run(walk(then), &store).unwrap_err().to_string();
        assert!(says.contains("`Job::restart_if_changed`"), "{says}");
        for named in [extends, adopts] {
            assert_eq!(says.contains(named), named == *cure, "{says}");
        }
        let cured = |is_restarted: bool| {
            let copy = Store::default();
            copy.get().checkpoints = store.get().checkpoints.clone();
            let job = Job::new("walk", walk(then).chunk_size(3), copy.clone());
            let job = match (is_restarted, *cure == extends) {
                (true, _) => job.restart_if_changed(),
                (false, true) => job.extend_range(),
                (false, false) => job.adopt(),
            };
            let mut seen = Vec::new();
            let outcome = job.run(|_, items| {
                seen.extend_from_slice(items);
                Ok(())
            });
            assert!(outcome.unwrap().is_done());
            assert_eq!(copy.at("walk").is_done(), !walk(then).cursor().is_live());
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
fn a_run_over_a_job_that_is_done_tells_the_run_that_did_it() {
    let store = Store::default();
    let job = || Job::new("walk", Walk::new(Numbers::new(0..3)), store.clone());
    for _ in 0..2 {
        let outcome = job().run(|_, _| Ok(())).unwrap();
        assert_eq!(outcome.checkpoint(), Some(&store.at("walk")));
        assert_eq!(store.at("walk").run(), 1);
    }
}

#[test]
fn a_repeated_job_may_start_anew_with_another_walk() {
    let store = Store::default();
    run(Walk::new(Numbers::new(0..3)), &store).unwrap();
    let walk = Walk::new(Numbers::new(0..3)).descending();
    let mut seen = Vec::new();
    let job = Job::new("walk", walk, store.clone()).repeated();
    let outcome = job.run(|_, items| {
        seen.extend_from_slice(items);
        Ok(())
    });
    assert!(outcome.unwrap().is_done());
    assert_eq!(seen, [2, 1, 0]);
}

#[test]
fn ranges_and_both_orders_go_on_where_they_were() {
    let all = || Walk::new(Numbers::new(0..20));
    let store = begun(all().range(3..12));
    assert_eq!(run(all().range(3..12), &store).unwrap(), [7, 8, 9, 10, 11]);
    let store = begun(all().range(3..12).descending());
    let rest = run(all().range(3..12).descending().chunk_size(1), &store).unwrap();
    assert_eq!(rest, [7, 6, 5, 4, 3]);
}

#[test]
fn a_walk_that_begins_behind_a_key_has_not_come_to_it() {
    let walk = || Walk::new(Numbers::new(0..20)).range(..10).descending();
    let store = Store::default();
    let mut told = Vec::new();
    let run = Job::new("walk", walk().chunk_size(8), store.clone())
        .on_progress(|progress| told.push(progress.position().copied()))
        .run(|_, items| match items.contains(&9) {
            true => Ok(()),
            false => Err("bad".into()),
        });
    assert!(run.unwrap_err().to_string().contains("after the key 2"));
    assert_eq!(told, [None, Some(2)]);
    let store = Store::default();
    let run = Job::new("walk", walk(), store.clone()).run(|_, _| Err("bad".into()));
    assert!(run.unwrap_err().to_string().contains("at the start"));
    assert_eq!(store.at("walk").position(), None);
}

#[test]
fn a_checkpoint_under_another_name_is_of_the_job_that_runs() {
    let store = begun(Walk::new(Numbers::new(0..10)));
    let copied = store.at("walk");
    store
        .get()
        .checkpoints
        .insert("copy".to_owned(), copied.clone());
    let job = Job::new("copy", Walk::new(Numbers::new(0..10)), store.clone());
    assert_eq!(job.run(|_, _| Ok(())).unwrap().items(), 6);
    assert_eq!(store.at("walk"), copied, "the other job's is left alone");
    assert!(store.at("copy").is_done());
    assert_eq!(store.at("copy").job(), "copy");
}

#[test]
fn a_filter_that_matches_nothing_for_long_is_recorded_and_held_a_stretch_at_a_time() {
    // 300 stretches of ten keys.
    let numbers = Numbers::new(0..3000).filter(|n| n == 2999);
    let store = Store::default();
    numbers.fails_in.set(Some(201));
    let walk = || Walk::new(numbers.clone());
    run(walk(), &store).unwrap_err();
    // The last key is asked for in the same way; then every 64th stretch is a commit.
    let commits = store.get().commits;
    assert!((3..=1 + 201 / 64).contains(&commits), "{commits} commits");
    assert_eq!(store.at("walk").position(), None, "before the first item");
    let asked = numbers.asked.get();
    assert_eq!(run(walk(), &store).unwrap(), [2999]);
    let again = numbers.asked.get() - asked;
    assert!(again <= 301 - 201 + 64 + 1, "{again} stretches again");
}

#[test]
fn progress_is_told_while_a_filter_drops_everything() {
    let numbers = Numbers::new(0..3000).filter(|n| [0, 2999].contains(&n));
    let mut positions = Vec::new();
    let job = Job::new("walk", Walk::new(numbers), Store::default());
    let job = job.on_progress(|progress| positions.extend(progress.position().copied()));
    assert_eq!(job.run(|_, _| Ok(())).unwrap().items(), 2);
    let between = positions.iter().filter(|at| (1..2999).contains(*at));
    assert!(between.count() >= 3, "{positions:?}");
    assert!(positions.is_sorted());
}

#[test]
fn a_stop_in_the_middle_of_what_a_filter_drops_records_how_far_it_was() {
    // Or not, where another writer is in the way: no item was done.
    for (is_locked, stretches) in [(false, 101), (true, 131)] {
        let numbers = Numbers::new(0..1000).filter(|n| n == 999);
        let (store, stop) = (Store::default(), Stop::new());
        let mut questions = 0;
        let job = Job::new("walk", Walk::new(numbers.clone()), store.clone())
            .stop_on(&stop)
            .hold_while(|_| {
                questions += 1;
                if questions == 30 {
                    stop.request();
                    let mut inner = store.get();
                    inner.is_transient = true;
                    inner.fails_in = is_locked.then_some(1);
                }
                None
            });
        let outcome = job.run(|_, _| Ok(())).unwrap();
        assert_eq!(outcome.ended(), Ended::Stopped);
        assert_eq!(store.get().commits, if is_locked { 1 } else { 2 });
        assert_eq!(numbers.asked.get(), 30);
        assert_eq!(run(Walk::new(numbers.clone()), &store).unwrap(), [999]);
        let asked = numbers.asked.get();
        assert_eq!(asked, stretches, "no stretch is walked twice");
    }
}
