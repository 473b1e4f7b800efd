//! Where a fetch stops: the range's bounds, and the limit.

use std::ops::Bound;

use keywalk::{Error, KeyRange, Violation, Walk};

use super::start::with_limits;

use crate::Harness;
use crate::exhaustive::Small;
use crate::history::{Breach, Flaw};
use crate::lab::{Lab, Stop};
use crate::plan::Plan;
use crate::run::Run;
use crate::trial::{HarnessBreach, Trial};
use crate::witness::Witness;

pub(super) fn bounds_are_included_or_excluded<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.exhaustively(|small| {
        let ranges = ranges(small).into_iter().filter(|range| !range.is_empty());
        ranges
            .flat_map(|range| [(range.clone(), 2), (range, usize::MAX)])
            .collect()
    })
}

pub(super) fn inverted_and_empty_ranges_hold_nothing<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.exhaustively(|small| {
        let ranges = ranges(small).into_iter().filter(KeyRange::is_empty);
        ranges.map(|range| (range, 2)).collect()
    })
}

pub(super) fn a_limit_of_one_gives_one<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.exhaustively(|small| {
        let bounds = small.bounds().into_iter();
        bounds.map(|near| (small.from(near), 1)).collect()
    })
}

pub(super) fn the_limit_is_respected<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.exhaustively(|small| {
        let limits = 1..=small.pool.len() + 1;
        limits.map(|limit| (small.all(), limit)).collect()
    })
}

/// Bytes end a chunk where its limit is far: the source has to ask the chunk whether it is full.
pub(super) fn a_byte_budget_is_kept<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    const LIMIT: usize = 20;
    let keys = lab.some_keys(13);
    lab.attempt_with(&keys, |trial, _| {
        for order in lab.orders() {
            for items in [1, 3] {
                let plan = Plan::of_all(*order, LIMIT);
                let walk = |trial| -> Result<Walk<Witness<'_, H>>, HarnessBreach<H>> {
                    let walk = plan.walk(Trial::source(trial)?);
                    Ok(walk.chunk_bytes_by(8 * items, |_| 8))
                };
                chunks_hold_at_most(walk(trial)?, items)?;
                let walk = walk(trial)?;
                drop(Run::again(trial, &plan).by_items(trial, walk, items, usize::MAX)?);
            }
        }
        Ok(())
    })?;
    Ok(())
}

fn chunks_hold_at_most<H: Harness>(
    walk: Walk<Witness<'_, H>>,
    most: usize,
) -> Result<(), HarnessBreach<H>> {
    let mut chunks = walk.chunks();
    loop {
        let came = match chunks.next() {
            Ok(Some(items)) => items.len(),
            Ok(None) => return Ok(()),
            Err(Error::Contract(Violation::Overfull)) => most + 1,
            // What it answered is judged where the items are.
            Err(_) => return Ok(()),
        };
        if came > most {
            return Err(Breach::new(Flaw::Overfull)
                .expected(format!(
                    "at most {most} items, which weigh as much as is asked for"
                ))
                .hint("a chunk may be full before its limit: ask `is_full` after each item"));
        }
    }
}

pub(super) fn no_limit_is_too_large<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    // Past what bytes, signed and unsigned integers of SQL and others hold. The largest by themselves:
    // who reserves memory for the limit panics there, and for less aborts the process.
    const TOO_LARGE: [usize; 4] = [
        usize::MAX,
        usize::MAX - 1,
        isize::MAX as usize,
        isize::MAX as usize + 1,
    ];
    with_each(lab, &TOO_LARGE)?;
    with_each(lab, &[u32::MAX as usize, 256])
}

fn with_each<H: Harness>(lab: &Lab<H>, limits: &[usize]) -> Result<(), Stop> {
    lab.exhaustively(|small| {
        let from = small.pool.iter().take(1).map(Bound::Excluded);
        let starts = from.chain([Bound::Unbounded]);
        let asks = |near| limits.iter().map(move |limit| (small.from(near), *limit));
        starts.flat_map(asks).collect()
    })
}

/// Just as many as are left: whether more is said to come or the end, it must be true.
pub(super) fn an_exact_multiple_of_the_limit_ends<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.exhaustively(|small| {
        let count = small.present.len();
        let exact = (1..=count).filter(|limit| count % limit == 0);
        let last = small.present.iter().map(Bound::Excluded);
        exact
            .flat_map(|limit| {
                let pages = last.clone().map(move |near| (small.from(near), limit));
                pages.chain([(small.all(), limit)])
            })
            .collect()
    })
}

pub(super) fn descending_mirrors_ascending<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.needs(|can| can.descending)?;
    lab.exhaustively(|small| {
        let ranges = ranges(small).into_iter().step_by(3);
        ranges
            .flat_map(|range| {
                let reversed = with_limits(range.reversed());
                with_limits(range).chain(reversed)
            })
            .collect()
    })
}

/// Every lower bound with every upper one.
pub(super) fn ranges<K: Ord + Clone>(small: &Small<'_, K>) -> Vec<KeyRange<K>> {
    let bounds = small.bounds();
    let mut ranges = Vec::new();
    for lower in &bounds {
        ranges.extend(bounds.iter().map(|upper| small.range(*lower, *upper)));
    }
    ranges
}
