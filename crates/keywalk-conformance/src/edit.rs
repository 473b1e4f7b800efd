use std::fmt::Debug;

use keywalk::{KeyRange, Order};
use proptest::prelude::*;

use crate::key_space::KeySpace;

/// A change that concurrent writers make to a store while it is walked.
///
/// Every put writes a new value, so a stale value is detected. An edit does nothing if there is no row or key that it
/// could apply to, such as [`DeleteCursor`](Self::DeleteCursor) before the first visit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Edit<K> {
    /// Inserts this key or replaces its value.
    Put(K),
    /// Deletes this key.
    Delete(K),
    /// Deletes the row that the walk visited last.
    DeleteCursor,
    /// Inserts the key that the walk visited last, or replaces its value.
    PutCursor,
    /// Deletes the last row of the store, in the walk's order.
    DeleteLast,
    /// Deletes everything.
    Clear,
    /// Inserts the first of the [schedule's](crate::Schedule) keys that is after all existing rows, in the walk's
    /// order.
    Append,
    /// Inserts the schedule's nearest key ahead of the walk, or replaces its value.
    InsertAhead,
    /// Deletes the nearest row ahead of the walk.
    DeleteAhead,
    /// Inserts the schedule's nearest key behind the walk, or replaces its value.
    InsertBehind,
}

/// The initial keys of a store, and the concurrent changes while it is walked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edits<K> {
    /// All keys that edits may use, ascending.
    pub(crate) pool: Vec<K>,
    /// The keys that exist initially.
    pub(crate) initial: Vec<K>,
    /// The edits before each page: the i-th entry is for the i-th page.
    pub(crate) turns: Vec<Vec<Edit<K>>>,
}

/// The state of a store and its walk when an edit happens.
pub(crate) struct Place<'p, K> {
    /// The keys to choose from.
    pub(crate) pool: &'p [K],
    pub(crate) present: &'p [K],
    pub(crate) order: Order,
    /// The last key that the walk yielded.
    pub(crate) cursor: Option<&'p K>,
}

impl<K: Ord + Clone> Edit<K> {
    /// Returns whether [`at`](Self::at) uses the keys that exist.
    pub(crate) fn needs_present(&self) -> bool {
        use Edit::{Append, Clear, DeleteAhead, DeleteLast};
        matches!(self, DeleteLast | Clear | Append | DeleteAhead)
    }

    /// Returns the keys that the edit changes, and whether it puts them (`true`) or deletes them.
    pub(crate) fn at(&self, place: &Place<'_, K>) -> (bool, Vec<K>) {
        let Place {
            pool,
            present,
            order,
            cursor,
        } = *place;
        let all = KeyRange::all(order);
        let past = |range: &KeyRange<K>, key: Option<&K>| {
            let mut range = range.clone();
            key.into_iter()
                .for_each(|key| range.start_after(key.clone()));
            range
        };
        let last = nearest(present, &all.reversed());
        let (is_put, key) = match self {
            Edit::Put(key) => (true, Some(key)),
            Edit::Delete(key) => (false, Some(key)),
            Edit::DeleteCursor => (false, cursor),
            Edit::PutCursor => (true, cursor),
            Edit::DeleteLast => (false, last),
            Edit::Clear => return (false, present.to_vec()),
            Edit::Append => (true, nearest(pool, &past(&all, last))),
            Edit::InsertAhead => (true, nearest(pool, &past(&all, cursor))),
            Edit::DeleteAhead => (false, nearest(present, &past(&all, cursor))),
            Edit::InsertBehind => (true, nearest(pool, &past(&all.reversed(), cursor))),
        };
        (is_put, key.into_iter().cloned().collect())
    }
}

/// Returns the first of some keys that is within a range, in the range's order.
fn nearest<'k, K: Ord>(keys: &'k [K], range: &KeyRange<K>) -> Option<&'k K> {
    let within = keys.iter().filter(|key| range.may_contain(key));
    match range.order() {
        Order::Ascending => within.min(),
        Order::Descending => within.max(),
    }
}

impl<K> Default for Edits<K> {
    fn default() -> Self {
        Edits {
            pool: Vec::new(),
            initial: Vec::new(),
            turns: Vec::new(),
        }
    }
}

impl<K: Ord + Clone> Edits<K> {
    /// Makes edits over these keys: all of them exist initially, and nothing changes.
    pub(crate) fn among(keys: impl IntoIterator<Item = K>) -> Self {
        let mut pool = Vec::from_iter(keys);
        pool.sort();
        pool.dedup();
        Edits {
            initial: pool.clone(),
            pool,
            turns: Vec::new(),
        }
    }

    /// Sets which keys exist initially.
    pub(crate) fn initially(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.initial = keys.into_iter().collect();
        self
    }

    /// Adds the edits before one more page.
    pub(crate) fn turn(mut self, edits: impl IntoIterator<Item = Edit<K>>) -> Self {
        self.turns.push(edits.into_iter().collect());
        self
    }
}

/// Returns a strategy for edits over up to 15 of these keys: up to seven turns of up to three edits each.
pub(crate) fn edits<K: Ord + Clone + Debug + 'static>(
    keys: &KeySpace<K>,
) -> BoxedStrategy<Edits<K>> {
    // Each key, with whether it exists initially.
    let pool = prop::collection::btree_map(keys.strategy().clone(), any::<bool>(), 1..16);
    let edit = (kind::<K>(), any::<prop::sample::Index>());
    let turns = prop::collection::vec(prop::collection::vec(edit, 0..4), 0..8);
    let edits = (pool, turns).prop_map(|(pool, turns)| {
        let initial = pool.iter().filter(|(_, is_there)| **is_there);
        let initial = initial.map(|(key, _)| key.clone()).collect();
        let pool = Vec::from_iter(pool.into_keys());
        let turns = turns.into_iter().map(|edits| {
            let edits = edits.into_iter();
            edits
                .map(|(edit, at)| edit(at.get(&pool).clone()))
                .collect()
        });
        Edits {
            turns: turns.collect(),
            initial,
            pool,
        }
    });
    edits.boxed()
}

/// Returns a strategy for kinds of edits. Kinds to which walks are sensitive are more frequent.
fn kind<K: 'static>() -> impl Strategy<Value = fn(K) -> Edit<K>> {
    prop_oneof![
        4 => Just(Edit::Put as fn(K) -> Edit<K>),
        4 => Just(Edit::Delete as fn(K) -> Edit<K>),
        3 => Just((|_| Edit::DeleteCursor) as fn(K) -> Edit<K>),
        1 => Just((|_| Edit::PutCursor) as fn(K) -> Edit<K>),
        2 => Just((|_| Edit::DeleteLast) as fn(K) -> Edit<K>),
        1 => Just((|_| Edit::Clear) as fn(K) -> Edit<K>),
        3 => Just((|_| Edit::Append) as fn(K) -> Edit<K>),
        3 => Just((|_| Edit::InsertAhead) as fn(K) -> Edit<K>),
        1 => Just((|_| Edit::DeleteAhead) as fn(K) -> Edit<K>),
        3 => Just((|_| Edit::InsertBehind) as fn(K) -> Edit<K>),
    ]
}
