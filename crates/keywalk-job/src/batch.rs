use std::fmt;
use std::ops::Deref;
use std::slice;

use keywalk::{KeyRange, Keyed};

use crate::progress::Progress;

/// The items that a job's function processes in one call: a chunk, or one item if
/// [failures are skipped](crate::Job::skip_failures). It is never empty.
///
/// It is a slice of items, and knows where it stands: its [number](Self::number), the [keys](Self::range) that it
/// covers, and the [progress](Self::progress) before it. It is `Copy`. A method that returns a key clones it; what
/// you don't call costs nothing.
///
/// ```
/// use keywalk::Walk;
/// use keywalk_job::{FileCheckpoints, Job};
///
/// # let folder = tempfile::tempdir()?;
/// # let map = std::collections::BTreeMap::from([(1, "one"), (2, "two"), (3, "three")]);
/// # let walk = Walk::new(keywalk_memory::Named::new("items", &map)).chunk_size(2);
/// let job = Job::new("print", walk, FileCheckpoints::new(folder.path()));
/// let mut lines = Vec::new();
/// job.run(|(), items| {
///     let (first, last) = (items.first_key(), items.last_key());
///     lines.push(format!("chunk {}: {} items, {first} to {last}", items.number(), items.len()));
///     for (_id, name) in items {
///         println!("{name}");
///     }
///     Ok(())
/// })?;
/// assert_eq!(lines, ["chunk 1: 2 items, 1 to 2", "chunk 2: 1 items, 3 to 3"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # One statement per chunk
///
/// If the store can process a range of keys in one statement, bind [`first_key`](Self::first_key) and
/// [`last_key`](Self::last_key), such as in `UPDATE items SET ... WHERE id BETWEEN ?1 AND ?2`. The walk then only
/// needs the keys. In a descending walk the first key is the larger one. If the walk has a filter, repeat it in the
/// statement: the range also holds what the filter drops.
pub struct Batch<'a, K, T> {
    pub(crate) items: &'a [T],
    /// The item before the first one, if it belongs to the same chunk.
    pub(crate) previous: Option<&'a T>,
    /// The range that was left at the last checkpoint.
    pub(crate) left: &'a KeyRange<K>,
    pub(crate) progress: &'a Progress<'a, K>,
}

impl<'a, K, T> Batch<'a, K, T> {
    /// Returns the items, in key order. The batch dereferences to them too.
    #[must_use]
    pub fn items(&self) -> &'a [T] {
        self.items
    }

    /// Returns the number of the batch's chunk over all runs, from 1. If part of a chunk is committed
    /// ([`Next::after`](crate::Next::after), or before a [retry](crate::Job::retry)), what is left of it is another
    /// chunk.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.progress.chunks() + 1
    }

    /// Returns the job's progress as it was at the last checkpoint.
    #[must_use]
    pub fn progress(&self) -> &'a Progress<'a, K> {
        self.progress
    }
}

impl<K: Clone, T: Keyed<K>> Batch<'_, K, T> {
    /// Returns the key of the first item.
    #[must_use]
    pub fn first_key(&self) -> K {
        self.items[0].key()
    }

    /// Returns the key of the last item.
    #[must_use]
    pub fn last_key(&self) -> K {
        self.items[self.items.len() - 1].key()
    }

    /// Returns the range of keys that the batch covers, in the walk's order. It starts after the last key before the
    /// batch, and it ends with the batch's last key, included. At the start of the job it starts where the walk's range
    /// does, which may be [unbounded](std::ops::Bound::Unbounded).
    ///
    /// The ranges of successive batches are adjacent. They also cover keys that the walk's filter dropped.
    #[must_use]
    pub fn range(&self) -> KeyRange<K> {
        let mut range = KeyRange::new(
            (self.left.lower().cloned(), self.left.upper().cloned()),
            self.left.order(),
        );
        if let Some(item) = self.previous {
            range.start_after(item.key());
        }
        range.end_including(self.last_key());
        range
    }
}

impl<K, T> Clone for Batch<'_, K, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, T> Copy for Batch<'_, K, T> {}

impl<K, T> Deref for Batch<'_, K, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.items
    }
}

impl<'a, K, T> IntoIterator for Batch<'a, K, T> {
    type Item = &'a T;
    type IntoIter = slice::Iter<'a, T>;

    fn into_iter(self) -> slice::Iter<'a, T> {
        self.items.iter()
    }
}

impl<'a, K, T> IntoIterator for &Batch<'a, K, T> {
    type Item = &'a T;
    type IntoIter = slice::Iter<'a, T>;

    fn into_iter(self) -> slice::Iter<'a, T> {
        self.items.iter()
    }
}

/// Prints counts, and no data.
impl<K, T> fmt::Debug for Batch<'_, K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("number", &self.number())
            .field("items", &self.items.len())
            .finish_non_exhaustive()
    }
}
