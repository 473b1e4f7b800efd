//! Who has a job.

use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Barrier, Mutex, mpsc};

use keywalk::Walk;
use keywalk_job::{
    BoxError, CheckpointStore, Error, FileCheckpoints, Job, Lease, Leases, Outcome, ParallelJob,
    StopReason, Worker,
};

use crate::lab::{Lab, NumbersJob, collect, millis};
use crate::numbers::Numbers;
use crate::parallel::{Fate, assert_ends, reset, run};
use crate::shared::Shared;
use crate::store::Failed;

/// A job whose checkpoints are in this folder.
fn job(name: &str, folder: &tempfile::TempDir) -> Job<'static, Numbers, FileCheckpoints> {
    let files = FileCheckpoints::new(folder.path());
    Job::new(name, Walk::new(Numbers::new(0..4)), files)
}

#[test]
fn a_second_runner_and_a_reset_are_refused_while_a_job_runs() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = job("mine", &folder).run(|_, _| {
        // From another thread, in the middle of a chunk.
        let other = || {
            let refused = job("mine", &folder).run(|_, _| Err::<(), _>("it is taken".into()));
            assert!(matches!(refused, Err(Error::AlreadyRunning { job }) if job == "mine"));
            let refused = FileCheckpoints::new(folder.path()).reset("mine");
            assert!(matches!(refused, Err(Error::AlreadyRunning { job }) if job == "mine"));
            let another = job("another", &folder).run(|_, _| Ok(()));
            assert!(another.unwrap().is_done());
        };
        std::thread::scope(|scope| scope.spawn(other).join().unwrap());
        Ok(())
    });
    assert!(outcome.unwrap().is_done());
    let again = job("mine", &folder).restart_when_done().run(|_, _| Ok(()));
    assert_eq!(again.unwrap().items(), 4, "the lease has ended");
}

#[test]
fn a_lease_ends_with_its_run_however_that_ends() {
    let folder = tempfile::tempdir().unwrap();
    let failed = job("mine", &folder).run(|_, _| Err::<(), _>("bad".into()));
    assert!(matches!(failed, Err(Error::Work { .. })));
    let run = || drop(job("mine", &folder).run(|_, _| -> Result<(), _> { panic!("worse") }));
    assert!(std::panic::catch_unwind(run).is_err());
    assert!(job("mine", &folder).run(|_, _| Ok(())).unwrap().is_done());
}

#[test]
fn however_runners_come_and_go_there_is_one_lease_at_a_time_and_no_file_when_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let (held, taken) = (AtomicBool::new(false), AtomicU32::new(0));
    let comes_and_goes = || {
        while taken.load(Relaxed) < 2000 {
            if let Some(lease) = Lease::beside(&store, "mine").unwrap() {
                assert!(!held.swap(true, SeqCst), "two at a time");
                assert!(Lease::beside(&store, "mine").unwrap().is_none());
                taken.fetch_add(1, Relaxed);
                held.store(false, SeqCst);
                drop(lease);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(comes_and_goes);
        }
    });
    let left = std::fs::read_dir(folder.path()).unwrap();
    assert_eq!(left.count(), 0);
}

#[test]
fn workers_with_files_miss_nothing_and_repeat_at_most_a_chunk_each() {
    let folder = tempfile::tempdir().unwrap();
    let (times, calls) = (Shared::new([0_usize; 120]), AtomicU32::new(0));
    // Two runners at a time. Every 20th call fails.
    let run = |workers: usize, fails: bool| {
        ParallelJob::new("mine").workers(workers).run(|worker| {
            let walk = Walk::new(Numbers::new(0..120)).chunk_size(3);
            let job = worker
                .job(walk, FileCheckpoints::new(folder.path()))
                .wait_for_lease();
            let ran = job.run(|(), items| {
                items
                    .iter()
                    .for_each(|number| times.borrow()[*number as usize] += 1);
                match fails && calls.fetch_add(1, Relaxed) % 20 == 19 {
                    true => Err("bad".into()),
                    false => Ok(()),
                }
            });
            Ok(ran?)
        })
    };
    let mut failed = 0;
    for workers in [3, 1, 2] {
        let runs = std::thread::scope(|scope| {
            let runs = [(); 2].map(|()| scope.spawn(|| run(workers, true)));
            runs.map(|run| run.join().unwrap())
        });
        failed += runs.iter().filter(|run| run.is_err()).count() * workers;
    }
    let outcome = run(4, false).unwrap();
    let mut files = FileCheckpoints::new(folder.path());
    let whole = CheckpointStore::load(&mut files, "mine").unwrap().unwrap();
    assert_eq!(
        (outcome.is_done(), whole.is_done(), whole.items()),
        (true, true, 120)
    );
    let times = times.get();
    assert!(times.iter().all(|times| *times > 0), "missed");
    assert!(times.iter().sum::<usize>() <= 120 + 3 * failed, "repeated");
    assert!(Leases::reset(&mut files, "mine").unwrap());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_workers_of_a_runner_plan_and_finish_one_plan_whenever_they_meet() {
    /// The second worker runs when the first one has done so many operations, and others have acted.
    fn is_met_at(after: usize, shares_leases: bool, [before, others]: [fn(&Lab); 2]) -> bool {
        let mut lab = Lab::new(0..24);
        before(&lab);
        lab.store.runner = u32::MAX * u32::from(shares_leases);
        lab.store.get().has_workers = true;
        let work = |lab: &Lab, worker: Worker| -> Result<Outcome, BoxError> {
            let lab = lab.again();
            let job = worker.job(lab.walk(3), lab.store.clone());
            let job = job.clock(lab.clock.clone()).deadline(millis(1_000));
            let job = job.restart_if_changed();
            let ran = job.run(|effects, items| {
                for number in items {
                    lab.store.happens(*number);
                    effects.done(*number);
                }
                Ok(())
            });
            Ok(ran?)
        };
        let (second, seconds) = mpsc::channel();
        let (outcome, outcomes) = mpsc::channel();
        let (met, outcomes) = (lab.clone(), Mutex::new(outcomes));
        let act = move || {
            others(&met);
            outcome.send(work(&met, seconds.recv().unwrap())).unwrap();
        };
        let job = ParallelJob::new("job").workers(2);
        let stored = ParallelJob::progress(&job, &mut lab.store).unwrap();
        let known = stored.map(|stored| (stored.items(), stored.fraction().unwrap()));
        let store = lab.store.clone();
        let job = job.on_progress(move |progress| {
            let now = (progress.items(), progress.fraction().unwrap());
            let is_known = |known: (u64, f64)| {
                let is_other_plan = store.get().checkpoints["job"].run() > 1;
                is_other_plan || (now.0 >= known.0 && now.1 >= known.1)
            };
            assert!(known.is_none_or(is_known), "less than was stored");
        });
        lab.store.get().acts = Some((after, Box::new(act)));
        let ran = job.run(|worker| {
            if worker.number() == 1 {
                drop(second.send(worker));
                return outcomes.lock().unwrap().recv()?;
            }
            let ran = work(&lab, worker);
            // The second worker may still wait.
            lab.store.get().acts = None;
            ran
        });
        let is_over = match ran {
            Ok(outcome) => {
                assert!(outcome.is_done());
                false
            }
            Err(error) if error.is::<mpsc::RecvError>() => true,
            Err(error) => {
                let error = error.downcast().unwrap();
                assert!(
                    !shares_leases && matches!(*error, Error::<Failed, Failed>::WasReset { .. })
                );
                false
            }
        };
        assert_ends(&lab, |job| job);
        !is_over
    }
    let none: fn(&Lab) = |_| {};
    let start_over: fn(&Lab) = |lab| {
        drop(run(
            lab,
            1,
            |job| job.deadline(millis(1_000)),
            Fate::Nothing,
        ));
        let says = |job: NumbersJob<'static>| job.restart_when_done().deadline(millis(1_000));
        drop(run(lab, 1, says, Fate::Fails(0)));
    };
    let resets: fn(&Lab) = |lab| drop(reset(lab, "job"));
    let stops: fn(&Lab) = |lab| drop(run(lab, 1, |job| job, Fate::Stops(10)));
    let other_walk: fn(&Lab) = |lab| {
        let mut lab = lab.clone();
        lab.numbers.name = "others";
        drop(run(&lab, 1, |job| job, Fate::Nothing));
    };
    for (shares_leases, acts) in [
        (true, [none, none]),
        (false, [none, start_over]),
        (false, [none, resets]),
        (false, [other_walk, none]),
        (false, [stops, none]),
    ] {
        let met = (0..).take_while(|after| is_met_at(*after, shares_leases, acts));
        assert!(met.count() > 50);
    }
}

#[test]
fn a_chunk_that_fails_is_not_done_again_by_another_worker_of_its_runner() {
    let folder = tempfile::tempdir().unwrap();
    let (calls, barrier) = (AtomicU32::new(0), Barrier::new(2));
    let ran = ParallelJob::new("mine").workers(2).parts(1).run(|worker| {
        let is_first = worker.number() == 0;
        let walk = Walk::new(Numbers::new(0..4));
        let job = worker.job(walk, FileCheckpoints::new(folder.path()));
        let run = || {
            job.run(|(), _| {
                calls.fetch_add(1, SeqCst);
                Err::<(), _>("bad".into())
            })
        };
        // The second runs after the first, and before its runner knows of the failure.
        if is_first {
            let failed = run();
            barrier.wait();
            barrier.wait();
            return Ok(failed?);
        }
        barrier.wait();
        let ran = run();
        barrier.wait();
        Ok(ran?)
    });
    assert!(ran.is_err());
    assert_eq!(calls.into_inner(), 1);
}

#[test]
fn who_waits_gets_the_job_when_it_is_free() {
    let mut lab = Lab::new(0..4);
    let held = Shared::new(lab.store.lease("job").unwrap());
    lab.clock.on_sleep(move |now| {
        if now >= millis(7000) {
            drop(held.take());
        }
    });
    let outcome = collect(lab.job(2).wait_for_lease()).1.unwrap();
    assert_eq!(
        (outcome.stop_reason(), outcome.items()),
        (StopReason::Done, 4)
    );
    let waited = outcome.elapsed();
    assert!((7000..=7050).contains(&waited.as_millis()), "{waited:?}");
}
