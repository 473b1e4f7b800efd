//! Walks the table `items` of a database with sqlx: `keywalk-bench-sqlx WAY FILE`.

#![forbid(unsafe_code)]

use std::error::Error;

use futures_util::TryStreamExt;
use keywalk_bench_seen::{Args, Seen};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, FromRow, SqliteConnection};

type Fallible<T> = Result<T, Box<dyn Error>>;

/// The number of rows that sqlx's own thread may be ahead of the loop. With the default of 50, the two wait for each
/// other 1.7 times as often; with ten thousand, it took 50 % longer.
const ROWS_AHEAD: usize = 500;

const PAGE: usize = 1_000;

/// A row.
#[derive(FromRow)]
struct Item {
    id: i64,
    name: String,
    photo: Vec<u8>,
}

// One thread is enough: sqlx reads in a thread of its own.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Fallible<()> {
    let args = Args::of_this_process()?;
    let mut db = SqliteConnectOptions::new()
        .filename(&args.store)
        .row_buffer_size(ROWS_AHEAD)
        .disable_statement_logging()
        .connect()
        .await?;
    let seen = match args.way.as_str() {
        "fetch" => fetch(&mut db).await?,
        "keyset" => keyset(&mut db).await?,
        "fetch_all" => fetch_all(&mut db).await?,
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

/// One cursor.
async fn fetch(db: &mut SqliteConnection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let query = sqlx::query_as::<_, Item>("SELECT id, name, photo FROM items ORDER BY id");
    let mut rows = query.fetch(db);
    while let Some(item) = rows.try_next().await? {
        seen.see(item.id, &item.name, &item.photo);
    }
    Ok(seen)
}

/// Pages by hand, each after the last key.
async fn keyset(db: &mut SqliteConnection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut last = 0;
    loop {
        let sql = "SELECT id, name, photo FROM items WHERE id > ? ORDER BY id LIMIT ?";
        let query = sqlx::query_as::<_, Item>(sql).bind(last).bind(PAGE as i64);
        let page = query.fetch_all(&mut *db).await?;
        for item in &page {
            seen.see(item.id, &item.name, &item.photo);
            last = item.id;
        }
        if page.len() < PAGE {
            return Ok(seen);
        }
    }
}

/// The whole table at once.
async fn fetch_all(db: &mut SqliteConnection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let query = sqlx::query_as::<_, Item>("SELECT id, name, photo FROM items ORDER BY id");
    for item in query.fetch_all(db).await? {
        seen.see(item.id, &item.name, &item.photo);
    }
    Ok(seen)
}
