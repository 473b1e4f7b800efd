//! A slice that is sorted.

use std::convert::Infallible;

use keywalk_memory::Slice;

use crate::filled::{BoxError, Filled, text};

type Item = (i64, String);

/// For [`Slice`], which lends its items.
pub(crate) struct SortedSlice {
    items: Vec<Item>,
}

impl Filled for SortedSlice {
    const OWNED: usize = 0;
    const SOURCE: usize = 0;
    const PER_FETCH: u64 = 0;

    type Error = Infallible;
    type Source<'a> = Slice<'a, Item, fn(&Item) -> i64>;

    fn name() -> String {
        "Slice".to_owned()
    }

    fn filled(items: u32) -> Result<Self, BoxError> {
        let items = (0..i64::from(items)).map(|n| (n, text(n))).collect();
        Ok(SortedSlice { items })
    }

    fn source(&self) -> Result<Self::Source<'_>, BoxError> {
        Ok(Slice::new(&self.items, key as fn(&Item) -> i64)?)
    }
}

fn key((key, _): &Item) -> i64 {
    *key
}
