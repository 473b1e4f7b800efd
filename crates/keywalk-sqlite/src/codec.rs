//! Encodes keys as the bytes of a token, and estimates their place in a range, whatever Rust type they have. The bytes are the
//! columns' values as one tuple of FoundationDB's tuple layer
//! (<https://github.com/apple/foundationdb/blob/main/design/tuple.md>).

use foundationdb_tuple::{Element, PackError, PackResult, TupleDepth, TupleUnpack, pack_into};
use keywalk_sql::Scale;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};

use crate::key::{ColumnLayout, SqlKey, TextOrder};
use crate::value::scalar;

/// Appends a value. Text that isn't UTF-8 is written as a boolean, which never decodes as a key.
pub(crate) fn write(value: ValueRef<'_>, bytes: &mut Vec<u8>) {
    let element = match value {
        ValueRef::Null => Element::Nil,
        ValueRef::Integer(integer) => Element::Int(integer),
        ValueRef::Real(real) => Element::Double(real),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => Element::String(text.into()),
            Err(_) => Element::Bool(false),
        },
        ValueRef::Blob(blob) => Element::Bytes(blob.into()),
    };
    pack_into(&element, bytes);
}

/// Decodes the values of a key of this many columns. Returns `None` for anything else, such as a NaN, which SQLite
/// stores as NULL. Whether a column may be NULL is for the key's type to check. Reads at most that many values, so
/// untrusted bytes can't make it allocate more.
pub(crate) fn read(mut bytes: &[u8], columns: usize) -> Option<Vec<Value>> {
    let mut values = Vec::new();
    for _ in 0..columns {
        let front = Front::unpack_root(bytes).ok()?;
        values.push(front.value);
        bytes = front.rest;
    }
    bytes.is_empty().then_some(values)
}

/// Borrows a value as a statement would.
pub(crate) fn lent<'a>(value: &'a ToSqlOutput<'a>) -> ValueRef<'a> {
    match value {
        ToSqlOutput::Borrowed(value) => *value,
        ToSqlOutput::Owned(value) => value.into(),
        _ => ValueRef::Null,
    }
}

/// A value and the bytes after it. [`Element`] isn't used: it reads nested tuples to any depth, and untrusted bytes
/// may nest them deeply.
struct Front<'de> {
    value: Value,
    rest: &'de [u8],
}

impl<'de> TupleUnpack<'de> for Front<'de> {
    fn unpack(bytes: &'de [u8], depth: TupleDepth) -> PackResult<(&'de [u8], Self)> {
        let (rest, value) = read_null(bytes)
            .or_else(|_| read_as(bytes, depth, Value::Integer))
            .or_else(|_| read_as(bytes, depth, Value::Real))
            .or_else(|_| read_as(bytes, depth, Value::Text))
            .or_else(|_| read_as(bytes, depth, Value::Blob))?;
        match value {
            Value::Real(real) if real.is_nan() => Err(PackError::Message("a NaN".into())),
            // The rest is kept in `Front`. It isn't returned, since `unpack_root` refuses bytes after the tuple.
            value => Ok((&[], Front { value, rest })),
        }
    }
}

/// The only byte of a NULL that isn't in a nested tuple.
const NIL: u8 = 0;

fn read_null(bytes: &[u8]) -> PackResult<(&[u8], Value)> {
    match bytes {
        [NIL, rest @ ..] => Ok((rest, Value::Null)),
        _ => Err(PackError::Message("no NULL".into())),
    }
}

fn read_as<'de, T: TupleUnpack<'de>>(
    bytes: &'de [u8],
    depth: TupleDepth,
    value: fn(T) -> Value,
) -> PackResult<(&'de [u8], Value)> {
    T::unpack(bytes, depth).map(|(rest, read)| (rest, value(read)))
}

/// Returns the fraction of the range from `first` to `last` that lies before `at`, for columns of these layouts.
pub(crate) fn fraction<K: SqlKey>(
    first: &K,
    last: &K,
    at: &K,
    layouts: &[ColumnLayout],
) -> Option<f64> {
    let scale = |layout: &ColumnLayout| Scale {
        order: layout.order,
        is_collated: layout.comparison == TextOrder::Collation,
    };
    let scales: Vec<Scale> = layouts.iter().map(scale).collect();
    // Up to the first text that isn't UTF-8.
    let values = |key: &K| -> Vec<Value> {
        let columns = 0..layouts.len();
        let value = |column| Value::try_from(lent(&key.bind_column(column))).ok();
        columns.map_while(value).collect()
    };
    let [first, last, at] = [values(first), values(last), values(at)];
    let [first, last, at] =
        [&first, &last, &at].map(|values| -> Vec<_> { values.iter().map(scalar).collect() });
    keywalk_sql::fraction(&scales, &first, &last, &at)
}
