//! Decoding rows into items.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use keywalk::ByteSize;
use rusqlite::types::{Type, Value};

use crate::sql::same;
use crate::value::{refill, weigh};

/// A type that a row decodes into, for [`Table::decode`](crate::Table::decode).
///
/// ```
/// use keywalk::Walk;
/// use keywalk_sqlite::{FromRow, Table};
///
/// struct User {
///     name: String,
///     photo: Vec<u8>,
/// }
///
/// impl FromRow for User {
///     fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
///         Ok(User { name: row.get("name")?, photo: row.get("photo")? })
///     }
///
///     // Optional: reuses the memory of an item of the previous chunk.
///     fn refill(&mut self, row: &rusqlite::Row<'_>) -> rusqlite::Result<()> {
///         self.name.clear();
///         self.name.push_str(row.get_ref("name")?.as_str()?);
///         self.photo.clear();
///         self.photo.extend_from_slice(row.get_ref("photo")?.as_blob()?);
///         Ok(())
///     }
/// }
///
/// # let db = rusqlite::Connection::open_in_memory()?;
/// # db.execute_batch("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, photo BLOB);
/// #     INSERT INTO users VALUES (1, 'Ada', x'00'), (2, 'Bob', x'01')")?;
/// let users = Table::new(&db, "users").key::<i64>(["id"])?.decode::<User>();
/// let mut chunks = Walk::new(users).chunks();
/// while let Some(users) = chunks.next()? {
///     for (id, user) in users {
///         println!("{id}: {}, {} bytes", user.name, user.photo.len());
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "it isn't known how a row becomes a `{Self}`",
    label = "not a `FromRow`",
    note = "implement `keywalk_sqlite::FromRow` for it, or give a closure to `map`: \
            `.map(|row| row.get::<_, String>(\"name\"))`"
)]
pub trait FromRow: Sized {
    /// Decodes a row. Its columns are those of the table, or those given to [`columns`](crate::Table::columns), in
    /// that order; others may follow.
    ///
    /// # Errors
    ///
    /// Any error of rusqlite about a column or its value.
    fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self>;

    /// Decodes a row in place, into an existing item. It must overwrite everything that the item held. The default
    /// implementation replaces `self` with the result of [`from_row`](Self::from_row).
    ///
    /// [`Walk::chunks`](keywalk::Walk::chunks) calls it as soon as there are items to reuse.
    ///
    /// # Errors
    ///
    /// As [`from_row`](Self::from_row).
    fn refill(&mut self, row: &rusqlite::Row<'_>) -> rusqlite::Result<()> {
        *self = Self::from_row(row)?;
        Ok(())
    }
}

/// How rows are decoded. The methods of [`Table`](crate::Table) and [`Query`](crate::Query) choose it: a closure, a
/// [`FromRow`], or none for dynamic [`Row`]s.
pub trait Decode {
    /// The decoded item.
    type Item;

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
    fn decode(&mut self, row: &rusqlite::Row<'_>) -> rusqlite::Result<Self::Item>;

    /// Decodes a row in place, into an existing item.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode).
    fn refill(&mut self, row: &rusqlite::Row<'_>, item: &mut Self::Item) -> rusqlite::Result<()> {
        *item = self.decode(row)?;
        Ok(())
    }
}

/// A row of a table that isn't known at compile time: one [`Value`] per column.
///
/// ```
/// use keywalk::Walk;
/// use keywalk_sqlite::Table;
///
/// # let db = rusqlite::Connection::open_in_memory()?;
/// # db.execute_batch("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
/// #     INSERT INTO users VALUES (1, 'Ada')")?;
/// for item in Walk::new(Table::new(&db, "users")) {
///     let (_key, row) = item?;
///     for (column, value) in row.iter() {
///         println!("{column} = {value:?}");
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`Value`]: https://docs.rs/rusqlite/latest/rusqlite/types/enum.Value.html
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    columns: Arc<[String]>,
    values: Vec<Value>,
}

impl Row {
    pub(crate) fn empty(columns: Arc<[String]>) -> Self {
        Row {
            values: vec![Value::Null; columns.len()],
            columns,
        }
    }

    pub(crate) fn refill(&mut self, row: &rusqlite::Row<'_>) -> rusqlite::Result<()> {
        for (at, value) in self.values.iter_mut().enumerate() {
            refill(value, row.get_ref(at)?).map_err(|error| {
                // Text that isn't UTF-8 is the one thing that a `Value` can't hold.
                rusqlite::Error::FromSqlConversionFailure(at, Type::Text, Box::new(error))
            })?;
        }
        Ok(())
    }

    /// Returns the value of the column of that name, ignoring case; `None` if there is no such column. O(columns).
    #[must_use]
    pub fn get(&self, column: &str) -> Option<&Value> {
        let at = self.columns.iter().position(|c| same(c, column))?;
        self.values.get(at)
    }

    /// Returns the names of the columns in the order in which they are read: that of the table, of
    /// [`Table::columns`](crate::Table::columns), or of the SELECT.
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

/// A map of the columns' names to their values, in the order of the columns. A blob is serialized as bytes, NULL as
/// none. Of two columns with the same name, both are written.
///
/// ```
/// use keywalk::Walk;
/// use keywalk_sqlite::Table;
///
/// # let db = rusqlite::Connection::open_in_memory()?;
/// # db.execute_batch("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, photo BLOB);
/// #     INSERT INTO users VALUES (1, NULL, x'07ff')")?;
/// for item in Walk::new(Table::new(&db, "users")) {
///     let (_key, row) = item?;
///     assert_eq!(serde_json::to_string(&row)?, r#"{"id":1,"name":null,"photo":[7,255]}"#);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(feature = "serde")]
impl serde_core::Serialize for Row {
    fn serialize<S: serde_core::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            self.iter()
                .map(|(column, value)| (column, Serialized(value))),
        )
    }
}

#[cfg(feature = "serde")]
struct Serialized<'a>(&'a Value);

#[cfg(feature = "serde")]
impl serde_core::Serialize for Serialized<'_> {
    fn serialize<S: serde_core::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_none(),
            Value::Integer(integer) => serializer.serialize_i64(*integer),
            Value::Real(real) => serializer.serialize_f64(*real),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Blob(blob) => serializer.serialize_bytes(blob),
        }
    }
}

/// The size in bytes of all values. The names of the columns are shared by all rows and don't count. O(columns).
impl ByteSize for Row {
    fn byte_size(&self) -> usize {
        size_of::<Self>().saturating_add(weigh(&self.values))
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

    fn decode(&mut self, row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
        let mut item = Row::empty(Arc::clone(&self.columns));
        item.refill(row)?;
        Ok(item)
    }

    fn refill(&mut self, row: &rusqlite::Row<'_>, item: &mut Row) -> rusqlite::Result<()> {
        item.refill(row)
    }
}

/// Decodes nothing of a row but its key; see [`Table::keys`](crate::Table::keys).
#[derive(Clone, Copy, Debug, Default)]
pub struct KeysOnly;

impl Decode for KeysOnly {
    type Item = ();

    fn decode(&mut self, _: &rusqlite::Row<'_>) -> rusqlite::Result<()> {
        Ok(())
    }
}

/// Decodes rows with a closure; see [`Table::map`](crate::Table::map).
#[derive(Clone)]
pub struct Mapped<F>(F);

impl<F> Mapped<F> {
    pub(crate) fn new(map: F) -> Self {
        Mapped(map)
    }
}

impl<T, F: FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>> Decode for Mapped<F> {
    type Item = T;

    fn decode(&mut self, row: &rusqlite::Row<'_>) -> rusqlite::Result<T> {
        (self.0)(row)
    }
}

impl<F> fmt::Debug for Mapped<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mapped")
    }
}

/// Decodes rows in place with a closure; see [`Table::map_into`](crate::Table::map_into).
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

impl<T: Default, F: FnMut(&rusqlite::Row<'_>, &mut T) -> rusqlite::Result<()>> Decode
    for Filled<F, T>
{
    type Item = T;

    fn decode(&mut self, row: &rusqlite::Row<'_>) -> rusqlite::Result<T> {
        let mut item = T::default();
        (self.fill)(row, &mut item)?;
        Ok(item)
    }

    fn refill(&mut self, row: &rusqlite::Row<'_>, item: &mut T) -> rusqlite::Result<()> {
        (self.fill)(row, item)
    }
}

impl<F, T> fmt::Debug for Filled<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Filled")
    }
}

/// Decodes rows with their type's [`FromRow`]; see [`Table::decode`](crate::Table::decode).
#[derive(Clone)]
pub struct Decoded<T>(PhantomData<fn() -> T>);

impl<T> Decoded<T> {
    pub(crate) fn new() -> Self {
        Decoded(PhantomData)
    }
}

impl<T: FromRow> Decode for Decoded<T> {
    type Item = T;

    fn decode(&mut self, row: &rusqlite::Row<'_>) -> rusqlite::Result<T> {
        T::from_row(row)
    }

    fn refill(&mut self, row: &rusqlite::Row<'_>, item: &mut T) -> rusqlite::Result<()> {
        item.refill(row)
    }
}

impl<T> fmt::Debug for Decoded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decoded")
    }
}
