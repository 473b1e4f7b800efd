//! Keys, their columns, and the key types of this crate.

#![expect(unnameable_types, reason = "the parts of a sealed trait")]

use std::cmp::{Ordering, Reverse};
use std::fmt;
use std::sync::Arc;

use keywalk::{ByteSize, Order};
use rusqlite::Row;
use rusqlite::types::{FromSqlError, FromSqlResult, ToSqlOutput, Type, Value, ValueRef};
use uuid::Uuid;
use uuid::fmt::{Hyphenated, Simple};

use crate::value::refill_text;

mod any;
#[cfg(any(feature = "chrono", feature = "jiff"))]
mod date_time;
mod real;

pub use any::DynKey;
pub use real::Real;

/// A key that rows can be walked by: one [`SqlKeyColumn`], a tuple of up to six of them, or a [`DynKey`], whose
/// columns are read from the schema.
///
/// | Type | Stored as | Order |
/// |---|---|---|
/// | `i8` to `i64`, `u8` to `u32` | INTEGER | numeric |
/// | `bool` | INTEGER, 0 or 1 | `false` first |
/// | [`Real`] | REAL | numeric |
/// | `String` | TEXT, collation BINARY | by bytes |
/// | [`Collated`] | TEXT, any collation | the column's collation |
/// | `Vec<u8>` | BLOB | by bytes |
/// | [`Uuid`](https://docs.rs/uuid/1/uuid/struct.Uuid.html) | BLOB of 16 bytes | by bytes |
/// | [`Hyphenated`](https://docs.rs/uuid/1/uuid/fmt/struct.Hyphenated.html) | TEXT, 36 lower-case characters | by bytes |
/// | [`Simple`](https://docs.rs/uuid/1/uuid/fmt/struct.Simple.html) | TEXT, 32 lower-case characters | by bytes |
/// | chrono's and jiff's [dates and times](#dates-and-times) | TEXT | by time |
/// | [`Option<T>`] | like `T`, or NULL | NULL first |
/// | [`Reverse<T>`](std::cmp::Reverse) | like `T` | reversed (`DESC`) |
/// | `(A, B, …)` | one column per element | by the first, then by the second, … |
/// | [`DynKey`] | anything | the order of the table's key |
///
/// A type that its column can't hold, such as text for an INTEGER PRIMARY KEY, is refused by
/// [`key`](crate::Table::key). In other columns SQLite stores values of any type. A stored value that doesn't have
/// the key's type is an error when the walk reaches it. The error names the table, the column and the value; no row
/// is ever skipped.
///
/// `u64` is missing on purpose. SQLite has no integers above `i64::MAX`, and stores larger ones as REAL.
///
/// ```compile_fail,E0277
/// # use keywalk_sqlite::{Error, Table, rusqlite::Connection};
/// # fn walk(db: &Connection) -> Result<(), Error> {
/// let items = Table::new(db, "items").key::<u64>(["id"])?;
/// # Ok(())
/// # }
/// ```
///
/// # Dates and times
///
/// These types are stored as the text that rusqlite's features of the same names write. It sorts like the values:
///
/// | Type | Feature | Text |
/// |---|---|---|
/// | `chrono::NaiveDate`, `jiff::civil::Date` | `chrono`, `jiff` | `2026-01-31` |
/// | `chrono::NaiveTime`, `jiff::civil::Time` | `chrono`, `jiff` | `23:59:00`, `23:59:00.250` |
/// | `chrono::NaiveDateTime` | `chrono` | `2026-01-31 23:59:00`, as `CURRENT_TIMESTAMP` |
/// | `chrono::DateTime<Utc>` | `chrono` | `2026-01-31 23:59:00+00:00` |
/// | `jiff::civil::DateTime` | `jiff` | `2026-01-31T23:59:00` |
///
/// A fraction is written only if it isn't zero: by chrono with 3, 6 or 9 digits, by jiff without zeros at its end. Any
/// other text is an error when the walk reaches it, even if SQLite's functions take it for the same time. For another
/// form, or for times that are stored as integers, implement [`SqlKeyColumn`].
///
/// Years are 0 to 9999. A value outside them has no text that sorts: as a bound, it is before or after all rows, and in
/// a token it becomes the type's first or last value.
///
/// Times with an offset or a time zone, and `jiff::Timestamp`, are missing on purpose: their text doesn't sort.
///
/// This trait is sealed. To use a key of your own type, implement [`SqlKeyColumn`].
#[diagnostic::on_unimplemented(
    message = "rows can't be walked by a key of type `{Self}`",
    label = "not a key of SQLite's",
    note = "a key is `i8` to `i64`, `u8` to `u32`, `bool`, `String`, `Vec<u8>`, `Uuid`, `Hyphenated`, `Simple`, \
            `Collated`, `Real` (no float), their `Option` or `Reverse`, a tuple of up to six of these, or `DynKey`",
    note = "for a type of your own implement `keywalk_sqlite::SqlKeyColumn`",
    note = "a `Query` has no key until you give one: `.key::<i64>([\"id\"])?`"
)]
pub trait SqlKey: Clone + PartialOrd + sealed::Sealed {
    #[doc(hidden)]
    fn layout() -> Layout;

    #[doc(hidden)]
    fn read_row(row: &KeyRow<'_, '_>) -> Result<Self, Unreadable>;

    /// Reads the key in place, like [`read_row`](Self::read_row).
    #[doc(hidden)]
    fn reread_row(&mut self, row: &KeyRow<'_, '_>) -> Result<(), Unreadable>;

    /// Copies a key in place. A tuple's [`Clone::clone_from`] doesn't call that of its elements.
    #[doc(hidden)]
    fn copy_from(&mut self, other: &Self) {
        self.clone_from(other);
    }

    #[doc(hidden)]
    fn bind_column(&self, column: usize) -> ToSqlOutput<'_>;

    /// Returns the number of columns for [`bind_column`](Self::bind_column).
    #[doc(hidden)]
    fn width(&self) -> usize;

    #[doc(hidden)]
    fn comparison(&self, column: usize) -> TextOrder;

    /// Makes a key of these values; `None` if they don't fit.
    #[doc(hidden)]
    fn from_values(values: Vec<Value>, columns: &Arc<KeyColumns>) -> Option<Self>;

    /// Checks whether the key belongs to these columns. A type with fixed columns always does.
    #[doc(hidden)]
    fn is_of(&self, columns: &Arc<KeyColumns>) -> bool {
        let _ = columns;
        true
    }
}

pub(crate) mod sealed {
    pub trait Sealed {}
}

/// The columns of a key's type.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub enum Layout {
    Columns(Vec<ColumnLayout>),
    /// As many columns as are named, with the directions of the index (ascending for a query).
    FromSchema,
}

#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColumnLayout {
    pub order: Order,
    pub comparison: TextOrder,
    /// The storage class of its values, if they all have the same.
    pub stored: Option<Type>,
    /// True if NULL is one of its values.
    pub nullable: bool,
}

/// The columns of a key and their table.
#[doc(hidden)]
#[derive(Debug, PartialEq)]
pub struct KeyColumns {
    /// The text after FROM.
    pub(crate) from: String,
    pub(crate) names: Vec<String>,
    pub(crate) layouts: Vec<ColumnLayout>,
}

/// The key columns of a row.
#[doc(hidden)]
#[derive(Debug)]
pub struct KeyRow<'a, 'stmt> {
    pub(crate) row: &'a Row<'stmt>,
    /// The position of each key column in the row.
    pub(crate) at: &'a [usize],
    pub(crate) columns: &'a Arc<KeyColumns>,
}

/// The value of a key column doesn't have the column's type.
#[doc(hidden)]
#[derive(Debug)]
pub struct Unreadable {
    pub(crate) column: usize,
    pub(crate) error: FromSqlError,
}

/// A type for one column of a key. [`SqlKey`] lists the provided ones.
///
/// Implement it for your own type by wrapping one of those. [`read`](Self::read) may accept a stored value only if
/// [`bind`](Self::bind) returns that same value. `PartialOrd` must be SQLite's order.
///
/// ```
/// use keywalk_sqlite::{TextOrder, SqlKeyColumn, Table};
/// use rusqlite::types::{FromSqlResult, ToSqlOutput, ValueRef};
///
/// #[derive(Clone, Debug, PartialEq, PartialOrd)]
/// struct UserId(i64);
///
/// impl SqlKeyColumn for UserId {
///     const TEXT_ORDER: TextOrder = TextOrder::NotText;
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
    message = "a column of a key can't be of type `{Self}`: it is no `keywalk_sqlite::SqlKeyColumn`",
    label = "not a column of a key",
    note = "columns are `i8` to `i64`, `u8` to `u32`, `bool`, `String`, `Vec<u8>`, `Uuid`, `Hyphenated`, `Simple`, \
            `Collated`, `Real` (no float) and their `Option` or `Reverse`",
    note = "for a type of your own implement `keywalk_sqlite::SqlKeyColumn`, by way of one of these"
)]
pub trait SqlKeyColumn: Clone + PartialOrd {
    /// How the type's values are compared. Determines which collations the column may have.
    const TEXT_ORDER: TextOrder;

    /// The direction of the column: ascending, or descending as in an index over the column `DESC`. Default:
    /// ascending. [`Reverse`] reverses it.
    const ORDER: Order = Order::Ascending;

    /// The storage class of the type's values, if they all have the same. A column that can't hold it (such as an
    /// INTEGER PRIMARY KEY for text) is refused before the first row. Default: text for a type that is compared as
    /// text. Otherwise `None`: a value that doesn't fit is found when the walk reaches it.
    const STORAGE_CLASS: Option<Type> = match Self::TEXT_ORDER {
        TextOrder::NotText => None,
        TextOrder::Binary | TextOrder::Collation => Some(Type::Text),
    };

    /// Whether NULL is one of the type's values, as for [`Option`]. `PartialOrd` must then put NULL before all other
    /// values, as SQLite does, and [`bind`](Self::bind) must return NULL for no other value. Default: false, so a NULL
    /// is an error when the walk reaches it.
    const MAY_BE_NULL: bool = false;

    /// Decodes a stored value.
    ///
    /// # Errors
    ///
    /// If the value isn't one of the type: it has another storage class, is out of range, or isn't in the exact form
    /// that [`bind`](Self::bind) returns.
    fn read(value: ValueRef<'_>) -> FromSqlResult<Self>;

    /// Decodes a stored value in place. The default implementation replaces `self` with the result of
    /// [`read`](Self::read).
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    fn reread(&mut self, value: ValueRef<'_>) -> FromSqlResult<()> {
        *self = Self::read(value)?;
        Ok(())
    }

    /// Returns the value as SQLite stores it, for searching.
    fn bind(&self) -> ToSqlOutput<'_>;
}

/// How the values of a [`SqlKeyColumn`] are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TextOrder {
    /// Numbers and blobs; collations don't matter.
    NotText,
    /// Text by its UTF-8 bytes; the column's collation must be BINARY. The default storage class is TEXT. If text is
    /// only one of the classes that your type is stored as, set [`SqlKeyColumn::STORAGE_CLASS`] to `None`.
    Binary,
    /// Text in the order of the column's collation. The type's `partial_cmp` returns `None` for two values that are
    /// not equal.
    Collation,
}

impl<T: SqlKeyColumn> sealed::Sealed for T {}

#[diagnostic::do_not_recommend]
impl<T: SqlKeyColumn> SqlKey for T {
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

    fn bind_column(&self, _column: usize) -> ToSqlOutput<'_> {
        self.bind()
    }

    fn width(&self) -> usize {
        1
    }

    fn comparison(&self, _column: usize) -> TextOrder {
        T::TEXT_ORDER
    }

    fn from_values(values: Vec<Value>, _columns: &Arc<KeyColumns>) -> Option<Self> {
        let [value] = values.as_slice() else {
            return None;
        };
        T::read(value.into()).ok()
    }
}

impl ColumnLayout {
    fn of<T: SqlKeyColumn>() -> Self {
        ColumnLayout {
            order: T::ORDER,
            comparison: T::TEXT_ORDER,
            stored: T::STORAGE_CLASS,
            nullable: T::MAY_BE_NULL,
        }
    }
}

impl KeyRow<'_, '_> {
    /// Reads the key's `column`-th value with `read`.
    #[inline]
    fn column<R>(
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

macro_rules! tuples {
    ($(($($column:ident $at:tt),+);)+) => {$(
        impl<$($column: SqlKeyColumn),+> sealed::Sealed for ($($column,)+) {}

        impl<$($column: SqlKeyColumn),+> SqlKey for ($($column,)+) {
            fn layout() -> Layout {
                Layout::Columns(vec![$(ColumnLayout::of::<$column>()),+])
            }

            fn read_row(row: &KeyRow<'_, '_>) -> Result<Self, Unreadable> {
                Ok(($(row.column($at, $column::read)?,)+))
            }

            fn reread_row(&mut self, row: &KeyRow<'_, '_>) -> Result<(), Unreadable> {
                $(row.column($at, |value| self.$at.reread(value))?;)+
                Ok(())
            }

            fn copy_from(&mut self, other: &Self) {
                $(self.$at.clone_from(&other.$at);)+
            }

            fn bind_column(&self, column: usize) -> ToSqlOutput<'_> {
                match column {
                    $($at => self.$at.bind(),)+
                    _ => ToSqlOutput::Owned(Value::Null),
                }
            }

            fn width(&self) -> usize {
                [$($at),+].len()
            }

            fn comparison(&self, column: usize) -> TextOrder {
                [$($column::TEXT_ORDER),+][column]
            }

            fn from_values(values: Vec<Value>, _columns: &Arc<KeyColumns>) -> Option<Self> {
                if values.len() != [$($at),+].len() {
                    return None;
                }
                Some(($($column::read((&values[$at]).into()).ok()?,)+))
            }
        }
    )+};
}

tuples! {
    (A 0);
    (A 0, B 1);
    (A 0, B 1, C 2);
    (A 0, B 1, C 2, D 3);
    (A 0, B 1, C 2, D 3, E 4);
    (A 0, B 1, C 2, D 3, E 4, F 5);
}

macro_rules! integers {
    ($($integer:ty),+) => {$(
        impl SqlKeyColumn for $integer {
            const TEXT_ORDER: TextOrder = TextOrder::NotText;

            const STORAGE_CLASS: Option<Type> = Some(Type::Integer);

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

impl SqlKeyColumn for i64 {
    const TEXT_ORDER: TextOrder = TextOrder::NotText;

    const STORAGE_CLASS: Option<Type> = Some(Type::Integer);

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64()
    }

    fn bind(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Borrowed(ValueRef::Integer(*self))
    }
}

impl SqlKeyColumn for String {
    const TEXT_ORDER: TextOrder = TextOrder::Binary;

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

impl SqlKeyColumn for Vec<u8> {
    const TEXT_ORDER: TextOrder = TextOrder::NotText;

    const STORAGE_CLASS: Option<Type> = Some(Type::Blob);

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

impl<T: SqlKeyColumn> SqlKeyColumn for Reverse<T> {
    const TEXT_ORDER: TextOrder = T::TEXT_ORDER;

    const ORDER: Order = match T::ORDER {
        Order::Ascending => Order::Descending,
        Order::Descending => Order::Ascending,
    };

    const STORAGE_CLASS: Option<Type> = T::STORAGE_CLASS;

    const MAY_BE_NULL: bool = T::MAY_BE_NULL;

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

/// A column that may hold NULL, which comes before all other values: `None`. In a `Reverse<Option<T>>` it comes last.
///
/// A UNIQUE index allows many rows with NULL, so such a column isn't unique alone. End the key with the primary key or
/// the rowid:
///
/// ```
/// use keywalk::Walk;
/// use keywalk_sqlite::Table;
///
/// # let db = rusqlite::Connection::open_in_memory()?;
/// db.execute_batch(
///     "CREATE TABLE tasks (id INTEGER PRIMARY KEY, due INTEGER);
///      CREATE INDEX by_due ON tasks (due);
///      INSERT INTO tasks VALUES (1, 300), (2, NULL), (3, 200), (4, NULL)",
/// )?;
/// let tasks = Table::new(&db, "tasks").key::<(Option<i64>, i64)>(["due", "id"])?;
/// let keys: Vec<_> = Walk::new(tasks)
///     .chunk_size(1)
///     .items()
///     .map(|item| item.map(|(key, _row)| key))
///     .collect::<Result<_, _>>()?;
/// assert_eq!(keys, [(None, 2), (None, 4), (Some(200), 3), (Some(300), 1)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// SQLite can't sort NULL first in a descending column. So `Option<Reverse<T>>` doesn't compile; write
/// `Reverse<Option<T>>`:
///
/// ```compile_fail,E0080
/// # use std::cmp::Reverse;
/// # use keywalk_sqlite::Table;
/// # let db = rusqlite::Connection::open_in_memory()?;
/// let tasks = Table::new(&db, "tasks").key::<(Option<Reverse<i64>>, i64)>(["due", "id"])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl<T: SqlKeyColumn> SqlKeyColumn for Option<T> {
    const TEXT_ORDER: TextOrder = T::TEXT_ORDER;

    const ORDER: Order = match T::ORDER {
        Order::Ascending => Order::Ascending,
        Order::Descending => {
            panic!("NULL comes last in a descending column: write `Reverse<Option<T>>`")
        }
    };

    const STORAGE_CLASS: Option<Type> = T::STORAGE_CLASS;

    const MAY_BE_NULL: bool = match T::MAY_BE_NULL {
        true => panic!("a column has one NULL: write `Option<T>`, with a `T` that can't be NULL"),
        false => true,
    };

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Null => Ok(None),
            value => T::read(value).map(Some),
        }
    }

    fn reread(&mut self, value: ValueRef<'_>) -> FromSqlResult<()> {
        match (self, value) {
            (key, ValueRef::Null) => *key = None,
            (Some(key), value) => key.reread(value)?,
            (key, value) => *key = Some(T::read(value)?),
        }
        Ok(())
    }

    fn bind(&self) -> ToSqlOutput<'_> {
        match self {
            Some(key) => key.bind(),
            None => ToSqlOutput::Borrowed(ValueRef::Null),
        }
    }
}

/// Text in the order of its column's collation: NOCASE, RTRIM, or one that the application defines. Only SQLite knows
/// that order.
///
/// Two values compare as `None` unless they are the same text. A walk by such a key can therefore only check that
/// keys don't repeat, and so fewer kinds of damage are detected ([G15](keywalk#what-a-walk-guarantees)). The order is
/// SQLite's. The walk proves that the index and the comparison use the same collation.
///
/// The collation must be a total order, and the index must have been sorted by it. SQLite's search may miss rows
/// without noticing if an application redefines a collation without REINDEX, or if the collation is inconsistent or
/// panics. Rows with invalid text in a UTF-16 database can be missed too, since SQLite converts it on reading. Walk
/// such a table by another key.
///
/// ```
/// use keywalk::Walk;
/// use keywalk_sqlite::{Collated, Table};
///
/// # let db = rusqlite::Connection::open_in_memory()?;
/// db.execute_batch(
///     "CREATE TABLE tags (name TEXT NOT NULL COLLATE NOCASE PRIMARY KEY);
///      INSERT INTO tags VALUES ('b'), ('C'), ('a');",
/// )?;
/// let tags = Table::new(&db, "tags").key::<Collated>(["name"])?;
/// let names: Vec<String> = Walk::new(tags)
///     .chunk_size(1)
///     .items()
///     .map(|item| item.map(|(name, _row)| name.0))
///     .collect::<Result<_, _>>()?;
/// assert_eq!(names, ["a", "b", "C"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Collated(pub String);

impl ByteSize for Collated {
    fn byte_size(&self) -> usize {
        self.0.byte_size()
    }
}

impl PartialOrd for Collated {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl fmt::Display for Collated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl SqlKeyColumn for Collated {
    const TEXT_ORDER: TextOrder = TextOrder::Collation;

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        String::read(value).map(Collated)
    }

    fn reread(&mut self, value: ValueRef<'_>) -> FromSqlResult<()> {
        self.0.reread(value)
    }

    fn bind(&self) -> ToSqlOutput<'_> {
        self.0.bind()
    }
}

impl SqlKeyColumn for Uuid {
    const TEXT_ORDER: TextOrder = TextOrder::NotText;

    const STORAGE_CLASS: Option<Type> = Some(Type::Blob);

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let blob = value.as_blob()?;
        Uuid::from_slice(blob).map_err(|_| FromSqlError::InvalidBlobSize {
            expected_size: 16,
            blob_size: blob.len(),
        })
    }

    fn bind(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Borrowed(ValueRef::Blob(self.as_bytes()))
    }
}

/// Reads only the canonical form. An upper-case UUID would have another place in the order, and a search for its
/// canonical form wouldn't find it.
impl SqlKeyColumn for Hyphenated {
    const TEXT_ORDER: TextOrder = TextOrder::Binary;

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = value.as_str()?;
        let hyphenated = Uuid::try_parse(text)
            .map_err(FromSqlError::other)?
            .hyphenated();
        if hyphenated.encode_lower(&mut Uuid::encode_buffer()) == text {
            Ok(hyphenated)
        } else {
            Err(FromSqlError::other(NotCanonical(
                "a UUID in lower case with hyphens",
            )))
        }
    }

    fn bind(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Owned(self.to_string().into())
    }
}

/// Reads only the canonical form, like [`Hyphenated`].
impl SqlKeyColumn for Simple {
    const TEXT_ORDER: TextOrder = TextOrder::Binary;

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = value.as_str()?;
        let simple = Uuid::try_parse(text).map_err(FromSqlError::other)?.simple();
        if simple.encode_lower(&mut Uuid::encode_buffer()) == text {
            Ok(simple)
        } else {
            Err(FromSqlError::other(NotCanonical(
                "a UUID in lower case without hyphens",
            )))
        }
    }

    fn bind(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Owned(self.to_string().into())
    }
}

/// Stored as 0 and 1. Any other integer is an error.
impl SqlKeyColumn for bool {
    const TEXT_ORDER: TextOrder = TextOrder::NotText;

    const STORAGE_CLASS: Option<Type> = Some(Type::Integer);

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_i64()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }

    fn bind(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Borrowed(ValueRef::Integer(i64::from(*self)))
    }
}

/// A text is not in the one form that sorts like the type's values.
#[derive(Debug)]
struct NotCanonical(&'static str);

impl fmt::Display for NotCanonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it isn't in the canonical form: {}", self.0)
    }
}

impl std::error::Error for NotCanonical {}
