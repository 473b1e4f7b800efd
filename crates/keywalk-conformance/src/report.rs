use std::fmt;

use crate::checks::{self, Check};
use crate::{Config, DurableHarness, Failure, Harness, PrefetchedHarness};

/// What came out of all checks.
#[derive(Clone, Debug)]
pub struct Report {
    suite: &'static str,
    seed: u64,
    outcomes: Vec<Outcome>,
}

/// What came out of a check.
#[derive(Clone, Debug)]
pub struct Outcome {
    check: &'static str,
    verdict: Verdict,
}

/// Whether a check passed.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It did.
    Passed,
    /// It didn't.
    Failed(Failure),
    /// It needs what the store can't do, for this reason.
    Skipped(&'static str),
}

/// Carries out every check, and answers what came of each. It doesn't panic, and doesn't stop at the
/// first failure.
#[must_use]
pub fn run<H: Harness>(config: &Config) -> Report {
    Report::of(&checks::of_walks::<H>(), config)
}

/// The same of a source whose cursors can be written down: with the checks of its tokens too.
#[must_use]
pub fn run_durable<H: DurableHarness>(config: &Config) -> Report {
    Report::of(&checks::of_both::<H>(), config)
}

/// Carries out the checks of a source that can be prefetched, and only these: beside [`run`] or
/// [`run_durable`].
#[must_use]
pub fn run_prefetched<H: PrefetchedHarness>(config: &Config) -> Report {
    Report::of(&checks::of_prefetched::<H>(), config)
}

/// Carries out one check, by its name; `None` if the kit has none of that name.
#[must_use]
pub fn run_check<H: Harness>(check: &str, config: &Config) -> Option<Outcome> {
    one_of(&checks::of_walks::<H>(), check, config)
}

/// The same of the checks that only [`run_durable`] carries out.
#[must_use]
pub fn run_durable_check<H: DurableHarness>(check: &str, config: &Config) -> Option<Outcome> {
    one_of(&checks::of_tokens::<H>(), check, config)
}

/// The same of the checks of [`run_prefetched`].
#[must_use]
pub fn run_prefetched_check<H: PrefetchedHarness>(check: &str, config: &Config) -> Option<Outcome> {
    one_of(&checks::of_prefetched::<H>(), check, config)
}

fn one_of<H: Harness>(all: &[Check<H>], check: &str, config: &Config) -> Option<Outcome> {
    let check = all.iter().find(|known| known.name == check)?;
    Some(check.run(std::any::type_name::<H>(), *config))
}

/// Carries out one check; what a test that [`conformance!`](crate::conformance) made does.
///
/// # Panics
///
/// If it fails, with the failure; or if there is no such check.
#[doc(hidden)]
#[track_caller]
pub fn assert_conforms<H: Harness>(suite: &'static str, check: &str) {
    assert_passes(&checks::of_walks::<H>(), suite, check);
}

/// The same for a check of tokens.
///
/// # Panics
///
/// As [`assert_conforms`].
#[doc(hidden)]
#[track_caller]
pub fn assert_conforms_durably<H: DurableHarness>(suite: &'static str, check: &str) {
    assert_passes(&checks::of_tokens::<H>(), suite, check);
}

/// The same for a check of prefetched walks.
///
/// # Panics
///
/// As [`assert_conforms`].
#[doc(hidden)]
#[track_caller]
pub fn assert_conforms_prefetched<H: PrefetchedHarness>(suite: &'static str, check: &str) {
    assert_passes(&checks::of_prefetched::<H>(), suite, check);
}

#[track_caller]
fn assert_passes<H: Harness>(all: &[Check<H>], suite: &'static str, check: &str) {
    let Some(check) = all.iter().find(|known| known.name == check) else {
        panic!("the kit has no check {check}");
    };
    match check.run(suite, Config::default()).verdict {
        Verdict::Passed => {}
        Verdict::Skipped(reason) => println!("{suite}: skipped: {reason}"),
        Verdict::Failed(failure) => panic!("\n\n{suite}: {failure}\n\n"),
    }
}

impl Report {
    fn of<H: Harness>(checks: &[Check<H>], config: &Config) -> Self {
        let suite = std::any::type_name::<H>();
        let outcomes = checks.iter().map(|check| check.run(suite, *config));
        Report {
            suite,
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
        self.outcomes
            .iter()
            .filter_map(|outcome| match &outcome.verdict {
                Verdict::Failed(failure) => Some(failure),
                _ => None,
            })
    }

    /// The checks that were skipped, and why.
    pub fn skipped(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.outcomes
            .iter()
            .filter_map(|outcome| match outcome.verdict {
                Verdict::Skipped(reason) => Some((outcome.check, reason)),
                _ => None,
            })
    }

    /// The seed of the cases.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }
}

impl Outcome {
    pub(crate) fn new(check: &'static str, verdict: Verdict) -> Self {
        Outcome { check, verdict }
    }

    /// The check, by its name.
    #[must_use]
    pub fn check(&self) -> &'static str {
        self.check
    }

    /// Whether it didn't fail.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        !matches!(self.verdict, Verdict::Failed(_))
    }

    /// What came of it: passed, failed, or skipped and why.
    #[must_use]
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }
}

/// The numbers, what was skipped, and each failure.
impl fmt::Display for Report {
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
