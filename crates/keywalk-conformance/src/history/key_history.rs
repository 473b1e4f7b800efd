use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::Bound;

use keywalk::{KeyRange, Order};

use crate::history::{Change, Mutation, Span};

/// All changes to each key of a store. Computes from them whether a key existed at a time, and with which values.
#[derive(Clone, Debug)]
pub struct KeyHistory<K> {
    keys: BTreeMap<K, Vec<Lived>>,
}

/// A change of one key. The changes of a key are sorted by the moments of their calls.
#[derive(Clone, Debug)]
struct Lived {
    change: Change,
    during: Span,
    /// Neither this change nor one before it returned later.
    latest: u64,
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
        let (change, during) = (mutation.change, mutation.during);
        let life = self.keys.entry(mutation.key).or_default();
        let at = life.partition_point(|lived| lived.during.from <= during.from);
        let before = life[..at].last();
        let latest = before.map_or(0, |lived| lived.latest).max(during.to);
        let lived = Lived {
            change,
            during,
            latest,
        };
        life.insert(at, lived);
        for lived in &mut life[at..] {
            lived.latest = lived.latest.max(latest);
        }
    }

    /// Completes a mutation that was recorded without a return: it took effect at `mutation.during.to` at the latest.
    pub(crate) fn settle(&mut self, mutation: &Mutation<K>) {
        let (change, during) = (mutation.change, mutation.during.failed());
        for lived in self.keys.get_mut(&mutation.key).into_iter().flatten() {
            if (lived.change, lived.during) == (change, during) {
                lived.during = mutation.during;
            }
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
        self.puts(key, during).any(|put| put == value)
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

    /// Iterates over the keys of `range`, in its order, that certainly exist throughout `during`.
    pub(crate) fn certain(&self, range: &KeyRange<K>, during: Span) -> impl Iterator<Item = &K> {
        let content = self.content(range, during);
        content.filter_map(|(key, presence)| (presence == Presence::Present).then_some(key))
    }

    /// Iterates over the values that a key may have during a span, the newest first.
    fn puts(&self, key: &K, during: Span) -> impl Iterator<Item = u64> {
        let life = self.keys.get(key).map_or(&[][..], Vec::as_slice);
        let possible = possible(life, during).1;
        possible.filter_map(|lived| match lived.change {
            Change::Put(value) => Some(value),
            Change::Delete => None,
        })
    }

    /// Returns a key and the values that it may have during a span, as text.
    pub(crate) fn shown(&self, key: &K, during: Span) -> String
    where
        K: Debug,
    {
        let values = self.puts(key, during).map(|value| value.to_string());
        format!("{key:?} = {}", Vec::from_iter(values).join(" or "))
    }

    /// Returns how many keys of `range` were ever put.
    #[must_use]
    pub fn ever_within(&self, range: &KeyRange<K>) -> usize {
        let was_put = |life: &[Lived]| life.iter().any(|lived| lived.change != Change::Delete);
        self.within(range).filter(|(_, life)| was_put(life)).count()
    }

    /// Iterates over the moments, from `from` on, at which a mutation returned.
    pub(crate) fn moments(&self, from: u64) -> impl Iterator<Item = u64> {
        let spans = self.keys.values().flatten().map(|lived| lived.during.to);
        spans.filter(move |to| (from..Span::NEVER).contains(to))
    }

    /// Iterates over the keys of `range`. Uses only `Ord`, so it doesn't rely on code under test.
    fn within(&self, range: &KeyRange<K>) -> impl Iterator<Item = (&K, &[Lived])> {
        let bounds = (range.lower(), range.upper());
        let lives = (!is_inverted(range)).then(|| self.keys.range::<K, _>(bounds));
        let mut lives = lives.into_iter().flatten();
        let order = range.order();
        std::iter::from_fn(move || match order {
            Order::Ascending => lives.next(),
            Order::Descending => lives.next_back(),
        })
        .map(|(key, life)| (key, life.as_slice()))
    }
}

/// Returns whether no key can lie in the range, by `Ord`.
pub(super) fn is_inverted<K: Ord>(range: &KeyRange<K>) -> bool {
    match (range.lower(), range.upper()) {
        (Bound::Included(lower), Bound::Included(upper)) => lower > upper,
        (
            Bound::Included(lower) | Bound::Excluded(lower),
            Bound::Included(upper) | Bound::Excluded(upper),
        ) => lower >= upper,
        _ => false,
    }
}

/// Returns whether a change was certainly done before the span, and the changes that may be the last one before it, or
/// that may happen in it, the newest first.
fn possible(life: &[Lived], during: Span) -> (bool, impl Iterator<Item = &Lived>) {
    let called = life.partition_point(|lived| lived.during.from <= during.to);
    let newest = life[..called].iter().rev();
    let done = newest.clone().find(|lived| lived.during.is_before(during));
    // What returned before this moment was replaced before the span.
    let from = done.map_or(0, |done| done.during.from);
    let possible = newest
        .take_while(move |lived| lived.latest >= from)
        .filter(move |lived| lived.during.to >= from);
    (done.is_some(), possible)
}

fn presence(life: &[Lived], during: Span) -> Presence {
    let (is_done, possible) = possible(life, during);
    let (mut put, mut deleted) = (false, false);
    for lived in possible {
        deleted |= lived.change == Change::Delete;
        put |= lived.change != Change::Delete;
    }
    match (put, deleted) {
        (true, false) if is_done => Presence::Present,
        (true, _) => Presence::Possible,
        (false, _) => Presence::Absent,
    }
}
