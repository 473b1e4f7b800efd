//! Encodes keys as the bytes of a token and as a fraction of a range, whatever Rust type they have. The bytes are the
//! columns' values as one tuple of FoundationDB's tuple layer
//! (<https://github.com/apple/foundationdb/blob/main/design/tuple.md>).

use std::cmp::Ordering;

use foundationdb_tuple::{Element, PackError, PackResult, TupleDepth, TupleUnpack, pack_into};
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use uuid::fmt::{Hyphenated, Simple};

use crate::key::{SqlKey, SqlKeyColumn, TextOrder};
use crate::value::compare;

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

/// A value and the bytes after it. It isn't an [`Element`], which would follow nested tuples as deep as untrusted
/// bytes nest them.
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
            // Returns no rest: `unpack_root` accepts only a whole tuple. `Front` keeps the rest.
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

/// Returns the fraction of the range from `first` to `last` that lies before `at`, by the first column in which those
/// two differ. Text other than UUIDs gives `None`: it uses few byte values, so the fraction would be far from even (all
/// dates of a year would lie within a hundredth of the range).
pub(crate) fn fraction<K: SqlKey>(first: &K, last: &K, at: &K) -> Option<f64> {
    for column in 0..first.width() {
        // Fails for text that isn't UTF-8.
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

/// Returns the bytes of a UUID that is written as text, in a form whose order is that of the bytes.
fn uuid(text: &str) -> Option<Value> {
    let text = ValueRef::Text(text.as_bytes());
    let uuid = Hyphenated::read(text).map(Hyphenated::into_uuid);
    let uuid = uuid.or_else(|_| Simple::read(text).map(Simple::into_uuid));
    Some(Value::Blob(uuid.ok()?.as_bytes().to_vec()))
}

/// Returns the fraction (0 or 1) for a key outside the range, which differs in a column where `first` and `last` are
/// equal.
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
        // Computed as integers: as an `f64`, a large integer can equal the next one.
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
    // They may be too close together to be distinguished as numbers.
    Some(match to == 0.0 {
        true => 0.0,
        false => (at / to).clamp(0.0, 1.0),
    })
}

/// Returns the number as an integer, rounded down. The caller knows that it lies between two integers.
fn whole(value: &Value) -> Option<i128> {
    match value {
        Value::Integer(integer) => Some(i128::from(*integer)),
        Value::Real(real) => Some(real.floor() as i128),
        _ => None,
    }
}

/// Returns half the number, so that no difference is infinite.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(integer) => Some(*integer as f64 / 2.0),
        Value::Real(real) => Some(real.clamp(f64::MIN, f64::MAX) / 2.0),
        _ => None,
    }
}

/// Returns the distances to `to` and to `at`, by the eight bytes after the common prefix of `from` and `to`.
/// Everything between them has that prefix too.
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
