//! Keys, their columns, and the key types of this crate.

#![expect(unnameable_types, reason = "the parts of a sealed trait")]

use std::cmp::{Ordering, Reverse};
use std::fmt;
use std::sync::Arc;

use keywalk::{ByteSize, Order};
use tokio_postgres::Row;
use tokio_postgres::types::{Kind, Type};

use crate::numeric::Numeric;
use crate::time::{Date, Timestamp, TimestampTz};
use crate::value::{BoxError, Raw, Value, number, text};

/// A key that rows can be walked by: one [`SqlKeyColumn`], a tuple of up to six of them, or a [`DynKey`], whose
/// columns are read from the catalog.
///
/// | Type | Column | Order |
/// |---|---|---|
/// | `i16`, `i32`, `i64` | `int2`, `int4`, `int8` | numeric |
/// | [`Numeric`] | `numeric` | numeric, then NaN |
/// | `bool` | `bool` | `false` first |
/// | `String` | `text` or `varchar` under a collation that sorts by bytes: `C`, `POSIX`, `C.UTF-8` | by bytes |
/// | [`Collated`] | `text` or `varchar` under any deterministic collation, or an enum | the column's own |
/// | `Vec<u8>` | `bytea` | by bytes |
/// | `[u8; 16]`, `uuid::Uuid` (feature `uuid`) | `uuid` | by bytes |
/// | [`Date`], [`Timestamp`], [`TimestampTz`] | `date`, `timestamp`, `timestamptz` | by time, infinities at the ends |
/// | `chrono::NaiveDate`, `NaiveDateTime`, `DateTime<Utc>` (feature `chrono`) | the same; an infinity is an error | by time |
/// | [`Option<T>`] | like `T`, or NULL: `ASC NULLS FIRST` | NULL first |
/// | [`NullsLast<T>`] | like `T`, or NULL: `ASC NULLS LAST`, an index's default | NULL last |
/// | [`Reverse<T>`](std::cmp::Reverse) | like `T` | reversed (`DESC`; a `Reverse<NullsLast<T>>` is `DESC NULLS FIRST`) |
/// | `(A, B, …)` | one column per element | by the first, then by the second, … |
/// | [`DynKey`] | anything of these | the order of the table's key |
///
/// A domain is walked as its base type. A type that its column doesn't have is refused when the source is awaited, and
/// the error names the right one.
///
/// Floats are missing on purpose: NaN doesn't equal itself, and `-0` equals `0`. `char(n)` is missing because
/// trailing blanks don't count in it, and nondeterministic collations because unequal texts are equal in them.
///
/// ```compile_fail,E0277
/// # use keywalk_postgres::{Error, Table, tokio_postgres::Client};
/// # async fn walk(db: &Client) -> Result<(), Error> {
/// let items = Table::new(db, "items").key::<f64>(["price"]).await?;
/// # Ok(())
/// # }
/// ```
///
/// This trait is sealed. To use a key of your own type, implement [`SqlKeyColumn`].
#[diagnostic::on_unimplemented(
    message = "rows can't be walked by a key of type `{Self}`",
    label = "not a key of PostgreSQL's",
    note = "a key is `i16`, `i32`, `i64`, `Numeric`, `bool`, `String`, `Collated`, `Vec<u8>`, `[u8; 16]`, `Date`, \
            `Timestamp`, `TimestampTz` (no float), with features `uuid::Uuid` and chrono's dates and times, their \
            `Option`, `NullsLast` or `Reverse`, a tuple of up to six of these, or `DynKey`",
    note = "for a type of your own implement `keywalk_postgres::SqlKeyColumn`",
    note = "a `Query` has no key until you give one: `.key::<i64>([\"id\"])`"
)]
pub trait SqlKey: Clone + PartialOrd + Send + Sync + sealed::Sealed {
    #[doc(hidden)]
    fn layout() -> Layout;

    #[doc(hidden)]
    fn read_row(row: &KeyRow<'_>) -> Result<Self, Unreadable>;

    /// Reads the key in place, like [`read_row`](Self::read_row).
    #[doc(hidden)]
    fn reread_row(&mut self, row: &KeyRow<'_>) -> Result<(), Unreadable>;

    /// Copies a key in place. A tuple's [`Clone::clone_from`] doesn't call that of its elements.
    #[doc(hidden)]
    fn copy_from(&mut self, other: &Self) {
        self.clone_from(other);
    }

    /// Appends a column's binary form. Returns `false`, and appends nothing, for NULL.
    #[doc(hidden)]
    fn bind_column(&self, column: usize, bytes: &mut Vec<u8>) -> bool;

    /// Makes a key of its columns' binary forms; `None` if they don't fit.
    #[doc(hidden)]
    fn from_columns(stored: &[Option<&[u8]>], columns: &Arc<KeyColumns>) -> Option<Self>;

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
#[derive(Clone, Copy, Debug)]
pub struct ColumnLayout {
    pub order: Order,
    pub text_order: TextOrder,
    pub nulls: Nulls,
    pub accepts: fn(&Type) -> bool,
    pub expected: &'static str,
}

/// Whether NULL is a value of a key's column, and where it comes when the key ascends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nulls {
    /// It is no value.
    Never,
    /// Before all others.
    First,
    /// After all others.
    Last,
}

/// The columns of a key and their table.
#[doc(hidden)]
#[derive(Debug)]
pub struct KeyColumns {
    /// For messages and comparisons: the table.
    pub(crate) relation: String,
    pub(crate) names: Vec<String>,
    pub(crate) types: Vec<Type>,
    pub(crate) orders: Vec<Order>,
    pub(crate) text_orders: Vec<TextOrder>,
    pub(crate) nulls: Vec<Nulls>,
}

impl KeyColumns {
    fn is_same(&self, other: &Self) -> bool {
        self.relation == other.relation
            && self.names == other.names
            && self.types == other.types
            && self.orders == other.orders
    }
}

/// The key columns of a row.
#[doc(hidden)]
#[derive(Debug)]
pub struct KeyRow<'a> {
    pub(crate) row: &'a Row,
    /// The position of each key column in the row.
    pub(crate) at: &'a [usize],
    pub(crate) columns: &'a Arc<KeyColumns>,
}

/// The value of a key column doesn't have the column's type.
#[doc(hidden)]
#[derive(Debug)]
pub struct Unreadable {
    pub(crate) column: usize,
    pub(crate) error: BoxError,
}

impl KeyRow<'_> {
    /// Reads the key's `column`-th value with `read`.
    #[inline]
    fn column<R>(
        &self,
        column: usize,
        read: impl FnOnce(Option<&[u8]>) -> Result<R, BoxError>,
    ) -> Result<R, Unreadable> {
        self.row
            .try_get::<_, Option<Raw<'_>>>(self.at[column])
            .map_err(Into::into)
            .and_then(|raw| read(raw.map(|raw| raw.0)))
            .map_err(|error| Unreadable { column, error })
    }
}

/// A type for one column of a key. [`SqlKey`] lists the provided ones.
///
/// Implement it for your own type by wrapping one of those. [`read`](Self::read) may accept a stored value only if
/// [`bind`](Self::bind) returns that same value. `PartialOrd` must be PostgreSQL's order.
///
/// ```
/// use keywalk_postgres::{BoxError, SqlKeyColumn, TextOrder, tokio_postgres::types::Type};
///
/// #[derive(Clone, Debug, PartialEq, PartialOrd)]
/// struct UserId(i64);
///
/// impl SqlKeyColumn for UserId {
///     const TEXT_ORDER: TextOrder = TextOrder::NotText;
///     const EXPECTED: &'static str = i64::EXPECTED;
///
///     fn accepts(column: &Type) -> bool {
///         i64::accepts(column)
///     }
///
///     fn read(stored: Option<&[u8]>) -> Result<Self, BoxError> {
///         i64::read(stored).map(UserId)
///     }
///
///     fn bind(&self, bytes: &mut Vec<u8>) -> bool {
///         self.0.bind(bytes)
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "a column of a key can't be of type `{Self}`: it is no `keywalk_postgres::SqlKeyColumn`",
    label = "not a column of a key",
    note = "columns are `i16`, `i32`, `i64`, `Numeric`, `bool`, `String`, `Collated`, `Vec<u8>`, `[u8; 16]`, `Date`, \
            `Timestamp`, `TimestampTz` (no float), with features `uuid::Uuid` and chrono's dates and times, and \
            their `Option`, `NullsLast` or `Reverse`",
    note = "for a type of your own implement `keywalk_postgres::SqlKeyColumn`, by way of one of these"
)]
pub trait SqlKeyColumn: Clone + PartialOrd + Send + Sync {
    /// How the type's values are compared. Determines which collations the column may have.
    const TEXT_ORDER: TextOrder;

    /// The names of the column types that it accepts, for messages.
    const EXPECTED: &'static str;

    /// The direction of the column: ascending, or descending as in an index over the column `DESC`. Default:
    /// ascending. [`Reverse`] reverses it.
    const ORDER: Order = Order::Ascending;

    /// Whether NULL is one of the type's values, and where `PartialOrd` puts it. [`bind`](Self::bind) must then return
    /// `false` for no other value. Default: never, so a NULL is an error when the walk reaches it.
    const NULLS: Nulls = Nulls::Never;

    /// Checks whether a column of this type holds the type's values.
    fn accepts(column: &Type) -> bool;

    /// Decodes the binary form of a stored value; `None` for NULL.
    ///
    /// # Errors
    ///
    /// If it isn't a value of the type.
    fn read(stored: Option<&[u8]>) -> Result<Self, BoxError>;

    /// Decodes a stored value in place. The default implementation replaces `self` with the result of
    /// [`read`](Self::read).
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    #[inline]
    fn reread(&mut self, stored: Option<&[u8]>) -> Result<(), BoxError> {
        *self = Self::read(stored)?;
        Ok(())
    }

    /// Appends the value's binary form, for searching. Returns `false`, and appends nothing, for NULL.
    fn bind(&self, bytes: &mut Vec<u8>) -> bool;
}

/// How the values of a [`SqlKeyColumn`] are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TextOrder {
    /// No text; collations don't matter.
    NotText,
    /// Text by its UTF-8 bytes; the column's collation must sort by them.
    Binary,
    /// Text in the order of the column's collation, or labels of an enum. The type's `partial_cmp` returns `None` for
    /// two values that are not equal.
    Collation,
}

impl<T: SqlKeyColumn> sealed::Sealed for T {}

impl ColumnLayout {
    fn of<T: SqlKeyColumn>() -> Self {
        ColumnLayout {
            order: T::ORDER,
            text_order: T::TEXT_ORDER,
            nulls: T::NULLS,
            accepts: T::accepts,
            expected: T::EXPECTED,
        }
    }
}

#[diagnostic::do_not_recommend]
impl<T: SqlKeyColumn> SqlKey for T {
    fn layout() -> Layout {
        Layout::Columns(vec![ColumnLayout::of::<T>()])
    }

    #[inline]
    fn read_row(row: &KeyRow<'_>) -> Result<Self, Unreadable> {
        row.column(0, T::read)
    }

    #[inline]
    fn reread_row(&mut self, row: &KeyRow<'_>) -> Result<(), Unreadable> {
        row.column(0, |stored| self.reread(stored))
    }

    fn bind_column(&self, _column: usize, bytes: &mut Vec<u8>) -> bool {
        self.bind(bytes)
    }

    fn from_columns(stored: &[Option<&[u8]>], _columns: &Arc<KeyColumns>) -> Option<Self> {
        match stored {
            [stored] => T::read(*stored).ok(),
            _ => None,
        }
    }
}

macro_rules! tuples {
    ($(($($column:ident $at:tt),+);)+) => {$(
        impl<$($column: SqlKeyColumn),+> sealed::Sealed for ($($column,)+) {}

        impl<$($column: SqlKeyColumn),+> SqlKey for ($($column,)+) {
            fn layout() -> Layout {
                Layout::Columns(vec![$(ColumnLayout::of::<$column>()),+])
            }

            fn read_row(row: &KeyRow<'_>) -> Result<Self, Unreadable> {
                Ok(($(row.column($at, $column::read)?,)+))
            }

            fn reread_row(&mut self, row: &KeyRow<'_>) -> Result<(), Unreadable> {
                $(row.column($at, |stored| self.$at.reread(stored))?;)+
                Ok(())
            }

            fn copy_from(&mut self, other: &Self) {
                $(self.$at.clone_from(&other.$at);)+
            }

            fn bind_column(&self, column: usize, bytes: &mut Vec<u8>) -> bool {
                match column {
                    $($at => self.$at.bind(bytes),)+
                    _ => false,
                }
            }

            fn from_columns(stored: &[Option<&[u8]>], _columns: &Arc<KeyColumns>) -> Option<Self> {
                if stored.len() != [$($at),+].len() {
                    return None;
                }
                Some(($($column::read(stored[$at]).ok()?,)+))
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

/// Returns the stored bytes, or an error for NULL.
#[inline]
fn some(stored: Option<&[u8]>) -> Result<&[u8], BoxError> {
    stored.ok_or_else(|| "it is NULL".into())
}

macro_rules! columns {
    ($($type:ty: $column:pat, $expected:literal, $stored:ident => $read:expr, $value:ident, $bytes:ident => $bind:expr;)+) => {$(
        impl SqlKeyColumn for $type {
            const TEXT_ORDER: TextOrder = TextOrder::NotText;
            const EXPECTED: &'static str = $expected;

            fn accepts(column: &Type) -> bool {
                matches!(*column, $column)
            }

            #[inline]
            fn read(stored: Option<&[u8]>) -> Result<Self, BoxError> {
                let $stored = some(stored)?;
                Ok($read)
            }

            fn bind(&self, $bytes: &mut Vec<u8>) -> bool {
                let $value = self;
                $bind;
                true
            }
        }
    )+};
}

columns! {
    i16: Type::INT2, "int2",
        stored => i16::from_be_bytes(number(stored)?),
        value, bytes => bytes.extend_from_slice(&value.to_be_bytes());
    i32: Type::INT4, "int4",
        stored => i32::from_be_bytes(number(stored)?),
        value, bytes => bytes.extend_from_slice(&value.to_be_bytes());
    i64: Type::INT8, "int8",
        stored => i64::from_be_bytes(number(stored)?),
        value, bytes => bytes.extend_from_slice(&value.to_be_bytes());
    bool: Type::BOOL, "bool",
        stored => number::<1>(stored)? != [0],
        value, bytes => bytes.push(u8::from(*value));
    Numeric: Type::NUMERIC, "numeric",
        stored => Numeric::from_binary(stored).ok_or("not a numeric")?,
        value, bytes => value.to_binary(bytes);
    [u8; 16]: Type::UUID, "uuid",
        stored => number(stored)?,
        value, bytes => bytes.extend_from_slice(value);
    Date: Type::DATE, "date",
        stored => Date::from_days(i32::from_be_bytes(number(stored)?)),
        value, bytes => bytes.extend_from_slice(&value.days().to_be_bytes());
    Timestamp: Type::TIMESTAMP, "timestamp",
        stored => Timestamp::from_micros(i64::from_be_bytes(number(stored)?)),
        value, bytes => bytes.extend_from_slice(&value.micros().to_be_bytes());
    TimestampTz: Type::TIMESTAMPTZ, "timestamptz",
        stored => TimestampTz::from_micros(i64::from_be_bytes(number(stored)?)),
        value, bytes => bytes.extend_from_slice(&value.micros().to_be_bytes());
}

#[cfg(feature = "uuid")]
columns! {
    uuid::Uuid: Type::UUID, "uuid",
        stored => uuid::Uuid::from_bytes(number(stored)?),
        value, bytes => bytes.extend_from_slice(value.as_bytes());
}

/// Infinities, and times that chrono can't represent, are errors when the walk reaches them.
#[cfg(feature = "chrono")]
const NO_CHRONO: &str = "it is infinite, or out of chrono's range: use keywalk_postgres' own type";

#[cfg(feature = "chrono")]
columns! {
    chrono::NaiveDate: Type::DATE, "date",
        stored => Date::read(Some(stored))?.to_chrono().ok_or(NO_CHRONO)?,
        value, bytes => Date::from(*value).bind(bytes);
    chrono::NaiveDateTime: Type::TIMESTAMP, "timestamp",
        stored => Timestamp::read(Some(stored))?.to_chrono().ok_or(NO_CHRONO)?,
        value, bytes => Timestamp::from(*value).bind(bytes);
    chrono::DateTime<chrono::Utc>: Type::TIMESTAMPTZ, "timestamptz",
        stored => TimestampTz::read(Some(stored))?.to_chrono().ok_or(NO_CHRONO)?,
        value, bytes => TimestampTz::from(*value).bind(bytes);
}

impl SqlKeyColumn for String {
    const TEXT_ORDER: TextOrder = TextOrder::Binary;
    const EXPECTED: &'static str = "text or varchar";

    fn accepts(column: &Type) -> bool {
        matches!(*column, Type::TEXT | Type::VARCHAR)
    }

    fn read(stored: Option<&[u8]>) -> Result<Self, BoxError> {
        Ok(text(some(stored)?)?.to_owned())
    }

    fn reread(&mut self, stored: Option<&[u8]>) -> Result<(), BoxError> {
        let stored = text(some(stored)?)?;
        self.clear();
        self.push_str(stored);
        Ok(())
    }

    fn bind(&self, bytes: &mut Vec<u8>) -> bool {
        bytes.extend_from_slice(self.as_bytes());
        true
    }
}

impl SqlKeyColumn for Vec<u8> {
    const TEXT_ORDER: TextOrder = TextOrder::NotText;
    const EXPECTED: &'static str = "bytea";

    fn accepts(column: &Type) -> bool {
        *column == Type::BYTEA
    }

    fn read(stored: Option<&[u8]>) -> Result<Self, BoxError> {
        Ok(some(stored)?.to_vec())
    }

    fn reread(&mut self, stored: Option<&[u8]>) -> Result<(), BoxError> {
        let stored = some(stored)?;
        self.clear();
        self.extend_from_slice(stored);
        Ok(())
    }

    fn bind(&self, bytes: &mut Vec<u8>) -> bool {
        bytes.extend_from_slice(self);
        true
    }
}

/// Text in the order of its column's collation, or a label of an enum in the order of its declaration. Only PostgreSQL
/// knows that order.
///
/// Two values compare as `None` unless they are the same text. A walk by such a key can therefore only check that
/// keys don't repeat, and so fewer kinds of damage are detected ([G15](keywalk#what-a-walk-guarantees)). The order is
/// PostgreSQL's. It is proven that the index and the comparison use the same collation. Not detected is an operating
/// system whose update changed a collation's order (PostgreSQL warns of it): REINDEX then.
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
    const EXPECTED: &'static str = "text, varchar or an enum";

    fn accepts(column: &Type) -> bool {
        String::accepts(column) || matches!(column.kind(), Kind::Enum(_))
    }

    fn read(stored: Option<&[u8]>) -> Result<Self, BoxError> {
        String::read(stored).map(Collated)
    }

    fn reread(&mut self, stored: Option<&[u8]>) -> Result<(), BoxError> {
        self.0.reread(stored)
    }

    fn bind(&self, bytes: &mut Vec<u8>) -> bool {
        self.0.bind(bytes)
    }
}

impl<T: SqlKeyColumn> SqlKeyColumn for Reverse<T> {
    const TEXT_ORDER: TextOrder = T::TEXT_ORDER;
    const EXPECTED: &'static str = T::EXPECTED;

    const ORDER: Order = match T::ORDER {
        Order::Ascending => Order::Descending,
        Order::Descending => Order::Ascending,
    };

    const NULLS: Nulls = match T::NULLS {
        Nulls::Never => Nulls::Never,
        Nulls::First => Nulls::Last,
        Nulls::Last => Nulls::First,
    };

    fn accepts(column: &Type) -> bool {
        T::accepts(column)
    }

    fn read(stored: Option<&[u8]>) -> Result<Self, BoxError> {
        T::read(stored).map(Reverse)
    }

    fn reread(&mut self, stored: Option<&[u8]>) -> Result<(), BoxError> {
        self.0.reread(stored)
    }

    fn bind(&self, bytes: &mut Vec<u8>) -> bool {
        self.0.bind(bytes)
    }
}

/// Checks the type inside an `Option` or `NullsLast`.
const fn ascends_without_null<T: SqlKeyColumn>() {
    assert!(
        matches!(T::ORDER, Order::Ascending),
        "put `Reverse` outside: `Reverse<Option<T>>` (DESC NULLS LAST), `Reverse<NullsLast<T>>` (DESC NULLS FIRST)"
    );
    assert!(
        matches!(T::NULLS, Nulls::Never),
        "a column has one NULL: write `Option<T>`, with a `T` that can't be NULL"
    );
}

/// A column that may hold NULL, which comes before all other values: `None`. The index is `ASC NULLS FIRST`, or
/// `DESC NULLS LAST` for a `Reverse<Option<T>>`. For an index without these words, use [`NullsLast`].
///
/// A UNIQUE index allows many rows with NULL, so such a column isn't unique alone. End the key with the primary key.
impl<T: SqlKeyColumn> SqlKeyColumn for Option<T> {
    const TEXT_ORDER: TextOrder = T::TEXT_ORDER;
    const EXPECTED: &'static str = T::EXPECTED;

    const NULLS: Nulls = {
        ascends_without_null::<T>();
        Nulls::First
    };

    fn accepts(column: &Type) -> bool {
        T::accepts(column)
    }

    fn read(stored: Option<&[u8]>) -> Result<Self, BoxError> {
        stored.map(|stored| T::read(Some(stored))).transpose()
    }

    fn reread(&mut self, stored: Option<&[u8]>) -> Result<(), BoxError> {
        match (self, stored) {
            (Some(key), Some(_)) => key.reread(stored)?,
            (key, stored) => *key = Self::read(stored)?,
        }
        Ok(())
    }

    fn bind(&self, bytes: &mut Vec<u8>) -> bool {
        self.as_ref().is_some_and(|key| key.bind(bytes))
    }
}

/// A column that may hold NULL, which comes after all other values: `NullsLast(None)`. This is the order of an index
/// `ON items (due, id)`, without further words. `Reverse<NullsLast<T>>` is that of `ON items (due DESC, id)`.
///
/// ```
/// use keywalk_postgres::NullsLast;
///
/// assert!(NullsLast(Some(7)) < NullsLast(None));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct NullsLast<T>(pub Option<T>);

impl<T: PartialOrd> PartialOrd for NullsLast<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => a.partial_cmp(b),
            (a, b) => Some(a.is_none().cmp(&b.is_none())),
        }
    }
}

impl<T: Ord> Ord for NullsLast<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => a.cmp(b),
            (a, b) => a.is_none().cmp(&b.is_none()),
        }
    }
}

impl<T: ByteSize> ByteSize for NullsLast<T> {
    fn byte_size(&self) -> usize {
        self.0.byte_size()
    }
}

impl<T: SqlKeyColumn> SqlKeyColumn for NullsLast<T> {
    const TEXT_ORDER: TextOrder = T::TEXT_ORDER;
    const EXPECTED: &'static str = T::EXPECTED;

    const NULLS: Nulls = {
        ascends_without_null::<T>();
        Nulls::Last
    };

    fn accepts(column: &Type) -> bool {
        T::accepts(column)
    }

    fn read(stored: Option<&[u8]>) -> Result<Self, BoxError> {
        Option::read(stored).map(NullsLast)
    }

    fn reread(&mut self, stored: Option<&[u8]>) -> Result<(), BoxError> {
        self.0.reread(stored)
    }

    fn bind(&self, bytes: &mut Vec<u8>) -> bool {
        self.0.bind(bytes)
    }
}

/// A key whose columns are read from the catalog. It is the key of a [`Table`](crate::Table) if no type is named, and
/// suits tables that aren't known at compile time.
///
/// It holds one [`Value`] for each column of the table's primary key (or of the named columns). Its order is
/// PostgreSQL's, with the directions of the index: an index over `(a, b DESC)` is walked as it is.
///
/// Keys of different tables don't compare. [`SqlSource::dyn_key`](crate::SqlSource::dyn_key) makes a key for a
/// [range](keywalk::Walk::range).
#[derive(Clone)]
pub struct DynKey {
    values: Vec<Value>,
    columns: Arc<KeyColumns>,
}

impl DynKey {
    /// Returns `None` if a value isn't one of its column's.
    pub(crate) fn new(mut values: Vec<Value>, columns: &Arc<KeyColumns>) -> Option<Self> {
        if values.len() != columns.names.len() {
            return None;
        }
        for (at, value) in values.iter_mut().enumerate() {
            let mut bytes = Vec::new();
            let column = &columns.types[at];
            match value.bind(column, &mut bytes)? {
                true => *value = Value::read(column, Some(&bytes)).ok()?,
                false if columns.nulls[at] == Nulls::Never => return None,
                false => {}
            }
        }
        Some(DynKey {
            values,
            columns: Arc::clone(columns),
        })
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

impl sealed::Sealed for DynKey {}

impl SqlKey for DynKey {
    fn layout() -> Layout {
        Layout::FromSchema
    }

    fn read_row(row: &KeyRow<'_>) -> Result<Self, Unreadable> {
        let mut key = DynKey {
            values: vec![Value::Null; row.at.len()],
            columns: Arc::clone(row.columns),
        };
        key.reread_row(row)?;
        Ok(key)
    }

    fn reread_row(&mut self, row: &KeyRow<'_>) -> Result<(), Unreadable> {
        for (column, value) in self.values.iter_mut().enumerate() {
            row.column(column, |stored| match stored {
                None if row.columns.nulls[column] == Nulls::Never => some(None).map(|_| ()),
                stored => value.reread(&row.columns.types[column], stored),
            })?;
        }
        Ok(())
    }

    fn bind_column(&self, column: usize, bytes: &mut Vec<u8>) -> bool {
        self.values[column].bind(&self.columns.types[column], bytes) == Some(true)
    }

    fn from_columns(stored: &[Option<&[u8]>], columns: &Arc<KeyColumns>) -> Option<Self> {
        let values = stored.iter().zip(&columns.types);
        let values = values.map(|(stored, column)| Value::read(column, *stored).ok());
        DynKey::new(values.collect::<Option<_>>()?, columns)
    }

    fn is_of(&self, columns: &Arc<KeyColumns>) -> bool {
        Arc::ptr_eq(&self.columns, columns) || self.columns.is_same(columns)
    }
}

/// The size in bytes of all values. O(columns).
impl ByteSize for DynKey {
    fn byte_size(&self) -> usize {
        let values = self.values.iter().map(ByteSize::byte_size);
        values.fold(size_of::<Self>(), usize::saturating_add)
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
        for (at, (a, b)) in self.values.iter().zip(&other.values).enumerate() {
            let is_last = self.columns.nulls[at] == Nulls::Last;
            let way = match (a, b) {
                (Value::Null, Value::Null) => Ordering::Equal,
                (Value::Null, _) | (_, Value::Null) => {
                    let way = matches!(a, Value::Null).cmp(&matches!(b, Value::Null));
                    if is_last { way } else { way.reverse() }
                }
                _ if a == b => Ordering::Equal,
                _ if self.columns.text_orders[at] == TextOrder::Collation => return None,
                _ => match self.columns.orders[at] {
                    Order::Ascending => a.compare(b)?,
                    Order::Descending => b.compare(a)?,
                },
            };
            if way.is_ne() {
                return Some(way);
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

/// Prints a list of SQL literals; long texts are cut.
impl fmt::Display for DynKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        for value in &self.values {
            list.entry(&format_args!("{value}"));
        }
        list.finish()
    }
}
