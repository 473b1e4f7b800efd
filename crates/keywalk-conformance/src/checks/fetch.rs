//! Checks of single fetches: start, end, contents, and the report of the end.

use std::ops::Bound;

use keywalk::{Chunk, ContractViolation, Error, KeyRange, Keyed, Order, Source, Walk};

use crate::case::{Case, Item, SourceOf, Tried, weight};
use crate::clause::Clause;
use crate::harness::Harness;
use crate::history::{Change, FailureKind, Violation};
use crate::run::{Plan, Run};
use crate::runner::{Checked, FetchArgs, Runner, Small};

/// Defines checks by the fetches that they make on each small store.
macro_rules! fetches {
    ($($(#[doc = $doc:literal])* $name:ident: $small:ident => $fetches:expr;)+) => {$(
        $(#[doc = $doc])*
        pub(super) fn $name<H: Harness>(runner: &Runner<H>) -> Checked {
            runner.exhaustively(&|$small| $fetches)
        }
    )+};
}

fetches! {
    the_first_item_is_at_the_start: small => with_limits(small.all()).collect();
    the_start_is_exclusive: small => after(small, small.present.iter());
    an_absent_key_is_a_position_too: small => after(small, small.absent());
    /// Fetches the same range repeatedly: a response must not consume it.
    a_question_can_be_asked_again: small => {
        let fetches = after(small, small.pool.iter().take(2));
        let all = with_limits(small.all());
        let again = all.chain(fetches.clone()).chain(fetches);
        again.chain(with_limits(small.all())).collect()
    };
    bounds_are_included_or_excluded: small => {
        let ranges = small.ranges().into_iter();
        let ranges = ranges.filter(|range| !range.is_empty());
        ranges
            .flat_map(|range| [(range.clone(), 2), (range, usize::MAX)])
            .collect()
    };
    inverted_and_empty_ranges_hold_nothing: small => {
        let ranges = small.ranges().into_iter().filter(KeyRange::is_empty);
        ranges.map(|range| (range, 2)).collect()
    };
    /// Fetches from every start with every limit, including the number of remaining items. The report of more items or
    /// of the end must be true.
    the_limit_is_respected: small => {
        let limits = 1..=small.pool.len() + 1;
        let fetches = |near| limits.clone().map(move |limit| (small.from(near), limit));
        small.bounds().into_iter().flat_map(fetches).collect()
    };
}

/// A byte budget fills a chunk long before its limit. The source must check whether the chunk is full, and push an item
/// only when it is whole.
pub(super) fn a_byte_budget_is_kept<H: Harness>(runner: &Runner<H>) -> Checked {
    const LIMIT: usize = 50;
    runner.in_each_order(&runner.some_keys(60), |case, _, order| {
        let plan = Plan::of_all(order, LIMIT);
        // One item, three of them, amid a chunk, and more than twenty of them.
        for budget in [8, 24, 25, 400] {
            let walk = || -> Tried<H, _> {
                Ok(plan
                    .walk(case.source()?)
                    .chunk_bytes_with(budget, weight::<H>))
            };
            chunks_weigh_about::<H>(walk()?, budget)?;
            drop(Run::again(case, &plan).by_items(case, walk()?, usize::MAX)?);
        }
        Ok(())
    })
}

fn chunks_weigh_about<H: Harness>(walk: Walk<SourceOf<'_, H>>, budget: usize) -> Tried<H> {
    let mut chunks = walk.chunks();
    loop {
        let is_over = match chunks.next() {
            Ok(Some([most @ .., _])) => most.iter().map(weight::<H>).sum::<usize>() >= budget,
            Ok(_) => return Ok(()),
            Err(Error::Contract(ContractViolation::Overfull)) => true,
            // The walk by items that follows judges this error.
            Err(_) => return Ok(()),
        };
        if is_over {
            let expected =
                format!("no item after those that weigh the {budget} that were asked for");
            return Err(Violation::new(FailureKind::Overfull)
                .expected(expected)
                .hint("check `is_full` after each item, and push an item only when it is filled"));
        }
    }
}

pub(super) fn no_limit_is_too_large<H: Harness>(runner: &Runner<H>) -> Checked {
    // Limits that overflow a byte or an integer of SQL, signed or unsigned. The largest limits come first, without the
    // others. If a source reserves memory for the limit, it panics at the largest limits, and the check fails. At
    // `u32::MAX` such a source may abort the process instead.
    const TOO_LARGE: [usize; 4] = [
        usize::MAX,
        usize::MAX - 1,
        isize::MAX as usize,
        isize::MAX as usize + 1,
    ];
    for limits in [&TOO_LARGE[..], &[u32::MAX as usize, 256]] {
        runner.exhaustively(&|small| {
            let from = small.pool.iter().take(1).map(Bound::Excluded);
            let fetches = |near| limits.iter().map(move |limit| (small.from(near), *limit));
            from.chain([Bound::Unbounded]).flat_map(fetches).collect()
        })?;
    }
    Ok(())
}

pub(super) fn descending_mirrors_ascending<H: Harness>(runner: &Runner<H>) -> Checked {
    runner.needs(|can| can.descending)?;
    runner.exhaustively(&|small| {
        // Each range is fetched in both orders, so once per store is enough.
        let is_first = small.order == Order::Ascending;
        let ranges = small.ranges().into_iter().step_by(3);
        let ranges = ranges.filter(|_| is_first);
        let both = ranges.flat_map(|range| [range.clone(), range.reversed()]);
        both.flat_map(with_limits).collect()
    })
}

/// Limits of fetches: none, which shows the whole order, then two items and one item.
const LIMITS: [usize; 3] = [usize::MAX, 2, 1];

fn with_limits<K: Clone>(range: KeyRange<K>) -> impl Iterator<Item = FetchArgs<K>> {
    LIMITS.into_iter().map(move |limit| (range.clone(), limit))
}

fn after<'k, K: Ord + Clone + 'k>(
    small: &Small<'_, K>,
    keys: impl Iterator<Item = &'k K>,
) -> Vec<FetchArgs<K>> {
    keys.flat_map(|key| with_limits(small.from(Bound::Excluded(key))))
        .collect()
}

pub(super) fn keys_come_in_strict_order<H: Harness>(runner: &Runner<H>) -> Checked {
    pages_through(runner, &runner.some_keys(100), &[usize::MAX])
}

pub(super) fn no_key_comes_twice<H: Harness>(runner: &Runner<H>) -> Checked {
    // A key that is put twice, deleted and put again is still one key.
    again(
        runner,
        &[&|case, _, key| {
            case.put(key)?;
            case.delete(key)?;
            case.put(key)
        }],
    )
}

pub(super) fn values_are_those_that_were_put<H: Harness>(runner: &Runner<H>) -> Checked {
    // Some stores have signed integers only.
    let largest = runner.attempt(|case| {
        let mut keys = runner.keys.ladder().iter().take(1);
        keys.try_for_each(|key| case.change(key, Change::Put(u64::MAX)))
    });
    let largest = largest.map_or(i64::MAX as u64, |()| u64::MAX);
    // What is missing in some languages, what repeats, and where a value loses bits or gets a sign.
    let (word, float) = (u32::MAX.into(), (1 << 53) + 1);
    let mut special = vec![0, 0, 1 << 31, word, float, largest, largest, 1 << 63, 255];
    special.retain(|value| *value <= largest);
    let put = |case: &Case<H>, key: &_, value| case.change(key, Change::Put(value));
    again(
        runner,
        &[
            &|case, _, key| case.put(key),
            &|case, at, key| put(case, key, special[at % special.len()]),
            &|case, _, key| put(case, key, 0),
            &|case, _, key| put(case, key, largest),
        ],
    )
}

type ChangeOf<'c, H> = dyn Fn(&Case<H>, usize, &<H as Harness>::Key) -> Tried<H> + 'c;

/// Fetches the ladder's rows, and again after each of these changes of all of them.
fn again<H: Harness>(runner: &Runner<H>, changes: &[&ChangeOf<'_, H>]) -> Checked {
    runner.attempt_with(runner.keys.ladder(), &|case, ladder| {
        let pages = || {
            let mut orders = runner.orders().iter();
            orders.try_for_each(|order| page_through(case, *order, 3).map(drop))
        };
        pages()?;
        // Values beyond 32 bits.
        case.ledger.puts.set(1 << 40);
        changes.iter().try_for_each(|change| {
            let mut ladder = ladder.iter().enumerate();
            ladder.try_for_each(|(at, key)| change(case, at, key))?;
            pages()
        })
    })
}

pub(super) fn the_end_is_said_only_when_nothing_remains<H: Harness>(runner: &Runner<H>) -> Checked {
    pages_through(runner, &runner.some_keys(40), &[1, 2, 3, 7, 13, 20, 40])
}

pub(super) fn the_end_comes<H: Harness>(runner: &Runner<H>) -> Checked {
    runner.attempt(|case| {
        for (count, next) in runner.some_rungs().iter().enumerate() {
            for limit in [1, 2, count.max(1)] {
                for order in runner.orders() {
                    let requests = page_through(case, *order, limit)?;
                    // Short pages are allowed, but each must have an item.
                    if requests > count + 2 {
                        return Err(Violation::new(FailureKind::Endless)
                            .expected(format!("at most {} fetches", count + 2))
                            .got(requests));
                    }
                }
            }
            case.put(next)?;
        }
        Ok(())
    })
}

pub(super) fn the_smallest_and_the_largest_key_come<H: Harness>(runner: &Runner<H>) -> Checked {
    let ladder = runner.keys.ladder();
    let (Some(first), Some(last)) = (ladder.first(), ladder.last()) else {
        return Ok(());
    };
    let middle = runner.some_keys(3);
    for keys in [&[first][..], &[last], &[first, last]] {
        let mut keys = Vec::from_iter(keys.iter().copied().cloned());
        pages_through(runner, &keys, &[1, 2, 3])?;
        keys.extend_from_slice(&middle);
        pages_through(runner, &keys, &[1, 2, 3, usize::MAX])?;
    }
    Ok(())
}

/// Uses each rung of the ladder as a start and as an end, with all other rungs in the store.
pub(super) fn every_boundary_key_has_its_place<H: Harness>(runner: &Runner<H>) -> Checked {
    let some = runner.some_rungs();
    runner.in_each_order(runner.keys.ladder(), |case, ladder, order| {
        let mut source = case.source()?;
        let mut fetch = |lower, upper, limit| -> Tried<H> {
            let range = KeyRange::new((lower, upper), order);
            case.fetch(&mut source, &range, &mut Chunk::with_limit(limit))
                .map(drop)
        };
        for (at, rung) in ladder.iter().enumerate() {
            let before = Bound::Excluded(&ladder[at.saturating_sub(3)]);
            let after = Bound::Excluded(&ladder[(at + 3).min(ladder.len() - 1)]);
            for bound in [Bound::Included(rung), Bound::Excluded(rung)] {
                fetch(bound, after, 4)?;
                fetch(before, bound, 4)?;
                let limits = [2, usize::MAX];
                let all = if some.contains(rung) { 2 } else { 1 };
                for limit in limits.into_iter().take(all) {
                    fetch(bound, Bound::Unbounded, limit)?;
                    fetch(Bound::Unbounded, bound, limit)?;
                }
            }
        }
        Ok(())
    })
}

pub(super) fn the_last_key_is_the_furthest<H: Harness>(runner: &Runner<H>) -> Checked {
    runner.small_stores(|case, small| {
        let mut source = case.source()?;
        let ranges = small.ranges();
        // The last key may be unknown; then the walk fetches one item backwards.
        let mut ranges = ranges.iter();
        ranges.try_for_each(|range| case.ask_last_key(&mut source, range))
    })
}

/// Checks that `key_into`, which the iterator uses for its cursor, agrees with `key`. Long walks check it in more slots.
pub(super) fn key_and_key_into_agree<H: Harness>(runner: &Runner<H>) -> Checked {
    runner.attempt_with(runner.keys.ladder(), &|case, ladder| {
        let mut source = case.source()?;
        let mut chunk = Chunk::with_limit(usize::MAX);
        case.fetch(&mut source, &KeyRange::all(Order::Ascending), &mut chunk)?;
        let mut items = chunk.as_slice().iter();
        items.try_for_each(|item| {
            let mut ladder = ladder.iter();
            ladder.try_for_each(|old| is_into::<H>(item, &mut old.clone()))
        })
    })
}

pub(super) fn is_into<H: Harness>(item: &Item<'_, H>, key: &mut H::Key) -> Tried<H> {
    SourceOf::<'_, H>::key_into(item, key);
    let told = item.key();
    if *key == told {
        return Ok(());
    }
    Err(Violation::message(Clause::G10, "`key_into` is not `key`")
        .expected(format!("{told:?}"))
        .got(format!("{key:?}"))
        .hint("does it set all of the key?"))
}

fn pages_through<H: Harness>(runner: &Runner<H>, keys: &[H::Key], limits: &[usize]) -> Checked {
    runner.in_each_order(keys, |case, _, order| {
        let mut limits = limits.iter();
        limits.try_for_each(|limit| page_through(case, order, *limit).map(drop))
    })
}

/// Fetches until the end is reported. Returns the number of fetches with an item, plus the last one.
fn page_through<H: Harness>(case: &Case<H>, order: Order, limit: usize) -> Tried<H, usize> {
    let mut source = case.source()?;
    let mut chunk = Chunk::with_limit(limit);
    let mut range = KeyRange::all(order);
    let mut fetches = 0;
    while let Some(key) = case.fetch(&mut source, &range, &mut chunk)? {
        fetches += usize::from(!chunk.is_empty());
        range.start_after(key);
        if range.is_empty() {
            return Ok(fetches);
        }
    }
    Ok(fetches + 1)
}
