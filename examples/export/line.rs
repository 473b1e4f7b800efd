//! Writes a row as one line of JSON: `{"id":1,"name":"Ada"}`.

use std::str::from_utf8;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error, Row};
use serde_json::Value as Json;

/// Returns the columns of a line: the key columns and the requested columns. If none were requested, it returns all.
pub(crate) fn columns(
    db: &Connection,
    table: &str,
    key: Vec<String>,
    named: &[String],
) -> rusqlite::Result<Vec<String>> {
    let mut named = named.to_vec();
    if named.is_empty() {
        // Includes generated columns, but not the hidden columns of virtual tables.
        let sql = "SELECT name FROM pragma_table_xinfo(?1) WHERE hidden <> 1 ORDER BY cid";
        let mut statement = db.prepare(sql)?;
        let all = statement.query_map([table], |row| row.get(0))?;
        named = all.collect::<rusqlite::Result<_>>()?;
    }
    let is_named = |column: &String| named.iter().any(|name| name.eq_ignore_ascii_case(column));
    let mut columns: Vec<String> = key.into_iter().filter(|column| !is_named(column)).collect();
    columns.extend(named);
    Ok(columns)
}

/// Replaces the content of `line` with a row that begins with these columns. Reuses the memory of `line`.
pub(crate) fn write(row: &Row<'_>, columns: &[String], line: &mut Vec<u8>) -> rusqlite::Result<()> {
    line.clear();
    for (at, column) in columns.iter().enumerate() {
        let value = row.get_ref(at)?;
        let json = json(value).map_err(|why| {
            let why = format!("the column {column:?} holds {why}");
            Error::FromSqlConversionFailure(at, value.data_type(), why.into())
        })?;
        line.push(if at == 0 { b'{' } else { b',' });
        line.extend(format!("{}:{json}", Json::from(&column[..])).bytes());
    }
    line.extend(b"}\n");
    Ok(())
}

fn json(value: ValueRef<'_>) -> Result<Json, String> {
    Ok(match value {
        ValueRef::Null => Json::Null,
        // All digits are written. Readers that parse every number as a double keep only 53 bits.
        ValueRef::Integer(integer) => integer.into(),
        ValueRef::Real(real) if real.is_finite() => real.into(),
        ValueRef::Real(real) => return Err(format!("the number {real}")),
        ValueRef::Text(text) => match from_utf8(text) {
            Ok(text) => text.into(),
            Err(error) => return Err(format!("text that isn't UTF-8: {error}")),
        },
        ValueRef::Blob(blob) => {
            let digits = blob.iter().map(|byte| format!("{byte:02X}"));
            digits.collect::<String>().into()
        }
    })
}
