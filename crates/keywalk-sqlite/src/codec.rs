//! Encodes keys as the bytes of a token and as a fraction of a range, whatever Rust type they have. The bytes are the
//! columns' values as one tuple of FoundationDB's tuple layer
//! (<https://github.com/apple/foundationdb/blob/main/design/tuple.md>).

use std::cmp::Ordering;

use foundationdb_tuple::{Element, PackError, PackResult, TupleDepth, TupleUnpack, pack_into};
use keywalk::Order;
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

/// Returns the fraction of the range from `first` to `last` that lies before `at`, for columns of these directions. It
/// is that of the first column in which those two differ. If that column holds integers, such as tenants, the columns
/// after it divide each step; see [`Span::steps`]. Text other than UUIDs gives `None`: it uses few byte values, so the
/// fraction would be far from even (all dates of a year would lie within a hundredth of the range).
pub(crate) fn fraction<K: SqlKey>(first: &K, last: &K, at: &K, orders: &[Order]) -> Option<f64> {
    let way = (0..orders.len()).find_map(|column| {
        match compare(&value(first, column)?, &value(last, column)?) {
            Ordering::Equal => None,
            way => Some(in_order(way, orders[column])),
        }
    })?;
    let span = Span {
        first,
        last,
        orders,
        way,
    };
    span.fraction(0, at)
}

/// Returns how two keys compare: `values` is how they compare in the first column in which they differ, and `order` is
/// that column's direction.
fn in_order(values: Ordering, order: Order) -> Ordering {
    match order {
        Order::Ascending => values,
        Order::Descending => values.reverse(),
    }
}

/// Returns a column's value. Fails for text that isn't UTF-8.
fn value<K: SqlKey>(key: &K, column: usize) -> Option<Value> {
    Value::try_from(lent(&key.bind_column(column))).ok()
}

/// The range of a walk, from its first to its last key.
struct Span<'a, K> {
    first: &'a K,
    last: &'a K,
    orders: &'a [Order],
    /// How its first key compares with its last.
    way: Ordering,
}

impl<K: SqlKey> Span<'_, K> {
    /// Returns the fraction by the columns from this one on: 0 or 1 for a key that isn't between both ends. `None` if
    /// it isn't known, or if these columns of the last key come before those of the first.
    fn fraction(&self, column: usize, at: &K) -> Option<f64> {
        let order = *self.orders.get(column)?;
        let (from, to) = (value(self.first, column)?, value(self.last, column)?);
        let here = value(at, column)?;
        let by_collation = self.first.comparison(column) == TextOrder::Collation;
        let way = compare(&from, &to);
        if way == Ordering::Equal {
            return match in_order(compare(&from, &here), order) {
                Ordering::Equal => self.fraction(column + 1, at),
                // Only SQLite knows.
                _ if by_collation => None,
                step => Some(if step == self.way { 1.0 } else { 0.0 }),
            };
        }
        if in_order(way, order) != self.way {
            return None;
        }
        // Text and other classes have no common scale.
        let values = [&from, &to, &here].into_iter();
        let texts = values.filter(|value| matches!(value, Value::Text(_)));
        if ![0, 3].contains(&texts.count()) {
            return None;
        }
        let place = |value| match value {
            Value::Text(_) if by_collation => None,
            Value::Text(text) => uuid(&text),
            value => Some(value),
        };
        let ends = [place(from)?, place(to)?];
        let here = place(here)?;
        match &ends {
            [Value::Integer(from), Value::Integer(to)]
                if self.fraction(column + 1, self.first).is_some() =>
            {
                self.steps(column, [*from, *to], &here, at)
            }
            [from, to] => part(from, to, &here),
        }
    }

    /// Returns the fraction by a column of integers and the columns after it. Each integer between the ends gets an
    /// equal share. It isn't known where one integer's keys begin and end. So it is assumed that within each share the
    /// later columns run from those of the walk's first key to those of its last key.
    fn steps(&self, column: usize, ends: [i64; 2], here: &Value, at: &K) -> Option<f64> {
        let [from, to] = ends.map(Value::Integer);
        let way = compare(&from, &to);
        if compare(here, &from) == way {
            return Some(0.0);
        }
        if compare(&to, here) == way {
            return Some(1.0);
        }
        let [from, to] = ends.map(i128::from);
        let floor = whole(here)?;
        let is_whole = i64::try_from(floor)
            .is_ok_and(|floor| compare(here, &Value::Integer(floor)) == Ordering::Equal);
        let within = match is_whole {
            true => self.fraction(column + 1, at)?,
            // A real between two integers: past all keys of one, and before all of the other.
            false if from < to => 1.0,
            false => 0.0,
        };
        let (all, before) = ((to - from).abs() as f64, (floor - from).abs() as f64);
        Some(((before + within) / (all + 1.0)).clamp(0.0, 1.0))
    }
}

/// Returns the bytes of a UUID that is written as text, in a form whose order is that of the bytes.
fn uuid(text: &str) -> Option<Value> {
    let text = ValueRef::Text(text.as_bytes());
    let uuid = Hyphenated::read(text).map(Hyphenated::into_uuid);
    let uuid = uuid.or_else(|_| Simple::read(text).map(Simple::into_uuid));
    Some(Value::Blob(uuid.ok()?.as_bytes().to_vec()))
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

/// Returns the distances of `to` and of `at` from `from`. They are computed from the eight bytes after the common
/// prefix of `from` and `to`. Everything between those two has that prefix too.
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
