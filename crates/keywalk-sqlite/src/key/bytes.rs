//! A key as bytes: its columns' values as one tuple of FoundationDB's tuple layer
//! (<https://github.com/apple/foundationdb/blob/main/design/tuple.md>), whatever Rust type they have.

use foundationdb_tuple::{Element, PackError, PackResult, TupleDepth, TupleUnpack, pack_into};
use rusqlite::types::{ToSqlOutput, Value, ValueRef};

/// Appends a value. One that SQLite wouldn't store so (a text that isn't UTF-8) is written as NULL, which
/// no key is read from.
pub(crate) fn write(value: ValueRef<'_>, bytes: &mut Vec<u8>) {
    let element = match value {
        ValueRef::Null => Element::Nil,
        ValueRef::Integer(integer) => Element::Int(integer),
        ValueRef::Real(real) => Element::Double(real),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => Element::String(text.into()),
            Err(_) => Element::Nil,
        },
        ValueRef::Blob(blob) => Element::Bytes(blob.into()),
    };
    pack_into(&element, bytes);
}

/// The values of a key of so many columns. `None` if the bytes are of anything else: there is no NULL in a
/// key, nor a NaN, which SQLite stores as one. Bytes from a stranger cost no more than a key's columns.
pub(crate) fn read(mut bytes: &[u8], columns: usize) -> Option<Vec<Value>> {
    let mut values = Vec::new();
    for _ in 0..columns {
        let front = Front::unpack_root(bytes).ok()?;
        values.push(front.value);
        bytes = front.rest;
    }
    bytes.is_empty().then_some(values)
}

/// A value that is lent to a statement, or would be.
pub(crate) fn lent<'a>(value: &'a ToSqlOutput<'a>) -> ValueRef<'a> {
    match value {
        ToSqlOutput::Borrowed(value) => *value,
        ToSqlOutput::Owned(value) => value.into(),
        _ => ValueRef::Null,
    }
}

/// A value, and what follows it. Not an [`Element`]: that would follow tuples in tuples as deep as a
/// stranger's bytes say.
struct Front<'de> {
    value: Value,
    rest: &'de [u8],
}

impl<'de> TupleUnpack<'de> for Front<'de> {
    fn unpack(bytes: &'de [u8], depth: TupleDepth) -> PackResult<(&'de [u8], Self)> {
        let (rest, value) = read_as(bytes, depth, Value::Integer)
            .or_else(|_| read_as(bytes, depth, Value::Real))
            .or_else(|_| read_as(bytes, depth, Value::Text))
            .or_else(|_| read_as(bytes, depth, Value::Blob))?;
        match value {
            Value::Real(real) if real.is_nan() => Err(PackError::Message("a NaN".into())),
            // Nothing is left for the crate, which decodes whole tuples only.
            value => Ok((&[], Front { value, rest })),
        }
    }
}

fn read_as<'de, T: TupleUnpack<'de>>(
    bytes: &'de [u8],
    depth: TupleDepth,
    value: fn(T) -> Value,
) -> PackResult<(&'de [u8], Value)> {
    T::unpack(bytes, depth).map(|(rest, read)| (rest, value(read)))
}
