use std::cmp::Ordering;

use rusqlite::types::{Value, ValueRef};
use uuid::fmt::Hyphenated;

use crate::key::{Comparison, Key, KeyColumn, bytes};
use crate::value::compare;

/// What part of the way from `first` to `last` lies before `at`, by the first column in which those two
/// differ. `None` along text that isn't UUIDs: characters use little of a byte's range, so that all dates of
/// a year would lie within a hundredth of the way.
pub(crate) fn share<K: Key>(first: &K, last: &K, at: &K) -> Option<f64> {
    for column in 0..first.width() {
        // Fails for what is no value of SQLite's.
        let value = |key: &K| Value::try_from(bytes::lent(&key.bind_column(column))).ok();
        let (from, to, here) = (value(first)?, value(last)?, value(at)?);
        if compare(&from, &to) != Ordering::Equal {
            let by_collation = first.comparison(column) == Comparison::Store;
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
    let uuid: Hyphenated = KeyColumn::read(ValueRef::Text(text.as_bytes())).ok()?;
    Some(Value::Blob(uuid.as_uuid().as_bytes().to_vec()))
}

/// Where a key stands that has other values in columns which first and last have in common.
fn beside<K: Key>(first: &K, last: &K, at: &K) -> Option<f64> {
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
