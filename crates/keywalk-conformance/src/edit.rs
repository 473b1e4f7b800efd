use keywalk::{KeyRange, Order};
use proptest::prelude::*;
use proptest::sample::Index;

/// Something that others do to a store while it is walked.
///
/// Every row that is put has a value of its own, so that a stale one shows. What an edit doesn't find (the
/// walk stands nowhere yet, the store is empty) it leaves alone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Edit<K> {
    /// Inserts this key, or gives it another value.
    Put(K),
    /// Deletes this key.
    Delete(K),
    /// Deletes the row that came last: the one that the walk stands at.
    DeleteCursor,
    /// Inserts it again, or gives it another value.
    PutCursor,
    /// Deletes the last row of the store, in the walk's order.
    DeleteLast,
    /// Deletes everything.
    Clear,
    /// Inserts the [schedule's](crate::Schedule) nearest key after every row that is there, in the walk's
    /// order.
    Append,
    /// Inserts the schedule's nearest key that the walk has still before it, or gives it another value.
    InsertAhead,
    /// Deletes the nearest row that the walk has still before it.
    DeleteAhead,
    /// Inserts the schedule's nearest key that the walk has behind it, or gives it another value.
    InsertBehind,
}

/// Where an edit finds a store and its walk.
pub(crate) struct Place<'p, K> {
    /// The keys to choose from.
    pub(crate) pool: &'p [K],
    /// The keys that are there.
    pub(crate) present: &'p [K],
    pub(crate) order: Order,
    /// The last key handed out.
    pub(crate) cursor: Option<&'p K>,
}

impl<K: Ord + Clone> Edit<K> {
    /// Whether its keys are put. Otherwise they are deleted.
    pub(crate) fn is_put(&self) -> bool {
        match self {
            Edit::Put(_) | Edit::PutCursor | Edit::Append => true,
            Edit::InsertAhead | Edit::InsertBehind => true,
            Edit::Delete(_) | Edit::DeleteCursor | Edit::DeleteLast => false,
            Edit::Clear | Edit::DeleteAhead => false,
        }
    }

    /// The keys that it changes.
    pub(crate) fn keys(&self, place: &Place<'_, K>) -> Vec<K> {
        let Place {
            pool,
            present,
            order,
            cursor,
        } = *place;
        let all = KeyRange::all(order);
        let mut ahead = all.clone();
        let mut behind = all.reversed();
        if let Some(cursor) = cursor {
            ahead.advance_past(cursor.clone());
            behind.advance_past(cursor.clone());
        }
        let last = nearest(present, &all.reversed());
        let key = match self {
            Edit::Put(key) | Edit::Delete(key) => Some(key),
            Edit::DeleteCursor | Edit::PutCursor => cursor,
            Edit::DeleteLast => last,
            Edit::Clear => return present.to_vec(),
            Edit::Append => {
                let mut beyond = all.clone();
                if let Some(last) = last {
                    beyond.advance_past(last.clone());
                }
                nearest(pool, &beyond)
            }
            Edit::InsertAhead => nearest(pool, &ahead),
            Edit::DeleteAhead => nearest(present, &ahead),
            Edit::InsertBehind => nearest(pool, &behind),
        };
        key.into_iter().cloned().collect()
    }
}

impl Edit<Index> {
    /// The same of a key of the pool, which isn't empty.
    pub(crate) fn of<K: Clone>(self, pool: &[K]) -> Edit<K> {
        match self {
            Edit::Put(at) => Edit::Put(at.get(pool).clone()),
            Edit::Delete(at) => Edit::Delete(at.get(pool).clone()),
            Edit::DeleteCursor => Edit::DeleteCursor,
            Edit::PutCursor => Edit::PutCursor,
            Edit::DeleteLast => Edit::DeleteLast,
            Edit::Clear => Edit::Clear,
            Edit::Append => Edit::Append,
            Edit::InsertAhead => Edit::InsertAhead,
            Edit::DeleteAhead => Edit::DeleteAhead,
            Edit::InsertBehind => Edit::InsertBehind,
        }
    }
}

/// The first of some keys within a range, in its order.
fn nearest<'k, K: Ord>(keys: &'k [K], range: &KeyRange<K>) -> Option<&'k K> {
    let within = keys.iter().filter(|key| range.admits(key));
    match range.order() {
        Order::Ascending => within.min(),
        Order::Descending => within.max(),
    }
}

/// Any, those oftener that walks are sensitive to.
pub(crate) fn edit() -> impl Strategy<Value = Edit<Index>> {
    prop_oneof![
        4 => any::<Index>().prop_map(Edit::Put),
        4 => any::<Index>().prop_map(Edit::Delete),
        3 => Just(Edit::DeleteCursor),
        1 => Just(Edit::PutCursor),
        2 => Just(Edit::DeleteLast),
        1 => Just(Edit::Clear),
        3 => Just(Edit::Append),
        3 => Just(Edit::InsertAhead),
        1 => Just(Edit::DeleteAhead),
        3 => Just(Edit::InsertBehind),
    ]
}
