//! What a prefetched walk does when its store fails.

use std::fmt::Debug;

use keywalk::{Error, Order, Walk};

use super::faults::{KEYS, each_operation, faults};
use crate::ahead::AheadRun;
use crate::history::{Answer, Breach, Flaw};
use crate::lab::{Lab, Stop};
use crate::plan::Plan;
use crate::run::{not_fused, unexpected};
use crate::trial::{HarnessBreach, Trial};
use crate::{Clause, Fault, PrefetchedHarness, Schedule};

/// What was fetched before the fault comes before it, and the cursor stands behind it.
pub(super) fn a_prefetched_fault_comes_in_its_place<H: PrefetchedHarness>(
    lab: &Lab<H>,
) -> Result<(), Stop> {
    lab.needs(|can| can.faults)?;
    let keys = lab.some_keys(KEYS);
    every_fault(lab, &keys, 1, Fault::Once)?;
    every_fault(lab, &keys, 3, Fault::From)
}

/// Fails a walk's first operation, its second, … until it has no more.
fn every_fault<H: PrefetchedHarness>(
    lab: &Lab<H>,
    keys: &[H::Key],
    depth: usize,
    fault: fn(u64) -> Fault,
) -> Result<(), Stop> {
    for order in lab.orders() {
        let plan = Plan {
            schedule: Schedule::new(keys.to_vec()),
            ..Plan::of_all(*order, 2)
        };
        // Without a fault first: what is wrong then isn't the fault's.
        lab.attempt(|trial| AheadRun::start(trial, &plan, depth)?.by_chunks(trial, |_| Ok(())))?;
        each_operation(lab, |trial, number| {
            trial.put_all(keys)?;
            walk_beside(trial, *order, depth, fault(number))
        })?;
    }
    Ok(())
}

/// Walks until the fault is said, and goes on without it. How many operations failed?
fn walk_beside<H: PrefetchedHarness>(
    trial: &Trial<H>,
    order: Order,
    depth: usize,
    fault: Fault,
) -> Result<u64, HarnessBreach<H>> {
    let reader = trial.source()?;
    let entries = |walk: Walk<_>| -> Result<Vec<_>, HarnessBreach<H>> {
        walk.into_iter()
            .map(|item| item.map(|item| reader.entry(&item)))
            .collect::<Result<_, _>>()
            .map_err(|error| unexpected(&error))
    };
    let expected = entries(Walk::new(trial.source()?).order(order))?;
    let faults = faults(trial)?;
    let scribe = trial.scribe()?;
    let log = scribe.log();
    let walk = Walk::new(scribe).order(order).chunk_size(2);
    let mut items = walk.prefetch(depth).items();
    trial.note(format!("from here on operations fail: {fault:?}"));
    faults.arm(fault);
    let mut seen = Vec::new();
    let mut error = None;
    for item in items.by_ref() {
        match item {
            Ok(_) if error.is_some() => return Err(not_fused()),
            Ok(item) => seen.push(reader.entry(&item)),
            Err(said) => error = Some(said),
        }
    }
    let fired = faults.disarm();
    trial.note("from here on nothing fails");
    match &error {
        Some(Error::Source(_)) if fired == 0 => return Err(Breach::new(Flaw::Failed)),
        Some(Error::Source(_)) | None => {}
        Some(error) => return Err(unexpected::<H::Key, _>(error).of(Clause::G11)),
    }
    let of_walk = log.from(0).into_iter().filter_map(|question| {
        match (question.range.order() == order, question.answer) {
            (true, Answer::Items(answer)) => Some(answer.items),
            _ => None,
        }
    });
    let fetched: Vec<_> = of_walk.flatten().collect();
    let lost = |what, expected: &dyn Debug, got: &dyn Debug| {
        Err(Breach::new(Flaw::Said(what))
            .of(Clause::G11)
            .expected(format!("{expected:?}"))
            .got(format!("{got:?}")))
    };
    if seen != fetched {
        return lost(
            "what was fetched before an error comes before it",
            &fetched,
            &seen,
        );
    }
    let rest = Walk::new(trial.source()?).resume(items.cursor());
    seen.extend(entries(rest)?);
    if seen != expected {
        let what = "after an error, what came and what comes are not one walk";
        return lost(what, &expected, &seen);
    }
    Ok(fired)
}
