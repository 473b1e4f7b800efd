use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, RwLock};

use keywalk::{
    Chunk, ChunkSource, Fetched, KeyRange, Order, Source, SplitSource, even_split_points,
};

use crate::ordered::{fill, push_cloned};

/// A [`BTreeMap`] that threads share behind a lock. Each fetch takes the read lock and releases it, so writers
/// wait for at most one chunk.
///
/// Items are clones. [`Clone::clone_from`] makes them, and can reuse the memory of the previous chunk.
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::{Arc, RwLock};
/// use keywalk::Walk;
/// use keywalk_memory::SharedMap;
///
/// let map = Arc::new(RwLock::new(BTreeMap::from([(1, "one"), (2, "two"), (3, "three")])));
/// let mut chunks = Walk::new(SharedMap::new(Arc::clone(&map))).chunk_size(1).chunks();
/// while let Some(items) = chunks.next()? {
///     let (number, _) = items[0];
///     // Nothing is locked here: the loop itself may write.
///     map.write().expect("no thread panicked").remove(&(number + 1));
/// }
/// assert_eq!(chunks.stats().items(), 2);
/// # Ok::<(), keywalk::Error<keywalk_memory::Poisoned>>(())
/// ```
#[must_use = "a source does nothing until it is walked"]
pub struct SharedMap<K, V> {
    map: Arc<RwLock<BTreeMap<K, V>>>,
}

impl<K, V> SharedMap<K, V> {
    /// Creates a source over `map`.
    pub fn new(map: Arc<RwLock<BTreeMap<K, V>>>) -> Self {
        SharedMap { map }
    }
}

impl<K: Ord + Clone, V: Clone> Source for SharedMap<K, V> {
    type Key = K;
    type Item = (K, V);
    type Error = Poisoned;
}

impl<K: Ord + Clone, V: Clone> ChunkSource for SharedMap<K, V> {
    fn fetch(
        &mut self,
        range: &KeyRange<K>,
        chunk: &mut Chunk<(K, V)>,
    ) -> Result<Fetched<K>, Poisoned> {
        // `BTreeMap::range` panics on some empty ranges.
        if range.is_empty() {
            return Ok(Fetched::End);
        }
        let map = self.map.read().map_err(|_| Poisoned)?;
        let entries = map.range((range.lower(), range.upper()));
        Ok(fill(range, entries, chunk, |chunk, (key, value)| {
            push_cloned(chunk, key, value);
        }))
    }
}

/// Reads every key of the range once, since a map can't jump to its nth key: a few nanoseconds per key. The lock is
/// released at least every 4,096 keys.
impl<K: Ord + Clone, V: Clone> SplitSource for SharedMap<K, V> {
    fn split_points(&mut self, range: &KeyRange<K>, parts: usize) -> Result<Vec<K>, Poisoned> {
        let (range, mut poisoned) = (range.clone(), None);
        let map = &*self.map;
        let keys = Keys {
            map,
            range,
            poisoned: &mut poisoned,
        };
        let points = even_split_points(keys, parts);
        poisoned.map_or(Ok(points), Err)
    }
}

/// The keys of what is left of a range. Locks the map for each key that is taken, and not in between.
struct Keys<'a, K, V> {
    map: &'a RwLock<BTreeMap<K, V>>,
    range: KeyRange<K>,
    poisoned: &'a mut Option<Poisoned>,
}

/// How many keys are passed over in one go, while writers wait.
const MOST_LOCKED: usize = 4_096;

impl<K: Ord + Clone, V> Iterator for Keys<'_, K, V> {
    type Item = K;

    fn next(&mut self) -> Option<K> {
        self.nth(0)
    }

    fn nth(&mut self, mut skipped: usize) -> Option<K> {
        loop {
            if self.range.is_empty() || self.poisoned.is_some() {
                return None;
            }
            let Ok(map) = self.map.read() else {
                *self.poisoned = Some(Poisoned);
                return None;
            };
            let step = skipped.min(MOST_LOCKED - 1);
            let mut entries = map.range((self.range.lower(), self.range.upper()));
            let (key, _) = match self.range.order() {
                Order::Ascending => entries.nth(step)?,
                Order::Descending => entries.nth_back(step)?,
            };
            let key = key.clone();
            drop(map);
            self.range.start_after(key.clone());
            if step == skipped {
                return Some(key);
            }
            skipped -= step + 1;
        }
    }
}

impl<K, V> Clone for SharedMap<K, V> {
    /// Creates another source over the same map.
    fn clone(&self) -> Self {
        SharedMap {
            map: Arc::clone(&self.map),
        }
    }
}

/// Prints no entries, and takes no lock.
impl<K, V> fmt::Debug for SharedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedMap").finish_non_exhaustive()
    }
}

/// The lock is poisoned: a thread panicked while it held the map's write lock, so the map may be half changed.
///
/// To recover, repair the map, call [`RwLock::clear_poison`] and resume the walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Poisoned;

impl fmt::Display for Poisoned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the map's lock is poisoned: a thread panicked while it changed the map; \
             repair it and call `RwLock::clear_poison`",
        )
    }
}

impl Error for Poisoned {}

impl From<Poisoned> for keywalk::Error<Poisoned> {
    fn from(error: Poisoned) -> Self {
        keywalk::Error::Source(error)
    }
}
