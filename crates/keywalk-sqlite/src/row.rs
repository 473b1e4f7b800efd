use std::sync::Arc;

use keywalk::Weigh;
use rusqlite::types::{Type, Value};

use crate::name;
use crate::value::{refill, weigh};

/// A row of a table that isn't known when compiling: a [`Value`] for each column.
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
                // A text that isn't UTF-8 is all that a `Value` can't hold.
                rusqlite::Error::FromSqlConversionFailure(at, Type::Text, Box::new(error))
            })?;
        }
        Ok(())
    }

    /// The value of a column, by its name, whose case doesn't matter; `None` if there is no such
    /// column. O(columns).
    #[must_use]
    pub fn get(&self, column: &str) -> Option<&Value> {
        let at = self.columns.iter().position(|c| name::same(c, column))?;
        self.values.get(at)
    }

    /// The names of the columns, in the order in which they are read: the table's, that of
    /// [`Table::columns`](crate::Table::columns), or the SELECT's.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The values, in the order of the [`columns`](Self::columns).
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// Takes the values out.
    #[must_use]
    pub fn into_values(self) -> Vec<Value> {
        self.values
    }

    /// The columns' names with their values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.columns.iter().map(String::as_str).zip(&self.values)
    }
}

/// Its values; the names of the columns are shared by all rows and don't count. O(columns).
impl Weigh for Row {
    fn weigh(&self) -> usize {
        size_of::<Self>().saturating_add(weigh(&self.values))
    }
}
