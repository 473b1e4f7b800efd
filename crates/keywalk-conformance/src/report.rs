use std::any::type_name;
use std::fmt::{self, Debug, Display};
use std::sync::mpsc::channel;

use keywalk::Walk;

use crate::checks::{Check, of_prefetched, of_tokens, of_walks};
use crate::config::Config;
use crate::harness::{DurableHarness, Harness, PrefetchedHarness};
use crate::outcome::{Failure, Outcome, Verdict};
use crate::recorder::watched;
use crate::run::Run;
use crate::runner::{Runner, Stop};

/// The outcomes of all checks of one run.
#[derive(Clone, Debug)]
pub struct Report {
    suite: &'static str,
    seed: u64,
    outcomes: Vec<Outcome>,
}

/// Runs every check of a source and returns their outcomes. It doesn't panic or stop at the first failure.
///
/// In tests, prefer [`conformance!`](crate::conformance), which makes one `#[test]` per check.
#[must_use]
pub fn run<H: Harness>(config: &Config) -> Report {
    Report::of(&of_walks::<H>(), config)
}

/// Runs every check of a resumable source: those of [`run`], and those of its tokens.
#[must_use]
pub fn run_durable<H: DurableHarness>(config: &Config) -> Report {
    let checks = of_walks::<H>().into_iter().chain(of_tokens());
    Report::of(&Vec::from_iter(checks), config)
}

/// Runs the checks of prefetched walks only. Use it in addition to [`run`] or [`run_durable`].
#[must_use]
pub fn run_prefetched<H: PrefetchedHarness>(config: &Config) -> Report {
    Report::of(&of_prefetched::<H>(), config)
}

/// Runs one check of [`run`] by its name. Returns `None` if [`run`] has no such check.
#[must_use]
pub fn run_check<H: Harness>(check: &str, config: &Config) -> Option<Outcome> {
    one_of(&of_walks::<H>(), check, config)
}

/// Runs one of the checks that [`run_durable`] adds to those of [`run`], by its name. Returns `None` if there is no
/// such check.
#[must_use]
pub fn run_durable_check<H: DurableHarness>(check: &str, config: &Config) -> Option<Outcome> {
    one_of(&of_tokens::<H>(), check, config)
}

/// Runs one check of [`run_prefetched`] by its name. Returns `None` if there is no such check.
#[must_use]
pub fn run_prefetched_check<H: PrefetchedHarness>(check: &str, config: &Config) -> Option<Outcome> {
    one_of(&of_prefetched::<H>(), check, config)
}

fn one_of<H: Harness>(all: &[Check<H>], check: &str, config: &Config) -> Option<Outcome> {
    let check = all.iter().find(|known| known.name == check)?;
    Some(check.run(*config))
}

impl Report {
    fn of<H: Harness>(checks: &[Check<H>], config: &Config) -> Self {
        let outcomes = checks.iter().map(|check| check.run(*config));
        Report {
            suite: type_name::<H>(),
            seed: config.seed,
            outcomes: outcomes.collect(),
        }
    }

    /// Returns whether no check failed.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.failures().next().is_none()
    }

    /// Returns the outcome of each check.
    #[must_use]
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// Iterates over the failures.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        let outcomes = self.outcomes.iter();
        outcomes.filter_map(|outcome| match outcome.verdict() {
            Verdict::Failed(failure) => Some(failure),
            _ => None,
        })
    }

    /// Iterates over the names of the skipped checks and the reasons.
    pub fn skipped(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let outcomes = self.outcomes.iter();
        outcomes.filter_map(|outcome| match outcome.verdict() {
            Verdict::Skipped(reason) => Some((outcome.check(), *reason)),
            _ => None,
        })
    }

    /// Returns the seed of the cases.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }
}

/// Prints the counts, the skipped checks and each failure.
impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = self.failures().count();
        let skipped = self.skipped().count();
        let passed = self.outcomes.len() - failed - skipped;
        writeln!(
            f,
            "{}: {passed} checks passed, {failed} failed, {skipped} skipped (seed {})",
            self.suite, self.seed
        )?;
        for (check, reason) in self.skipped() {
            writeln!(f, "  skipped {check}: {reason}")?;
        }
        for failure in self.failures() {
            writeln!(f, "\n{failure}")?;
        }
        Ok(())
    }
}

/// The items that a walk yielded: each key with its value, which is the number of the put that wrote it.
pub type Trace<K> = Vec<(K, u64)>;

/// Whether the store changes while [`traces`] walks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concurrent {
    /// Rows are inserted, replaced and deleted between chunks.
    Changes,
    /// Nothing changes. For stores that can't be changed, or that read from a snapshot.
    Nothing,
}

/// Runs randomized walks and returns what each yielded, for tests of one store against another.
///
/// The seed determines the walks, the concurrent changes, and where each walk is cut and resumed. Two harnesses with
/// the same key space and the same capabilities must return the same traces:
///
/// ```
/// # use keywalk_conformance::{Concurrent, Config, Harness, traces};
/// fn are_alike<A: Harness, B: Harness<Key = A::Key>>() {
///     let config = Config::default();
///     let traces_of_a = traces::<A>(&config, Concurrent::Changes).expect("A is sound");
///     let traces_of_b = traces::<B>(&config, Concurrent::Changes).expect("B is sound");
///     assert_eq!(traces_of_a, traces_of_b);
/// }
/// ```
///
/// Changes happen between chunks. If a source returns shorter chunks than requested, such as with
/// [`ScannedTo`](keywalk::Fetched::ScannedTo), each change happens after fewer items. The traces of this source then
/// differ from those of others.
///
/// # Errors
///
/// If a walk breaks its contract.
pub fn traces<H: Harness>(
    config: &Config,
    concurrent: Concurrent,
) -> Result<Vec<Trace<H::Key>>, Failure> {
    const NAME: &str = "traces";
    let (sender, receiver) = channel();
    let config = *config;
    let run = move |beat| {
        let runner = Runner::<H>::new(NAME, config, beat);
        let plans = match concurrent {
            Concurrent::Changes => runner.plans(),
            Concurrent::Nothing => runner.plans_of(&[]),
        };
        let traced = runner.law(&plans, &|case, plan| {
            let mut run = Run::start(case, plan)?;
            let walk = plan.walk(case.source()?);
            let items = run.by_items(case, walk, plan.chunk_size, plan.cut)?;
            let (cursor, size) = (items.cursor(), plan.second_chunk_size);
            let walk = Walk::new(case.source()?).resume(cursor).chunk_size(size);
            drop(run.by_items(case, walk, size, usize::MAX)?);
            // Nothing is lost if the receiver is gone.
            drop(sender.send(run.seen));
            Ok(())
        });
        match traced {
            Err(Stop::Failed(failure)) => Err(failure),
            _ => Ok(Verdict::Passed),
        }
    };
    watched(NAME, config, Box::new(run))?;
    Ok(receiver.try_iter().collect())
}
