//! What a fetch has in it, and when it says the end.

use std::ops::Bound;

use keywalk::{Chunk, ChunkSource, KeyRange, Order};

use crate::{Breach, Checked, Clause, Flaw, Harness, Lab, Trial, Tried};

pub(super) fn keys_come_in_strict_order<H: Harness>(lab: &Lab<H>) -> Checked {
    lab.exhaustively(&|small| vec![(small.all(), usize::MAX)])?;
    pages_through(lab, &lab.some_keys(100), &[usize::MAX])
}

pub(super) fn no_key_comes_twice<H: Harness>(lab: &Lab<H>) -> Checked {
    // Put twice, deleted and put again: it is one key.
    again(lab, |trial, key| {
        trial.put(key)?;
        trial.delete(key)?;
        trial.put(key)
    })
}

pub(super) fn values_are_those_that_were_put<H: Harness>(lab: &Lab<H>) -> Checked {
    again(lab, Trial::put)
}

fn again<H: Harness>(lab: &Lab<H>, change: fn(&Trial<H>, &H::Key) -> Tried<H>) -> Checked {
    lab.attempt_with(lab.keys.ladder(), &|trial, ladder| {
        let pages = || {
            let mut orders = lab.orders().iter();
            orders.try_for_each(|order| page_through(trial, *order, 3).map(drop))
        };
        pages()?;
        // More than what 32 bits hold.
        trial.ledger.puts.set(1 << 40);
        ladder.iter().try_for_each(|key| change(trial, key))?;
        pages()
    })
}

pub(super) fn the_end_is_said_only_when_nothing_remains<H: Harness>(lab: &Lab<H>) -> Checked {
    pages_through(lab, &lab.some_keys(40), &[1, 2, 3, 7, 13, 20, 40])
}

pub(super) fn the_end_comes<H: Harness>(lab: &Lab<H>) -> Checked {
    lab.attempt(|trial| {
        for (count, next) in lab.keys.ladder().iter().enumerate() {
            for limit in [1, 2, count.max(1)] {
                for order in lab.orders() {
                    let questions = page_through(trial, *order, limit)?;
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
    })
}

pub(super) fn the_smallest_and_the_largest_key_come<H: Harness>(lab: &Lab<H>) -> Checked {
    let ladder = lab.keys.ladder();
    let (Some(first), Some(last)) = (ladder.first(), ladder.last()) else {
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
pub(super) fn every_boundary_key_has_its_place<H: Harness>(lab: &Lab<H>) -> Checked {
    lab.in_each_order(lab.keys.ladder(), |trial, ladder, order| {
        let mut source = trial.source()?;
        for rung in ladder {
            for bound in [Bound::Included(rung), Bound::Excluded(rung)] {
                for bounds in [(bound, Bound::Unbounded), (Bound::Unbounded, bound)] {
                    let range = KeyRange::new(bounds, order);
                    for limit in [2, usize::MAX] {
                        trial.ask(&mut source, &range, &mut Chunk::with_limit(limit))?;
                    }
                }
            }
        }
        Ok(())
    })
}

pub(super) fn the_last_key_is_the_furthest<H: Harness>(lab: &Lab<H>) -> Checked {
    lab.small_stores(|trial, small| {
        let mut source = trial.source()?;
        let ranges = small.ranges();
        // It may not be known; then the walk fetches one item backwards.
        let mut ranges = ranges.iter();
        ranges.try_for_each(|range| trial.ask_last_key(&mut source, range))
    })
}

/// What the iterator keeps of an item is its key.
pub(super) fn a_key_is_told_alike_in_both_ways<H: Harness>(lab: &Lab<H>) -> Checked {
    lab.attempt_with(lab.keys.ladder(), &|trial, ladder| {
        let mut source = trial.source()?;
        let mut chunk = Chunk::with_limit(usize::MAX);
        trial.ask(&mut source, &KeyRange::all(Order::Ascending), &mut chunk)?;
        for item in chunk.as_slice() {
            for old in ladder {
                let mut key = old.clone();
                source.key_into(item, &mut key);
                let told = source.key_of(item);
                if key != told {
                    return Err(Breach::said(Clause::G10, "`key_into` is not `key_of`")
                        .expected(format!("{told:?}"))
                        .got(format!("{key:?}, in the place of {old:?}"))
                        .hint("does it set all of the key?"));
                }
            }
        }
        Ok(())
    })
}

fn pages_through<H: Harness>(lab: &Lab<H>, keys: &[H::Key], limits: &[usize]) -> Checked {
    lab.in_each_order(keys, |trial, _, order| {
        let mut limits = limits.iter();
        limits.try_for_each(|limit| page_through(trial, order, *limit).map(drop))
    })
}

/// Fetches until the end is said. How many fetches with an item, and at the end, was that?
fn page_through<H: Harness>(trial: &Trial<H>, order: Order, limit: usize) -> Tried<H, usize> {
    let mut source = trial.source()?;
    let mut chunk = Chunk::with_limit(limit);
    let mut range = KeyRange::all(order);
    let mut fetches = 0;
    while let Some(key) = trial.ask(&mut source, &range, &mut chunk)? {
        fetches += usize::from(!chunk.is_empty());
        range.advance_past(key);
        if range.is_empty() {
            return Ok(fetches);
        }
    }
    Ok(fetches + 1)
}
