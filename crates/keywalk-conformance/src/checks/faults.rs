//! What a walk does when its store fails.

use keywalk::{Chunk, ChunkSource, Error, Order, Walk};

use crate::history::{Answer, Breach, Flaw, Items, Question};
use crate::lab::{Lab, Stop};
use crate::plan::Plan;
use crate::run::{Run, unexpected};
use crate::trial::{HarnessBreach, Trial};
use crate::witness::Witness;
use crate::{Clause, Fault, Faults, Harness, Schedule};

/// Of a walk of so few rows. Whoever has more than these counts something else, or has no end.
const MOST_OPERATIONS: u64 = 3_000;

/// Few, so that every operation of a walk can be made to fail.
pub(super) const KEYS: usize = 5;

pub(super) fn a_transient_fault_is_said_and_loses_nothing<H: Harness>(
    lab: &Lab<H>,
) -> Result<(), Stop> {
    every_fault(lab, Fault::Once)
}

pub(super) fn a_lasting_fault_is_said_and_loses_nothing<H: Harness>(
    lab: &Lab<H>,
) -> Result<(), Stop> {
    every_fault(lab, Fault::From)
}

/// Fails a walk's first operation, its second, … until it has no more.
fn every_fault<H: Harness>(lab: &Lab<H>, fault: fn(u64) -> Fault) -> Result<(), Stop> {
    lab.needs(|can| can.faults)?;
    let keys = lab.some_keys(KEYS);
    for order in lab.orders() {
        let plan = Plan {
            schedule: Schedule::new(keys.clone()),
            ..Plan::of_all(*order, 2)
        };
        // Without a fault first: what is wrong then isn't the fault's.
        let mut clean = Vec::new();
        lab.attempt(|trial| {
            let walk = plan.walk(trial.source()?);
            let walked = Run::start(trial, &plan)?.by_items(trial, walk, 2, usize::MAX)?;
            clean = walked.source().questions().to_vec();
            Ok(())
        })?;
        each_operation(lab, |trial, number| {
            trial.put_all(&keys)?;
            walk_beside(trial, &plan, fault(number), &clean)
        })?;
    }
    Ok(())
}

/// Has a store's first operation fail, its second, … until none does any more; `attempt` tells how many did.
pub(super) fn each_operation<H: Harness>(
    lab: &Lab<H>,
    attempt: impl Fn(&mut Trial<H>, u64) -> Result<u64, HarnessBreach<H>>,
) -> Result<(), Stop> {
    for number in 1..=MOST_OPERATIONS {
        let mut failed = 0;
        lab.attempt(|trial| {
            failed = attempt(trial, number)?;
            Ok(())
        })?;
        if failed == 0 {
            return Ok(());
        }
    }
    let endless = "of a few rows, there is always another operation to fail";
    lab.attempt(|_| {
        Err(Breach::new(Flaw::Said(endless))
            .expected(format!("at most {MOST_OPERATIONS} operations"))
            .hint("does `disarm` count what failed since `arm`? If so, let an operation be more"))
    })?;
    Ok(())
}

/// Walks until the fault is said, and goes on without it. How many operations failed?
fn walk_beside<H: Harness>(
    trial: &Trial<H>,
    plan: &Plan<H::Key>,
    fault: Fault,
    clean: &[Question<H::Key>],
) -> Result<u64, HarnessBreach<H>> {
    let faults = faults(trial)?;
    let mut items = plan.walk(trial.source()?).items();
    trial.note(format!("from here on operations fail: {fault:?}"));
    faults.arm(fault);
    let mut seen = Vec::new();
    let mut error = None;
    for item in items.by_ref() {
        match item {
            Ok(item) => seen.push(item),
            Err(said) => error = Some(said),
        }
    }
    let asked = items.source().questions().len();
    let is_fused = items.next().is_none() && items.source().questions().len() == asked;
    let fired = faults.disarm();
    trial.note("from here on nothing fails");
    let seen: Vec<_> = seen.iter().map(|item| items.source().entry(item)).collect();
    match error {
        None if fired > 0 => looks_alike(items.source(), clean, plan.order)?,
        None => {}
        Some(Error::Source(_)) if fired == 0 => {
            return Err(Breach::new(Flaw::Failed));
        }
        Some(Error::Source(_)) => is_let_go(trial, &seen)?,
        Some(error) => return Err(unexpected::<H::Key, _>(&error).of(Clause::G11)),
    }
    if !is_fused {
        return Err(Breach::new(Flaw::Said("the walk went on after its error")).of(Clause::G12));
    }
    // What it handed out, and what comes after, are one walk.
    let rest = Walk::new(trial.source()?).resume(items.cursor()).items();
    let rest = entries(rest)?;
    let expected: Vec<_> = clean
        .iter()
        .flat_map(items_handed_out(plan.order))
        .collect();
    let got: Vec<_> = seen.into_iter().chain(rest).collect();
    if got != expected {
        let lost = Flaw::Said("after an error, what came and what comes are not one walk");
        return Err(Breach::new(lost)
            .of(Clause::G11)
            .expected(format!("{expected:?}"))
            .got(format!("{got:?}"))
            .hint("is an error taken for the end, or did the position move without its items?"));
    }
    Ok(fired)
}

/// The walk that failed is still there, and holds nothing (G14).
fn is_let_go<H: Harness>(trial: &Trial<H>, seen: &[(H::Key, u64)]) -> Result<(), HarnessBreach<H>> {
    if !H::capabilities().mutation.is_yes() {
        return Ok(());
    }
    trial.use_alone()?;
    // A key that came: it isn't asked for again.
    seen.first().map_or(Ok(()), |(key, _)| trial.put(key))
}

fn entries<H: Harness>(
    mut items: keywalk::Items<Witness<'_, H>>,
) -> Result<Vec<(H::Key, u64)>, HarnessBreach<H>> {
    let mut entries = Vec::new();
    while let Some(item) = items.next() {
        let item = item.map_err(|error| unexpected::<H::Key, _>(&error).of(Clause::G11))?;
        entries.push(items.source().entry(&item));
    }
    Ok(entries)
}

/// The items of a walk's own questions, not of its search for the last key.
fn items_handed_out<K: Clone>(order: Order) -> impl Fn(&Question<K>) -> Vec<(K, u64)> {
    move |question| match &question.answer {
        Answer::Items(answer) if question.range.order() == order => answer.items.clone(),
        _ => Vec::new(),
    }
}

/// An operation failed, and no error was said: then it was tried again, and the walk is the same as
/// without the fault.
fn looks_alike<H: Harness>(
    witness: &Witness<'_, H>,
    clean: &[Question<H::Key>],
    order: Order,
) -> Result<(), HarnessBreach<H>> {
    let swallowed = "an operation failed, and less was answered instead of the error";
    // The last key may be looked for in another way.
    let is_of_walk = |question: &&Question<H::Key>| {
        question.range.order() == order && matches!(question.answer, Answer::Items(_))
    };
    let questions = witness.questions().iter().filter(is_of_walk);
    for (question, clean) in questions.zip(clean.iter().filter(is_of_walk)) {
        if let (Answer::Items(answer), Answer::Items(whole)) = (&question.answer, &clean.answer) {
            if answer == whole {
                continue;
            }
            let what = match (&answer.fetched, is_full(whole)) {
                (keywalk::Fetched::End, _) => "an operation failed, and the end was said",
                // Pages that are short without a fault may be shorter with one.
                (_, false) => return Ok(()),
                (_, true) => swallowed,
            };
            return Err(Breach::new(Flaw::Said(what))
                .of(Clause::G11)
                .expected(format!("the error, or {:?}", whole.items))
                .got(format!("{:?}, {:?}", answer.items, answer.fetched))
                .hint("half a chunk is thrown away: the same range is asked again"));
        }
    }
    Ok(())
}

fn is_full<K>(answer: &Items<K>) -> bool {
    answer.items.len() == answer.limit
}

/// The same source is asked the same again, with and without the fault.
pub(super) fn a_failed_fetch_can_be_asked_again<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.needs(|can| can.faults)?;
    let keys = lab.some_keys(KEYS);
    each_operation(lab, |trial, number| {
        trial.put_all(&keys)?;
        let faults = faults(trial)?;
        let mut source = trial.source()?;
        let mut range = keywalk::KeyRange::all(Order::Ascending);
        let mut chunk = Chunk::with_limit(2);
        let mut failed = 0;
        for turn in 0..=keys.len() {
            // The second time the slots of the failed fetch are there.
            if turn == 1 {
                trial.note(format!(
                    "from here on operation {number} fails, and all after it"
                ));
                faults.arm(Fault::From(number));
                for _ in 0..2 {
                    chunk.clear();
                    // Whatever it says.
                    drop(source.fetch(&range, &mut chunk));
                }
                failed = faults.disarm();
                trial.note("from here on nothing fails");
            }
            let covered = source.ask(&range, &mut chunk);
            let covered = covered.map_err(|breach| match turn {
                0 => breach,
                _ => breach.of(Clause::G11),
            })?;
            match covered {
                Some(key) => range.advance_past(key),
                None => break,
            }
        }
        Ok(failed)
    })
}

pub(super) fn faults<H: Harness>(trial: &Trial<H>) -> Result<&dyn Faults, HarnessBreach<H>> {
    let none = "faults are declared, and the harness has none";
    let faults = trial.harness()?.faults();
    faults.ok_or_else(|| Breach::new(Flaw::Said(none)))
}

/// Whether any operation of a walk can be made to fail.
pub(super) fn fire<H: Harness>(trial: &Trial<H>) -> Result<bool, HarnessBreach<H>> {
    let faults = faults(trial)?;
    let mut source = trial.source()?;
    faults.arm(Fault::From(1));
    let mut chunk = Chunk::with_limit(2);
    // Whatever they say.
    drop(source.fetch(&keywalk::KeyRange::all(Order::Ascending), &mut chunk));
    Walk::new(source).items().for_each(drop);
    Ok(faults.disarm() > 0)
}
