//! Walks the table `items` of a database with SeaORM: `keywalk-bench-sea-orm WAY FILE`.

#![forbid(unsafe_code)]

use std::error::Error;

use keywalk_bench_seen::Args;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DbBackend, Statement};

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
    let mut options = ConnectOptions::new(format!("sqlite:{}", args.file));
    options
        .max_connections(1)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(|options| options.row_buffer_size(ROWS_AHEAD));
    let db = Database::connect(options).await?;
    let seen = match args.way.as_str() {
        "stream" => ways::stream(&db).await?,
        "cursor" => ways::cursor(&db).await?,
        "all" => ways::all(&db).await?,
        "sqlite" => {
            let sql = "SELECT sqlite_version() AS version";
            let version = Statement::from_string(DbBackend::Sqlite, sql);
            if let Some(row) = db.query_one_raw(version).await? {
                println!("{}", row.try_get::<String>("", "version")?);
            }
            return Ok(());
        }
        _ => return Err(args.unknown()),
    };
    println!("{seen}");
    Ok(())
}
