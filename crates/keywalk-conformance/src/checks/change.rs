//! What others change between two fetches.

use std::fmt::Debug;

use keywalk::{Chunk, KeyRange, Order, Walk};

use crate::history::{Breach, Flaw};
use crate::lab::{Lab, Stop};
use crate::plan::Plan;
use crate::run::{Run, unexpected};
use crate::{Clause, Edit, Harness, Schedule};

pub(super) fn every_fetch_is_exact_beside_changes<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.needs(|can| can.mutation)?;
    lab.law(&lab.plans(), |trial, plan| {
        Run::start(trial, plan)?.by_chunks(trial)
    })?;
    lab.law(&lab.plans(), |trial, plan| {
        let mut run = Run::start(trial, plan)?;
        let walk = plan.walk(trial.source()?);
        run.by_items(trial, walk, plan.chunk_size, usize::MAX)
            .map(drop)
    })
}

pub(super) fn deleting_the_cursors_row_loses_nothing<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    beside(lab, &[Edit::DeleteCursor])
}

pub(super) fn deleting_the_last_row_ends_the_walk<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    beside(lab, &[Edit::DeleteLast])
}

pub(super) fn what_is_deleted_ahead_does_not_come<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    beside(lab, &[Edit::DeleteAhead])
}

pub(super) fn what_is_inserted_ahead_comes<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    beside(lab, &[Edit::InsertAhead])
}

pub(super) fn what_is_inserted_behind_does_not_come<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    beside(lab, &[Edit::InsertBehind])
}

pub(super) fn what_is_inserted_again_comes_once<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    let again = [
        Edit::DeleteCursor,
        Edit::PutCursor,
        Edit::DeleteAhead,
        Edit::InsertAhead,
    ];
    beside(lab, &again)
}

pub(super) fn appending_for_ever_does_not_keep_a_walk_from_its_end<H: Harness>(
    lab: &Lab<H>,
) -> Result<(), Stop> {
    beside(lab, &[Edit::Append])?;
    // Far more is appended than was there.
    let keys = lab.some_keys(60);
    for order in lab.orders() {
        lab.attempt(|trial| {
            let few = match order {
                Order::Ascending => &keys[..keys.len().min(4)],
                Order::Descending => &keys[keys.len().saturating_sub(4)..],
            };
            let plan = Plan {
                schedule: Schedule::new(keys.clone()).initially(few.to_vec()),
                always: vec![Edit::Append],
                ..Plan::of_all(*order, 1)
            };
            Run::start(trial, &plan)?.by_chunks(trial)
        })?;
    }
    Ok(())
}

pub(super) fn clearing_the_store_ends_the_walk<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.needs(|can| can.mutation)?;
    let plans = lab.plans();
    lab.law(&plans, |trial, plan| {
        // After the chunk that the plan cuts at.
        let mut cleared = plan.clone().still();
        cleared.schedule.turns = vec![Vec::new(); plan.cut % 4];
        cleared.schedule.turns.push(vec![Edit::Clear]);
        Run::start(trial, &cleared)?.by_chunks(trial)
    })
}

fn beside<H: Harness>(lab: &Lab<H>, always: &[Edit<H::Key>]) -> Result<(), Stop> {
    lab.needs(|can| can.mutation)?;
    // One in which it surely shows, whatever the plans are.
    let keys = lab.some_keys(12);
    for order in lab.orders() {
        for live in [false, true] {
            let plan = Plan {
                schedule: Schedule::new(keys.clone()),
                live,
                always: always.to_vec(),
                ..Plan::of_all(*order, 2)
            };
            lab.attempt_with(&keys, |trial, _| Run::again(trial, &plan).by_chunks(trial))?;
        }
    }
    lab.law(&lab.plans_of(always), |trial, plan| {
        Run::start(trial, plan)?.by_chunks(trial)
    })
}

/// Of these keys, every other one is there at first.
pub(super) fn every_other<K: Ord + Clone + Debug>(keys: &[K]) -> Schedule<K> {
    Schedule::new(keys.to_vec()).initially(keys.iter().step_by(2).cloned())
}

/// The same source, asked the same again.
pub(super) fn a_refetch_sees_the_latest<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.needs(|can| can.mutation)?;
    if lab.capabilities().snapshot.is_yes() {
        return Err(Stop::Skipped("a snapshot answers what was there"));
    }
    lab.law(&lab.plans(), |trial, plan| {
        trial.put_all(&plan.schedule.initial)?;
        let mut source = trial.source()?;
        let mut chunk = Chunk::with_limit(plan.chunk_size);
        for key in &plan.schedule.pool {
            for is_put in [true, false, true] {
                if is_put {
                    trial.put(key)?
                } else {
                    trial.delete(key)?
                }
                for range in [KeyRange::all(plan.order), plan.range()] {
                    source.ask(&range, &mut chunk)?;
                    source.ask_last_key(&range)?;
                }
            }
        }
        Ok(())
    })
}

pub(super) fn a_snapshot_is_stable<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.needs(|can| can.mutation)?;
    lab.needs(|can| can.snapshot)?;
    lab.law(&lab.plans(), |trial, plan| {
        Run::start(trial, plan)?.by_chunks(trial)
    })?;
    // As above, and surely something is changed.
    let keys = lab.some_keys(12);
    lab.attempt(|trial| {
        let plan = Plan {
            schedule: every_other(&keys),
            always: vec![Edit::DeleteAhead, Edit::Append],
            ..Plan::of_all(Order::Ascending, 2)
        };
        Run::start(trial, &plan)?.by_chunks(trial)
    })?;
    Ok(())
}

/// After every chunk, after items of half a chunk, and when a walk is dropped on its way: the store
/// can be changed, and used alone.
pub(super) fn nothing_is_held_between_fetches<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.needs(|can| can.mutation)?;
    let keys = lab.some_keys(12);
    let Some((spare, keys)) = keys.split_last() else {
        return Ok(());
    };
    lab.attempt_with(keys, |trial, _| {
        let touch = || {
            trial.use_alone()?;
            trial.put(spare)?;
            trial.delete(spare)?;
            trial.use_alone()
        };
        for order in lab.orders() {
            for size in [1, 5, 100] {
                let walk = || -> Result<_, Breach<H::Key>> {
                    Ok(Walk::new(trial.source()?).order(*order).chunk_size(size))
                };
                let mut chunks = walk()?.chunks();
                while chunks.next().map_err(|error| unexpected(&error))?.is_some() {
                    touch()?;
                }
                touch()?;
                let mut items = walk()?.items();
                for item in items.by_ref().take(3) {
                    item.map_err(|error| unexpected(&error))?;
                    touch()?;
                }
                drop(items);
                touch()?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// A loop over a walk panics: the store, and the walk, are as good as before.
pub(super) fn a_panic_of_the_consumer_harms_nothing<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    let keys = lab.some_keys(9);
    lab.attempt_with(&keys, |trial, keys| {
        let plan = Plan::of_all(Order::Ascending, 2);
        for taken in 0..=keys.len() {
            let mut items = plan.walk(trial.source()?).items();
            let consumer = std::panic::AssertUnwindSafe(|| {
                let failed = items.by_ref().take(taken).find_map(Result::err);
                // Without a word on stderr, as `panic!` would have.
                std::panic::resume_unwind(Box::new(failed.is_some()));
            });
            drop(std::panic::catch_unwind(consumer));
            if lab.capabilities().mutation.is_yes() {
                trial.use_alone()?;
                keys.last().map_or(Ok(()), |key| trial.put(key))?;
            }
            let count = items
                .by_ref()
                .try_fold(0, |count, item| item.map(|_| count + 1))
                .map_err(|error| unexpected(&error))?;
            if count != keys.len() - taken {
                let lost = Flaw::Said("after a panic in its loop a walk has the rest of its items");
                return Err(Breach::new(lost)
                    .of(Clause::G3)
                    .expected(keys.len() - taken)
                    .got(count));
            }
        }
        Ok(())
    })?;
    Ok(())
}
