//! What others change between two fetches.

use keywalk::{Chunk, KeyRange, Order, Walk};

use super::walk::all;
use crate::history::{Breach, Flaw};
use crate::lab::{Lab, Stop};
use crate::mutation::Mutation;
use crate::run::{Run, unexpected};
use crate::schedule::Schedule;
use crate::{Clause, Harness};

pub(super) fn every_fetch_is_exact_beside_changes<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.needs(|can| can.mutation)?;
    lab.law(&lab.schedules(), |trial, schedule| {
        Run::start(trial, schedule)?.by_chunks(trial)
    })?;
    lab.law(&lab.schedules(), |trial, schedule| {
        let mut run = Run::start(trial, schedule)?;
        let walk = schedule.walk(trial.source()?);
        run.by_items(trial, walk, schedule.chunk_size, usize::MAX)
            .map(drop)
    })
}

pub(super) fn deleting_the_cursors_row_loses_nothing<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    beside(lab, &[Mutation::DeleteCursor])
}

pub(super) fn deleting_the_last_row_ends_the_walk<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    beside(lab, &[Mutation::DeleteLast])
}

pub(super) fn what_is_deleted_ahead_does_not_come<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    beside(lab, &[Mutation::DeleteAhead])
}

pub(super) fn what_is_inserted_ahead_comes<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    beside(lab, &[Mutation::InsertAhead])
}

pub(super) fn what_is_inserted_behind_does_not_come<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    beside(lab, &[Mutation::InsertBehind])
}

pub(super) fn what_is_inserted_again_comes_once<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    const AGAIN: &[Mutation] = &[
        Mutation::DeleteCursor,
        Mutation::PutCursor,
        Mutation::DeleteAhead,
        Mutation::InsertAhead,
    ];
    beside(lab, AGAIN)
}

pub(super) fn appending_for_ever_does_not_keep_a_walk_from_its_end<H: Harness>(
    lab: &Lab<H>,
) -> Result<(), Stop> {
    beside(lab, &[Mutation::Append])?;
    // Far more is appended than was there.
    let keys = lab.some_keys(60);
    for order in lab.orders() {
        lab.attempt(|trial| {
            let few = match order {
                Order::Ascending => &keys[..keys.len().min(4)],
                Order::Descending => &keys[keys.len().saturating_sub(4)..],
            };
            let schedule = Schedule {
                pool: keys.clone(),
                initial: few.to_vec(),
                always: &[Mutation::Append],
                ..all(*order, 1)
            };
            Run::start(trial, &schedule)?.by_chunks(trial)
        })?;
    }
    Ok(())
}

pub(super) fn clearing_the_store_ends_the_walk<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.needs(|can| can.mutation)?;
    let schedules = lab.schedules();
    lab.law(&schedules, |trial, schedule| {
        // After the chunk that the schedule cuts at.
        let mut cleared = schedule.clone().still();
        cleared.mutations = vec![Vec::new(); schedule.cut % 4];
        cleared.mutations.push(vec![Mutation::Clear]);
        Run::start(trial, &cleared)?.by_chunks(trial)
    })
}

fn beside<H: Harness>(lab: &Lab<H>, always: &'static [Mutation]) -> Result<(), Stop> {
    lab.needs(|can| can.mutation)?;
    // One in which it surely shows, whatever the schedules are.
    let keys = lab.some_keys(12);
    for order in lab.orders() {
        for live in [false, true] {
            let schedule = Schedule {
                pool: keys.clone(),
                live,
                always,
                ..all(*order, 2)
            };
            lab.attempt_with(&keys, |trial, _| {
                Run::again(trial, &schedule).by_chunks(trial)
            })?;
        }
    }
    lab.law(&lab.schedules_of(always), |trial, schedule| {
        Run::start(trial, schedule)?.by_chunks(trial)
    })
}

/// The same source, asked the same again.
pub(super) fn a_refetch_sees_the_latest<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.needs(|can| can.mutation)?;
    if lab.capabilities().snapshot.is_yes() {
        return Err(Stop::Skipped("a snapshot answers what was there"));
    }
    lab.law(&lab.schedules(), |trial, schedule| {
        trial.put_all(&schedule.initial)?;
        let mut source = trial.source()?;
        let mut chunk = Chunk::with_limit(schedule.chunk_size);
        for key in &schedule.pool {
            for is_put in [true, false, true] {
                if is_put {
                    trial.put(key)?
                } else {
                    trial.delete(key)?
                }
                for range in [KeyRange::all(schedule.order), schedule.range()] {
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
    lab.law(&lab.schedules(), |trial, schedule| {
        Run::start(trial, schedule)?.by_chunks(trial)
    })?;
    // As above, and surely something is changed.
    let keys = lab.some_keys(12);
    lab.attempt(|trial| {
        let schedule = Schedule {
            pool: keys.clone(),
            initial: keys.iter().step_by(2).cloned().collect(),
            always: &[Mutation::DeleteAhead, Mutation::Append],
            ..all(Order::Ascending, 2)
        };
        Run::start(trial, &schedule)?.by_chunks(trial)
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
        let schedule = all(Order::Ascending, 2);
        for taken in 0..=keys.len() {
            let mut items = schedule.walk(trial.source()?).items();
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
