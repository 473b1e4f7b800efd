use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use keywalk_examples::{Failure, note, say, stop_on_interrupt};
use keywalk_job::Stop;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Row};
use serde_json::Value as Json;

use crate::args::{Options, Own};
use crate::own_table;

const ROWS_PER_TRANSACTION: u64 = 10_000;

/// Exports a table of its own to a file, and checks the file.
pub(crate) fn export(rows: u64, options: &Options) -> Result<(), Failure> {
    let stop = stop_on_interrupt()?;
    let folder = tempfile::tempdir()?;
    let mut own = make(folder.path(), rows, &stop)?;
    let out = folder.path().join("out.ndjson");
    own.out = Some(out.clone());
    if own_table::export(&own, options, &stop)? {
        check(&own.db, &out)?;
        say(format_args!(
            "the file has each of {rows} rows once, in order"
        ))?;
    }
    Ok(())
}

/// Makes the table in this folder, with values that are easily spoilt.
pub(crate) fn make(folder: &Path, rows: u64, stop: &Stop) -> Result<Own, Failure> {
    let file = folder.join("readings.db");
    let mut db = Connection::open(&file)?;
    db.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = OFF;
         CREATE TABLE readings (id INTEGER PRIMARY KEY, number INTEGER, ratio REAL, name TEXT, data BLOB, note);",
    )?;
    let mut made = 0;
    while made < rows && !stop.is_requested() {
        let end = rows.min(made + ROWS_PER_TRANSACTION);
        let transaction = db.transaction()?;
        for id in made + 1..=end {
            insert(&transaction, id.cast_signed())?;
        }
        transaction.commit()?;
        made = end;
    }
    note(format_args!("made the table readings of {rows} rows"));
    Ok(Own {
        db: file,
        table: "readings".to_owned(),
        ..Own::default()
    })
}

fn insert(db: &Connection, id: i64) -> rusqlite::Result<()> {
    let mut insert = db.prepare_cached("INSERT INTO readings VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    let note = match id % 3 {
        0 => Value::Null,
        1 => Value::Real(f64::from_bits(
            id.unsigned_abs().wrapping_mul(0x9E37_79B9) | 1 << 52,
        )),
        _ => Value::Text("\u{0}\u{1f} \u{2028} \u{1f600}".to_owned()),
    };
    insert.execute((
        id,
        i64::MAX - id,
        1.0 / id as f64,
        format!("the \"reading\" number\n{id}\\ of \u{fc}"),
        id.to_be_bytes(),
        note,
    ))?;
    Ok(())
}

/// Sees that the file's lines are the table's rows: each once, in order, with the same values.
pub(crate) fn check(db: &Path, out: &Path) -> Result<(), Failure> {
    let db = Connection::open(db)?;
    let mut statement = db.prepare("SELECT * FROM readings ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut number = 0;
    for line in BufReader::new(File::open(out)?).lines() {
        number += 1;
        let line: Json = serde_json::from_str(&line?)
            .map_err(|error| Failure::failed(format!("line {number} isn't JSON: {error}")))?;
        let row = rows.next()?;
        let row = row.ok_or_else(|| Failure::failed(format!("line {number} has no row")))?;
        if !is_same(row, &line)? {
            return Err(Failure::failed(format!(
                "line {number} isn't row {}",
                row.get::<_, i64>(0)?
            )));
        }
    }
    match rows.next()? {
        None => Ok(()),
        Some(_) => Err(Failure::failed(format!("the file has {number} lines only"))),
    }
}

fn is_same(row: &Row<'_>, line: &Json) -> rusqlite::Result<bool> {
    let columns = row.as_ref().column_names();
    let count = columns.len();
    for (at, column) in columns.enumerate() {
        let expected = match row.get_ref(at)? {
            ValueRef::Null => Json::Null,
            ValueRef::Integer(integer) => Json::from(integer),
            ValueRef::Real(real) => Json::from(real),
            ValueRef::Text(text) => Json::from(String::from_utf8_lossy(text)),
            ValueRef::Blob(blob) => Json::from(
                blob.iter()
                    .map(|byte| format!("{byte:02X}"))
                    .collect::<String>(),
            ),
        };
        if line.get(column) != Some(&expected) {
            return Ok(false);
        }
    }
    Ok(line.as_object().is_some_and(|line| line.len() == count))
}
