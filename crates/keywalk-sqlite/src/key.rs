//! What a row is walked by.

#![expect(unnameable_types, reason = "the parts of a sealed trait")]

use std::sync::Arc;

use keywalk::Order;
use rusqlite::Row;
use rusqlite::types::{FromSqlError, ToSqlOutput, Type, Value};

mod any;
pub(crate) mod bytes;
mod collated;
mod column;
mod tuple;
mod uuids;

pub use any::AnyKey;
pub use collated::Collated;
pub use column::{Comparison, KeyColumn};

/// A key that rows can be walked by: one [`KeyColumn`], a tuple of up to six of them, or an
/// [`AnyKey`] whose columns the schema tells.
///
/// | Type | Stored as | Order |
/// |---|---|---|
/// | `i8` to `i64`, `u8` to `u32` | INTEGER | numeric |
/// | `String` | TEXT, collation BINARY | by bytes |
/// | [`Collated`] | TEXT, any collation | the column's collation |
/// | `Vec<u8>` | BLOB | by bytes |
/// | [`Uuid`](https://docs.rs/uuid/1/uuid/struct.Uuid.html) | BLOB of 16 bytes | by bytes |
/// | [`Hyphenated`](https://docs.rs/uuid/1/uuid/fmt/struct.Hyphenated.html) | TEXT, 36 lower-case characters | by bytes |
/// | [`Reverse<T>`](std::cmp::Reverse) | as `T` | the other way round (`DESC`) |
/// | `(A, B, …)` | a column each | by the first, then by the second, … |
/// | [`AnyKey`] | anything but NULL | that of the table's key |
///
/// A type that its column never holds, text of an INTEGER PRIMARY KEY, say, is refused when it is
/// [named](crate::Table::key). In other columns SQLite stores any value, so a stored one that isn't of the
/// key's type, a text where an `i64` is read, is an error when the walk comes to it, and names the table, the
/// column and the value; rows are never skipped. `u64` is missing on
/// purpose: SQLite has no integers above `i64::MAX`, a larger one is stored as a REAL.
///
/// ```compile_fail,E0277
/// # use keywalk_sqlite::{Error, Table, rusqlite::Connection};
/// # fn walk(db: &Connection) -> Result<(), Error> {
/// let items = Table::new(db, "items").key::<u64>(["id"])?;
/// # Ok(())
/// # }
/// ```
///
/// This trait is sealed; to make a key of your own type implement [`KeyColumn`].
#[diagnostic::on_unimplemented(
    message = "rows can't be walked by a key of type `{Self}`",
    label = "not a key of SQLite's",
    note = "a key is `i8` to `i64`, `u8` to `u32`, `String`, `Vec<u8>`, `Uuid`, `Hyphenated`, `Collated`, their \
            `Reverse`, a tuple of up to six of these, or `AnyKey`; no float (`AnyKey` walks a REAL column), and nothing that may be NULL",
    note = "for a type of your own implement `keywalk_sqlite::KeyColumn`",
    note = "a `Query` has no key until it is told: `.key::<i64>([\"id\"])?`"
)]
pub trait Key: Clone + PartialOrd + sealed::Sealed {
    #[doc(hidden)]
    fn layout() -> Layout;

    #[doc(hidden)]
    fn read_row(row: &KeyRow<'_, '_>) -> Result<Self, Unreadable>;

    /// [`read_row`](Self::read_row), in the memory of the key that is there.
    #[doc(hidden)]
    fn reread_row(&mut self, row: &KeyRow<'_, '_>) -> Result<(), Unreadable>;

    #[doc(hidden)]
    fn copy_from(&mut self, other: &Self);

    #[doc(hidden)]
    fn bind_column(&self, column: usize) -> ToSqlOutput<'_>;

    /// How many columns there are to [`bind_column`](Self::bind_column).
    #[doc(hidden)]
    fn width(&self) -> usize;

    #[doc(hidden)]
    fn comparison(&self, column: usize) -> Comparison;

    /// The key of these values; `None` if they are none of it.
    #[doc(hidden)]
    fn from_values(values: Vec<Value>, columns: &Arc<KeyColumns>) -> Option<Self>;

    /// Whether the key is one of these columns; a type that says its columns is.
    #[doc(hidden)]
    fn is_of(&self, columns: &Arc<KeyColumns>) -> bool {
        let _ = columns;
        true
    }
}

pub(crate) mod sealed {
    pub trait Sealed {}
}

/// The columns that a key's type has.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub enum Layout {
    Columns(Vec<ColumnLayout>),
    /// As many as are named, in the order of the index that holds them.
    FromSchema,
}

#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColumnLayout {
    pub order: Order,
    pub comparison: Comparison,
    /// The storage class that its values have, if it is one.
    pub stored: Option<Type>,
}

/// The columns of a key, and whose they are.
#[doc(hidden)]
#[derive(Debug, PartialEq)]
pub struct KeyColumns {
    /// What stands after FROM.
    pub(crate) from: String,
    pub(crate) names: Vec<String>,
    pub(crate) layouts: Vec<ColumnLayout>,
}

/// The key columns of a row.
#[doc(hidden)]
#[derive(Debug)]
pub struct KeyRow<'a, 'stmt> {
    pub(crate) row: &'a Row<'stmt>,
    /// Where each key column stands in the row.
    pub(crate) at: &'a [usize],
    pub(crate) columns: &'a Arc<KeyColumns>,
}

/// A key column's value isn't of its type.
#[doc(hidden)]
#[derive(Debug)]
pub struct Unreadable {
    pub(crate) column: usize,
    pub(crate) error: FromSqlError,
}
