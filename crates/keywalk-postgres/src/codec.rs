//! Encodes keys as the bytes of a token, and as a fraction of a range, whatever Rust type they have.
//!
//! Each column is a number in LEB128 form, then its binary form in PostgreSQL. The number is 0 for NULL, and otherwise
//! one more than the count of bytes that follow. This format never changes.

use std::cmp::Ordering;
use std::sync::Arc;

use keywalk::Order;
use keywalk_sql::{Scalar, Scale};
use tokio_postgres::types::Type;

use crate::key::{KeyColumns, SqlKey, TextOrder};
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

/// Returns the fraction of the range from `first` to `last` that lies before `at`.
pub(crate) fn fraction<K: SqlKey>(
    first: &K,
    last: &K,
    at: &K,
    columns: &KeyColumns,
) -> Option<f64> {
    let scales = columns.orders.iter().zip(&columns.text_orders);
    let scales = scales.map(|(order, text_order)| Scale {
        order: *order,
        is_collated: *text_order == TextOrder::Collation,
    });
    let [first, last, at] = [first, last, at].map(|key| values(key, &columns.types));
    let [first, last, at] = [&first, &last, &at].map(|values| {
        let scalars = values.iter().map_while(scalar);
        Vec::from_iter(scalars)
    });
    keywalk_sql::fraction(&Vec::from_iter(scales), &first, &last, &at)
}

/// Returns a value as a place on a scale; `None` if it has none.
pub(crate) fn scalar(value: &Value) -> Option<Scalar<'_>> {
    Some(match value {
        Value::Null => Scalar::Null,
        Value::Bool(value) => Scalar::Integer(i64::from(*value)),
        Value::Int(value) => Scalar::Integer(*value),
        Value::Numeric(value) => {
            Scalar::Real(value.as_str().parse().ok().filter(|r: &f64| !r.is_nan())?)
        }
        Value::Text(value) => Scalar::Text(value),
        Value::Bytes(value) => Scalar::Bytes(value),
        Value::Uuid(value) => Scalar::Bytes(value),
        Value::Date(value) => Scalar::Integer(i64::from(value.days())),
        Value::Timestamp(value) => Scalar::Integer(value.micros()),
        Value::TimestampTz(value) => Scalar::Integer(value.micros()),
        Value::Float(_) | Value::Other(_) => return None,
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
