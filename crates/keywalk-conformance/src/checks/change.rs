//! Checks with changes between two fetches.

use keywalk::{Chunk, KeyRange, Order};

use crate::edit::{Edit, Edits};
use crate::harness::Harness;
use crate::run::{Plan, Run, unexpected};
use crate::runner::{Checked, Runner};

pub(super) fn every_fetch_is_exact_beside_changes<H: Harness>(lab: &Runner<H>) -> Checked {
    lab.needs(|can| can.mutation)?;
    lab.law(&lab.plans(), &|trial, plan| {
        Run::start(trial, plan)?.by_chunks(trial)
    })?;
    lab.law(&lab.plans(), &|trial, plan| {
        Run::start(trial, plan)?.by_all_items(trial)
    })
}

/// Defines checks that make these edits before every chunk.
macro_rules! beside {
    ($($name:ident: $($edit:ident)+;)+) => {$(
        pub(super) fn $name<H: Harness>(lab: &Runner<H>) -> Checked {
            beside(lab, &[$(Edit::$edit),+])
        }
    )+};
}

beside! {
    deleting_the_cursors_row_loses_nothing: DeleteCursor;
    deleting_the_last_row_ends_the_walk: DeleteLast;
    what_is_deleted_ahead_does_not_come: DeleteAhead;
    what_is_inserted_ahead_comes: InsertAhead;
    what_is_inserted_behind_does_not_come: InsertBehind;
    what_is_inserted_again_comes_once: DeleteCursor PutCursor DeleteAhead InsertAhead;
}

pub(super) fn appending_for_ever_does_not_keep_a_walk_from_its_end<H: Harness>(
    lab: &Runner<H>,
) -> Checked {
    beside(lab, &[Edit::Append])?;
    // Appends far more keys than the store held.
    let keys = lab.some_keys(60);
    for order in lab.orders() {
        let few = match order {
            Order::Ascending => &keys[..keys.len().min(4)],
            Order::Descending => &keys[keys.len().saturating_sub(4)..],
        };
        let plan = Plan {
            edits: Edits::among(keys.clone()).initially(few.to_vec()),
            always: vec![Edit::Append],
            ..Plan::of_all(*order, 1)
        };
        lab.attempt(|trial| Run::start(trial, &plan)?.by_chunks(trial))?;
    }
    Ok(())
}

pub(super) fn clearing_the_store_ends_the_walk<H: Harness>(lab: &Runner<H>) -> Checked {
    lab.needs(|can| can.mutation)?;
    lab.law(&lab.plans(), &|trial, plan| {
        // Clears the store after the chunk at which the plan cuts.
        let mut cleared = plan.clone().still();
        cleared.edits.turns = vec![Vec::new(); plan.cut % 4];
        cleared.edits.turns.push(vec![Edit::Clear]);
        Run::start(trial, &cleared)?.by_chunks(trial)
    })
}

fn beside<H: Harness>(lab: &Runner<H>, always: &[Edit<H::Key>]) -> Checked {
    lab.needs(|can| can.mutation)?;
    // One plan that certainly makes these edits, whatever the random plans are.
    let keys = lab.some_keys(12);
    for order in lab.orders() {
        for live in [false, true] {
            let plan = Plan {
                edits: Edits::among(keys.clone()),
                live,
                always: always.to_vec(),
                ..Plan::of_all(*order, 2)
            };
            lab.attempt_with(&keys, &|trial, _| Run::again(trial, &plan).by_chunks(trial))?;
        }
    }
    lab.law(&lab.plans_of(always), &|trial, plan| {
        Run::start(trial, plan)?.by_chunks(trial)
    })
}

/// Repeats the same requests on the same source.
pub(super) fn a_refetch_sees_the_latest<H: Harness>(lab: &Runner<H>) -> Checked {
    lab.needs(|can| can.mutation)?;
    lab.needs_no_snapshot("a snapshot answers what was there")?;
    lab.law(&lab.plans(), &|trial, plan| {
        trial.put_all(&plan.edits.initial)?;
        let mut source = trial.source()?;
        let mut chunk = Chunk::with_limit(plan.chunk_size);
        for key in &plan.edits.pool {
            for is_put in [true, false, true] {
                trial.set(key, is_put)?;
                for range in [KeyRange::all(plan.order), plan.range()] {
                    trial.ask(&mut source, &range, &mut chunk)?;
                    trial.ask_last_key(&mut source, &range)?;
                }
            }
        }
        Ok(())
    })
}

pub(super) fn a_snapshot_is_stable<H: Harness>(lab: &Runner<H>) -> Checked {
    lab.needs(|can| can.mutation)?;
    lab.needs(|can| can.snapshot)?;
    lab.law(&lab.plans(), &|trial, plan| {
        Run::start(trial, plan)?.by_chunks(trial)
    })?;
    // The same with a plan that certainly changes something.
    let keys = lab.some_keys(12);
    let plan = Plan {
        edits: Edits::among(keys.clone()).initially(keys.into_iter().step_by(2)),
        always: vec![Edit::DeleteAhead, Edit::Append],
        ..Plan::of_all(Order::Ascending, 2)
    };
    lab.attempt(|trial| Run::start(trial, &plan)?.by_chunks(trial))
}

/// Changes the store and uses it exclusively at three points: after every chunk, amid a chunk's items, and after an
/// unfinished walk is dropped.
pub(super) fn nothing_is_held_between_fetches<H: Harness>(lab: &Runner<H>) -> Checked {
    lab.needs(|can| can.mutation)?;
    let keys = lab.some_keys(12);
    let Some((spare, keys)) = keys.split_last() else {
        return Ok(());
    };
    lab.in_each_order(keys, |trial, _, order| {
        let touch = || {
            trial.with_exclusive_access()?;
            trial.put(spare)?;
            trial.delete(spare)?;
            trial.with_exclusive_access()
        };
        for size in [1, 5, 100] {
            let plan = Plan::of_all(order, size);
            let mut chunks = plan.walk(trial.source()?).chunks();
            while chunks.next().map_err(|error| unexpected(&error))?.is_some() {
                touch()?;
            }
            touch()?;
            let mut items = plan.walk(trial.source()?).items();
            for item in items.by_ref().take(3) {
                item.map_err(|error| unexpected(&error))?;
                touch()?;
            }
            drop(items);
            touch()?;
        }
        Ok(())
    })
}
