//! Every question of a small store: each subset of a few keys, and what a check asks of it.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use keywalk::{Chunk, KeyRange, Order};

use crate::lab::smallest;
use crate::{Checked, Failure, Harness, Lab, Stop, Trial, Tried};

/// A fetch: of this range, at most so many items.
pub(crate) type Ask<K> = (KeyRange<K>, usize);

type Asks<'c, K> = dyn Fn(&Small<'_, K>) -> Vec<Ask<K>> + 'c;

/// The keys of a small store, and the order to ask it in.
pub(crate) struct Small<'a, K> {
    /// All keys that play a part, ascending.
    pub(crate) pool: &'a [K],
    /// Those that are there.
    pub(crate) present: &'a [K],
    pub(crate) order: Order,
}

impl<K: Ord + Clone> Small<'_, K> {
    /// From a near bound on, to the end.
    pub(crate) fn from(&self, near: Bound<&K>) -> KeyRange<K> {
        match self.order {
            Order::Ascending => KeyRange::new((near, Bound::Unbounded), self.order),
            Order::Descending => KeyRange::new((Bound::Unbounded, near), self.order),
        }
    }

    pub(crate) fn all(&self) -> KeyRange<K> {
        KeyRange::all(self.order)
    }

    pub(crate) fn absent(&self) -> impl Iterator<Item = &K> {
        let is_there = |key: &&K| self.present.binary_search(key).is_ok();
        self.pool.iter().filter(move |key| !is_there(key))
    }

    /// Unbounded, and each key of the pool included and excluded.
    pub(crate) fn bounds(&self) -> Vec<Bound<&K>> {
        let at = |key| [Bound::Included(key), Bound::Excluded(key)];
        let bounds = self.pool.iter().flat_map(at);
        [Bound::Unbounded].into_iter().chain(bounds).collect()
    }

    /// Every lower bound with every upper one.
    pub(crate) fn ranges(&self) -> Vec<KeyRange<K>> {
        let bounds = self.bounds();
        let from = |lower: &Bound<_>| {
            let upper = bounds.iter().copied();
            upper
                .map(|upper| KeyRange::new((*lower, upper), self.order))
                .collect::<Vec<_>>()
        };
        bounds.iter().flat_map(from).collect()
    }
}

impl<H: Harness> Lab<H> {
    /// Asks each small store what `asks` says; every answer must be exact.
    pub(crate) fn exhaustively(&self, asks: &Asks<'_, H::Key>) -> Checked {
        // What was asked of the last source, and over which keys.
        let asked = RefCell::new((Vec::new(), Vec::new()));
        let every = |trial: &Trial<H>, small: &Small<'_, H::Key>| {
            let asks = asks(small);
            *asked.borrow_mut() = (small.present.to_vec(), asks.clone());
            ask_all(trial, &asks)
        };
        self.small_stores(every).map_err(|stop| match stop {
            Stop::Failed(failure) => self.alone(failure, asked.into_inner()).into(),
            stop => stop,
        })
    }

    /// Carries out a check on each small store. Larger ones come first: what they show is told apart
    /// more easily.
    pub(crate) fn small_stores(
        &self,
        check: impl Fn(&Trial<H>, &Small<'_, H::Key>) -> Tried<H>,
    ) -> Checked {
        for pool in &pools(self.keys.ladder()) {
            self.attempt(|trial| {
                for present in &subsets(pool) {
                    fill(trial, pool, present)?;
                    for &order in self.orders() {
                        let small = Small {
                            pool,
                            present,
                            order,
                        };
                        check(trial, &small)?;
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// The same failure of a fresh store, with as few questions and keys as will do.
    fn alone(&self, failure: Failure, (present, asks): (Vec<H::Key>, Vec<Ask<H::Key>>)) -> Failure {
        let attempt = |present: &[H::Key], asks: &[Ask<H::Key>]| {
            self.once(&mut |trial| {
                trial.put_all(present)?;
                ask_all(trial, asks)
            })
        };
        let (asks, failure) = smallest(asks, failure, &|asks| attempt(&present, asks));
        smallest(present.clone(), failure, &|present| attempt(present, &asks)).1
    }
}

/// Few keys each: neighbours on the ladder, and its ends.
fn pools<K: Clone>(ladder: &[K]) -> Vec<Vec<K>> {
    const SIZE: usize = 4;
    let last = ladder.len().saturating_sub(1);
    let ends = BTreeSet::from([0, 1.min(last), last / 2, last]);
    let ends = ends.into_iter().filter_map(|at| ladder.get(at).cloned());
    let mut pools = vec![ends.collect()];
    pools.extend(ladder.windows(SIZE).step_by(3).map(<[_]>::to_vec));
    // The last window too, where the steps don't end there.
    pools.extend(ladder.windows(SIZE).last().map(<[_]>::to_vec));
    pools
}

/// All subsets, the largest first.
fn subsets<K: Clone>(pool: &[K]) -> Vec<Vec<K>> {
    let mut masks: Vec<u32> = (0..1 << pool.len()).collect();
    masks.sort_by_key(|mask| Reverse(mask.count_ones()));
    let subset = |mask: u32| {
        let chosen = pool.iter().enumerate();
        let chosen = chosen.filter(|(at, _)| mask >> at & 1 == 1);
        chosen.map(|(_, key)| key.clone()).collect()
    };
    masks.into_iter().map(subset).collect()
}

/// Makes the store hold just these.
fn fill<H: Harness>(trial: &Trial<H>, pool: &[H::Key], present: &[H::Key]) -> Tried<H> {
    let now = trial.ledger().present();
    let mut others = pool
        .iter()
        .filter(|key| now.contains(key) != present.contains(key));
    others.try_for_each(|key| trial.set(key, present.contains(key)))
}

/// Asks one source everything, in chunks whose spare slots are filled again.
fn ask_all<H: Harness>(trial: &Trial<H>, asks: &[Ask<H::Key>]) -> Tried<H> {
    let mut source = trial.source()?;
    let mut chunks = BTreeMap::new();
    asks.iter().try_for_each(|(range, limit)| {
        let chunk = chunks.entry(*limit);
        let chunk = chunk.or_insert_with(|| Chunk::with_limit(*limit));
        trial.ask(&mut source, range, chunk).map(drop)
    })
}
