//! Whatever fails, and however often: nothing is missed, nothing that was recorded comes again, and what
//! is committed with the checkpoint happens exactly once.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use keywalk::Walk;
use keywalk_job::{ConstantBuilder, Ended, Job, Stop};
use proptest::prelude::*;

use crate::clock::TestClock;
use crate::numbers::Numbers;
use crate::store::Store;

/// What befalls a run, after so many times that nothing does.
#[derive(Clone, Copy, Debug)]
enum Fate {
    SourceFails(usize),
    StoreFails(usize),
    /// The commit says no, and was written.
    StoreFailsLate(usize),
    WorkFails(usize),
    WorkPanics(usize),
    HookPanics(usize),
    Stop(usize),
    Deadline(u64),
    Nothing,
}

fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        (0..9_usize).prop_map(Fate::SourceFails),
        (0..12_usize).prop_map(Fate::StoreFails),
        (0..12_usize).prop_map(Fate::StoreFailsLate),
        (0..30_usize).prop_map(Fate::WorkFails),
        (0..30_usize).prop_map(Fate::WorkPanics),
        (0..6_usize).prop_map(Fate::HookPanics),
        (0..30_usize).prop_map(Fate::Stop),
        (0..20_u64).prop_map(Fate::Deadline),
        Just(Fate::Nothing),
    ]
}

/// Runs once; whether the job is done.
fn run(
    numbers: &Numbers,
    store: &Store,
    size: usize,
    retries: bool,
    down: bool,
    fate: Fate,
) -> bool {
    let clock = TestClock::default();
    let stop = Stop::new();
    numbers.fails_in.set(None);
    {
        let mut inner = store.get();
        (inner.fails_in, inner.fails_late) = (None, false);
    }
    let mut walk = Walk::new(numbers.clone()).chunk_size(size);
    if down {
        walk = walk.descending();
    }
    let mut job = Job::new("law", walk, store.clone())
        .clock(clock.clone())
        .stop_on(&stop);
    if retries {
        let policy = ConstantBuilder::new().with_max_times(2);
        job = job.retry(policy, |error| error.to_string() == "once");
    }
    let (mut works, mut hooks) = (None, None);
    match fate {
        Fate::SourceFails(after) => numbers.fails_in.set(Some(after)),
        Fate::StoreFails(after) => store.get().fails_in = Some(after),
        Fate::StoreFailsLate(after) => {
            let mut inner = store.get();
            (inner.fails_in, inner.fails_late) = (Some(after), true);
        }
        Fate::WorkFails(after) | Fate::WorkPanics(after) | Fate::Stop(after) => works = Some(after),
        Fate::HookPanics(after) => hooks = Some(after),
        Fate::Deadline(after) => job = job.deadline(Duration::from_secs(after)),
        Fate::Nothing => {}
    }
    let job = job.on_progress(move |_| match hooks {
        // Without a message on the terminal.
        Some(0) => resume_unwind(Box::new("a hook")),
        left => hooks = left.map(|left| left - 1),
    });
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        job.run(|effects, items| {
            for number in items {
                match works.take() {
                    Some(0) => match fate {
                        Fate::WorkPanics(_) => resume_unwind(Box::new("the function")),
                        Fate::Stop(_) => stop.request(),
                        _ => return Err("once".into()),
                    },
                    left => works = left.map(|left| left - 1),
                }
                clock.pass(Duration::from_secs(1));
                store.happens(*number);
                effects.done(*number);
            }
            Ok(())
        })
    }));
    assert_eq!(store.open_scopes(), 0, "nothing is held after a run");
    match outcome {
        Ok(Ok(outcome)) => {
            assert_eq!(outcome.is_done(), outcome.checkpoint().unwrap().is_done());
            assert!(outcome.is_done() || outcome.ended() != Ended::Done);
            outcome.is_done()
        }
        Ok(Err(_)) | Err(_) => false,
    }
}

proptest! {
    #[test]
    fn every_effect_happens_exactly_once_with_the_checkpoint_and_at_least_once_beside_it(
        keys in prop::collection::btree_set(0..200_u32, 0..60),
        sparse in any::<bool>(),
        down in any::<bool>(),
        runs in prop::collection::vec((1..12_usize, any::<bool>(), fates()), 0..12),
        last in 1..40_usize,
    ) {
        let passes = if sparse { |n| n % 13 == 0 } else { |_| true };
        let numbers = Numbers::new(keys.iter().copied()).filter(passes);
        let store = Store::default();
        let mut largest = last;
        for (size, retries, fate) in runs {
            run(&numbers, &store, size, retries, down, fate);
            largest = largest.max(size);
            prop_assert!(store.get().unrecorded.len() <= largest, "of one chunk");
        }
        prop_assert!(run(&numbers, &store, last, false, down, Fate::Nothing));
        let expected: BTreeMap<u32, u32> =
            keys.into_iter().filter(|n| passes(*n)).map(|n| (n, 1)).collect();
        let inner = store.get();
        prop_assert_eq!(&inner.published, &expected, "exactly once");
        prop_assert!(inner.recorded.iter().eq(expected.keys()), "at least once");
        prop_assert_eq!(inner.checkpoints["law"].items(), expected.len() as u64);
    }
}
