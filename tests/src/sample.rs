//! Sample databases, which SQLite fills by itself with hundreds of thousands of rows per second, and the check of a
//! file that one of them was exported to.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::{Map, Value as Json};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::database::refuse_beside_a_database;
use crate::program::{BoxError, Failure, log_line};

/// Creates a table of `rows` rows in a new or empty file. `select` computes a row from `n`, which counts from 1.
fn fill(file: &Path, rows: u64, table: &str, select: &str) -> rusqlite::Result<Connection> {
    let db = Connection::open(file)?;
    // The database is temporary, so it needn't survive a power failure.
    db.execute_batch(&format!(
        "PRAGMA journal_mode = OFF;
         PRAGMA synchronous = OFF;
         CREATE TABLE {table};
         WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {rows})
             INSERT INTO {} SELECT {select} FROM numbers;
         PRAGMA journal_mode = WAL;",
        table.split(' ').next().unwrap_or_default()
    ))?;
    Ok(db)
}

/// Creates the table `items`, about 600 bytes per row: `id` from 1 on, `name`, and `photo`, a blob of 500 bytes that begins with
/// the id's digits.
pub fn items(file: &Path, rows: u64) -> rusqlite::Result<Connection> {
    let table = "items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, photo BLOB NOT NULL)";
    let row = "n, 'the item number ' || n, CAST(printf('%-500d', n) AS BLOB)";
    fill(file, rows, table, row)
}

/// Creates the table of [`items`] in a PostgreSQL database that has none.
pub async fn postgres_items(db: &Client, rows: u64) -> Result<(), BoxError> {
    let create =
        "CREATE TABLE items (id BIGINT PRIMARY KEY, name TEXT NOT NULL, photo BYTEA NOT NULL)";
    match db.batch_execute(create).await {
        Err(error) if error.code() == Some(&SqlState::DUPLICATE_TABLE) => {
            return Err(Failure::Mistake("the table items already exists".to_owned()).into());
        }
        created => created?,
    }
    db.batch_execute(&format!(
        "INSERT INTO items SELECT n, 'the item number ' || n, rpad(n::TEXT, 500)::BYTEA
             FROM generate_series(1, {rows}) AS n"
    ))
    .await?;
    // After the first reader has found that a row is committed, it writes that to the row. This does it for all.
    Ok(db.batch_execute("VACUUM (ANALYZE) items").await?)
}

/// Creates the table of [`items`] in a file that doesn't exist yet.
pub fn new_items(file: &Path, rows: u64) -> Result<(), BoxError> {
    refuse_beside_a_database(file)?;
    let shown = file.display();
    File::create_new(file)
        .map_err(|error| Failure::Mistake(format!("can't make {shown}: {error}")))?;
    items(file, rows)?;
    log_line(format_args!(
        "made the table items of {rows} rows in {shown}"
    ));
    Ok(())
}

/// Returns the URL form of a name, for an item's `slug`: its letters and digits in lower case, joined by hyphens.
#[must_use]
pub fn slug(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric());
    let words = words.filter(|word| !word.is_empty()).map(str::to_lowercase);
    words.collect::<Vec<_>>().join("-")
}

/// Creates the table `events`, about 200 bytes per row. Every second one is old: before the second 1,700,000,000.
pub fn events(file: &Path, rows: u64) -> rusqlite::Result<Connection> {
    let table = "events (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, body TEXT NOT NULL)";
    let row = "n, 1700000000 + iif(n % 2, -n, n), printf('event %-185d', n)";
    fill(file, rows, table, row)
}

/// The words of the table `texts`, each padded to nine characters.
const VOCABULARY: &str = "alfa     bravo    charlie  delta    echo     foxtrot  golf     hotel    india    juliett  \
                          kilo     lima     mike     november oscar    papa     quebec   romeo    sierra   tango    \
                          uniform  victor   whiskey  xray     yankee   zulu     ";

/// The number of words per row of the table `texts`.
pub const WORDS_PER_TEXT: u64 = 16;

/// Creates the table `texts`: `id` from 1 on, and `body`, whose words are those of [`text_words`].
pub fn texts(file: &Path, rows: u64) -> rusqlite::Result<Connection> {
    let word = |factor| format!("trim(substr('{VOCABULARY}', 1 + 9 * (n * {factor} % 26), 9))");
    let words: Vec<String> = (1..=WORDS_PER_TEXT).map(word).collect();
    let row = format!("n, {}", words.join(" || ' ' || "));
    fill(
        file,
        rows,
        "texts (id INTEGER PRIMARY KEY, body TEXT NOT NULL)",
        &row,
    )
}

/// Returns the words of a row of the table `texts`.
pub fn text_words(id: u64) -> impl Iterator<Item = &'static str> {
    (1..=WORDS_PER_TEXT).map(move |factor| {
        let start = 9 * (id * factor % 26) as usize;
        VOCABULARY[start..start + 9].trim_end()
    })
}

/// Creates the table `readings`, with values that are easily damaged by an export.
pub fn readings(file: &Path, rows: u64) -> rusqlite::Result<Connection> {
    let table =
        "readings (id INTEGER PRIMARY KEY, number INTEGER, ratio REAL, name TEXT, data BLOB, note)";
    let row = "n, 9223372036854775807 - n, 1.0 / n, \
        'the \"reading\" number' || char(10) || n || '\\ of \u{fc}', unhex(printf('%016x', n)), \
        CASE n % 3 WHEN 1 THEN 1e-305 / n WHEN 2 THEN char(31, 127, 8232, 32, 128512) END";
    fill(file, rows, table, row)
}

/// Checks that the lines of a file are the rows of `readings`: each once, in order, with the same values.
pub fn check_readings(database: &Path, lines: &Path) -> Result<(), BoxError> {
    let db = Connection::open(database)?;
    let mut statement = db.prepare("SELECT * FROM readings ORDER BY id")?;
    let name = |at| statement.column_name(at).map(str::to_owned);
    let columns = (0..statement.column_count()).map(name);
    let columns: Vec<String> = columns.collect::<rusqlite::Result<_>>()?;
    let mut rows = statement.query([])?;
    let mut number = 0;
    for line in BufReader::new(File::open(lines)?).lines() {
        number += 1;
        let Some(row) = rows.next()? else {
            return Err(format!("line {number} has no row").into());
        };
        let mut expected = Map::new();
        for (at, column) in columns.iter().enumerate() {
            let value = match row.get_ref(at)? {
                ValueRef::Null => Json::Null,
                ValueRef::Integer(integer) => Json::from(integer),
                ValueRef::Real(real) => Json::from(real),
                ValueRef::Text(text) => Json::from(String::from_utf8_lossy(text)),
                ValueRef::Blob(blob) => {
                    let digits: Vec<String> = blob.iter().map(|b| format!("{b:02X}")).collect();
                    Json::from(digits.concat())
                }
            };
            expected.insert(column.clone(), value);
        }
        if serde_json::from_str::<Json>(&line?)? != Json::Object(expected) {
            return Err(format!("line {number} isn't row {number}").into());
        }
    }
    match rows.next()? {
        None => Ok(()),
        Some(_) => Err(format!("the file has {number} lines only").into()),
    }
}
