use std::cmp::Ordering;
use std::fmt::Debug;
use std::ops::Bound::{Excluded, Included};

use keywalk::{Cursor, Fetched, KeyRange, LastKey};
use proptest::prelude::*;

use crate::{Model, Question};

/// Judges every question and answer of a walk by the model as it is at that moment: mutations happen
/// only between fetches, so that nothing is left to chance (G7).
#[derive(Clone, Debug)]
pub struct Oracle<K> {
    /// What the walk has still to cover.
    left: KeyRange<K>,
    stage: Stage<K>,
    live: bool,
    /// Fetches that were to be answered with a stretch scanned rather than with a full chunk.
    scanned: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum Stage<K> {
    /// The last key wasn't asked for yet.
    Start,
    /// It is being looked for, in this range.
    Backward(KeyRange<K>),
    Forward,
    Ended,
}

impl<K: Ord + Clone + Debug> Oracle<K> {
    /// Of a walk that hasn't begun.
    #[must_use]
    pub fn new(range: KeyRange<K>, live: bool) -> Self {
        let mut oracle = Oracle {
            left: range,
            stage: if live { Stage::Forward } else { Stage::Start },
            live,
            scanned: 0,
        };
        oracle.end_if_empty();
        oracle
    }

    /// Whether nothing more may be asked.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.stage == Stage::Ended
    }

    /// How many answers were stretches scanned without filling a chunk.
    #[must_use]
    pub fn scanned(&self) -> usize {
        self.scanned
    }

    /// A walk resumed at this point. `unread` says that items were fetched after `last`, the last one
    /// handed out, and thrown away.
    pub fn resume(&mut self, last: Option<&K>, unread: bool) {
        let asks_again = unread || (self.live && self.has_ended());
        if let Some(last) = last.filter(|_| unread) {
            self.left.advance_past(last.clone());
        }
        if asks_again {
            self.stage = Stage::Forward;
            self.end_if_empty();
        }
    }

    /// The next question of the walk, with the answer of the store; `model` is as it was then.
    ///
    /// # Errors
    ///
    /// If the walk may not ask so, or the store may not answer so.
    pub fn observe(
        &mut self,
        question: &Question<K>,
        model: &Model<K>,
    ) -> Result<(), TestCaseError> {
        match (question, &self.stage) {
            (Question::LastKey { range, answer }, Stage::Start) => {
                prop_assert_eq!(range, &self.left);
                let last = model.last(range);
                match answer {
                    LastKey::Is(key) => prop_assert_eq!(Some(key), last.as_ref()),
                    LastKey::Empty => prop_assert_eq!(None, last.as_ref()),
                    LastKey::Unknown => {}
                }
                match (answer, last) {
                    (LastKey::Unknown, _) => self.stage = Stage::Backward(range.reversed()),
                    (_, Some(last)) => self.bound_at(last),
                    (_, None) => self.stage = Stage::Ended,
                }
            }
            (
                Question::Fetch {
                    range,
                    limit,
                    items,
                    answer,
                },
                Stage::Backward(backward),
            ) => {
                prop_assert_eq!((range, *limit), (backward, 1));
                let covered = exact(range, *limit, items, answer, model)?;
                match (items.first(), covered) {
                    (Some((last, _)), _) => self.bound_at(last.clone()),
                    (None, None) => self.stage = Stage::Ended,
                    (None, Some(key)) => {
                        self.scanned += 1;
                        let mut backward = backward.clone();
                        backward.advance_past(key);
                        self.stage = Stage::Backward(backward);
                    }
                }
            }
            (
                Question::Fetch {
                    range,
                    limit,
                    items,
                    answer,
                },
                Stage::Forward,
            ) => {
                prop_assert_eq!(range, &self.left);
                self.scanned +=
                    usize::from(matches!(answer, Fetched::ScannedTo(_)) && items.len() < *limit);
                match exact(range, *limit, items, answer, model)? {
                    Some(key) => {
                        self.left.advance_past(key);
                        self.end_if_empty();
                    }
                    None => self.end(items.last().map(|(key, _)| key.clone())),
                }
            }
            (question, stage) => {
                prop_assert!(false, "asked {:?} at the stage {:?}", question, stage);
            }
        }
        Ok(())
    }

    /// The cursor of a walk that handed out everything that it fetched.
    ///
    /// # Errors
    ///
    /// If it says something else.
    pub fn cursor_is(&self, cursor: &Cursor<K>) -> Result<(), TestCaseError> {
        prop_assert_eq!(cursor.range(), &self.left);
        prop_assert_eq!(cursor.is_done(), self.has_ended() && !self.live);
        Ok(())
    }

    /// The cursor of a walk whose last item handed out is `last`, with others fetched after it.
    ///
    /// # Errors
    ///
    /// If it says something else.
    pub fn cursor_is_past(&self, cursor: &Cursor<K>, last: &K) -> Result<(), TestCaseError> {
        let mut range = self.left.clone();
        range.advance_past(last.clone());
        prop_assert_eq!(cursor.range(), &range);
        prop_assert!(!cursor.is_done());
        Ok(())
    }

    fn bound_at(&mut self, key: K) {
        self.left.end_at(key);
        self.stage = Stage::Forward;
    }

    fn end(&mut self, last: Option<K>) {
        let covered = match self.left.far() {
            Included(far) | Excluded(far) if !self.live => Some(far.clone()),
            _ => last,
        };
        if let Some(key) = covered {
            self.left.advance_past(key);
        }
        self.stage = Stage::Ended;
    }

    fn end_if_empty(&mut self) {
        let (Included(lower) | Excluded(lower)) = self.left.lower() else {
            return;
        };
        let (Included(upper) | Excluded(upper)) = self.left.upper() else {
            return;
        };
        let both_included =
            matches!(self.left.lower(), Included(_)) && matches!(self.left.upper(), Included(_));
        match lower.cmp(upper) {
            Ordering::Less => {}
            Ordering::Equal if both_included => {}
            _ => self.stage = Stage::Ended,
        }
    }
}

/// A fetch's items are exactly the model's content in what it covers: up to the key answered, or to
/// the range's end (`None`).
fn exact<K: Ord + Clone + Debug>(
    range: &KeyRange<K>,
    limit: usize,
    items: &[(K, u64)],
    answer: &Fetched<K>,
    model: &Model<K>,
) -> Result<Option<K>, TestCaseError> {
    prop_assert!(items.len() <= limit, "more than the limit");
    let content = model.within(range);
    let covered = match answer {
        Fetched::End => None,
        Fetched::More => {
            prop_assert!(!items.is_empty(), "more, and no item");
            items.last().map(|(key, _)| key.clone())
        }
        Fetched::ScannedTo(key) => Some(key.clone()),
    };
    let expected = match &covered {
        None => content,
        Some(key) => {
            let mut stretch = range.clone();
            stretch.end_at(key.clone());
            model.within(&stretch)
        }
    };
    prop_assert_eq!(items, expected);
    Ok(covered)
}
