use std::collections::BTreeSet;
use std::fmt::{self, Debug, Display};
use std::ops::Bound;

use keywalk::{KeyRange, Order};

use crate::clause::Clause;
use crate::history::{Change, Event, Mutation, Request, Response, Span};

/// A broken clause, and how a history breaks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation<K> {
    clause: Clause,
    kind: FailureKind<K>,
    expected: Option<String>,
    got: Option<String>,
    hint: Option<String>,
}

/// Defines the kinds of failure, each with its clause, its key, its message and a hint.
macro_rules! kinds {
    ($(
        $kind:ident $(($($of:ident: $type:ty),+))?:
        $clause:ident, $key:expr, $said:literal $(, $hint:literal)?;
    )+) => {
        /// What is wrong with a response, or with a walk: each kind with its message.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum FailureKind<K> {
            $(#[doc = concat!("\"", $said, "\"")] $kind $(($($type),+))?,)+
        }

        impl<K> FailureKind<K> {
            /// Returns its clause, its key and its hint.
            #[allow(unused_variables)]
            fn facts(&self) -> (Clause, Option<&K>, Option<&'static str>) {
                match self {
                    $(FailureKind::$kind $(($($of),+))? => {
                        (Clause::$clause, $key, None$(.or(Some($hint)))?)
                    })+
                }
            }

            /// Returns the key that the failure is about.
            #[must_use]
            pub fn key(&self) -> Option<&K> {
                self.facts().1
            }
        }

        impl<K: Debug> Display for FailureKind<K> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(FailureKind::$kind $(($($of),+))? => write!(f, $said),)+
                }
            }
        }
    };
}

kinds! {
    Overfull: G6, None, "more items came than the limit",
        "is one item more read than the limit, or pushed into a chunk that is full?";
    Repeated(key: K): G2, Some(key), "{key:?} came twice",
        "does the store return it twice (a join, an index, two versions), or does a page begin again at a key that \
         came?";
    Disordered(before: K, key: K): G1, Some(key), "{key:?} came after {before:?}, out of order",
        "does the store's order differ from the key's `Ord` (sign bit, collation, bytes turned round)?";
    Behind(key: K): G6, Some(key), "{key:?} came, which is not past the start",
        "is the position ignored, or looked up and not found?";
    Beyond(key: K): G6, Some(key), "{key:?} came, which is past the end of the range",
        "is the end of the range ignored, or the other bound taken for it?";
    Absent(key: K): G4, Some(key), "{key:?} came, which was not there",
        "is it kept from an earlier fetch, or does the store or `Keyed::key` return another key than was put?";
    Missing(key: K): G3, Some(key), "{key:?} did not come, and what is after it did",
        "is the order of the range ignored, a position counted (OFFSET) rather than a key compared, or \
         a composite key compared column by column?";
    MissingAtEnd(key: K): G8, Some(key), "the end was reported, and {key:?} had not come",
        "is the end inferred from a short page, or is the end of the range taken too early?";
    Value(key: K): G5, Some(key), "{key:?} came with a value that it did not have",
        "is an item kept from an earlier fetch, a slot only half refilled, or a value cut on its way (`put`, \
         `value`)?";
    Stuck: G8, None, "it reported that there is more, but made no progress",
        "`More` needs an item; a page without one returns `ScannedTo` or `End`";
    ScannedShort(key: K): G8, Some(key), "it scanned to {key:?}, which is before an item that came",
        "`ScannedTo` reports how far the source got, past its items";
    // The last key is wrong: this one certainly existed, and comes after it.
    NotLast(key: K): G8, Some(key), "{key:?} is further than the last key it gave",
        "the last key is that at the far end in the range's order: the largest when ascending, the \
         smallest when descending";
    NoLast(key: K): G8, Some(key), "it gave no last key, and {key:?} is there",
        "`Empty` means that the range holds nothing: is `Unknown` meant, or another bound?";
    OtherRange: G6, None, "the walk requested another range than was left";
    Endless: G9, None, "the walk did not end";
    OtherEnd: G9, None, "the walk ended where it may not, or went on";
    WrongItems: G13, None, "the walk yielded other items than it fetched";
    Failed: Harness, None, "it failed, and nothing was made to fail",
        "if the store is busy for a moment, let the source wait; if it can't take such a key, leave it \
         out of `Harness::keys`";
    Panicked: G11, None, "it panicked";
    Message(what: &'static str): Harness, None, "{what}";
}

impl<K: Debug> Violation<K> {
    pub(crate) fn new(kind: FailureKind<K>) -> Self {
        let (clause, _, hint) = kind.facts();
        Violation {
            clause,
            hint: hint.map(str::to_owned),
            kind,
            expected: None,
            got: None,
        }
    }

    /// Makes a violation described by the text.
    pub(crate) fn message(clause: Clause, what: &'static str) -> Self {
        Violation::new(FailureKind::Message(what)).of(clause)
    }

    /// Replaces the clause with a more precise one.
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

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Returns whether it has no hint but that of its kind.
    pub(crate) fn is_unexplained(&self) -> bool {
        self.hint.as_deref() == self.kind.facts().2
    }

    /// Returns whether an outdated response explains it.
    pub(crate) fn is_of_the_past(&self) -> bool {
        self.clause == Clause::G7 || (self.clause == Clause::G5 && !self.is_unexplained())
    }

    /// Blames what the same source, or a fresh one, does differently when it answers the same request correctly. A wrong
    /// end would be right if nothing had been skipped before.
    fn after_others(self, hint: &str) -> Self {
        match (self.clause, &self.kind) {
            (Clause::G8, FailureKind::MissingAtEnd(_)) => self.of(Clause::G3),
            _ => self,
        }
        .hint(hint)
    }

    /// Blames neither the source's code nor its state: the same source answers the same request correctly.
    pub(crate) fn of_the_moment(self) -> Self {
        self.after_others(
            "asked again, with an empty chunk, the same source answers right: does it use the chunk's old items, or \
             does its answer depend on the request before, on time or on chance?",
        )
    }

    /// Blames the source's state: a fresh source answers the same request correctly.
    pub(crate) fn of_its_state(self) -> Self {
        self.after_others(
            "a fresh source answers right, and this one is wrong again: does it keep an iterator, a transaction, \
             items or a count of them between two fetches?",
        )
    }

    /// Blames the limit: with a smaller one the same request is answered correctly.
    pub(crate) fn of_its_limit(self, limit: usize, less: usize) -> Self {
        self.of(Clause::G8).hint(format!(
            "with a limit of {less} it answers right: is {limit} cast, added to, or reserved as memory?"
        ))
    }

    /// Blames an order that the source can't go.
    pub(crate) fn of_one_order(self, is_declared: bool) -> Self {
        self.hint(match is_declared {
            true => {
                "the same range is fetched in ascending order, and not in descending order. If the store only goes \
                 up, declare `descending: Capability::No(…)`. Its source then needs `last_key`, or \
                 `ScanForLastKey` around it in the harness"
            }
            false => {
                "a bounded walk needs its last key, and looks for it in descending order if `last_key` doesn't know \
                 it. Implement `last_key` without a descending fetch, or wrap the source in `ScanForLastKey` in the \
                 harness"
            }
        })
    }

    /// Blames a source that declares a snapshot but doesn't read from it.
    pub(crate) fn of_a_snapshot(self) -> Self {
        match self.kind {
            FailureKind::Missing(_)
            | FailureKind::MissingAtEnd(_)
            | FailureKind::Absent(_)
            | FailureKind::Value(_) => self
                .of(Clause::G7)
                .hint("the source declares a snapshot: does it return what the store holds now?"),
            _ => self,
        }
    }

    /// Returns the violation and the history that leads to it. Each line ends with a line break.
    pub(crate) fn explanation(&self, timeline: &[String]) -> String {
        let mut text = format!("{}\n\n  {}\n\n", self.kind, self.clause);
        text.extend(timeline.iter().map(|line| format!("  {line}\n")));
        if !timeline.is_empty() {
            text.push('\n');
        }
        let facts = [&self.expected, &self.got, &self.hint];
        for (name, fact) in ["expected", "got", "hint"].iter().zip(facts) {
            let line = |fact| format!("  {name:<10}{fact}\n");
            text.extend(fact.as_ref().map(line));
        }
        text
    }

    /// Returns the broken clause.
    #[must_use]
    pub fn clause(&self) -> Clause {
        self.clause
    }

    /// Returns the kind of failure.
    #[must_use]
    pub fn kind(&self) -> &FailureKind<K> {
        &self.kind
    }
}

/// Prints the failure and the clause. The alternate form (`{:#}`) adds what was expected and what came, on two lines.
impl<K: Debug> Display for Violation<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.kind, self.clause.name())?;
        for (name, fact) in [("expected", &self.expected), ("got", &self.got)] {
            if let (Some(fact), true) = (fact, f.alternate()) {
                write!(f, "\n  {name:<10}{fact}")?;
            }
        }
        Ok(())
    }
}

impl<K: Debug> std::error::Error for Violation<K> {}

/// A history as text, independent of its key type.
pub(crate) trait ToLines {
    /// Returns the last events, one line per event.
    fn lines(&self) -> Vec<String>;
}

/// The most lines shown, with the one that says how many are left out.
const MOST_LINES: usize = 40;

/// The most changes before the last walk that are all shown. Of more, only the last one of each key is.
const MOST_CHANGES: usize = 12;

impl<K: Debug> ToLines for Vec<Event<K>> {
    fn lines(&self) -> Vec<String> {
        let is_opening = |event: &Event<K>| matches!(event, Event::Opened);
        let (mut number, mut until) = (0, 0);
        let numbered = |event| {
            number += usize::from(!is_opening(event));
            (number, event, overlap(event, &mut until))
        };
        let mut changes = Vec::from_iter(self.iter().map(numbered));
        let walk = changes.split_off(last_walk(self));
        changes.retain(|(_, event, _)| matches!(event, Event::Mutation(_) | Event::Note(_)));
        if changes.len() > MOST_CHANGES {
            let mut later = BTreeSet::new();
            changes.reverse();
            changes.retain(|(_, event, _)| match event {
                Event::Mutation(mutation) => later.insert(format!("{:?}", mutation.key)),
                _ => false,
            });
            changes.reverse();
        }
        let shows_openings = self.iter().filter(|event| is_opening(event)).count() > 1;
        let line = |(number, event, overlap): (usize, &Event<K>, String)| match event {
            Event::Opened => shows_openings.then(|| format!("     {event}")),
            _ => Some(format!("{number:>3}  {event}{overlap}")),
        };
        let [mut lines, walk] =
            [changes, walk].map(|events| Vec::from_iter(events.into_iter().filter_map(line)));
        let room = MOST_LINES - 1;
        let most = room.saturating_sub(walk.len()).max(MOST_CHANGES);
        lines.drain(..lines.len().saturating_sub(most));
        let most = room - lines.len();
        lines.extend_from_slice(&walk[walk.len().saturating_sub(most)..]);
        let is_numbered = |line: &&String| !line.starts_with("     ");
        let left_out = number - lines.iter().filter(is_numbered).count();
        if left_out > 0 {
            lines.insert(0, format!("     … {left_out} lines are left out"));
        }
        lines
    }
}

/// Returns where the last walk begins: at a source that was opened, and doesn't continue the walk of another one.
fn last_walk<K>(events: &[Event<K>]) -> usize {
    let begins = |pair: &[Event<K>]| match pair {
        [Event::Opened, Event::Request(first)] => {
            !matches!(first.range.start(), Bound::Excluded(_))
        }
        _ => false,
    };
    events.windows(2).rposition(begins).unwrap_or(0)
}

/// Returns the time of the event as text if it overlaps earlier events. `until` is the latest return so far.
fn overlap<K>(event: &Event<K>, until: &mut u64) -> String {
    let Span { from, to } = match event {
        Event::Mutation(mutation) => mutation.during,
        Event::Request(request) => request.during,
        Event::Opened | Event::Visit(..) | Event::Note(_) => return String::new(),
    };
    // Changes that were made together have one span.
    let overlaps = from < *until && to != *until;
    *until = to.max(*until);
    match to {
        Span::NEVER => format!("   [from {from} to never]"),
        _ if overlaps => format!("   [from {from} to {to}]"),
        _ => String::new(),
    }
}

impl<K: Debug> Display for Event<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Mutation(mutation) => Display::fmt(mutation, f),
            Event::Request(request) => Display::fmt(request, f),
            Event::Opened => f.write_str("a source is opened"),
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

impl<K: Debug> Display for Request<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.limit {
            None => f.write_str("last key of ")?,
            Some(usize::MAX) => f.write_str("fetch all of ")?,
            Some(limit) => write!(f, "fetch {limit} of ")?,
        }
        Display::fmt(&DisplayRange(&self.range), f)?;
        if let Some(bytes) = self.budget {
            write!(f, " within {bytes} bytes")?;
        }
        match &self.response {
            Response::LastKey(response) => write!(f, ": {response:?}"),
            Response::Items(response) => write!(f, ": {response}"),
            Response::Error(error) => write!(f, " failed, {error}"),
            Response::Panic(panic) => write!(f, " panicked, {panic}"),
        }
    }
}

/// A range in interval notation.
pub(crate) struct DisplayRange<'a, K>(pub(crate) &'a KeyRange<K>);

impl<K: Debug> Display for DisplayRange<'_, K> {
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
