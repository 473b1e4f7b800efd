//! Keys written down: as the bytes of a token, and as a part of the way, whatever Rust type they have. The bytes
//! are the columns' values as one tuple of FoundationDB's tuple layer
//! (<https://github.com/apple/foundationdb/blob/main/design/tuple.md>).

use std::cmp::Ordering;

use foundationdb_tuple::{Element, PackError, PackResult, TupleDepth, TupleUnpack, pack_into};
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use uuid::fmt::Hyphenated;

use crate::key::{SqlKey, SqlKeyColumn, TextOrder};
use crate::value::compare;

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

/// What part of the way from `first` to `last` lies before `at`, by the first column in which those two
/// differ. `None` along text that isn't UUIDs: characters use little of a byte's range, so that all dates of
/// a year would lie within a hundredth of the way.
pub(crate) fn fraction<K: SqlKey>(first: &K, last: &K, at: &K) -> Option<f64> {
    for column in 0..first.width() {
        // Fails for what is no value of SQLite's.
        let value = |key: &K| Value::try_from(lent(&key.bind_column(column))).ok();
        let (from, to, here) = (value(first)?, value(last)?, value(at)?);
        if compare(&from, &to) != Ordering::Equal {
            let by_collation = first.comparison(column) == TextOrder::Collation;
            let place = |value| match value {
                Value::Text(_) if by_collation => None,
                Value::Text(text) => uuid(&text),
                value => Some(value),
            };
            return part(&place(from)?, &place(to)?, &place(here)?);
        }
        if compare(&from, &here) != Ordering::Equal {
            return beside(first, last, at);
        }
    }
    None
}

/// The bytes of a UUID that is written as text, in the one form that is ordered as they are.
fn uuid(text: &str) -> Option<Value> {
    let uuid: Hyphenated = SqlKeyColumn::read(ValueRef::Text(text.as_bytes())).ok()?;
    Some(Value::Blob(uuid.as_uuid().as_bytes().to_vec()))
}

/// Where a key stands that has other values in columns which first and last have in common.
fn beside<K: SqlKey>(first: &K, last: &K, at: &K) -> Option<f64> {
    let way = first.partial_cmp(last)?;
    let step = first.partial_cmp(at)?;
    Some(if step == way { 1.0 } else { 0.0 })
}

fn part(from: &Value, to: &Value, at: &Value) -> Option<f64> {
    let way = compare(from, to);
    if compare(from, at) != way {
        return Some(0.0);
    }
    if compare(at, to) != way {
        return Some(1.0);
    }
    let (to, at) = match (from, to, at) {
        // Exact, where a number of all 64 bits differs from the next in the last.
        (Value::Integer(from), Value::Integer(to), at) => {
            let steps = |to: i128| (to - i128::from(*from)) as f64;
            (steps(i128::from(*to)), steps(whole(at)?))
        }
        (Value::Blob(from), Value::Blob(to), Value::Blob(at)) => strings(from, to, at),
        (from, to, at) => {
            let (from, to, at) = (number(from)?, number(to)?, number(at)?);
            (to - from, at - from)
        }
    };
    // They may be too close together for a number to tell.
    Some(match to == 0.0 {
        true => 0.0,
        false => (at / to).clamp(0.0, 1.0),
    })
}

/// A number between two integers, rounded down.
fn whole(value: &Value) -> Option<i128> {
    match value {
        Value::Integer(integer) => Some(i128::from(*integer)),
        Value::Real(real) => Some(real.floor() as i128),
        _ => None,
    }
}

/// Halved, so that no difference is infinite.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(integer) => Some(*integer as f64 / 2.0),
        Value::Real(real) => Some(real.clamp(f64::MIN, f64::MAX) / 2.0),
        _ => None,
    }
}

/// How far it is to `to` and to `at`, by the eight bytes after what `from` and `to` have in common; what
/// lies between them has it too.
fn strings(from: &[u8], to: &[u8], at: &[u8]) -> (f64, f64) {
    let common = from.iter().zip(to).take_while(|(a, b)| a == b).count();
    let digits = |bytes: &[u8]| {
        let rest = bytes.get(common..).unwrap_or_default();
        let mut digits = [0; 8];
        for (digit, byte) in digits.iter_mut().zip(rest) {
            *digit = *byte;
        }
        i128::from(u64::from_be_bytes(digits))
    };
    let from = digits(from);
    ((digits(to) - from) as f64, (digits(at) - from) as f64)
}
