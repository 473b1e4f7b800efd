use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use crossbeam_skiplist::SkipMap;
use crossbeam_skiplist::map::Entry;
use keywalk::{
    Chunk, ChunkSource, Fetched, KeyRange, Keyed, Order, Source, SplitSource, even_split_points,
};

use crate::ordered::{fill, push_cloned};

/// A lock-free [`SkipMap`], walked while other threads insert and delete.
///
/// Items are clones. [`Clone::clone_from`] makes them, and can reuse the memory of the previous chunk. A chunk
/// isn't a snapshot of the map: each item is read on its own. A key that is inserted or removed during the
/// fetch may or may not be in the chunk. G3 and G4 cover all other keys.
///
/// [`SkipMap::insert`] of an existing key removes the old entry first. The key is briefly absent, and a fetch
/// at that moment may miss it. If you change values during a walk, keep them in a cell that you change in
/// place.
///
/// ```
/// use std::sync::Arc;
/// use crossbeam_skiplist::SkipMap;
/// use keywalk::Walk;
/// use keywalk_memory::SkipList;
///
/// let map = Arc::new(SkipMap::from_iter((0..1_000).map(|n| (n, n * n))));
/// let deleter = std::thread::spawn({
///     let map = Arc::clone(&map);
///     move || (1..1_000).step_by(2).for_each(|odd| drop(map.remove(&odd)))
/// });
/// let mut even = 0;
/// for item in Walk::new(SkipList::new(Arc::clone(&map))) {
///     let (n, square) = item?;
///     assert_eq!(square, n * n);
///     even += usize::from(n % 2 == 0);
/// }
/// assert_eq!(even, 500);
/// # deleter.join().expect("the deleter doesn't panic");
/// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
/// ```
#[must_use = "a source does nothing until it is walked"]
pub struct SkipList<K, V> {
    map: Arc<SkipMap<K, V>>,
}

impl<K, V> SkipList<K, V> {
    /// Creates a source over `map`.
    pub fn new(map: Arc<SkipMap<K, V>>) -> Self {
        SkipList { map }
    }
}

impl<K: Ord + Clone, V: Clone> Source for SkipList<K, V> {
    type Key = K;
    type Item = (K, V);
    type Error = Infallible;
}

impl<K: Ord + Clone, V: Clone> ChunkSource for SkipList<K, V> {
    fn fetch(
        &mut self,
        range: &KeyRange<K>,
        chunk: &mut Chunk<(K, V)>,
    ) -> Result<Fetched<K>, Infallible> {
        if range.is_empty() {
            return Ok(Fetched::End);
        }
        let entries = self.map.range::<K, _>((range.lower(), range.upper()));
        Ok(fill(range, entries, chunk, |chunk, entry| {
            push_cloned(chunk, entry.key(), entry.value());
        }))
    }
}

/// Reads every key of the range once, since a list can't jump to its nth key: some tens of nanoseconds per key.
impl<K: Ord + Clone, V: Clone> SplitSource for SkipList<K, V> {
    fn split_points(&mut self, range: &KeyRange<K>, parts: usize) -> Result<Vec<K>, Infallible> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let entries = self.map.range::<K, _>((range.lower(), range.upper()));
        Ok(match range.order() {
            Order::Ascending => even_split_points(entries.map(InList), parts),
            Order::Descending => even_split_points(entries.rev().map(InList), parts),
        })
    }
}

/// Clones a key only if it is asked for it.
struct InList<'a, K, V>(Entry<'a, K, V>);

impl<K: Clone, V> Keyed<K> for InList<'_, K, V> {
    fn key(&self) -> K {
        self.0.key().clone()
    }
}

impl<K, V> Clone for SkipList<K, V> {
    /// Creates another source over the same map.
    fn clone(&self) -> Self {
        SkipList {
            map: Arc::clone(&self.map),
        }
    }
}

/// Prints the number of entries (approximate under concurrent changes), and none of them.
impl<K, V> fmt::Debug for SkipList<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SkipList")
            .field("len", &self.map.len())
            .finish_non_exhaustive()
    }
}
