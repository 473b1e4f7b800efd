//! What the process that is killed is told, and what it answers: words in a line.

use std::ops::Bound;
use std::str::FromStr;

use keywalk::{Fetched, KeyRange, LastKey, Order};

use crate::store::Step;
use crate::trouble::BoxError;

/// What it is told.
#[derive(Debug)]
pub(crate) enum Command {
    /// Puts and deletes, in the transaction of this number.
    Change(u64, Vec<Step>),
    Fetch(usize, KeyRange<i64>),
    LastKey(KeyRange<i64>),
}

impl Command {
    pub(crate) fn line(&self) -> String {
        match self {
            Command::Change(number, steps) => {
                let steps: String = steps.iter().map(step_words).collect();
                format!("change {number}{steps}\n")
            }
            Command::Fetch(limit, range) => format!("fetch {limit} {}\n", range_words(range)),
            Command::LastKey(range) => format!("last {}\n", range_words(range)),
        }
    }

    pub(crate) fn parse(line: &str) -> Result<Self, BoxError> {
        let mut words = Words::of(line);
        Ok(match words.next()? {
            "change" => {
                let number = words.number()?;
                let mut steps = Vec::new();
                while let Ok(step) = words.next() {
                    steps.push(match step {
                        "put" => Step::Put(words.number()?, words.number()?),
                        _ => Step::Delete(words.number()?),
                    });
                }
                Command::Change(number, steps)
            }
            "fetch" => Command::Fetch(words.number()?, words.range()?),
            _ => Command::LastKey(words.range()?),
        })
    }
}

fn step_words(step: &Step) -> String {
    match step {
        Step::Put(key, value) => format!(" put {key} {value}"),
        Step::Delete(key) => format!(" delete {key}"),
        other => unreachable!("the process isn't told to {other:?}"),
    }
}

fn range_words(range: &KeyRange<i64>) -> String {
    let bound = |bound| match bound {
        Bound::Unbounded => "open 0".to_owned(),
        Bound::Included(key) => format!("included {key}"),
        Bound::Excluded(key) => format!("excluded {key}"),
    };
    let order = match range.order() {
        Order::Ascending => "up",
        Order::Descending => "down",
    };
    format!("{order} {} {}", bound(range.lower()), bound(range.upper()))
}

/// What a fetch answered: how far it got, and the items.
type Fetch = (Fetched<i64>, Vec<(i64, u64)>);

/// The answer of a fetch.
pub(crate) fn fetched_line(fetched: Fetched<i64>, items: &[(i64, u64)]) -> String {
    let end = match fetched {
        Fetched::End => "end".to_owned(),
        Fetched::More => "more".to_owned(),
        Fetched::ScannedTo(key) => format!("to {key}"),
    };
    let items = items.iter().map(|(key, value)| format!(" {key} {value}"));
    format!("{end}{}\n", items.collect::<String>())
}

pub(crate) fn parse_fetched(line: &str) -> Result<Fetch, BoxError> {
    let mut words = Words::of(line);
    let fetched = match words.next()? {
        "end" => Fetched::End,
        "more" => Fetched::More,
        "to" => Fetched::ScannedTo(words.number()?),
        _ => return Err(line.into()),
    };
    let mut items = Vec::new();
    while let Ok(key) = words.next() {
        items.push((key.parse()?, words.number()?));
    }
    Ok((fetched, items))
}

pub(crate) fn last_key_line(last: LastKey<i64>) -> String {
    match last {
        LastKey::Is(key) => format!("is {key}\n"),
        LastKey::Empty => "empty\n".to_owned(),
        LastKey::Unknown => "unknown\n".to_owned(),
    }
}

pub(crate) fn parse_last_key(line: &str) -> Result<LastKey<i64>, BoxError> {
    let mut words = Words::of(line);
    Ok(match words.next()? {
        "is" => LastKey::Is(words.number()?),
        "empty" => LastKey::Empty,
        "unknown" => LastKey::Unknown,
        _ => return Err(line.into()),
    })
}

struct Words<'l>(std::str::SplitAsciiWhitespace<'l>);

impl<'l> Words<'l> {
    fn of(line: &'l str) -> Self {
        Words(line.split_ascii_whitespace())
    }

    fn next(&mut self) -> Result<&'l str, BoxError> {
        Ok(self.0.next().ok_or("the line is too short")?)
    }

    fn number<N: FromStr<Err: Into<BoxError>>>(&mut self) -> Result<N, BoxError> {
        self.next()?.parse().map_err(Into::into)
    }

    fn range(&mut self) -> Result<KeyRange<i64>, BoxError> {
        let order = match self.next()? {
            "up" => Order::Ascending,
            _ => Order::Descending,
        };
        let bounds = (self.bound()?, self.bound()?);
        Ok(KeyRange::new(bounds, order))
    }

    fn bound(&mut self) -> Result<Bound<i64>, BoxError> {
        let kind = self.next()?;
        let key = self.number()?;
        Ok(match kind {
            "included" => Bound::Included(key),
            "excluded" => Bound::Excluded(key),
            _ => Bound::Unbounded,
        })
    }
}
