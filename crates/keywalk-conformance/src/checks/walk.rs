//! Checks of whole walks over a store that doesn't change, or only ahead of the walk.

use std::fmt::Debug;
use std::thread;

use keywalk::{Cursor, Items, Order, Prefetched, Walk};

use super::faults::every_fault;
use crate::case::{Case, SourceOf, Tried};
use crate::clause::Clause;
use crate::faults::Fault;
use crate::harness::{Harness, PrefetchedHarness};
use crate::history::{FailureKind, Violation};
use crate::run::{ByItems, Plan, Run, Walks, unexpected};
use crate::runner::{Checked, Runner};

pub(super) fn every_chunk_size_gives_the_same_walk<H: Harness>(lab: &Runner<H>) -> Checked {
    lab.in_each_order(&lab.some_keys(14), |trial, keys, order| {
        let mut sizes = (1..=keys.len() + 1).chain([usize::MAX]);
        sizes.try_for_each(|size| by_chunks_and_items(trial, &Plan::of_all(order, size)))
    })?;
    lab.law(&lab.plans(), &|trial, plan| {
        let plan = plan.clone().still();
        trial.put_all(&plan.edits.initial)?;
        by_chunks_and_items(trial, &plan)
    })
}

fn by_chunks_and_items<H: Harness>(trial: &Case<H>, plan: &Plan<H::Key>) -> Tried<H> {
    Run::again(trial, plan).by_chunks(trial)?;
    Run::again(trial, plan).by_all_items(trial)
}

/// Walks up to 1,100 items in chunks of 2 to 1,050 items. That is more than one page of most stores, and more fetches
/// than a source may expect.
pub(super) fn long_walks_have_every_item<H: Harness>(lab: &Runner<H>) -> Checked {
    lab.in_each_order(&lab.some_keys(1_100), |trial, _, order| {
        let sizes = [2, 65, 100, 200, 256, 257, 300, 512, 1_050];
        let plans = sizes.map(|size| Plan::of_all(order, size));
        let mut plans = plans.iter();
        plans.try_for_each(|plan| Run::again(trial, plan).by_chunks(trial))
    })
}

pub(super) fn nothing_is_read_before_the_first_item<H: Harness>(lab: &Runner<H>) -> Checked {
    lab.needs(|can| can.mutation)?;
    lab.needs_no_snapshot("a snapshot may be taken when the source is opened")?;
    let keys = lab.some_keys(6);
    lab.attempt(|trial| {
        let even = || keys.iter().step_by(2);
        trial.put_all(even())?;
        let plan = Plan::of_all(Order::Ascending, 2);
        let reads = trial.harness()?.rows_read();
        let walk = plan.walk(trial.source()?);
        trial.note("a walk is made, and nothing is asked of it yet");
        if reads != trial.harness()?.rows_read() {
            let early = "items were read before the first was asked for";
            return Err(Violation::said(Clause::G13, early));
        }
        // The walk must yield what the store holds at the first request.
        trial.put_all(keys.iter().skip(1).step_by(2))?;
        even().try_for_each(|key| trial.delete(key))?;
        let walked = Run::again(trial, &plan).by_items(trial, walk, 2, usize::MAX);
        walked.map(drop).map_err(early)
    })
}

/// Makes a violation of reading ahead of the request.
fn early<K: Debug>(violation: Violation<K>) -> Violation<K> {
    match violation.clause() {
        Clause::G7 | Clause::G5 => violation.of(Clause::G13),
        _ => violation,
    }
}

/// Rewrites everything ahead of a yielded chunk. The walk must yield the new values.
pub(super) fn no_more_than_a_chunk_is_buffered<H: Harness>(lab: &Runner<H>) -> Checked {
    lab.needs(|can| can.mutation)?;
    lab.needs_no_snapshot("a snapshot answers what was there")?;
    lab.in_each_order(&lab.some_keys(60), |trial, keys, order| {
        for size in [1, 5, 20] {
            let mut chunks = Plan::of_all(order, size).walk(trial.source()?).chunks();
            loop {
                let next = chunks.next().map(|chunk| chunk.map(|items| items.len()));
                trial.judge_last(chunks.source()).map_err(|violation| {
                    let violation = early(violation);
                    match violation.clause() {
                        Clause::G13 => violation.hint(
                            "items that were read ahead? A fetch reads about as many as it is \
                             asked for",
                        ),
                        _ => violation,
                    }
                })?;
                match next.map_err(|error| unexpected(&error))? {
                    Some(count) if count > size => {
                        return Err(Violation::new(FailureKind::HandedOut).got(count));
                    }
                    Some(_) => trial.put_all(keys)?,
                    None => break,
                }
            }
        }
        Ok(())
    })
}

pub(super) fn a_fetch_reads_about_what_it_answers<H: Harness>(lab: &Runner<H>) -> Checked {
    lab.needs(|can| can.counting)?;
    lab.in_each_order(&lab.some_keys(300), |trial, _, order| {
        for size in [1, 10] {
            let walk = Plan::of_all(order, size).walk(trial.source()?);
            let reads = || {
                trial
                    .harness()
                    .map(|harness| harness.rows_read().unwrap_or_default())
            };
            let before = reads()?;
            let mut items = walk.items();
            let mut taken = 0;
            // Compares the first chunks with the whole walk: a later fetch must not cost more.
            for most in [3 * size, usize::MAX] {
                while taken < most
                    && let Some(item) = items.next()
                {
                    item.map_err(|error| unexpected(&error))?;
                    taken += 1;
                }
                let asked = items.source().log().len();
                reads_enough(reads()? - before, taken, (4 * size + 16) * asked.max(1))?;
            }
        }
        Ok(())
    })
}

/// Allows no fewer reads than items, and not far more reads than requested items.
fn reads_enough<K: Debug>(read: u64, came: usize, most: usize) -> Result<(), Violation<K>> {
    if read < came as u64 {
        let fewer = "more items came than were read: `reads` doesn't count";
        return Err(Violation::said(Clause::Harness, fewer)
            .expected(came)
            .got(read));
    }
    if read > most as u64 {
        let much = "a fetch reads far more than it is asked for";
        return Err(Violation::said(Clause::G13, much)
            .expected(format!("at most {most} items read"))
            .got(read)
            .hint("does it seek to its position, and stop when the chunk is full?"));
    }
    Ok(())
}

pub(super) fn two_walks_do_not_disturb_each_other<H: Harness>(lab: &Runner<H>) -> Checked {
    lab.attempt_with(&lab.some_keys(20), &|trial, keys| {
        let walk =
            |order| -> Tried<H, _> { Ok(Plan::of_all(order, 3).walk(trial.source()?).items()) };
        let orders = lab.orders();
        let mut walks = [walk(orders[0])?, walk(orders[orders.len() - 1])?];
        let mut seen = [0, 0];
        // One walk goes twice as fast as the other.
        for turn in [0, 0, 1].into_iter().cycle().take(3 * keys.len() + 6) {
            match walks[turn].next() {
                Some(Ok(_)) => seen[turn] += 1,
                Some(Err(error)) => return Err(unexpected(&error)),
                None => {}
            }
            trial.judge_last(walks[turn].source())?;
        }
        if seen != [keys.len(); 2] {
            let fewer = "of two walks in turns, each has all items";
            let violation = Violation::said(Clause::G3, fewer).expected(keys.len());
            return Err(violation.got(format!("{seen:?}")));
        }
        Ok(())
    })
}

const DEPTH: usize = 2;

/// A prefetched walk must return the same as one in this thread, although it fills several chunks in turns.
pub(super) fn a_prefetched_walk_is_the_same_walk<H: PrefetchedHarness>(lab: &Runner<H>) -> Checked {
    lab.in_each_order(&lab.some_keys(10), |trial, keys, order| {
        for size in (1..=keys.len() + 1).chain([usize::MAX]) {
            let plan = Plan::of_all(order, size);
            let run = Run::again(trial, &plan);
            let source = trial.source()?;
            let (opened, log) = (source.opened, source.log());
            let reader = trial.source()?;
            let mut chunks = plan.walk(source).prefetch(DEPTH).chunks();
            let (mut entries, mut handed_out) = (Vec::new(), 0);
            let error = loop {
                match chunks.next() {
                    Ok(Some(items)) => entries.extend(items.iter().map(|item| reader.entry(item))),
                    Ok(None) => break None,
                    Err(error) => break Some(error),
                }
                handed_out += 1;
                // Waits until the thread is as far ahead as it gets, so that its speed doesn't matter.
                while !run.has_fetched(trial, &log.from(0), handed_out + DEPTH) {
                    thread::yield_now();
                }
            };
            run.of_all(trial, (opened, &log.from(0)), entries, error.as_ref())?;
        }
        Ok(())
    })
}

/// Items that were fetched before the fault must come before it, and the cursor must be after them.
pub(super) fn a_prefetched_fault_comes_in_its_place<H: PrefetchedHarness>(
    lab: &Runner<H>,
) -> Checked {
    every_fault::<H, Ahead>(lab, Fault::Once)?;
    every_fault::<H, Ahead>(lab, Fault::From)
}

/// Walks in another thread, one or more chunks ahead.
struct Ahead;

impl<H: PrefetchedHarness> Walks<H> for Ahead {
    fn items<'t>(walk: Walk<SourceOf<'t, H>>) -> Box<dyn ByItems<'t, H> + 't> {
        Box::new(walk.prefetch(DEPTH).items())
    }
}

impl<'t, H: PrefetchedHarness> ByItems<'t, H>
    for Items<SourceOf<'t, H>, Prefetched<SourceOf<'t, H>>>
{
    fn cursor(&self) -> Cursor<H::Key> {
        Items::cursor(self)
    }
}
