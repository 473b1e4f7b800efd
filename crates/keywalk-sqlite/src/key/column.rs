use std::cmp::Reverse;
use std::sync::Arc;

use keywalk::Order;
use rusqlite::types::{FromSqlError, FromSqlResult, ToSqlOutput, Type, Value, ValueRef};

use super::sealed::Sealed;
use super::{ColumnLayout, Key, KeyColumns, KeyRow, Layout, Unreadable};
use crate::value::refill_text;

/// A type that one column of a key can have. [`Key`] lists those that are here.
///
/// Implement it for a type of your own by way of one of those: reading must refuse every stored
/// value that [`bind`](Self::bind) wouldn't give back, and `PartialOrd` must be SQLite's order.
///
/// ```
/// use keywalk_sqlite::{Comparison, KeyColumn, Table};
/// use rusqlite::types::{FromSqlResult, ToSqlOutput, ValueRef};
///
/// #[derive(Clone, Debug, PartialEq, PartialOrd)]
/// struct UserId(i64);
///
/// impl KeyColumn for UserId {
///     const COMPARISON: Comparison = Comparison::Value;
///
///     fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
///         i64::read(value).map(UserId)
///     }
///
///     fn bind(&self) -> ToSqlOutput<'_> {
///         self.0.bind()
///     }
/// }
///
/// # let db = rusqlite::Connection::open_in_memory()?;
/// # db.execute_batch("CREATE TABLE users (id INTEGER PRIMARY KEY)")?;
/// let users = Table::new(&db, "users").key::<UserId>(["id"])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "a column of a key can't be of type `{Self}`: it is no `keywalk_sqlite::KeyColumn`",
    label = "not a column of a key",
    note = "columns are `i8` to `i64`, `u8` to `u32`, `String`, `Vec<u8>`, `Uuid`, `Hyphenated`, `Collated` and their \
            `Reverse`; no float (`AnyKey` walks a REAL column), and nothing that may be NULL",
    note = "for a type of your own implement `keywalk_sqlite::KeyColumn`, by way of one of these"
)]
pub trait KeyColumn: Clone + PartialOrd {
    /// How the type's values are compared; says which collations the column may have.
    const COMPARISON: Comparison;

    /// Whether smaller values come first, or last as in an index over the column `DESC`. Default:
    /// ascending. [`Reverse`] turns it round.
    const ORDER: Order = Order::Ascending;

    /// The storage class of the type's values, if they all have the same: a column that never holds it
    /// (an INTEGER PRIMARY KEY, say, for text) is refused before the first row. Default: text for a type
    /// that is compared as text; otherwise it isn't known (`None`), and it is found at the first row.
    const STORED: Option<Type> = match Self::COMPARISON {
        Comparison::Value => None,
        Comparison::Bytes | Comparison::Store => Some(Type::Text),
    };

    /// Decodes a stored value.
    ///
    /// # Errors
    ///
    /// If it isn't one of the type's: another storage class, out of range, not in the one form that
    /// [`bind`](Self::bind) gives.
    fn read(value: ValueRef<'_>) -> FromSqlResult<Self>;

    /// Decodes a stored value in the memory of this one. Provided: assigns [`read`](Self::read).
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    fn reread(&mut self, value: ValueRef<'_>) -> FromSqlResult<()> {
        *self = Self::read(value)?;
        Ok(())
    }

    /// The value as SQLite stores it, to search for.
    fn bind(&self) -> ToSqlOutput<'_>;
}

/// How the values of a [`KeyColumn`] are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Comparison {
    /// Numbers and blobs: no collation matters.
    Value,
    /// Text, by its UTF-8 bytes: the column's collation has to be BINARY. A type of your own that is
    /// stored otherwise, or may be, sets [`KeyColumn::STORED`]: to `None` if it depends.
    Bytes,
    /// Text, as the column's collation has it: the type's `partial_cmp` answers `None` for two that
    /// are not equal.
    Store,
}

macro_rules! integers {
    ($($integer:ty),+) => {$(
        impl KeyColumn for $integer {
            const COMPARISON: Comparison = Comparison::Value;

            const STORED: Option<Type> = Some(Type::Integer);

            fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let integer = value.as_i64()?;
                integer.try_into().map_err(|_| FromSqlError::OutOfRange(integer))
            }

            fn bind(&self) -> ToSqlOutput<'_> {
                ToSqlOutput::Borrowed(ValueRef::Integer(i64::from(*self)))
            }
        }
    )+};
}

integers!(i8, i16, i32, u8, u16, u32);

impl KeyColumn for i64 {
    const COMPARISON: Comparison = Comparison::Value;

    const STORED: Option<Type> = Some(Type::Integer);

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64()
    }

    fn bind(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Borrowed(ValueRef::Integer(*self))
    }
}

impl KeyColumn for String {
    const COMPARISON: Comparison = Comparison::Bytes;

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str().map(Into::into)
    }

    fn reread(&mut self, value: ValueRef<'_>) -> FromSqlResult<()> {
        match value {
            ValueRef::Text(stored) => refill_text(self, stored),
            _ => Err(FromSqlError::InvalidType),
        }
    }

    fn bind(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Borrowed(ValueRef::Text(self.as_bytes()))
    }
}

impl KeyColumn for Vec<u8> {
    const COMPARISON: Comparison = Comparison::Value;

    const STORED: Option<Type> = Some(Type::Blob);

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_blob().map(Into::into)
    }

    fn reread(&mut self, value: ValueRef<'_>) -> FromSqlResult<()> {
        let stored = value.as_blob()?;
        self.clear();
        self.extend_from_slice(stored);
        Ok(())
    }

    fn bind(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Borrowed(ValueRef::Blob(self))
    }
}

impl<T: KeyColumn> KeyColumn for Reverse<T> {
    const COMPARISON: Comparison = T::COMPARISON;

    const ORDER: Order = match T::ORDER {
        Order::Ascending => Order::Descending,
        Order::Descending => Order::Ascending,
    };

    const STORED: Option<Type> = T::STORED;

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        T::read(value).map(Reverse)
    }

    fn reread(&mut self, value: ValueRef<'_>) -> FromSqlResult<()> {
        self.0.reread(value)
    }

    fn bind(&self) -> ToSqlOutput<'_> {
        self.0.bind()
    }
}

impl<T: KeyColumn> Sealed for T {}

#[diagnostic::do_not_recommend]
impl<T: KeyColumn> Key for T {
    fn layout() -> Layout {
        Layout::Columns(vec![ColumnLayout::of::<T>()])
    }

    #[inline]
    fn read_row(row: &KeyRow<'_, '_>) -> Result<Self, Unreadable> {
        row.column(0, T::read)
    }

    #[inline]
    fn reread_row(&mut self, row: &KeyRow<'_, '_>) -> Result<(), Unreadable> {
        row.column(0, |value| self.reread(value))
    }

    fn copy_from(&mut self, other: &Self) {
        self.clone_from(other);
    }

    fn bind_column(&self, _column: usize) -> ToSqlOutput<'_> {
        self.bind()
    }

    fn width(&self) -> usize {
        1
    }

    fn comparison(&self, _column: usize) -> Comparison {
        T::COMPARISON
    }

    fn from_values(values: Vec<Value>, _columns: &Arc<KeyColumns>) -> Option<Self> {
        let [value] = values.as_slice() else {
            return None;
        };
        T::read(value.into()).ok()
    }
}

impl ColumnLayout {
    pub(super) fn of<T: KeyColumn>() -> Self {
        ColumnLayout {
            order: T::ORDER,
            comparison: T::COMPARISON,
            stored: T::STORED,
        }
    }
}

impl KeyRow<'_, '_> {
    /// Reads the key's `column`-th value with `read`.
    #[inline]
    pub(super) fn column<R>(
        &self,
        column: usize,
        read: impl FnOnce(ValueRef<'_>) -> FromSqlResult<R>,
    ) -> Result<R, Unreadable> {
        self.row
            .get_ref(self.at[column])
            .map_err(FromSqlError::other)
            .and_then(read)
            .map_err(|error| Unreadable { column, error })
    }
}
