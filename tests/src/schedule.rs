use std::ops::Bound;

use keywalk::Order;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::KeySpace;

/// Something that others do to the store between two fetches.
#[derive(Clone, Debug)]
pub enum Mutation {
    /// Inserts or replaces a key of the pool.
    Put(Index),
    /// Deletes a key of the pool.
    Delete(Index),
    /// Deletes the last row that was handed out: the one that the walk stands at.
    DeleteCursor,
    /// Deletes the last row of the store, in the walk's order.
    DeleteLast,
    /// Deletes everything.
    Clear,
    /// Inserts after every row that is there, in the walk's order.
    Append,
    /// Inserts or replaces the nearest key that the walk has still before it.
    InsertAhead,
    /// Inserts or replaces the nearest key that the walk has behind it.
    InsertBehind,
}

/// A walk, and what happens to its store meanwhile.
#[derive(Clone, Debug)]
pub struct Schedule<K> {
    /// The keys that play a part, ascending; at least one.
    pub pool: Vec<K>,
    /// Those that are there at first.
    pub initial: Vec<K>,
    /// Of the walk; inverted ones too.
    pub bounds: (Bound<K>, Bound<K>),
    /// Of the walk.
    pub order: Order,
    /// From 1 to more than there are keys.
    pub chunk_size: usize,
    /// Of a walk that resumes the first one.
    pub second_chunk_size: usize,
    /// Whether the walk is live rather than bounded.
    pub live: bool,
    /// After how many items the walk is cut and resumed.
    pub cut: usize,
    /// The i-th are applied before the i-th chunk is asked for.
    pub mutations: Vec<Vec<Mutation>>,
}

/// Schedules of all kinds over the keys of a space.
pub fn schedules<K: KeySpace>() -> impl Strategy<Value = Schedule<K>> {
    let pool = prop::collection::btree_set(K::keys(), 1..16);
    let walk = (
        order(),
        chunk_size(),
        chunk_size(),
        any::<bool>(),
        0..12_usize,
    );
    let mutations = prop::collection::vec(prop::collection::vec(mutation(), 0..4), 0..8);
    (pool, any::<u16>(), (bound(), bound()), walk, mutations).prop_map(
        |(pool, present, (lower, upper), walk, mutations)| {
            let pool = Vec::from_iter(pool);
            let (order, chunk_size, second_chunk_size, live, cut) = walk;
            let is_present = |(at, key): (usize, &K)| (present >> at & 1 == 1).then(|| key.clone());
            Schedule {
                initial: pool.iter().enumerate().filter_map(is_present).collect(),
                bounds: (
                    lower.map(|at| at.get(&pool).clone()),
                    upper.map(|at| at.get(&pool).clone()),
                ),
                pool,
                order,
                chunk_size,
                second_chunk_size,
                live,
                cut,
                mutations,
            }
        },
    )
}

fn order() -> impl Strategy<Value = Order> {
    prop_oneof![Just(Order::Ascending), Just(Order::Descending)]
}

/// Often smaller than the table, so that there are several chunks.
fn chunk_size() -> impl Strategy<Value = usize> {
    prop_oneof![6 => 1..5_usize, 2 => 5..20_usize, 1 => Just(usize::MAX)]
}

fn bound() -> impl Strategy<Value = Bound<Index>> {
    prop_oneof![
        2 => Just(Bound::Unbounded),
        1 => any::<Index>().prop_map(Bound::Included),
        1 => any::<Index>().prop_map(Bound::Excluded),
    ]
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        4 => any::<Index>().prop_map(Mutation::Put),
        4 => any::<Index>().prop_map(Mutation::Delete),
        3 => Just(Mutation::DeleteCursor),
        2 => Just(Mutation::DeleteLast),
        1 => Just(Mutation::Clear),
        3 => Just(Mutation::Append),
        3 => Just(Mutation::InsertAhead),
        3 => Just(Mutation::InsertBehind),
    ]
}
