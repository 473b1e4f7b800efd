//! A value that counts how often it was made and how often it was filled again.

use std::cell::Cell;

thread_local! {
    static CLONES: Cell<usize> = const { Cell::new(0) };
    static REFILLS: Cell<usize> = const { Cell::new(0) };
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Counted(pub(crate) u32);

impl Clone for Counted {
    fn clone(&self) -> Self {
        CLONES.set(CLONES.get() + 1);
        Counted(self.0)
    }

    fn clone_from(&mut self, source: &Self) {
        REFILLS.set(REFILLS.get() + 1);
        self.0 = source.0;
    }
}

/// The clones and the refills of this thread since the last call.
pub(crate) fn counts() -> (usize, usize) {
    (CLONES.take(), REFILLS.take())
}
