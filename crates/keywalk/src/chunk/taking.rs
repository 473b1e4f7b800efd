//! How a chunk's items are taken out, one by one.

use crate::Chunk;

impl<T> Chunk<T> {
    /// Turns the items round so that [`pop`](Self::pop) takes them in order; drops the spare ones.
    pub(crate) fn reverse(&mut self) {
        if let Some(ledger) = &mut self.ledger {
            ledger.reverse(self.len);
        }
        self.slots.truncate(self.len);
        self.slots.reverse();
    }

    /// The item that [`pop`](Self::pop) would take out.
    #[inline]
    pub(crate) fn peek(&self) -> Option<&T> {
        self.slots.last()
    }

    /// Takes the last item out. Only after [`reverse`](Self::reverse).
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        if let Some(ledger) = &mut self.ledger {
            ledger.pop();
        }
        let item = self.slots.pop()?;
        self.len = self.slots.len();
        Some(item)
    }
}
