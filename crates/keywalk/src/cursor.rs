use crate::KeyRange;

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
/// use keywalk_memory::Map;
///
/// let map = BTreeMap::from([(1, "one"), (2, "two"), (3, "three")]);
/// let mut items = Walk::new(Map::new(&map)).items();
/// assert_eq!(items.next(), Some(Ok((&1, &"one"))));
///
/// let cursor = items.cursor();
/// let mut rest = Walk::new(Map::new(&map)).resume(cursor).items();
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

impl<K> Cursor<K> {
    /// A walk that has not begun was given what is left of it.
    pub(crate) fn given_range(&self) -> Option<&KeyRange<K>> {
        match self.stage {
            Stage::Start => Some(&self.range),
            Stage::Bounded | Stage::Live | Stage::Done => self.given.as_ref(),
        }
    }

    /// The range that is still to be walked. Its far bound is the last key of the store once the
    /// walk has asked for it, or the walk's own bound if it is live.
    #[must_use]
    pub fn range(&self) -> &KeyRange<K> {
        &self.range
    }

    /// Whether the walk is [live](crate::Walk::live), rather than bounded by the last key.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.stage == Stage::Live
    }

    /// Whether the walk has ended: resuming yields nothing. Never true of a live walk, which looks
    /// for what was appended since.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }
}
