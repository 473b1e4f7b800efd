//! Who has a job.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::time::Duration;

use keywalk::Walk;
use keywalk_job::{CheckpointFiles, Checkpoints, Ended, Error, Job, Lease, Stop};

use crate::clock::TestClock;
use crate::numbers::Numbers;
use crate::store::Store;

fn job<'a, C: Checkpoints>(checkpoints: C) -> Job<'a, Numbers, C> {
    Job::new("mine", Walk::new(Numbers::new(0..4)), checkpoints)
}

/// For each kind of store: a second runner, from another thread in the middle of the first one's chunk.
fn while_it_runs<C>(checkpoints: impl Fn() -> C)
where
    C: Checkpoints<Error: Send + Sync + 'static> + Send + 'static,
{
    let outcome = job(checkpoints()).run(|_, _| {
        let mut other = checkpoints();
        let thread = std::thread::spawn(move || {
            let refused = job(&mut other).run(|_, _| Err("it is taken".into()));
            assert!(matches!(refused, Err(Error::Taken { job }) if job == "mine"));
            let refused = other.reset("mine");
            assert!(matches!(refused, Err(Error::Taken { job }) if job == "mine"));
            let another = Job::new("another", Walk::new(Numbers::new(0..4)), &mut other);
            assert!(another.run(|_, _| Ok(())).unwrap().is_done());
        });
        thread.join().unwrap();
        Ok(())
    });
    assert!(outcome.unwrap().is_done());
    let again = job(checkpoints()).repeated().run(|_, _| Ok(())).unwrap();
    assert_eq!(again.items(), 4, "the lease has ended");
}

#[test]
fn a_second_runner_and_a_reset_are_refused_while_a_job_runs() {
    let folder = tempfile::tempdir().unwrap();
    while_it_runs(|| CheckpointFiles::new(folder.path()));
}

#[test]
fn a_lease_ends_with_its_run_however_that_ends() {
    let folder = tempfile::tempdir().unwrap();
    let files = || CheckpointFiles::new(folder.path());
    let failed = job(files()).run(|_, _| Err("bad".into()));
    assert!(matches!(failed, Err(Error::Work { .. })));
    let panicked = std::panic::catch_unwind(|| drop(job(files()).run(|_, _| panic!("worse"))));
    assert!(panicked.is_err());
    assert!(job(files()).run(|_, _| Ok(())).unwrap().is_done());
    let lease = files().lease("mine").unwrap();
    assert!(files().lease("mine").unwrap().is_none());
    drop(lease);
    assert!(files().lease("mine").unwrap().is_some());
}

#[test]
fn whoever_comes_and_goes_there_is_one_lease_at_a_time_and_no_file_when_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let (held, taken) = (AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while taken.load(Relaxed) < 2000 {
                    if let Some(lease) = Lease::beside(&store, "mine").unwrap() {
                        assert!(!held.swap(true, SeqCst), "two at a time");
                        assert!(Lease::beside(&store, "mine").unwrap().is_none());
                        taken.fetch_add(1, Relaxed);
                        held.store(false, SeqCst);
                        drop(lease);
                    }
                }
            });
        }
    });
    let left = std::fs::read_dir(folder.path()).unwrap();
    assert_eq!(left.count(), 0);
}

#[test]
fn who_waits_gets_the_job_when_it_is_free() {
    let (mut store, clock) = (Store::default(), TestClock::default());
    let held = Rc::new(RefCell::new(store.lease("mine").unwrap()));
    let freed = Rc::clone(&held);
    clock.on_sleep(move |now| {
        if now >= Duration::from_secs(7) {
            drop(freed.borrow_mut().take());
        }
    });
    let outcome = job(&mut store)
        .wait_for_lease()
        .clock(clock)
        .run(|_, _| Ok(()));
    let outcome = outcome.unwrap();
    assert_eq!((outcome.ended(), outcome.items()), (Ended::Done, 4));
    let waited = outcome.elapsed();
    assert!((7000..=7050).contains(&waited.as_millis()), "{waited:?}");
}

#[test]
fn a_stop_or_a_deadline_ends_the_waiting_and_nothing_is_done() {
    let mut store = Store::default();
    let _lease = store.lease("mine").unwrap();
    let (stop, clock) = (Stop::new(), TestClock::default());
    let asked = stop.clone();
    clock.on_sleep(move |now| {
        if now >= Duration::from_secs(1) {
            asked.request();
        }
    });
    let waiting = job(store.clone()).wait_for_lease();
    let outcome = waiting.stop_on(&stop).clock(clock).run(|_, _| Ok(()));
    let outcome = outcome.unwrap();
    assert_eq!(outcome.ended(), Ended::Stopped);
    assert!(outcome.checkpoint().is_none() && outcome.elapsed() < Duration::from_millis(1100));
    let waiting = job(store.clone()).wait_for_lease();
    let waiting = waiting.deadline(Duration::from_secs(3));
    let outcome = waiting.clock(TestClock::default()).run(|_, _| Ok(()));
    let outcome = outcome.unwrap();
    assert_eq!(outcome.ended(), Ended::Deadline);
    assert_eq!(outcome.elapsed(), Duration::from_secs(3));
    assert!(store.list().unwrap().is_empty());
}
