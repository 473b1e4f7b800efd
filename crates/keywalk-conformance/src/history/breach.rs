use std::fmt::{self, Debug, Display};

use crate::Clause;

/// A clause that a history breaks, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach<K> {
    clause: Clause,
    flaw: Flaw<K>,
    expected: Option<String>,
    got: Option<String>,
    hint: Option<&'static str>,
}

/// What is wrong with an answer, or with a walk.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw<K> {
    /// More items than the limit.
    Overfull,
    /// The same key twice.
    Repeated(K),
    /// The second key came after the first, and has its place before it.
    Disordered(K, K),
    /// The key isn't past the near bound.
    Behind(K),
    /// The key, or what was said to be scanned, is past the far bound.
    Beyond(K),
    /// The key certainly wasn't there.
    Absent(K),
    /// The key certainly was there, and an item or a scanned key after it came.
    Missing(K),
    /// The key certainly was there, and the end was said.
    MissingAtEnd(K),
    /// The key certainly had another value, or none.
    Value(K),
    /// There is more, it says, and there was neither an item nor any progress.
    Stuck,
    /// It said that it scanned up to a key that isn't as far as its last item.
    ScannedShort(K),
    /// It isn't the last key: this one certainly was there, and is further.
    NotLast(K),
    /// It gave no last key, and this one certainly was there.
    NoLast(K),
    /// The walk asked for another range than was left.
    OtherRange,
    /// The walk asked more often than it may.
    Endless,
    /// The walk ended, or goes on, where it may not.
    OtherEnd,
    /// What the walk handed out isn't what was fetched.
    HandedOut,
    /// The cursor stands elsewhere.
    Cursor,
    /// It failed, and nothing was made to.
    Failed,
    /// It panicked.
    Panicked,
    /// Whatever the text says.
    Said(&'static str),
}

impl<K> Flaw<K> {
    fn clause(&self) -> Clause {
        match self {
            Flaw::Disordered(..) => Clause::G1,
            Flaw::Repeated(_) => Clause::G2,
            Flaw::Missing(_) => Clause::G3,
            Flaw::Absent(_) => Clause::G4,
            Flaw::Value(_) => Clause::G5,
            Flaw::Overfull | Flaw::Behind(_) | Flaw::Beyond(_) | Flaw::OtherRange => Clause::G6,
            Flaw::MissingAtEnd(_)
            | Flaw::Stuck
            | Flaw::ScannedShort(_)
            | Flaw::NotLast(_)
            | Flaw::NoLast(_) => Clause::G8,
            Flaw::Endless | Flaw::OtherEnd => Clause::G9,
            Flaw::HandedOut => Clause::G13,
            Flaw::Cursor => Clause::G10,
            Flaw::Failed | Flaw::Said(_) => Clause::Harness,
            Flaw::Panicked => Clause::G11,
        }
    }

    /// The key that it is about.
    #[must_use]
    pub fn key(&self) -> Option<&K> {
        match self {
            Flaw::Repeated(key)
            | Flaw::Disordered(_, key)
            | Flaw::Behind(key)
            | Flaw::Beyond(key)
            | Flaw::Absent(key)
            | Flaw::Missing(key)
            | Flaw::MissingAtEnd(key)
            | Flaw::Value(key)
            | Flaw::ScannedShort(key)
            | Flaw::NotLast(key)
            | Flaw::NoLast(key) => Some(key),
            _ => None,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Flaw::Overfull => "is the limit one too large, or are items pushed into a full chunk?",
            Flaw::Repeated(_) => "does a join or an index give the same row twice?",
            Flaw::Disordered(..) => {
                "does the store's order differ from the key's `Ord` (sign bit, collation, bytes \
                 turned round), or is the order of the range ignored?"
            }
            Flaw::Behind(_) => "is the position ignored, or looked up and not found?",
            Flaw::Beyond(_) => "is the far bound ignored?",
            Flaw::Absent(_) => {
                "a stale answer, or a key that doesn't survive its encoding or `key_of`?"
            }
            Flaw::Missing(_) => {
                "is the order of the range ignored, a position counted (OFFSET) rather than a key \
                 compared, or a composite key compared column by column?"
            }
            Flaw::MissingAtEnd(_) => {
                "is the end said of a full chunk, or inferred from a short page or from a cursor's \
                 row that is gone?"
            }
            Flaw::Value(_) => {
                "is an item kept from an earlier fetch, or a slot only half refilled?"
            }
            Flaw::Stuck => "`More` needs an item; a page without one says `ScannedTo` or `End`",
            Flaw::ScannedShort(_) => "`ScannedTo` says how far the source got, past its items",
            Flaw::NotLast(_) | Flaw::NoLast(_) => {
                "the last key is that at the far end in the range's order: the largest when \
                 ascending, the smallest when descending"
            }
            Flaw::Failed => {
                "if the store is busy for a moment, let the source wait; if it can't take such a key, \
                 leave it out of `Harness::keys`"
            }
            _ => return None,
        })
    }
}

impl<K: Debug> Breach<K> {
    pub(crate) fn new(flaw: Flaw<K>) -> Self {
        Breach {
            clause: flaw.clause(),
            hint: flaw.hint(),
            flaw,
            expected: None,
            got: None,
        }
    }

    /// Whatever the text says.
    pub(crate) fn said(clause: Clause, what: &'static str) -> Self {
        Breach::new(Flaw::Said(what)).of(clause)
    }

    /// Of a clause that says more than the flaw alone.
    pub(crate) fn of(mut self, clause: Clause) -> Self {
        self.clause = clause;
        self
    }

    pub(crate) fn expected(mut self, expected: impl Display) -> Self {
        self.expected = Some(expected.to_string());
        self
    }

    pub(crate) fn got(mut self, got: impl Display) -> Self {
        self.got = Some(got.to_string());
        self
    }

    pub(crate) fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// A fresh source answers the same question right.
    pub(crate) fn of_its_state(mut self) -> Self {
        if self.clause == Clause::G8 && matches!(self.flaw, Flaw::MissingAtEnd(_)) {
            // The end would be true, had nothing been skipped before.
            self.clause = Clause::G3;
        }
        self.hint(
            "a fresh source answers right: does it keep an iterator or a transaction, count its position \
             (OFFSET), keep items, or use the chunk's old ones?",
        )
    }

    /// The source declares a snapshot, and this isn't of it.
    pub(crate) fn of_a_snapshot(self) -> Self {
        match self.flaw {
            Flaw::Missing(_) | Flaw::MissingAtEnd(_) | Flaw::Absent(_) | Flaw::Value(_) => self
                .of(Clause::G7)
                .hint("the source declares a snapshot: does it answer what the store holds now?"),
            _ => self,
        }
    }

    /// The clause.
    #[must_use]
    pub fn clause(&self) -> Clause {
        self.clause
    }

    /// What is wrong.
    #[must_use]
    pub fn flaw(&self) -> &Flaw<K> {
        &self.flaw
    }
}

impl<K: Debug> Display for Flaw<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::Overfull => f.write_str("more items came than the limit"),
            Flaw::Repeated(key) => write!(f, "{key:?} came twice"),
            Flaw::Disordered(before, after) => {
                write!(f, "{after:?} came after {before:?}, out of order")
            }
            Flaw::Behind(key) => write!(f, "{key:?} came, which is not past the start"),
            Flaw::Beyond(key) => write!(f, "{key:?} came, which is past the end of the range"),
            Flaw::Absent(key) => write!(f, "{key:?} came, which was not there"),
            Flaw::Missing(key) => write!(f, "{key:?} did not come, and what is after it did"),
            Flaw::MissingAtEnd(key) => write!(f, "the end was said, and {key:?} had not come"),
            Flaw::Value(key) => write!(f, "{key:?} came with a value that it did not have"),
            Flaw::Stuck => f.write_str("it said that there is more, and got no further"),
            Flaw::ScannedShort(key) => {
                write!(
                    f,
                    "it scanned to {key:?}, which is before an item that came"
                )
            }
            Flaw::NotLast(key) => write!(f, "{key:?} is further than the last key it gave"),
            Flaw::NoLast(key) => write!(f, "it gave no last key, and {key:?} is there"),
            Flaw::OtherRange => f.write_str("the walk asked for another range than was left"),
            Flaw::Endless => f.write_str("the walk did not end"),
            Flaw::OtherEnd => f.write_str("the walk ended where it may not, or went on"),
            Flaw::HandedOut => f.write_str("what was handed out is not what was fetched"),
            Flaw::Cursor => f.write_str("the cursor stands elsewhere"),
            Flaw::Failed => f.write_str("it failed, and nothing was made to fail"),
            Flaw::Panicked => f.write_str("it panicked"),
            Flaw::Said(what) => f.write_str(what),
        }
    }
}

/// The alternate form (`{:#}`) also says what was expected and what came, a line each.
impl<K: Debug> Display for Breach<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.flaw, self.clause.name())?;
        for (name, fact) in [("expected", &self.expected), ("got", &self.got)] {
            if let (Some(fact), true) = (fact, f.alternate()) {
                write!(f, "\n  {name:<10}{fact}")?;
            }
        }
        Ok(())
    }
}

impl<K: Debug> std::error::Error for Breach<K> {}

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
        Telling {
            clause: breach.clause,
            what: breach.flaw.to_string(),
            timeline,
            facts: [breach.expected, breach.got, breach.hint.map(str::to_owned)],
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
