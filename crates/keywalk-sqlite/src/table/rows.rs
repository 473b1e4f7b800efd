//! What is read of a row, and what becomes of it.

use std::marker::PhantomData;

use super::Table;
use crate::connect::Connect;
use crate::decode::{Decoded, Filled, FromRow, Mapped};
use crate::key::Key;
use crate::known::Known;

impl<C: Connect, K: Key, D> Table<C, K, D> {
    /// Reads only these columns, in this order; default: all of the table's, generated ones too. The key is
    /// read in any case.
    ///
    /// Fewer columns are faster, large ones most of all. One that isn't there is an error of the first fetch.
    #[must_use]
    pub fn columns(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.spec.columns = Some(columns.into_iter().map(Into::into).collect());
        self.known = Known::default();
        self
    }

    /// Makes an item's value of each row by a closure. Items are `(key, value)`.
    ///
    /// The row's columns are the table's, or those of [`columns`](Self::columns), in that order;
    /// others may follow. A column is found by its name in O(columns), by its position at once. What the
    /// closure fails with ends the walk, with an [error](crate::ErrorKind::Value) that names the row.
    ///
    /// It is called for each row of a chunk, in their order, before the chunk is handed out. A row comes to
    /// it once; but the rows of a chunk that fails come again when the walk is resumed, and the last row of a
    /// table with a [`filter`](Self::filter) comes first too, since its key is where the walk ends.
    pub fn map<T, F>(self, decode: F) -> Table<C, K, Mapped<F>>
    where
        F: FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    {
        self.with(Mapped::new(decode))
    }

    /// As [`map`](Self::map), in place: the closure gets an item of the chunk before (or a default
    /// one) and must set all of it. Lent chunks then allocate nothing once they are warm.
    ///
    /// ```
    /// # use keywalk::Walk;
    /// # use keywalk_sqlite::Table;
    /// # let db = rusqlite::Connection::open_in_memory()?;
    /// # db.execute_batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)")?;
    /// let names = Table::new(&db, "items").key::<i64>(["id"])?.fill(|row, name: &mut String| {
    ///     name.clear();
    ///     name.push_str(row.get_ref("name")?.as_str()?);
    ///     Ok(())
    /// });
    /// let mut chunks = Walk::new(names).chunks();
    /// while let Some(items) = chunks.next()? {
    ///     println!("{} names", items.len());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fill<T, F>(self, fill: F) -> Table<C, K, Filled<F, T>>
    where
        T: Default,
        F: FnMut(&rusqlite::Row<'_>, &mut T) -> rusqlite::Result<()>,
    {
        self.with(Filled::new(fill))
    }

    /// Makes a `T` of each row by its [`FromRow`], in place where it says how. Items are `(key, T)`.
    pub fn decode<T: FromRow>(self) -> Table<C, K, Decoded<T>> {
        self.with(Decoded::new())
    }

    fn with<D2>(self, decode: D2) -> Table<C, K, D2> {
        Table {
            db: self.db,
            spec: self.spec,
            decode,
            known: Known::default(),
            key: PhantomData,
        }
    }
}
