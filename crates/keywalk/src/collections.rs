use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::convert::Infallible;
use core::ops::Bound;

use crate::chunk::Chunk;
use crate::range::{KeyRange, Order};
use crate::source::{ChunkSource, Fetched, Keyed, LastKey, Source};
use crate::split::{SplitSource, even_split_points};

/// Yields the map's items by key. Copies only a few keys.
impl<'a, K: Ord + Clone, V> Source for &'a BTreeMap<K, V> {
    type Key = K;
    type Item = (&'a K, &'a V);
    type Error = Infallible;
}

impl<'a, K: Ord + Clone, V> ChunkSource for &'a BTreeMap<K, V> {
    fn fetch(
        &mut self,
        range: &KeyRange<K>,
        chunk: &mut Chunk<(&'a K, &'a V)>,
    ) -> Result<Fetched<K>, Infallible> {
        Ok(fill(range, chunk, |range| self.range(range)))
    }

    fn last_key(&mut self, range: &KeyRange<K>) -> Result<LastKey<K>, Infallible> {
        Ok(last_key(range, |range| self.range(range)))
    }
}

/// Reads every key of the range once, since a map can't jump to its nth key: a few nanoseconds per key.
impl<K: Ord + Clone, V> SplitSource for &BTreeMap<K, V> {
    fn split_points(&mut self, range: &KeyRange<K>, parts: usize) -> Result<Vec<K>, Infallible> {
        Ok(split_points(range, parts, |range| self.range(range)))
    }
}

/// Yields the set's elements, which are their own keys.
impl<'a, K: Ord + Clone> Source for &'a BTreeSet<K> {
    type Key = K;
    type Item = &'a K;
    type Error = Infallible;
}

impl<'a, K: Ord + Clone> ChunkSource for &'a BTreeSet<K> {
    fn fetch(
        &mut self,
        range: &KeyRange<K>,
        chunk: &mut Chunk<&'a K>,
    ) -> Result<Fetched<K>, Infallible> {
        Ok(fill(range, chunk, |range| self.range(range)))
    }

    fn last_key(&mut self, range: &KeyRange<K>) -> Result<LastKey<K>, Infallible> {
        Ok(last_key(range, |range| self.range(range)))
    }
}

/// Reads every element of the range once, as for a map.
impl<K: Ord + Clone> SplitSource for &BTreeSet<K> {
    fn split_points(&mut self, range: &KeyRange<K>, parts: usize) -> Result<Vec<K>, Infallible> {
        Ok(split_points(range, parts, |range| self.range(range)))
    }
}

fn split_points<'a, K: Ord, I: DoubleEndedIterator<Item: Keyed<K>>>(
    range: &'a KeyRange<K>,
    parts: usize,
    items: impl FnOnce((Bound<&'a K>, Bound<&'a K>)) -> I,
) -> Vec<K> {
    if range.is_empty() {
        return Vec::new();
    }
    let items = items((range.lower(), range.upper()));
    match range.order() {
        Order::Ascending => even_split_points(items, parts),
        Order::Descending => even_split_points(items.rev(), parts),
    }
}

fn fill<'a, K: Ord, I: DoubleEndedIterator>(
    range: &'a KeyRange<K>,
    chunk: &mut Chunk<I::Item>,
    items: impl FnOnce((Bound<&'a K>, Bound<&'a K>)) -> I,
) -> Fetched<K> {
    // `range` of a map or set panics on such bounds.
    if range.is_empty() {
        return Fetched::End;
    }
    let items = items((range.lower(), range.upper()));
    let is_full = match range.order() {
        Order::Ascending => chunk.fill_from(items),
        Order::Descending => chunk.fill_from(items.rev()),
    };
    if is_full { Fetched::More } else { Fetched::End }
}

fn last_key<'a, K: Ord + Clone, I: DoubleEndedIterator<Item: Keyed<K>>>(
    range: &'a KeyRange<K>,
    items: impl FnOnce((Bound<&'a K>, Bound<&'a K>)) -> I,
) -> LastKey<K> {
    if range.is_empty() {
        return LastKey::Empty;
    }
    let mut items = items((range.lower(), range.upper()));
    let last = match range.order() {
        Order::Ascending => items.next_back(),
        Order::Descending => items.next(),
    };
    last.map(|item| item.key()).into()
}
