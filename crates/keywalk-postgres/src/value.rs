use std::cmp::Ordering;
use std::error::Error as StdError;
use std::fmt;

use keywalk::{ByteSize, Excerpt};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{Format, FromSql, IsNull, Kind, ToSql, Type, to_sql_checked};

use crate::numeric::Numeric;
use crate::time::{Date, Timestamp, TimestampTz};

/// An error of any type.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// A value of PostgreSQL's: a column of a [`Row`](crate::Row) or a [`DynKey`](crate::DynKey), or a parameter of a
/// filter or query.
///
/// As a parameter it takes the type that the SQL expects, as a literal in quotes does: an `Int` is also a `numeric`, a
/// `Text` also an enum, a date or JSON. If PostgreSQL can't tell which, write a cast: `$1::int8`.
///
/// It is also a parameter of a statement of your own ([`ToSql`]). It goes in binary form where it is a value of the
/// parameter's type, and otherwise as text, which the server reads. So the key of a row can be bound as it is:
///
/// ```no_run
/// use keywalk_postgres::{DynKey, tokio_postgres::{Client, Error}};
///
/// # async fn example(client: &Client, key: &DynKey) -> Result<(), Error> {
/// let [tenant, id] = key.values() else { return Ok(()) };
/// client.execute("DELETE FROM orders WHERE (tenant, id) = ($1, $2)", &[tenant, id]).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// NULL.
    Null,
    /// `bool`.
    Bool(bool),
    /// `int2`, `int4` or `int8`.
    Int(i64),
    /// `float4` or `float8`.
    Float(f64),
    /// `numeric`.
    Numeric(Numeric),
    /// `text`, `varchar`, `char(n)`, `name`, an enum, `json` or `jsonb`.
    Text(String),
    /// `bytea`.
    Bytes(Vec<u8>),
    /// `uuid`.
    Uuid([u8; 16]),
    /// `date`.
    Date(Date),
    /// `timestamp`.
    Timestamp(Timestamp),
    /// `timestamptz`.
    TimestampTz(TimestampTz),
    /// Any other type, in the server's binary form.
    Other(Vec<u8>),
}

impl Value {
    /// Decodes a column's binary form.
    pub(crate) fn read(column: &Type, stored: Option<&[u8]>) -> Result<Self, BoxError> {
        let Some(stored) = stored else {
            return Ok(Value::Null);
        };
        Ok(match *column {
            Type::BOOL => Value::Bool(number::<1>(stored)? != [0]),
            Type::INT2 => Value::Int(i16::from_be_bytes(number(stored)?).into()),
            Type::INT4 => Value::Int(i32::from_be_bytes(number(stored)?).into()),
            Type::INT8 => Value::Int(i64::from_be_bytes(number(stored)?)),
            Type::FLOAT4 => Value::Float(f32::from_be_bytes(number(stored)?).into()),
            Type::FLOAT8 => Value::Float(f64::from_be_bytes(number(stored)?)),
            Type::NUMERIC => Value::Numeric(Numeric::from_binary(stored).ok_or("not a numeric")?),
            Type::BYTEA => Value::Bytes(stored.to_vec()),
            Type::UUID => Value::Uuid(number(stored)?),
            Type::DATE => Value::Date(Date::from_days(i32::from_be_bytes(number(stored)?))),
            Type::TIMESTAMP => {
                let micros = i64::from_be_bytes(number(stored)?);
                Value::Timestamp(Timestamp::from_micros(micros))
            }
            Type::TIMESTAMPTZ => {
                let micros = i64::from_be_bytes(number(stored)?);
                Value::TimestampTz(TimestampTz::from_micros(micros))
            }
            // A version number comes first.
            Type::JSONB => Value::Text(text(stored.get(1..).unwrap_or_default())?.to_owned()),
            _ if is_text(column) => Value::Text(text(stored)?.to_owned()),
            _ => Value::Other(stored.to_vec()),
        })
    }

    /// Decodes a column's binary form in place.
    pub(crate) fn reread(&mut self, column: &Type, stored: Option<&[u8]>) -> Result<(), BoxError> {
        match (&mut *self, stored) {
            (Value::Text(value), Some(stored)) if is_text(column) => {
                let stored = text(stored)?;
                value.clear();
                value.push_str(stored);
            }
            (Value::Bytes(value), Some(stored)) if *column == Type::BYTEA => {
                value.clear();
                value.extend_from_slice(stored);
            }
            (value, stored) => *value = Value::read(column, stored)?,
        }
        Ok(())
    }

    /// Appends the binary form for a column of this type. Returns `None` if it isn't one of its values, and `false`
    /// for NULL.
    pub(crate) fn bind(&self, column: &Type, bytes: &mut Vec<u8>) -> Option<bool> {
        match (self, column) {
            (Value::Null, _) => return Some(false),
            (Value::Bool(value), &Type::BOOL) => bytes.push(u8::from(*value)),
            (Value::Int(value), &Type::INT2) => {
                bytes.extend_from_slice(&i16::try_from(*value).ok()?.to_be_bytes());
            }
            (Value::Int(value), &Type::INT4) => {
                bytes.extend_from_slice(&i32::try_from(*value).ok()?.to_be_bytes());
            }
            (Value::Int(value), &Type::INT8) => bytes.extend_from_slice(&value.to_be_bytes()),
            (Value::Float(value), &Type::FLOAT8) => bytes.extend_from_slice(&value.to_be_bytes()),
            (Value::Numeric(value), &Type::NUMERIC) => value.to_binary(bytes),
            (Value::Int(value), &Type::NUMERIC) => Numeric::from(*value).to_binary(bytes),
            (Value::Bytes(value), &Type::BYTEA) => bytes.extend_from_slice(value),
            (Value::Uuid(value), &Type::UUID) => bytes.extend_from_slice(value),
            (Value::Date(value), &Type::DATE) => {
                bytes.extend_from_slice(&value.days().to_be_bytes());
            }
            (Value::Timestamp(value), &Type::TIMESTAMP) => {
                bytes.extend_from_slice(&value.micros().to_be_bytes());
            }
            (Value::TimestampTz(value), &Type::TIMESTAMPTZ) => {
                bytes.extend_from_slice(&value.micros().to_be_bytes());
            }
            (Value::Text(value), column) if is_text(column) => {
                bytes.extend_from_slice(value.as_bytes());
            }
            _ => return None,
        }
        Some(true)
    }

    /// Compares two values of one column as PostgreSQL does. The order of text is that of its bytes.
    pub(crate) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
            (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
            (Value::Numeric(a), Value::Numeric(b)) => Some(a.cmp(b)),
            (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
            (Value::Bytes(a), Value::Bytes(b)) => Some(a.cmp(b)),
            (Value::Uuid(a), Value::Uuid(b)) => Some(a.cmp(b)),
            (Value::Date(a), Value::Date(b)) => Some(a.cmp(b)),
            (Value::Timestamp(a), Value::Timestamp(b)) => Some(a.cmp(b)),
            (Value::TimestampTz(a), Value::TimestampTz(b)) => Some(a.cmp(b)),
            (Value::Null, Value::Null) => Some(Ordering::Equal),
            _ => None,
        }
    }

    /// Returns the text that PostgreSQL reads as this value, as in CSV: `7`, `a name`, `\x00ff`. `None` for NULL.
    #[must_use]
    pub fn to_text(&self) -> Option<String> {
        Some(match self {
            Value::Null => return None,
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::Numeric(value) => value.to_string(),
            Value::Text(value) => value.clone(),
            Value::Bytes(value) | Value::Other(value) => format!("\\x{}", Hex(value)),
            Value::Uuid(value) => {
                let hex = Hex(value).to_string();
                let parts = [
                    &hex[..8],
                    &hex[8..12],
                    &hex[12..16],
                    &hex[16..20],
                    &hex[20..],
                ];
                parts.join("-")
            }
            Value::Date(value) => value.to_string(),
            Value::Timestamp(value) => value.to_string(),
            Value::TimestampTz(value) => value.to_string(),
        })
    }

    /// Returns it as a parameter whose type the statement decides.
    pub(crate) fn to_param(&self) -> Param {
        Param {
            column: Type::UNKNOWN,
            bytes: self.to_text().map(String::into_bytes),
        }
    }

    /// Returns the bytes that it owns.
    fn owned(&self) -> usize {
        match self {
            Value::Text(text) => text.len(),
            Value::Bytes(bytes) | Value::Other(bytes) => bytes.len(),
            Value::Numeric(number) => number.as_str().len(),
            _ => 0,
        }
    }
}

/// Prints a SQL literal: `7`, `'a name'`, `'\x00ff'`. Characters that a terminal wouldn't show are escaped, and long
/// values are cut.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.to_text()) {
            (_, None) => f.write_str("NULL"),
            (
                Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Numeric(_),
                Some(literal),
            ) => f.write_str(&literal),
            (_, Some(literal)) => {
                let quoted = literal.replace('\'', "''");
                write!(f, "'{}'", Excerpt::new(&quoted, MOST_CHARS))
            }
        }
    }
}

const MOST_CHARS: usize = 120;

impl ByteSize for Value {
    fn byte_size(&self) -> usize {
        size_of::<Self>().saturating_add(self.owned())
    }
}

macro_rules! from {
    ($($type:ty, $value:ident => $made:expr;)+) => {$(
        impl From<$type> for Value {
            fn from($value: $type) -> Self {
                $made
            }
        }
    )+};
}

from! {
    bool, value => Value::Bool(value);
    i16, value => Value::Int(value.into());
    i32, value => Value::Int(value.into());
    i64, value => Value::Int(value);
    f32, value => Value::Float(value.into());
    f64, value => Value::Float(value);
    Numeric, value => Value::Numeric(value);
    &str, value => Value::Text(value.to_owned());
    String, value => Value::Text(value);
    &[u8], value => Value::Bytes(value.to_vec());
    Vec<u8>, value => Value::Bytes(value);
    [u8; 16], value => Value::Uuid(value);
    Date, value => Value::Date(value);
    Timestamp, value => Value::Timestamp(value);
    TimestampTz, value => Value::TimestampTz(value);
}

#[cfg(feature = "uuid")]
from!(uuid::Uuid, value => Value::Uuid(value.into_bytes()););

#[cfg(feature = "chrono")]
from! {
    chrono::NaiveDate, value => Value::Date(value.into());
    chrono::NaiveDateTime, value => Value::Timestamp(value.into());
    chrono::DateTime<chrono::Utc>, value => Value::TimestampTz(value.into());
}

/// `None` is NULL.
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// The parameters of a filter or query, or the values of a key: an array (`[]`, `[7]`), a [`Vec`], or for values of
/// different types a tuple of up to six (`(7, "x")`). Sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` isn't a list of parameters",
    note = "parameters are `[]`, an array or `Vec` of one type, or a tuple: `(7, \"x\")`; a single one is `[7]`",
    note = "a value is anything that is `Into<keywalk_postgres::Value>`"
)]
pub trait Params: sealed::Sealed {
    #[doc(hidden)]
    fn into_values(self) -> Vec<Value>;
}

mod sealed {
    #[expect(unnameable_types, reason = "seals the trait above")]
    pub trait Sealed {}
}

macro_rules! arrays {
    ($($size:literal)+) => {$(
        impl<V: Into<Value>> sealed::Sealed for [V; $size] {}

        impl<V: Into<Value>> Params for [V; $size] {
            fn into_values(self) -> Vec<Value> {
                self.into_iter().map(Into::into).collect()
            }
        }
    )+};
}

// Not for every size, so that the type of `[]` is known.
arrays!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16);

impl sealed::Sealed for [Value; 0] {}

impl Params for [Value; 0] {
    fn into_values(self) -> Vec<Value> {
        Vec::new()
    }
}

impl<V: Into<Value>> sealed::Sealed for Vec<V> {}

impl<V: Into<Value>> Params for Vec<V> {
    fn into_values(self) -> Vec<Value> {
        self.into_iter().map(Into::into).collect()
    }
}

macro_rules! tuples {
    ($(($($name:ident $at:tt),+);)+) => {$(
        impl<$($name: Into<Value>),+> sealed::Sealed for ($($name,)+) {}

        impl<$($name: Into<Value>),+> Params for ($($name,)+) {
            fn into_values(self) -> Vec<Value> {
                vec![$(self.$at.into()),+]
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

/// Bytes as hexadecimal digits.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Checks whether the binary form of a type's values is their text.
pub(crate) fn is_text(column: &Type) -> bool {
    matches!(
        *column,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::JSON | Type::UNKNOWN
    ) || matches!(column.kind(), Kind::Enum(_))
}

#[inline]
pub(crate) fn number<const N: usize>(stored: &[u8]) -> Result<[u8; N], BoxError> {
    let exact = stored.try_into();
    exact.map_err(|_| format!("{} bytes instead of {N}", stored.len()).into())
}

#[inline]
pub(crate) fn text(stored: &[u8]) -> Result<&str, BoxError> {
    std::str::from_utf8(stored).map_err(Into::into)
}

/// A column's binary form, whatever its type.
pub(crate) struct Raw<'a>(pub(crate) &'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    #[inline]
    fn from_sql(_: &Type, stored: &'a [u8]) -> Result<Self, BoxError> {
        Ok(Raw(stored))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// Accepts a parameter of any type. A value that isn't one of the type is an error of the server.
impl ToSql for Value {
    fn to_sql(&self, column: &Type, out: &mut BytesMut) -> Result<IsNull, BoxError> {
        let mut bytes = Vec::new();
        match (self, self.bind(column, &mut bytes)) {
            (Value::Null, _) => return Ok(IsNull::Yes),
            (Value::Other(stored), _) => out.extend_from_slice(stored),
            (_, Some(_)) => out.extend_from_slice(&bytes),
            (_, None) => out.extend_from_slice(self.to_text().unwrap_or_default().as_bytes()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, column: &Type) -> Format {
        let is_text = self.bind(column, &mut Vec::new()).is_none();
        match is_text && !matches!(self, Value::Other(_)) {
            true => Format::Text,
            false => Format::Binary,
        }
    }

    to_sql_checked!();
}

/// A parameter of a statement: a key's column in binary form, or a text whose type the statement decides.
#[derive(Clone, Debug)]
pub(crate) struct Param {
    /// [`Type::UNKNOWN`] if the statement decides.
    pub(crate) column: Type,
    /// `None` for NULL.
    pub(crate) bytes: Option<Vec<u8>>,
}

impl ToSql for Param {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, BoxError> {
        Ok(match &self.bytes {
            None => IsNull::Yes,
            Some(bytes) => {
                out.extend_from_slice(bytes);
                IsNull::No
            }
        })
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        match self.column == Type::UNKNOWN {
            true => Format::Text,
            false => Format::Binary,
        }
    }

    to_sql_checked!();
}
