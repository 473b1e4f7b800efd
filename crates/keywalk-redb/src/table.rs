use std::borrow::Cow;
use std::fmt;
use std::ops::{Bound, ControlFlow, Deref};
use std::sync::Arc;

use keywalk::Order;
use keywalk_bytes::decode::Copied;
use keywalk_bytes::{ByteStore, Each};
use redb::{
    AccessGuard, Database, ReadTransaction, ReadableDatabase, ReadableTable, StorageError,
    TableDefinition, TableHandle,
};

use crate::raw::Raw;

/// What tables are read from: a database (`&Database`, `Arc<Database>`, or the same of a
/// [`ReadOnlyDatabase`](redb::ReadOnlyDatabase)), which each fetch reads in a transaction of its own; or a
/// [`Snapshot`](crate::Snapshot).
#[diagnostic::on_unimplemented(
    message = "a table can't be read from `{Self}`",
    label = "not a pointer to a database, and no `Snapshot`",
    note = "give `&database`, or an `Arc` of it"
)]
pub trait Reader {
    /// Calls `read` with a read transaction.
    ///
    /// # Errors
    ///
    /// That of `read`, or redb's if the transaction can't begin.
    fn read<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, redb::Error>;
}

impl<R: Deref<Target: ReadableDatabase>> Reader for R {
    fn read<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, redb::Error> {
        read(&(**self).begin_read()?)
    }
}

/// A [`Table`], walked by keys of type `K` in the encoding of [`Key`](crate::Key).
///
/// `R` is what the table is read from, and `D` decodes its values; see [`keywalk_bytes::Tree`].
pub type Tree<K, R = Arc<Database>, D = Copied> = keywalk_bytes::Tree<Table<R>, K, D>;

/// A table of byte keys and byte values: `TableDefinition<&[u8], &[u8]>`. For other types of redb's use
/// [`TypedTable`](crate::TypedTable).
///
/// Each fetch opens the table in a read transaction of its own, and drops both before it returns. A table that doesn't
/// exist is an error of the fetch and not an empty table, so that a mistyped name doesn't look like one.
///
/// ```
/// use std::sync::Arc;
/// use keywalk::Walk;
/// use keywalk_redb::{Key, Table, Tree, redb};
/// use redb::{Database, TableDefinition, backends::InMemoryBackend};
///
/// const ITEMS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("items");
///
/// let db = Arc::new(Database::builder().create_with_backend(InMemoryBackend::new())?);
/// let tx = db.begin_write()?;
/// tx.open_table(ITEMS)?.insert(&*(5_u32, 300_i64).to_bytes(), &b"an order"[..])?;
/// tx.commit()?;
///
/// let orders = Tree::<(u32, i64)>::new(Table::new(Arc::clone(&db), ITEMS));
/// for order in Walk::new(orders).prefix((5,)) {
///     let ((customer, number), bytes) = order?;
///     println!("{customer} {number}: {} bytes", bytes.len());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A walk over a borrowed database (`Tree::<u64, _>::new(Table::new(&db, ITEMS))`) can't be prefetched.
#[derive(Clone)]
pub struct Table<R = Arc<Database>> {
    reader: R,
    name: Box<str>,
}

impl<R: Reader> Table<R> {
    /// Creates a byte store over a table of a database or a [`Snapshot`](crate::Snapshot). Nothing is read yet.
    pub fn new(reader: R, table: TableDefinition<'_, &'static [u8], &'static [u8]>) -> Self {
        Table::of(reader, table.name())
    }

    pub(crate) fn of(reader: R, name: &str) -> Self {
        let name = name.into();
        Table { reader, name }
    }

    /// Calls `each` with the stored bytes of keys and values, in redb's order of keys `K`.
    pub(crate) fn scan_by<K: redb::Key + 'static, V: redb::Value + 'static>(
        &self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        order: Order,
        each: &mut Each<'_>,
    ) -> Result<ControlFlow<()>, redb::Error> {
        self.reader.read(|transaction| {
            let table = TableDefinition::<Raw<K>, Raw<V>>::new(&self.name);
            let table = transaction.open_table(table)?;
            // A cursor costs less per entry than redb's `range`, and finds the same. Each order has a loop of its own,
            // which costs less than to choose per entry.
            match order {
                Order::Ascending => {
                    let mut cursor = table.lower_bound(lower)?;
                    let is_over = |key: &[u8]| match upper {
                        Bound::Included(end) => K::compare(key, end).is_gt(),
                        Bound::Excluded(end) => K::compare(key, end).is_ge(),
                        Bound::Unbounded => false,
                    };
                    until(|| cursor.next(), is_over, each)
                }
                Order::Descending => {
                    let mut cursor = table.upper_bound(upper)?;
                    let is_over = |key: &[u8]| match lower {
                        Bound::Included(end) => K::compare(key, end).is_lt(),
                        Bound::Excluded(end) => K::compare(key, end).is_le(),
                        Bound::Unbounded => false,
                    };
                    until(|| cursor.prev(), is_over, each)
                }
            }
        })
    }
}

/// An entry of redb's.
type Entry<'a, K, V> = (AccessGuard<'a, Raw<K>>, AccessGuard<'a, Raw<V>>);

/// Calls `each` with the next entries until it breaks, or a key is past the end.
#[inline]
fn until<'a, K: redb::Key + 'static, V: redb::Value + 'static>(
    mut next: impl FnMut() -> Result<Option<Entry<'a, K, V>>, StorageError>,
    is_over: impl Fn(&[u8]) -> bool,
    each: &mut Each<'_>,
) -> Result<ControlFlow<()>, redb::Error> {
    loop {
        // Guards are large. They aren't moved.
        match next() {
            Ok(Some((ref key, ref value))) => {
                if is_over(key.value()) {
                    return Ok(ControlFlow::Continue(()));
                }
                if each(key.value(), value.value()).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(None) => return Ok(ControlFlow::Continue(())),
            Err(error) => return Err(error.into()),
        }
    }
}

impl<R: Reader> ByteStore for Table<R> {
    type Error = redb::Error;

    const KIND: &'static str = "redb";

    fn name(&self) -> Cow<'_, [u8]> {
        self.name.as_bytes().into()
    }

    fn scan(
        &mut self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        order: Order,
        each: &mut Each<'_>,
    ) -> Result<ControlFlow<()>, redb::Error> {
        self.scan_by::<&[u8], &[u8]>(lower, upper, order, each)
    }
}

/// Prints the table's name.
impl<R> fmt::Debug for Table<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Table").field(&self.name).finish()
    }
}
