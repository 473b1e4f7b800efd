//! Walks the table `items` of a database with sqlx: `keywalk-bench-sqlx WAY FILE`.

#![forbid(unsafe_code)]

use std::error::Error;

use keywalk_bench_seen::Args;
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

mod item;
mod ways;

type Fallible<T> = Result<T, Box<dyn Error>>;

/// How many rows sqlx's own thread may be ahead of the loop: with its 50 the two wait for each
/// other 1.7 times as often; with ten thousand it took half as much again.
const ROWS_AHEAD: usize = 500;

// In one thread: sqlx reads in another of its own anyway.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Fallible<()> {
    let args = Args::of_this_process()?;
    let mut db = SqliteConnectOptions::new()
        .filename(&args.file)
        .row_buffer_size(ROWS_AHEAD)
        .disable_statement_logging()
        .connect()
        .await?;
    let seen = match args.way.as_str() {
        "fetch" => ways::fetch(&mut db).await?,
        "keyset" => ways::keyset(&mut db).await?,
        "fetch-all" => ways::fetch_all(&mut db).await?,
        "sqlite" => {
            let version = sqlx::query_scalar("SELECT sqlite_version()");
            let version: String = version.fetch_one(&mut db).await?;
            println!("{version}");
            return Ok(());
        }
        _ => return Err(args.unknown()),
    };
    println!("{seen}");
    Ok(())
}
