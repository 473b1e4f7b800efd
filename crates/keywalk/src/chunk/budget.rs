use alloc::vec::Vec;
use core::fmt;

use crate::chunk::Chunk;

impl<T> Chunk<T> {
    /// An empty chunk that is full at `limit` items or at so many `bytes`, as `weigh` tells them,
    /// whichever comes first: for those who drive an [`Engine`](crate::Engine) themselves.
    ///
    /// At least one item fits. All slots together, the spare ones too, hold at most twice the bytes and
    /// the heaviest item; [`Walk::chunk_bytes`](crate::Walk::chunk_bytes) says what that counts.
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

    /// The bytes at which the chunk is full; `None` if only their number limits its items.
    #[must_use]
    pub fn budget(&self) -> Option<usize> {
        self.ledger.as_ref().map(Ledger::bytes)
    }

    /// Empties the chunk for a fetch with these limits. Spare slots stay, unless a source put another
    /// chunk in the place of the walk's.
    pub(crate) fn begin(&mut self, limit: usize, budget: Option<Budget<T>>) {
        if !self.is_by(budget) {
            self.slots.clear();
            self.ledger = budget.map(Ledger::new);
        }
        self.limit = limit;
        self.clear();
    }

    /// [`push`](Self::push) with a budget; apart, as the next two, for what is pushed without one.
    #[inline(never)]
    pub(super) fn push_weighed(&mut self, item: T) {
        let weight = self.ledger.as_ref().map(|ledger| ledger.weigh(&item));
        self.put(item);
        self.add(weight, Added::Put);
    }

    #[inline(never)]
    pub(super) fn spare_weighed(&mut self) -> Option<&mut T> {
        if let Some(ledger) = &mut self.ledger {
            ledger.lend(&mut self.slots, self.len);
        }
        self.slots.get_mut(self.len)
    }

    #[inline(never)]
    pub(super) fn push_spare_weighed(&mut self) {
        let ledger = self.ledger.as_ref();
        let weight = ledger.map(|ledger| ledger.weigh(&self.slots[self.len]));
        self.add(weight, Added::Filled);
    }

    /// The next slot's item, of this weight, is in the chunk now.
    fn add(&mut self, weight: Option<usize>, how: Added) {
        if let (Some(ledger), Some(weight)) = (&mut self.ledger, weight) {
            ledger.add(&mut self.slots, self.len, weight, how);
            if ledger.is_full() {
                self.room = self.len + 1;
            }
        }
        self.len += 1;
    }

    /// Whether there are more items than the budget allows; also if the chunk isn't the walk's.
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

/// The bytes at which a chunk is full, and how they are told.
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

    /// Whether a chunk of these items, but for the last, was full.
    pub(crate) fn is_exceeded_by(self, items: &[T]) -> bool {
        match items.split_last() {
            Some((_, [])) | None => false,
            Some((_, before)) => self.weight(before) >= self.bytes as u128,
        }
    }

    fn weight(self, items: &[T]) -> u128 {
        items.iter().map(|item| self.weigh(item)).sum()
    }

    /// `false` also if the compiler made two functions of one.
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

/// What the slots of a chunk hold, by a budget. The chunk keeps its slots, and the ledger drops those
/// that would be too much.
///
/// A slot that is filled again keeps the memory of the heaviest item that it ever held: its peak. So a
/// heavy item that wanders over the slots would make each of them as large. Two rules keep all that is
/// held to twice the budget and one item:
///
/// 1. The slots of the chunk's items may hold, beyond these items, no more than the budget. A spare
///    slot that could make it more isn't filled again.
/// 2. While the peaks are more than twice the budget, there are no spare slots.
///
/// For before an item comes, those in the chunk weigh less than the budget; by the first rule their
/// slots hold less than twice as much, and by the second all slots hold at most that. Items of which the
/// largest is no more than about twice their mean are filled again all the same.
pub(crate) struct Ledger<T> {
    budget: Budget<T>,
    /// Of each slot.
    peaks: Vec<usize>,
    /// The sum of the peaks. As the other sums it can't overflow.
    held: u128,
    /// Of the chunk's items.
    weight: u128,
    /// What the peaks of the slots of the chunk's items are beyond these.
    slack: u128,
    /// Whether the first spare slot was lent, and may hold more than its peak by now.
    lent: bool,
}

impl<T> Ledger<T> {
    pub(crate) fn new(budget: Budget<T>) -> Self {
        Ledger {
            budget,
            peaks: Vec::new(),
            held: 0,
            weight: 0,
            slack: 0,
            lent: false,
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.budget.bytes
    }

    pub(crate) fn is_by(&self, budget: Budget<T>) -> bool {
        self.budget.is(budget)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.weight >= self.budget.bytes as u128
    }

    /// Before the first spare slot, behind `len` items, is lent: drops it if it is too large, and the
    /// next.
    pub(crate) fn lend(&mut self, slots: &mut Vec<T>, len: usize) {
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

    /// Apart from what follows: it may panic, and nothing has changed then.
    pub(crate) fn weigh(&self, item: &T) -> usize {
        (self.budget.weigh)(item)
    }

    /// An item of this weight stands in the slot behind `len` items, where one was put or one filled.
    pub(crate) fn add(&mut self, slots: &mut Vec<T>, len: usize, weight: usize, how: Added) {
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

    /// The chunk, which had `before` items, keeps so many.
    pub(crate) fn keep(&mut self, slots: &mut Vec<T>, before: usize, len: usize) {
        self.settle(slots, before);
        self.weight = self.budget.weight(&slots[..len]);
        let peaks: u128 = self.peaks[..len].iter().map(|peak| *peak as u128).sum();
        self.slack = peaks.saturating_sub(self.weight);
        self.trim(slots, len);
    }

    /// No slot will be filled again.
    pub(crate) fn forget(&mut self) {
        *self = Ledger::new(self.budget);
    }

    /// What was filled into the slot that was lent, and not added, is in it.
    pub(crate) fn settle(&mut self, slots: &mut Vec<T>, len: usize) {
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

/// How an item came into its slot.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Added {
    /// In the place of another.
    Put,
    /// In the memory of another.
    Filled,
}
