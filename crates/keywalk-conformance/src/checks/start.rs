//! Where a fetch begins.

use std::ops::Bound;

use keywalk::{KeyRange, Order};

use crate::{Ask, Checked, Harness, Lab, Small};

/// How many items are asked for: all there are, which shows their order, and fewer.
const LIMITS: [usize; 3] = [usize::MAX, 2, 1];

pub(super) fn the_first_item_is_at_the_start<H: Harness>(lab: &Lab<H>) -> Checked {
    lab.exhaustively(&|small| with_limits(small.all()).collect())
}

pub(super) fn the_start_is_exclusive<H: Harness>(lab: &Lab<H>) -> Checked {
    lab.exhaustively(&|small| after(small, small.present.iter()))
}

pub(super) fn an_absent_key_is_a_position_too<H: Harness>(lab: &Lab<H>) -> Checked {
    lab.exhaustively(&|small| after(small, small.absent()))
}

pub(super) fn past_the_last_key_is_the_end<H: Harness>(lab: &Lab<H>) -> Checked {
    lab.exhaustively(&|small| {
        let is_past = |key: &&H::Key| match small.order {
            Order::Ascending => small.present.last().is_none_or(|last| *key >= last),
            Order::Descending => small.present.first().is_none_or(|last| *key <= last),
        };
        after(small, small.pool.iter().filter(is_past))
    })
}

/// The same range again and again: an answer doesn't use it up.
pub(super) fn a_question_can_be_asked_again<H: Harness>(lab: &Lab<H>) -> Checked {
    lab.exhaustively(&|small| {
        let asks = after(small, small.pool.iter().take(2));
        let all = with_limits(small.all());
        let again = all.chain(asks.clone()).chain(asks);
        again.chain(with_limits(small.all())).collect()
    })
}

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
