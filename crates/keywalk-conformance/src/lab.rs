use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};

use keywalk::Order;
use proptest::strategy::{BoxedStrategy, Strategy, ValueTree};
use proptest::test_runner::{self, RngAlgorithm, TestRng, TestRunner};

use crate::history::{Breach, Flaw, Tell};
use crate::smallest::smallest;
use crate::trial::{HarnessBreach, Trial};
use crate::watch::{Beat, lock, message};
use crate::witness::{Endless, Unwritten};
use crate::{Capabilities, Capability, Clause, Config, Failure, Harness, KeySpace};

/// Where a check is carried out.
pub(crate) struct Lab<H: Harness> {
    suite: &'static str,
    check: &'static str,
    config: Config,
    beat: Beat,
    keys: KeySpace<H::Key>,
    capabilities: Capabilities,
}

/// Why a check didn't pass.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It needs what the store can't do, for this reason.
    Skipped(&'static str),
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop::Failed(failure)
    }
}

/// Shrinking stops after so many attempts without an end.
const MOST_ATTEMPTS: u32 = 400;

impl<H: Harness> Lab<H> {
    pub(crate) fn new(
        suite: &'static str,
        check: &'static str,
        config: Config,
        beat: Beat,
    ) -> Self {
        Lab {
            suite,
            check,
            config,
            beat,
            keys: H::keys(),
            capabilities: H::capabilities(),
        }
    }

    /// The name of the harness, as its tests are told apart by.
    pub(crate) fn suite(&self) -> &'static str {
        self.suite
    }

    pub(crate) fn keys(&self) -> &KeySpace<H::Key> {
        &self.keys
    }

    pub(crate) fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Skips the check if this can't be done.
    pub(crate) fn needs(&self, what: fn(&Capabilities) -> Capability) -> Result<(), Stop> {
        match what(&self.capabilities) {
            Capability::Yes => Ok(()),
            Capability::No(reason) => Err(Stop::Skipped(reason)),
        }
    }

    pub(crate) fn seed(&self) -> u64 {
        self.config.seed
    }

    /// The orders that the source walks in.
    pub(crate) fn orders(&self) -> &'static [Order] {
        match self.capabilities.descending {
            Capability::Yes => &[Order::Ascending, Order::Descending],
            Capability::No(_) => &[Order::Ascending],
        }
    }

    /// Carries out a check on a fresh store.
    pub(crate) fn attempt(
        &self,
        check: impl FnOnce(&mut Trial<H>) -> Result<(), HarnessBreach<H>>,
    ) -> Result<(), Failure> {
        let mut trial = Trial::open(&self.beat).map_err(|breach| self.failure(breach, None))?;
        let timeline = trial.ledger().timeline();
        let result = catch_unwind(AssertUnwindSafe(|| check(&mut trial)));
        let breach = match result {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(breach)) => breach,
            Err(panic) if panic.is::<Endless>() => Breach::new(Flaw::Endless),
            Err(panic) => match panic.downcast::<Unwritten>() {
                Ok(unwritten) => unwritten.breach(),
                Err(panic) => Breach::new(Flaw::Panicked).got(message(&*panic)),
            },
        };
        let timeline = lock(&timeline);
        Err(self.failure(breach, Some(&*timeline)))
    }

    /// Carries out a check over a fresh store that holds these keys; if it fails, over fewer of them.
    pub(crate) fn attempt_with(
        &self,
        keys: &[H::Key],
        check: impl Fn(&mut Trial<H>, &[H::Key]) -> Result<(), HarnessBreach<H>>,
    ) -> Result<(), Failure> {
        let attempt = |keys: &[H::Key]| {
            self.attempt(|trial| {
                trial.put_all(keys)?;
                check(trial, keys)
            })
        };
        attempt(keys).map_err(|failure| smallest(keys.to_vec(), failure, attempt).1)
    }

    fn failure(&self, breach: HarnessBreach<H>, timeline: Option<&dyn Tell>) -> Failure {
        let lines = timeline.map(Tell::lines).unwrap_or_default();
        Failure::new(self.check, self.config.seed, breach, lines)
    }

    /// Tries a law with many cases; answers the smallest that breaks it.
    pub(crate) fn law<C: Debug>(
        &self,
        strategy: &BoxedStrategy<C>,
        law: impl Fn(&mut Trial<H>, &C) -> Result<(), HarnessBreach<H>>,
    ) -> Result<(), Stop> {
        self.law_of(self.config.cases, strategy, law)
    }

    /// The same, for a law that takes long.
    pub(crate) fn law_of<C: Debug>(
        &self,
        cases: u32,
        strategy: &BoxedStrategy<C>,
        law: impl Fn(&mut Trial<H>, &C) -> Result<(), HarnessBreach<H>>,
    ) -> Result<(), Stop> {
        let mut runner = self.runner();
        for _ in 0..cases {
            let mut tree = strategy.new_tree(&mut runner).map_err(|reason| {
                let breach = Breach::new(Flaw::Said("the key space makes no keys")).got(reason);
                self.failure(breach, None)
            })?;
            let attempt = |case: &C| self.attempt(|trial| law(trial, case));
            let Err(mut smallest) = attempt(&tree.current()) else {
                continue;
            };
            let mut attempts = 0;
            let most = match smallest.clause() {
                // Each takes long.
                Clause::G9 => MOST_ATTEMPTS / 20,
                _ => MOST_ATTEMPTS,
            };
            while attempts < most && tree.simplify() {
                // Back up where it passes, or fails otherwise.
                loop {
                    attempts += 1;
                    match attempt(&tree.current()) {
                        Err(failure) if failure.clause() == smallest.clause() => {
                            smallest = failure;
                            break;
                        }
                        _ if attempts < most && tree.complicate() => {}
                        _ => return Err(smallest.into()),
                    }
                }
            }
            return Err(smallest.into());
        }
        Ok(())
    }

    /// A number of cases for laws that take long.
    pub(crate) fn few(&self) -> u32 {
        self.config.cases.div_ceil(4)
    }

    /// Some keys of the space, different ones, as many of `count` as it makes, ascending.
    pub(crate) fn some_keys(&self, count: usize) -> Vec<H::Key> {
        let mut runner = self.runner();
        let mut keys = std::collections::BTreeSet::new();
        for _ in 0..count * 20 {
            if keys.len() == count {
                break;
            }
            if let Ok(tree) = self.keys.strategy().new_tree(&mut runner) {
                keys.insert(tree.current());
            }
        }
        Vec::from_iter(keys)
    }

    fn runner(&self) -> TestRunner {
        let config = test_runner::Config {
            // Nothing is written beside the sources.
            failure_persistence: None,
            ..test_runner::Config::default()
        };
        TestRunner::new_with_rng(config, self.rng())
    }

    /// Of its own for each check, so that their order doesn't matter.
    fn rng(&self) -> TestRng {
        let mut seed = [0; 32];
        let (of_config, of_check) = seed.split_at_mut(8);
        of_config.copy_from_slice(&self.config.seed.to_le_bytes());
        for (byte, letter) in self.check.bytes().enumerate() {
            of_check[byte % 24] = of_check[byte % 24].wrapping_mul(31).wrapping_add(letter);
        }
        TestRng::from_seed(RngAlgorithm::ChaCha, &seed)
    }
}
