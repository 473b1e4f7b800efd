use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Bound;

use keywalk::{Chunk, KeyRange, Order};
use proptest::sample::subsequence;
use proptest::strategy::{BoxedStrategy, Strategy, ValueTree};
use proptest::test_runner::{self, RngAlgorithm, TestRng, TestRunner};

use crate::case::{Case, Tried};
use crate::clause::Clause;
use crate::config::Config;
use crate::harness::{Capabilities, Capability, Harness};
use crate::history::{ToLines, Violation};
use crate::key_space::KeySpace;
use crate::outcome::Failure;
use crate::recorder::{Watchdog, caught, lock, stopped};

pub(crate) struct Runner<H: Harness> {
    check: &'static str,
    pub(crate) config: Config,
    beat: Watchdog,
    pub(crate) keys: KeySpace<H::Key>,
    pub(crate) can: Capabilities,
}

pub(crate) type Checked = Result<(), Stop>;

/// The reason why a check didn't pass.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The check needs a capability that the store lacks, for this reason.
    Skipped(&'static str),
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop::Failed(failure)
    }
}

type OverKeys<'c, H> = dyn Fn(&mut Case<H>, &[<H as Harness>::Key]) -> Tried<H> + 'c;

/// Shrinking stops after this many attempts.
const MOST_ATTEMPTS: u32 = 400;

impl<H: Harness> Runner<H> {
    pub(crate) fn new(check: &'static str, config: Config, beat: Watchdog) -> Self {
        Runner {
            check,
            config,
            beat,
            keys: H::keys(),
            can: H::capabilities(),
        }
    }

    /// Skips the check if this capability is missing.
    pub(crate) fn needs(&self, what: fn(&Capabilities) -> Capability) -> Checked {
        match what(&self.can) {
            Capability::Yes => Ok(()),
            Capability::No(reason) => Err(Stop::Skipped(reason)),
        }
    }

    /// Skips the check, with this reason, if the source declares a snapshot.
    pub(crate) fn needs_no_snapshot(&self, reason: &'static str) -> Checked {
        match self.can.snapshot {
            Capability::Yes => Err(Stop::Skipped(reason)),
            Capability::No(_) => Ok(()),
        }
    }

    pub(crate) fn orders(&self) -> &'static [Order] {
        match self.can.descending {
            Capability::Yes => &[Order::Ascending, Order::Descending],
            Capability::No(_) => &[Order::Ascending],
        }
    }

    /// Runs a check on a new store.
    pub(crate) fn attempt(&self, mut check: impl FnMut(&mut Case<H>) -> Tried<H>) -> Checked {
        Ok(self.once(&mut check)?)
    }

    /// Runs a check on a new store that holds these keys. If it fails, looks for fewer keys over which it still fails.
    pub(crate) fn attempt_with(&self, keys: &[H::Key], check: &OverKeys<'_, H>) -> Checked {
        let attempt = |keys: &[H::Key]| {
            self.once(&mut |case| {
                case.put_all(keys)?;
                check(case, keys)
            })
        };
        let fewest = |failure| smallest(keys.to_vec(), failure, &attempt).1;
        Ok(attempt(keys).map_err(fewest)?)
    }

    pub(crate) fn in_each_order(
        &self,
        keys: &[H::Key],
        check: impl Fn(&mut Case<H>, &[H::Key], Order) -> Tried<H>,
    ) -> Checked {
        self.attempt_with(keys, &|case, keys| {
            let mut orders = self.orders().iter();
            orders.try_for_each(|order| check(case, keys, *order))
        })
    }

    /// Fails the check with this violation.
    pub(crate) fn fail(&self, violation: Violation<H::Key>) -> Checked {
        Err(self.failure(violation, Vec::new()).into())
    }

    pub(crate) fn once(
        &self,
        check: &mut dyn FnMut(&mut Case<H>) -> Tried<H>,
    ) -> Result<(), Failure> {
        let opened = Case::open(&self.beat);
        let mut case = opened.map_err(|violation| self.failure(violation, Vec::new()))?;
        let violation = match caught(|| check(&mut case)) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(violation)) => violation,
            Err(panic) => stopped(panic),
        };
        let violation = case.explained(violation);
        let lines = lock(&case.ledger.timeline).lines();
        Err(self.failure(violation, lines))
    }

    fn failure(&self, violation: Violation<H::Key>, lines: Vec<String>) -> Failure {
        Failure::new(self.check, self.config.seed, &violation, lines)
    }

    /// Tests a property with many random cases. Returns the smallest case that breaks it.
    pub(crate) fn law<C: Debug>(
        &self,
        strategy: &BoxedStrategy<C>,
        law: &dyn Fn(&mut Case<H>, &C) -> Tried<H>,
    ) -> Checked {
        self.law_of(self.config.cases, strategy, law)
    }

    pub(crate) fn law_of<C: Debug>(
        &self,
        cases: u32,
        strategy: &BoxedStrategy<C>,
        law: &dyn Fn(&mut Case<H>, &C) -> Tried<H>,
    ) -> Checked {
        let mut runner = self.runner();
        for _ in 0..cases {
            match strategy.new_tree(&mut runner) {
                Ok(tree) => simplest(tree, &|input| self.once(&mut |case| law(case, input)))?,
                Err(reason) => {
                    let none = Violation::message(Clause::Harness, "the key space makes no keys");
                    return self.fail(none.got(reason));
                }
            }
        }
        Ok(())
    }

    /// Returns a smaller number of cases, for slow checks.
    pub(crate) fn few(&self) -> u32 {
        self.config.cases.div_ceil(4)
    }

    /// Returns up to `count` different keys of the key space, ascending.
    pub(crate) fn some_keys(&self, count: usize) -> Vec<H::Key> {
        let mut runner = self.runner();
        let mut keys = BTreeSet::new();
        for _ in 0..count * 20 {
            if keys.len() == count {
                break;
            }
            keys.extend(drawn(self.keys.strategy(), &mut runner));
        }
        Vec::from_iter(keys)
    }

    /// Returns up to `count` different keys, ascending: boundary keys, and keys that are quickly made. Gives up where
    /// the key space has no more.
    pub(crate) fn many_keys(&self, count: usize) -> Vec<H::Key> {
        const MOST_REPEATED: usize = 200;
        let mut runner = self.runner();
        let mut keys = BTreeSet::from_iter(self.keys.ladder().iter().take(count).cloned());
        let (mut state, mut repeated) = (self.config.seed, 0);
        while keys.len() < count && repeated < MOST_REPEATED {
            let key = match self.keys.many() {
                Some(many) => many(mixed(&mut state)),
                None => drawn(self.keys.strategy(), &mut runner),
            };
            match key.is_some_and(|key| keys.insert(key)) {
                true => repeated = 0,
                false => repeated += 1,
            }
        }
        Vec::from_iter(keys)
    }

    /// Returns the ladder, or where it is long, its ends and rungs that the seed draws.
    pub(crate) fn some_rungs(&self) -> Vec<H::Key> {
        const MOST: usize = 22;
        let ladder = self.keys.ladder();
        let step = ladder.len().div_ceil(MOST).max(1);
        let from = self.draw(0..step);
        let is_chosen = |at: &usize| at % step == from || *at == 0 || *at + 1 == ladder.len();
        let chosen = (0..ladder.len()).filter(is_chosen);
        chosen.map(|at| ladder[at].clone()).collect()
    }

    /// Returns what the seed draws for this check, or the default.
    pub(crate) fn draw<T: Default>(&self, strategy: impl Strategy<Value = T>) -> T {
        drawn(&strategy, &mut self.runner()).unwrap_or_default()
    }

    /// Makes a runner with a seed per check, so the order of checks doesn't matter.
    fn runner(&self) -> TestRunner {
        let mut seed = [0; 16];
        for (half, bytes) in seed.chunks_mut(8).enumerate() {
            let mut hasher = DefaultHasher::new();
            (self.config.seed, self.check, half).hash(&mut hasher);
            bytes.copy_from_slice(&hasher.finish().to_le_bytes());
        }
        let config = test_runner::Config {
            // Writes no regression files next to the sources.
            failure_persistence: None,
            ..test_runner::Config::default()
        };
        TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::XorShift, &seed))
    }
}

/// The generator SplitMix64, which is faster than a strategy.
pub(crate) fn mixed(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ *state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

fn drawn<S: Strategy>(strategy: &S, runner: &mut TestRunner) -> Option<S::Value> {
    let tree = strategy.new_tree(runner).ok();
    tree.map(|tree| tree.current())
}

/// Shrinks a failing case to the simplest one that still fails by the same clause.
fn simplest<C>(
    mut tree: impl ValueTree<Value = C>,
    attempt: &dyn Fn(&C) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut simplest = match attempt(&tree.current()) {
        Ok(()) => return Ok(()),
        Err(failure) => failure,
    };
    let most = match simplest.clause() {
        // A walk that doesn't end makes each attempt slow.
        Clause::G9 => MOST_ATTEMPTS / 20,
        _ => MOST_ATTEMPTS,
    };
    let mut attempts = 0;
    while attempts < most && tree.simplify() {
        // Step back if the case passes, or fails by another clause.
        loop {
            attempts += 1;
            match attempt(&tree.current()) {
                Err(failure) if failure.clause() == simplest.clause() => {
                    simplest = failure;
                    break;
                }
                _ if attempts < most && tree.complicate() => {}
                _ => return Err(simplest),
            }
        }
    }
    Err(simplest)
}

/// Reduces a list to few elements that still fail by the same clause, and returns that failure. Leaves out halves, then
/// quarters, and finally single elements.
pub(crate) fn smallest<T: Clone>(
    mut list: Vec<T>,
    mut failure: Failure,
    attempt: &dyn Fn(&[T]) -> Result<(), Failure>,
) -> (Vec<T>, Failure) {
    // A list of some hundred elements needs about 200. Of a store of many keys each attempt takes long.
    let most = (200_000 / list.len().max(1)).clamp(20, 200);
    let mut attempts = 0;
    let mut size = list.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < list.len() {
            attempts += 1;
            if attempts > most {
                return (list, failure);
            }
            let mut fewer = list.clone();
            fewer.drain(at..list.len().min(at + size));
            match attempt(&fewer) {
                Err(smaller) if smaller.clause() == failure.clause() => {
                    (list, failure) = (fewer, smaller);
                }
                _ => at += size,
            }
        }
        size /= 2;
    }
    (list, failure)
}

/// A fetch of this range with this limit.
pub(crate) type FetchArgs<K> = (KeyRange<K>, usize);

type FetchPlan<'c, K> = dyn Fn(&Small<'_, K>) -> Vec<FetchArgs<K>> + 'c;

/// The keys of a small store, and the order of its fetches.
pub(crate) struct Small<'a, K> {
    /// All keys that the store may hold, ascending.
    pub(crate) pool: &'a [K],
    pub(crate) present: &'a [K],
    pub(crate) order: Order,
}

impl<K: Ord + Clone> Small<'_, K> {
    /// Returns the range from a start bound to the end.
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

    /// Returns the unbounded bound, and each key of the pool as an included and an excluded bound.
    pub(crate) fn bounds(&self) -> Vec<Bound<&K>> {
        let at = |key| [Bound::Included(key), Bound::Excluded(key)];
        let bounds = self.pool.iter().flat_map(at);
        [Bound::Unbounded].into_iter().chain(bounds).collect()
    }

    /// Returns every combination of a lower and an upper bound.
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

impl<H: Harness> Runner<H> {
    /// Performs the fetches that `fetches` returns on each small store. Every response must be exact.
    pub(crate) fn exhaustively(&self, fetches: &FetchPlan<'_, H::Key>) -> Checked {
        // The keys of the last store, and the fetches of its source.
        let requested = RefCell::new((Vec::new(), Vec::new()));
        let every = |case: &Case<H>, small: &Small<'_, H::Key>| {
            let fetches = fetches(small);
            *requested.borrow_mut() = (small.present.to_vec(), fetches.clone());
            fetch_all(case, &fetches)
        };
        self.small_stores(every).map_err(|stop| match stop {
            Stop::Failed(failure) => self.alone(failure, requested.into_inner()).into(),
            stop => stop,
        })
    }

    /// Runs a check on each small store. Larger stores come first, because their failures are more specific.
    pub(crate) fn small_stores(
        &self,
        check: impl Fn(&Case<H>, &Small<'_, H::Key>) -> Tried<H>,
    ) -> Checked {
        for pool in &self.pools() {
            self.attempt(|case| {
                for present in &subsets(pool) {
                    fill(case, pool, present)?;
                    for &order in self.orders() {
                        let small = Small {
                            pool,
                            present,
                            order,
                        };
                        check(case, &small)?;
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Returns small sets of keys: one that includes the ends of the ladder, and neighbours on it. Of a long ladder the
    /// seed draws some for each check.
    fn pools(&self) -> Vec<Vec<H::Key>> {
        const SIZE: usize = 4;
        const MOST: usize = 8;
        let ladder = self.keys.ladder();
        let last = ladder.len().saturating_sub(1);
        let ends = BTreeSet::from([0, 1.min(last), last / 2, last]);
        let ends = ends.into_iter().filter_map(|at| ladder.get(at).cloned());
        let windows = ladder.windows(SIZE);
        // Includes the last window even if the steps don't end there.
        let windows = Vec::from_iter(windows.clone().step_by(3).chain(windows.last()));
        let places = Vec::from_iter(0..windows.len());
        let drawn = self.draw(subsequence(places, windows.len().min(MOST)));
        let drawn = drawn.into_iter().map(|at| windows[at].to_vec());
        [ends.collect()].into_iter().chain(drawn).collect()
    }

    /// Reproduces a failure on a new store, with as few fetches and keys as possible.
    fn alone(
        &self,
        failure: Failure,
        (present, fetches): (Vec<H::Key>, Vec<FetchArgs<H::Key>>),
    ) -> Failure {
        let attempt = |present: &[H::Key], fetches: &[FetchArgs<H::Key>]| {
            self.once(&mut |case| {
                case.put_all(present)?;
                fetch_all(case, fetches)
            })
        };
        let (fetches, failure) = smallest(fetches, failure, &|fetches| attempt(&present, fetches));
        smallest(present.clone(), failure, &|present| {
            attempt(present, &fetches)
        })
        .1
    }
}

/// Returns all subsets, the largest first.
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

/// Makes the store hold exactly these keys.
fn fill<H: Harness>(case: &Case<H>, pool: &[H::Key], present: &[H::Key]) -> Tried<H> {
    let now = case.ledger.present();
    let mut others = pool
        .iter()
        .filter(|key| now.contains(key) != present.contains(key));
    others.try_for_each(|key| case.set(key, present.contains(key)))
}

/// Performs all fetches on one source, in chunks whose spare slots are reused.
fn fetch_all<H: Harness>(case: &Case<H>, fetches: &[FetchArgs<H::Key>]) -> Tried<H> {
    let mut source = case.source()?;
    let mut chunks = BTreeMap::new();
    fetches.iter().try_for_each(|(range, limit)| {
        let chunk = chunks.entry(*limit);
        let chunk = chunk.or_insert_with(|| Chunk::with_limit(*limit));
        case.fetch(&mut source, range, chunk).map(drop)
    })
}
