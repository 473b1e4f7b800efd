//! The harness itself, before the source is blamed.

use std::io::Write;

use keywalk::{Chunk, ChunkSource, Error, KeyRange, LastKey, Order, Walk};

use super::change::every_other;
use super::faults;
use crate::history::{Answer, Breach, Flaw};
use crate::lab::{Lab, Stop};
use crate::plan::Plan;
use crate::run::Run;
use crate::trial::{HarnessBreach, Trial, refused};
use crate::{Capability, Clause, Edit, Harness};

pub(super) fn every_store_is_opened_empty<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    let ladder = lab.keys().ladder();
    lab.attempt(|trial| {
        let stays = |trial: &Trial<H>| {
            is_empty(
                trial,
                "a store that was opened isn't empty, or shares with another one",
            )
        };
        stays(trial)?;
        trial.put_all(ladder)?;
        let mut second = Ok(());
        // Beside the first one, which is still open.
        let attempt = lab.attempt(|other| {
            second = stays(other);
            Ok(())
        });
        attempt.map_err(|_| Breach::new(Flaw::Said("no second store could be opened")))?;
        second
    })?;
    lab.attempt(|trial| is_empty(trial, "a store that was dropped isn't cleaned up"))?;
    Ok(())
}

fn is_empty<H: Harness>(trial: &Trial<H>, otherwise: &'static str) -> Result<(), HarnessBreach<H>> {
    match fetch_all(trial)?.unwrap_or_default().first() {
        None => Ok(()),
        Some(item) => Err(Breach::new(Flaw::Said(otherwise)).got(format!("{item:?}"))),
    }
}

pub(super) fn what_is_put_can_be_fetched<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    let ladder = lab.keys().ladder();
    let some = lab.some_keys(20);
    for keys in [ladder, &some] {
        lab.attempt_with(keys, |trial, keys| {
            // What isn't there may be deleted; before any fetch, so that a failure is the harness's.
            for _ in 0..2 {
                keys.iter().try_for_each(|key| trial.delete(key))?;
            }
            trial.put_all(keys)?;
            if fetch_all(trial)?.is_some_and(|all| all.is_empty()) && !keys.is_empty() {
                let nothing = "nothing comes of what was put";
                return Err(Breach::new(Flaw::Said(nothing)).hint(
                    "does `put` write where `source` reads? Or does the source always say the end?",
                ));
            }
            keys.iter().try_for_each(|key| trial.delete(key))?;
            is_empty(trial, "what was deleted still comes")
        })?;
    }
    Ok(())
}

type Entries<H> = Vec<(<H as Harness>::Key, u64)>;

/// All items, without a judgement of them; `None` if the source breaks its contract, which is for other
/// checks.
fn fetch_all<H: Harness>(trial: &Trial<H>) -> Result<Option<Entries<H>>, HarnessBreach<H>> {
    let mut items = Walk::new(trial.source()?).live().items();
    let mut all = Vec::new();
    while let Some(item) = items.next() {
        match item {
            Ok(item) => all.push(items.source().entry(&item)),
            Err(Error::Source(error)) => {
                return Err(Breach::new(Flaw::Failed).got(format!("{error:?}")));
            }
            Err(_) => return Ok(None),
        }
    }
    Ok(Some(all))
}

/// `PartialOrd`, which the walk uses, agrees with `Ord`; the key space has keys enough.
pub(super) fn keys_are_ordered_as_they_declare<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    let ladder = lab.keys().ladder();
    let some = lab.some_keys(50);
    lab.attempt(|_| {
        if ladder.len() < 5 || some.len() < 5 {
            return Err(
                Breach::new(Flaw::Said("a key space needs at least five keys"))
                    .got(format!("{ladder:?} and {some:?}")),
            );
        }
        let keys: Vec<_> = ladder.iter().chain(&some).collect();
        for a in &keys {
            for b in &keys {
                let order = a.cmp(b);
                let is_same = a.partial_cmp(b) == Some(order)
                    && b.cmp(a) == order.reverse()
                    && (a == b) == order.is_eq();
                if !is_same {
                    let otherwise = "the key's `PartialOrd`, `Eq` and `Ord` disagree";
                    return Err(Breach::new(Flaw::Said(otherwise)).got(format!("{a:?} and {b:?}")));
                }
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// What is declared is so, and what isn't declared isn't there. Says on stderr what is skipped.
pub(super) fn capabilities_are_as_declared<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    let can = *lab.capabilities();
    for (name, capability) in can.each() {
        if let Capability::No(reason) = capability {
            // Not by `eprintln!`, which is captured where tests pass.
            let line = format!("{}: no {name}: {reason}\n", lab.suite());
            drop(std::io::stderr().write_all(line.as_bytes()));
        }
    }
    let keys = lab.some_keys(8);
    let said = |is_yes: bool, over: &'static str, under: &'static str| {
        Breach::new(Flaw::Said(if is_yes { over } else { under }))
    };
    lab.attempt_with(&keys, |trial, _| {
        let harness = trial.harness()?;
        let has = [
            ("threads", can.threads, harness.writer().is_some()),
            (
                "faults",
                can.faults,
                harness.faults().is_some() && faults::fire(trial)?,
            ),
            ("counting", can.counting, harness.reads().is_some()),
            ("descending", can.descending, goes_back(trial)?),
        ];
        for (name, declared, is_so) in has {
            if declared.is_yes() != is_so {
                return Err(said(
                    declared.is_yes(),
                    "a capability is declared, and isn't there",
                    "a capability is declared not to be there, and is",
                )
                .got(name));
            }
        }
        if !can.descending.is_yes() && knows_no_last_key(trial)? {
            let unbounded = "a source that doesn't go back has to know its last key";
            return Err(Breach::new(Flaw::Said(unbounded)).of(Clause::G8));
        }
        Ok(())
    })?;
    lab.attempt_with(&keys, |trial, keys| {
        if let [first, second, ..] = keys {
            trial.put(first)?;
            trial.delete(second)?;
        }
        let held = fetch_all(trial)?;
        let kept = trial.reopen().is_ok() && fetch_all(trial)? == held;
        if kept == can.reopening.is_yes() {
            return Ok(());
        }
        Err(said(
            can.reopening.is_yes(),
            "reopening is declared, and what was put is lost",
            "reopening is declared not to work, and does",
        ))
    })?;
    if can.threads.is_yes() {
        lab.attempt_with(&keys, |trial, keys| writes_here(trial, keys))?;
    }
    if !can.mutation.is_yes() {
        let beside = Plan {
            schedule: every_other(&keys)
                .turn([])
                .turn([Edit::DeleteAhead, Edit::Append]),
            ..Plan::of_all(Order::Ascending, 1)
        };
        let works = lab.attempt(|trial| Run::start(trial, &beside)?.by_chunks(trial));
        if works.is_ok() {
            lab.attempt(|_| {
                Err(Breach::new(Flaw::Said(
                    "mutation is declared not to work beside a walk, and does",
                )))
            })?;
        }
    }
    Ok(())
}

/// A writer for another thread changes this store.
fn writes_here<H: Harness>(trial: &Trial<H>, keys: &[H::Key]) -> Result<(), HarnessBreach<H>> {
    let (Some(mut writer), [first, second, ..]) = (trial.harness()?.writer(), keys) else {
        return Ok(());
    };
    writer.put(first, u64::from(u32::MAX)).map_err(refused)?;
    writer.delete(second).map_err(refused)?;
    let Some(all) = fetch_all(trial)? else {
        return Ok(());
    };
    let is_put = all.contains(&(first.clone(), u64::from(u32::MAX)));
    if is_put && all.iter().all(|(key, _)| key != second) {
        return Ok(());
    }
    let elsewhere = "what a writer for other threads does isn't seen";
    Err(Breach::new(Flaw::Said(elsewhere)).got(format!("{all:?}")))
}

/// Whether all comes in descending order too.
fn goes_back<H: Harness>(trial: &Trial<H>) -> Result<bool, HarnessBreach<H>> {
    let mut source = trial.source()?;
    let mut chunk = Chunk::with_limit(usize::MAX);
    drop(source.fetch(&KeyRange::all(Order::Descending), &mut chunk));
    // Whatever it answers: only an error declines.
    Ok(matches!(
        source.questions().last().map(|question| &question.answer),
        Some(Answer::Items(_))
    ))
}

fn knows_no_last_key<H: Harness>(trial: &Trial<H>) -> Result<bool, HarnessBreach<H>> {
    let mut source = trial.source()?;
    let answer = source.last_key(&KeyRange::all(Order::Ascending));
    Ok(matches!(answer, Ok(LastKey::Unknown)))
}
