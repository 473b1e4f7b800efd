use std::hint::black_box;

use serde::{Deserialize, Serialize};

/// What a pass over the items saw: equal if two passes did the same work, in the same order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(crate) struct Seen {
    pub(crate) items: u64,
    sum: u64,
}

impl Seen {
    /// So many items, where what is left of them is this.
    pub(crate) fn of(items: u64, sum: u64) -> Self {
        Seen { items, sum }
    }

    /// An item, by a number that tells it from its neighbours.
    #[inline]
    pub(crate) fn see(&mut self, item: u64) {
        self.items += 1;
        self.sum = self.sum.wrapping_mul(31).wrapping_add(black_box(item));
    }

    /// All that another pass saw.
    pub(crate) fn add(&mut self, pass: Seen) {
        self.items += pass.items;
        self.sum = self.sum.wrapping_mul(31).wrapping_add(pass.sum);
    }
}
