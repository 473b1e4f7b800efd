//! How a row becomes a line: one object of JSON, `{"id":1,"name":"Ada"}`.

use std::str::from_utf8;

use rusqlite::types::{Type, ValueRef};
use rusqlite::{Error, Row};

pub(crate) struct LineFormat {
    /// What stands before each column: `{"id":`, `,"name":`.
    names: Vec<String>,
}

impl LineFormat {
    pub(crate) fn new(columns: &[String]) -> serde_json::Result<Self> {
        let mut names = Vec::new();
        for column in columns {
            let before = if names.is_empty() { "{" } else { "," };
            names.push(format!("{before}{}:", serde_json::to_string(column)?));
        }
        Ok(LineFormat { names })
    }

    /// Writes a row that begins with these columns, in the memory of a line that is there.
    pub(crate) fn write(&self, row: &Row<'_>, line: &mut Vec<u8>) -> rusqlite::Result<()> {
        line.clear();
        for (at, name) in self.names.iter().enumerate() {
            line.extend_from_slice(name.as_bytes());
            let value = row.get_ref(at)?;
            let no_json = |why: String| {
                let why = format!("the column {} holds {why}", &name[1..name.len() - 1]);
                Error::FromSqlConversionFailure(at, value.data_type(), why.into())
            };
            let written = match value {
                ValueRef::Null => serde_json::to_writer(&mut *line, &()),
                // With all its digits. Readers that take every number for a double have 53 bits of them.
                ValueRef::Integer(integer) => serde_json::to_writer(&mut *line, &integer),
                ValueRef::Real(real) if real.is_finite() => {
                    serde_json::to_writer(&mut *line, &real)
                }
                ValueRef::Real(real) => return Err(no_json(format!("the number {real}"))),
                ValueRef::Text(text) => {
                    let text = from_utf8(text)
                        .map_err(|error| no_json(format!("text that isn't UTF-8: {error}")))?;
                    serde_json::to_writer(&mut *line, text)
                }
                ValueRef::Blob(blob) => {
                    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
                    let digits =
                        |byte: &u8| [byte >> 4, byte & 15].map(|at| DIGITS[usize::from(at)]);
                    line.push(b'"');
                    line.extend(blob.iter().flat_map(digits));
                    line.push(b'"');
                    Ok(())
                }
            };
            written
                .map_err(|error| Error::FromSqlConversionFailure(at, Type::Null, error.into()))?;
        }
        line.extend_from_slice(b"}\n");
        Ok(())
    }
}
