//! A whole walk over a store that nobody changes, or only in front of the walk.

use std::fmt::Debug;

use keywalk::{Order, Walk};

use crate::history::{Breach, Flaw};
use crate::lab::{Lab, Stop};
use crate::plan::Plan;
use crate::run::{Run, unexpected};
use crate::trial::{HarnessBreach, Trial};
use crate::{Clause, Harness, Schedule};

pub(super) fn every_chunk_size_gives_the_same_walk<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    let keys = lab.some_keys(14);
    lab.attempt_with(&keys, |trial, keys| {
        for order in lab.orders() {
            for size in (1..=keys.len() + 1).chain([usize::MAX]) {
                by_chunks_and_items(trial, &Plan::of_all(*order, size))?;
            }
        }
        Ok(())
    })?;
    lab.law(&lab.plans(), |trial, plan| {
        let plan = plan.clone().still();
        trial.put_all(&plan.schedule.initial)?;
        by_chunks_and_items(trial, &plan)
    })
}

fn by_chunks_and_items<H: Harness>(
    trial: &Trial<H>,
    plan: &Plan<H::Key>,
) -> Result<(), HarnessBreach<H>> {
    Run::again(trial, plan).by_chunks(trial)?;
    let walk = plan.walk(trial.source()?);
    let size = plan.chunk_size;
    Run::again(trial, plan)
        .by_items(trial, walk, size, usize::MAX)
        .map(drop)
}

/// Many more than 300 items, in chunks of more than 64 and of two: more than one page of whatever a
/// store pages by, and more fetches than a source may have counted on.
pub(super) fn long_walks_have_every_item<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    let keys = lab.some_keys(1_100);
    lab.attempt_with(&keys, |trial, _| {
        for order in lab.orders() {
            for size in [2, 65, 100, 200, 256, 257, 300, 512, 1_050] {
                Run::again(trial, &Plan::of_all(*order, size)).by_chunks(trial)?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

pub(super) fn after_the_end_nothing_comes<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    let keys = lab.some_keys(8);
    let Some((spare, keys)) = keys.split_last() else {
        return Ok(());
    };
    lab.attempt_with(keys, |trial, _| {
        for size in [1, 7, 8] {
            for live in [false, true] {
                // What is put after the end is there, and isn't the ended walk's.
                let plan = Plan {
                    schedule: Schedule::new([spare.clone()]),
                    live,
                    ..Plan::of_all(Order::Ascending, size)
                };
                by_chunks_and_items(trial, &plan)?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

pub(super) fn nothing_is_read_before_the_first_item<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.needs(|can| can.mutation)?;
    if lab.capabilities().snapshot.is_yes() {
        return Err(Stop::Skipped(
            "a snapshot may be taken when the source is opened",
        ));
    }
    let keys = lab.some_keys(6);
    lab.attempt(|trial| {
        let (even, odd): (Vec<_>, Vec<_>) =
            keys.iter().enumerate().partition(|(at, _)| at % 2 == 0);
        trial.put_all(even.iter().map(|(_, key)| *key))?;
        let plan = Plan::of_all(Order::Ascending, 2);
        let reads = trial.harness()?.reads();
        let source = trial.source()?;
        let walk = plan.walk(source);
        trial.note("a walk is made, and nothing is asked of it yet");
        if reads != trial.harness()?.reads() {
            return Err(
                Breach::new(Flaw::Said("items were read before the first was asked for"))
                    .of(Clause::G13),
            );
        }
        // What is there at the first question is what counts.
        trial.put_all(odd.iter().map(|(_, key)| *key))?;
        for (_, key) in &even {
            trial.delete(key)?;
        }
        let mut run = Run::again(trial, &plan);
        run.by_items(trial, walk, 2, usize::MAX)
            .map(drop)
            .map_err(|breach| match breach.clause() {
                Clause::G7 | Clause::G5 => breach.of(Clause::G13),
                _ => breach,
            })
    })?;
    Ok(())
}

/// With a chunk handed out, everything ahead of it is rewritten: what comes is what is there now.
pub(super) fn no_more_than_a_chunk_is_buffered<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.needs(|can| can.mutation)?;
    if lab.capabilities().snapshot.is_yes() {
        return Err(Stop::Skipped("a snapshot answers what was there"));
    }
    let keys = lab.some_keys(60);
    lab.attempt_with(&keys, |trial, keys| {
        for size in [1, 5, 20] {
            for order in lab.orders() {
                let mut chunks = Walk::new(trial.source()?)
                    .order(*order)
                    .chunk_size(size)
                    .chunks();
                loop {
                    let next = chunks.next().map(|chunk| chunk.map(|items| items.len()));
                    let witness = chunks.source();
                    witness
                        .judge_last()
                        .map_err(|breach| match breach.clause() {
                            Clause::G7 | Clause::G5 => breach.of(Clause::G13).hint(
                                "items that were read ahead? A fetch reads about as many as it \
                                 is asked for",
                            ),
                            _ => breach,
                        })?;
                    match next.map_err(|error| unexpected(&error))? {
                        Some(count) if count > size => {
                            return Err(Breach::new(Flaw::HandedOut).got(count));
                        }
                        Some(_) => trial.put_all(keys)?,
                        None => break,
                    }
                }
            }
        }
        Ok(())
    })?;
    Ok(())
}

pub(super) fn a_fetch_reads_about_what_it_answers<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.needs(|can| can.counting)?;
    let keys = lab.some_keys(300);
    lab.attempt_with(&keys, |trial, _| {
        for size in [1, 10] {
            for order in lab.orders() {
                let walk = Walk::new(trial.source()?).order(*order).chunk_size(size);
                let before = trial.harness()?.reads().unwrap_or_default();
                let mut items = walk.items();
                let mut taken = 0;
                // The first chunks, and then all: a fetch isn't the dearer the further it is.
                for most in [3 * size, usize::MAX] {
                    while taken < most
                        && let Some(item) = items.next()
                    {
                        item.map_err(|error| unexpected(&error))?;
                        taken += 1;
                    }
                    let read = trial.harness()?.reads().unwrap_or_default() - before;
                    let asked = items.source().questions().len();
                    reads_enough(read, taken, (4 * size + 16) * asked.max(1))?;
                }
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// Not fewer than what came, nor far more than what was asked for.
fn reads_enough<K: Debug>(read: u64, came: usize, most: usize) -> Result<(), Breach<K>> {
    if read < came as u64 {
        let fewer = Flaw::Said("more items came than were read: `reads` doesn't count");
        return Err(Breach::new(fewer).expected(came).got(read));
    }
    if read > most as u64 {
        let much = Flaw::Said("a fetch reads far more than it is asked for");
        return Err(Breach::new(much)
            .of(Clause::G13)
            .expected(format!("at most {most} items read"))
            .got(read)
            .hint("does it seek to its position, and stop when the chunk is full?"));
    }
    Ok(())
}

pub(super) fn two_walks_do_not_disturb_each_other<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    let keys = lab.some_keys(20);
    lab.attempt_with(&keys, |trial, keys| {
        let walk = |order| -> Result<_, HarnessBreach<H>> {
            Ok(Walk::new(trial.source()?)
                .order(order)
                .chunk_size(3)
                .items())
        };
        let orders = lab.orders();
        let mut walks = [walk(orders[0])?, walk(orders[orders.len() - 1])?];
        let mut seen = [0, 0];
        // One goes twice as fast.
        for turn in [0, 0, 1].into_iter().cycle().take(3 * keys.len() + 6) {
            match walks[turn].next() {
                Some(Ok(_)) => seen[turn] += 1,
                Some(Err(error)) => return Err(unexpected(&error)),
                None => {}
            }
            let asked = walks[turn].source().questions().len();
            if asked > 0 {
                walks[turn].source().judge_last()?;
            }
        }
        if seen != [keys.len(); 2] {
            let fewer = Flaw::Said("of two walks in turns, each has all items");
            return Err(Breach::new(fewer)
                .of(Clause::G3)
                .expected(keys.len())
                .got(format!("{seen:?}")));
        }
        Ok(())
    })?;
    Ok(())
}
