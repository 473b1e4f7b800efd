//! Sources that stop at the wrong place.

use std::ops::Bound;
use std::sync::Arc;

use keywalk::{Chunk, Fetched, KeyRange, Order};
use keywalk_conformance::Blown;

use super::store::{Quirk, Store};

type Numbers = Chunk<(i64, u64)>;

fn between(lower: Bound<&i64>, upper: Bound<&i64>, order: Order) -> KeyRange<i64> {
    KeyRange::new((lower, upper), order)
}

fn excluded(bound: Bound<&i64>) -> Bound<&i64> {
    match bound {
        Bound::Included(key) => Bound::Excluded(key),
        other => other,
    }
}

macro_rules! with_range {
    ($(#[$doc:meta])* $name:ident, $range:ident => $other:expr) => {
        $(#[$doc])*
        #[derive(Default)]
        pub(crate) struct $name;

        impl Quirk<i64> for $name {
            fn fetch(
                &mut self,
                store: &Arc<Store<i64>>,
                $range: &KeyRange<i64>,
                chunk: &mut Numbers,
            ) -> Result<Fetched<i64>, Blown> {
                store.answer(&$other, chunk)
            }
        }
    };
}

with_range! {
    /// `<` where `<=` is meant.
    UpperExclusive, range => between(range.lower(), excluded(range.upper()), range.order())
}

with_range! {
    /// `>` where `>=` is meant.
    LowerExclusive, range => between(excluded(range.lower()), range.upper(), range.order())
}

with_range! {
    /// To the end of the store.
    UpperIgnored, range => between(range.lower(), Bound::Unbounded, range.order())
}

/// It reads one more to know whether there is more, and hands it out.
#[derive(Default)]
pub(crate) struct OneMore;

impl Quirk<i64> for OneMore {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        let entries = store.take(range, chunk.limit().saturating_add(1))?;
        let has_more = entries.len() > chunk.limit();
        entries.into_iter().for_each(|entry| chunk.push(entry));
        Ok(if has_more {
            Fetched::More
        } else {
            Fetched::End
        })
    }
}

/// It asks for as many as the limit, and never whether the chunk is full.
#[derive(Default)]
pub(crate) struct BytesIgnored;

impl Quirk<i64> for BytesIgnored {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        let entries = store.take(range, chunk.limit())?;
        let has_more = entries.len() == chunk.limit();
        entries.into_iter().for_each(|entry| chunk.push(entry));
        Ok(if has_more {
            Fetched::More
        } else {
            Fetched::End
        })
    }
}

/// A limit of 256 is one of 0.
#[derive(Default)]
pub(crate) struct ByteLimit;

impl Quirk<i64> for ByteLimit {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        #[allow(clippy::cast_possible_truncation)]
        let limit = usize::from(chunk.limit() as u8);
        let entries = store.take(range, limit)?;
        let has_more = !entries.is_empty() && entries.len() == limit;
        entries.into_iter().for_each(|entry| chunk.push(entry));
        Ok(if has_more {
            Fetched::More
        } else {
            Fetched::End
        })
    }
}

/// As `BTreeMap::range` does.
#[derive(Default)]
pub(crate) struct Panics;

impl Quirk<i64> for Panics {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        assert!(!range.is_empty(), "range start is greater than range end");
        store.answer(range, chunk)
    }
}
