//! Whatever fails, and however often: nothing is missed, nothing that was recorded comes again, and what
//! is committed with the checkpoint happens exactly once.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use keywalk::Walk;
use keywalk_job::{ConstantBuilder, Next, StopReason};
use proptest::prelude::*;

use crate::lab::Lab;
use crate::numbers::Numbers;

/// What befalls a run, after so many times that nothing does.
#[derive(Clone, Copy, Debug)]
enum Fate {
    SourceFails(usize),
    StoreFails(usize),
    /// The commit says no, and was written.
    StoreFailsLate(usize),
    WorkFails(usize),
    /// The scope is lost with it.
    WorkLoses(usize),
    WorkPanics(usize),
    HookPanics(usize),
    Stop(usize),
    /// The function keeps what it did of the chunk, and ends the run.
    KeepsAndStops(usize),
    Deadline(u64),
    Nothing,
}

fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        (0..9_usize).prop_map(Fate::SourceFails),
        (0..12_usize).prop_map(Fate::StoreFails),
        (0..12_usize).prop_map(Fate::StoreFailsLate),
        (0..30_usize).prop_map(Fate::WorkFails),
        (0..30_usize).prop_map(Fate::WorkLoses),
        (0..30_usize).prop_map(Fate::WorkPanics),
        (0..6_usize).prop_map(Fate::HookPanics),
        (0..30_usize).prop_map(Fate::Stop),
        (0..30_usize).prop_map(Fate::KeepsAndStops),
        (0..20_u64).prop_map(Fate::Deadline),
        Just(Fate::Nothing),
    ]
}

/// What a run tries again.
#[derive(Clone, Copy, Debug)]
enum Retries {
    Nothing,
    Chunks,
    /// Where failures are skipped.
    Items,
}

fn retries() -> impl Strategy<Value = Retries> {
    use Retries::{Chunks, Items, Nothing};
    prop::sample::select(vec![Nothing, Chunks, Items])
}

/// Runs once, with at most `most` items of a call done, up to a key that is further than the last run's; whether the job is done.
fn run(
    lab: &Lab,
    (size, bytes, most): (usize, bool, usize),
    retries: Retries,
    (down, end): (bool, u32),
    fate: Fate,
) -> bool {
    let (numbers, store) = (&lab.numbers, &lab.store);
    numbers.fails_in.set(None);
    {
        let mut inner = store.get();
        (inner.fails_in, inner.fails_late) = (None, false);
        inner.is_transient = true;
    }
    let walk = match bytes {
        true => Walk::new(numbers.clone()).chunk_bytes(size * size_of::<u32>()),
        false => lab.walk(size),
    };
    let walk = match down {
        true => walk.range(KEYS - end..).descending(),
        false => walk.range(..end),
    };
    let mut job = lab.job_over(walk).extend_range();
    if !matches!(retries, Retries::Nothing) {
        let policy = ConstantBuilder::new().with_max_times(2);
        job = job.retry(policy, |_| true).shrink_on_failure();
    }
    if matches!(retries, Retries::Items) {
        job = job.skip_failures();
    }
    let (mut works, mut hooks) = (None, None);
    match fate {
        Fate::SourceFails(after) => numbers.fails_in.set(Some(after)),
        Fate::StoreFails(after) => store.get().fails_in = Some(after),
        Fate::StoreFailsLate(after) => {
            let mut inner = store.get();
            (inner.fails_in, inner.fails_late) = (Some(after), true);
            inner.is_transient = false;
        }
        Fate::WorkFails(after)
        | Fate::WorkLoses(after)
        | Fate::WorkPanics(after)
        | Fate::Stop(after)
        | Fate::KeepsAndStops(after) => works = Some(after),
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
            for (at, number) in items.iter().enumerate() {
                if at == most {
                    return Ok(Next::go_on().after(at));
                }
                match works.take() {
                    Some(0) => match fate {
                        Fate::KeepsAndStops(_) => return Ok(Next::stop().after(at)),
                        Fate::WorkPanics(_) => resume_unwind(Box::new("the function")),
                        Fate::Stop(_) => lab.stop.request(),
                        Fate::WorkLoses(_) => return Err("lost".into()),
                        _ => return Err("bad".into()),
                    },
                    left => works = left.map(|left| left - 1),
                }
                lab.clock.pass(Duration::from_secs(1));
                store.happens(*number);
                effects.done(*number);
            }
            Ok(Next::go_on())
        })
    }));
    assert_eq!(store.open_scopes(), 0, "nothing is held after a run");
    match outcome {
        Ok(Ok(outcome)) => {
            assert_eq!(outcome.is_done(), outcome.checkpoint().unwrap().is_done());
            assert!(outcome.is_done() || outcome.stop_reason() != StopReason::Done);
            outcome.is_done()
        }
        Ok(Err(_)) | Err(_) => false,
    }
}

/// More than any of the numbers.
const KEYS: u32 = 200;

proptest! {
    #[test]
    fn every_effect_happens_exactly_once_with_the_checkpoint_and_at_least_once_beside_it(
        keys in prop::collection::btree_set(0..KEYS, 0..60),
        sparse in any::<bool>(),
        down in any::<bool>(),
        runs in prop::collection::vec((1..12_usize, 1..12_usize, retries(), 0..KEYS / 6, fates()), 0..12),
        last in 1..40_usize,
        bytes in any::<bool>(),
    ) {
        let passes = if sparse { |n| n % 13 == 0 } else { |_| true };
        let lab = Lab::of(Numbers::new(keys.iter().copied()).filter(passes));
        let (mut largest, mut end) = (last, 0);
        for (size, most, retries, more, fate) in runs {
            end = KEYS.min(end + more);
            run(&lab.again(), (size, bytes, most), retries, (down, end), fate);
            largest = largest.max(size);
            prop_assert!(lab.store.get().unrecorded.len() <= largest, "of one chunk");
        }
        prop_assert!(run(&lab.again(), (last, bytes, 9), Retries::Nothing, (down, KEYS), Fate::Nothing));
        let expected: BTreeMap<u32, u32> =
            keys.into_iter().filter(|n| passes(*n)).map(|n| (n, 1)).collect();
        let inner = lab.store.get();
        prop_assert_eq!(&inner.published, &expected, "exactly once");
        prop_assert!(inner.recorded.iter().eq(expected.keys()), "at least once");
        prop_assert_eq!(inner.checkpoints["job"].items(), expected.len() as u64);
    }

    /// Some lose the chunk's whole scope, which then is done again.
    #[test]
    fn an_item_is_skipped_when_its_own_tries_are_over_and_no_other_is(
        failures in prop::collection::vec((0..5_usize, prop::bool::weighted(0.2)), 0..20),
        size in 1..8_usize,
        times in 0..4_usize,
    ) {
        let lab = Lab::new(0..failures.len() as u32);
        let policy = ConstantBuilder::new().with_max_times(times);
        let mut failed = vec![0; failures.len()];
        let mut calls = vec![0; failures.len()];
        let any_lost = failures.iter().any(|(fails, loses)| *loses && *fails > 0);
        let outcome = lab.job(size).skip_failures().retry(policy, |_| true).run(|effects, items| {
            let at = items[0] as usize;
            let (fails, loses) = failures[at];
            effects.done(items[0]);
            calls[at] += 1;
            // One that loses the scope would end the run.
            let fails = if loses { fails.min(times) } else { fails };
            if failed[at] == fails {
                return Ok(());
            }
            failed[at] += 1;
            Err(if loses { "lost" } else { "bad" }.into())
        });
        let outcome = outcome.unwrap();
        prop_assert!(outcome.is_done());
        let retries = failures.iter().map(|(fails, _)| *fails.min(&times) as u64);
        prop_assert!(any_lost || outcome.retries() == retries.sum::<u64>());
        let inner = lab.store.get();
        for (at, (fails, loses)) in failures.into_iter().enumerate() {
            let number = at as u32;
            let is_skipped = !loses && fails > times;
            let published = inner.published.get(&number).copied().unwrap_or(0);
            prop_assert_eq!(published, u32::from(!is_skipped), "{}", at);
            prop_assert_eq!(inner.letters.contains_key(&number.to_be_bytes()[..]), is_skipped);
            if !any_lost {
                prop_assert_eq!(calls[at], fails.min(times) + 1, "{}", at);
            }
        }
    }
}
