use std::collections::BTreeSet;
use std::mem;
use std::vec;

#[cfg(feature = "async")]
use keywalk::AsyncChunkSource;
use keywalk::{Chunk, ChunkSource, ContractViolation, Fetched, KeyRange, LastKey, Source};

use crate::shard_error::{BoxError, ShardError};

/// A source with a name, and what was fetched from it last.
pub(crate) struct Shard<S: Source> {
    pub(crate) name: String,
    pub(crate) source: S,
    chunk: Chunk<S::Item>,
    /// The most items that the chunk held.
    slots: usize,
    /// The items of the chunk from `next` on, if they were moved out of it.
    moved: Option<vec::IntoIter<S::Item>>,
    next: usize,
    end: usize,
    /// The key of the next item.
    pub(crate) head: Option<S::Key>,
    /// The share of all items that this shard holds near the walk's position, as far as known: 0 to 1.
    pub(crate) share: f64,
}

/// Names the sources. Fails if there are none, or if two have the same name.
pub(crate) fn named<S: Source>(
    sources: impl IntoIterator<Item = (impl Into<String>, S)>,
) -> Result<Vec<Shard<S>>, ShardError> {
    let sources = sources.into_iter();
    let mut shards: Vec<Shard<S>> = sources
        .map(|(name, source)| Shard::new(name.into(), source))
        .collect();
    let mut names = BTreeSet::new();
    if let Some(shard) = shards.iter().find(|shard| !names.insert(&*shard.name)) {
        return Err(ShardError::same_name(&shard.name));
    }
    if shards.is_empty() {
        return Err(ShardError::no_shards());
    }
    let share = 1.0 / shards.len() as f64;
    shards.iter_mut().for_each(|shard| shard.share = share);
    Ok(shards)
}

impl<S: Source> Shard<S> {
    pub(crate) fn new(name: String, source: S) -> Self {
        Shard {
            name,
            source,
            chunk: Chunk::with_limit(1),
            slots: 0,
            moved: None,
            next: 0,
            end: 0,
            head: None,
            share: 1.0,
        }
    }

    /// Prepares a fetch of at most `limit` items. With a budget of bytes, the shard gets about its share of it; `whole`
    /// is the chunk that is to be filled.
    pub(crate) fn begin(&mut self, whole: &Chunk<S::Item>, limit: usize) {
        self.moved = None;
        shed(&mut self.chunk, &mut self.slots, self.next);
        (self.next, self.end) = (0, 0);
        // A power of two, so that it seldom changes: a chunk with another budget keeps no slots. All budgets together
        // are less than three times the whole.
        let parts = (0.7 / self.share).log2().max(0.0) as u32;
        let bytes = whole.budget().map_or(1, |bytes| bytes >> parts.min(63));
        self.chunk.clear_like(whole, limit.max(1), bytes.max(1));
    }

    /// Returns the number of items that were fetched.
    pub(crate) fn len(&self) -> usize {
        self.chunk.len()
    }

    /// Ends at the last item that isn't after `cut`. Returns whether `PartialOrd` could tell.
    pub(crate) fn end_at(&mut self, range: &KeyRange<S::Key>, cut: Option<&S::Key>) -> bool {
        self.end = self.chunk.len();
        let Some(cut) = cut else { return true };
        let mut is_known = true;
        let head = &mut self.head;
        self.end = self.chunk.as_slice().partition_point(|item| {
            let order = range.compare(key_of::<S>(item, head), cut);
            is_known &= order.is_some();
            order.is_none_or(|order| order.is_le())
        });
        is_known
    }

    /// Reads the key of the next item. Returns `false` if there is none.
    #[inline]
    pub(crate) fn read_head(&mut self) -> bool {
        let item = match &self.moved {
            None => self.chunk.as_slice()[..self.end].get(self.next),
            Some(moved) => moved.as_slice().first(),
        };
        item.map(|item| key_of::<S>(item, &mut self.head)).is_some()
    }

    /// Skips the next item.
    #[inline]
    pub(crate) fn skip(&mut self) {
        self.next += 1;
        if let Some(moved) = &mut self.moved {
            moved.next();
        }
    }

    /// Returns the next items that weren't skipped or taken.
    pub(crate) fn rest(&self) -> &[S::Item] {
        match &self.moved {
            None => &self.chunk.as_slice()[self.next..self.end],
            Some(moved) => moved.as_slice(),
        }
    }

    /// Exchanges the next item for a slot to be refilled later. Returns `false` if the items were moved out.
    #[inline]
    pub(crate) fn swap_next(&mut self, slot: &mut S::Item) -> bool {
        if self.moved.is_some() {
            return false;
        }
        mem::swap(slot, &mut self.chunk.as_mut_slice()[self.next]);
        self.next += 1;
        true
    }

    /// Moves the next item out.
    pub(crate) fn take_next(&mut self) -> Option<S::Item> {
        self.next += 1;
        self.moved.as_mut()?.next()
    }

    /// Moves the rest of the items out of the chunk, so that [`take_next`](Self::take_next) can take them.
    pub(crate) fn move_out(&mut self) {
        if self.moved.is_none() {
            let mut items = self.chunk.split_off(self.next);
            items.truncate(self.end - self.next);
            self.moved = Some(items.into_iter());
        }
    }

    /// Moves all items out of the chunk.
    pub(crate) fn take_all(&mut self) -> vec::IntoIter<S::Item> {
        self.chunk.split_off(0).into_iter()
    }

    /// Returns the number of items that were taken or skipped.
    pub(crate) fn taken(&self) -> usize {
        self.next
    }
}

impl<S: Source<Error: Into<BoxError>>> Shard<S> {
    /// Adds the shard's name to an error of its source.
    pub(crate) fn failed(&self, error: S::Error) -> ShardError {
        ShardError::failed(&self.name, error.into())
    }

    pub(crate) fn breaks_contract(&self, violation: ContractViolation) -> ShardError {
        ShardError::broken(&self.name, violation)
    }

    /// Checks what the source returned. Returns the key up to which the range is covered, `None` if to its end.
    fn fetched(
        &self,
        range: &KeyRange<S::Key>,
        fetched: Result<Fetched<S::Key>, S::Error>,
    ) -> Result<Option<S::Key>, ShardError> {
        let fetched = fetched.map_err(|error| self.failed(error))?;
        let covered = fetched.covered(range, &self.chunk);
        covered.map_err(|violation| self.breaks_contract(violation))
    }

    fn found(
        &self,
        range: &KeyRange<S::Key>,
        last: Result<LastKey<S::Key>, S::Error>,
    ) -> Result<LastKey<S::Key>, ShardError> {
        match last.map_err(|error| self.failed(error))? {
            LastKey::Known(key) if !range.may_contain(&key) => {
                Err(self.breaks_contract(ContractViolation::LastKeyOutside))
            }
            last => Ok(last),
        }
    }
}

impl<S: ChunkSource<Error: Into<BoxError>>> Shard<S> {
    /// Fetches, after [`begin`](Self::begin). Returns the key up to which the range is covered, `None` if to its end.
    pub(crate) fn fetch(&mut self, range: &KeyRange<S::Key>) -> Result<Option<S::Key>, ShardError> {
        let fetched = self.source.fetch(range, &mut self.chunk);
        self.fetched(range, fetched)
    }

    pub(crate) fn last_key(
        &mut self,
        range: &KeyRange<S::Key>,
    ) -> Result<LastKey<S::Key>, ShardError> {
        let last = self.source.last_key(range);
        self.found(range, last)
    }
}

#[cfg(feature = "async")]
impl<S: AsyncChunkSource<Error: Into<BoxError>>> Shard<S> {
    /// [`fetch`](Self::fetch) with a future.
    pub(crate) async fn async_fetch(
        &mut self,
        range: &KeyRange<S::Key>,
    ) -> Result<Option<S::Key>, ShardError> {
        let fetched = self.source.fetch(range, &mut self.chunk).await;
        self.fetched(range, fetched)
    }

    /// [`last_key`](Self::last_key) with a future.
    pub(crate) async fn async_last_key(
        &mut self,
        range: &KeyRange<S::Key>,
    ) -> Result<LastKey<S::Key>, ShardError> {
        let last = self.source.last_key(range).await;
        self.found(range, last)
    }
}

/// The number of slots that a chunk always keeps.
const FEW: usize = 32;

/// Drops a chunk's slots if it once held (`slots`) much more than was `used` of it last. So a shard that the walk has
/// passed keeps few.
pub(crate) fn shed<T>(chunk: &mut Chunk<T>, slots: &mut usize, used: usize) {
    *slots = chunk.len().max(*slots);
    if *slots > (4 * used).max(FEW) {
        *chunk = Chunk::with_limit(1);
        *slots = 0;
    }
}

/// Returns the latest of these last keys, in the range's order. `Err` if `PartialOrd` can't tell; it has the two
/// places.
pub(crate) fn latest<K: PartialOrd>(
    range: &KeyRange<K>,
    keys: impl IntoIterator<Item = LastKey<K>>,
) -> Result<LastKey<K>, (usize, usize)> {
    let mut latest: Option<(usize, K)> = None;
    let mut is_unknown = false;
    for (place, key) in keys.into_iter().enumerate() {
        match key {
            LastKey::Unknown => is_unknown = true,
            LastKey::Empty => {}
            LastKey::Known(key) => {
                if let Some((other, last)) = &latest {
                    match range.compare(&key, last) {
                        None => return Err((*other, place)),
                        Some(order) if order.is_le() => continue,
                        Some(_) => {}
                    }
                }
                latest = Some((place, key));
            }
        }
    }
    Ok(match is_unknown {
        true => LastKey::Unknown,
        false => latest.map(|(_, key)| key).into(),
    })
}

/// Writes an item's key into `key`, reusing its memory.
#[inline]
pub(crate) fn key_of<'k, S: Source>(item: &S::Item, key: &'k mut Option<S::Key>) -> &'k S::Key {
    use keywalk::Keyed;

    match key {
        Some(key) => {
            S::key_into(item, key);
            key
        }
        None => key.insert(item.key()),
    }
}
