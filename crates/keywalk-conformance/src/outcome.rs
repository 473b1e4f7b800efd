use std::fmt::{self, Debug, Display};
use std::time::Duration;

use crate::clause::Clause;
use crate::history::Violation;

/// The outcome of one check.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub(crate) check: &'static str,
    pub(crate) clauses: &'static [Clause],
    pub(crate) duration: Duration,
    pub(crate) verdict: Verdict,
}

/// Whether a check passed.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// The check passed.
    Passed,
    /// The check failed.
    Failed(Failure),
    /// The check needs a capability that the store lacks, for this reason.
    Skipped(&'static str),
}

impl Outcome {
    /// Returns the name of the check.
    #[must_use]
    pub fn check(&self) -> &'static str {
        self.check
    }

    /// Returns the clauses that the check proves. A failure may name another one.
    #[must_use]
    pub fn clauses(&self) -> &[Clause] {
        self.clauses
    }

    /// Returns how long the check took.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// Returns whether the check passed or was skipped.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        !matches!(self.verdict, Verdict::Failed(_))
    }

    /// Returns whether the check passed, failed or was skipped, and why.
    #[must_use]
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }
}

/// A failed check. Its `Display` shows the clause, the history, what was expected, and the seed that repeats it.
#[derive(Clone, Debug)]
pub struct Failure(Box<FailureParts>);

#[derive(Clone, Debug)]
struct FailureParts {
    check: &'static str,
    clause: Clause,
    timeline: Vec<String>,
    text: String,
}

impl Failure {
    pub(crate) fn new<K: Debug>(
        check: &'static str,
        seed: u64,
        violation: &Violation<K>,
        timeline: Vec<String>,
    ) -> Self {
        let explanation = violation.explanation(&timeline);
        let again = format!("{:<10}KEYWALK_SEED={seed} shows it again", "seed");
        Failure(Box::new(FailureParts {
            check,
            clause: violation.clause(),
            timeline,
            text: format!("`{check}` fails: {explanation}  {again}"),
        }))
    }

    /// Returns the name of the check.
    #[must_use]
    pub fn check(&self) -> &'static str {
        self.0.check
    }

    /// Returns the broken clause.
    #[must_use]
    pub fn clause(&self) -> Clause {
        self.0.clause
    }

    /// Returns the smallest history found that breaks the clause: the changes of the store and its last walk, one line per
    /// event, at most 40. The first line says how many are left out.
    #[must_use]
    pub fn timeline(&self) -> &[String] {
        &self.0.timeline
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl std::error::Error for Failure {}
