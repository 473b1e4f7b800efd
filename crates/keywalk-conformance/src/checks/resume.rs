//! Walks that are cut and go on.

use keywalk::{CursorMismatch, Error, Order, Walk};

use crate::history::{Breach, Flaw};
use crate::lab::{Lab, Stop};
use crate::plan::Plan;
use crate::run::{Run, unexpected};
use crate::trial::{HarnessBreach, Trial};
use crate::{Clause, Harness};

pub(super) fn a_walk_can_be_resumed_at_every_item<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.law_of(lab.few(), &lab.plans(), |trial, plan| {
        let plan = plan.clone().still();
        trial.put_all(&plan.schedule.initial)?;
        for cut in 0..=plan.schedule.initial.len() + 1 {
            trial.note(format!("a walk that is cut after {cut} items"));
            let mut run = Run::again(trial, &plan);
            let cursor = first_part(trial, &mut run, &plan, cut)?;
            run.resume(trial, cursor)?;
        }
        Ok(())
    })
}

pub(super) fn a_walk_can_be_resumed_after_changes<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.needs(|can| can.mutation)?;
    lab.law(&lab.plans(), |trial, plan| {
        let mut run = Run::start(trial, plan)?;
        let cursor = first_part(trial, &mut run, plan, plan.cut)?;
        trial.note("the walk is cut");
        run.resume(trial, cursor)
    })
}

pub(super) fn a_walk_can_be_resumed_after_reopening<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.needs(|can| can.reopening)?;
    lab.law_of(lab.few(), &lab.plans(), |trial, plan| {
        let mut run = Run::start(trial, plan)?;
        let cursor = first_part(trial, &mut run, plan, plan.cut)?;
        trial.reopen()?;
        run.resume(trial, cursor)
    })
}

fn first_part<H: Harness>(
    trial: &Trial<H>,
    run: &mut Run<'_, H>,
    plan: &Plan<H::Key>,
    cut: usize,
) -> Result<keywalk::Cursor<H::Key>, HarnessBreach<H>> {
    let walk = plan.walk(trial.source()?);
    let items = run.by_items(trial, walk, plan.chunk_size, cut)?;
    Ok(items.cursor())
}

/// What is left by a cursor is what is past its key, whether that key was ever there or not.
pub(super) fn a_cursor_goes_on_by_its_key_alone<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    let keys = lab.some_keys(12);
    for order in lab.orders() {
        for taken in 1..=keys.len() {
            // A cursor of a store that holds all the keys.
            let mut cursor = None;
            lab.attempt(|trial| {
                trial.put_all(&keys)?;
                let plan = Plan::of_all(*order, 4);
                let walk = plan.walk(trial.source()?);
                let mut run = Run::again(trial, &plan);
                cursor = Some(run.by_items(trial, walk, 4, taken)?.cursor());
                Ok(())
            })?;
            let Some(cursor) = cursor else { continue };
            // A store that holds every other key only.
            lab.attempt(|trial| {
                let held: Vec<_> = keys.iter().step_by(2).cloned().collect();
                trial.put_all(&held)?;
                let left = cursor.range();
                let is_left = |key: &&H::Key| !cursor.is_done() && left.admits(key);
                let expected = held.iter().filter(is_left).count();
                let walk = Walk::new(trial.source()?).resume(cursor.clone());
                let mut items = walk.items();
                let count = items
                    .by_ref()
                    .try_fold(0, |count, item| item.map(|_| count + 1))
                    .map_err(|error| unexpected(&error))?;
                items.source().judge_last()?;
                if count != expected {
                    let other = Flaw::Said("a cursor goes on with what is past its key");
                    return Err(Breach::new(other)
                        .of(Clause::G10)
                        .expected(format!("{expected} items"))
                        .got(count));
                }
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// A cursor that says something else than the walk's options is refused, and the store isn't asked.
pub(super) fn a_cursor_that_contradicts_the_walk_is_refused<H: Harness>(
    lab: &Lab<H>,
) -> Result<(), Stop> {
    let keys = lab.some_keys(6);
    let [first, second, ..] = &keys[..] else {
        return Ok(());
    };
    lab.attempt_with(&keys, |trial, _| {
        let mut items = Plan::of_all(Order::Ascending, 2)
            .walk(trial.source()?)
            .items();
        let item = items.next().transpose();
        item.map_err(|error| unexpected(&error))?;
        let cursor = items.cursor();
        let resumed = || -> Result<_, HarnessBreach<H>> {
            Ok(Walk::new(trial.source()?).resume(cursor.clone()))
        };
        let refused = [
            (resumed()?.descending(), CursorMismatch::Order),
            (resumed()?.live(), CursorMismatch::Live),
            (
                resumed()?.range(first.clone()..=second.clone()),
                CursorMismatch::Range,
            ),
        ];
        for (walk, mismatch) in refused {
            let mut items = walk.items();
            let error = items.next();
            let is_refused = matches!(&error, Some(Err(Error::Cursor(told))) if *told == mismatch);
            if !is_refused || items.next().is_some() || !items.source().questions().is_empty() {
                let accepted = Flaw::Said("a cursor that contradicts its walk was not refused");
                return Err(Breach::new(accepted).of(Clause::G10).expected(mismatch));
            }
        }
        Ok(())
    })?;
    Ok(())
}
