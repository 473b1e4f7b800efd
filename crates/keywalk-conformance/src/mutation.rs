use keywalk::{KeyRange, Order};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::Harness;
use crate::trial::{HarnessBreach, Trial};

/// Something that others do to the store between two fetches.
#[derive(Clone, Debug)]
pub(crate) enum Mutation {
    /// Inserts or replaces a key of the pool.
    Put(Index),
    /// Deletes a key of the pool.
    Delete(Index),
    /// Deletes the last row that was handed out: the one that the walk stands at.
    DeleteCursor,
    /// Inserts it, or gives it another value.
    PutCursor,
    /// Deletes the last row of the store, in the walk's order.
    DeleteLast,
    /// Deletes everything.
    Clear,
    /// Inserts after every row that is there, in the walk's order.
    Append,
    /// Inserts or replaces the nearest key that the walk has still before it.
    InsertAhead,
    /// Deletes it.
    DeleteAhead,
    /// Inserts or replaces the nearest key that the walk has behind it.
    InsertBehind,
}

impl Mutation {
    /// Does it. `pool` are the keys to choose from; `cursor` is the last key handed out by a walk in
    /// `order`.
    pub(crate) fn apply<H: Harness>(
        &self,
        trial: &Trial<H>,
        pool: &[H::Key],
        order: Order,
        cursor: Option<&H::Key>,
    ) -> Result<(), HarnessBreach<H>> {
        let all = KeyRange::all(order);
        let mut ahead = all.clone();
        let mut behind = all.reversed();
        if let Some(cursor) = cursor {
            ahead.advance_past(cursor.clone());
            behind.advance_past(cursor.clone());
        }
        let present = trial.present();
        let put = |key: Option<&H::Key>| key.map_or(Ok(()), |key| trial.put(key));
        let delete = |key: Option<&H::Key>| key.map_or(Ok(()), |key| trial.delete(key));
        match self {
            Mutation::Put(at) => trial.put(at.get(pool)),
            Mutation::Delete(at) => trial.delete(at.get(pool)),
            Mutation::DeleteCursor => delete(cursor),
            Mutation::PutCursor => put(cursor),
            Mutation::DeleteLast => delete(nearest(&present, &all.reversed())),
            Mutation::Clear => present.iter().try_for_each(|key| trial.delete(key)),
            Mutation::Append => {
                let mut beyond = all.clone();
                if let Some(last) = nearest(&present, &all.reversed()) {
                    beyond.advance_past(last.clone());
                }
                put(nearest(pool, &beyond))
            }
            Mutation::InsertAhead => put(nearest(pool, &ahead)),
            Mutation::DeleteAhead => delete(nearest(&present, &ahead)),
            Mutation::InsertBehind => put(nearest(pool, &behind)),
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
pub(crate) fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        4 => any::<Index>().prop_map(Mutation::Put),
        4 => any::<Index>().prop_map(Mutation::Delete),
        3 => Just(Mutation::DeleteCursor),
        1 => Just(Mutation::PutCursor),
        2 => Just(Mutation::DeleteLast),
        1 => Just(Mutation::Clear),
        3 => Just(Mutation::Append),
        3 => Just(Mutation::InsertAhead),
        1 => Just(Mutation::DeleteAhead),
        3 => Just(Mutation::InsertBehind),
    ]
}
