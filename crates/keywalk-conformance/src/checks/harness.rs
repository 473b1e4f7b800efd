//! Checks of the harness itself, before the source is blamed.

use std::any::type_name;
use std::io::Write;

use keywalk::{Chunk, ChunkSource, KeyRange, LastKey, Order, Walk};

use super::faults;
use crate::case::{Case, Entry, Tried, refused};
use crate::clause::Clause;
use crate::edit::{Edit, Schedule};
use crate::harness::{Capability, Harness};
use crate::history::{FailureKind, Response, Violation};
use crate::run::{Plan, Run, taken};
use crate::runner::{Checked, Runner};

pub(super) fn every_store_is_opened_empty<H: Harness>(runner: &Runner<H>) -> Checked {
    let shared = "a store that was opened isn't empty, or shares with another one";
    runner.attempt(|case| {
        is_empty(case, shared)?;
        case.put_all(runner.keys.ladder())?;
        let mut second = Ok(());
        // Opened while the first one is still open.
        let attempt = runner.attempt(|other| {
            second = is_empty(other, shared);
            Ok(())
        });
        let none = "no second store could be opened";
        attempt.map_err(|_| Violation::message(Clause::Harness, none))?;
        second
    })?;
    runner.attempt(|case| is_empty(case, "a store that was dropped isn't cleaned up"))
}

fn is_empty<H: Harness>(case: &Case<H>, otherwise: &'static str) -> Tried<H> {
    match fetch_all(case)?.unwrap_or_default().first() {
        None => Ok(()),
        Some(item) => Err(Violation::message(Clause::Harness, otherwise).got(format!("{item:?}"))),
    }
}

pub(super) fn what_is_put_can_be_fetched<H: Harness>(runner: &Runner<H>) -> Checked {
    for keys in [runner.keys.ladder(), &runner.some_keys(20)] {
        runner.attempt_with(keys, &|case, keys| {
            let delete = || keys.iter().try_for_each(|key| case.delete(key));
            // Deleting an absent key is allowed. Done before any fetch, so that a failure is the harness's fault.
            delete()?;
            delete()?;
            case.put_all(keys)?;
            if fetch_all(case)?.is_some_and(|all| all.is_empty()) && !keys.is_empty() {
                let nothing = "nothing comes of what was put";
                return Err(Violation::message(Clause::Harness, nothing).hint(
                    "does `put` write where `source` reads? Or does the source always say the end?",
                ));
            }
            delete()?;
            is_empty(case, "what was deleted still comes")
        })?;
    }
    Ok(())
}

/// Fetches all items without judging them. Returns `None` if the source breaks its contract, which other checks report.
fn fetch_all<H: Harness>(case: &Case<H>) -> Tried<H, Option<Vec<Entry<H>>>> {
    let source = case.source()?;
    let log = source.log();
    let taken = taken::<H, _>(Walk::new(source).unbounded().items(), &log, &case.source()?);
    match taken.error {
        None => Ok(Some(taken.entries)),
        Some(error) if matches!(error.kind(), FailureKind::Failed) => Err(error),
        Some(_) => Ok(None),
    }
}

/// Checks that `PartialOrd`, which the walk uses, agrees with `Ord`, and that the key space has enough keys.
pub(super) fn keys_are_ordered_as_they_declare<H: Harness>(runner: &Runner<H>) -> Checked {
    let (ladder, some) = (runner.keys.ladder(), runner.some_keys(50));
    if ladder.len() < 5 || some.len() < 5 {
        let few = Violation::message(Clause::Harness, "a key space needs at least five keys");
        return runner.fail(few.got(format!("{ladder:?} and {some:?}")));
    }
    let keys = || ladder.iter().chain(&some);
    for (a, b) in keys().flat_map(|a| keys().map(move |b| (a, b))) {
        let order = a.cmp(b);
        let is_same = a.partial_cmp(b) == Some(order)
            && b.cmp(a) == order.reverse()
            && (a == b) == order.is_eq();
        if !is_same {
            let otherwise = "the key's `PartialOrd`, `Eq` and `Ord` disagree";
            let violation = Violation::message(Clause::Harness, otherwise);
            return runner.fail(violation.got(format!("{a:?} and {b:?}")));
        }
    }
    Ok(())
}

/// Checks that declared capabilities exist and others don't. Prints the missing ones on stderr.
pub(super) fn capabilities_are_as_declared<H: Harness>(runner: &Runner<H>) -> Checked {
    let can = runner.can;
    for (name, capability) in can.each() {
        if let Capability::No(reason) = capability {
            // Not with `eprintln!`, whose output is captured in tests that pass.
            let line = format!("{}: no {name}: {reason}\n", type_name::<H>());
            drop(std::io::stderr().write_all(line.as_bytes()));
        }
    }
    let keys = runner.some_keys(8);
    let is_declared = |name, declared: Capability, is_so: bool| -> Tried<H> {
        let otherwise = match declared.is_yes() {
            yes if yes == is_so => return Ok(()),
            true => "a capability is declared, and isn't there",
            false => "a capability is declared not to be there, and is",
        };
        Err(Violation::message(Clause::Harness, otherwise).got(name))
    };
    runner.attempt_with(&keys, &|case, _| {
        let harness = case.harness()?;
        is_declared("threads", can.threads, harness.writer().is_some())?;
        let fails = harness.faults().is_some() && faults::fire(case)?;
        is_declared("faults", can.faults, fails)?;
        is_declared("counting", can.counting, harness.rows_read().is_some())?;
        is_declared("descending", can.descending, goes_back(case)?)?;
        let last = case.source()?.last_key(&KeyRange::all(Order::Ascending));
        if !can.descending.is_yes() && matches!(last, Ok(LastKey::Unknown)) {
            let unbounded = "a source that doesn't go back has to know its last key";
            return Err(Violation::message(Clause::G8, unbounded).hint(
                "implement `last_key`, or wrap the source in `ScanForLastKey` in the harness",
            ));
        }
        Ok(())
    })?;
    runner.attempt_with(&keys, &|case, keys| {
        if let [first, second, ..] = keys {
            case.put(first)?;
            case.delete(second)?;
        }
        let held = fetch_all(case)?;
        let kept = case.reopen().is_ok() && fetch_all(case)? == held;
        is_declared("reopening", can.reopening, kept)
    })?;
    if can.threads.is_yes() {
        runner.attempt_with(&keys, &|case, keys| writes_here(case, keys))?;
    }
    if !can.mutation.is_yes() {
        let others = keys.iter().step_by(2).cloned();
        let edits = Schedule::new(keys.clone()).initially(others).turn([]);
        let beside = Plan {
            edits: edits.turn([Edit::DeleteAhead, Edit::Append]),
            ..Plan::of_all(Order::Ascending, 1)
        };
        let works = runner.attempt(|case| Run::start(case, &beside)?.by_chunks(case));
        if works.is_ok() {
            let otherwise = "mutation is declared not to work during a walk, but does";
            return runner.fail(Violation::message(Clause::Harness, otherwise));
        }
    }
    Ok(())
}

/// Checks that a writer for another thread changes this store.
fn writes_here<H: Harness>(case: &Case<H>, keys: &[H::Key]) -> Tried<H> {
    const VALUE: u64 = u32::MAX as u64;
    let (Some(mut writer), [first, second, ..]) = (case.harness()?.writer(), keys) else {
        return Ok(());
    };
    writer.put(first, VALUE).map_err(refused)?;
    writer.delete(second).map_err(refused)?;
    let Some(all) = fetch_all(case)? else {
        return Ok(());
    };
    let is_put = all.contains(&(first.clone(), VALUE));
    if is_put && all.iter().all(|(key, _)| key != second) {
        return Ok(());
    }
    let elsewhere = "what a writer for other threads does isn't seen";
    Err(Violation::message(Clause::Harness, elsewhere).got(format!("{all:?}")))
}

/// Returns whether a descending fetch succeeds.
fn goes_back<H: Harness>(case: &Case<H>) -> Tried<H, bool> {
    let mut source = case.source()?;
    let mut chunk = Chunk::with_limit(usize::MAX);
    drop(source.fetch(&KeyRange::all(Order::Descending), &mut chunk));
    // Any items count, right or wrong. Only a failed fetch means that the source doesn't go back.
    let response = source.log().last().map(|request| request.response);
    Ok(matches!(response, Some(Response::Items(_))))
}
