use std::cmp::Ordering;
use std::fmt;
use std::ops::Bound;

#[cfg(feature = "async")]
use futures_util::future::try_join;
#[cfg(feature = "async")]
use keywalk::AsyncChunkSource;
use keywalk::{
    Chunk, ChunkSource, Fetched, Fingerprint, FingerprintField, KeyRange, Keyed, LastKey, Order,
    ResumableSource, Source,
};

use crate::shard::{Shard, latest};
use crate::shard_error::{BoxError, ShardError};

/// The differences between two sources with the same key type, in key order.
///
/// Use it to check a migration or a replica, and to repair it. It is itself a [`ChunkSource`] whose items are
/// `(key, `[`Difference`]`)`. So one cursor or token holds the position in both sources, and a job can process the
/// differences and resume. With the feature `async` it is also an
/// `AsyncChunkSource`, which fetches from both sides concurrently.
///
/// The two sources may be of different engines and have different items. A function decides whether two items with
/// the same key are equal.
///
/// ```
/// use std::collections::BTreeMap;
/// use keywalk::Walk;
/// use keywalk_shards::{Diff, Difference};
///
/// let old = BTreeMap::from([(1, "ada"), (2, "bob"), (3, "cy")]);
/// let new = BTreeMap::from([(1, "ada".to_owned()), (2, "rob".to_owned()), (4, "di".to_owned())]);
/// let diff = Diff::new(&old, &new, |(_, old), (_, new)| *old == new);
///
/// let mut chunks = Walk::new(diff).chunks();
/// let mut lines = Vec::new();
/// while let Some(differences) = chunks.next()? {
///     for (id, difference) in differences {
///         lines.push(match difference {
///             Difference::OnlyLeft((_, name)) => format!("- {id} {name}"),
///             Difference::OnlyRight((_, name)) => format!("+ {id} {name}"),
///             Difference::Changed((_, old), (_, new)) => format!("! {id} {old} -> {new}"),
///         });
///     }
/// }
/// assert_eq!(lines, ["! 2 bob -> rob", "- 3 cy", "+ 4 di"]);
/// assert_eq!(chunks.source().equal(), 1);
/// # Ok::<(), keywalk::Error<keywalk_shards::ShardError>>(())
/// ```
///
/// # While others write
///
/// Each fetch reads the left side first, then the right one (an asynchronous one reads both at the same time). If a row
/// changes in between, or reaches a replica late, it comes as a difference although both sides are equal a moment
/// later. So check a difference [again](Self::check) after a while, before you report it:
///
/// ```
/// # use std::collections::BTreeMap;
/// # use keywalk::Walk;
/// # use keywalk_shards::Diff;
/// # let (left, right) = (BTreeMap::from([(1, "ada")]), BTreeMap::from([(1, "ida")]));
/// let diff = Diff::new(&left, &right, |left, right| left == right);
/// let mut differences = Walk::new(diff).items();
/// let keys = differences.by_ref().map(|found| Ok(found?.0)).collect::<Result<Vec<i32>, keywalk::Error<_>>>()?;
///
/// // A while later.
/// let mut diff = differences.into_source();
/// for key in keys {
///     if let Some(difference) = diff.check(&key)? {
///         println!("{difference:?}");
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A bounded walk ends at the last key of either side at its start.
///
/// # SQLite against PostgreSQL
///
/// A blocking side becomes an asynchronous one by `Offload` of keywalk-tokio:
/// `Diff::new(Offload::new(sqlite), postgres, ..)`. For text keys, declare the PostgreSQL column `COLLATE "C"`: both
/// sides must sort by bytes.
///
/// # Cost
///
/// About two walks: a fetch reads at most as many rows of each side as the chunk takes differences. Items are moved
/// only if they differ. In memory are at most one chunk of each side, and the differences. A limit of bytes
/// ([`Walk::chunk_bytes`](keywalk::Walk::chunk_bytes)) applies to the differences, not to the rows that are read.
#[must_use = "a source does nothing until it is walked"]
pub struct Diff<L: Source, R: Source, F> {
    left: Shard<L>,
    right: Shard<R>,
    are_equal: F,
    equal: u64,
    /// The differences of a fetch: the place of each item in its side's chunk, and the number of equal rows before.
    found: Vec<Place>,
}

struct Place {
    left: Option<usize>,
    right: Option<usize>,
    equal: u64,
}

type DifferenceOf<L, R> = Difference<<L as Source>::Item, <R as Source>::Item>;

/// An item of a [`Diff`]: the key, and how the sides differ.
type Found<L, R> = (<L as Source>::Key, DifferenceOf<L, R>);

/// How two sources differ at a key. A [`Diff`] yields `(key, difference)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Difference<L, R> {
    /// Only the left side has the key.
    OnlyLeft(L),
    /// Only the right side has the key.
    OnlyRight(R),
    /// Both sides have the key, with items that differ.
    Changed(L, R),
}

impl<L, R> Difference<L, R> {
    /// Returns the item of the left side, if there is one.
    pub fn left(&self) -> Option<&L> {
        match self {
            Difference::OnlyLeft(left) | Difference::Changed(left, _) => Some(left),
            Difference::OnlyRight(_) => None,
        }
    }

    /// Returns the item of the right side, if there is one.
    pub fn right(&self) -> Option<&R> {
        match self {
            Difference::OnlyRight(right) | Difference::Changed(_, right) => Some(right),
            Difference::OnlyLeft(_) => None,
        }
    }
}

impl<L, R, F> Diff<L, R, F>
where
    L: Source,
    R: Source<Key = L::Key>,
    F: FnMut(&L::Item, &R::Item) -> bool,
{
    /// Compares two sources. `are_equal` is called for two items with the same key. Makes no request yet.
    pub fn new(left: L, right: R, are_equal: F) -> Self {
        Diff {
            left: Shard::new("left".into(), left),
            right: Shard::new("right".into(), right),
            are_equal,
            equal: 0,
            found: Vec::new(),
        }
    }

    /// Compares what was fetched, up to `cut`, and moves the differences into the chunk.
    fn compare(
        &mut self,
        range: &KeyRange<L::Key>,
        cut: Option<L::Key>,
        chunk: &mut Chunk<Found<L, R>>,
    ) -> Result<Fetched<L::Key>, ShardError> {
        let (left, right) = (&mut self.left, &mut self.right);
        if !left.end_at(range, cut.as_ref()) || !right.end_at(range, cut.as_ref()) {
            return Err(self.unordered());
        }
        self.found.clear();
        let mut equal = self.equal;
        let (mut left_place, mut right_place) = (0, 0);
        let is_cut_short = loop {
            if self.found.len() == chunk.limit() {
                break true;
            }
            let order = match (left.read_head(), right.read_head()) {
                (false, false) => break false,
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                (true, true) => match (&left.head, &right.head) {
                    (Some(left), Some(right)) => match range.compare(left, right) {
                        Some(order) => order,
                        None => return Err(self.unordered()),
                    },
                    _ => break false,
                },
            };
            let is_same = order.is_eq() && (self.are_equal)(&left.rest()[0], &right.rest()[0]);
            match is_same {
                true => equal += 1,
                false => self.found.push(Place {
                    left: order.is_le().then_some(left_place),
                    right: order.is_ge().then_some(right_place),
                    equal,
                }),
            }
            if order.is_le() {
                left.skip();
                left_place += 1;
            }
            if order.is_ge() {
                right.skip();
                right_place += 1;
            }
        };
        let is_full = self.move_found(chunk, &mut equal);
        self.equal = equal;
        Ok(match cut {
            _ if is_full || is_cut_short => Fetched::More,
            Some(cut) => Fetched::ScannedTo(cut),
            None => Fetched::End,
        })
    }

    /// Moves the differences into the chunk. Returns whether it is full before all are moved; `equal` is then the
    /// number of equal rows before the last one that was moved.
    fn move_found(&mut self, chunk: &mut Chunk<Found<L, R>>, equal: &mut u64) -> bool {
        if self.found.is_empty() {
            return false;
        }
        let (mut left, mut right) = (self.left.take_all(), self.right.take_all());
        let (mut left_place, mut right_place) = (0, 0);
        // Equal rows after the last difference that was moved are read again if the next one has no place.
        let mut passed = self.equal;
        for found in &self.found {
            if chunk.is_full() {
                *equal = passed;
                return true;
            }
            passed = found.equal;
            let left = found.left.and_then(|place| {
                let skipped = place - left_place;
                left_place = place + 1;
                left.nth(skipped)
            });
            let right = found.right.and_then(|place| {
                let skipped = place - right_place;
                right_place = place + 1;
                right.nth(skipped)
            });
            match (left, right) {
                (Some(left), Some(right)) => {
                    chunk.push((left.key(), Difference::Changed(left, right)));
                }
                (Some(left), None) => chunk.push((left.key(), Difference::OnlyLeft(left))),
                (None, Some(right)) => chunk.push((right.key(), Difference::OnlyRight(right))),
                (None, None) => {}
            }
        }
        false
    }

    /// The range in which to check a key again.
    fn again(key: &L::Key) -> KeyRange<L::Key> {
        KeyRange::new(
            (Bound::Included(key), Bound::Included(key)),
            Order::Ascending,
        )
    }
}

impl<L: Source, R: Source, F> Diff<L, R, F> {
    /// Returns the number of equal rows in all successful fetches so far.
    pub fn equal(&self) -> u64 {
        self.equal
    }

    fn unordered(&self) -> ShardError {
        ShardError::unordered(&self.left.name, &self.right.name)
    }

    fn begin(&mut self, limit: usize) {
        self.left.begin(&Chunk::with_limit(1), limit);
        self.right.begin(&Chunk::with_limit(1), limit);
    }
}

impl<L, R, F> Source for Diff<L, R, F>
where
    L: Source<Error: Into<BoxError>>,
    R: Source<Key = L::Key, Error: Into<BoxError>>,
{
    type Key = L::Key;
    type Item = Found<L, R>;
    type Error = ShardError;
}

impl<L, R, F> ChunkSource for Diff<L, R, F>
where
    L: ChunkSource<Error: Into<BoxError>>,
    R: ChunkSource<Key = L::Key, Error: Into<BoxError>>,
    F: FnMut(&L::Item, &R::Item) -> bool,
{
    fn fetch(
        &mut self,
        range: &KeyRange<L::Key>,
        chunk: &mut Chunk<Found<L, R>>,
    ) -> Result<Fetched<L::Key>, ShardError> {
        if range.is_empty() {
            return Ok(Fetched::End);
        }
        self.begin(chunk.limit());
        let mut cut = self.left.fetch(range)?;
        let mut rest = range.clone();
        if let Some(key) = &cut {
            rest.end_including(key.clone());
        }
        if let Some(key) = self.right.fetch(&rest)? {
            cut = Some(key);
        }
        self.compare(range, cut, chunk)
    }

    fn last_key(&mut self, range: &KeyRange<L::Key>) -> Result<LastKey<L::Key>, ShardError> {
        let keys = [self.left.last_key(range)?, self.right.last_key(range)?];
        latest(range, keys).map_err(|_| self.unordered())
    }
}

impl<L, R, F> Diff<L, R, F>
where
    L: ChunkSource<Error: Into<BoxError>>,
    R: ChunkSource<Key = L::Key, Error: Into<BoxError>>,
    F: FnMut(&L::Item, &R::Item) -> bool,
{
    /// Reads the items with this key again, on both sides. Returns their difference, or `None` if they are equal now or
    /// neither exists. Doesn't count as [equal](Self::equal).
    ///
    /// # Errors
    ///
    /// That of the side that failed.
    pub fn check(&mut self, key: &L::Key) -> Result<Option<DifferenceOf<L, R>>, ShardError> {
        let (mut range, equal) = (Self::again(key), self.equal);
        let mut chunk = Chunk::with_limit(1);
        while !range.is_empty() {
            let fetched = self.fetch(&range, &mut chunk);
            self.equal = equal;
            match fetched? {
                Fetched::ScannedTo(key) if chunk.is_empty() => range.start_after(key),
                _ => break,
            }
        }
        Ok(chunk.split_off(0).pop().map(|(_, difference)| difference))
    }
}

#[cfg(feature = "async")]
impl<L, R, F> AsyncChunkSource for Diff<L, R, F>
where
    L: AsyncChunkSource<Error: Into<BoxError>>,
    R: AsyncChunkSource<Key = L::Key, Error: Into<BoxError>>,
    F: FnMut(&L::Item, &R::Item) -> bool + Send,
{
    async fn fetch(
        &mut self,
        range: &KeyRange<L::Key>,
        chunk: &mut Chunk<Found<L, R>>,
    ) -> Result<Fetched<L::Key>, ShardError> {
        if range.is_empty() {
            return Ok(Fetched::End);
        }
        self.begin(chunk.limit());
        let both = try_join(self.left.async_fetch(range), self.right.async_fetch(range));
        let cut = match both.await? {
            (Some(left), Some(right)) => match range.compare(&left, &right) {
                None => return Err(self.unordered()),
                Some(Ordering::Greater) => Some(right),
                Some(_) => Some(left),
            },
            (left, right) => left.or(right),
        };
        self.compare(range, cut, chunk)
    }

    async fn last_key(&mut self, range: &KeyRange<L::Key>) -> Result<LastKey<L::Key>, ShardError> {
        let (left, right) = (&mut self.left, &mut self.right);
        let both = try_join(left.async_last_key(range), right.async_last_key(range));
        let (left, right) = both.await?;
        latest(range, [left, right]).map_err(|_| self.unordered())
    }
}

#[cfg(feature = "async")]
impl<L, R, F> Diff<L, R, F>
where
    L: AsyncChunkSource<Error: Into<BoxError>>,
    R: AsyncChunkSource<Key = L::Key, Error: Into<BoxError>>,
    F: FnMut(&L::Item, &R::Item) -> bool + Send,
{
    /// [`check`](Self::check) with a future.
    ///
    /// # Errors
    ///
    /// That of the side that failed.
    pub async fn async_check(
        &mut self,
        key: &L::Key,
    ) -> Result<Option<DifferenceOf<L, R>>, ShardError> {
        let (mut range, equal) = (Self::again(key), self.equal);
        let mut chunk = Chunk::with_limit(1);
        while !range.is_empty() {
            let fetched = AsyncChunkSource::fetch(self, &range, &mut chunk).await;
            self.equal = equal;
            match fetched? {
                Fetched::ScannedTo(key) if chunk.is_empty() => range.start_after(key),
                _ => break,
            }
        }
        Ok(chunk.split_off(0).pop().map(|(_, difference)| difference))
    }
}

/// A token holds one position, and the fingerprints of both sides. Keys are encoded by the left side.
impl<L, R, F> ResumableSource for Diff<L, R, F>
where
    L: ResumableSource<Error: Into<BoxError>>,
    R: ResumableSource<Key = L::Key, Error: Into<BoxError>>,
{
    fn fingerprint(&self) -> Result<Fingerprint, ShardError> {
        let (left, right) = (&self.left, &self.right);
        let of_left = left.source.fingerprint();
        let of_left = of_left.map_err(|error| left.failed(error))?;
        let of_right = right.source.fingerprint();
        let of_right = of_right.map_err(|error| right.failed(error))?;
        Ok(Fingerprint::new("diff")
            .relation("two sides")
            .key(of_left.text(FingerprintField::Key))
            .member(&left.name, &of_left)
            .member(&right.name, &of_right))
    }

    fn encode_key(&self, key: &L::Key, bytes: &mut Vec<u8>) {
        self.left.source.encode_key(key, bytes);
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<L::Key>, ShardError> {
        let key = self.left.source.decode_key(bytes);
        key.map_err(|error| self.left.failed(error))
    }

    fn key_text(&self, key: &L::Key) -> String {
        self.left.source.key_text(key)
    }

    fn fraction(&self, first: &L::Key, last: &L::Key, at: &L::Key) -> Option<f64> {
        self.left.source.fraction(first, last, at)
    }
}

/// Prints the number of equal rows.
impl<L: Source, R: Source, F> fmt::Debug for Diff<L, R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Diff")
            .field("equal", &self.equal)
            .finish_non_exhaustive()
    }
}
