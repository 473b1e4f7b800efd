use core::ops::Bound;
use core::time::Duration;

use crate::chunk::{Budget, Chunk};
use crate::chunk_sizer::ChunkSizer;
use crate::cursor::{Cursor, Stage};
use crate::error::{ContractViolation, CursorMismatch, Error};
use crate::range::KeyRange;
use crate::source::{Fetched, Keyed, LastKey};
use crate::stats::Stats;

/// The loop of a walk, without any I/O: what to request next, and what the answer means.
///
/// A driver carries each [`Request`] to a store and hands the answer back; how it waits for the store is its own
/// affair. [`Chunks`](crate::Chunks) is the blocking one. An asynchronous one differs in `.await` alone:
///
/// ```
/// use keywalk::{Chunk, Engine, Error, Fetched, KeyRange, LastKey, Request, Source, Walk};
/// # use std::convert::Infallible;
/// # use std::time::Duration;
///
/// # struct Squares;
/// # impl Source for Squares {
/// #     type Key = u32;
/// #     type Item = (u32, u32);
/// #     type Error = Infallible;
/// # }
/// impl Squares {
///     async fn last_key(&mut self, range: &KeyRange<u32>) -> Result<LastKey<u32>, Infallible> {
///         Ok((0..100).filter(|n| range.may_contain(n)).last().into())
///     }
///
///     async fn fetch(
///         &mut self,
///         range: &KeyRange<u32>,
///         chunk: &mut Chunk<(u32, u32)>,
///     ) -> Result<Fetched<u32>, Infallible> {
///         let numbers = (0..100).filter(|n| range.may_contain(n)).map(|n| (n, n * n));
///         Ok(if chunk.fill_from(numbers) { Fetched::More } else { Fetched::End })
///     }
/// }
///
/// async fn sum(walk: Walk<Squares>) -> Result<u32, Error<Infallible>> {
///     let (mut source, mut engine) = walk.into_engine();
///     let (mut sum, unmeasured) = (0, Duration::ZERO);
///     loop {
///         match engine.request()? {
///             Request::LastKey(range) => {
///                 let answer = source.last_key(range).await;
///                 engine.last_key(answer, unmeasured)?;
///             }
///             Request::Fetch(range, chunk) => {
///                 let answer = source.fetch(range, chunk).await;
///                 engine.fetched(answer, unmeasured)?;
///                 sum += engine.items().iter().map(|(_, square)| square).sum::<u32>();
///             }
///             Request::Done => return Ok(sum),
///         }
///     }
/// }
/// # let sum = std::pin::pin!(sum(Walk::new(Squares).chunk_size(7)));
/// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// # assert!(matches!(std::future::Future::poll(sum, &mut context), std::task::Poll::Ready(Ok(328_350))));
/// ```
///
/// The engine moves only by a whole answer. A driver that drops a fetch, or catches a panic of one, calls
/// [`request`](Self::request) again and gets the same request: nothing is lost, and nothing comes twice.
///
/// It holds the range that is left, the chunk, and what the options of [`Walk`](crate::Walk) say of chunk sizes.
/// It checks in O(1) per chunk that the source keeps its contract (G15), and keeps count. It reads no clock: the
/// driver says how long an answer took.
pub struct Engine<K, T> {
    range: KeyRange<K>,
    stage: Stage,
    /// The range that the walk was given, if it isn't all keys: a cursor carries it.
    given: Option<KeyRange<K>>,
    /// The range in the opposite order, while its last item is being looked for.
    backward: Option<KeyRange<K>>,
    cycle: CycleDetector<K>,
    is_unbounded: bool,
    chunk: Chunk<T>,
    /// What was requested, until it is answered.
    requested: Requested,
    /// Whether the chunk's items are those of the last answer: not so after a failure, or in the middle of a fetch.
    has_items: bool,
    sizes: ChunkSizes<T>,
    stats: Stats,
    /// Why the walk can't start, until it was said.
    mismatch: Option<CursorMismatch>,
    is_fused: bool,
}

/// What a walk requests next of its store.
#[derive(Debug)]
pub enum Request<'a, K, T> {
    /// [`ChunkSource::last_key`](crate::ChunkSource::last_key) of the range; the answer goes to
    /// [`Engine::last_key`].
    LastKey(&'a KeyRange<K>),
    /// [`ChunkSource::fetch`](crate::ChunkSource::fetch) of the range into the chunk; the answer goes to
    /// [`Engine::fetched`].
    Fetch(&'a KeyRange<K>, &'a mut Chunk<T>),
    /// Nothing: the walk has ended.
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Requested {
    Nothing,
    LastKey,
    /// The last item, in the opposite order.
    LastItem,
    Items,
}

/// How large chunks are.
#[derive(Debug)]
pub(crate) struct ChunkSizes<T> {
    /// The most items of a chunk. Not the chunk's own limit: a source could put another chunk in its place.
    pub(crate) items: usize,
    pub(crate) budget: Option<Budget<T>>,
    /// Sets the number of items from fetch to fetch.
    pub(crate) sizer: Option<ChunkSizer>,
}

impl<K: Clone + PartialOrd, T> Engine<K, T> {
    pub(crate) fn new(
        cursor: Cursor<K>,
        sizes: ChunkSizes<T>,
        mismatch: Option<CursorMismatch>,
    ) -> Self {
        let mut engine = Engine {
            given: None,
            range: cursor.range,
            stage: cursor.stage,
            backward: None,
            cycle: CycleDetector::default(),
            is_unbounded: false,
            // A chunk holds nothing before the first fetch, which sets its limit.
            chunk: Chunk::with_limit(1),
            requested: Requested::Nothing,
            has_items: false,
            sizes,
            stats: Stats::default(),
            mismatch,
            is_fused: false,
        };
        engine.stand_at(cursor.given);
        engine
    }

    /// Goes on from `cursor`, one of this walk's. An error or the end is forgotten.
    pub fn seek(&mut self, cursor: Cursor<K>) {
        self.range = cursor.range;
        self.stage = cursor.stage;
        self.backward = None;
        self.cycle = CycleDetector::default();
        self.requested = Requested::Nothing;
        self.has_items = false;
        self.mismatch = None;
        self.is_fused = false;
        self.stand_at(cursor.given);
    }

    /// The rest of `seek`, with range and stage set.
    fn stand_at(&mut self, given: Option<KeyRange<K>>) {
        self.is_unbounded = self.stage == Stage::Live;
        self.given = match self.stage {
            Stage::Start => self.range.is_bounded().then(|| self.range.clone()),
            Stage::Bounded | Stage::Live | Stage::Done => given,
        };
        self.end_if_empty();
    }

    /// What to request of the store now. The chunk of a fetch is empty, but for spare items.
    ///
    /// # Errors
    ///
    /// Once, before the first request: that the options of the walk contradict its cursor.
    pub fn request(&mut self) -> Result<Request<'_, K, T>, CursorMismatch> {
        self.has_items = false;
        self.requested = Requested::Nothing;
        if let Some(mismatch) = self.mismatch.take() {
            self.is_fused = true;
            return Err(mismatch);
        }
        self.is_fused |= self.stage == Stage::Done;
        if self.is_fused {
            return Ok(Request::Done);
        }
        Ok(match (&self.backward, self.stage) {
            (Some(backward), _) => {
                self.requested = Requested::LastItem;
                self.chunk.begin(1, None);
                Request::Fetch(backward, &mut self.chunk)
            }
            (None, Stage::Start) => {
                self.requested = Requested::LastKey;
                Request::LastKey(&self.range)
            }
            (None, _) => {
                self.requested = Requested::Items;
                self.chunk.begin(self.sizes.next(), self.sizes.budget);
                Request::Fetch(&self.range, &mut self.chunk)
            }
        })
    }

    /// Takes the answer to [`Request::LastKey`], and how long it took. At any other time it changes nothing.
    ///
    /// # Errors
    ///
    /// The source's, or that the key doesn't lie in the range. The walk has then ended, and stands where it stood.
    pub fn last_key<E>(
        &mut self,
        answer: Result<LastKey<K>, E>,
        took: Duration,
    ) -> Result<(), Error<E>> {
        if self.requested != Requested::LastKey {
            return Ok(());
        }
        self.requested = Requested::Nothing;
        self.count(took);
        let taken = self.take_last_key(answer);
        self.is_fused = taken.is_err();
        taken
    }

    fn take_last_key<E>(&mut self, answer: Result<LastKey<K>, E>) -> Result<(), Error<E>> {
        match answer.map_err(Error::Source)? {
            LastKey::Known(key) if !self.range.may_contain(&key) => {
                return Err(ContractViolation::LastKeyOutside.into());
            }
            LastKey::Known(key) => self.bound_at(key),
            LastKey::Empty => self.stage = Stage::Done,
            LastKey::Unknown => self.backward = Some(self.range.reversed()),
        }
        Ok(())
    }

    /// Takes the answer to [`Request::Fetch`], whose chunk was filled, and how long it took. Then
    /// [`items`](Self::items) are what it brought. At any other time it changes nothing.
    ///
    /// # Errors
    ///
    /// The source's, or that the answer breaks the contract in a way that is seen in O(1). The walk has then ended,
    /// stands where it stood, and yields nothing of the chunk.
    pub fn fetched<E>(
        &mut self,
        answer: Result<Fetched<K>, E>,
        took: Duration,
    ) -> Result<(), Error<E>>
    where
        T: Keyed<K>,
    {
        if !matches!(self.requested, Requested::LastItem | Requested::Items) {
            return Ok(());
        }
        self.requested = Requested::Nothing;
        self.count(took);
        // Not before the answer is taken: if an item's key panics there, the same range is fetched again.
        let taken = self.take_chunk(answer, took);
        self.is_fused = taken.is_err();
        taken
    }

    fn take_chunk<E>(
        &mut self,
        answer: Result<Fetched<K>, E>,
        took: Duration,
    ) -> Result<(), Error<E>>
    where
        T: Keyed<K>,
    {
        let answer = answer.map_err(Error::Source)?;
        if self.backward.is_some() {
            return Ok(self.take(answer)?);
        }
        if self.chunk.exceeds(self.sizes.budget) {
            return Err(ContractViolation::Overfull.into());
        }
        self.take(answer)?;
        if let Some(sizer) = &mut self.sizes.sizer {
            sizer.fetched(self.chunk.len(), took);
        }
        self.has_items = !self.chunk.is_empty();
        self.stats.chunks += u64::from(self.has_items);
        self.stats.items += self.chunk.len() as u64;
        Ok(())
    }

    fn count(&mut self, took: Duration) {
        self.stats.queries += 1;
        self.stats.time_in_store = self.stats.time_in_store.saturating_add(took);
    }

    /// Checks a chunk and moves past it.
    fn take(&mut self, answer: Fetched<K>) -> Result<(), ContractViolation>
    where
        T: Keyed<K>,
    {
        let (range, limit) = match &self.backward {
            Some(backward) => (backward, 1),
            None => (&self.range, self.sizes.next()),
        };
        let last = check_items(range, &self.chunk, limit)?;
        let position = match answer {
            Fetched::End => None,
            Fetched::More => Some(last.clone().ok_or(ContractViolation::NoProgress)?),
            Fetched::ScannedTo(key) => Some(check_scanned(range, last.as_ref(), key)?),
        };
        if let Some(position) = &position {
            self.cycle.pass(position)?;
        }
        match (self.backward.as_mut(), last, position) {
            (Some(_), Some(key), _) => self.bound_at(key),
            (Some(_), None, None) => self.stage = Stage::Done,
            (Some(backward), None, Some(key)) => {
                backward.start_after(key);
                if backward.is_empty() {
                    self.stage = Stage::Done;
                }
            }
            (None, _, Some(key)) => {
                self.range.start_after(key);
                self.end_if_empty();
            }
            (None, last, None) => self.end(last),
        }
        Ok(())
    }

    fn bound_at(&mut self, key: K) {
        self.range.end_including(key);
        self.stage = Stage::Bounded;
        self.backward = None;
        self.cycle = CycleDetector::default();
    }

    /// The source reported the end: all up to the far bound is covered. An unbounded walk stands at its last
    /// item, since more may be appended between that and the far bound.
    fn end(&mut self, last: Option<K>) {
        let far = match self.range.end() {
            Bound::Included(key) | Bound::Excluded(key) if !self.is_unbounded => Some(key.clone()),
            _ => last,
        };
        if let Some(key) = far {
            self.range.start_after(key);
        }
        self.stage = Stage::Done;
    }

    fn end_if_empty(&mut self) {
        if self.range.is_empty() {
            self.stage = Stage::Done;
        }
    }

    /// Where the walk stands, after all that was fetched.
    #[must_use]
    pub fn cursor(&self) -> Cursor<K> {
        // An unbounded walk is never done: resuming it looks for what was appended.
        let stage = if self.is_unbounded {
            Stage::Live
        } else {
            self.stage
        };
        let given = match stage {
            Stage::Start => None,
            Stage::Bounded | Stage::Live | Stage::Done => self.given.clone(),
        };
        Cursor {
            range: self.range.clone(),
            stage,
            given,
        }
    }

    /// The items that the last answer brought, in key order; none before the first, at the end, and after an error or
    /// a fetch that was dropped.
    #[must_use]
    pub fn items(&self) -> &[T] {
        match self.has_items {
            true => self.chunk.as_slice(),
            false => &[],
        }
    }

    /// [`items`](Self::items), to be changed or taken in place. What is left of them is filled again by the next fetch.
    #[must_use]
    pub fn items_mut(&mut self) -> &mut [T] {
        match self.has_items {
            true => self.chunk.as_mut_slice(),
            false => &mut [],
        }
    }

    /// The chunk itself, with whatever it holds.
    #[inline]
    pub(crate) fn chunk(&mut self) -> &mut Chunk<T> {
        &mut self.chunk
    }

    /// What the walk did so far. All items of a chunk count once it was fetched.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Whether it is known that neither an item nor an error comes any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_fused || (self.mismatch.is_none() && self.stage == Stage::Done)
    }
}

impl<T> ChunkSizes<T> {
    /// How many items to fetch next.
    fn next(&self) -> usize {
        self.sizer.map_or(self.items, |sizer| sizer.size())
    }
}

/// G1, G2 and G6, as far as a chunk's first and last keys show them. Returns the last key.
fn check_items<K: PartialOrd, T: Keyed<K>>(
    range: &KeyRange<K>,
    chunk: &Chunk<T>,
    limit: usize,
) -> Result<Option<K>, ContractViolation> {
    if chunk.overflowed() || chunk.len() > limit {
        return Err(ContractViolation::Overfull);
    }
    let (first, last) = match chunk.as_slice() {
        [] => return Ok(None),
        [only] => (None, only.key()),
        [first, .., last] => (Some(first.key()), last.key()),
    };
    for key in first.iter().chain([&last]) {
        if range.is_before_start(key) {
            return Err(ContractViolation::NotPastStart);
        }
        if range.is_after_end(key) {
            return Err(ContractViolation::PastEnd);
        }
    }
    if let Some(first) = first
        && range
            .compare(&first, &last)
            .is_some_and(|order| order.is_ge())
    {
        return Err(ContractViolation::OutOfOrder);
    }
    Ok(Some(last))
}

/// G8: a scanned key gets the walk further, within the range, past every item of the chunk.
fn check_scanned<K: PartialOrd>(
    range: &KeyRange<K>,
    last: Option<&K>,
    key: K,
) -> Result<K, ContractViolation> {
    if range.is_after_end(&key) {
        return Err(ContractViolation::PastEnd);
    }
    match last {
        Some(last) if range.compare(&key, last).is_some_and(|order| order.is_lt()) => {
            Err(ContractViolation::ScannedShort)
        }
        None if range.is_before_start(&key) => Err(ContractViolation::NoProgress),
        _ => Ok(key),
    }
}

/// Finds a walk that goes round in a circle where keys can't be ordered, and each step by itself
/// looks like progress: one earlier position is remembered, a later one after every power of two
/// steps (R. P. Brent, "An improved Monte Carlo factorization algorithm", BIT 20, 1980). O(1) per
/// chunk.
#[derive(Clone, Debug)]
struct CycleDetector<K> {
    key: Option<K>,
    steps: usize,
    /// The number of steps after which a later position is remembered.
    reach: usize,
}

impl<K> Default for CycleDetector<K> {
    fn default() -> Self {
        CycleDetector {
            key: None,
            steps: 0,
            reach: 1,
        }
    }
}

impl<K: Clone + PartialEq> CycleDetector<K> {
    fn pass(&mut self, position: &K) -> Result<(), ContractViolation> {
        if self.key.as_ref() == Some(position) {
            return Err(ContractViolation::NoProgress);
        }
        self.steps += 1;
        if self.steps >= self.reach {
            self.key = Some(position.clone());
            self.steps = 0;
            self.reach = self.reach.saturating_mul(2);
        }
        Ok(())
    }
}

/// Prints counts, and no data.
impl<K, T> core::fmt::Debug for Engine<K, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Engine")
            .field("stats", &self.stats)
            .field("fused", &self.is_fused)
            .finish_non_exhaustive()
    }
}
