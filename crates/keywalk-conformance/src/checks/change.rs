//! Checks with changes between two fetches.

use keywalk::{Chunk, Cursor, KeyRange, Order};

use super::resume::cut_and_go_on;
use crate::case::{Case, Tried};
use crate::edit::{Edit, Schedule};
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
    })?;
    // Some large chunks, by items that are cut amid a chunk too.
    let keys = runner.many_keys(500);
    let plans = runner.orders().iter();
    for plan in plans.flat_map(|order| [everywhere(&keys, *order), in_and_out(&keys, *order)]) {
        runner.attempt(|case| Run::start(case, &plan)?.by_chunks(case))?;
        runner.attempt(|case| {
            let run = Run::start(case, &plan)?;
            cut_and_go_on::<H, Cursor<_>>(case, run, plan.cut, |case, run| run.mutate(case))
        })?;
    }
    Ok(())
}

/// Returns a plan of chunks of 100 items, with changes before each: of every eleventh key, at the cursor, and at the ends
/// of the store.
fn everywhere<K: Ord + Clone>(keys: &[K], order: Order) -> Plan<K> {
    let turn = |turn| {
        let some = keys.iter().cloned().enumerate().skip(turn).step_by(11);
        let some = some.map(|(at, key)| match at % 3 {
            0 => Edit::Delete(key),
            _ => Edit::Put(key),
        });
        let at_the_cursor = [Edit::DeleteCursor, Edit::InsertAhead, Edit::InsertBehind];
        let at_the_ends = [Edit::DeleteAhead, Edit::DeleteLast, Edit::Append];
        some.chain(at_the_cursor).chain(at_the_ends).collect()
    };
    let there = keys.iter().enumerate().filter(|(at, _)| at % 5 != 4);
    let edits = Schedule::new(keys.to_vec()).initially(there.map(|(_, key)| key.clone()));
    Plan {
        edits: Schedule {
            turns: (0..8).map(turn).collect(),
            ..edits
        },
        second_chunk_size: 130,
        cut: 150,
        ..Plan::of_all(order, 100)
    }
}

/// Returns a plan of chunks of 100 items, and of 40 after it is resumed. Before each, a row comes in behind the walk, and
/// one goes out ahead of it, so their number stays and their places change.
fn in_and_out<K: Ord + Clone>(keys: &[K], order: Order) -> Plan<K> {
    let there = keys.iter().cloned().step_by(2);
    Plan {
        edits: Schedule::new(keys.to_vec()).initially(there),
        always: vec![Edit::InsertBehind, Edit::DeleteAhead],
        second_chunk_size: 40,
        cut: 120,
        ..Plan::of_all(order, 100)
    }
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
            edits: Schedule::new(keys.clone()).initially(few.to_vec()),
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
                edits: Schedule::new(keys.clone()),
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
        edits: Schedule::new(keys.clone()).initially(keys.into_iter().step_by(2)),
        always: vec![Edit::DeleteAhead, Edit::Append],
        ..Plan::of_all(Order::Ascending, 2)
    };
    runner.attempt(|case| Run::start(case, &plan)?.by_chunks(case))
}

/// Changes the store and uses it exclusively at three points: after every chunk, amid a chunk's items, and after an
/// unfinished walk is dropped.
pub(super) fn nothing_is_held_between_fetches<H: Harness>(runner: &Runner<H>) -> Checked {
    runner.needs(|can| can.mutation)?;
    // Few keys, and chunks of as many items as are held only then, a dozen of them.
    for (keys, sizes, every) in [
        (runner.some_keys(12), &[1, 5, 100][..], 1),
        (runner.many_keys(1_200), &[100, 300], 70),
    ] {
        let Some((spare, keys)) = keys.split_last() else {
            continue;
        };
        runner.in_each_order(keys, |case, _, order| {
            let mut sizes = sizes.iter();
            sizes
                .try_for_each(|size| holds_nothing(case, spare, &Plan::of_all(order, *size), every))
        })?;
    }
    Ok(())
}

fn holds_nothing<H: Harness>(
    case: &Case<H>,
    spare: &H::Key,
    plan: &Plan<H::Key>,
    every: usize,
) -> Tried<H> {
    let touch = || {
        case.with_exclusive_access()?;
        case.put(spare)?;
        case.delete(spare)?;
        case.with_exclusive_access()
    };
    let mut chunks = plan.walk(case.source()?).chunks();
    while chunks.next().map_err(|error| unexpected(&error))?.is_some() {
        touch()?;
    }
    touch()?;
    let mut items = plan.walk(case.source()?).items();
    for (at, item) in items.by_ref().take(3 * every).enumerate() {
        item.map_err(|error| unexpected(&error))?;
        if at % every == 0 {
            touch()?;
        }
    }
    drop(items);
    touch()
}
