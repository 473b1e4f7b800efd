//! A key that only the store can order.

use std::cmp::Ordering;

/// Compares as `None` unless equal, as text under an unknown collation does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Opaque(pub(crate) i32);

impl PartialOrd for Opaque {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}
