use std::fmt::Debug;
use std::ops::Bound;

use keywalk::{ChunkSource, KeyRange, Order, Walk};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::{Edit, Edits, Harness, Lab, Oracle, edits};

/// A walk, and what happens to its store meanwhile.
#[derive(Clone, Debug)]
pub(crate) struct Plan<K> {
    /// The turns come before each chunk that is asked for.
    pub(crate) edits: Edits<K>,
    /// Done before every chunk, the first one too.
    pub(crate) always: Vec<Edit<K>>,
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
}

impl<K> Plan<K> {
    /// A walk over all of a store, as it is.
    pub(crate) fn of_all(order: Order, chunk_size: usize) -> Self {
        Plan {
            edits: Edits::default(),
            always: Vec::new(),
            bounds: (Bound::Unbounded, Bound::Unbounded),
            order,
            chunk_size,
            second_chunk_size: chunk_size,
            live: false,
            cut: 0,
        }
    }
}

impl<K: Ord + Clone + Debug> Plan<K> {
    pub(crate) fn range(&self) -> KeyRange<K> {
        KeyRange::new(self.bounds.clone(), self.order)
    }

    pub(crate) fn walk<S: ChunkSource<Key = K>>(&self, source: S) -> Walk<S> {
        let walk = Walk::new(source).range(self.bounds.clone());
        let walk = walk.order(self.order).chunk_size(self.chunk_size);
        if self.live { walk.live() } else { walk }
    }

    pub(crate) fn oracle(&self) -> Oracle<K> {
        match self.live {
            true => Oracle::live(self.range()),
            false => Oracle::bounded(self.range()),
        }
    }

    /// The same, and nothing happens to the store meanwhile.
    pub(crate) fn still(mut self) -> Self {
        self.edits.turns.clear();
        self.always.clear();
        self
    }
}

impl<H: Harness> Lab<H> {
    /// Plans of all kinds over the harness's keys, as far as its store can.
    pub(crate) fn plans(&self) -> BoxedStrategy<Plan<H::Key>> {
        plans(edits(&self.keys), self.orders(), self.can.mutation.is_yes())
    }

    /// Plans in which the same happens before every chunk, and nothing else.
    pub(crate) fn plans_of(&self, always: &[Edit<H::Key>]) -> BoxedStrategy<Plan<H::Key>> {
        let always = always.to_vec();
        let only = move |plan: Plan<H::Key>| Plan {
            always: always.clone(),
            ..plan.still()
        };
        self.plans().prop_map(only).boxed()
    }
}

fn plans<K: Ord + Clone + Debug + 'static>(
    edits: BoxedStrategy<Edits<K>>,
    orders: &'static [Order],
    can_change: bool,
) -> BoxedStrategy<Plan<K>> {
    let order = prop::sample::select(orders);
    let walk = (
        order,
        chunk_size(),
        chunk_size(),
        any::<bool>(),
        0..12_usize,
    );
    let drawn = (edits, (bound(), bound()), walk);
    let plan = drawn.prop_map(move |(edits, (lower, upper), walk)| {
        let (order, chunk_size, second_chunk_size, live, cut) = walk;
        let key = |at: Index| at.get(&edits.pool).clone();
        let plan = Plan {
            bounds: (lower.map(key), upper.map(key)),
            edits,
            always: Vec::new(),
            order,
            chunk_size,
            second_chunk_size,
            live,
            cut,
        };
        if can_change { plan } else { plan.still() }
    });
    plan.boxed()
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
