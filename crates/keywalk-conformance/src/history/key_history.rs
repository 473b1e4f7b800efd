use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::Bound;

use keywalk::{KeyRange, Order};

use crate::history::{Change, Mutation, Span};

/// All changes to each key of a store. Computes from them whether a key existed at a time, and with which values.
#[derive(Clone, Debug)]
pub struct KeyHistory<K> {
    keys: BTreeMap<K, Vec<(Change, Span)>>,
}

/// Whether a key existed throughout a span, as far as that is certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Presence {
    /// The key certainly existed.
    Present,
    /// The key certainly didn't exist.
    Absent,
    /// Neither is certain.
    Possible,
}

impl<K> Default for KeyHistory<K> {
    fn default() -> Self {
        KeyHistory {
            keys: BTreeMap::new(),
        }
    }
}

impl<K: Ord + Clone> KeyHistory<K> {
    /// Adds a mutation. Mutations may be added in any order.
    pub fn record(&mut self, mutation: Mutation<K>) {
        let life = self.keys.entry(mutation.key).or_default();
        life.push((mutation.change, mutation.during));
    }

    /// Completes a mutation that was recorded without a return: it took effect at `mutation.during.to` at the latest.
    pub(crate) fn settle(&mut self, mutation: &Mutation<K>) {
        let (change, Span { from, to }) = (mutation.change, mutation.during);
        let life = self.keys.get_mut(&mutation.key).into_iter().flatten();
        let possible = Span { from, to }.failed();
        for (_, during) in life.filter(|done| **done == (change, possible)) {
            during.to = to;
        }
    }

    /// Returns whether `key` certainly existed throughout `during`.
    ///
    /// It is present if a put returned before the span, and no delete could have taken effect between that put and the
    /// end of the span. It is absent if it was never put, or if a delete returned before the span, and no put could
    /// have taken effect between that delete and the end of the span.
    #[must_use]
    pub fn presence(&self, key: &K, during: Span) -> Presence {
        match self.keys.get(key) {
            None => Presence::Absent,
            Some(life) => presence(life, during),
        }
    }

    /// Returns whether `key` could have had `value` at some moment of `during`. It could if the value was put, and not
    /// certainly replaced or deleted before the span.
    #[must_use]
    pub fn may_hold(&self, key: &K, value: u64, during: Span) -> bool {
        let Some(life) = self.keys.get(key) else {
            return false;
        };
        life.iter().any(|(change, put)| {
            *change == Change::Put(value)
                && put.from <= during.to
                && !life
                    .iter()
                    .any(|(_, later)| put.is_before(*later) && later.is_before(during))
        })
    }

    /// Iterates over the keys of `range`, in its order. Leaves out the keys that are certainly absent during `during`.
    pub(crate) fn content(
        &self,
        range: &KeyRange<K>,
        during: Span,
    ) -> impl Iterator<Item = (&K, Presence)> {
        self.within(range)
            .map(move |(key, life)| (key, presence(life, during)))
            .filter(|(_, presence)| *presence != Presence::Absent)
    }

    /// Returns the values that a key may have during a span, the newest first.
    pub(crate) fn values(&self, key: &K, during: Span) -> Vec<u64> {
        let life = self.keys.get(key).map_or(&[][..], Vec::as_slice);
        let puts = life.iter().rev().filter_map(|(change, _)| match change {
            Change::Put(value) => Some(*value),
            Change::Delete => None,
        });
        puts.filter(|value| self.may_hold(key, *value, during))
            .collect()
    }

    /// Returns a key and the values that it may have during a span, as text.
    pub(crate) fn shown(&self, key: &K, during: Span) -> String
    where
        K: Debug,
    {
        let values = self.values(key, during);
        let values: Vec<String> = values.iter().map(u64::to_string).collect();
        format!("{key:?} = {}", values.join(" or "))
    }

    /// Returns how many keys of `range` were ever put.
    #[must_use]
    pub fn ever_within(&self, range: &KeyRange<K>) -> usize {
        let was_put = |life: &[(Change, Span)]| {
            life.iter()
                .any(|(change, _)| matches!(change, Change::Put(_)))
        };
        self.within(range).filter(|(_, life)| was_put(life)).count()
    }

    /// Iterates over the moments, from `from` on, at which a mutation returned.
    pub(crate) fn moments(&self, from: u64) -> impl Iterator<Item = u64> {
        let spans = self.keys.values().flatten().map(|(_, span)| span.to);
        spans.filter(move |to| (from..Span::NEVER).contains(to))
    }

    /// Iterates over the keys of `range`. Uses only `Ord`, so it doesn't rely on code under test.
    fn within(&self, range: &KeyRange<K>) -> impl Iterator<Item = (&K, &[(Change, Span)])> {
        let bounds = (range.lower(), range.upper());
        let mut lives = (!is_inverted(bounds)).then(|| self.keys.range::<K, _>(bounds));
        let order = range.order();
        std::iter::from_fn(move || {
            let lives = lives.as_mut()?;
            match order {
                Order::Ascending => lives.next(),
                Order::Descending => lives.next_back(),
            }
        })
        .map(|(key, life)| (key, life.as_slice()))
    }
}

/// Returns whether no key can lie between two bounds, by `Ord`.
pub(crate) fn is_inverted<K: Ord>(bounds: (Bound<&K>, Bound<&K>)) -> bool {
    match bounds {
        (Bound::Included(lower), Bound::Included(upper)) => lower > upper,
        (
            Bound::Included(lower) | Bound::Excluded(lower),
            Bound::Included(upper) | Bound::Excluded(upper),
        ) => lower >= upper,
        _ => false,
    }
}

fn presence(life: &[(Change, Span)], during: Span) -> Presence {
    let is_put = |change: &Change| matches!(change, Change::Put(_));
    // Whether a put (`true`) or a delete (`false`) was certainly done before the span, and no opposite change may have
    // followed it by the end of the span.
    let is_settled = |put: bool| {
        life.iter().any(|(change, done)| {
            is_put(change) == put
                && done.is_before(during)
                && !life.iter().any(|(other, undone)| {
                    is_put(other) != put && !undone.is_before(*done) && undone.from <= during.to
                })
        })
    };
    let was_ever_put = life
        .iter()
        .any(|(change, put)| is_put(change) && put.from <= during.to);
    if is_settled(true) {
        Presence::Present
    } else if !was_ever_put || is_settled(false) {
        Presence::Absent
    } else {
        Presence::Possible
    }
}
