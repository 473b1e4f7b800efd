use std::fmt::{self, Debug, Display};
use std::ops::Bound;

use keywalk::{KeyRange, Order};

use crate::{Answer, Change, Event, Mutation, Question, Span};

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
            format!("   [from {from} to {}]", Moment(to))
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

struct Moment(u64);

impl Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Span::NEVER => f.write_str("never"),
            moment => Display::fmt(&moment, f),
        }
    }
}
