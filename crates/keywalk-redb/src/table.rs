use std::borrow::Cow;
use std::fmt;
use std::ops::{Bound, ControlFlow, Deref};
use std::sync::Arc;

use keywalk::Order;
use keywalk_bytes::decode::Copied;
use keywalk_bytes::{ByteStore, Each};
use redb::{
    Database, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, TableHandle,
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
                let past_end = |bound| match order {
                    Order::Ascending => K::compare(key.value(), bound),
                    Order::Descending => K::compare(bound, key.value()),
                };
                let is_over = match end {
                    Bound::Included(end) => past_end(end).is_gt(),
                    Bound::Excluded(end) => past_end(end).is_ge(),
                    Bound::Unbounded => false,
                };
                if is_over {
                    return Ok(ControlFlow::Continue(()));
                }
                if each(key.value(), value.value()).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        })
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
