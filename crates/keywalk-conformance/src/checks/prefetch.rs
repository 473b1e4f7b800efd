//! Walks whose chunks are fetched ahead, in another thread.

use keywalk::{Order, Walk};

use super::change::every_other;
use crate::ahead::AheadRun;
use crate::lab::{Lab, Stop};
use crate::plan::Plan;
use crate::trial::{HarnessBreach, Trial};
use crate::{Clause, Edit, PrefetchedHarness};

/// Without a thread, with one chunk ahead, and more.
const DEPTHS: [usize; 4] = [0, 1, 2, 3];

pub(super) fn a_prefetched_walk_is_the_same_walk<H: PrefetchedHarness>(
    lab: &Lab<H>,
) -> Result<(), Stop> {
    let keys = lab.some_keys(10);
    lab.attempt_with(&keys, |trial, keys| {
        for order in lab.orders() {
            for size in (1..=keys.len() + 1).chain([usize::MAX]) {
                for depth in DEPTHS {
                    by_chunks_and_items(trial, &Plan::of_all(*order, size), depth)?;
                }
            }
        }
        Ok(())
    })?;
    lab.law(&lab.plans(), |trial, plan| {
        let plan = plan.clone().still();
        trial.put_all(&plan.schedule.initial)?;
        by_chunks_and_items(trial, &plan, depth_of(&plan))
    })
}

fn by_chunks_and_items<H: PrefetchedHarness>(
    trial: &Trial<H>,
    plan: &Plan<H::Key>,
    depth: usize,
) -> Result<(), HarnessBreach<H>> {
    AheadRun::again(trial, plan, depth).by_chunks(trial, |_| Ok(()))?;
    let mut run = AheadRun::again(trial, plan, depth);
    let walk = run.walk(trial)?;
    run.by_items(trial, walk, plan.chunk_size, usize::MAX)
        .map(drop)
}

/// As good as any number of the plan's.
fn depth_of<K>(plan: &Plan<K>) -> usize {
    1 + plan.cut % 3
}

pub(super) fn a_prefetched_walk_is_exact_beside_changes<H: PrefetchedHarness>(
    lab: &Lab<H>,
) -> Result<(), Stop> {
    lab.needs(|can| can.mutation)?;
    lab.law(&lab.plans(), |trial, plan| {
        let run = AheadRun::start(trial, plan, depth_of(plan))?;
        run.by_chunks(trial, |_| Ok(()))
    })
}

/// What is there when the first chunk is asked for is what counts.
pub(super) fn nothing_is_prefetched_before_the_first_item<H: PrefetchedHarness>(
    lab: &Lab<H>,
) -> Result<(), Stop> {
    lab.needs(|can| can.mutation)?;
    let keys = lab.some_keys(6);
    for depth in DEPTHS {
        lab.attempt(|trial| {
            let plan = Plan {
                schedule: every_other(&keys).turn([Edit::Clear, Edit::Append, Edit::Append]),
                ..Plan::of_all(Order::Ascending, 2)
            };
            let mut run = AheadRun::start(trial, &plan, depth)?;
            run.takes_its_time();
            let walk = run.walk(trial)?;
            run.by_items(trial, walk, 2, usize::MAX).map(drop)
        })?;
    }
    Ok(())
}

/// With a chunk handed out, everything is rewritten: what comes is what was there when it could first be
/// fetched, and not before.
pub(super) fn no_more_than_the_depth_is_fetched_ahead<H: PrefetchedHarness>(
    lab: &Lab<H>,
) -> Result<(), Stop> {
    lab.needs(|can| can.mutation)?;
    if lab.capabilities().snapshot.is_yes() {
        return Err(Stop::Skipped("a snapshot answers what was there"));
    }
    let keys = lab.some_keys(30);
    lab.attempt_with(&keys, |trial, keys| {
        for depth in DEPTHS {
            for order in lab.orders() {
                let plan = Plan::of_all(*order, 1 + 2 * depth);
                let run = AheadRun::again(trial, &plan, depth);
                run.by_chunks(trial, |trial| trial.put_all(keys))
                    .map_err(|breach| match breach.clause() {
                        Clause::G7 | Clause::G5 => breach.of(Clause::G13),
                        _ => breach,
                    })?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// Chunks that are there and wait hold nothing of the store.
pub(super) fn nothing_is_held_beside_prefetched_chunks<H: PrefetchedHarness>(
    lab: &Lab<H>,
) -> Result<(), Stop> {
    lab.needs(|can| can.mutation)?;
    let keys = lab.some_keys(12);
    lab.attempt_with(&keys, |trial, keys| {
        for depth in DEPTHS {
            for order in lab.orders() {
                let plan = Plan::of_all(*order, 2);
                let run = AheadRun::again(trial, &plan, depth);
                run.by_chunks(trial, |trial| {
                    trial.use_alone()?;
                    keys.first().map_or(Ok(()), |key| trial.put(key))
                })?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

pub(super) fn a_prefetched_walk_can_be_resumed_at_every_item<H: PrefetchedHarness>(
    lab: &Lab<H>,
) -> Result<(), Stop> {
    lab.law_of(lab.few(), &lab.plans(), |trial, plan| {
        let depth = depth_of(plan);
        let plan = plan.clone().still();
        trial.put_all(&plan.schedule.initial)?;
        for cut in 0..=plan.schedule.initial.len() + 1 {
            trial.note(format!("a walk that is cut after {cut} items"));
            let run = AheadRun::again(trial, &plan, depth);
            cut_and_resume(trial, run, &plan, cut)?;
        }
        Ok(())
    })
}

pub(super) fn a_prefetched_walk_can_be_resumed_after_changes<H: PrefetchedHarness>(
    lab: &Lab<H>,
) -> Result<(), Stop> {
    lab.needs(|can| can.mutation)?;
    lab.law(&lab.plans(), |trial, plan| {
        let run = AheadRun::start(trial, plan, depth_of(plan))?;
        cut_and_resume(trial, run, plan, plan.cut)
    })
}

fn cut_and_resume<H: PrefetchedHarness>(
    trial: &Trial<H>,
    mut run: AheadRun<'_, H>,
    plan: &Plan<H::Key>,
    cut: usize,
) -> Result<(), HarnessBreach<H>> {
    let walk = run.walk(trial)?;
    let items = run.by_items(trial, walk, plan.chunk_size, cut)?;
    let cursor = items.cursor();
    drop(items);
    trial.note("the walk is cut");
    run.resume(trial, cursor)
}

/// The source of a walk that is left goes on with another one, back in its own thread.
pub(super) fn a_source_comes_back_from_its_thread<H: PrefetchedHarness>(
    lab: &Lab<H>,
) -> Result<(), Stop> {
    if lab.capabilities().snapshot.is_yes() {
        return Err(Stop::Skipped(
            "a source answers what was there at its first walk",
        ));
    }
    let keys = lab.some_keys(7);
    lab.attempt_with(&keys, |trial, keys| {
        for depth in DEPTHS {
            for cut in 0..=keys.len() + 1 {
                let plan = Plan::of_all(Order::Ascending, 2);
                let mut run = AheadRun::again(trial, &plan, depth);
                let walk = run.walk(trial)?;
                let items = run.by_items(trial, walk, 2, cut)?;
                let cursor = items.cursor();
                let walk = Walk::new(items.into_source()).resume(cursor);
                run.fetches_itself();
                let walk = walk.chunk_size(2);
                run.by_items(trial, walk, 2, usize::MAX).map(drop)?;
            }
        }
        Ok(())
    })?;
    Ok(())
}
