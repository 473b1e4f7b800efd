//! Checks of walks whose store fails.

use keywalk::{Chunk, ChunkSource, Error, Fetched, KeyRange, Order, Walk};

use crate::case::{Case, Entry, Tried};
use crate::clause::Clause;
use crate::edit::Edits;
use crate::faults::{Fault, Faults};
use crate::harness::Harness;
use crate::history::{Answer, FailureKind, Items, Question, Violation};
use crate::run::{Here, Plan, Run, Walks, taken, unexpected};
use crate::runner::{Checked, Runner};

/// The most operations that a walk of so few rows should need. With more, the harness counts something else, or the
/// walk is endless.
const MOST_OPERATIONS: u64 = 3_000;

/// Few keys, so that every operation of a walk can be made to fail.
const KEYS: usize = 5;

pub(super) fn a_transient_fault_is_said_and_loses_nothing<H: Harness>(lab: &Runner<H>) -> Checked {
    every_fault::<H, Here>(lab, Fault::Once)
}

pub(super) fn a_lasting_fault_is_said_and_loses_nothing<H: Harness>(lab: &Runner<H>) -> Checked {
    every_fault::<H, Here>(lab, Fault::From)
}

/// Fails a walk's first operation, then its second, and so on to its last.
pub(super) fn every_fault<H: Harness, W: Walks<H>>(
    lab: &Runner<H>,
    fault: fn(u64) -> Fault,
) -> Checked {
    lab.needs(|can| can.faults)?;
    let keys = lab.some_keys(KEYS);
    for order in lab.orders() {
        let plan = Plan {
            edits: Edits::among(keys.clone()),
            ..Plan::of_all(*order, 2)
        };
        // First without a fault, to exclude other failures.
        let mut clean = Vec::new();
        lab.attempt(|trial| {
            let walk = plan.walk(trial.source()?);
            let walked = Run::start(trial, &plan)?.by_items(trial, walk, 2, usize::MAX)?;
            clean = of_walk(walked.source().log().from(0), *order);
            Ok(())
        })?;
        each_operation(lab, |trial, number| {
            trial.put_all(&keys)?;
            walk_beside::<H, W>(trial, &plan, fault(number), &clean)
        })?;
    }
    Ok(())
}

/// Fails a store's first operation, then its second, and so on until none fails. `attempt` returns how many failed.
fn each_operation<H: Harness>(
    lab: &Runner<H>,
    attempt: impl Fn(&mut Case<H>, u64) -> Tried<H, u64>,
) -> Checked {
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
    lab.fail(
        Violation::said(Clause::Harness, endless)
            .expected(format!("at most {MOST_OPERATIONS} operations"))
            .hint("does `disarm` count what failed since `arm`? If so, let an operation be more"),
    )
}

/// Returns the fetches of a walk without its search for the last key, which may go in the other order.
fn of_walk<K>(questions: Vec<Question<K>>, order: Order) -> Vec<Items<K>> {
    let questions = questions.into_iter();
    let questions = questions.filter(|question| question.range.order() == order);
    let answers = questions.filter_map(|question| match question.answer {
        Answer::Items(answer) => Some(answer),
        _ => None,
    });
    answers.collect()
}

/// Walks until the fault is reported, and continues without it. Returns how many operations failed.
fn walk_beside<H: Harness, W: Walks<H>>(
    trial: &Case<H>,
    plan: &Plan<H::Key>,
    fault: Fault,
    clean: &[Items<H::Key>],
) -> Tried<H, u64> {
    let faults = faults(trial)?;
    let (source, reader) = (trial.source()?, trial.source()?);
    let log = source.log();
    let mut items = W::items(plan.walk(source));
    trial.note(format!("from here on operations fail: {fault:?}"));
    faults.arm(fault);
    let (seen, error) = taken::<H>(&mut *items, &reader);
    let asked = log.len();
    let is_fused = items.next().is_none() && log.len() == asked;
    let fired = faults.disarm();
    trial.note("from here on nothing fails");
    let answers = of_walk(log.from(0), plan.order);
    match error {
        None if fired > 0 => looks_alike(&answers, clean)?,
        None => {}
        Some(Error::Source(_)) if fired == 0 => return Err(Violation::new(FailureKind::Failed)),
        Some(Error::Source(_)) => is_let_go(trial, &seen)?,
        Some(error) => return Err(unexpected::<H::Key, _>(&error).of(Clause::G11)),
    }
    if !is_fused {
        return Err(Violation::said(
            Clause::G12,
            "the walk went on after its error",
        ));
    }
    let fetched = Vec::from_iter(answers.into_iter().flat_map(|answer| answer.items));
    same::<H>(
        "what was fetched before an error comes before it",
        &fetched,
        &seen,
    )?;
    // The items before the fault and those after it must be one walk.
    let rest = Walk::new(trial.source()?).resume(items.cursor());
    let (rest, error) = taken::<H>(&mut *Here::items(rest), &reader);
    if let Some(error) = error {
        return Err(unexpected::<H::Key, _>(&error).of(Clause::G11));
    }
    let expected = Vec::from_iter(clean.iter().flat_map(|answer| answer.items.clone()));
    let lost = "after an error, what came and what comes are not one walk";
    same::<H>(lost, &expected, &[seen, rest].concat())?;
    Ok(fired)
}

fn same<H: Harness>(lost: &'static str, expected: &[Entry<H>], got: &[Entry<H>]) -> Tried<H> {
    if got == expected {
        return Ok(());
    }
    Err(Violation::said(Clause::G11, lost)
        .expected(format!("{expected:?}"))
        .got(format!("{got:?}"))
        .hint("is an error taken for the end, or did the position move without its items?"))
}

/// Checks that a failed walk, which still exists, holds nothing (G14).
fn is_let_go<H: Harness>(trial: &Case<H>, seen: &[Entry<H>]) -> Tried<H> {
    if !H::capabilities().mutation.is_yes() {
        return Ok(());
    }
    trial.with_exclusive_access()?;
    // A key that was yielded, which isn't fetched again.
    seen.first().map_or(Ok(()), |(key, _)| trial.put(key))
}

/// Checks a walk that reported no error although an operation failed. The operation must have been retried, so the walk
/// is the same as without the fault.
fn looks_alike<K: std::fmt::Debug + Clone + Ord>(
    answers: &[Items<K>],
    clean: &[Items<K>],
) -> Result<(), Violation<K>> {
    let mut both = answers.iter().zip(clean);
    let Some((answer, whole)) = both.find(|(answer, whole)| answer != whole) else {
        return Ok(());
    };
    let what = match &answer.fetched {
        Fetched::End => "an operation failed, and the end was said",
        // Pages that are short without a fault may be shorter with one.
        _ if whole.items.len() < whole.limit => return Ok(()),
        _ => "an operation failed, and less was answered instead of the error",
    };
    Err(Violation::said(Clause::G11, what)
        .expected(format!("the error, or {:?}", whole.items))
        .got(format!("{:?}, {:?}", answer.items, answer.fetched))
        .hint("half a chunk is thrown away: the same range is asked again"))
}

/// Repeats the same requests on the same source, with and without the fault.
pub(super) fn a_failed_fetch_can_be_asked_again<H: Harness>(lab: &Runner<H>) -> Checked {
    lab.needs(|can| can.faults)?;
    let keys = lab.some_keys(KEYS);
    each_operation(lab, |trial, number| {
        trial.put_all(&keys)?;
        let faults = faults(trial)?;
        let mut source = trial.source()?;
        let mut range = KeyRange::all(Order::Ascending);
        let mut chunk = Chunk::with_limit(2);
        let mut failed = 0;
        for turn in 0..=keys.len() {
            // On the second attempt the chunk still has the slots of the failed fetch.
            if turn == 1 {
                trial.note(format!(
                    "from here on operation {number} fails, and all after it"
                ));
                faults.arm(Fault::From(number));
                for _ in 0..2 {
                    chunk.clear();
                    // The answer doesn't matter.
                    drop(source.fetch(&range, &mut chunk));
                }
                failed = faults.disarm();
                trial.note("from here on nothing fails");
            }
            let covered = trial.ask(&mut source, &range, &mut chunk);
            let covered = covered.map_err(|violation| match turn {
                0 => violation,
                _ => violation.of(Clause::G11),
            })?;
            match covered {
                Some(key) => range.start_after(key),
                None => break,
            }
        }
        Ok(failed)
    })
}

fn faults<H: Harness>(trial: &Case<H>) -> Tried<H, &dyn Faults> {
    let none = "faults are declared, and the harness has none";
    let faults = trial.harness()?.faults();
    faults.ok_or_else(|| Violation::said(Clause::Harness, none))
}

/// Returns whether any operation of a walk can be made to fail.
pub(super) fn fire<H: Harness>(trial: &Case<H>) -> Tried<H, bool> {
    let faults = faults(trial)?;
    let mut source = trial.source()?;
    faults.arm(Fault::From(1));
    let mut chunk = Chunk::with_limit(2);
    // The answers don't matter.
    drop(source.fetch(&KeyRange::all(Order::Ascending), &mut chunk));
    Walk::new(source).items().for_each(drop);
    Ok(faults.disarm() > 0)
}
