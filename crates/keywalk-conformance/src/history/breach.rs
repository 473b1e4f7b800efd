use std::fmt::{self, Debug, Display};
use std::ops::Bound;

use keywalk::{KeyRange, Order};

use crate::clause::Clause;
use crate::history::{Answer, Change, Event, Mutation, Question, Span};

/// A clause that a history breaks, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation<K> {
    clause: Clause,
    flaw: FailureKind<K>,
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
        pub enum FailureKind<K> {
            $($(#[doc = $doc])+ $flaw $(($($type),+))?,)+
        }

        impl<K> FailureKind<K> {
            fn clause(&self) -> Clause {
                match self {
                    $(FailureKind::$flaw { .. } => Clause::$clause,)+
                }
            }

            /// The key that it is about.
            #[must_use]
            #[allow(unused_variables)]
            pub fn key(&self) -> Option<&K> {
                match self {
                    $(FailureKind::$flaw $(($($of),+))? => $key,)+
                }
            }

            fn hint(&self) -> Option<&'static str> {
                match self {
                    $(FailureKind::$flaw { .. } => None$(.or(Some($hint)))?,)+
                }
            }
        }

        impl<K: Debug> Display for FailureKind<K> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(FailureKind::$flaw $(($($of),+))? => write!(f, $said),)+
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
        "a stale answer, or a key that doesn't survive its encoding or `key`?";
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

impl<K: Debug> Violation<K> {
    pub(crate) fn new(flaw: FailureKind<K>) -> Self {
        Violation {
            clause: flaw.clause(),
            hint: flaw.hint(),
            flaw,
            expected: None,
            got: None,
        }
    }

    /// Whatever the text says.
    pub(crate) fn said(clause: Clause, what: &'static str) -> Self {
        Violation::new(FailureKind::Said(what)).of(clause)
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
        if self.clause == Clause::G8 && matches!(self.flaw, FailureKind::MissingAtEnd(_)) {
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
            FailureKind::Missing(_)
            | FailureKind::MissingAtEnd(_)
            | FailureKind::Absent(_)
            | FailureKind::Value(_) => self
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
    pub fn flaw(&self) -> &FailureKind<K> {
        &self.flaw
    }
}

/// The alternate form (`{:#}`) also says what was expected and what came, a line each.
impl<K: Debug> Display for Violation<K> {
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

impl<K: Debug> std::error::Error for Violation<K> {}

/// A breach and the history that leads to it, as text.
#[derive(Clone, Debug)]
pub(crate) struct Telling {
    pub(crate) clause: Clause,
    what: String,
    pub(crate) timeline: Vec<String>,
    /// What was expected, what came, and a hint.
    facts: [Option<String>; 3],
}

impl Telling {
    pub(crate) fn new<K: Debug>(breach: Violation<K>, timeline: Vec<String>) -> Self {
        Telling {
            clause: breach.clause,
            what: breach.flaw.to_string(),
            timeline,
            facts: [breach.expected, breach.got, breach.hint.map(str::to_owned)],
        }
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

/// Tells a history, whatever its keys are.
pub(crate) trait Tell {
    /// A line an event, the last ones.
    fn lines(&self) -> Vec<String>;
}

/// So many are shown, the last ones.
const MOST_LINES: usize = 40;

/// So many puts in a row are shown as one line.
const MANY_PUTS: usize = 8;

impl<K: Debug> Tell for Vec<Event<K>> {
    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut number = 1;
        let mut until = 0;
        for events in self.chunk_by(|a, b| a.is_put() && b.is_put()) {
            if let ([first, second, .., last], true) = (events, events.len() >= MANY_PUTS) {
                let to = number + events.len() - 1;
                lines.push(format!("{number:>3}  {first}"));
                lines.push(format!("     {second}, … {} in all", events.len()));
                lines.push(format!("{to:>3}  {last}"));
            } else {
                for (at, event) in events.iter().enumerate() {
                    let overlap = event.overlap(&mut until);
                    lines.push(format!("{:>3}  {event}{overlap}", number + at));
                }
            }
            number += events.len();
        }
        let left_out = lines.len().saturating_sub(MOST_LINES);
        if left_out > 0 {
            lines.splice(..left_out, [format!("     … {left_out} lines before")]);
        }
        lines
    }
}

impl<K> Event<K> {
    fn is_put(&self) -> bool {
        matches!(self, Event::Mutation(mutation) if matches!(mutation.change, Change::Put(_)))
    }

    /// When it was, if others were at the same time: those before it return until `until`.
    fn overlap(&self, until: &mut u64) -> String {
        let Some(Span { from, to }) = self.during() else {
            return String::new();
        };
        let overlaps = from < *until || to == Span::NEVER;
        *until = to.max(*until);
        if overlaps {
            let to = match to {
                Span::NEVER => "never".to_owned(),
                moment => moment.to_string(),
            };
            format!("   [from {from} to {to}]")
        } else {
            String::new()
        }
    }

    fn during(&self) -> Option<Span> {
        match self {
            Event::Mutation(mutation) => Some(mutation.during),
            Event::Question(question) => Some(question.during),
            Event::Visit(..) | Event::Note(_) => None,
        }
    }
}

impl<K: Debug> Display for Event<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Mutation(mutation) => Display::fmt(mutation, f),
            Event::Question(question) => Display::fmt(question, f),
            Event::Visit(key, Some(value)) => write!(f, "visit {key:?} = {value}"),
            Event::Visit(key, None) => write!(f, "visit {key:?}"),
            Event::Note(note) => f.write_str(note),
        }
    }
}

impl<K: Debug> Display for Mutation<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.change {
            Change::Put(value) => write!(f, "put {:?} = {value}", self.key),
            Change::Delete => write!(f, "delete {:?}", self.key),
        }
    }
}

impl<K: Debug> Display for Question<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = Shown(&self.range);
        match &self.answer {
            Answer::LastKey(answer) => write!(f, "last key of {range}: {answer:?}"),
            Answer::Error(error) => write!(f, "ask for {range}: failed, {error}"),
            Answer::Panic(panic) => write!(f, "ask for {range}: panicked, {panic}"),
            Answer::Items(answer) => match answer.limit {
                usize::MAX => write!(f, "fetch all of {range}: {answer}"),
                limit => write!(f, "fetch {limit} of {range}: {answer}"),
            },
        }
    }
}

/// In the notation of intervals.
pub(crate) struct Shown<'a, K>(pub(crate) &'a KeyRange<K>);

impl<K: Debug> Display for Shown<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.lower() {
            Bound::Unbounded => f.write_str("(-")?,
            Bound::Included(key) => write!(f, "[{key:?}")?,
            Bound::Excluded(key) => write!(f, "({key:?}")?,
        }
        f.write_str(", ")?;
        match self.0.upper() {
            Bound::Unbounded => f.write_str("-)")?,
            Bound::Included(key) => write!(f, "{key:?}]")?,
            Bound::Excluded(key) => write!(f, "{key:?})")?,
        }
        match self.0.order() {
            Order::Ascending => Ok(()),
            Order::Descending => f.write_str(" descending"),
        }
    }
}
