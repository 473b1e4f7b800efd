use std::fmt::{self, Debug, Display};

use crate::clause::Clause;
use crate::history::{Telling, Violation};

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

/// A check that failed: the clause, what happened, what was expected, and how to see it again.
#[derive(Clone, Debug)]
pub struct Failure(Box<Told>);

#[derive(Clone, Debug)]
struct Told {
    check: &'static str,
    telling: Telling,
    seed: u64,
}

impl Failure {
    pub(crate) fn new<K: Debug>(
        check: &'static str,
        seed: u64,
        breach: Violation<K>,
        timeline: Vec<String>,
    ) -> Self {
        Failure(Box::new(Told {
            check,
            telling: Telling::new(breach, timeline),
            seed,
        }))
    }

    /// The check, by its name.
    #[must_use]
    pub fn check(&self) -> &'static str {
        self.0.check
    }

    /// The clause that is broken.
    #[must_use]
    pub fn clause(&self) -> Clause {
        self.0.telling.clause
    }

    /// The events of the smallest history that was found to break it, a line each; the last 40 of a long one.
    #[must_use]
    pub fn timeline(&self) -> &[String] {
        &self.0.telling.timeline
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Told {
            check,
            telling,
            seed,
        } = &*self.0;
        write!(f, "`{check}` fails: {telling}")?;
        write!(f, "  {:<10}KEYWALK_SEED={seed} shows it again", "seed")
    }
}

impl std::error::Error for Failure {}
