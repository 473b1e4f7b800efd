use std::borrow::Cow;
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
    hint: Option<Cow<'static, str>>,
}

/// Defines the kinds of failure, each with its clause, its key, its message and a hint.
macro_rules! kinds {
    ($(
        $(#[doc = $doc:literal])+
        $kind:ident $(($($of:ident: $type:ty),+))?:
        $clause:ident, $key:expr, $said:literal $(, $hint:literal)?;
    )+) => {
        /// What is wrong with a response, or with a walk.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum FailureKind<K> {
            $($(#[doc = $doc])+ $kind $(($($type),+))?,)+
        }

        impl<K> FailureKind<K> {
            fn clause(&self) -> Clause {
                match self {
                    $(FailureKind::$kind { .. } => Clause::$clause,)+
                }
            }

            /// Returns the key that the failure is about.
            #[must_use]
            #[allow(unused_variables)]
            pub fn key(&self) -> Option<&K> {
                match self {
                    $(FailureKind::$kind $(($($of),+))? => $key,)+
                }
            }

            fn hint(&self) -> Option<&'static str> {
                match self {
                    $(FailureKind::$kind { .. } => None$(.or(Some($hint)))?,)+
                }
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
    /// A fetch returned more items than the limit.
    Overfull: G6, None, "more items came than the limit",
        "is one item more read than the limit, or pushed into a chunk that is full?";
    /// The same key came twice.
    Repeated(key: K): G2, Some(key), "{key:?} came twice",
        "does the store return it twice (a join, an index, two versions), or does a page begin again at a key that \
         came?";
    /// The second key came after the first, but is before it in the order.
    Disordered(before: K, key: K): G1, Some(key), "{key:?} came after {before:?}, out of order",
        "does the store's order differ from the key's `Ord` (sign bit, collation, bytes turned round)?";
    /// The key is before the start of the range, or equals an excluded start.
    Behind(key: K): G6, Some(key), "{key:?} came, which is not past the start",
        "is the position ignored, or looked up and not found?";
    /// The key, or the end of the scanned span, is past the end of the range.
    Beyond(key: K): G6, Some(key), "{key:?} came, which is past the end of the range",
        "is the end of the range ignored, or the other bound taken for it?";
    /// The key came, but certainly didn't exist.
    Absent(key: K): G4, Some(key), "{key:?} came, which was not there",
        "is it kept from an earlier fetch, or does the store or `Keyed::key` return another key than was put?";
    /// The key certainly existed, but an item or a scanned span after it came instead.
    Missing(key: K): G3, Some(key), "{key:?} did not come, and what is after it did",
        "is the order of the range ignored, a position counted (OFFSET) rather than a key compared, or \
         a composite key compared column by column?";
    /// The key certainly existed, but the end was reported before it came.
    MissingAtEnd(key: K): G8, Some(key), "the end was reported, and {key:?} had not come",
        "is the end inferred from a short page, or is the end of the range taken too early?";
    /// The key came with a value that it certainly didn't have.
    Value(key: K): G5, Some(key), "{key:?} came with a value that it did not have",
        "is an item kept from an earlier fetch, a slot only half refilled, or a value cut on its way (`put`, \
         `value`)?";
    /// The source reported that there is more, but returned no item and made no progress.
    Stuck: G8, None, "it reported that there is more, but made no progress",
        "`More` needs an item; a page without one returns `ScannedTo` or `End`";
    /// The source reported a scanned span that ends before its last item.
    ScannedShort(key: K): G8, Some(key), "it scanned to {key:?}, which is before an item that came",
        "`ScannedTo` reports how far the source got, past its items";
    /// The source returned a wrong last key. The key given here certainly existed, and comes after it in the order.
    NotLast(key: K): G8, Some(key), "{key:?} is further than the last key it gave",
        "the last key is that at the far end in the range's order: the largest when ascending, the \
         smallest when descending";
    /// The source returned no last key, but this key certainly existed.
    NoLast(key: K): G8, Some(key), "it gave no last key, and {key:?} is there",
        "`Empty` means that the range holds nothing: is `Unknown` meant, or another bound?";
    /// The walk requested another range than the part that was left to walk.
    OtherRange: G6, None, "the walk requested another range than was left";
    /// The walk made more requests than it may.
    Endless: G9, None, "the walk did not end";
    /// The walk ended or continued where it may not.
    OtherEnd: G9, None, "the walk ended where it may not, or went on";
    /// The walk yielded other items than it fetched.
    WrongItems: G13, None, "the walk yielded other items than it fetched";
    /// The cursor is at another position than the walk.
    Cursor: G10, None, "the cursor stands elsewhere";
    /// An operation failed without an injected fault.
    Failed: Harness, None, "it failed, and nothing was made to fail",
        "if the store is busy for a moment, let the source wait; if it can't take such a key, leave it \
         out of `Harness::keys`";
    /// An operation panicked.
    Panicked: G11, None, "it panicked";
    /// Another failure, described by the text.
    Message(what: &'static str): Harness, None, "{what}";
}

impl<K: Debug> Violation<K> {
    pub(crate) fn new(kind: FailureKind<K>) -> Self {
        Violation {
            clause: kind.clause(),
            hint: kind.hint().map(Cow::Borrowed),
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

    pub(crate) fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Returns whether it has no hint but that of its kind.
    pub(crate) fn is_unexplained(&self) -> bool {
        self.hint.as_deref() == self.kind.hint()
    }

    /// Returns whether an outdated response explains it.
    pub(crate) fn is_of_the_past(&self) -> bool {
        self.clause == Clause::G7 || (self.clause == Clause::G5 && !self.is_unexplained())
    }

    /// Blames neither the source's code nor its state: the same source answers the same request correctly.
    pub(crate) fn of_the_moment(self) -> Self {
        self.after_others().hint(
            "asked again, with an empty chunk, the same source answers right: does it use the chunk's old items, or \
             does its answer depend on the request before, on time or on chance?",
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

    /// Changes the clause of a wrong end: it would be right if nothing had been skipped before.
    fn after_others(mut self) -> Self {
        if self.clause == Clause::G8 && matches!(self.kind, FailureKind::MissingAtEnd(_)) {
            self.clause = Clause::G3;
        }
        self
    }

    /// Blames the source's state: a fresh source answers the same request correctly.
    pub(crate) fn of_its_state(self) -> Self {
        self.after_others().hint(
            "a fresh source answers right, and this one is wrong again: does it keep an iterator, a transaction, \
             items or a count of them between two fetches?",
        )
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

/// A violation and the history that leads to it, as text.
#[derive(Clone, Debug)]
pub(crate) struct Explanation {
    pub(crate) clause: Clause,
    pub(crate) what: String,
    pub(crate) timeline: Vec<String>,
    /// What was expected, what came, and a hint.
    facts: [Option<String>; 3],
}

impl Explanation {
    pub(crate) fn new<K: Debug>(violation: Violation<K>, timeline: Vec<String>) -> Self {
        Explanation {
            clause: violation.clause,
            what: violation.kind.to_string(),
            timeline,
            facts: [
                violation.expected,
                violation.got,
                violation.hint.map(Cow::into_owned),
            ],
        }
    }
}

/// Prints lines that all end with a line break.
impl Display for Explanation {
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

/// A history as text, independent of its key type.
pub(crate) trait ToLines {
    /// Returns the last events, one line per event.
    fn lines(&self) -> Vec<String>;
}

/// The most lines shown, with the one that says how many are left out.
const MOST_LINES: usize = 40;

/// A sequence of at least this many puts is abbreviated.
const MANY_PUTS: usize = 8;

/// The most changes before the last walk that are all shown. Of more, only the last one of each key is.
const MOST_CHANGES: usize = 12;

/// An event with its number, and with its time if that matters.
type Numbered<'e, K> = (usize, &'e Event<K>, String);

impl<K: Debug> ToLines for Vec<Event<K>> {
    fn lines(&self) -> Vec<String> {
        let (mut number, mut until) = (0, 0);
        let mut events = Vec::from_iter(self.iter().map(|event| {
            number += usize::from(!event.is_opening());
            (number, event, event.overlap(&mut until))
        }));
        let walk = events.split_off(last_walk(self));
        let sources = self.iter().filter(|event| event.is_opening()).count();
        let all = events.last().map_or(0, |(number, ..)| *number);
        events.retain(|(_, event, _)| matches!(event, Event::Mutation(_) | Event::Note(_)));
        if events.len() > MOST_CHANGES {
            let mut later = BTreeSet::new();
            events.reverse();
            events.retain(|(_, event, _)| match event {
                Event::Mutation(mutation) => later.insert(format!("{:?}", mutation.key)),
                _ => false,
            });
            events.reverse();
        }
        let mut left_out = all - events.len();
        let (mut lines, mut walk) = (lines_of(&events, false), lines_of(&walk, sources > 1));
        let room = MOST_LINES - 1;
        if lines.len() + walk.len() > room {
            left_out += leave_out(
                &mut lines,
                room.saturating_sub(walk.len()).max(MOST_CHANGES),
            );
            left_out += leave_out(&mut walk, room - lines.len());
        }
        if left_out > 0 {
            lines.insert(0, format!("     … {left_out} lines are left out"));
        }
        lines.append(&mut walk);
        lines
    }
}

/// Removes all but the last lines. Returns how many it removed.
fn leave_out(lines: &mut Vec<String>, most: usize) -> usize {
    lines.drain(..lines.len().saturating_sub(most)).count()
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

fn lines_of<K: Debug>(events: &[Numbered<'_, K>], shows_openings: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for events in events.chunk_by(|a, b| a.1.is_put() && b.1.is_put()) {
        if let ([(number, first, _), (_, second, _), .., (to, last, _)], true) =
            (events, events.len() >= MANY_PUTS)
        {
            lines.push(format!("{number:>3}  {first}"));
            lines.push(format!("     {second}, … {} in all", events.len()));
            lines.push(format!("{to:>3}  {last}"));
            continue;
        }
        for (number, event, overlap) in events {
            match event {
                Event::Opened if !shows_openings => {}
                Event::Opened => lines.push(format!("     {event}")),
                _ => lines.push(format!("{number:>3}  {event}{overlap}")),
            }
        }
    }
    lines
}

impl<K> Event<K> {
    fn is_put(&self) -> bool {
        matches!(self, Event::Mutation(mutation) if matches!(mutation.change, Change::Put(_)))
    }

    fn is_opening(&self) -> bool {
        matches!(self, Event::Opened)
    }

    /// Returns the time of the event as text if it overlaps earlier events. `until` is the latest return so far.
    fn overlap(&self, until: &mut u64) -> String {
        let Some(Span { from, to }) = self.during() else {
            return String::new();
        };
        // Changes that were made together have one span.
        let overlaps = (from < *until && to != *until) || to == Span::NEVER;
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
            Event::Request(request) => Some(request.during),
            Event::Opened | Event::Visit(..) | Event::Note(_) => None,
        }
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
