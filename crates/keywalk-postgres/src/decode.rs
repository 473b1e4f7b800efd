//! Decoding rows into items.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use keywalk::ByteSize;

use crate::value::{Raw, Value};

/// A type that a row decodes into, for [`SqlBuilder::decode`](crate::SqlBuilder::decode).
///
/// ```
/// use keywalk_postgres::{FromRow, tokio_postgres::{Error, Row}};
///
/// struct User {
///     name: String,
/// }
///
/// impl FromRow for User {
///     fn from_row(row: &Row) -> Result<Self, Error> {
///         Ok(User { name: row.try_get("name")? })
///     }
///
///     // Optional: reuses the memory of an item of the previous chunk.
///     fn refill(&mut self, row: &Row) -> Result<(), Error> {
///         self.name.clear();
///         self.name.push_str(row.try_get("name")?);
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "it isn't known how a row becomes a `{Self}`",
    label = "not a `FromRow`",
    note = "implement `keywalk_postgres::FromRow` for it, or give a closure to `map`: \
            `.map(|row| row.try_get::<_, String>(\"name\"))`"
)]
pub trait FromRow: Sized {
    /// Decodes a row. Its columns are those of the table, or those given to
    /// [`columns`](crate::SqlBuilder::columns), in that order; others may follow.
    ///
    /// # Errors
    ///
    /// Any error of tokio-postgres about a column or its value.
    fn from_row(row: &tokio_postgres::Row) -> Result<Self, tokio_postgres::Error>;

    /// Decodes a row in place, into an existing item. It must overwrite everything that the item held. The default
    /// implementation replaces `self` with the result of [`from_row`](Self::from_row).
    ///
    /// # Errors
    ///
    /// As [`from_row`](Self::from_row).
    fn refill(&mut self, row: &tokio_postgres::Row) -> Result<(), tokio_postgres::Error> {
        *self = Self::from_row(row)?;
        Ok(())
    }
}

/// How rows are decoded. The methods of [`Table`](crate::Table) and [`Query`](crate::Query) choose it: a closure, a
/// [`FromRow`], or none for dynamic [`Row`]s.
pub trait Decode: Send {
    /// The decoded item.
    type Item: Send;

    /// Passes the names of the columns, before the first row.
    #[doc(hidden)]
    fn columns(&mut self, names: &Arc<[String]>) {
        let _ = names;
    }

    /// Decodes a row.
    ///
    /// # Errors
    ///
    /// The error of the closure or the [`FromRow`].
    fn decode(&mut self, row: &tokio_postgres::Row) -> Result<Self::Item, tokio_postgres::Error>;

    /// Decodes a row in place, into an existing item.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode).
    fn refill(
        &mut self,
        row: &tokio_postgres::Row,
        item: &mut Self::Item,
    ) -> Result<(), tokio_postgres::Error> {
        *item = self.decode(row)?;
        Ok(())
    }
}

/// A row of a table that isn't known at compile time: one [`Value`] per column.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    columns: Arc<[String]>,
    values: Vec<Value>,
}

impl Row {
    fn refill(&mut self, row: &tokio_postgres::Row) -> Result<(), tokio_postgres::Error> {
        for (at, value) in self.values.iter_mut().enumerate() {
            let stored = row.try_get::<_, Option<Raw<'_>>>(at)?.map(|raw| raw.0);
            // A binary form that isn't its type's is kept as it is.
            if value.reread(row.columns()[at].type_(), stored).is_err() {
                *value = stored.map_or(Value::Null, |stored| Value::Other(stored.to_vec()));
            }
        }
        Ok(())
    }

    /// Returns the value of the column of that name; `None` if there is no such column. O(columns).
    #[must_use]
    pub fn get(&self, column: &str) -> Option<&Value> {
        let at = self.columns.iter().position(|c| c == column)?;
        self.values.get(at)
    }

    /// Returns the names of the columns in the order in which they are read: that of the table, of
    /// [`columns`](crate::SqlBuilder::columns), or of the SELECT.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Returns the values, in the order of the [`columns`](Self::columns).
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// Returns the values without copying them.
    #[must_use]
    pub fn into_values(self) -> Vec<Value> {
        self.values
    }

    /// Returns an iterator over the columns' names and values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.columns.iter().map(String::as_str).zip(&self.values)
    }
}

/// The size in bytes of all values. The names of the columns are shared by all rows and don't count. O(columns).
impl ByteSize for Row {
    fn byte_size(&self) -> usize {
        let values = self.values.iter().map(ByteSize::byte_size);
        values.fold(size_of::<Self>(), usize::saturating_add)
    }
}

/// Decodes rows as [`Row`]s, for tables that aren't known at compile time.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    columns: Arc<[String]>,
}

impl Decode for Rows {
    type Item = Row;

    fn columns(&mut self, names: &Arc<[String]>) {
        self.columns = Arc::clone(names);
    }

    fn decode(&mut self, row: &tokio_postgres::Row) -> Result<Row, tokio_postgres::Error> {
        let mut item = Row {
            values: vec![Value::Null; self.columns.len()],
            columns: Arc::clone(&self.columns),
        };
        item.refill(row)?;
        Ok(item)
    }

    fn refill(
        &mut self,
        row: &tokio_postgres::Row,
        item: &mut Row,
    ) -> Result<(), tokio_postgres::Error> {
        item.refill(row)
    }
}

/// Decodes nothing of a row but its key; see [`SqlBuilder::keys`](crate::SqlBuilder::keys).
#[derive(Clone, Copy, Debug, Default)]
pub struct KeysOnly;

impl Decode for KeysOnly {
    type Item = ();

    fn decode(&mut self, _: &tokio_postgres::Row) -> Result<(), tokio_postgres::Error> {
        Ok(())
    }
}

/// Decodes rows with a closure; see [`SqlBuilder::map`](crate::SqlBuilder::map).
#[derive(Clone)]
pub struct Mapped<F>(F);

impl<F> Mapped<F> {
    pub(crate) fn new(map: F) -> Self {
        Mapped(map)
    }
}

impl<T, F> Decode for Mapped<F>
where
    T: Send,
    F: FnMut(&tokio_postgres::Row) -> Result<T, tokio_postgres::Error> + Send,
{
    type Item = T;

    fn decode(&mut self, row: &tokio_postgres::Row) -> Result<T, tokio_postgres::Error> {
        (self.0)(row)
    }
}

impl<F> fmt::Debug for Mapped<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mapped")
    }
}

/// Decodes rows in place with a closure; see [`SqlBuilder::map_into`](crate::SqlBuilder::map_into).
#[derive(Clone)]
pub struct Filled<F, T> {
    fill: F,
    item: PhantomData<fn() -> T>,
}

impl<F, T> Filled<F, T> {
    pub(crate) fn new(fill: F) -> Self {
        Filled {
            fill,
            item: PhantomData,
        }
    }
}

impl<T, F> Decode for Filled<F, T>
where
    T: Default + Send,
    F: FnMut(&tokio_postgres::Row, &mut T) -> Result<(), tokio_postgres::Error> + Send,
{
    type Item = T;

    fn decode(&mut self, row: &tokio_postgres::Row) -> Result<T, tokio_postgres::Error> {
        let mut item = T::default();
        (self.fill)(row, &mut item)?;
        Ok(item)
    }

    fn refill(
        &mut self,
        row: &tokio_postgres::Row,
        item: &mut T,
    ) -> Result<(), tokio_postgres::Error> {
        (self.fill)(row, item)
    }
}

impl<F, T> fmt::Debug for Filled<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Filled")
    }
}

/// Decodes rows with their type's [`FromRow`]; see [`SqlBuilder::decode`](crate::SqlBuilder::decode).
#[derive(Clone)]
pub struct Decoded<T>(PhantomData<fn() -> T>);

impl<T> Decoded<T> {
    pub(crate) fn new() -> Self {
        Decoded(PhantomData)
    }
}

impl<T: FromRow + Send> Decode for Decoded<T> {
    type Item = T;

    fn decode(&mut self, row: &tokio_postgres::Row) -> Result<T, tokio_postgres::Error> {
        T::from_row(row)
    }

    fn refill(
        &mut self,
        row: &tokio_postgres::Row,
        item: &mut T,
    ) -> Result<(), tokio_postgres::Error> {
        item.refill(row)
    }
}

impl<T> fmt::Debug for Decoded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decoded")
    }
}
