//! Every question of a small store: each subset of a few keys, and what a check asks of it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use keywalk::{Chunk, KeyRange, Order};

use crate::lab::{Lab, Stop};
use crate::smallest::smallest;
use crate::trial::{HarnessBreach, Trial};
use crate::{Failure, Harness};

/// A fetch: of this range, at most so many items.
pub(crate) type Ask<K> = (KeyRange<K>, usize);

/// The keys of a small store, and the order to ask it in.
pub(crate) struct Small<'a, K> {
    /// All keys that play a part, ascending.
    pub(crate) pool: &'a [K],
    /// Those that are there.
    pub(crate) present: &'a [K],
    pub(crate) order: Order,
}

impl<K: Ord + Clone> Small<'_, K> {
    pub(crate) fn range(&self, lower: Bound<&K>, upper: Bound<&K>) -> KeyRange<K> {
        KeyRange::new((lower, upper), self.order)
    }

    /// From a near bound on, to the end.
    pub(crate) fn from(&self, near: Bound<&K>) -> KeyRange<K> {
        match self.order {
            Order::Ascending => self.range(near, Bound::Unbounded),
            Order::Descending => self.range(Bound::Unbounded, near),
        }
    }

    pub(crate) fn all(&self) -> KeyRange<K> {
        KeyRange::all(self.order)
    }

    pub(crate) fn absent(&self) -> impl Iterator<Item = &K> {
        self.pool
            .iter()
            .filter(|key| self.present.binary_search(key).is_err())
    }

    /// Unbounded, and each key of the pool included and excluded.
    pub(crate) fn bounds(&self) -> Vec<Bound<&K>> {
        let at = |key| [Bound::Included(key), Bound::Excluded(key)];
        let mut bounds = vec![Bound::Unbounded];
        bounds.extend(self.pool.iter().flat_map(at));
        bounds
    }
}

impl<H: Harness> Lab<H> {
    /// Asks each small store what `asks` says; every answer must be exact.
    pub(crate) fn exhaustively(
        &self,
        asks: impl Fn(&Small<'_, H::Key>) -> Vec<Ask<H::Key>>,
    ) -> Result<(), Stop> {
        // What was asked of the last source, and over which keys.
        let asked = RefCell::new((Vec::new(), Vec::new()));
        let every = |trial: &Trial<H>, small: &Small<'_, H::Key>| {
            let asks = asks(small);
            *asked.borrow_mut() = (small.present.to_vec(), asks.clone());
            ask_all(trial, &asks)
        };
        match self.small_stores(every) {
            Err(Stop::Failed(failure)) => {
                let (present, asks) = asked.into_inner();
                Err(self.alone(failure, present, asks).into())
            }
            other => other,
        }
    }

    /// Carries out a check on each small store. Larger ones come first: what they show is told apart
    /// more easily.
    pub(crate) fn small_stores(
        &self,
        check: impl Fn(&Trial<H>, &Small<'_, H::Key>) -> Result<(), HarnessBreach<H>>,
    ) -> Result<(), Stop> {
        for pool in self.pools() {
            self.attempt(|trial| {
                for present in subsets(&pool) {
                    fill(trial, &pool, &present)?;
                    for order in self.orders() {
                        let small = Small {
                            pool: &pool,
                            present: &present,
                            order: *order,
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
    fn alone(&self, failure: Failure, present: Vec<H::Key>, asks: Vec<Ask<H::Key>>) -> Failure {
        let attempt = |present: &[H::Key], asks: &[Ask<H::Key>]| {
            self.attempt(|trial| {
                trial.put_all(present)?;
                ask_all(trial, asks)
            })
        };
        let (asks, failure) = smallest(asks, failure, |asks| attempt(&present, asks));
        smallest(present, failure, |present| attempt(present, &asks)).1
    }

    /// Few keys each: neighbours on the ladder, and its ends.
    fn pools(&self) -> Vec<Vec<H::Key>> {
        const SIZE: usize = 4;
        let ladder = self.keys().ladder();
        let last = ladder.len().saturating_sub(1);
        let ends = BTreeSet::from([0, 1.min(last), last / 2, last]);
        let ends = ends.into_iter().filter_map(|at| ladder.get(at).cloned());
        let mut pools = vec![ends.collect()];
        pools.extend(ladder.windows(SIZE).step_by(3).map(<[_]>::to_vec));
        // The last window too, where the steps don't end there.
        pools.extend(ladder.windows(SIZE).last().map(<[_]>::to_vec));
        pools
    }
}

/// All subsets, the largest first.
fn subsets<K: Clone>(pool: &[K]) -> Vec<Vec<K>> {
    let mut masks: Vec<u32> = (0..1 << pool.len()).collect();
    masks.sort_by_key(|mask| std::cmp::Reverse(mask.count_ones()));
    let subset = |mask: u32| {
        let chosen = pool
            .iter()
            .enumerate()
            .filter(|(at, _)| mask >> at & 1 == 1);
        chosen.map(|(_, key)| key.clone()).collect()
    };
    masks.into_iter().map(subset).collect()
}

/// Makes the store hold just these.
fn fill<H: Harness>(
    trial: &Trial<H>,
    pool: &[H::Key],
    present: &[H::Key],
) -> Result<(), HarnessBreach<H>> {
    let now = trial.ledger().present();
    for key in pool {
        match (now.binary_search(key).is_ok(), present.contains(key)) {
            (false, true) => trial.put(key)?,
            (true, false) => trial.delete(key)?,
            _ => {}
        }
    }
    Ok(())
}

/// Asks one source everything, in chunks whose spare slots are filled again.
fn ask_all<H: Harness>(trial: &Trial<H>, asks: &[Ask<H::Key>]) -> Result<(), HarnessBreach<H>> {
    let mut source = trial.source()?;
    let mut chunks = BTreeMap::new();
    asks.iter().try_for_each(|(range, limit)| {
        let chunk = chunks
            .entry(*limit)
            .or_insert_with(|| Chunk::with_limit(*limit));
        source.ask(range, chunk).map(drop)
    })
}
