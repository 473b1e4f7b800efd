use std::error::Error;
use std::fmt;

use rusqlite::Row;
use rusqlite::types::ValueRef;

/// How a row becomes a line: one object of JSON, `{"id":1,"name":"Ada"}`.
#[derive(Clone)]
pub(crate) struct LineFormat {
    /// Each column's name, and what stands before it and behind it in a line.
    names: Vec<(String, Vec<u8>)>,
}

impl LineFormat {
    pub(crate) fn new(columns: &[String]) -> serde_json::Result<Self> {
        let mut names = Vec::new();
        for (at, column) in columns.iter().enumerate() {
            let mut before = vec![if at == 0 { b'{' } else { b',' }];
            serde_json::to_writer(&mut before, column)?;
            before.push(b':');
            names.push((column.clone(), before));
        }
        Ok(LineFormat { names })
    }

    /// Writes a row that begins with these columns, in the memory of a line that is there.
    pub(crate) fn write(&self, row: &Row<'_>, line: &mut Vec<u8>) -> rusqlite::Result<()> {
        line.clear();
        for (at, (column, before)) in self.names.iter().enumerate() {
            line.extend_from_slice(before);
            let value = row.get_ref(at)?;
            write_value(value, line).map_err(|why| {
                let error = NotJson {
                    column: column.clone(),
                    why,
                };
                let of = value.data_type();
                rusqlite::Error::FromSqlConversionFailure(at, of, Box::new(error))
            })?;
        }
        line.extend_from_slice(b"}\n");
        Ok(())
    }
}

fn write_value(value: ValueRef<'_>, line: &mut Vec<u8>) -> Result<(), String> {
    let written = match value {
        ValueRef::Null => serde_json::to_writer(line, &()),
        // With all its digits. Readers that take every number for a double have 53 bits of them.
        ValueRef::Integer(integer) => serde_json::to_writer(line, &integer),
        ValueRef::Real(real) if real.is_finite() => serde_json::to_writer(line, &real),
        ValueRef::Real(real) => return Err(format!("the number {real}")),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => serde_json::to_writer(line, text),
            Err(error) => return Err(format!("text that isn't UTF-8: {error}")),
        },
        ValueRef::Blob(blob) => {
            const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
            line.push(b'"');
            for byte in blob {
                line.push(DIGITS[usize::from(byte >> 4)]);
                line.push(DIGITS[usize::from(byte & 15)]);
            }
            line.push(b'"');
            Ok(())
        }
    };
    written.map_err(|error| error.to_string())
}

/// A value has no place in JSON.
#[derive(Debug)]
struct NotJson {
    column: String,
    why: String,
}

impl fmt::Display for NotJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the column {:?} holds {}", self.column, self.why)
    }
}

impl Error for NotJson {}
