use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use keywalk::{KeyRange, Order};

use super::Pace;

/// What the store holds.
pub(super) type Model<K> = BTreeMap<K, i64>;

/// What a walk must give: where nothing changes while it fetches, just what is there (G7).
pub(super) struct Expected<K> {
    /// What is still to be fetched.
    range: KeyRange<K>,
    stage: Stage,
    live: bool,
    pace: Pace,
    only_even: bool,
    /// Fetched, and not handed out.
    buffer: VecDeque<(K, i64)>,
    /// Handed out last.
    last: Option<K>,
}

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    /// The last key isn't known.
    Start,
    Going,
    Ended,
}

impl<K: Clone + Ord> Expected<K> {
    pub(super) fn begin(range: KeyRange<K>, live: bool, pace: Pace, only_even: bool) -> Self {
        Expected {
            range,
            stage: if live { Stage::Going } else { Stage::Start },
            live,
            pace,
            only_even,
            buffer: VecDeque::new(),
            last: None,
        }
    }

    /// The walk that goes on behind the last item that was handed out (G10).
    pub(super) fn resume(&self, pace: Pace) -> Self {
        let mut range = self.range.clone();
        let mut stage = self.stage;
        if let (Some(key), false) = (&self.last, self.buffer.is_empty()) {
            range.advance_past(key.clone());
            stage = Stage::Going;
        }
        if self.live {
            stage = Stage::Going;
        }
        Expected {
            stage,
            live: self.live,
            pace,
            only_even: self.only_even,
            buffer: VecDeque::new(),
            last: self.last.clone(),
            range,
        }
    }

    pub(super) fn last(&self) -> Option<K> {
        self.last.clone()
    }

    /// The next item or chunk; nothing at the end.
    pub(super) fn next(&mut self, model: &Model<K>) -> Vec<(K, i64)> {
        if self.buffer.is_empty() {
            self.fetch(model);
        }
        let count = if self.pace.by_items {
            self.buffer.len().min(1)
        } else {
            self.buffer.len()
        };
        let items: Vec<(K, i64)> = self.buffer.drain(..count).collect();
        if let Some((key, _)) = items.last() {
            self.last = Some(key.clone());
        }
        items
    }

    fn fetch(&mut self, model: &Model<K>) {
        if self.stage == Stage::Start {
            self.stage = Stage::Going;
            match self.content(model).pop() {
                Some((key, _)) => self.range.end_at(key),
                None => self.stage = Stage::Ended,
            }
        }
        if self.stage == Stage::Ended {
            return;
        }
        let mut content = self.content(model);
        let is_whole = content.len() < self.pace.chunk_size;
        content.truncate(self.pace.chunk_size);
        if let Some((key, _)) = content.last() {
            self.range.advance_past(key.clone());
        }
        // Up to the last key, or less than was asked for.
        if self.range.is_empty() || is_whole {
            self.stage = Stage::Ended;
        }
        self.buffer = content.into();
    }

    /// All that is in the range, in its order.
    fn content(&self, model: &Model<K>) -> Vec<(K, i64)> {
        if self.range.is_empty() {
            return Vec::new();
        }
        let is_asked_for = |(_, value): &(&K, &i64)| !self.only_even || **value % 2 == 0;
        let bounds: (Bound<&K>, Bound<&K>) = (self.range.lower(), self.range.upper());
        let items = model.range::<K, _>(bounds).filter(is_asked_for);
        let items = items.map(|(key, value)| (key.clone(), *value));
        match self.range.order() {
            Order::Ascending => items.collect(),
            Order::Descending => items.rev().collect(),
        }
    }
}
