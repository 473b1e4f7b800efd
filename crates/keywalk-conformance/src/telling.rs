use std::fmt::{self, Debug, Display};

use crate::Clause;
use crate::history::Breach;

/// A breach and the history that leads to it, in words.
#[derive(Clone, Debug)]
pub(crate) struct Telling {
    clause: Clause,
    what: String,
    timeline: Vec<String>,
    /// What was expected, what came, and a hint.
    facts: [Option<String>; 3],
}

impl Telling {
    pub(crate) fn new<K: Debug>(breach: Breach<K>, timeline: Vec<String>) -> Self {
        let (clause, what, facts) = breach.into_parts();
        Telling {
            clause,
            what,
            timeline,
            facts,
        }
    }

    pub(crate) fn clause(&self) -> Clause {
        self.clause
    }

    pub(crate) fn timeline(&self) -> &[String] {
        &self.timeline
    }
}

/// Each line ends.
impl Display for Telling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.what)?;
        writeln!(f, "\n  {}\n", self.clause)?;
        for line in &self.timeline {
            writeln!(f, "  {line}")?;
        }
        if !self.timeline.is_empty() {
            writeln!(f)?;
        }
        for (name, fact) in ["expected", "got", "hint"].iter().zip(&self.facts) {
            if let Some(fact) = fact {
                writeln!(f, "  {name:<10}{fact}")?;
            }
        }
        Ok(())
    }
}
