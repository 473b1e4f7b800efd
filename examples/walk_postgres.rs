//! How do I walk a PostgreSQL table in constant memory while other connections delete rows?
//!
//! `cargo run --release --example walk_postgres` starts a server, makes a table of 500,000 rows and walks it.
//! Concurrently, a second connection deletes rows ahead of and behind the cursor. The example checks every row that the
//! walk yields. With `--url URL --table NAME` it walks a table of your own, with any key. `--help` lists the options.

#![forbid(unsafe_code)]

use std::io::{self, BufWriter, Write};
use std::num::NonZeroUsize;
use std::process::ExitCode;

use clap::Parser;
use keywalk::{Order, Stats, Walk};
use keywalk_postgres::{DynKey, Table, Value};
use keywalk_tests::concurrent::{Deleter, of_postgres};
use keywalk_tests::peak_memory::measured_over;
use keywalk_tests::postgres::{Blocking, Server, connect};
use keywalk_tests::program::{BoxError, Failure, log_line, print_line, run};
use keywalk_tests::sample;
use tokio::runtime::Builder;

/// Walks a PostgreSQL table in key order, one chunk at a time, in constant memory.
/// Without --url it starts a server in a temporary folder, makes a table, and walks it while a second connection
/// deletes every tenth row.
#[derive(Parser)]
#[command(name = "walk_postgres")]
struct Args {
    /// Number of rows in the table that it makes
    #[arg(long, default_value_t = 500_000, conflicts_with = "url")]
    rows: u64,
    /// Only make the table `items` in your own database
    #[arg(long, value_name = "URL", conflicts_with = "url")]
    make: Option<String>,
    /// Walk a table in your own database: `postgres://USER:PASSWORD@HOST/DATABASE`, or `host=HOST user=USER`
    #[arg(long, value_name = "URL", requires = "table")]
    url: Option<String>,
    /// Table to walk: `table` or `schema.table`
    #[arg(long, value_name = "NAME", requires = "url")]
    table: Option<String>,
    /// Key columns, separated by commas; default: the table's primary key
    #[arg(long, value_delimiter = ',', requires = "url")]
    key: Vec<String>,
    /// Print each key, with tabs between its columns; the summary then goes to stderr
    #[arg(long, requires = "url")]
    print_keys: bool,
    /// Rows per fetch
    #[arg(long, default_value = "512")]
    chunk_size: NonZeroUsize,
    /// Walk from the last key to the first
    #[arg(long)]
    desc: bool,
}

fn main() -> ExitCode {
    run(|args: Args| {
        if let Some(url) = &args.make {
            let db = Blocking::connect(url)?;
            return db.run(async |db| sample::postgres_items(db, args.rows).await);
        }
        let runtime = Builder::new_current_thread().enable_all().build()?;
        if let (Some(url), Some(table)) = (&args.url, &args.table) {
            let walk = || runtime.block_on(walk_own(url, table, &args));
            let line = measured_over(size(&Blocking::connect(url)?)?, walk)?;
            match args.print_keys {
                true => log_line(line),
                false => print_line(line)?,
            }
            return Ok(());
        }
        let server = Server::start()?;
        let url = server.url();
        let db = Blocking::connect(&url)?;
        db.run(async |db| sample::postgres_items(db, args.rows).await)?;
        let deletes = Deleter::start(args.rows, args.order(), of_postgres(&url)?);
        let walk = || runtime.block_on(walk_beside_deletes(&url, deletes, &args));
        Ok(print_line(measured_over(size(&db)?, walk)?)?)
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

/// Returns the size of the database in bytes.
fn size(db: &Blocking) -> Result<u64, BoxError> {
    let size = "SELECT pg_database_size(current_database())";
    let row = db.run(async |db| db.query_one(size, &[]).await)?;
    Ok(row.try_get::<_, i64>(0)?.unsigned_abs())
}

/// Walks a table whose key and types come from its schema.
async fn walk_own(url: &str, table: &str, args: &Args) -> Result<Stats, BoxError> {
    let db = connect(url).await?;
    let mut source = Table::new(&db, table);
    if !args.key.is_empty() {
        source = source.key::<DynKey>(&args.key);
    }
    let walk = Walk::new(source.await?).chunk_size(args.chunk_size.get());
    let mut chunks = walk.order(args.order()).async_chunks();
    let mut out = BufWriter::new(io::stdout().lock());
    while let Some(rows) = chunks.next().await? {
        for (key, _row) in rows.iter().filter(|_| args.print_keys) {
            let columns: Vec<String> = key.values().iter().map(shown).collect();
            writeln!(out, "{}", columns.join("\t")).map_err(Failure::Stdout)?;
        }
    }
    out.flush().map_err(Failure::Stdout)?;
    Ok(chunks.stats())
}

fn shown(value: &Value) -> String {
    value.to_text().unwrap_or_else(|| "NULL".to_owned())
}

/// Walks the generated table, and checks that every row that isn't deleted comes once, in order.
async fn walk_beside_deletes(url: &str, deletes: Deleter, args: &Args) -> Result<Stats, BoxError> {
    let db = connect(url).await?;
    let items = Table::new(&db, "items").key::<i64>(["id"]).await?;
    let walk = Walk::new(items).chunk_size(args.chunk_size.get());
    deletes
        .check_async(walk, |(id, _row)| id.unsigned_abs())
        .await
}
