//! Walks the table `items` of a database with sqlx: `keywalk-bench-sqlx WAY STORE`.

#![forbid(unsafe_code)]

use std::error::Error;

use futures_util::TryStreamExt;
use keywalk_bench_seen::{Args, Seen};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, FromRow, PgConnection, SqliteConnection};

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

// One thread is enough: sqlx reads SQLite in a thread of its own.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Fallible<()> {
    let args = Args::of_this_process()?;
    let seen = match args.store.starts_with("postgres:") {
        true => {
            let options: PgConnectOptions = args.store.parse()?;
            let mut db = options.disable_statement_logging().connect().await?;
            postgres(&args, &mut db).await?
        }
        false => {
            let mut db = SqliteConnectOptions::new()
                .filename(&args.store)
                .row_buffer_size(ROWS_AHEAD)
                .disable_statement_logging()
                .connect()
                .await?;
            if args.way == "sqlite" {
                let version = sqlx::query_scalar("SELECT sqlite_version()");
                let version: String = version.fetch_one(&mut db).await?;
                println!("{version}");
                return Ok(());
            }
            sqlite(&args, &mut db).await?
        }
    };
    println!("{seen}");
    Ok(())
}

/// The same ways for each database: sqlx has a type for each of them.
macro_rules! ways {
    ($name:ident, $connection:ty, $page:literal) => {
        async fn $name(args: &Args, db: &mut $connection) -> Fallible<Seen> {
            let mut seen = Seen::default();
            let query = sqlx::query_as::<_, Item>("SELECT id, name, photo FROM items ORDER BY id");
            match args.way.as_str() {
                // One statement, whose rows arrive while they are processed.
                "fetch" => {
                    let mut rows = query.fetch(db);
                    while let Some(item) = rows.try_next().await? {
                        seen.see(item.id, &item.name, &item.photo);
                    }
                }
                // Pages by hand, each after the last key.
                "keyset" => {
                    let mut last = 0;
                    loop {
                        let query = sqlx::query_as::<_, Item>($page);
                        let query = query.bind(last).bind(PAGE as i64);
                        let page = query.fetch_all(&mut *db).await?;
                        for item in &page {
                            seen.see(item.id, &item.name, &item.photo);
                            last = item.id;
                        }
                        if page.len() < PAGE {
                            break;
                        }
                    }
                }
                // The whole table at once.
                "fetch_all" => {
                    for item in query.fetch_all(db).await? {
                        seen.see(item.id, &item.name, &item.photo);
                    }
                }
                _ => return Err(args.unknown()),
            }
            Ok(seen)
        }
    };
}

ways!(
    sqlite,
    SqliteConnection,
    "SELECT id, name, photo FROM items WHERE id > ? ORDER BY id LIMIT ?"
);
ways!(
    postgres,
    PgConnection,
    "SELECT id, name, photo FROM items WHERE id > $1 ORDER BY id LIMIT $2"
);
