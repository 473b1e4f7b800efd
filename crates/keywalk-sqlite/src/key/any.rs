use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use keywalk::{ByteSize, Order};
use rusqlite::types::{FromSqlError, ToSqlOutput, Value, ValueRef};

use super::sealed::Sealed;
use super::{ColumnLayout, KeyColumns, KeyRow, Layout, SqlKey, TextOrder, Unreadable};
use crate::value::{Shown, bind, compare, refill, weigh};

/// A key whose columns are read from the schema. It is the key of a [`Table`](crate::Table) if no type is named, and
/// suits tables that aren't known at compile time.
///
/// It holds one value for each column of the table's primary key (or of the named columns), of any storage class. A
/// value is NULL only in a column that may be NULL, in a key that contains the primary key or something else that is
/// unique. Its order is SQLite's, NULL before all other values, with the directions of the index. An index over `(a, b
/// DESC)` is walked as it is.
///
/// ```
/// use keywalk::Walk;
/// use keywalk_sqlite::Table;
///
/// # let db = rusqlite::Connection::open_in_memory()?;
/// db.execute_batch(
///     "CREATE TABLE visits (day TEXT, user INT, PRIMARY KEY (day DESC, user)) WITHOUT ROWID;
///      INSERT INTO visits VALUES ('2026-01-01', 7), ('2026-01-02', 3)",
/// )?;
/// for item in Walk::new(Table::new(&db, "visits")) {
///     let (key, _row) = item?;
///     println!("{key}: {:?} = {:?}", key.columns(), key.values());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Keys of different tables don't compare. [`Table::dyn_key`](crate::Table::dyn_key) makes a key for a
/// [range](keywalk::Walk::range).
#[derive(Clone)]
pub struct DynKey {
    values: Vec<Value>,
    columns: Arc<KeyColumns>,
}

impl DynKey {
    /// Returns `None` if the number of values isn't the number of columns, or if one is NULL in a column that can't be.
    /// (A NaN is NULL to SQLite.)
    pub(crate) fn new(values: Vec<Value>, columns: Arc<KeyColumns>) -> Option<Self> {
        let fits_column = |(value, layout): (&Value, &ColumnLayout)| match value {
            Value::Null => layout.nullable,
            Value::Real(real) => !real.is_nan(),
            _ => true,
        };
        let mut pairs = values.iter().zip(&columns.layouts);
        let fits = values.len() == columns.names.len() && pairs.all(fits_column);
        fits.then_some(DynKey { values, columns })
    }

    /// Returns the names of the key's columns, in the key's order.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns.names
    }

    /// Returns the values, in the order of the key's columns.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// Returns the values without copying them.
    #[must_use]
    pub fn into_values(self) -> Vec<Value> {
        self.values
    }
}

impl Sealed for DynKey {}

impl SqlKey for DynKey {
    fn layout() -> Layout {
        Layout::FromSchema
    }

    fn read_row(row: &KeyRow<'_, '_>) -> Result<Self, Unreadable> {
        let mut key = DynKey {
            values: vec![Value::Null; row.at.len()],
            columns: Arc::clone(row.columns),
        };
        key.reread_row(row)?;
        Ok(key)
    }

    fn reread_row(&mut self, row: &KeyRow<'_, '_>) -> Result<(), Unreadable> {
        for (column, value) in self.values.iter_mut().enumerate() {
            row.column(column, |stored| match stored {
                ValueRef::Null if !row.columns.layouts[column].nullable => {
                    Err(FromSqlError::InvalidType)
                }
                stored => refill(value, stored),
            })?;
        }
        Ok(())
    }

    fn bind_column(&self, column: usize) -> ToSqlOutput<'_> {
        bind(&self.values[column])
    }

    fn width(&self) -> usize {
        self.values.len()
    }

    fn comparison(&self, column: usize) -> TextOrder {
        self.columns.layouts[column].comparison
    }

    fn from_values(values: Vec<Value>, columns: &Arc<KeyColumns>) -> Option<Self> {
        DynKey::new(values, Arc::clone(columns))
    }

    fn is_of(&self, columns: &Arc<KeyColumns>) -> bool {
        Arc::ptr_eq(&self.columns, columns) || self.columns == *columns
    }
}

/// The size in bytes of all values. O(columns).
impl ByteSize for DynKey {
    fn byte_size(&self) -> usize {
        size_of::<Self>().saturating_add(weigh(&self.values))
    }
}

impl PartialEq for DynKey {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for DynKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        if !self.is_of(&other.columns) {
            return None;
        }
        for (column, (a, b)) in self
            .columns
            .layouts
            .iter()
            .zip(self.values.iter().zip(&other.values))
        {
            let order = match (a, b, column.comparison) {
                (Value::Text(a), Value::Text(b), TextOrder::Collation) if a != b => return None,
                (a, b, _) => compare(a, b),
            };
            match (order, column.order) {
                (Ordering::Equal, _) => {}
                (order, Order::Ascending) => return Some(order),
                (order, Order::Descending) => return Some(order.reverse()),
            }
        }
        Some(Ordering::Equal)
    }
}

impl fmt::Debug for DynKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DynKey").field(&self.values).finish()
    }
}

/// Prints a SQL row value; long texts and blobs are cut.
impl fmt::Display for DynKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        for value in &self.values {
            list.entry(&format_args!("{}", Shown(value.into())));
        }
        list.finish()
    }
}
