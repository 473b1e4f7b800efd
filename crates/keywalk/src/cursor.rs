use core::ops::Bound;

use crate::range::KeyRange;

/// Where a walk stands: the range it has still to cover, and whether its end is known.
///
/// Got from [`Items::cursor`](crate::Items::cursor) or [`Chunks::cursor`](crate::Chunks::cursor),
/// given to [`Walk::resume`](crate::Walk::resume): what came before it and what comes after are
/// together one walk (G10), whatever the chunk sizes. The row that it stands at may be deleted.
///
/// It lives as long as the process, and is for walks over the same store by the same key, which it doesn't
/// record: it holds the range that is left and the one that the walk was given. A [`Token`](crate::Token) is a cursor written down, and refuses
/// every other source.
///
/// ```
/// use std::collections::BTreeMap;
/// use keywalk::Walk;
///
/// let map = BTreeMap::from([(1, "one"), (2, "two"), (3, "three")]);
/// let mut items = Walk::new(&map).items();
/// assert_eq!(items.next(), Some(Ok((&1, &"one"))));
///
/// let cursor = items.cursor();
/// let mut rest = Walk::new(&map).resume(cursor).items();
/// assert_eq!(rest.next(), Some(Ok((&2, &"two"))));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor<K> {
    pub(crate) range: KeyRange<K>,
    pub(crate) stage: Stage,
    /// The range that the walk was given, once it has begun; `None` if it was given none, or a token of
    /// the first form doesn't tell.
    pub(crate) given: Option<KeyRange<K>>,
}

/// What is known of the walk's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Bounded, and the last key hasn't been asked for yet.
    Start,
    /// Bounded: the range ends at the last key.
    Bounded,
    /// Live: the range ends where the caller said.
    Live,
    /// Nothing is left.
    Done,
}

impl<K: Clone + PartialOrd> Cursor<K> {
    /// Where a walk over `range` begins that ends at what is the range's last key when it is first asked.
    #[must_use]
    pub fn bounded(range: KeyRange<K>) -> Self {
        Cursor {
            range,
            stage: Stage::Start,
            given: None,
        }
    }

    /// Where an [unbounded](crate::Walk::unbounded) walk over `range` begins, which goes on while there is more.
    #[must_use]
    pub fn unbounded(range: KeyRange<K>) -> Self {
        let given = range.is_bounded().then(|| range.clone());
        Cursor {
            range,
            stage: Stage::Live,
            given,
        }
    }

    /// Where the same walk stands past this key, one that it has come to. Of a walk that hasn't begun: where one
    /// begins whose range starts after the key.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use keywalk::Walk;
    ///
    /// let map = BTreeMap::from([(1, "one"), (2, "two"), (3, "three")]);
    /// let cursor = Walk::new(&map).cursor().after(1);
    /// assert_eq!(Walk::new(&map).resume(cursor).items().count(), 2);
    /// ```
    #[must_use]
    pub fn after(mut self, key: K) -> Self {
        let before =
            (self.stage == Stage::Start && self.range.is_bounded()).then(|| self.range.clone());
        self.range.start_after(key);
        self.stage = match (self.stage, self.range.end()) {
            (Stage::Live, _) => Stage::Live,
            _ if self.range.is_empty() => Stage::Done,
            // It ended at this fetch, and part of what came is still to be walked.
            (Stage::Done, Bound::Included(_)) => Stage::Bounded,
            (stage, _) => stage,
        };
        if self.stage != Stage::Start && self.given.is_none() {
            self.given = before;
        }
        self
    }

    /// Whether it is bounded and nothing is left shows in its stage.
    pub(crate) fn ended_if_empty(mut self) -> Self {
        if self.range.is_empty() && self.stage != Stage::Live {
            if self.stage == Stage::Start {
                self.given = self.range.is_bounded().then(|| self.range.clone());
            }
            self.stage = Stage::Done;
        }
        self
    }
}

impl<K> Cursor<K> {
    /// A walk that has not begun was given what is left of it.
    pub(crate) fn given_range(&self) -> Option<&KeyRange<K>> {
        match self.stage {
            Stage::Start => Some(&self.range),
            Stage::Bounded | Stage::Live | Stage::Done => self.given.as_ref(),
        }
    }

    /// The range that is still to be walked. Its far bound is the last key of the store once the
    /// walk has asked for it, or the walk's own bound if it is unbounded.
    #[must_use]
    pub fn range(&self) -> &KeyRange<K> {
        &self.range
    }

    /// Whether the walk is [unbounded](crate::Walk::unbounded), rather than bounded by the last key.
    #[must_use]
    pub fn is_unbounded(&self) -> bool {
        self.stage == Stage::Live
    }

    /// Whether the walk has ended: resuming yields nothing. Never true of an unbounded walk, which looks
    /// for what was appended since.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }
}
