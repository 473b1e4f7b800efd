use std::fmt::{self, Debug, Display};

use crate::Clause;
use crate::history::{Breach, Timeline};
use crate::telling::Telling;

/// A run of code that walks, and the clause that it breaks: what [`Schedule::run`](crate::Schedule::run) found.
///
/// Its `Display` shows what is wrong, the clause, the history, what was expected and what came. The schedule
/// isn't in it: proptest prints that as the minimal input.
#[derive(Clone, Debug)]
pub struct Counterexample<K>(Box<Found<K>>);

#[derive(Clone, Debug)]
struct Found<K> {
    breach: Breach<K>,
    telling: Telling,
}

impl<K: Clone + Debug> Counterexample<K> {
    pub(crate) fn new(breach: Breach<K>, timeline: &Timeline<K>) -> Self {
        let telling = Telling::new(breach.clone(), timeline.lines());
        Counterexample(Box::new(Found { breach, telling }))
    }
}

impl<K: Debug> Counterexample<K> {
    /// What is wrong, with the key.
    #[must_use]
    pub fn breach(&self) -> &Breach<K> {
        &self.0.breach
    }

    /// The clause that is broken.
    #[must_use]
    pub fn clause(&self) -> Clause {
        self.0.breach.clause()
    }

    /// What happened, a line an event; the last 40 of a long history.
    #[must_use]
    pub fn timeline(&self) -> &[String] {
        self.0.telling.timeline()
    }
}

impl<K> Display for Counterexample<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0.telling, f)
    }
}

impl<K: Debug> std::error::Error for Counterexample<K> {}
