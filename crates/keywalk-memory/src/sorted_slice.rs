use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::ops::Bound;

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, Order, Source, SplitSource};

/// A borrowed slice that is sorted by a key of its items and has each key once. Items are `(K, &T)`.
///
/// The order is checked on creation, and must stay as it is. If a key changes later (in a `Cell`, or because
/// the closure returns another one), its item may be missed or repeated.
///
/// ```
/// use keywalk::Walk;
/// use keywalk_memory::SortedSlice;
///
/// let words = ["ant", "bee", "cat", "dog"];
/// let slice = SortedSlice::new(&words, |word| *word)?;
/// let some: Vec<_> = Walk::new(slice).range("b".."d").items().collect::<Result<_, _>>()?;
/// assert_eq!(some, [("bee", &"bee"), ("cat", &"cat")]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
#[must_use = "a source does nothing until it is walked"]
pub struct SortedSlice<'a, T, F> {
    items: &'a [T],
    key: F,
}

impl<'a, T, K: Ord, F: Fn(&T) -> K> SortedSlice<'a, T, F> {
    /// Creates a source over `items`; `key` returns an item's key. Reads every key once, O(n).
    ///
    /// # Errors
    ///
    /// If a key isn't larger than the previous one.
    pub fn new(items: &'a [T], key: F) -> Result<Self, Unsorted> {
        for (before, pair) in items.windows(2).enumerate() {
            let order = key(&pair[0]).cmp(&key(&pair[1]));
            if order.is_ge() {
                return Err(Unsorted {
                    position: before + 1,
                    repeated: order.is_eq(),
                });
            }
        }
        Ok(SortedSlice { items, key })
    }

    /// Returns the number of items whose key is less than `bound` or, if `past`, equal to it.
    fn count_below(&self, bound: &K, past: bool) -> usize {
        self.items.partition_point(|item| {
            let key = (self.key)(item);
            key < *bound || (past && key == *bound)
        })
    }

    /// Returns the items of the range, in the slice's order.
    fn within(&self, range: &KeyRange<K>) -> &'a [T] {
        let start = match range.lower() {
            Bound::Unbounded => 0,
            Bound::Included(key) => self.count_below(key, false),
            Bound::Excluded(key) => self.count_below(key, true),
        };
        let end = match range.upper() {
            Bound::Unbounded => self.items.len(),
            Bound::Included(key) => self.count_below(key, true),
            Bound::Excluded(key) => self.count_below(key, false),
        };
        // Inverted bounds give an inverted range of positions, which holds nothing.
        self.items.get(start..end).unwrap_or_default()
    }
}

impl<'a, T, K: Ord + Clone, F: Fn(&T) -> K> Source for SortedSlice<'a, T, F> {
    type Key = K;
    type Item = (K, &'a T);
    type Error = Infallible;
}

impl<'a, T, K: Ord + Clone, F: Fn(&T) -> K> ChunkSource for SortedSlice<'a, T, F> {
    fn fetch(
        &mut self,
        range: &KeyRange<K>,
        chunk: &mut Chunk<(K, &'a T)>,
    ) -> Result<Fetched<K>, Infallible> {
        let items = self.within(range);
        let items = items.iter().map(|item| ((self.key)(item), item));
        let is_full = match range.order() {
            Order::Ascending => chunk.fill_from(items),
            Order::Descending => chunk.fill_from(items.rev()),
        };
        Ok(if is_full { Fetched::More } else { Fetched::End })
    }
}

/// Exact: the numbers of items of two parts differ by at most one. Costs O(log n + parts).
impl<T, K: Ord + Clone, F: Fn(&T) -> K> SplitSource for SortedSlice<'_, T, F> {
    fn split_points(&mut self, range: &KeyRange<K>, parts: usize) -> Result<Vec<K>, Infallible> {
        let items = self.within(range);
        let parts = parts.min(items.len());
        // Never overflows, however long a slice of zero-sized items is.
        let place = |part: usize| (part as u128 * items.len() as u128 / parts as u128) as usize;
        Ok((1..parts)
            .map(|part| match range.order() {
                Order::Ascending => (self.key)(&items[place(part)]),
                Order::Descending => (self.key)(&items[items.len() - 1 - place(part)]),
            })
            .collect())
    }
}

/// Prints the number of items, and none of them.
impl<T, F> fmt::Debug for SortedSlice<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SortedSlice")
            .field("len", &self.items.len())
            .finish_non_exhaustive()
    }
}

/// The slice isn't sorted by its key, so it can't be walked by that key.
///
/// To fix it, use `sort_by_key` and, for repeated keys, `dedup_by_key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unsorted {
    /// The position of the first item whose key isn't larger than the previous one; at least 1.
    pub position: usize,
    /// Whether that key equals the previous one; otherwise it is smaller.
    pub repeated: bool,
}

impl fmt::Display for Unsorted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unsorted { position, repeated } = self;
        if *repeated {
            write!(
                f,
                "the key of item {position} is the same as that of the item before it; a key may come once"
            )
        } else {
            write!(
                f,
                "the key of item {position} is smaller than that of the item before it; sort the slice by its key"
            )
        }
    }
}

impl Error for Unsorted {}
