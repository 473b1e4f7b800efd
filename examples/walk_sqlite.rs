//! How do I walk a SQLite table in constant memory while other connections delete rows?
//!
//! `cargo run --release --example walk_sqlite` makes a table of 500,000 rows and walks it. Concurrently, a second
//! connection deletes rows ahead of and behind the cursor. The example checks every row that the walk yields.
//! With `--db FILE --table NAME` it walks a table of your own, with any key. `--help` lists the options.

#![forbid(unsafe_code)]

use std::io::{self, BufWriter, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use keywalk::{Order, Stats, Walk};
use keywalk_sqlite::{DynKey, Table};
use keywalk_tests::concurrent::{Deleter, of_sqlite};
use keywalk_tests::database::open_to_read;
use keywalk_tests::peak_memory::measured;
use keywalk_tests::program::{
    BoxError, Failure, in_temporary_folder, log_line, make_in_a_process, print_line, run,
};
use keywalk_tests::sample;
use rusqlite::types::Value;

/// Walks a SQLite table in key order, one chunk at a time, in constant memory.
/// Without --db it makes a table in a temporary folder, and walks it while a second connection deletes every
/// tenth row.
#[derive(Parser)]
#[command(name = "walk_sqlite")]
struct Args {
    /// Number of rows in the table that it makes
    #[arg(long, default_value_t = 500_000, conflicts_with = "db")]
    rows: u64,
    /// Only make the table `items` in a new file
    #[arg(long, value_name = "FILE", conflicts_with = "db")]
    make: Option<PathBuf>,
    /// Walk a table in your own database, which is opened read-only
    #[arg(long, value_name = "FILE", requires = "table")]
    db: Option<PathBuf>,
    /// Table to walk
    #[arg(long, value_name = "NAME", requires = "db")]
    table: Option<String>,
    /// Key columns, separated by commas; default: the table's primary key
    #[arg(long, value_delimiter = ',', requires = "db")]
    key: Vec<String>,
    /// Print each key, with tabs between its columns; the summary then goes to stderr
    #[arg(long, requires = "db")]
    print_keys: bool,
    /// Rows per fetch
    #[arg(long, default_value = "512")]
    chunk_size: NonZeroUsize,
    /// Walk from the last key to the first
    #[arg(long)]
    desc: bool,
}

fn main() -> ExitCode {
    run(|args: Args| match (&args.make, &args.db, &args.table) {
        (Some(file), ..) => sample::new_items(file, args.rows),
        (None, Some(file), Some(table)) => {
            let line = measured(file, || walk_own(file, table, &args))?;
            match args.print_keys {
                true => log_line(line),
                false => print_line(line)?,
            }
            Ok(())
        }
        _ => in_temporary_folder(|folder| {
            let file = folder.join("items.db");
            make_in_a_process(&file)?;
            let line = measured(&file, || walk_beside_deletes(&file, &args))?;
            Ok(print_line(line)?)
        }),
    })
}

impl Args {
    fn order(&self) -> Order {
        match self.desc {
            true => Order::Descending,
            false => Order::Ascending,
        }
    }
}

/// Walks a table whose key and types come from its schema.
fn walk_own(file: &Path, table: &str, args: &Args) -> Result<Stats, BoxError> {
    let db = open_to_read(file)?;
    // A walk reads each page once, so SQLite's cache only needs the pages on the path from the root of the tree.
    db.execute_batch("PRAGMA cache_size = -512")?;
    let mut source = Table::new(&db, table);
    if !args.key.is_empty() {
        source = source.key::<DynKey>(&args.key)?;
    }
    let walk = Walk::new(source).chunk_size(args.chunk_size.get());
    let mut chunks = walk.order(args.order()).chunks();
    let mut out = BufWriter::new(io::stdout().lock());
    while let Some(rows) = chunks.next()? {
        for (key, _row) in rows.iter().filter(|_| args.print_keys) {
            let columns: Vec<String> = key.values().iter().map(shown).collect();
            writeln!(out, "{}", columns.join("\t")).map_err(Failure::Stdout)?;
        }
    }
    out.flush().map_err(Failure::Stdout)?;
    Ok(chunks.stats())
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(integer) => integer.to_string(),
        Value::Real(real) => format!("{real:?}"),
        Value::Text(text) => text.clone(),
        Value::Blob(blob) => blob.iter().map(|byte| format!("{byte:02X}")).collect(),
    }
}

/// Walks the generated table, and checks that every row that isn't deleted comes once, in order.
fn walk_beside_deletes(file: &Path, args: &Args) -> Result<Stats, BoxError> {
    let deletes = Deleter::start(args.rows, args.order(), of_sqlite(file)?);
    let db = open_to_read(file)?;
    let items = Table::new(&db, "items").key::<i64>(["id"])?;
    let walk = Walk::new(items).chunk_size(args.chunk_size.get());
    deletes.check(walk, |(id, _row)| id.unsigned_abs())
}
