use std::ops::Bound;

use keywalk::{ChunkSource, KeyRange, Order, Walk};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::Harness;
use crate::history::Oracle;
use crate::lab::Lab;
use crate::mutation::{Mutation, mutation};

/// A walk, and what happens to its store meanwhile.
#[derive(Clone, Debug)]
pub(crate) struct Schedule<K> {
    /// The keys that play a part, ascending; at least one.
    pub(crate) pool: Vec<K>,
    /// Those that are there at first.
    pub(crate) initial: Vec<K>,
    /// Of the walk; inverted ones too.
    pub(crate) bounds: (Bound<K>, Bound<K>),
    pub(crate) order: Order,
    /// From 1 to more than there are keys.
    pub(crate) chunk_size: usize,
    /// Of a walk that resumes the first one.
    pub(crate) second_chunk_size: usize,
    pub(crate) live: bool,
    /// After how many items the walk is cut and resumed.
    pub(crate) cut: usize,
    /// The i-th are applied before the i-th chunk is asked for.
    pub(crate) mutations: Vec<Vec<Mutation>>,
    /// Applied before every chunk, the first one too.
    pub(crate) always: &'static [Mutation],
}

impl<K: Ord + Clone + std::fmt::Debug> Schedule<K> {
    pub(crate) fn range(&self) -> KeyRange<K> {
        KeyRange::new(self.bounds.clone(), self.order)
    }

    pub(crate) fn walk<S: ChunkSource<Key = K>>(&self, source: S) -> Walk<S> {
        let walk = Walk::new(source)
            .range(self.bounds.clone())
            .order(self.order)
            .chunk_size(self.chunk_size);
        if self.live { walk.live() } else { walk }
    }

    pub(crate) fn oracle(&self) -> Oracle<K> {
        if self.live {
            Oracle::live(self.range())
        } else {
            Oracle::bounded(self.range())
        }
    }

    /// The same, and nothing happens to the store meanwhile.
    pub(crate) fn still(mut self) -> Self {
        self.mutations.clear();
        self.always = &[];
        self
    }
}

impl<H: Harness> Lab<H> {
    /// Schedules of all kinds over the harness's keys, as far as its store can.
    pub(crate) fn schedules(&self) -> BoxedStrategy<Schedule<H::Key>> {
        let pool = prop::collection::btree_set(self.keys().strategy().clone(), 1..16);
        let walk = (
            prop::sample::select(self.orders()),
            chunk_size(),
            chunk_size(),
            any::<bool>(),
            0..12_usize,
        );
        let mutations = prop::collection::vec(prop::collection::vec(mutation(), 0..4), 0..8);
        let bounds = (bound(), bound());
        let can_change = self.capabilities().mutation.is_yes();
        let drawn = (pool, any::<u16>(), bounds, walk, mutations);
        let schedule = drawn.prop_map(move |(pool, present, (lower, upper), walk, mutations)| {
            let pool = Vec::from_iter(pool);
            let (order, chunk_size, second_chunk_size, live, cut) = walk;
            let places = pool.iter().enumerate();
            let present = places.filter(|(at, _)| present >> at & 1 == 1);
            let schedule = Schedule {
                initial: present.map(|(_, key)| key.clone()).collect(),
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
                always: &[],
            };
            if can_change {
                schedule
            } else {
                schedule.still()
            }
        });
        schedule.boxed()
    }

    /// Schedules in which the same happens before every chunk, and nothing else.
    pub(crate) fn schedules_of(
        &self,
        always: &'static [Mutation],
    ) -> BoxedStrategy<Schedule<H::Key>> {
        let only = move |schedule: Schedule<H::Key>| Schedule {
            always,
            ..schedule.still()
        };
        self.schedules().prop_map(only).boxed()
    }
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
