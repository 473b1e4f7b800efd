//! What a fetch has in it, and when it says the end.

use std::ops::Bound;

use keywalk::{Chunk, ChunkSource, KeyRange, Order};

use super::bounds::ranges;
use crate::history::{Breach, Flaw};
use crate::lab::{Lab, Stop};
use crate::trial::{HarnessBreach, Trial};
use crate::witness::Witness;
use crate::{Clause, Harness};

pub(super) fn keys_come_in_strict_order<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.exhaustively(|small| vec![(small.all(), usize::MAX)])?;
    let keys = lab.some_keys(100);
    pages_through(lab, &keys, &[usize::MAX])
}

pub(super) fn no_key_comes_twice<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    // Put twice, deleted and put again: it is one key.
    again(lab, |trial, key| {
        trial.put(key)?;
        trial.delete(key)?;
        trial.put(key)
    })
}

pub(super) fn values_are_those_that_were_put<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    again(lab, Trial::put)
}

fn again<H: Harness>(
    lab: &Lab<H>,
    change: impl Fn(&Trial<H>, &H::Key) -> Result<(), HarnessBreach<H>>,
) -> Result<(), Stop> {
    let ladder = lab.keys().ladder();
    lab.attempt_with(ladder, |trial, ladder| {
        let pages = |trial: &Trial<H>| {
            let mut orders = lab.orders().iter();
            orders.try_for_each(|order| page_through(trial, KeyRange::all(*order), 3).map(drop))
        };
        pages(trial)?;
        // More than what 32 bits hold.
        trial.ledger().puts_from(1 << 40);
        ladder.iter().try_for_each(|key| change(trial, key))?;
        pages(trial)
    })?;
    Ok(())
}

pub(super) fn the_end_is_said_only_when_nothing_remains<H: Harness>(
    lab: &Lab<H>,
) -> Result<(), Stop> {
    pages_through(lab, &lab.some_keys(40), &[1, 2, 3, 7, 13, 20, 40])
}

pub(super) fn the_end_comes<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    let ladder = lab.keys().ladder();
    lab.attempt(|trial| {
        for (count, next) in ladder.iter().enumerate() {
            for limit in [1, 2, count.max(1)] {
                for order in lab.orders() {
                    let questions = page_through(trial, KeyRange::all(*order), limit)?;
                    // Shorter pages than asked for are right; each has an item.
                    if questions > count + 2 {
                        return Err(Breach::new(Flaw::Endless)
                            .expected(format!("at most {} fetches", count + 2))
                            .got(questions));
                    }
                }
            }
            trial.put(next)?;
        }
        Ok(())
    })?;
    Ok(())
}

pub(super) fn the_smallest_and_the_largest_key_come<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    let (Some(first), Some(last)) = (lab.keys().ladder().first(), lab.keys().ladder().last())
    else {
        return Ok(());
    };
    let middle = lab.some_keys(3);
    for keys in [&[first][..], &[last], &[first, last]] {
        let mut keys = Vec::from_iter(keys.iter().copied().cloned());
        pages_through(lab, &keys, &[1, 2, 3])?;
        keys.extend_from_slice(&middle);
        pages_through(lab, &keys, &[1, 2, 3, usize::MAX])?;
    }
    Ok(())
}

/// Each rung of the ladder as a start and as an end, with all others there.
pub(super) fn every_boundary_key_has_its_place<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    let ladder = lab.keys().ladder();
    lab.attempt_with(ladder, |trial, ladder| {
        let mut source = trial.source()?;
        for order in lab.orders() {
            for rung in ladder {
                let below = [Bound::Included(rung), Bound::Excluded(rung)];
                for bound in below {
                    let ranges = [
                        KeyRange::new((bound, Bound::Unbounded), *order),
                        KeyRange::new((Bound::Unbounded, bound), *order),
                    ];
                    for range in ranges {
                        for limit in [2, usize::MAX] {
                            let mut chunk = Chunk::with_limit(limit);
                            source.ask(&range, &mut chunk)?;
                        }
                    }
                }
            }
        }
        Ok(())
    })?;
    Ok(())
}

pub(super) fn the_last_key_is_the_furthest<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.small_stores(|trial, small| {
        let mut source = trial.source()?;
        for range in ranges(small) {
            // It may not be known; then the walk fetches one item backwards.
            source.ask_last_key(&range)?;
        }
        Ok(())
    })
}

/// What the iterator keeps of an item is its key.
pub(super) fn a_key_is_told_alike_in_both_ways<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    let ladder = lab.keys().ladder();
    lab.attempt_with(ladder, |trial, ladder| {
        let mut source = trial.source()?;
        let mut chunk = Chunk::with_limit(usize::MAX);
        source.ask(&KeyRange::all(Order::Ascending), &mut chunk)?;
        for item in chunk.as_slice() {
            for old in ladder {
                let mut key = old.clone();
                source.key_into(item, &mut key);
                let told = source.key_of(item);
                if key != told {
                    return Err(Breach::new(Flaw::Said("`key_into` is not `key_of`"))
                        .of(Clause::G10)
                        .expected(format!("{told:?}"))
                        .got(format!("{key:?}, in the place of {old:?}"))
                        .hint("does it set all of the key?"));
                }
            }
        }
        Ok(())
    })?;
    Ok(())
}

fn pages_through<H: Harness>(lab: &Lab<H>, keys: &[H::Key], limits: &[usize]) -> Result<(), Stop> {
    lab.attempt_with(keys, |trial, _| {
        for order in lab.orders() {
            for limit in limits {
                page_through(trial, KeyRange::all(*order), *limit)?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// Fetches until the end is said. How many fetches without an item to show for was that?
fn page_through<H: Harness>(
    trial: &Trial<H>,
    mut range: KeyRange<H::Key>,
    limit: usize,
) -> Result<usize, HarnessBreach<H>> {
    let mut source: Witness<'_, H> = trial.source()?;
    let mut chunk = Chunk::with_limit(limit);
    let mut scanned = 0;
    loop {
        let Some(key) = source.ask(&range, &mut chunk)? else {
            return Ok(source.questions().len() - scanned);
        };
        scanned += usize::from(chunk.is_empty());
        range.advance_past(key);
        if range.is_empty() {
            return Ok(source.questions().len() - scanned);
        }
    }
}
