use std::fmt::{self, Debug, Display};

use crate::Clause;
use crate::history::Breach;

/// A check that failed: the clause, what happened, what was expected, and how to see it again.
#[derive(Clone, Debug)]
pub struct Failure(Box<Told>);

#[derive(Clone, Debug)]
struct Told {
    check: &'static str,
    clause: Clause,
    what: String,
    timeline: Vec<String>,
    expected: Option<String>,
    got: Option<String>,
    hint: Option<String>,
    seed: u64,
}

impl Failure {
    pub(crate) fn new<K: Debug>(
        check: &'static str,
        seed: u64,
        breach: Breach<K>,
        timeline: Vec<String>,
    ) -> Self {
        let (clause, what, [expected, got, hint]) = breach.into_parts();
        Failure(Box::new(Told {
            check,
            clause,
            what,
            timeline,
            expected,
            got,
            hint,
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
        self.0.clause
    }

    /// The events of the smallest history that was found to break it, a line each.
    #[must_use]
    pub fn timeline(&self) -> &[String] {
        &self.0.timeline
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = &*self.0;
        writeln!(f, "`{}` fails: {}", told.check, told.what)?;
        writeln!(f, "\n  {}\n", told.clause)?;
        for line in &told.timeline {
            writeln!(f, "  {line}")?;
        }
        if !told.timeline.is_empty() {
            writeln!(f)?;
        }
        let facts = [
            ("expected", &told.expected),
            ("got", &told.got),
            ("hint", &told.hint),
        ];
        for (name, fact) in facts {
            if let Some(fact) = fact {
                writeln!(f, "  {name:<10}{fact}")?;
            }
        }
        write!(
            f,
            "  {:<10}KEYWALK_SEED={} shows it again",
            "seed", told.seed
        )
    }
}

impl std::error::Error for Failure {}
