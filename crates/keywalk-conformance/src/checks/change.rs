//! Checks with changes between two fetches.

use keywalk::{Chunk, KeyRange, Order};

use crate::edit::{Edit, Edits};
use crate::harness::Harness;
use crate::run::{Plan, Run, unexpected};
use crate::runner::{Checked, Runner};

pub(super) fn every_fetch_is_exact_during_changes<H: Harness>(runner: &Runner<H>) -> Checked {
    runner.needs(|can| can.mutation)?;
    runner.law(&runner.plans(), &|case, plan| {
        Run::start(case, plan)?.by_chunks(case)
    })?;
    runner.law(&runner.plans(), &|case, plan| {
        Run::start(case, plan)?.by_all_items(case)
    })
}

/// Defines checks that make these edits before every chunk.
macro_rules! beside {
    ($($name:ident: $($edit:ident)+;)+) => {$(
        pub(super) fn $name<H: Harness>(runner: &Runner<H>) -> Checked {
            beside(runner, &[$(Edit::$edit),+])
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
    runner: &Runner<H>,
) -> Checked {
    beside(runner, &[Edit::Append])?;
    // Appends far more keys than the store held.
    let keys = runner.some_keys(60);
    for order in runner.orders() {
        let few = match order {
            Order::Ascending => &keys[..keys.len().min(4)],
            Order::Descending => &keys[keys.len().saturating_sub(4)..],
        };
        let plan = Plan {
            edits: Edits::among(keys.clone()).initially(few.to_vec()),
            always: vec![Edit::Append],
            ..Plan::of_all(*order, 1)
        };
        runner.attempt(|case| Run::start(case, &plan)?.by_chunks(case))?;
    }
    Ok(())
}

pub(super) fn clearing_the_store_ends_the_walk<H: Harness>(runner: &Runner<H>) -> Checked {
    runner.needs(|can| can.mutation)?;
    runner.law(&runner.plans(), &|case, plan| {
        // Clears the store after the chunk at which the plan cuts.
        let mut cleared = plan.clone().still();
        cleared.edits.turns = vec![Vec::new(); plan.cut % 4];
        cleared.edits.turns.push(vec![Edit::Clear]);
        Run::start(case, &cleared)?.by_chunks(case)
    })
}

fn beside<H: Harness>(runner: &Runner<H>, always: &[Edit<H::Key>]) -> Checked {
    runner.needs(|can| can.mutation)?;
    // One plan that certainly makes these edits, whatever the random plans are.
    let keys = runner.some_keys(12);
    for order in runner.orders() {
        for live in [false, true] {
            let plan = Plan {
                edits: Edits::among(keys.clone()),
                live,
                always: always.to_vec(),
                ..Plan::of_all(*order, 2)
            };
            runner.attempt_with(&keys, &|case, _| Run::again(case, &plan).by_chunks(case))?;
        }
    }
    runner.law(&runner.plans_of(always), &|case, plan| {
        Run::start(case, plan)?.by_chunks(case)
    })
}

/// Repeats the same requests on the same source.
pub(super) fn a_refetch_sees_the_latest<H: Harness>(runner: &Runner<H>) -> Checked {
    runner.needs(|can| can.mutation)?;
    runner.needs_no_snapshot("a snapshot returns what was there")?;
    runner.law(&runner.plans(), &|case, plan| {
        case.put_all(&plan.edits.initial)?;
        let mut source = case.source()?;
        let mut chunk = Chunk::with_limit(plan.chunk_size);
        for key in &plan.edits.pool {
            for is_put in [true, false, true] {
                case.set(key, is_put)?;
                for range in [KeyRange::all(plan.order), plan.range()] {
                    case.fetch(&mut source, &range, &mut chunk)?;
                    case.ask_last_key(&mut source, &range)?;
                }
            }
        }
        Ok(())
    })
}

pub(super) fn a_snapshot_is_stable<H: Harness>(runner: &Runner<H>) -> Checked {
    runner.needs(|can| can.mutation)?;
    runner.needs(|can| can.snapshot)?;
    runner.law(&runner.plans(), &|case, plan| {
        Run::start(case, plan)?.by_chunks(case)
    })?;
    // The same with a plan that certainly changes something.
    let keys = runner.some_keys(12);
    let plan = Plan {
        edits: Edits::among(keys.clone()).initially(keys.into_iter().step_by(2)),
        always: vec![Edit::DeleteAhead, Edit::Append],
        ..Plan::of_all(Order::Ascending, 2)
    };
    runner.attempt(|case| Run::start(case, &plan)?.by_chunks(case))
}

/// Changes the store and uses it exclusively at three points: after every chunk, amid a chunk's items, and after an
/// unfinished walk is dropped.
pub(super) fn nothing_is_held_between_fetches<H: Harness>(runner: &Runner<H>) -> Checked {
    runner.needs(|can| can.mutation)?;
    let keys = runner.some_keys(12);
    let Some((spare, keys)) = keys.split_last() else {
        return Ok(());
    };
    runner.in_each_order(keys, |case, _, order| {
        let touch = || {
            case.with_exclusive_access()?;
            case.put(spare)?;
            case.delete(spare)?;
            case.with_exclusive_access()
        };
        for size in [1, 5, 100] {
            let plan = Plan::of_all(order, size);
            let mut chunks = plan.walk(case.source()?).chunks();
            while chunks.next().map_err(|error| unexpected(&error))?.is_some() {
                touch()?;
            }
            touch()?;
            let mut items = plan.walk(case.source()?).items();
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
