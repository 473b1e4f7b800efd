use alloc::vec::Vec;
use core::ops::Bound;
use core::time::Duration;

#[cfg(feature = "async")]
use crate::async_source::AsyncChunkSource;
use crate::engine::{Engine, Request};
use crate::error::Error;
use crate::range::KeyRange;
use crate::source::{ChunkSource, Keyed};

/// A source that can split a key range into parts of about the same number of items, for several workers.
///
/// [`Walk::split`](crate::Walk::split) calls it. A *backend* implements it beside [`ChunkSource`].
///
/// # Contract
///
/// 1. **Points of the range.** Each key may lie in the range ([`KeyRange::may_contain`]). The store need not hold it.
/// 2. **Order.** The keys are in the range's order, and no key is returned twice.
/// 3. **Nothing is held** when the call returns, as after a fetch.
///
/// That is enough for a correct split: whatever the keys are, the parts cover the range and don't overlap. How even the
/// parts are is a matter of quality. Read a sample or the store's statistics instead of every item.
///
/// ```
/// use std::convert::Infallible;
/// use keywalk::{KeyRange, SplitSource, Walk};
/// # use keywalk::{Chunk, ChunkSource, Fetched, LastKey, Source};
/// # struct Squares;
/// # impl Source for Squares {
/// #     type Key = u32;
/// #     type Item = (u32, u32);
/// #     type Error = Infallible;
/// # }
/// # impl ChunkSource for Squares {
/// #     fn fetch(&mut self, range: &KeyRange<u32>, chunk: &mut Chunk<(u32, u32)>)
/// #         -> Result<Fetched<u32>, Infallible> {
/// #         let numbers = (0..100).filter(|n| range.may_contain(n));
/// #         Ok(if chunk.fill_from(numbers.map(|n| (n, n * n))) { Fetched::More } else { Fetched::End })
/// #     }
/// #     fn last_key(&mut self, range: &KeyRange<u32>) -> Result<LastKey<u32>, Infallible> {
/// #         Ok((0..100).filter(|n| range.may_contain(n)).last().into())
/// #     }
/// # }
///
/// impl SplitSource for Squares {
///     fn split_points(&mut self, range: &KeyRange<u32>, parts: usize) -> Result<Vec<u32>, Infallible> {
///         Ok(keywalk::even_split_points((0..100).filter(|n| range.may_contain(n)), parts))
///     }
/// }
///
/// let parts = Walk::new(Squares).split(4)?;
/// assert_eq!(parts.len(), 4);
/// # Ok::<(), keywalk::Error<Infallible>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "a range of `{Self}` can't be split: it is no `SplitSource`",
    label = "can't be split",
    note = "implement `SplitSource` for it: keys at which to split a range"
)]
pub trait SplitSource: ChunkSource {
    /// Returns up to `parts - 1` keys at which to split `range`, in its order. Each is the first key of a part.
    ///
    /// Return fewer if the range has fewer keys. `parts` is at least 2, and the range isn't empty.
    ///
    /// # Errors
    ///
    /// The store's own.
    fn split_points(
        &mut self,
        range: &KeyRange<Self::Key>,
        parts: usize,
    ) -> Result<Vec<Self::Key>, Self::Error>;
}

/// [`SplitSource`] with futures, for an [asynchronous source](AsyncChunkSource).
/// [`Walk::async_split`](crate::Walk::async_split) calls it. The contract is the same.
#[cfg(feature = "async")]
#[diagnostic::on_unimplemented(
    message = "a range of `{Self}` can't be split asynchronously: it is no `AsyncSplitSource`",
    label = "can't be split",
    note = "implement `AsyncSplitSource` for it: keys at which to split a range"
)]
pub trait AsyncSplitSource: AsyncChunkSource {
    /// Returns up to `parts - 1` keys at which to split `range`; see [`SplitSource::split_points`].
    ///
    /// # Errors
    ///
    /// The store's own.
    fn split_points(
        &mut self,
        range: &KeyRange<Self::Key>,
        parts: usize,
    ) -> impl Future<Output = Result<Vec<Self::Key>, Self::Error>> + Send;
}

/// Returns up to `parts - 1` keys that split `items` into parts of about the same length. For a
/// [`SplitSource`] that can iterate its keys fast, but can't jump to the nth one.
///
/// The lengths of two parts differ by at most one item, or by an eighth of their mean if that is more. Reads all items in
/// one pass, and holds at most `16 * parts` keys.
///
/// ```
/// let points = keywalk::even_split_points(1..=1_000_u32, 4);
/// assert_eq!(points.len(), 3);
/// assert!(points[1].abs_diff(501) <= 32);
/// ```
pub fn even_split_points<K, T: Keyed<K>>(
    items: impl IntoIterator<Item = T>,
    parts: usize,
) -> Vec<K> {
    let most = parts.saturating_mul(16).max(2);
    let mut items = items.into_iter();
    // Every `stride`-th key, from the first one on.
    let mut kept = Vec::new();
    let mut stride = 1;
    let mut next = items.next();
    while let Some(item) = next {
        if kept.len() == most {
            let mut place = 0;
            kept.retain(|_| {
                place += 1;
                place % 2 == 1
            });
            // `item` stands at `most * stride`, which is even in the new stride too.
            stride *= 2;
        }
        kept.push(item.key());
        next = items.nth(stride - 1);
    }
    let count = kept.len();
    let parts = parts.clamp(1, count.max(1));
    let mut place = 0;
    let mut part = 1;
    kept.retain(|_| {
        let is_point = part < parts && place > 0 && place == part * count / parts;
        while part < parts && place >= part * count / parts {
            part += 1;
        }
        place += 1;
        is_point
    });
    kept
}

/// Completes the range of a walk that is about to begin: a bounded walk's ends at the last key. Returns `None` if
/// nothing is left.
pub(crate) fn begin<S: ChunkSource>(
    source: &mut S,
    mut engine: Engine<S::Key, S::Item>,
) -> Result<Option<KeyRange<S::Key>>, Error<S::Error>> {
    engine.set_limit(None);
    loop {
        let knows_end = engine.knows_end();
        match engine.request()? {
            Request::LastKey(range) => {
                let answer = source.last_key(range);
                engine.last_key(answer, Duration::ZERO)?;
            }
            Request::Fetch(range, chunk) if !knows_end => {
                let answer = source.fetch(range, chunk);
                engine.fetched(answer, Duration::ZERO)?;
            }
            Request::Fetch(..) => return Ok(Some(engine.cursor().range().clone())),
            Request::Done => return Ok(None),
        }
    }
}

/// [`begin`] with futures.
#[cfg(feature = "async")]
pub(crate) async fn async_begin<S: AsyncChunkSource>(
    source: &mut S,
    mut engine: Engine<S::Key, S::Item>,
) -> Result<Option<KeyRange<S::Key>>, Error<S::Error>> {
    engine.set_limit(None);
    loop {
        let knows_end = engine.knows_end();
        match engine.request()? {
            Request::LastKey(range) => {
                let answer = source.last_key(range).await;
                engine.last_key(answer, Duration::ZERO)?;
            }
            Request::Fetch(range, chunk) if !knows_end => {
                let answer = source.fetch(range, chunk).await;
                engine.fetched(answer, Duration::ZERO)?;
            }
            Request::Fetch(..) => return Ok(Some(engine.cursor().range().clone())),
            Request::Done => return Ok(None),
        }
    }
}

/// Cuts the range at these points. Leaves out a point that isn't in what is left of the range, so the parts cover the
/// range and don't overlap, whatever the points are.
pub(crate) fn cut<K: Clone + PartialOrd>(
    mut range: KeyRange<K>,
    points: Vec<K>,
    parts: usize,
) -> Vec<KeyRange<K>> {
    let mut cut = Vec::with_capacity(parts.min(points.len() + 1));
    for point in points.into_iter().take(parts - 1) {
        if !range.may_contain(&point) || range.start() == Bound::Included(&point) {
            continue;
        }
        let mut part = range.clone();
        part.end_excluding(point.clone());
        range.set_start(Bound::Included(point));
        cut.push(part);
    }
    cut.push(range);
    cut
}

macro_rules! pointers {
    ($($pointer:ty),+) => {$(
        #[diagnostic::do_not_recommend]
        impl<S: SplitSource + ?Sized> SplitSource for $pointer {
            fn split_points(
                &mut self,
                range: &KeyRange<S::Key>,
                parts: usize,
            ) -> Result<Vec<S::Key>, S::Error> {
                (**self).split_points(range, parts)
            }
        }

        #[cfg(feature = "async")]
        #[diagnostic::do_not_recommend]
        impl<S: AsyncSplitSource> AsyncSplitSource for $pointer {
            fn split_points(
                &mut self,
                range: &KeyRange<S::Key>,
                parts: usize,
            ) -> impl Future<Output = Result<Vec<S::Key>, S::Error>> + Send {
                (**self).split_points(range, parts)
            }
        }
    )+};
}

pointers!(&mut S, alloc::boxed::Box<S>);
