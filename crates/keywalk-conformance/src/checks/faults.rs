//! Checks of walks whose store fails.

use std::collections::BTreeMap;

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, Order, Walk};

use crate::case::{Case, Entry, SourceOf, Tried};
use crate::clause::Clause;
use crate::edit::Schedule;
use crate::faults::{Fault, Faults};
use crate::harness::Harness;
use crate::history::{FailureKind, Items, Request, Response, Violation};
use crate::recorder::Log;
use crate::run::{Plan, Run, Taken, taken};
use crate::runner::{Checked, Runner};

/// The most operations that a walk of so few rows should need. With more, the harness counts something else, or the
/// walk is endless.
const MOST_OPERATIONS: u64 = 3_000;

/// Few keys, so that every operation of a walk can be made to fail.
const KEYS: usize = 5;

/// More keys than a long chunk has items, so that it isn't the last one.
const MANY_KEYS: usize = 64;
const LONG_CHUNK: usize = 60;

/// With chunks of this size, a walk over `MANY_KEYS` has late fetches.
const SHORT_CHUNK: usize = 2;

/// A way to take all items of a walk.
type Take<'w, H> = dyn for<'t> Fn(
        Walk<SourceOf<'t, H>>,
        &Log<<H as Harness>::Key>,
        &SourceOf<'t, H>,
    ) -> Taken<<H as Harness>::Key>
    + 'w;

pub(super) fn a_transient_fault_is_returned_and_loses_nothing<H: Harness>(
    runner: &Runner<H>,
) -> Checked {
    every_fault(runner, Fault::Once, &|walk, log, source| {
        taken::<H, _>(walk.items(), log, source)
    })
}

pub(super) fn a_lasting_fault_is_returned_and_loses_nothing<H: Harness>(
    runner: &Runner<H>,
) -> Checked {
    every_fault(runner, Fault::From, &|walk, log, source| {
        taken::<H, _>(walk.items(), log, source)
    })
}

/// Fails a walk's first operation, then its second, and so on to its last. Of longer walks, fails some operations.
pub(super) fn every_fault<H: Harness>(
    runner: &Runner<H>,
    fault: fn(u64) -> Fault,
    take: &Take<'_, H>,
) -> Checked {
    runner.needs(|can| can.faults)?;
    let (few, many) = (runner.some_keys(KEYS), runner.some_keys(MANY_KEYS));
    let walks = [(&few, 2), (&many, LONG_CHUNK), (&many, SHORT_CHUNK)];
    let each = walks.map(|walk| runner.orders().iter().map(move |order| (walk, *order)));
    for ((keys, size), order) in each.into_iter().flatten() {
        let plan = Plan {
            edits: Schedule::new(keys.clone()),
            ..Plan::of_all(order, size)
        };
        // First without a fault, to exclude other failures.
        let mut clean = Vec::new();
        runner.attempt(|case| {
            let mut run = Run::start(case, &plan)?;
            let walk = plan.walk(case.source()?);
            let walked = run.by_items(case, walk, usize::MAX)?;
            clean = of_walk(walked.source().log().from(0), order);
            Ok(())
        })?;
        each_operation(runner, keys, |case, number| {
            walk_beside(case, &plan, fault(number), &clean, take)
        })?;
    }
    Ok(())
}

/// Fails a store's first operation, then its second, and so on until none fails. Of many keys, fails some operations.
/// `attempt` returns how many requests there were until one failed.
fn each_operation<H: Harness>(
    runner: &Runner<H>,
    keys: &[H::Key],
    attempt: impl Fn(&mut Case<H>, u64) -> Tried<H, Option<usize>>,
) -> Checked {
    if keys.len() > KEYS {
        return runner.attempt(|case| {
            case.put_all(keys)?;
            some_operations(runner.config.seed, |number| attempt(case, number))
        });
    }
    for number in 1..=MOST_OPERATIONS {
        let mut failed = None;
        runner.attempt(|case| {
            case.put_all(keys)?;
            failed = attempt(case, number)?;
            Ok(())
        })?;
        if failed.is_none() {
            return Ok(());
        }
    }
    let endless = "of a few rows, there is always another operation to fail";
    runner.fail(
        Violation::message(Clause::Harness, endless)
            .expected(format!("at most {MOST_OPERATIONS} operations"))
            .hint(
                "does `disarm` count only what failed since `arm`? If so, let an operation be more",
            ),
    )
}

/// Fails the first operation, the last one, those around the ends of some fetches, and some between.
fn some_operations<K>(
    seed: u64,
    mut attempt: impl FnMut(u64) -> Result<Option<usize>, Violation<K>>,
) -> Result<(), Violation<K>> {
    const MOST: u64 = 200 * MOST_OPERATIONS;
    const BETWEEN: u64 = 24;
    /// How much sooner a gap is tried that holds the end of a fetch.
    const END: u64 = 16;
    let mut tried = BTreeMap::new();
    let mut number = 1;
    while number <= MOST {
        let requests = attempt(number)?;
        tried.insert(number, requests);
        if requests.is_none() {
            break;
        }
        number *= 2;
    }
    for turn in 0..BETWEEN {
        let gaps = tried.iter().zip(tried.iter().skip(1));
        let gaps = gaps.map(|((from, before), (to, after))| {
            let weight = if before == after { 1 } else { END };
            ((to - from - 1) * weight, *from, *to)
        });
        let Some((1.., from, to)) = gaps.max() else {
            break;
        };
        // Somewhere in the middle half.
        let width = to - from;
        let at = from + (width / 4 + (seed >> turn) % (width / 2).max(1)).max(1);
        tried.insert(at, attempt(at)?);
    }
    Ok(())
}

/// Returns the fetches of a walk without its search for the last key, which may go in the other order.
fn of_walk<K>(requests: Vec<Request<K>>, order: Order) -> Vec<Items<K>> {
    let requests = requests.into_iter();
    let requests = requests.filter(|request| request.range.order() == order);
    let responses = requests.filter_map(|request| match request.response {
        Response::Items(response) => Some(response),
        _ => None,
    });
    responses.collect()
}

/// Walks until the fault is reported, and continues without it. Returns how many requests there were, if one failed.
fn walk_beside<H: Harness>(
    case: &Case<H>,
    plan: &Plan<H::Key>,
    fault: Fault,
    clean: &[Items<H::Key>],
    take: &Take<'_, H>,
) -> Tried<H, Option<usize>> {
    let faults = faults(case)?;
    let (source, other) = (case.source()?, case.source()?);
    let (log, other_log) = (source.log(), other.log());
    case.note(format!("from here on operations fail: {fault:?}"));
    faults.arm(fault);
    let walked = take(plan.walk(source), &log, &other);
    let fired = faults.disarm();
    case.note("from here on nothing fails");
    let (requested, seen) = (log.len(), walked.entries);
    let responses = of_walk(log.from(0), plan.order);
    match walked.error {
        None if fired > 0 => looks_alike(&responses, clean)?,
        None => {}
        Some(error) if !matches!(error.kind(), FailureKind::Failed) => {
            return Err(error.of(Clause::G11));
        }
        Some(error) if fired == 0 => return Err(error),
        Some(_) => is_let_go(case, plan, &seen)?,
    }
    if walked.after > 0 {
        return Err(Violation::message(
            Clause::G12,
            "the walk went on after its error",
        ));
    }
    let fetched = Vec::from_iter(responses.into_iter().flat_map(|response| response.items));
    same::<H>(
        "what was fetched before an error comes before it",
        &fetched,
        &seen,
    )?;
    // The items before the fault and those after it must be one walk.
    let rest = Walk::new(case.source()?).resume(walked.cursor).items();
    let rest = taken::<H, _>(rest, &other_log, &other);
    if let Some(error) = rest.error {
        return Err(error.of(Clause::G11));
    }
    let expected = Vec::from_iter(clean.iter().flat_map(|response| response.items.clone()));
    let lost = "after an error, what came and what comes are not one walk";
    same::<H>(lost, &expected, &[seen, rest.entries].concat())?;
    Ok((fired > 0).then_some(requested))
}

fn same<H: Harness>(lost: &'static str, expected: &[Entry<H>], got: &[Entry<H>]) -> Tried<H> {
    if got == expected {
        return Ok(());
    }
    Err(Violation::message(Clause::G11, lost)
        .expected(format!("{expected:?}"))
        .got(format!("{got:?}"))
        .hint("is an error taken for the end, or did the position move without its items?"))
}

/// Checks that a failed walk, which still exists, holds nothing (G14).
fn is_let_go<H: Harness>(case: &Case<H>, plan: &Plan<H::Key>, seen: &[Entry<H>]) -> Tried<H> {
    if !H::capabilities().mutation.is_yes() {
        return Ok(());
    }
    case.with_exclusive_access()?;
    // A key that was yielded, which isn't fetched again. A store of many keys stays as it is for the next fault.
    let first = seen.first().filter(|_| plan.edits.pool.len() <= KEYS);
    first.map_or(Ok(()), |(key, _)| case.put(key))
}

/// Checks a walk that reported no error although an operation failed. The operation must have been retried, so the walk
/// is the same as without the fault.
fn looks_alike<K: std::fmt::Debug + Clone + Ord>(
    responses: &[Items<K>],
    clean: &[Items<K>],
) -> Result<(), Violation<K>> {
    let mut both = responses.iter().zip(clean);
    let Some((response, whole)) = both.find(|(response, whole)| response != whole) else {
        return Ok(());
    };
    let what = match &response.fetched {
        Fetched::End => "an operation failed, and the end was reported",
        // Pages that are short without a fault may be shorter with one.
        _ if whole.items.len() < whole.limit => return Ok(()),
        _ => "an operation failed, and fewer items came instead of the error",
    };
    Err(Violation::message(Clause::G11, what)
        .expected(format!("the error, or {:?}", whole.items))
        .got(format!("{:?}, {:?}", response.items, response.fetched))
        .hint("return the error: what was pushed is discarded, and the same range fetched again"))
}

/// Repeats the same requests on the same source, with and without the fault.
pub(super) fn a_failed_fetch_can_be_retried<H: Harness>(runner: &Runner<H>) -> Checked {
    runner.needs(|can| can.faults)?;
    let (few, many) = (runner.some_keys(KEYS), runner.some_keys(MANY_KEYS));
    retried(runner, &few, 2, 1)?;
    retried(runner, &many, LONG_CHUNK, 0)?;
    retried(runner, &many, SHORT_CHUNK, MANY_KEYS / SHORT_CHUNK - 1)
}

/// Fails the fetch of this turn twice.
fn retried<H: Harness>(
    runner: &Runner<H>,
    keys: &[H::Key],
    limit: usize,
    failing: usize,
) -> Checked {
    each_operation(runner, keys, |case, number| {
        let faults = faults(case)?;
        let mut source = case.source()?;
        let mut range = KeyRange::all(Order::Ascending);
        let mut chunk = Chunk::with_limit(limit);
        let mut failed = 0;
        for turn in 0..=keys.len() {
            // On the second attempt the chunk still has the slots of the failed fetch.
            if turn == failing {
                case.note(format!(
                    "from here on operation {number} fails, and all after it"
                ));
                faults.arm(Fault::From(number));
                for _ in 0..2 {
                    chunk.clear();
                    // The response doesn't matter.
                    drop(source.fetch(&range, &mut chunk));
                }
                failed = faults.disarm();
                case.note("from here on nothing fails");
            }
            let covered = case.fetch(&mut source, &range, &mut chunk);
            let covered = covered.map_err(|violation| match turn < failing {
                true => violation,
                false => violation.of(Clause::G11),
            })?;
            match covered {
                Some(key) => range.start_after(key),
                None => break,
            }
        }
        Ok((failed > 0).then_some(failing))
    })
}

fn faults<H: Harness>(case: &Case<H>) -> Tried<H, &dyn Faults> {
    let none = "faults are declared, and the harness has none";
    let faults = case.harness()?.faults();
    faults.ok_or_else(|| Violation::message(Clause::Harness, none))
}

/// Returns whether any operation of a walk can be made to fail.
pub(super) fn fire<H: Harness>(case: &Case<H>) -> Tried<H, bool> {
    let faults = faults(case)?;
    let mut source = case.source()?;
    faults.arm(Fault::From(1));
    let mut chunk = Chunk::with_limit(2);
    // The responses don't matter.
    drop(source.fetch(&KeyRange::all(Order::Ascending), &mut chunk));
    Walk::new(source).items().for_each(drop);
    Ok(faults.disarm() > 0)
}
