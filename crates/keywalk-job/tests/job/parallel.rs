//! Parallel jobs: each part is done once, by any worker of any runner.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use keywalk::Walk;
use keywalk_job::{
    BoxError, CheckpointStore, Error, Leases, Next, Outcome, ParallelJob, StopReason, WalkMismatch,
    Worker,
};
use proptest::prelude::*;

use crate::clock::TestClock;
use crate::driver::{NumbersJob, job_of, reset_job, run_workers};
use crate::lab::{Lab, collect, script};
use crate::numbers::Numbers;
use crate::store::Failed;

/// An option of a walk.
type WalkSays = fn(Walk<Numbers>) -> Walk<Numbers>;
pub(crate) type Says = fn(NumbersJob<'static>) -> NumbersJob<'static>;

/// The error of a run that failed.
fn error(ran: Result<Outcome, BoxError>) -> Error<Failed, Failed> {
    *ran.unwrap_err().downcast().unwrap()
}

pub(crate) fn reset(lab: &Lab, job: &str) -> Result<bool, Error<Infallible, Failed>> {
    reset_job(&mut lab.store.clone(), job)
}

/// Runs two workers over the lab's numbers, to the end.
fn go(lab: &Lab, says: Says) -> Result<Outcome, BoxError> {
    run(lab, 2, says, Fate::Nothing).unwrap()
}

/// What befalls the workers of a runner, after so many items.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    Fails(usize),
    Panics(usize),
    Stops(usize),
    StoreFails(usize),
    /// Instead of a run.
    Resets,
    Nothing,
}

fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        (0..60_usize).prop_map(Fate::Fails),
        (0..60_usize).prop_map(Fate::Panics),
        (0..60_usize).prop_map(Fate::Stops),
        (0..120_usize).prop_map(Fate::StoreFails),
        Just(Fate::Resets),
        Just(Fate::Nothing),
    ]
}

/// Runs a runner with so many workers. `None` if it panics.
pub(crate) fn run(
    lab: &Lab,
    workers: usize,
    says: Says,
    fate: Fate,
) -> Option<Result<Outcome, BoxError>> {
    run_job(lab, ParallelJob::new("job").workers(workers), says, fate)
}

fn run_job(
    lab: &Lab,
    job: ParallelJob,
    says: Says,
    fate: Fate,
) -> Option<Result<Outcome, BoxError>> {
    let lab = &mut lab.again();
    let mut inner = lab.store.get();
    inner.has_workers = true;
    inner.runners += 1;
    let runner = inner.runners;
    if let Fate::StoreFails(after) = fate {
        inner.fails_in = Some(after);
    }
    drop(inner);
    // Each runner begins in an hour of its own.
    lab.clock.pass(Duration::from_secs(3_600) * runner);
    if lab.store.runner == u32::MAX {
        lab.store.runner = runner;
    }
    let lab = &*lab;
    let done = AtomicUsize::new(0);
    let ran = catch_unwind(AssertUnwindSafe(|| {
        run_workers(
            job,
            |worker| {
                let walk = lab.walk(3);
                let job = job_of(worker, walk, lab.store.clone()).clock(lab.clock.clone());
                says(job)
            },
            |effects, items| {
                for (at, number) in items.iter().enumerate() {
                    let done = done.fetch_add(1, SeqCst);
                    match fate {
                        Fate::Fails(after) if after == done => return Err("lost".into()),
                        Fate::Panics(after) if after == done => resume_unwind(Box::new("worse")),
                        Fate::Stops(after) if after == done => return Ok(Next::stop().after(at)),
                        _ => {}
                    }
                    if number % 50 == 49 {
                        return Err("one of these".into());
                    }
                    lab.store.happens(*number);
                    effects.done(*number);
                }
                Ok(Next::go_on())
            },
        )
    }));
    lab.store.get().fails_in = None;
    ran.ok()
}

/// One item of 50 fails.
fn skips(job: NumbersJob<'static>) -> NumbersJob<'static> {
    job.skip_failures().wait_for_lease()
}

fn repeats(job: NumbersJob<'static>) -> NumbersJob<'static> {
    skips(job).restart_when_done()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases / 4,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_row_is_done_once_however_many_workers_run_and_fail(
        keys in prop::collection::btree_set(0..300_u32, 0..150),
        runs in prop::collection::vec(
            prop::collection::vec((1..6_usize, prop::sample::select(vec![skips as Says, repeats]), fates()), 1..3),
            0..6,
        ),
        last in 1..6_usize,
        has_leases_within_a_runner in any::<bool>(),
    ) {
        let mut lab = Lab::new(keys.iter().copied());
        // Who resets is no runner of these.
        lab.store.runner = u32::MAX * u32::from(!has_leases_within_a_runner);
        lab.store.get().has_workers = true;
        let mut most = 0;
        for runners in runs {
            let lab = &lab;
            thread::scope(|scope| {
                for (workers, says, fate) in &runners {
                    scope.spawn(move || match fate {
                        Fate::Resets => drop((0..50).any(|_| reset(lab, "job").is_ok_and(|was| was))),
                        fate => drop(run(lab, *workers, *says, *fate)),
                    });
                }
            });
            most += runners.iter().map(|(workers, ..)| workers * 3).sum::<usize>();
            prop_assert!(lab.store.get().unrecorded.len() <= most, "a chunk per worker");
        }
        let outcome = run(&lab, last, skips, Fate::Nothing).unwrap().unwrap();
        prop_assert!(outcome.is_done());
        let whole = outcome.checkpoint().unwrap();
        let (bad, good): (Vec<u32>, Vec<u32>) = keys.iter().partition(|number| *number % 50 == 49);
        let expected: BTreeMap<u32, u32> = good.into_iter().map(|number| (number, 1)).collect();
        let mut store = lab.store.clone();
        let inner = lab.store.get();
        prop_assert_eq!(&inner.published, &expected, "exactly once");
        prop_assert_eq!(inner.letters.len(), bad.len());
        drop(inner);
        prop_assert_eq!((whole.items(), whole.skipped()), (keys.len() as u64, bad.len() as u64));
        prop_assert_eq!(whole, &lab.store.at("job"));
        prop_assert!(CheckpointStore::list(&mut store).unwrap().iter().all(|known| known.is_done()));
    }
}

/// 24 numbers, which are 16 parts for two workers.
fn lab() -> Lab {
    Lab::new(0..24)
}

fn names(lab: &Lab) -> Vec<String> {
    lab.store.get().checkpoints.keys().cloned().collect()
}

#[test]
fn the_parts_are_stored_beside_the_job_and_cover_its_walk() {
    let lab = lab();
    assert!(go(&lab, |job| job).unwrap().is_done());
    let mut expected: Vec<String> = (1..=16).map(|part| format!("job#part-{part:03}")).collect();
    expected.insert(0, "job".to_owned());
    assert_eq!(names(&lab), expected);
    let parts = &expected[1..];
    let items: u64 = parts.iter().map(|part| lab.store.at(part).items()).sum();
    let whole = lab.store.at("job");
    assert_eq!((items, whole.items(), whole.parts()), (24, 24, Some(16)));
    assert_eq!(
        (whole.run(), lab.store.at(&parts[0]).run()),
        (1, (1 << 32) + 1)
    );
    assert!(
        whole
            .to_json()
            .contains(r#""parallel":{"whole":{"parts":16,"recorded":16}}"#)
    );
    let part = lab.store.at(&parts[1]);
    assert!(
        part.to_json()
            .contains(r#""parallel":{"part":{"number":2,"of":"job"}}"#)
    );
    assert_eq!(part.parts(), None);
}

#[test]
fn a_plan_or_a_reset_that_ends_between_any_two_steps_is_whole_or_void() {
    let ends_at = |after: usize, late: bool| {
        let lab = lab();
        lab.store.get().fails_late = late;
        let ran = run(&lab, 1, |job| job, Fate::StoreFails(after)).unwrap();
        let is_done = ran.as_ref().is_ok_and(Outcome::is_done);
        let planned = lab
            .store
            .get()
            .checkpoints
            .get("job")
            .and_then(|whole| whole.parts());
        assert!(matches!(planned, None | Some(0 | 8)));
        let most = 3 * usize::from(!is_done);
        assert!(lab.store.get().unrecorded.len() <= most);
        assert!(
            run(&lab, 3, |job| job, Fate::Nothing)
                .unwrap()
                .unwrap()
                .is_done()
        );
        assert_eq!(lab.store.get().published.len(), 24);
        assert!(lab.store.get().published.values().all(|times| *times == 1));

        lab.store.get().fails_in = Some(after);
        let reset = reset(&lab, "job");
        let mut inner = lab.store.get();
        inner.fails_in = None;
        drop(inner);
        assert_eq!(names(&lab).is_empty(), reset.is_ok());
        let again = run(&lab, 2, |job| job, Fate::Nothing).unwrap().unwrap();
        // The reset has had no effect, or it had all of it.
        assert!([0, 24].contains(&again.items()) && again.is_done());
        is_done && reset.is_ok()
    };
    for late in [false, true] {
        let steps = (0..500).find(|after| ends_at(*after, late));
        assert!(steps.unwrap() > 50);
    }
}

/// Asserts that a run goes on to the end of the job's last plan, which does each of 24 numbers once.
pub(crate) fn assert_ends(lab: &Lab, says: Says) {
    assert!(go(lab, says).unwrap().is_done());
    let inner = lab.store.get();
    assert_eq!(inner.published, (0..24).map(|number| (number, 1)).collect());
}

#[test]
fn of_a_job_that_starts_over_when_it_is_done_a_part_does_not() {
    let lab = lab();
    let stopped = run(&lab, 2, |job| job, Fate::Stops(6)).unwrap().unwrap();
    assert_eq!(stopped.stop_reason(), StopReason::Stopped);
    assert_ends(&lab, NumbersJob::restart_when_done);
    assert_eq!(lab.store.at("job").items(), 24);
}

#[test]
fn a_runner_whose_job_is_reset_and_planned_again_leaves_the_new_plan_to_others() {
    let is_over_at = |after: usize, runner: u32, act: fn(&Lab)| {
        let mut lab = lab();
        lab.store.runner = runner;
        let (other, store) = (lab.clone(), lab.store.clone());
        lab.store.get().acts = Some((after, Box::new(move || act(&other))));
        let job = ParallelJob::new("job").workers(1).on_progress(move |_| {
            assert_eq!(store.open_scopes(), 0, "a hook may use the store");
        });
        match run_job(&lab, job, |job| job, Fate::Nothing).unwrap() {
            Ok(outcome) => assert!(outcome.is_done()),
            ran => assert!(matches!(error(ran), Error::WasReset { .. })),
        }
        let is_over = lab.store.get().acts.take().is_some();
        assert_ends(&lab, |job| job);
        is_over
    };
    let plans_again: fn(&Lab) = |lab| {
        if reset(lab, "job").is_ok() {
            assert!(run(lab, 1, |job| job, Fate::Fails(0)).unwrap().is_err());
        }
    };
    assert!((0..).find(|after| is_over_at(*after, 0, plans_again)) > Some(50));
    // No lease keeps the other runner away, and it ends before this one records a plan.
    for after in 0..6 {
        is_over_at(after, 1, |lab| {
            assert!(run(lab, 1, |job| job, Fate::Nothing).unwrap().is_ok());
        });
    }
}

#[test]
fn a_void_plan_is_not_made_again_while_a_worker_has_one_of_its_parts() {
    fn changes(job: NumbersJob<'static>) -> NumbersJob<'static> {
        job.restart_if_changed().deadline(Duration::from_secs(1))
    }
    let is_void_at = |after: &usize| {
        let lab = lab();
        let numbers = Numbers {
            name: "others",
            ..Numbers::new(0..24)
        };
        let other = Lab {
            numbers,
            ..lab.clone()
        };
        let (dies, goes_on) = (other.clone(), other.clone());
        // It has recorded that there are no parts.
        let act = move || drop(run(&dies, 1, changes, Fate::StoreFails(7)));
        lab.store.get().acts = Some((*after, Box::new(act)));
        let on_question = move |_| {
            let whole = goes_on.store.get().checkpoints.get("job").cloned();
            if whole.is_some_and(|whole| whole.parts() == Some(0)) {
                drop(run(&goes_on, 1, changes, Fate::Nothing).unwrap());
            }
        };
        *lab.numbers.on_question.borrow_mut() = Some(Box::new(on_question));
        drop(run(&lab, 1, |job| job, Fate::Nothing).unwrap());
        let is_over = lab.store.get().acts.take().is_some();
        assert_ends(&other, NumbersJob::restart_if_changed);
        !is_over
    };
    assert!((0..).take_while(is_void_at).count() > 50);
}

#[test]
fn a_part_that_another_runner_has_is_left_to_it_or_waited_for() {
    let lab = Lab::new(0..32);
    let taken = |job: &str| Leases::lease(&mut lab.store.clone(), job).unwrap().unwrap();
    let lease = taken("job#part-003");
    let left = go(&lab, |job| job).unwrap();
    assert_eq!(left.stop_reason(), StopReason::OthersRunning);
    assert!(left.items() == 30 && !lab.store.at("job").is_done());
    // An hour after the first run began.
    let late = go(&lab, |job| {
        let job = job.wait_for_lease().deadline(Duration::from_secs(9));
        job.total_deadline(Duration::from_secs(3_605))
    });
    assert_eq!(late.unwrap().stop_reason(), StopReason::TotalDeadline);
    // It dies while others wait for it. They wait for a planner in any case.
    let lab = lab.again();
    let leases = crate::shared::Shared::new(vec![lease, taken("job")]);
    thread::scope(|scope| {
        let waits = scope.spawn(|| go(&lab, NumbersJob::wait_for_lease).unwrap());
        let unlocked = scope.spawn(|| drop(leases.take()));
        unlocked.join().unwrap();
        let outcome = waits.join().unwrap();
        assert_eq!((outcome.is_done(), outcome.items()), (true, 2));
        assert_eq!(outcome.workers().iter().map(Outcome::items).sum::<u64>(), 2);
    });
    let _lease = taken("job#part-003");
    lab.store.breaks_for_a_while(0);
    let failed = reset(&lab, "job");
    assert!(matches!(failed, Err(Error::CheckpointStore { .. })));
    // The job's checkpoint can't be read.
    lab.store.get().is_transient = false;
    lab.store.get().fails_in = Some(0);
    let running = reset(&lab, "job");
    assert!(matches!(running, Err(Error::AlreadyRunning { .. })));
    assert_eq!(names(&lab).len(), 17);
}

#[test]
fn a_job_with_workers_and_one_without_do_not_mix_and_a_changed_walk_is_refused() {
    let lab = lab();
    assert!(collect(lab.job(3)).1.unwrap().is_done());
    let refused = |ran| {
        matches!(
            ran,
            Error::Resume {
                differs: WalkMismatch::Workers,
                ..
            }
        )
    };
    assert!(refused(error(go(&lab, |job| job.restart_if_changed()))));
    reset(&lab, "job").unwrap();

    // A job of a user has the name of a part.
    let others = NumbersJob::new("job#part-003", lab.walk(3), lab.store.clone());
    assert!(
        collect(others.clock(lab.clock.clone()))
            .1
            .unwrap()
            .is_done()
    );
    assert!(refused(error(go(&lab, |job| job))));
    reset(&lab, "job#part-003").unwrap();

    lab.store.get().recorded.clear();
    assert_eq!(go(&lab, |job| job).unwrap().items(), 24);
    let says: [Says; 2] = [
        NumbersJob::restart_when_done,
        NumbersJob::restart_if_changed,
    ];
    for says in says {
        assert!(refused(collect(says(lab.job(3))).1.unwrap_err()));
    }
    let other = Lab {
        numbers: Numbers {
            name: "others",
            ..lab.numbers.clone()
        },
        ..lab.clone()
    };
    let changed = error(go(&other, |job| job));
    assert!(matches!(
        changed,
        Error::Resume {
            differs: WalkMismatch::Relation(_),
            ..
        }
    ));
    for says in [(|job| job.adopt()) as Says, |job| job.extend_range()] {
        assert!(matches!(error(go(&other, says)), Error::NotParallel { .. }));
    }
    let run = lab.store.at("job").run();
    for (says, lab, items) in [
        ((|job| job.restart_if_changed()) as Says, &other, 24),
        (|job| job.restart_if_changed(), &other, 0),
        (|job| job.restart_when_done(), &other, 24),
        (|job| job, &other, 0),
    ] {
        assert_eq!(go(lab, says).unwrap().items(), items);
    }
    let of_part = lab.store.at("job#part-016").run();
    assert_eq!(
        (lab.store.at("job").run(), of_part),
        (run + 2, ((run + 2) << 32) + 1)
    );

    let lease = Leases::lease(&mut lab.store.clone(), "job#part-005")
        .unwrap()
        .unwrap();
    let reset = reset(&lab, "job");
    assert!(matches!(reset, Err(Error::AlreadyRunning { job }) if job == "job"));
    let taken = error(go(&lab, |job| job.restart_if_changed()));
    assert!(matches!(taken, Error::AlreadyRunning { .. }));
    drop(lease);
}

#[test]
fn one_workers_failure_stops_the_others_and_names_its_part() {
    for workers in [1, 4] {
        let lab = Lab::new((0..2_000).filter(|number| number % 50 != 49));
        let failed = run(&lab, workers, |job| job, Fate::Fails(7)).unwrap();
        let Error::Work { job, items, .. } = error(failed) else {
            panic!("another error");
        };
        assert!(job.starts_with("job#part-") && items == 3);
        assert!(
            lab.store.get().recorded.len() < 1_000,
            "the others have stopped"
        );
        lab.store.get().unrecorded.clear();
        assert!(run(&lab, workers, |job| job, Fate::Panics(7)).is_none());
        let unrecorded = lab.store.get().unrecorded.len();
        assert!(unrecorded <= 3, "the others have recorded their chunk");
        let stopped = run(&lab, workers, |job| job, Fate::Stops(0))
            .unwrap()
            .unwrap();
        assert_eq!(
            (stopped.stop_reason(), stopped.items() < 100),
            (StopReason::Stopped, true)
        );
    }
    // A stop at the last item of a part is one too.
    let lab = lab();
    let make = |worker| job_of(worker, lab.walk(3), lab.store.clone()).clock(lab.clock.clone());
    let job = ParallelJob::new("job").workers(1);
    let stopped = run_workers(job, make, |_, _| Ok(Next::stop())).unwrap();
    assert_eq!(
        (stopped.stop_reason(), stopped.items()),
        (StopReason::Stopped, 3)
    );
}

#[test]
fn rates_limits_and_progress_are_of_the_whole() {
    let lab = Lab::new(0..100);
    lab.store.get().has_workers = true;
    let seen = crate::shared::Shared::new(Vec::new());
    let seen_by_hook = seen.clone();
    let job = ParallelJob::new("job")
        .workers(2)
        .parts(4)
        .on_progress(move |progress| {
            seen_by_hook
                .borrow_mut()
                .push((progress.items(), progress.fraction().unwrap()));
        });
    let make = |worker| {
        let job = job_of(worker, lab.walk(100), lab.store.clone()).clock(lab.clock.clone());
        job.max_items_per_second(10.0).total(100).max_skipped(3)
    };
    let ran = run_workers(job, make, |_, items| match items[0] % 10 {
        0 => Err("bad".into()),
        _ => Ok(Next::go_on()),
    });
    assert!(matches!(
        error(ran),
        Error::SkipLimit { skipped: 0..=3, .. }
    ));
    // Both may skip the last one at the same time.
    assert!((3..=4).contains(&lab.store.get().letters.len()));
    let seen = seen.take();
    assert!(seen.windows(2).all(|two| two[0] <= two[1]));
    assert!(
        seen.iter()
            .all(|(items, fraction)| *fraction == *items as f64 / 100.0)
    );
    let mut store = lab.store.clone();
    let named = ParallelJob::new("job");
    let stored = ParallelJob::progress(&named, &mut store).unwrap().unwrap();
    assert_eq!(stored.items(), seen.last().unwrap().0);
    // Five a second for each of them, which one chunk holds.
    let parts = CheckpointStore::list(&mut store).unwrap();
    assert!(parts.iter().all(|part| part.items() <= 5 * part.chunks()));
    assert_eq!(parts.len(), 5);

    // A plan that isn't whole, and a job without workers.
    let lab = Lab::new(0..9);
    assert!(
        run(&lab, 1, |job| job, Fate::StoreFails(7))
            .unwrap()
            .is_err()
    );
    for fraction in [0.0, 0.25] {
        let mut store = lab.store.clone();
        let stored = ParallelJob::progress(&named, &mut store).unwrap().unwrap();
        assert_eq!(
            (stored.is_done(), stored.fraction()),
            (false, Some(fraction))
        );
        reset(&lab, "job").unwrap();
        assert!(script(lab.job(3), "ok bad").1.is_err());
    }
    reset(&lab, "job").unwrap();
    let limited =
        |worker| job_of(worker, lab.walk(2).limit(5), lab.store.clone()).clock(lab.clock.clone());
    let ran = run_workers(ParallelJob::new("job").workers(1), limited, |_, _| {
        Ok(Next::go_on())
    });
    assert!(matches!(
        error(ran),
        Error::NotParallel {
            option: "Walk::limit",
            ..
        }
    ));
    assert!(names(&lab).is_empty());
}

#[test]
fn a_runner_is_done_once_that_is_recorded_and_its_workers_outcomes_are_in_order() {
    let lab = Lab::new(0..1);
    let says: Says = |job| {
        job.pause(Duration::from_secs(10))
            .deadline(Duration::from_secs(5))
    };
    drop(run(&lab, 1, says, Fate::Stops(0)));
    let lease = Leases::lease(&mut lab.store.clone(), "job").unwrap();
    for (expected, lease) in [
        ((1, StopReason::Deadline), lease),
        ((0, StopReason::Done), None),
    ] {
        assert!(!lab.store.at("job").is_done());
        let outcome = run(&lab, 1, says, Fate::Nothing).unwrap().unwrap();
        assert_eq!((outcome.items(), outcome.stop_reason()), expected);
        drop(lease);
    }
    // No pause follows the last item.
    let lab = Lab::new(0..1);
    let outcome = run(&lab, 1, says, Fate::Nothing).unwrap().unwrap();
    assert_eq!(
        (outcome.items(), outcome.stop_reason()),
        (1, StopReason::Done)
    );

    let lab = Lab::new(0..9);
    lab.store.get().has_workers = true;
    let make = |worker: Worker| {
        let is_second = worker.number() == 1;
        let job = job_of(worker, lab.walk(1), lab.store.clone()).clock(TestClock::default());
        match is_second {
            true => job.deadline(Duration::ZERO),
            false => job,
        }
    };
    let job = ParallelJob::new("job").workers(2);
    let outcome = run_workers(job, make, |_, _| Ok(Next::go_on())).unwrap();
    let items = outcome.workers().iter().map(Outcome::items);
    assert_eq!((outcome.is_done(), items.collect()), (true, vec![9, 0]));
}

/// Each item of a row adds one that comes after the next one, and removes the last one.
#[test]
fn workers_end_where_a_walk_without_them_does_and_see_the_same_changes() {
    let up: fn(u32) -> u32 = |number| number + 15;
    let says: [(WalkSays, _, u32, _); 4] = [
        (|walk| walk, up, 390, [77, 0]),
        (|walk| walk.end_before(|last| last - 100), up, 280, [55, 0]),
        (|walk| walk.unbounded(), up, 390, [78, 10]),
        (
            |walk| walk.range(50..300).descending(),
            |number| number - 15,
            50,
            [47, 0],
        ),
    ];
    for (says, follower, last, expected) in says {
        let lab = Lab::new((0..40).map(|number| number * 10));
        lab.store.get().has_workers = true;
        for items in expected {
            let make = |worker| {
                let job = job_of(worker, says(lab.walk(1)), lab.store.clone());
                job.clock(lab.clock.clone())
            };
            let told = crate::shared::Shared::default();
            let tells = told.clone();
            let job = ParallelJob::new("job").workers(1).parts(16);
            let job = job.on_progress(move |progress| tells.set(progress.to_string()));
            let outcome = run_workers(job, make, |_, items| {
                let mut keys = lab.numbers.keys.borrow_mut();
                if items[0] % 10 == 0 {
                    keys.insert(follower(items[0]));
                }
                keys.remove(&last);
                Ok(Next::go_on())
            });
            let outcome = outcome.unwrap();
            assert_eq!((outcome.items(), outcome.is_done()), (items, true));
            let is_done = outcome.checkpoint().unwrap().is_done();
            let all = outcome.checkpoint().unwrap().items();
            let end = if is_done { ", 100 %" } else { "" };
            assert_eq!(told.take(), format!("{all} items{end}"));
            let mut keys = lab.numbers.keys.borrow_mut();
            keys.extend((40..45).map(|number| number * 10));
            drop(keys);
            // As after a run a second for three weeks.
            let mut part = serde_json::to_value(lab.store.at("job#part-016")).unwrap();
            part["run"] = (part["run"].as_u64().unwrap() + 2_000_000).into();
            let part = serde_json::from_value(part).unwrap();
            let checkpoints = &mut lab.store.get().checkpoints;
            checkpoints.insert("job#part-016".to_owned(), part);
        }
    }
}
