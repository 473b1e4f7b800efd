use alloc::sync::Arc;
use core::ops::Bound;
use core::panic::AssertUnwindSafe;
use core::time::Duration;

use crate::chunk::{Budget, Chunk};
use crate::chunk_sizer::ChunkSizer;
use crate::cursor::{Cursor, Stage};
use crate::error::{ContractViolation, CursorMismatch, Error};
use crate::range::KeyRange;
use crate::source::{Fetched, Keyed, LastKey};
use crate::stats::Stats;

/// The loop of a walk without I/O. It decides what to request next, and processes the response.
///
/// Use it to write a driver of your own. A driver sends each [`Request`] to a store and passes the response back.
/// [`Chunks`](crate::Chunks) is the blocking driver, and `AsyncChunks` (feature `async`) the asynchronous one. A driver
/// is a loop like this:
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
/// Only a complete response moves the engine. If a driver drops a fetch or catches a panic of one,
/// [`request`](Self::request) returns the same request again. Nothing is lost, and nothing is yielded twice.
///
/// The engine holds the range that is left, one chunk, and the chunk sizes of the [`Walk`](crate::Walk). Per
/// chunk it checks in O(1) that the source keeps its contract (G15), and updates the statistics. It reads no
/// clock: the driver passes the duration of each request.
pub struct Engine<K, T> {
    range: KeyRange<K>,
    stage: Stage,
    /// The range that the walk was given, if it isn't all keys. Cursors carry it.
    given: Option<KeyRange<K>>,
    /// Computes the walk's end from the last key. Without it, the walk ends at the last key.
    lag: Option<Lag<K>>,
    /// The range up to that end, while the walk looks for the last key before it.
    settled: Option<KeyRange<K>>,
    /// The range in the opposite order, while the walk looks for its last item.
    backward: Option<KeyRange<K>>,
    cycle: CycleDetector<K>,
    is_unbounded: bool,
    chunk: Chunk<T>,
    /// The open request, until its response arrives.
    requested: Requested,
    /// Whether the chunk's items are those of the last response. False after a failure and during a fetch.
    has_items: bool,
    sizes: ChunkSizes<T>,
    /// The number of items that may still be yielded, if it is limited.
    left: Option<u64>,
    /// The limit of the fetch that was requested last. The options may change before its response arrives.
    requested_items: usize,
    stats: Stats,
    /// Why the walk can't start, until it was reported.
    mismatch: Option<CursorMismatch>,
    is_fused: bool,
}

/// Computes where to end from the last key; see [`Walk::end_before`](crate::Walk::end_before). `AssertUnwindSafe` is
/// right, because a panic of it leaves the walk intact.
pub(crate) struct Lag<K>(AssertUnwindSafe<Arc<EndOf<K>>>);

type EndOf<K> = dyn Fn(&K) -> K + Send + Sync;

impl<K> Lag<K> {
    pub(crate) fn new(end: impl Fn(&K) -> K + Send + Sync + 'static) -> Self {
        Lag(AssertUnwindSafe(Arc::new(end)))
    }
}

impl<K> Clone for Lag<K> {
    fn clone(&self) -> Self {
        Lag(AssertUnwindSafe(Arc::clone(&self.0)))
    }
}

/// The next request of a walk to its store.
#[derive(Debug)]
pub enum Request<'a, K, T> {
    /// Call [`ChunkSource::last_key`](crate::ChunkSource::last_key) with the range, and pass the result to
    /// [`Engine::last_key`].
    LastKey(&'a KeyRange<K>),
    /// Call [`ChunkSource::fetch`](crate::ChunkSource::fetch) with the range and the chunk, and pass the result
    /// to [`Engine::fetched`].
    Fetch(&'a KeyRange<K>, &'a mut Chunk<T>),
    /// No request: the walk has ended.
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
    /// The maximum number of items per chunk. The chunk's own limit isn't enough: a source could replace the
    /// chunk.
    pub(crate) items: usize,
    pub(crate) budget: Option<Budget<T>>,
    /// Adapts the number of items after each fetch.
    pub(crate) sizer: Option<ChunkSizer>,
}

impl<K: Clone + PartialOrd, T> Engine<K, T> {
    pub(crate) fn new(
        cursor: Cursor<K>,
        sizes: ChunkSizes<T>,
        left: Option<u64>,
        lag: Option<Lag<K>>,
        mismatch: Option<CursorMismatch>,
    ) -> Self {
        let mut engine = Engine {
            given: None,
            range: cursor.range,
            stage: cursor.stage,
            lag,
            settled: None,
            backward: None,
            cycle: CycleDetector::default(),
            is_unbounded: false,
            // The first fetch sets the chunk's limit.
            chunk: Chunk::with_limit(1),
            requested: Requested::Nothing,
            has_items: false,
            sizes,
            left,
            requested_items: 1,
            stats: Stats::default(),
            mismatch,
            is_fused: false,
        };
        engine.stand_at(cursor.given);
        engine
    }

    /// Moves the walk to `cursor`, which must be one of this walk's. Clears an error or the end. The
    /// [limit](Self::limit) stays as it is.
    pub fn seek(&mut self, cursor: Cursor<K>) {
        self.range = cursor.range;
        self.stage = cursor.stage;
        self.settled = None;
        self.backward = None;
        self.cycle = CycleDetector::default();
        self.requested = Requested::Nothing;
        self.has_items = false;
        self.mismatch = None;
        self.is_fused = false;
        self.stand_at(cursor.given);
    }

    /// Returns the number of items that may still be yielded, or `None` if it isn't limited. Each chunk reduces
    /// it by its items.
    #[must_use]
    pub fn limit(&self) -> Option<u64> {
        self.left
    }

    /// Sets the number of items that may still be yielded; see [`Walk::limit`](crate::Walk::limit). A walk that
    /// ended by its limit continues if it is raised. [`seek`](Self::seek) doesn't change it, so a driver that goes
    /// back also restores the limit. It applies from the next request on.
    ///
    /// ```
    /// use std::collections::BTreeSet;
    /// use keywalk::Walk;
    ///
    /// let numbers: BTreeSet<u32> = (1..=9).collect();
    /// let mut chunks = Walk::new(&numbers).limit(4).chunk_size(3).chunks();
    /// let (start, limit) = (chunks.cursor(), chunks.limit());
    /// assert_eq!(chunks.next()?.map(|items| items.len()), Some(3));
    /// assert_eq!(chunks.limit(), Some(1));
    /// // The work on the chunk failed: go back.
    /// chunks.seek(start);
    /// chunks.set_limit(limit);
    /// assert_eq!(chunks.next()?.map(|items| items.len()), Some(3));
    /// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
    /// ```
    pub fn set_limit(&mut self, items: Option<u64>) {
        self.left = items;
    }

    /// Returns the maximum number of items per chunk.
    #[must_use]
    pub fn chunk_size(&self) -> usize {
        self.sizes.items
    }

    /// Sets the maximum number of items per chunk, as [`Walk::chunk_size`](crate::Walk::chunk_size) does. It
    /// applies from the next request on, and replaces the earlier size. If a target time sizes the chunks, this is
    /// their new upper limit.
    ///
    /// # Panics
    ///
    /// If `items` is 0.
    #[track_caller]
    pub fn set_chunk_size(&mut self, items: usize) {
        assert!(items > 0, "the chunk size must not be 0");
        self.sizes.items = items;
        if let Some(sizer) = &mut self.sizes.sizer {
            sizer.set_most(items);
        }
    }

    /// Completes `seek` once range and stage are set.
    fn stand_at(&mut self, given: Option<KeyRange<K>>) {
        self.is_unbounded = self.stage == Stage::Unbounded;
        self.given = match self.stage {
            Stage::Start => self.range.is_bounded().then(|| self.range.clone()),
            Stage::Bounded | Stage::Unbounded | Stage::Done => given,
        };
        self.end_if_empty();
    }

    /// Returns the next request to the store. The chunk of a fetch is empty except for spare items.
    ///
    /// # Errors
    ///
    /// Once, before the first request, if the walk's options contradict its cursor.
    pub fn request(&mut self) -> Result<Request<'_, K, T>, CursorMismatch> {
        self.has_items = false;
        self.requested = Requested::Nothing;
        if let Some(mismatch) = self.mismatch.take() {
            self.is_fused = true;
            return Err(mismatch);
        }
        self.is_fused |= self.stage == Stage::Done;
        if self.is_fused || self.left == Some(0) {
            return Ok(Request::Done);
        }
        Ok(match (&self.backward, self.stage) {
            (Some(backward), _) => {
                self.requested = Requested::LastItem;
                self.requested_items = 1;
                self.chunk.begin(1, None);
                Request::Fetch(backward, &mut self.chunk)
            }
            (None, Stage::Start) => {
                self.requested = Requested::LastKey;
                Request::LastKey(self.settled.as_ref().unwrap_or(&self.range))
            }
            (None, _) => {
                self.requested = Requested::Items;
                let left = self.left.map_or(usize::MAX, |left| {
                    usize::try_from(left).unwrap_or(usize::MAX)
                });
                self.requested_items = self.sizes.next().min(left);
                self.chunk.begin(self.requested_items, self.sizes.budget);
                Request::Fetch(&self.range, &mut self.chunk)
            }
        })
    }

    /// Processes the response to [`Request::LastKey`]; `took` is the duration of the request. Without such a
    /// request it does nothing.
    ///
    /// # Errors
    ///
    /// The source's error, or a contract violation if the key doesn't lie in the range. The walk has then
    /// ended, and its position is unchanged.
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
        let range = self.settled.as_ref().unwrap_or(&self.range);
        match answer.map_err(Error::Source)? {
            LastKey::Known(key) if !range.may_contain(&key) => {
                return Err(ContractViolation::LastKeyOutside.into());
            }
            LastKey::Known(key) => self.bound_at(key),
            LastKey::Empty => self.stage = Stage::Done,
            LastKey::Unknown => self.backward = Some(range.reversed()),
        }
        Ok(())
    }

    /// Processes the response to [`Request::Fetch`]; `took` is the duration of the request.
    /// [`items`](Self::items) then returns the fetched items. Without such a request it does nothing.
    ///
    /// # Errors
    ///
    /// The source's error, or a contract violation that is detected in O(1). The walk has then ended, its
    /// position is unchanged, and it yields nothing of the chunk.
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
        // `is_fused` is set only after this call. `Keyed::key` may panic in the call; the walk can then fetch the
        // same range again.
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
        let items = self.chunk.len() as u64;
        self.stats.items += items;
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(items);
        }
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
        let range = self.backward.as_ref().unwrap_or(&self.range);
        let last = check_items(range, &self.chunk, self.requested_items)?;
        let position = check_position(range, last.as_ref(), answer)?;
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

    /// Ends the range at its last key. With a lag, computes the end first, and then looks for the last key before it.
    /// Until that key is found, the position doesn't change: a walk that resumes from a cursor taken in between
    /// computes its end again.
    fn bound_at(&mut self, key: K) {
        self.backward = None;
        self.cycle = CycleDetector::default();
        match &self.lag {
            Some(Lag(lag)) if self.settled.is_none() => {
                let end = lag(&key);
                let mut settled = self.range.clone();
                if !settled.is_after_end(&end) {
                    settled.end_excluding(end);
                }
                if settled.is_empty() {
                    self.stage = Stage::Done;
                } else {
                    self.settled = Some(settled);
                }
            }
            _ => {
                self.settled = None;
                self.range.end_including(key);
                self.stage = Stage::Bounded;
            }
        }
    }

    /// Handles the reported end: the range is covered up to its end. An unbounded walk stays at its last item,
    /// because more may be appended between that and the range's end.
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

    /// Whether the walk's end is known, or there is none. Before that, requests look for the last key.
    pub(crate) fn knows_end(&self) -> bool {
        self.stage != Stage::Start
    }

    /// Returns the position after everything that was fetched.
    #[must_use]
    pub fn cursor(&self) -> Cursor<K> {
        // The cursor of an unbounded walk is never done: resuming it finds what was appended.
        let stage = if self.is_unbounded {
            Stage::Unbounded
        } else {
            self.stage
        };
        let given = match stage {
            Stage::Start => None,
            Stage::Bounded | Stage::Unbounded | Stage::Done => self.given.clone(),
        };
        Cursor {
            range: self.range.clone(),
            stage,
            given,
        }
    }

    /// Returns the items of the last response, in key order. Empty before the first response, at the end, and
    /// after an error or a dropped fetch.
    #[must_use]
    pub fn items(&self) -> &[T] {
        match self.has_items {
            true => self.chunk.as_slice(),
            false => &[],
        }
    }

    /// Returns [`items`](Self::items) to be changed or moved out. The next fetch refills what is left of them.
    #[must_use]
    pub fn items_mut(&mut self) -> &mut [T] {
        match self.has_items {
            true => self.chunk.as_mut_slice(),
            false => &mut [],
        }
    }

    /// Exchanges the chunk; see [`AsyncChunks::swap_chunk`](crate::AsyncChunks::swap_chunk).
    #[cfg(feature = "async")]
    pub(crate) fn swap_chunk(&mut self, chunk: &mut Chunk<T>) {
        self.has_items = false;
        core::mem::swap(&mut self.chunk, chunk);
    }

    /// Returns the chunk itself, whatever it holds.
    #[inline]
    pub(crate) fn chunk(&mut self) -> &mut Chunk<T> {
        &mut self.chunk
    }

    /// Returns what the walk did so far. All items of a fetched chunk count.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Whether neither an item nor an error can follow: the walk is at its end or its [limit](Self::limit), or it
    /// failed. `cursor().is_done()` is true only at the end of a bounded walk.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let is_over = self.stage == Stage::Done || self.left == Some(0);
        self.is_fused || (self.mismatch.is_none() && is_over)
    }
}

impl<T> ChunkSizes<T> {
    /// The number of items to fetch next.
    fn next(&self) -> usize {
        self.sizer.map_or(self.items, |sizer| sizer.size())
    }
}

impl<K: Clone + PartialOrd> Fetched<K> {
    /// Checks in O(1) what a source returned for a fetch of `range` into `chunk`, as a walk does (G15). Returns the key
    /// up to which the fetch covers the range, inclusive, or `None` after [`End`](Self::End).
    ///
    /// Use it in a source that fetches from other sources. `chunk` must have been empty before the fetch.
    ///
    /// ```
    /// use keywalk::{Chunk, ContractViolation, Fetched, KeyRange, Order};
    ///
    /// let range = KeyRange::new(1..=5, Order::Ascending);
    /// let mut chunk = Chunk::with_limit(2);
    /// assert!(chunk.fill_from([1, 2]));
    /// assert_eq!(Fetched::More.covered(&range, &chunk), Ok(Some(2)));
    /// assert_eq!(Fetched::ScannedTo(6).covered(&range, &chunk), Err(ContractViolation::PastEnd));
    /// ```
    ///
    /// # Errors
    ///
    /// How the source broke its contract.
    pub fn covered<T: Keyed<K>>(
        self,
        range: &KeyRange<K>,
        chunk: &Chunk<T>,
    ) -> Result<Option<K>, ContractViolation> {
        let last = check_items(range, chunk, chunk.limit())?;
        check_position(range, last.as_ref(), self)
    }
}

/// Returns the key up to which the range is covered, `None` if to its end.
fn check_position<K: Clone + PartialOrd>(
    range: &KeyRange<K>,
    last: Option<&K>,
    answer: Fetched<K>,
) -> Result<Option<K>, ContractViolation> {
    Ok(match answer {
        Fetched::End => None,
        Fetched::More => Some(last.ok_or(ContractViolation::NoProgress)?.clone()),
        Fetched::ScannedTo(key) => Some(check_scanned(range, last, key)?),
    })
}

/// Checks G1, G2 and G6 by the chunk's first and last keys. Returns the last key.
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

/// Checks G8: a scanned key makes progress within the range and lies at or after the chunk's last item.
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

/// Detects a walk that goes in a circle. If keys can't be ordered, each step alone looks like progress. The
/// detector remembers one earlier position and replaces it after every power of two steps (R. P. Brent, "An
/// improved Monte Carlo factorization algorithm", BIT 20, 1980). O(1) per chunk.
#[derive(Clone, Debug)]
struct CycleDetector<K> {
    key: Option<K>,
    steps: usize,
    /// The number of steps after which the remembered position is replaced.
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

/// Prints counts and no data.
impl<K, T> core::fmt::Debug for Engine<K, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Engine")
            .field("stats", &self.stats)
            .field("fused", &self.is_fused)
            .finish_non_exhaustive()
    }
}
