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

/// Each with its clause, the key that it is about, what is said of it, and a hint.
macro_rules! flaws {
    ($(
        $(#[doc = $doc:literal])+
        $flaw:ident $(($($of:ident: $type:ty),+))?:
        $clause:ident, $key:expr, $said:literal $(, $hint:literal)?;
    )+) => {
        /// What is wrong with an answer, or with a walk.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Flaw<K> {
            $($(#[doc = $doc])+ $flaw $(($($type),+))?,)+
        }

        impl<K> Flaw<K> {
            fn clause(&self) -> Clause {
                match self {
                    $(Flaw::$flaw { .. } => Clause::$clause,)+
                }
            }

            /// The key that it is about.
            #[must_use]
            #[allow(unused_variables)]
            pub fn key(&self) -> Option<&K> {
                match self {
                    $(Flaw::$flaw $(($($of),+))? => $key,)+
                }
            }

            fn hint(&self) -> Option<&'static str> {
                match self {
                    $(Flaw::$flaw { .. } => None$(.or(Some($hint)))?,)+
                }
            }
        }

        impl<K: Debug> Display for Flaw<K> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Flaw::$flaw $(($($of),+))? => write!(f, $said),)+
                }
            }
        }
    };
}

flaws! {
    /// More items than the limit.
    Overfull: G6, None, "more items came than the limit",
        "is the limit one too large, or are items pushed into a full chunk?";
    /// The same key twice.
    Repeated(key: K): G2, Some(key), "{key:?} came twice",
        "does a join or an index give the same row twice?";
    /// The second key came after the first, and has its place before it.
    Disordered(before: K, key: K): G1, Some(key), "{key:?} came after {before:?}, out of order",
        "does the store's order differ from the key's `Ord` (sign bit, collation, bytes turned round), \
         or is the order of the range ignored?";
    /// The key isn't past the near bound.
    Behind(key: K): G6, Some(key), "{key:?} came, which is not past the start",
        "is the position ignored, or looked up and not found?";
    /// The key, or what was said to be scanned, is past the far bound.
    Beyond(key: K): G6, Some(key), "{key:?} came, which is past the end of the range",
        "is the far bound ignored?";
    /// The key certainly wasn't there.
    Absent(key: K): G4, Some(key), "{key:?} came, which was not there",
        "a stale answer, or a key that doesn't survive its encoding or `key_of`?";
    /// The key certainly was there, and an item or a scanned key after it came.
    Missing(key: K): G3, Some(key), "{key:?} did not come, and what is after it did",
        "is the order of the range ignored, a position counted (OFFSET) rather than a key compared, or \
         a composite key compared column by column?";
    /// The key certainly was there, and the end was said.
    MissingAtEnd(key: K): G8, Some(key), "the end was said, and {key:?} had not come",
        "is the end said of a full chunk, or inferred from a short page or from a cursor's row that is \
         gone?";
    /// The key certainly had another value, or none.
    Value(key: K): G5, Some(key), "{key:?} came with a value that it did not have",
        "is an item kept from an earlier fetch, or a slot only half refilled?";
    /// There is more, it says, and there was neither an item nor any progress.
    Stuck: G8, None, "it said that there is more, and got no further",
        "`More` needs an item; a page without one says `ScannedTo` or `End`";
    /// It said that it scanned up to a key that isn't as far as its last item.
    ScannedShort(key: K): G8, Some(key), "it scanned to {key:?}, which is before an item that came",
        "`ScannedTo` says how far the source got, past its items";
    /// It isn't the last key: this one certainly was there, and is further.
    NotLast(key: K): G8, Some(key), "{key:?} is further than the last key it gave",
        "the last key is that at the far end in the range's order: the largest when ascending, the \
         smallest when descending";
    /// It gave no last key, and this one certainly was there.
    NoLast(key: K): G8, Some(key), "it gave no last key, and {key:?} is there",
        "the last key is that at the far end in the range's order: the largest when ascending, the \
         smallest when descending";
    /// The walk asked for another range than was left.
    OtherRange: G6, None, "the walk asked for another range than was left";
    /// The walk asked more often than it may.
    Endless: G9, None, "the walk did not end";
    /// The walk ended, or goes on, where it may not.
    OtherEnd: G9, None, "the walk ended where it may not, or went on";
    /// What the walk handed out isn't what was fetched.
    HandedOut: G13, None, "what was handed out is not what was fetched";
    /// The cursor stands elsewhere.
    Cursor: G10, None, "the cursor stands elsewhere";
    /// It failed, and nothing was made to.
    Failed: Harness, None, "it failed, and nothing was made to fail",
        "if the store is busy for a moment, let the source wait; if it can't take such a key, leave it \
         out of `Harness::keys`";
    /// It panicked.
    Panicked: G11, None, "it panicked";
    /// Whatever the text says.
    Said(what: &'static str): Harness, None, "{what}";
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
