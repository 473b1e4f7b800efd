//! LMDB, a store of keys and values as bytes, in the order of the bytes.

use std::borrow::Cow;
use std::ops::{Bound, ControlFlow};

use heed::{Database, Env, WithoutTls, types::Bytes};
use keywalk::Order;
use keywalk_bytes::{ByteStore, Each};

/// A database of an LMDB environment. heed doesn't know its name.
#[derive(Clone)]
pub(crate) struct Items {
    pub(crate) env: Env<WithoutTls>,
    pub(crate) database: Database<'static, Bytes, Bytes>,
    pub(crate) name: &'static str,
}

/// The source of a walk, by keys of type `K`.
pub(crate) type Tree<K> = keywalk_bytes::Tree<Items, K>;

impl ByteStore for Items {
    type Error = heed::Error;
    const KIND: &'static str = "lmdb";

    fn name(&self) -> Cow<'_, [u8]> {
        self.name.as_bytes().into()
    }

    fn scan(
        &mut self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        order: Order,
        each: &mut Each<'_>,
    ) -> Result<ControlFlow<()>, heed::Error> {
        let bounds = match (lower, upper) {
            // LMDB has no empty key, and fails to seek to one.
            (_, Bound::Included([]) | Bound::Excluded([])) => return Ok(ControlFlow::Continue(())),
            (Bound::Included([]) | Bound::Excluded([]), upper) => (Bound::Unbounded, upper),
            bounds => bounds,
        };
        let transaction = self.env.read_txn()?;
        let items: &mut dyn Iterator<Item = _> = match order {
            Order::Ascending => &mut self.database.range(&transaction, &bounds)?,
            Order::Descending => &mut self.database.rev_range(&transaction, &bounds)?,
        };
        for item in items {
            let (key, value) = item?;
            if each(key, value).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}
