use std::fmt::Debug;

use keywalk::Order;
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

/// One case of a property test: the initial rows of a store, the concurrent changes while it is walked, and where the
/// code is killed.
///
/// [`KeySpace::schedules`] draws random schedules, and proptest shrinks one that fails. Write one by hand to keep a
/// case that failed: `Schedule::new([1, 2]).turn([]).turn([Edit::DeleteCursor])`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule<K> {
    /// All keys that edits may use, ascending.
    pub(crate) pool: Vec<K>,
    pub(crate) initial: Vec<K>,
    /// The edits before each page: the i-th entry is for the i-th page.
    pub(crate) turns: Vec<Vec<Edit<K>>>,
    /// The number of events (visits and turns) after which the i-th run is killed.
    pub(crate) kills: Vec<usize>,
}

impl<K: Ord + Clone> Edit<K> {
    /// Returns the keys that the edit changes, and whether it puts them (`true`) or deletes them. `present` returns the
    /// rows, and `cursor` is the key that a walk in this order yielded last.
    pub(crate) fn at(
        &self,
        pool: &[K],
        present: impl FnOnce() -> Vec<K>,
        order: Order,
        cursor: Option<&K>,
    ) -> (bool, Vec<K>) {
        let back = order.reversed();
        let (is_put, key) = match self {
            Edit::Put(key) => (true, Some(key.clone())),
            Edit::Delete(key) => (false, Some(key.clone())),
            Edit::DeleteCursor => (false, cursor.cloned()),
            Edit::PutCursor => (true, cursor.cloned()),
            Edit::DeleteLast => (false, nearest(&present(), None, back)),
            Edit::Clear => return (false, present()),
            Edit::Append => {
                let last = nearest(&present(), None, back);
                (true, nearest(pool, last.as_ref(), order))
            }
            Edit::InsertAhead => (true, nearest(pool, cursor, order)),
            Edit::DeleteAhead => (false, nearest(&present(), cursor, order)),
            Edit::InsertBehind => (true, nearest(pool, cursor, back)),
        };
        (is_put, Vec::from_iter(key))
    }
}

/// Returns the first of some keys, or the first after another key, in this order.
fn nearest<K: Ord + Clone>(keys: &[K], after: Option<&K>, order: Order) -> Option<K> {
    let keys = keys.iter();
    let nearest = match order {
        Order::Ascending => keys
            .filter(|key| after.is_none_or(|after| *key > after))
            .min(),
        Order::Descending => keys
            .filter(|key| after.is_none_or(|after| *key < after))
            .max(),
    };
    nearest.cloned()
}

impl<K: Ord + Clone> Schedule<K> {
    /// Makes a schedule over these keys: all of them exist initially, and nothing changes.
    ///
    /// [`Edit::Append`], [`InsertAhead`](Edit::InsertAhead) and [`InsertBehind`](Edit::InsertBehind) choose from
    /// these keys.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = K>) -> Self {
        let mut pool = Vec::from_iter(keys);
        pool.sort();
        pool.dedup();
        Schedule {
            initial: pool.clone(),
            pool,
            turns: Vec::new(),
            kills: Vec::new(),
        }
    }

    /// Sets which keys exist initially, in the order in which they are put.
    #[must_use]
    pub fn initially(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.initial = keys.into_iter().collect();
        self
    }

    /// Adds a turn: the changes that happen before a page is read. The i-th call sets those before the i-th page.
    /// Nothing changes before later pages.
    #[must_use]
    pub fn turn(mut self, edits: impl IntoIterator<Item = Edit<K>>) -> Self {
        self.turns.push(edits.into_iter().collect());
        self
    }

    /// Adds a kill: the i-th call kills the i-th run, at its `event`-th event, counted from 1. An event is a turn
    /// before a page, or a visited row. The run after the last kill continues to its end.
    ///
    /// # Panics
    ///
    /// If `event` is 0.
    #[must_use]
    #[track_caller]
    pub fn kill(mut self, event: usize) -> Self {
        assert!(event > 0, "events are counted from 1");
        self.kills.push(event);
        self
    }
}

/// Returns a strategy for schedules over up to 15 of these keys: up to seven turns of up to three edits each, no kills.
pub(crate) fn edits<K: Ord + Clone + Debug + 'static>(
    keys: &KeySpace<K>,
) -> BoxedStrategy<Schedule<K>> {
    // Each key, with whether it exists initially.
    let pool = prop::collection::btree_map(keys.strategy().clone(), any::<bool>(), 1..16);
    let edit = (kind::<K>(), any::<prop::sample::Index>());
    let turns = prop::collection::vec(prop::collection::vec(edit, 0..4), 0..8);
    let edits = (pool, turns).prop_map(|(pool, turns)| {
        let initial = pool.iter().filter(|(_, is_there)| **is_there);
        let initial = Vec::from_iter(initial.map(|(key, _)| key.clone()));
        let schedule = Schedule::new(pool.into_keys()).initially(initial);
        turns.into_iter().fold(schedule, |schedule, edits| {
            let key = |at: prop::sample::Index| at.get(&schedule.pool).clone();
            let edits = Vec::from_iter(edits.into_iter().map(|(edit, at)| edit(key(at))));
            schedule.turn(edits)
        })
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
