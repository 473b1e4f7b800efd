use alloc::vec::Vec;
use core::fmt;

use budget::Ledger;

pub(crate) mod budget;

/// The buffer that a source fills: at most [`limit`](Self::limit) items, in slots that are used
/// again from chunk to chunk.
///
/// A source pushes items until the chunk [`is_full`](Self::is_full). Pushing more is not an error
/// here: the item is dropped and the chunk remembers that it [overflowed](Self::overflowed), which
/// ends the walk with a [`Violation`](crate::Violation).
///
/// [`clear`](Self::clear) keeps the items of the previous chunk as *spare* slots, so that a source
/// whose items own memory can fill the old ones again ([`push_with`](Self::push_with)) instead of
/// making new ones. Once warm, such a walk allocates nothing.
///
/// Nothing is allocated ahead of the items, whatever the limit.
///
/// A walk [by bytes](crate::Walk::chunk_bytes) gives its chunk a [budget](Self::budget) too: the chunk
/// is full once its items weigh as much. So ask `is_full` after each item, and never count up to the
/// limit alone. An item is weighed when it is pushed.
///
/// ```
/// use keywalk::Chunk;
///
/// let mut chunk = Chunk::with_limit(2);
/// for word in ["one", "two", "three"] {
///     if chunk.is_full() {
///         break;
///     }
///     chunk.push_with(|slot: &mut String| {
///         slot.clear();
///         slot.push_str(word);
///     });
/// }
/// assert_eq!(chunk.as_slice(), ["one", "two"]);
/// ```
pub struct Chunk<T> {
    /// The items, then the spare ones of earlier chunks.
    slots: Vec<T>,
    len: usize,
    limit: usize,
    /// The limit; or the number of items, once these have the budget's weight.
    room: usize,
    overflowed: bool,
    ledger: Option<Ledger<T>>,
}

impl<T> Chunk<T> {
    /// An empty chunk for at most `limit` items. Allocates nothing.
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
    #[must_use]
    #[track_caller]
    pub fn with_limit(limit: usize) -> Self {
        assert!(limit > 0, "a chunk's limit must not be 0");
        Chunk {
            slots: Vec::new(),
            len: 0,
            limit,
            room: limit,
            overflowed: false,
            ledger: None,
        }
    }

    /// The number of items at which the chunk is full; at least 1.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// The number of items in the chunk.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the chunk holds no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the chunk takes no further item.
    #[must_use]
    #[inline]
    pub fn is_full(&self) -> bool {
        self.len >= self.room
    }

    /// Whether an item was pushed into the full chunk, and lost, since the last
    /// [`clear`](Self::clear).
    #[must_use]
    pub fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// The items, in the order in which they were pushed.
    #[must_use]
    #[inline]
    pub fn as_slice(&self) -> &[T] {
        &self.slots[..self.len]
    }

    /// The items, to be changed in place.
    #[must_use]
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.slots[..self.len]
    }

    /// Adds an item, dropping the spare one whose slot it takes.
    #[inline]
    pub fn push(&mut self, item: T) {
        if self.is_full() {
            self.overflowed = true;
            return;
        }
        if self.ledger.is_some() {
            self.push_weighed(item);
            return;
        }
        self.put(item);
        self.len += 1;
    }

    #[inline]
    fn put(&mut self, item: T) {
        match self.slots.get_mut(self.len) {
            Some(slot) => *slot = item,
            None => self.slots.push(item),
        }
    }

    /// Adds items until the chunk is full, or there are no more: whether it is full. None is taken from
    /// `items` that doesn't fit. Faster than to push each.
    ///
    /// ```
    /// use keywalk::Chunk;
    ///
    /// let mut numbers = 0..7;
    /// let mut chunk = Chunk::with_limit(5);
    /// assert!(chunk.fill_from(&mut numbers));
    /// assert_eq!(chunk.as_slice(), [0, 1, 2, 3, 4]);
    /// chunk.clear();
    /// assert!(!chunk.fill_from(&mut numbers));
    /// assert_eq!(chunk.as_slice(), [5, 6]);
    /// ```
    pub fn fill_from(&mut self, items: impl IntoIterator<Item = T>) -> bool {
        let mut items = items.into_iter();
        if self.ledger.is_none() {
            let end = self.room.min(self.slots.len());
            let mut len = self.len;
            for slot in self.slots.get_mut(len..end).unwrap_or_default() {
                let Some(item) = items.next() else {
                    self.len = len;
                    return false;
                };
                *slot = item;
                len += 1;
            }
            self.len = len;
        }
        while !self.is_full() {
            match items.next() {
                Some(item) => self.push(item),
                None => return false,
            }
        }
        true
    }

    /// Adds an item by filling a slot in place: a spare item of an earlier chunk, with whatever it
    /// held, or a default one where none is left. `fill` must set all of it.
    ///
    /// `fill` isn't called if the chunk is full.
    pub fn push_with(&mut self, fill: impl FnOnce(&mut T))
    where
        T: Default,
    {
        if self.is_full() {
            self.overflowed = true;
            return;
        }
        match self.spare() {
            Some(slot) => {
                fill(slot);
                self.push_spare();
            }
            None => {
                let mut item = T::default();
                fill(&mut item);
                self.push(item);
            }
        }
    }

    /// The next slot's old item, if an earlier chunk left one and the chunk isn't full: to be
    /// filled again and added with [`push_spare`](Self::push_spare). For items that have no
    /// default or whose filling can fail; until it is added, the item is not in the chunk.
    ///
    /// ```
    /// use keywalk::Chunk;
    ///
    /// fn add(chunk: &mut Chunk<String>, number: &str) -> Result<(), std::num::ParseIntError> {
    ///     let doubled = number.parse::<u32>()? * 2;
    ///     match chunk.spare() {
    ///         Some(item) => {
    ///             item.clear();
    ///             item.push_str(&doubled.to_string());
    ///             chunk.push_spare();
    ///         }
    ///         None => chunk.push(doubled.to_string()),
    ///     }
    ///     Ok(())
    /// }
    ///
    /// let mut chunk = Chunk::with_limit(10);
    /// add(&mut chunk, "21")?;
    /// chunk.clear();
    /// add(&mut chunk, "4")?;
    /// assert_eq!(chunk.as_slice(), ["8"]);
    /// # Ok::<(), std::num::ParseIntError>(())
    /// ```
    #[inline]
    pub fn spare(&mut self) -> Option<&mut T> {
        if self.is_full() {
            return None;
        }
        if self.ledger.is_some() {
            return self.spare_weighed();
        }
        self.slots.get_mut(self.len)
    }

    /// Adds the item that [`spare`](Self::spare) lent; without one, does nothing.
    #[inline]
    pub fn push_spare(&mut self) {
        if self.is_full() || self.len == self.slots.len() {
            return;
        }
        match self.ledger {
            None => self.len += 1,
            Some(_) => self.push_spare_weighed(),
        }
    }

    /// Keeps only the first `len` items; the others stay as spare slots. For a wrapper that asks its
    /// source again after a failure. Does nothing if the chunk holds no more.
    ///
    /// ```
    /// use keywalk::Chunk;
    ///
    /// let mut chunk = Chunk::with_limit(2);
    /// chunk.push("one");
    /// chunk.push("two");
    /// chunk.push("three");
    /// chunk.truncate(1);
    /// assert_eq!(chunk.as_slice(), ["one"]);
    /// // What had overflowed came after what was kept.
    /// assert!(!chunk.overflowed());
    /// ```
    pub fn truncate(&mut self, len: usize) {
        if len < self.len {
            self.keep(len);
        } else if let Some(ledger) = &mut self.ledger {
            ledger.settle(&mut self.slots, self.len);
        }
    }

    /// Empties the chunk. The items stay as spare slots, unless they are more than a
    /// [budget](Self::budget) allows.
    pub fn clear(&mut self) {
        self.keep(0);
    }

    fn keep(&mut self, len: usize) {
        if let Some(ledger) = &mut self.ledger {
            ledger.keep(&mut self.slots, self.len, len);
        }
        self.len = len;
        self.room = self.limit;
        self.overflowed = false;
    }

    /// Takes the items out of the chunk, to be [popped](Self::pop) in order; drops the spare ones. Returns how many
    /// there are.
    pub(crate) fn take_out(&mut self) -> usize {
        if let Some(ledger) = &mut self.ledger {
            ledger.forget();
        }
        self.slots.truncate(self.len);
        self.slots.reverse();
        core::mem::take(&mut self.len)
    }

    /// The next one of those that were taken out.
    #[inline]
    pub(crate) fn peek(&self) -> Option<&T> {
        self.slots.last()
    }

    /// The next one of those that were [taken out](Self::take_out).
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        self.slots.pop()
    }
}

/// Prints counts, and no items.
impl<T> fmt::Debug for Chunk<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunk")
            .field("len", &self.len)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
