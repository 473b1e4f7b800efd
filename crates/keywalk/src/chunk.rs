use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

/// The buffer that a source fills: at most [`limit`](Self::limit) items, in slots that are reused from chunk to
/// chunk. A backend receives one per fetch. A new chunk allocates nothing before items arrive, whatever the limit.
///
/// Push items until the chunk [`is_full`](Self::is_full). Pushing more is not an error here: the item is
/// dropped and the chunk is marked as [overflowed](Self::overflowed). The walk then ends with a
/// [`ContractViolation`](crate::ContractViolation).
///
/// [`clear`](Self::clear) keeps the items of the previous chunk as *spare* slots. If items own memory, refill
/// the old ones ([`push_with`](Self::push_with)) instead of creating new ones. The walk then soon stops
/// allocating per item.
///
/// A walk [by bytes](crate::Walk::chunk_bytes) also sets a [budget](Self::budget): the chunk is full once its
/// items weigh that much. So check `is_full` after each item, and don't rely on the limit alone. Items are
/// weighed when they are pushed.
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
    /// The items, followed by the spare items of earlier chunks.
    slots: Vec<T>,
    len: usize,
    limit: usize,
    /// The number of items at which the chunk is full: the limit, or fewer once the items reach the budget.
    room: usize,
    overflowed: bool,
    ledger: Option<Ledger<T>>,
}

impl<T> Chunk<T> {
    /// Creates an empty chunk for at most `limit` items. Allocates nothing.
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

    /// Returns the number of items at which the chunk is full; at least 1.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Returns the number of items in the chunk.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the chunk holds no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the chunk accepts no more items.
    #[must_use]
    #[inline]
    pub fn is_full(&self) -> bool {
        self.len >= self.room
    }

    /// Whether an item was pushed into the full chunk and was lost. [`clear`](Self::clear) resets this. So does a
    /// [`truncate`](Self::truncate) or [`split_off`](Self::split_off) that removes items.
    #[must_use]
    pub fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Returns the items in the order in which they were pushed.
    #[must_use]
    #[inline]
    pub fn as_slice(&self) -> &[T] {
        &self.slots[..self.len]
    }

    /// Returns the items, to be changed in place.
    #[must_use]
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.slots[..self.len]
    }

    /// Adds an item. Drops the spare item whose slot it takes.
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

    /// Adds items until the chunk is full or `items` ends. Returns whether the chunk is full. It stops before
    /// taking an item that wouldn't fit. This is faster than pushing each item.
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

    /// Adds an item by filling a slot in place. The slot is a spare item of an earlier chunk with its old
    /// content, or a default one if none is left. `fill` must set all of it.
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

    /// Returns a spare item of an earlier chunk, if there is one and the chunk isn't full. Fill it, then add it
    /// with [`push_spare`](Self::push_spare); before that it is not in the chunk. Use it for items that have no
    /// default, or if filling can fail.
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

    /// Adds the item that [`spare`](Self::spare) returned. Call it only after `spare` returned one.
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

    /// Keeps only the first `len` items; the others become spare slots. A wrapper calls it before it retries a
    /// failed fetch. Does nothing if the chunk holds at most `len` items.
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
    /// // Removing items also clears the overflow mark.
    /// assert!(!chunk.overflowed());
    /// ```
    pub fn truncate(&mut self, len: usize) {
        if len < self.len {
            self.keep(len);
        } else if let Some(ledger) = &mut self.ledger {
            ledger.settle(&mut self.slots, self.len);
        }
    }

    /// Empties the chunk. The items become spare slots, unless they exceed what a [budget](Self::budget)
    /// allows.
    pub fn clear(&mut self) {
        self.keep(0);
    }

    /// Returns the chunk with its items and spare slots. Leaves an empty one with the same limit and budget. An
    /// asynchronous source calls it if another thread fills the chunk: if the fetch is dropped, the caller's chunk
    /// is empty.
    ///
    /// ```
    /// use keywalk::Chunk;
    ///
    /// let mut chunk = Chunk::with_limit(2);
    /// chunk.push("one");
    /// assert_eq!(chunk.take().as_slice(), ["one"]);
    /// assert!(chunk.is_empty());
    /// assert_eq!(chunk.limit(), 2);
    /// ```
    #[must_use]
    pub fn take(&mut self) -> Self {
        let mut empty = Self::with_limit(self.limit);
        empty.ledger = self
            .ledger
            .as_ref()
            .map(|ledger| Ledger::new(ledger.budget));
        core::mem::replace(self, empty)
    }

    /// Removes and returns the items from index `at` on. Spare slots stay.
    ///
    /// A source that merges the items of other sources calls it if its own chunk has no slots yet to exchange.
    ///
    /// ```
    /// use keywalk::Chunk;
    ///
    /// let mut chunk = Chunk::with_limit(3);
    /// assert!(chunk.fill_from(["one", "two", "three"]));
    /// assert_eq!(chunk.split_off(1), ["two", "three"]);
    /// assert_eq!(chunk.as_slice(), ["one"]);
    /// ```
    ///
    /// # Panics
    ///
    /// If `at` exceeds the number of items.
    #[must_use]
    #[track_caller]
    pub fn split_off(&mut self, at: usize) -> Vec<T> {
        if let Some(ledger) = &mut self.ledger {
            ledger.remove(&mut self.slots, at..self.len);
        }
        let items: Vec<T> = self.slots.drain(at..self.len).collect();
        self.len = at;
        if !items.is_empty() {
            self.keep(at);
        }
        items
    }

    fn keep(&mut self, len: usize) {
        if let Some(ledger) = &mut self.ledger {
            ledger.keep(&mut self.slots, self.len, len);
        }
        self.len = len;
        self.room = self.limit;
        self.overflowed = false;
    }

    /// Takes the items out of the chunk, to be [popped](Self::pop) in order, and drops the spare ones. Returns
    /// the number of items.
    pub(crate) fn take_out(&mut self) -> usize {
        if let Some(ledger) = &mut self.ledger {
            ledger.forget();
        }
        self.slots.truncate(self.len);
        self.slots.reverse();
        core::mem::take(&mut self.len)
    }

    /// Returns the next item of those that were taken out.
    #[inline]
    pub(crate) fn peek(&self) -> Option<&T> {
        self.slots.last()
    }

    /// Removes the next item of those that were [taken out](Self::take_out).
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        self.slots.pop()
    }
}

impl<T> Chunk<T> {
    /// Creates an empty chunk that is full at `limit` items or at `bytes` bytes, as `weigh` measures them,
    /// whichever comes first. Use it if you drive an [`Engine`](crate::Engine) yourself.
    ///
    /// At least one item fits. All slots together, including the spare ones, hold at most
    /// `2 * bytes + heaviest item`; [`Walk::chunk_bytes`](crate::Walk::chunk_bytes) defines what counts.
    ///
    /// ```
    /// use keywalk::Chunk;
    ///
    /// let mut chunk = Chunk::with_budget(100, 10, |text: &&str| text.len());
    /// for text in ["six by", "six ne", "seven"] {
    ///     if !chunk.is_full() {
    ///         chunk.push(text);
    ///     }
    /// }
    /// assert_eq!(chunk.as_slice(), ["six by", "six ne"]);
    /// ```
    ///
    /// # Panics
    ///
    /// If `limit` or `bytes` is 0.
    #[must_use]
    #[track_caller]
    pub fn with_budget(limit: usize, bytes: usize, weigh: fn(&T) -> usize) -> Self {
        let mut chunk = Self::with_limit(limit);
        chunk.ledger = Some(Ledger::new(Budget::new(bytes, weigh)));
        chunk
    }

    /// Returns the bytes at which the chunk is full, or `None` if only the limit applies.
    #[must_use]
    pub fn budget(&self) -> Option<usize> {
        self.ledger.as_ref().map(Ledger::bytes)
    }

    /// Empties the chunk for a fetch of at most `limit` items. If `like` has a [budget](Self::budget), the chunk gets
    /// one of `bytes` bytes, which measures items in the same way. Spare slots stay if the budget stays the same.
    ///
    /// A source that fetches from other sources calls it for their chunks; `like` is its own chunk.
    ///
    /// ```
    /// use keywalk::Chunk;
    ///
    /// let whole = Chunk::with_budget(100, 4_096, |text: &String| text.len());
    /// let mut half = Chunk::with_limit(1);
    /// half.clear_like(&whole, 50, 2_048);
    /// assert_eq!((half.limit(), half.budget()), (50, Some(2_048)));
    /// ```
    ///
    /// # Panics
    ///
    /// If `limit` is 0, or if `like` has a budget and `bytes` is 0.
    #[track_caller]
    pub fn clear_like(&mut self, like: &Chunk<T>, limit: usize, bytes: usize) {
        assert!(limit > 0, "a chunk's limit must not be 0");
        let budget = like.ledger.as_ref().map(|ledger| ledger.budget);
        self.begin(limit, budget.map(|budget| Budget::new(bytes, budget.weigh)));
    }

    /// Empties the chunk for a fetch with these limits. Spare slots stay if the chunk already has this budget.
    /// The budget may differ after the search for the last item, or if a source overwrote the walk's chunk through
    /// the `&mut` (`*chunk = …`).
    pub(crate) fn begin(&mut self, limit: usize, budget: Option<Budget<T>>) {
        if !self.is_by(budget) {
            self.slots.clear();
            self.ledger = budget.map(Ledger::new);
        }
        self.limit = limit;
        self.clear();
    }

    /// [`push`](Self::push) with a budget. This and the next two are not inlined, to keep pushing without a
    /// budget fast.
    #[inline(never)]
    fn push_weighed(&mut self, item: T) {
        let weight = self.ledger.as_ref().map(|ledger| ledger.weigh(&item));
        self.put(item);
        self.add(weight, Added::Put);
    }

    #[inline(never)]
    fn spare_weighed(&mut self) -> Option<&mut T> {
        if let Some(ledger) = &mut self.ledger {
            ledger.lend(&mut self.slots, self.len);
        }
        self.slots.get_mut(self.len)
    }

    #[inline(never)]
    fn push_spare_weighed(&mut self) {
        let ledger = self.ledger.as_ref();
        let weight = ledger.map(|ledger| ledger.weigh(&self.slots[self.len]));
        self.add(weight, Added::Filled);
    }

    /// Adds the item of the next slot, which has this weight.
    fn add(&mut self, weight: Option<usize>, how: Added) {
        if let (Some(ledger), Some(weight)) = (&mut self.ledger, weight) {
            ledger.add(&mut self.slots, self.len, weight, how);
            if ledger.is_full() {
                self.room = self.len + 1;
            }
        }
        self.len += 1;
    }

    /// Whether there are more items than the budget allows. A chunk with this budget never holds more. A source
    /// may have replaced the walk's chunk by one with another budget or none; its items are weighed here.
    pub(crate) fn exceeds(&self, budget: Option<Budget<T>>) -> bool {
        !self.is_by(budget) && budget.is_some_and(|budget| budget.is_exceeded_by(self.as_slice()))
    }

    fn is_by(&self, budget: Option<Budget<T>>) -> bool {
        match (&self.ledger, budget) {
            (Some(ledger), Some(budget)) => ledger.is_by(budget),
            (None, None) => true,
            _ => false,
        }
    }
}

/// Prints counts and no items.
impl<T> fmt::Debug for Chunk<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunk")
            .field("len", &self.len)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// The bytes at which a chunk is full, and how they are measured.
pub(crate) struct Budget<T> {
    bytes: usize,
    weigh: fn(&T) -> usize,
}

impl<T> Budget<T> {
    #[track_caller]
    pub(crate) fn new(bytes: usize, weigh: fn(&T) -> usize) -> Self {
        assert!(bytes > 0, "a chunk's bytes must not be 0");
        Budget { bytes, weigh }
    }

    pub(crate) fn bytes(self) -> usize {
        self.bytes
    }

    fn weigh(self, item: &T) -> u128 {
        (self.weigh)(item) as u128
    }

    /// Whether these items without the last one already fill a chunk.
    pub(crate) fn is_exceeded_by(self, items: &[T]) -> bool {
        match items.split_last() {
            Some((_, [])) | None => false,
            Some((_, before)) => self.weight(before) >= self.bytes as u128,
        }
    }

    fn weight(self, items: &[T]) -> u128 {
        items.iter().map(|item| self.weigh(item)).sum()
    }

    /// Compares `weigh` by address: may return `false` for the same function if the compiler duplicated it.
    fn is(self, other: Self) -> bool {
        self.bytes == other.bytes && core::ptr::fn_addr_eq(self.weigh, other.weigh)
    }
}

impl<T> Clone for Budget<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Budget<T> {}

impl<T> fmt::Debug for Budget<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.bytes, f)
    }
}

/// The weights of a chunk's slots under a budget. The chunk owns the slots; the ledger drops those that would
/// exceed the bound.
///
/// A slot that is refilled keeps the memory of the heaviest item that it ever held: its peak. If a heavy item
/// moves through all slots, each of them becomes as large. Two rules limit the total memory held to twice the
/// budget plus one item:
///
/// 1. The slots in use may waste at most the budget in total. A slot wastes its peak minus the current weight of
///    its item. A spare slot that might exceed this isn't refilled.
/// 2. While the sum of the peaks exceeds twice the budget, there are no spare slots.
///
/// Proof: before an item is added, the items in the chunk weigh less than the budget. By rule 1 their slots waste
/// at most the budget, so these slots hold less than twice the budget. If there are spare slots too, then by
/// rule 2 all slots together hold at most twice the budget. The item being added is the "plus one".
///
/// If the largest item is at most about twice the mean, the rules still let slots be refilled.
struct Ledger<T> {
    budget: Budget<T>,
    /// One per slot.
    peaks: Vec<usize>,
    /// The sum of the peaks. Like the other sums it can't overflow.
    held: u128,
    /// The weight of the chunk's items.
    weight: u128,
    /// What the slots in use waste: the sum of their peaks minus `weight`.
    slack: u128,
    /// Whether the first spare slot was lent, and may now exceed its peak.
    lent: bool,
}

impl<T> Ledger<T> {
    fn new(budget: Budget<T>) -> Self {
        Ledger {
            budget,
            peaks: Vec::new(),
            held: 0,
            weight: 0,
            slack: 0,
            lent: false,
        }
    }

    fn bytes(&self) -> usize {
        self.budget.bytes
    }

    fn is_by(&self, budget: Budget<T>) -> bool {
        self.budget.is(budget)
    }

    fn is_full(&self) -> bool {
        self.weight >= self.budget.bytes as u128
    }

    /// Prepares to lend the first spare slot, at index `len`. Drops spare slots that are too large until one fits or
    /// none is left.
    fn lend(&mut self, slots: &mut Vec<T>, len: usize) {
        self.settle(slots, len);
        while let Some(peak) = self.peaks.get(len).copied() {
            if self.slack + peak as u128 <= self.budget.bytes as u128 {
                self.lent = true;
                return;
            }
            self.peaks.swap_remove(len);
            self.held -= peak as u128;
            slots.swap_remove(len);
        }
    }

    /// Weighs an item before `add` changes anything, because the caller's function may panic.
    fn weigh(&self, item: &T) -> usize {
        (self.budget.weigh)(item)
    }

    /// Records that the slot at index `len` now holds an item of this weight.
    fn add(&mut self, slots: &mut Vec<T>, len: usize, weight: usize, how: Added) {
        self.lent = false;
        if self.peaks.len() == len {
            self.peaks.push(0);
        }
        let before = self.peaks[len];
        let peak = match how {
            Added::Put => weight,
            Added::Filled => before.max(weight),
        };
        self.peaks[len] = peak;
        self.held = self.held - before as u128 + peak as u128;
        self.weight += weight as u128;
        self.slack += (peak - weight) as u128;
        self.trim(slots, len + 1);
    }

    /// Records that the chunk, which had `before` items, keeps `len`.
    fn keep(&mut self, slots: &mut Vec<T>, before: usize, len: usize) {
        self.settle(slots, before);
        self.weight = self.budget.weight(&slots[..len]);
        let peaks: u128 = self.peaks[..len].iter().map(|peak| *peak as u128).sum();
        self.slack = peaks.saturating_sub(self.weight);
        self.trim(slots, len);
    }

    /// Records that these slots are about to be removed, which are the last ones in use.
    fn remove(&mut self, slots: &mut Vec<T>, removed: Range<usize>) {
        self.settle(slots, removed.end);
        let removed = self.peaks.drain(removed);
        self.held -= removed.map(|peak| peak as u128).sum::<u128>();
    }

    /// Forgets all slots: none will be refilled.
    fn forget(&mut self) {
        *self = Ledger::new(self.budget);
    }

    /// If the lent slot was not added to the chunk, records how much it grew.
    fn settle(&mut self, slots: &mut Vec<T>, len: usize) {
        if !core::mem::take(&mut self.lent) {
            return;
        }
        if let (Some(slot), Some(peak)) = (slots.get(len), self.peaks.get_mut(len)) {
            let grown = (self.budget.weigh)(slot).saturating_sub(*peak);
            *peak += grown;
            self.held += grown as u128;
        }
        self.trim(slots, len);
    }

    fn trim(&mut self, slots: &mut Vec<T>, len: usize) {
        while self.held > 2 * self.budget.bytes as u128 && slots.len() > len {
            if let Some(peak) = self.peaks.pop() {
                self.held -= peak as u128;
            }
            slots.pop();
        }
    }
}

/// How an item got into its slot.
#[derive(Clone, Copy, Debug)]
enum Added {
    /// It replaced the old item.
    Put,
    /// It reused the memory of the old item.
    Filled,
}
