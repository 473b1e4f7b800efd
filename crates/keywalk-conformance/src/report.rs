use std::any::type_name;
use std::fmt::{self, Display};

use crate::checks::{Check, of_both, of_prefetched, of_tokens, of_walks};
use crate::{Config, DurableHarness, Failure, Harness, Outcome, PrefetchedHarness, Verdict};

/// What came out of all checks.
#[derive(Clone, Debug)]
pub struct Report {
    suite: &'static str,
    seed: u64,
    outcomes: Vec<Outcome>,
}

/// Carries out every check, and answers what came of each. It doesn't panic, and doesn't stop at the
/// first failure.
#[must_use]
pub fn run<H: Harness>(config: &Config) -> Report {
    Report::of(&of_walks::<H>(), config)
}

/// The same of a source whose cursors can be written down: with the checks of its tokens too.
#[must_use]
pub fn run_durable<H: DurableHarness>(config: &Config) -> Report {
    Report::of(&of_both::<H>(), config)
}

/// Carries out the checks of a source that can be prefetched, and only these: beside [`run`] or
/// [`run_durable`].
#[must_use]
pub fn run_prefetched<H: PrefetchedHarness>(config: &Config) -> Report {
    Report::of(&of_prefetched::<H>(), config)
}

/// Carries out one check, by its name; `None` if the kit has none of that name.
#[must_use]
pub fn run_check<H: Harness>(check: &str, config: &Config) -> Option<Outcome> {
    one_of(&of_walks::<H>(), check, config)
}

/// The same of the checks that only [`run_durable`] carries out.
#[must_use]
pub fn run_durable_check<H: DurableHarness>(check: &str, config: &Config) -> Option<Outcome> {
    one_of(&of_tokens::<H>(), check, config)
}

/// The same of the checks of [`run_prefetched`].
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

    /// Whether no check failed.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.failures().next().is_none()
    }

    /// What came out of each check.
    #[must_use]
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// The checks that failed.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        let outcomes = self.outcomes.iter();
        outcomes.filter_map(|outcome| match outcome.verdict() {
            Verdict::Failed(failure) => Some(failure),
            _ => None,
        })
    }

    /// The checks that were skipped, and why.
    pub fn skipped(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let outcomes = self.outcomes.iter();
        outcomes.filter_map(|outcome| match outcome.verdict() {
            Verdict::Skipped(reason) => Some((outcome.check(), *reason)),
            _ => None,
        })
    }

    /// The seed of the cases.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }
}

/// The numbers, what was skipped, and each failure.
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
