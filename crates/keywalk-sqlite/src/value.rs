use std::cmp::Ordering;
use std::fmt;

use keywalk::Excerpt;
use keywalk_sql::Scalar;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, ToSql};

/// Stores a value in place, reusing the memory of `value`.
pub(crate) fn refill(value: &mut Value, stored: ValueRef<'_>) -> FromSqlResult<()> {
    match (value, stored) {
        (Value::Text(text), ValueRef::Text(stored)) => refill_text(text, stored)?,
        (Value::Blob(blob), ValueRef::Blob(stored)) => {
            blob.clear();
            blob.extend_from_slice(stored);
        }
        (value, stored) => *value = Value::column_result(stored)?,
    }
    Ok(())
}

pub(crate) fn refill_text(text: &mut String, stored: &[u8]) -> FromSqlResult<()> {
    let stored = std::str::from_utf8(stored).map_err(FromSqlError::Utf8Error)?;
    text.clear();
    text.push_str(stored);
    Ok(())
}

/// Returns the size of the values in bytes, including what they own.
pub(crate) fn weigh(values: &[Value]) -> usize {
    let owned = values.iter().map(|value| match value {
        Value::Null | Value::Integer(_) | Value::Real(_) => 0,
        Value::Text(text) => text.len(),
        Value::Blob(blob) => blob.len(),
    });
    owned.fold(size_of_val(values), usize::saturating_add)
}

/// Borrows a value for a statement's parameter.
pub(crate) fn bind(value: &Value) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(value.into())
}

/// Converts a value as SQLite does when it is bound.
pub(crate) fn as_stored(db: &Connection, value: impl ToSql) -> rusqlite::Result<Value> {
    db.query_row("SELECT ?1", [value], |row| row.get(0))
}

/// Converts a number as SQLite does to compare it with a text column; returns any other value unchanged.
pub(crate) fn as_text(db: &Connection, value: &Value) -> rusqlite::Result<Value> {
    match value {
        Value::Integer(_) | Value::Real(_) => {
            db.query_row("SELECT CAST(?1 AS TEXT)", [value], |row| row.get(0))
        }
        other => Ok(other.clone()),
    }
}

/// Compares in SQLite's own order, which is that of [`Scalar`].
pub(crate) fn compare(a: &Value, b: &Value) -> Ordering {
    scalar(a).compare(scalar(b))
}

pub(crate) fn scalar(value: &Value) -> Scalar<'_> {
    match value {
        Value::Null => Scalar::Null,
        Value::Integer(integer) => Scalar::Integer(*integer),
        Value::Real(real) => Scalar::Real(*real),
        Value::Text(text) => Scalar::Text(text),
        Value::Blob(blob) => Scalar::Bytes(blob),
    }
}

/// A value in a message: a SQL literal, escaped, and cut if it is long. For readers, "the text" or "the blob" is
/// written before a value of that type.
pub(crate) struct Shown<'a>(pub(crate) ValueRef<'a>);

const SHOWN_CHARS: usize = 40;
const SHOWN_BYTES: usize = 16;

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ValueRef::Text(_) => f.write_str("the text ")?,
            ValueRef::Blob(_) => f.write_str("the blob ")?,
            ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => {}
        }
        Literal {
            value: self.0,
            most_chars: SHOWN_CHARS,
            most_bytes: SHOWN_BYTES,
        }
        .fmt(f)
    }
}

/// Formats a key's value for people. Its length limit is higher than in messages, since it has to distinguish keys.
pub(crate) fn key_text(value: ValueRef<'_>) -> String {
    let literal = Literal {
        value,
        most_chars: 120,
        most_bytes: 60,
    };
    literal.to_string()
}

/// A SQL literal, but escaped and cut.
struct Literal<'a> {
    value: ValueRef<'a>,
    most_chars: usize,
    most_bytes: usize,
}

impl fmt::Display for Literal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value {
            ValueRef::Null => f.write_str("NULL"),
            ValueRef::Integer(integer) => write!(f, "{integer}"),
            ValueRef::Real(real) => write!(f, "{real:?}"),
            ValueRef::Text(bytes) => {
                // Cut before decoding, since a text may be long.
                let start = &bytes[..bytes.len().min(self.most_chars * 4)];
                let text = String::from_utf8_lossy(start);
                let cut = text.char_indices().nth(self.most_chars);
                let shown = &text[..cut.map_or(text.len(), |(end, _)| end)];
                let quoted = shown.replace('\'', "''");
                write!(f, "'{}'", Excerpt::new(&quoted, usize::MAX))?;
                match cut.is_some() || start.len() < bytes.len() {
                    true => write!(f, "... ({} bytes)", bytes.len()),
                    false => Ok(()),
                }
            }
            ValueRef::Blob(bytes) => {
                f.write_str("x'")?;
                for byte in bytes.iter().take(self.most_bytes) {
                    write!(f, "{byte:02x}")?;
                }
                f.write_str("'")?;
                match bytes.len() > self.most_bytes {
                    true => write!(f, "... ({} bytes)", bytes.len()),
                    false => Ok(()),
                }
            }
        }
    }
}
