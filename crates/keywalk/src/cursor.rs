use core::ops::Bound;

use crate::range::KeyRange;

/// A position in a walk: the range that is left, and whether the walk is bounded, unbounded or done.
///
/// [`Items::cursor`](crate::Items::cursor) and [`Chunks::cursor`](crate::Chunks::cursor) return one, and
/// [`Walk::resume`](crate::Walk::resume) takes it. The items before it and the items after it make up one walk
/// (G10), whatever the chunk sizes. The item at the cursor may be deleted. Creating a cursor costs O(1): it
/// clones a few keys.
///
/// It is valid in this process, for walks over the same store by the same key. A cursor doesn't record its store
/// or key, so a wrong one isn't detected. For another process, use a [`Token`](crate::Token): a cursor written
/// down, which refuses any other source.
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
    /// The range that the walk was given, once it has begun. `None` if it was given none, or if a token of form
    /// 1 didn't record it. The form is the version of the token's byte format; see `token/wire.rs`.
    pub(crate) given: Option<KeyRange<K>>,
}

/// What is known about the walk's end.
///
/// These invariants hold for every cursor of a walk:
///
/// - In stage `Bounded` the range's end is included: it is the last key. Reading a token checks this.
/// - A `Done` walk that yielded items has an included end too, so [`Cursor::after`] can move it back to
///   `Bounded`. If the end of a `Done` walk isn't included, the walk yielded nothing.
/// - An unbounded walk is never `Done` in its cursor. The engine is `Done` after its end, but the cursor stays
///   `Unbounded`, since resuming finds what was appended.
/// - In stage `Start` `given` is `None`: the range itself is the given one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Bounded; the last key hasn't been queried yet.
    Start,
    /// Bounded; the range ends at the last key.
    Bounded,
    /// Unbounded; the range ends where the caller set its end.
    Unbounded,
    /// Nothing is left.
    Done,
}

impl<K: Clone + PartialOrd> Cursor<K> {
    /// Returns the start of a bounded walk over `range`. The walk queries the range's last key when it starts,
    /// and ends there.
    #[must_use]
    pub fn bounded(range: KeyRange<K>) -> Self {
        Cursor {
            range,
            stage: Stage::Start,
            given: None,
        }
    }

    /// Returns the start of an [unbounded](crate::Walk::unbounded) walk over `range`, such as a part of a
    /// [split](crate::Walk::split). The walk ends where the range does.
    #[must_use]
    pub fn unbounded(range: KeyRange<K>) -> Self {
        let given = range.is_bounded().then(|| range.clone());
        Cursor {
            range,
            stage: Stage::Unbounded,
            given,
        }
    }

    /// Returns this cursor moved to after `key`, which must be a key that the walk has fetched. If the walk hasn't
    /// begun, it may be any key of the range, even one that the store doesn't hold.
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
    pub fn after(self, key: K) -> Self {
        self.moved_to(Bound::Excluded(key))
    }

    /// Returns this cursor moved to `key`, forward or back: the walk goes on at `key` itself, or at the next key.
    /// The store need not hold it.
    ///
    /// Use it to look back, so that rows which committed late are visited: items from `key` on are yielded again, up to
    /// the walk's end. To move the end too, call [`extend_to`](Self::extend_to). You can also use it to jump to a
    /// [page](crate::Walk::page). When you resume, leave [`range`](crate::Walk::range) out in two cases: `key` lies
    /// before the range's start, or the walk hadn't begun.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use keywalk::Walk;
    ///
    /// let map = BTreeMap::from([(1, "one"), (2, "two"), (3, "three")]);
    /// let mut items = Walk::new(&map).items();
    /// assert_eq!(items.by_ref().count(), 3);
    /// let again = Walk::new(&map).resume(items.cursor().at(2));
    /// assert_eq!(again.items().count(), 2);
    /// ```
    #[must_use]
    pub fn at(self, key: K) -> Self {
        self.moved_to(Bound::Included(key))
    }

    /// Returns this cursor with a later end, for the next increment: the walk goes on from its position to `end`,
    /// also if it was done. `end` is in the walk's direction; a lower bound if it descends. With
    /// [`Bound::Unbounded`] there is no end but the last key.
    ///
    /// A bounded walk then continues as a new walk over the rest of the range: it queries the last key and ends there.
    /// Leave [`range`](crate::Walk::range) out when you resume, because the range is now a different one. An unbounded
    /// walk stays unbounded. An end that isn't later than the cursor's changes nothing. The exception is a walk that
    /// was done because it found nothing: it looks again.
    ///
    /// A nightly job visits what was added since the last night:
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use std::ops::Bound;
    /// use keywalk::Walk;
    ///
    /// let mut log = BTreeMap::from([(1, "started"), (2, "listening")]);
    /// let mut items = Walk::new(&log).items();
    /// assert_eq!(items.by_ref().count(), 2);
    /// let done = items.cursor();
    ///
    /// log.insert(3, "stopped");
    /// let tonight = Walk::new(&log).resume(done.extend_to(Bound::Unbounded));
    /// assert_eq!(tonight.items().next(), Some(Ok((&3, &"stopped"))));
    /// ```
    ///
    /// Rows can commit late, with keys that the walk has already passed.
    /// [`Walk::end_before`](crate::Walk::end_before) leaves the newest rows to the next night; [`at`](Self::at) looks
    /// back.
    #[must_use]
    pub fn extend_to(mut self, end: Bound<K>) -> Self {
        let mut range = self.range.clone();
        range.set_end(end.clone());
        let is_later = match self.stage {
            // Either nothing is left of the old range, or the walk found nothing in it. So what counts is whether the
            // new range is empty, not whether its end is later.
            Stage::Done => !range.is_empty(),
            _ => self.range.may_end_before(end.as_ref()),
        };
        if !is_later {
            return self;
        }
        self.range = range;
        if self.stage != Stage::Unbounded {
            self.stage = Stage::Start;
            self.given = None;
        } else if let Some(given) = &mut self.given {
            given.set_end(end);
            self.given = self.given.take().filter(KeyRange::is_bounded);
        }
        self
    }

    fn moved_to(mut self, start: Bound<K>) -> Self {
        let before =
            (self.stage == Stage::Start && self.range.is_bounded()).then(|| self.range.clone());
        // The walk found no last key. From another start it has to look for one.
        if self.stage == Stage::Done && !self.range.is_empty() {
            self.stage = Stage::Start;
            self.given = None;
        }
        self.range.set_start(start);
        self.stage = match (self.stage, self.range.end()) {
            (Stage::Unbounded, _) => Stage::Unbounded,
            _ if self.range.is_empty() => Stage::Done,
            // The walk ended with this fetch, and part of its items are still to be walked.
            (Stage::Done, Bound::Included(_)) => Stage::Bounded,
            (stage, _) => stage,
        };
        if self.stage != Stage::Start && self.given.is_none() {
            self.given = before;
        }
        self
    }

    /// Sets the stage to `Done` if the walk is bounded and its range is empty.
    pub(crate) fn ended_if_empty(mut self) -> Self {
        if self.range.is_empty() && self.stage != Stage::Unbounded {
            if self.stage == Stage::Start {
                self.given = self.range.is_bounded().then(|| self.range.clone());
            }
            self.stage = Stage::Done;
        }
        self
    }
}

impl<K> Cursor<K> {
    /// Returns the given range. For a walk that hasn't begun, that is the range that is left.
    pub(crate) fn given_range(&self) -> Option<&KeyRange<K>> {
        match self.stage {
            Stage::Start => Some(&self.range),
            Stage::Bounded | Stage::Unbounded | Stage::Done => self.given.as_ref(),
        }
    }

    /// Returns the range that is left. Once a bounded walk has begun, the range ends at the key that was last at that
    /// moment. Otherwise it ends at the bound you set, if any.
    #[must_use]
    pub fn range(&self) -> &KeyRange<K> {
        &self.range
    }

    /// Whether the walk is [unbounded](crate::Walk::unbounded) rather than bounded by the last key.
    #[must_use]
    pub fn is_unbounded(&self) -> bool {
        self.stage == Stage::Unbounded
    }

    /// Whether the walk has ended, so that resuming yields nothing. Never true for an unbounded walk, which
    /// looks for items appended later.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }
}
