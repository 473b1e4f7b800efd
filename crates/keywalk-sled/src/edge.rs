use std::ops::Bound;

use keywalk_bytes::Key;

/// A bound of a range as bytes, in reused memory.
#[derive(Debug)]
pub(crate) struct Edge {
    bound: Bound<()>,
    bytes: Vec<u8>,
}

impl Edge {
    pub(crate) fn new() -> Self {
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

/// Returns whether `key` lies above an upper bound.
pub(crate) fn is_above(key: &[u8], upper: Bound<&[u8]>) -> bool {
    match upper {
        Bound::Unbounded => false,
        Bound::Included(upper) => key > upper,
        Bound::Excluded(upper) => key >= upper,
    }
}

/// Returns whether `key` lies below a lower bound.
pub(crate) fn is_below(key: &[u8], lower: Bound<&[u8]>) -> bool {
    match lower {
        Bound::Unbounded => false,
        Bound::Included(lower) => key < lower,
        Bound::Excluded(lower) => key <= lower,
    }
}

/// Returns whether `key` lies below a lower bound or is equal to it, even if the bound is included.
pub(crate) fn is_not_past(key: &[u8], lower: Bound<&[u8]>) -> bool {
    match lower {
        Bound::Unbounded => false,
        Bound::Included(lower) | Bound::Excluded(lower) => key <= lower,
    }
}
