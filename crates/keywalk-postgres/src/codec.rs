//! Encodes keys as the bytes of a token, and as a fraction of a range, whatever Rust type they have.
//!
//! Each column is a number in LEB128 form, then its binary form in PostgreSQL. The number is 0 for NULL, and otherwise
//! one more than the count of bytes that follow. This format never changes.

use std::cmp::Ordering;
use std::sync::Arc;

use keywalk::Order;
use tokio_postgres::types::Type;

use crate::key::{KeyColumns, SqlKey};
use crate::value::Value;

/// Appends a key.
pub(crate) fn write<K: SqlKey>(key: &K, columns: usize, bytes: &mut Vec<u8>) {
    let mut column_bytes = Vec::new();
    for column in 0..columns {
        column_bytes.clear();
        let mut number = match key.bind_column(column, &mut column_bytes) {
            false => 0,
            true => column_bytes.len() + 1,
        };
        while number > 0x7f {
            bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
        bytes.extend_from_slice(&column_bytes);
    }
}

/// Decodes a key; `None` for any other bytes.
pub(crate) fn read<K: SqlKey>(mut bytes: &[u8], columns: &Arc<KeyColumns>) -> Option<K> {
    let mut stored = Vec::with_capacity(columns.names.len());
    for _ in &columns.names {
        let mut number = 0_usize;
        let mut shift = 0;
        loop {
            let (byte, rest) = bytes.split_first()?;
            bytes = rest;
            // A token is far shorter than four such bytes can say.
            if shift > 21 {
                return None;
            }
            number |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        stored.push(match number.checked_sub(1) {
            None => None,
            Some(count) => {
                let (column, rest) = bytes.split_at_checked(count)?;
                bytes = rest;
                Some(column)
            }
        });
    }
    bytes.is_empty().then_some(())?;
    K::from_columns(&stored, columns)
}

/// Returns a key's columns as values, for people.
pub(crate) fn values<K: SqlKey>(key: &K, types: &[Type]) -> Vec<Value> {
    let value = |(at, column): (usize, &Type)| {
        let mut bytes = Vec::new();
        let stored = key.bind_column(at, &mut bytes).then_some(&*bytes);
        Value::read(column, stored).unwrap_or(Value::Other(bytes.clone()))
    };
    types.iter().enumerate().map(value).collect()
}

/// Returns the fraction of the range from `first` to `last` that lies before `at`: that of the first column in which
/// those two differ. Text gives `None`, since it uses few byte values.
pub(crate) fn fraction<K: SqlKey>(
    first: &K,
    last: &K,
    at: &K,
    columns: &KeyColumns,
) -> Option<f64> {
    let [first, last, at] = [first, last, at].map(|key| values(key, &columns.types));
    for column in 0..columns.types.len() {
        let (from, to, here) = (&first[column], &last[column], &at[column]);
        if from == to {
            // The key isn't between the ends.
            match from == here {
                true => continue,
                false => return None,
            }
        }
        let way = from.compare(to)?;
        if from.compare(here)? != way {
            // Keys that share this column with the first one: the columns after it say little.
            return Some(0.0);
        }
        if here.compare(to)? == way.reverse() {
            return Some(1.0);
        }
        let (all, before) = distances(from, to, here)?;
        return Some(match all == 0.0 {
            true => 0.0,
            false => (before / all).clamp(0.0, 1.0),
        });
    }
    Some(0.0)
}

/// Returns the distances of `to` and of `here` from `from`.
fn distances(from: &Value, to: &Value, here: &Value) -> Option<(f64, f64)> {
    if let (Some(from), Some(to), Some(here)) = (bytes(from), bytes(to), bytes(here)) {
        let common = from.iter().zip(to).take_while(|(a, b)| a == b).count();
        // Everything between the ends begins with what these have in common.
        let digits = |bytes: &[u8]| {
            let mut digits = [0; 8];
            let rest = bytes.get(common..).unwrap_or_default();
            for (digit, byte) in digits.iter_mut().zip(rest) {
                *digit = *byte;
            }
            i128::from(u64::from_be_bytes(digits))
        };
        let from = digits(from);
        return Some(((digits(to) - from) as f64, (digits(here) - from) as f64));
    }
    if let (Some(from), Some(to), Some(here)) = (whole(from), whole(to), whole(here)) {
        return Some(((to - from) as f64, (here - from) as f64));
    }
    let number = |value: &Value| match value {
        Value::Numeric(number) => number.as_str().parse::<f64>().ok(),
        _ => None,
    };
    let (from, to, here) = (number(from)?, number(to)?, number(here)?);
    (from.is_finite() && to.is_finite()).then_some((to - from, here - from))
}

fn bytes(value: &Value) -> Option<&[u8]> {
    match value {
        Value::Bytes(bytes) => Some(bytes),
        Value::Uuid(bytes) => Some(bytes),
        _ => None,
    }
}

fn whole(value: &Value) -> Option<i128> {
    Some(match value {
        Value::Bool(value) => i128::from(*value),
        Value::Int(value) => i128::from(*value),
        Value::Date(value) if value.is_finite() => i128::from(value.days()),
        Value::Timestamp(value) if value.is_finite() => i128::from(value.micros()),
        Value::TimestampTz(value) if value.is_finite() => i128::from(value.micros()),
        _ => return None,
    })
}

/// Compares two rows' keys in a walk of this order; `None` if only PostgreSQL knows.
pub(crate) fn step<K: PartialOrd>(before: &K, key: &K, order: Order) -> Option<Ordering> {
    let way = before.partial_cmp(key)?;
    Some(match order {
        Order::Ascending => way,
        Order::Descending => way.reverse(),
    })
}
