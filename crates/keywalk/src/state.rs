//! The state machine of a walk, apart from the fetching.
//!
//! What to ask the store next, and what its answer means, depend on nothing but the range that is
//! still to be walked. [`State`] is that function, free of I/O: whoever drives it puts the questions
//! to a store in whatever way suits (blocking, as [`Chunks`](crate::Chunks) does; awaiting; from
//! another thread) and tells it the answers. All guards against a source that breaks its contract
//! are here.

mod landmark;

use core::ops::Bound;

use landmark::Landmark;

use crate::cursor::Stage;
use crate::{Chunk, Cursor, Fetched, KeyRange, LastKey, Violation};

/// Where a walk stands and what it has to ask next.
///
/// ```
/// use keywalk::state::{Ask, State};
/// use keywalk::{Chunk, Fetched, KeyRange, LastKey, Order};
///
/// let mut state = State::bounded(KeyRange::all(Order::Ascending));
/// assert!(matches!(state.ask(), Ask::LastKey(_)));
/// state.last_key(LastKey::Is(20))?;
///
/// assert!(matches!(state.ask(), Ask::Items(range) if range.admits(&20) && !range.admits(&21)));
/// let mut chunk = Chunk::with_limit(2);
/// chunk.push(10);
/// chunk.push(20);
/// state.fetched(&chunk, 2, |key| *key, Fetched::More)?;
///
/// // The last key was reached: there is nothing left to ask.
/// assert!(matches!(state.ask(), Ask::Nothing));
/// # Ok::<(), keywalk::Violation>(())
/// ```
#[derive(Clone, Debug)]
pub struct State<K> {
    range: KeyRange<K>,
    stage: Stage,
    /// The range that the walk was given, if it isn't all keys: a cursor carries it.
    given: Option<KeyRange<K>>,
    /// The range in the opposite order, while its last item is being looked for.
    backward: Option<KeyRange<K>>,
    landmark: Landmark<K>,
    live: bool,
}

/// What a walk wants to know next.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Ask<'a, K> {
    /// [`ChunkSource::last_key`](crate::ChunkSource::last_key) of the range; the answer goes to
    /// [`State::last_key`].
    LastKey(&'a KeyRange<K>),
    /// A fetch with a limit of 1, whose item isn't handed out; the answer goes to
    /// [`State::fetched`].
    LastItem(&'a KeyRange<K>),
    /// A fetch, whose items are handed out; the answer goes to [`State::fetched`].
    Items(&'a KeyRange<K>),
    /// Nothing: the walk has ended.
    Nothing,
}

impl<K: Clone + PartialOrd> State<K> {
    /// A walk over `range` that ends at what is the range's last key when it is first asked.
    #[must_use]
    pub fn bounded(range: KeyRange<K>) -> Self {
        let given = range.is_bounded().then(|| range.clone());
        Self::new(range, Stage::Start, given)
    }

    /// A walk over `range` that goes on while there is more.
    #[must_use]
    pub fn live(range: KeyRange<K>) -> Self {
        let given = range.is_bounded().then(|| range.clone());
        Self::new(range, Stage::Live, given)
    }

    /// The walk that goes on from `cursor`.
    #[must_use]
    pub fn resume(cursor: Cursor<K>) -> Self {
        match cursor.stage {
            Stage::Start => Self::bounded(cursor.range),
            stage => Self::new(cursor.range, stage, cursor.given),
        }
    }

    fn new(range: KeyRange<K>, stage: Stage, given: Option<KeyRange<K>>) -> Self {
        let mut state = State {
            range,
            stage,
            given,
            backward: None,
            landmark: Landmark::default(),
            live: stage == Stage::Live,
        };
        state.end_if_empty();
        state
    }

    /// What to ask the store now.
    #[must_use]
    pub fn ask(&self) -> Ask<'_, K> {
        match (&self.backward, self.stage) {
            (_, Stage::Done) => Ask::Nothing,
            (Some(backward), _) => Ask::LastItem(backward),
            (None, Stage::Start) => Ask::LastKey(&self.range),
            (None, Stage::Bounded | Stage::Live) => Ask::Items(&self.range),
        }
    }

    /// Whether the walk has ended: there is nothing to ask.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// Where the walk stands, after all that was fetched.
    #[must_use]
    pub fn cursor(&self) -> Cursor<K> {
        // A live walk is never done: resuming it looks for what was appended.
        let stage = if self.live { Stage::Live } else { self.stage };
        self.cursor_at(self.range.clone(), stage)
    }

    /// Where the walk stands once the item of this key, of the last fetch, was handed out. Before the
    /// first fetch it is a walk that begins past the key.
    #[must_use]
    pub fn cursor_past(&self, key: K) -> Cursor<K> {
        let mut range = self.range.clone();
        range.advance_past(key);
        let stage = match (self.stage, range.far()) {
            _ if self.live => Stage::Live,
            _ if range.is_empty() => Stage::Done,
            // It ended at this fetch, and part of what came is still to be walked.
            (Stage::Done, Bound::Included(_)) => Stage::Bounded,
            (stage, _) => stage,
        };
        self.cursor_at(range, stage)
    }

    fn cursor_at(&self, range: KeyRange<K>, stage: Stage) -> Cursor<K> {
        let given = match stage {
            Stage::Start => None,
            Stage::Bounded | Stage::Live | Stage::Done => self.given.clone(),
        };
        Cursor {
            range,
            stage,
            given,
        }
    }

    /// Takes the answer to [`Ask::LastKey`]. Any other time it changes nothing.
    ///
    /// # Errors
    ///
    /// If the key doesn't lie in the range. The state is then as it was.
    pub fn last_key(&mut self, answer: LastKey<K>) -> Result<(), Violation> {
        if self.stage != Stage::Start {
            return Ok(());
        }
        match answer {
            LastKey::Is(key) if !self.range.admits(&key) => return Err(Violation::LastKeyOutside),
            LastKey::Is(key) => self.bound_at(key),
            LastKey::Empty => self.stage = Stage::Done,
            LastKey::Unknown => self.backward = Some(self.range.reversed()),
        }
        Ok(())
    }

    /// Takes the answer to [`Ask::Items`] or [`Ask::LastItem`]: the chunk, the limit that was asked
    /// for, and how far the source says it got.
    ///
    /// # Errors
    ///
    /// If the answer breaks the contract in a way that can be seen in O(1). The state is then as it
    /// was, and nothing of the chunk may be handed out.
    pub fn fetched<T>(
        &mut self,
        chunk: &Chunk<T>,
        limit: usize,
        key_of: impl Fn(&T) -> K,
        answer: Fetched<K>,
    ) -> Result<(), Violation> {
        let range = self.backward.as_ref().unwrap_or(&self.range);
        let last = check_items(range, chunk, limit, key_of)?;
        let position = match answer {
            Fetched::End => None,
            Fetched::More => Some(last.clone().ok_or(Violation::NoProgress)?),
            Fetched::ScannedTo(key) => Some(check_scanned(range, last.as_ref(), key)?),
        };
        if let Some(position) = &position {
            self.landmark.pass(position)?;
        }
        match (self.backward.as_mut(), last, position) {
            (Some(_), Some(key), _) => self.bound_at(key),
            (Some(_), None, None) => self.stage = Stage::Done,
            (Some(backward), None, Some(key)) => {
                backward.advance_past(key);
                if backward.is_empty() {
                    self.stage = Stage::Done;
                }
            }
            (None, _, Some(key)) => {
                self.range.advance_past(key);
                self.end_if_empty();
            }
            (None, last, None) => self.end(last),
        }
        Ok(())
    }

    fn bound_at(&mut self, key: K) {
        self.range.end_at(key);
        self.stage = Stage::Bounded;
        self.backward = None;
        self.landmark = Landmark::default();
    }

    /// The source said the end: all up to the far bound is covered. A live walk stands at its last
    /// item, since more may be appended between that and the far bound.
    fn end(&mut self, last: Option<K>) {
        let far = match self.range.far() {
            Bound::Included(key) | Bound::Excluded(key) if !self.live => Some(key.clone()),
            _ => last,
        };
        if let Some(key) = far {
            self.range.advance_past(key);
        }
        self.stage = Stage::Done;
    }

    fn end_if_empty(&mut self) {
        if self.range.is_empty() {
            self.stage = Stage::Done;
        }
    }
}

/// G1, G2 and G6, as far as a chunk's first and last keys show them. Answers the last key.
fn check_items<K: PartialOrd, T>(
    range: &KeyRange<K>,
    chunk: &Chunk<T>,
    limit: usize,
    key_of: impl Fn(&T) -> K,
) -> Result<Option<K>, Violation> {
    if chunk.overflowed() || chunk.len() > limit {
        return Err(Violation::Overfull);
    }
    let (first, last) = match chunk.as_slice() {
        [] => return Ok(None),
        [only] => (None, key_of(only)),
        [first, .., last] => (Some(key_of(first)), key_of(last)),
    };
    for key in first.iter().chain([&last]) {
        if range.is_behind(key) {
            return Err(Violation::NotPastStart);
        }
        if range.is_beyond(key) {
            return Err(Violation::PastEnd);
        }
    }
    if let Some(first) = first
        && range
            .compare(&first, &last)
            .is_some_and(|order| order.is_ge())
    {
        return Err(Violation::OutOfOrder);
    }
    Ok(Some(last))
}

/// G8: a scanned key gets the walk further, within the range, past every item of the chunk.
fn check_scanned<K: PartialOrd>(
    range: &KeyRange<K>,
    last: Option<&K>,
    key: K,
) -> Result<K, Violation> {
    if range.is_beyond(&key) {
        return Err(Violation::PastEnd);
    }
    match last {
        Some(last) if range.compare(&key, last).is_some_and(|order| order.is_lt()) => {
            Err(Violation::ScannedShort)
        }
        None if range.is_behind(&key) => Err(Violation::NoProgress),
        _ => Ok(key),
    }
}
