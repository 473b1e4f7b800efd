//! Where a fetch begins.

use std::ops::Bound;

use keywalk::Order;

use crate::Harness;
use crate::exhaustive::{Ask, Small};
use crate::lab::{Lab, Stop};

/// How many items are asked for: all there are, which shows their order, and fewer.
const LIMITS: [usize; 3] = [usize::MAX, 2, 1];

pub(super) fn an_empty_store_ends_at_once<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.exhaustively(|small| {
        let starts = small.bounds().into_iter().map(|near| small.from(near));
        let is_empty = small.present.is_empty();
        let asks = starts.filter(|_| is_empty).flat_map(with_limits);
        asks.collect()
    })
}

pub(super) fn a_single_item_comes<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.exhaustively(|small| match small.present {
        [_] => with_limits(small.all()).collect(),
        _ => Vec::new(),
    })
}

pub(super) fn the_first_item_is_at_the_start<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.exhaustively(|small| with_limits(small.all()).collect())
}

pub(super) fn the_start_is_exclusive<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.exhaustively(|small| after(small, small.present.iter()))
}

pub(super) fn an_absent_key_is_a_position_too<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.exhaustively(|small| after(small, small.absent()))
}

pub(super) fn past_the_last_key_is_the_end<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.exhaustively(|small| {
        let last = match small.order {
            Order::Ascending => small.present.last(),
            Order::Descending => small.present.first(),
        };
        let is_past = |key: &&H::Key| match (last, small.order) {
            (None, _) => true,
            (Some(last), Order::Ascending) => *key >= last,
            (Some(last), Order::Descending) => *key <= last,
        };
        after(small, small.pool.iter().filter(is_past))
    })
}

/// The same range again and again: an answer doesn't use it up.
pub(super) fn a_question_can_be_asked_again<H: Harness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.exhaustively(|small| {
        let asks = after(small, small.pool.iter().take(2));
        let all = with_limits(small.all());
        let again = all.chain(asks.clone()).chain(asks);
        again.chain(with_limits(small.all())).collect()
    })
}

pub(super) fn with_limits<K: Clone>(range: keywalk::KeyRange<K>) -> impl Iterator<Item = Ask<K>> {
    LIMITS.into_iter().map(move |limit| (range.clone(), limit))
}

fn after<'k, K: Ord + Clone + 'k>(
    small: &Small<'_, K>,
    keys: impl Iterator<Item = &'k K>,
) -> Vec<Ask<K>> {
    keys.flat_map(|key| with_limits(small.from(Bound::Excluded(key))))
        .collect()
}
