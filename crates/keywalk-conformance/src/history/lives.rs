use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::Bound;

use keywalk::{KeyRange, Order};

use crate::history::{Change, Mutation, Span};

/// All that was done to each key.
#[derive(Clone, Debug)]
pub struct KeyHistory<K> {
    keys: BTreeMap<K, Vec<(Change, Span)>>,
}

/// What is certain of a key throughout a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Presence {
    /// It was there.
    Present,
    /// It wasn't.
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
    /// Adds a mutation. They may come in any order.
    pub fn record(&mut self, mutation: Mutation<K>) {
        let life = self.keys.entry(mutation.key).or_default();
        life.push((mutation.change, mutation.during));
    }

    /// A change that was possible for ever was done by then.
    pub(crate) fn settle(&mut self, mutation: &Mutation<K>) {
        let (change, Span { from, to }) = (mutation.change, mutation.during);
        let life = self.keys.get_mut(&mutation.key).into_iter().flatten();
        let possible = Span { from, to }.failed();
        for (_, during) in life.filter(|done| **done == (change, possible)) {
            during.to = to;
        }
    }

    /// What is certain of `key` throughout `during`.
    ///
    /// It is present if a put returned before, and no delete could have taken effect between that
    /// put and the end of the span; absent if it was never put, or likewise.
    #[must_use]
    pub fn presence(&self, key: &K, during: Span) -> Presence {
        match self.keys.get(key) {
            None => Presence::Absent,
            Some(life) => presence(life, during),
        }
    }

    /// Whether `key` could have held `value` at a moment of `during`: it was put, and not certainly
    /// replaced or deleted before.
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

    /// The keys of `range`, in its order, that aren't certainly absent throughout `during`.
    pub(crate) fn content(
        &self,
        range: &KeyRange<K>,
        during: Span,
    ) -> impl Iterator<Item = (&K, Presence)> {
        self.within(range)
            .map(move |(key, life)| (key, presence(life, during)))
            .filter(|(_, presence)| *presence != Presence::Absent)
    }

    /// The values that a key may hold during a span, the newest first.
    pub(crate) fn values(&self, key: &K, during: Span) -> Vec<u64> {
        let life = self.keys.get(key).map_or(&[][..], Vec::as_slice);
        let puts = life.iter().rev().filter_map(|(change, _)| match change {
            Change::Put(value) => Some(*value),
            Change::Delete => None,
        });
        puts.filter(|value| self.may_hold(key, *value, during))
            .collect()
    }

    /// A key, and the values that it may hold during a span.
    pub(crate) fn shown(&self, key: &K, during: Span) -> String
    where
        K: Debug,
    {
        let values = self.values(key, during);
        let values: Vec<String> = values.iter().map(u64::to_string).collect();
        format!("{key:?} = {}", values.join(" or "))
    }

    /// How many keys of `range` were ever put.
    #[must_use]
    pub fn ever_within(&self, range: &KeyRange<K>) -> usize {
        let was_put = |life: &[(Change, Span)]| {
            life.iter()
                .any(|(change, _)| matches!(change, Change::Put(_)))
        };
        self.within(range).filter(|(_, life)| was_put(life)).count()
    }

    /// The moments at which a mutation returned, from `from` on.
    pub(crate) fn moments(&self, from: u64) -> impl Iterator<Item = u64> {
        let spans = self.keys.values().flatten().map(|(_, span)| span.to);
        spans.filter(move |to| (from..Span::NEVER).contains(to))
    }

    /// By `Ord` alone: nothing here relies on what is under test.
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

/// Whether no key can lie between them, by `Ord`.
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
    // Whether one that isn't undone was certainly done before the span and the other certainly
    // not after it.
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
