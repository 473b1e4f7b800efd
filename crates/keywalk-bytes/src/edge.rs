use std::ops::Bound;

use crate::Key;

/// A bound of a range as bytes, in reused memory.
#[derive(Debug)]
pub(crate) struct Edge {
    bound: Bound<()>,
    bytes: Vec<u8>,
}

impl Edge {
    pub(crate) const fn new() -> Self {
        Edge {
            bound: Bound::Unbounded,
            bytes: Vec::new(),
        }
    }

    pub(crate) fn set<K: Key>(&mut self, bound: Bound<&K>) {
        self.bytes.clear();
        self.bound = bound.map(|key| key.encode(&mut self.bytes));
    }

    pub(crate) fn get(&self) -> Bound<&[u8]> {
        self.bound.map(|()| self.bytes.as_slice())
    }
}
