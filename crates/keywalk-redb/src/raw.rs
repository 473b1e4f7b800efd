use std::borrow::Cow;
use std::cmp::Ordering;
use std::marker::PhantomData;
use std::ops::{Bound, ControlFlow};

use keywalk::Order;
use keywalk_bytes::Each;
use redb::{Key, ReadTransaction, ReadableTable, TableDefinition, TypeName, Value};

/// Calls `each` with the stored bytes of a table's keys and values, in redb's order of the keys.
pub(crate) fn scan<K: Key + 'static, V: Value + 'static>(
    transaction: &ReadTransaction,
    table: &str,
    lower: Bound<&[u8]>,
    upper: Bound<&[u8]>,
    order: Order,
    each: &mut Each<'_>,
) -> Result<ControlFlow<()>, redb::Error> {
    let table = TableDefinition::<Raw<K>, Raw<V>>::new(table);
    let table = transaction.open_table(table)?;
    // A cursor costs less per entry than redb's `range`, and finds the same.
    let (mut cursor, end) = match order {
        Order::Ascending => (table.lower_bound(lower)?, upper),
        Order::Descending => (table.upper_bound(upper)?, lower),
    };
    loop {
        let next = match order {
            Order::Ascending => cursor.next()?,
            Order::Descending => cursor.prev()?,
        };
        let Some((key, value)) = next else {
            return Ok(ControlFlow::Continue(()));
        };
        let is_beyond = |bound| match order {
            Order::Ascending => K::compare(key.value(), bound),
            Order::Descending => K::compare(bound, key.value()),
        };
        let is_over = match end {
            Bound::Included(end) => is_beyond(end).is_gt(),
            Bound::Excluded(end) => is_beyond(end).is_ge(),
            Bound::Unbounded => false,
        };
        if is_over {
            return Ok(ControlFlow::Continue(()));
        }
        if each(key.value(), value.value()).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
}

/// A type of redb's, as the bytes that redb stores. Its type, widths and order are those of `T`, so redb opens a table
/// of `T` by it.
#[derive(Debug)]
struct Raw<T>(PhantomData<T>);

#[deny(clippy::missing_trait_methods)]
impl<T: Value + 'static> Value for Raw<T> {
    type SelfType<'a> = &'a [u8];
    type AsBytes<'a> = &'a [u8];

    const NICHE: Option<&'static [u8]> = T::NICHE;

    fn fixed_width() -> Option<usize> {
        T::fixed_width()
    }

    fn from_bytes<'a>(bytes: &'a [u8]) -> &'a [u8]
    where
        Self: 'a,
    {
        bytes
    }

    fn as_bytes<'a, 'b: 'a>(value: &'a &'b [u8]) -> &'a [u8]
    where
        Self: 'b,
    {
        value
    }

    fn type_name() -> TypeName {
        T::type_name()
    }
}

#[deny(clippy::missing_trait_methods)]
impl<T: Key + 'static> Key for Raw<T> {
    fn compare(a: &[u8], b: &[u8]) -> Ordering {
        T::compare(a, b)
    }

    fn separator<'a>(left: &'a [u8], right: &'a [u8]) -> Cow<'a, [u8]> {
        T::separator(left, right)
    }

    fn min_encoded_key() -> Option<Cow<'static, [u8]>> {
        T::min_encoded_key()
    }
}
