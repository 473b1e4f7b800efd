//! Where a fetch begins and stops: its start, the range's bounds, and the limit.

use std::ops::Bound;

use keywalk::{Error, KeyRange, Order, Violation, Walk};

use crate::{Ask, Breach, Checked, Flaw, Harness, Lab, Plan, Run, Small, Source, Tried};

/// What is asked of each small store.
macro_rules! asks {
    ($($(#[doc = $doc:literal])* $name:ident: $small:ident => $asks:expr;)+) => {$(
        $(#[doc = $doc])*
        pub(super) fn $name<H: Harness>(lab: &Lab<H>) -> Checked {
            lab.exhaustively(&|$small| $asks)
        }
    )+};
}

asks! {
    the_first_item_is_at_the_start: small => with_limits(small.all()).collect();
    the_start_is_exclusive: small => after(small, small.present.iter());
    an_absent_key_is_a_position_too: small => after(small, small.absent());
    past_the_last_key_is_the_end: small => {
        let is_past = |key: &&_| match small.order {
            Order::Ascending => small.present.last().is_none_or(|last| *key >= last),
            Order::Descending => small.present.first().is_none_or(|last| *key <= last),
        };
        after(small, small.pool.iter().filter(is_past))
    };
    /// The same range again and again: an answer doesn't use it up.
    a_question_can_be_asked_again: small => {
        let asks = after(small, small.pool.iter().take(2));
        let all = with_limits(small.all());
        let again = all.chain(asks.clone()).chain(asks);
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
    /// From every start, and also just as many as are left: whether more is said to come or the end, it must be
    /// true.
    the_limit_is_respected: small => {
        let limits = 1..=small.pool.len() + 1;
        let asks = |near| limits.clone().map(move |limit| (small.from(near), limit));
        small.bounds().into_iter().flat_map(asks).collect()
    };
}

/// Bytes end a chunk where its limit is far: the source has to ask the chunk whether it is full.
pub(super) fn a_byte_budget_is_kept<H: Harness>(lab: &Lab<H>) -> Checked {
    const LIMIT: usize = 20;
    lab.in_each_order(&lab.some_keys(13), |trial, _, order| {
        for items in [1, 3] {
            let plan = Plan::of_all(order, LIMIT);
            let walk = || -> Tried<H, _> {
                Ok(plan.walk(trial.source()?).chunk_bytes_by(8 * items, |_| 8))
            };
            chunks_hold_at_most::<H>(walk()?, items)?;
            drop(Run::again(trial, &plan).by_items(trial, walk()?, items, usize::MAX)?);
        }
        Ok(())
    })
}

fn chunks_hold_at_most<H: Harness>(walk: Walk<Source<'_, H>>, most: usize) -> Tried<H> {
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
            let expected = format!("at most {most} items, which weigh as much as is asked for");
            return Err(Breach::new(Flaw::Overfull)
                .expected(expected)
                .hint("a chunk may be full before its limit: ask `is_full` after each item"));
        }
    }
}

pub(super) fn no_limit_is_too_large<H: Harness>(lab: &Lab<H>) -> Checked {
    // Past what bytes, signed and unsigned integers of SQL and others hold. The largest by themselves:
    // who reserves memory for the limit panics there, and for less aborts the process.
    const TOO_LARGE: [usize; 4] = [
        usize::MAX,
        usize::MAX - 1,
        isize::MAX as usize,
        isize::MAX as usize + 1,
    ];
    for limits in [&TOO_LARGE[..], &[u32::MAX as usize, 256]] {
        lab.exhaustively(&|small| {
            let from = small.pool.iter().take(1).map(Bound::Excluded);
            let asks = |near| limits.iter().map(move |limit| (small.from(near), *limit));
            from.chain([Bound::Unbounded]).flat_map(asks).collect()
        })?;
    }
    Ok(())
}

pub(super) fn descending_mirrors_ascending<H: Harness>(lab: &Lab<H>) -> Checked {
    lab.needs(|can| can.descending)?;
    lab.exhaustively(&|small| {
        let ranges = small.ranges().into_iter().step_by(3);
        let both = ranges.flat_map(|range| [range.clone(), range.reversed()]);
        both.flat_map(with_limits).collect()
    })
}

/// How many items are asked for: all there are, which shows their order, and fewer.
const LIMITS: [usize; 3] = [usize::MAX, 2, 1];

pub(super) fn with_limits<K: Clone>(range: KeyRange<K>) -> impl Iterator<Item = Ask<K>> {
    LIMITS.into_iter().map(move |limit| (range.clone(), limit))
}

fn after<'k, K: Ord + Clone + 'k>(
    small: &Small<'_, K>,
    keys: impl Iterator<Item = &'k K>,
) -> Vec<Ask<K>> {
    keys.flat_map(|key| with_limits(small.from(Bound::Excluded(key))))
        .collect()
}
