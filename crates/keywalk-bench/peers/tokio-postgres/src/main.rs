//! Walks the table `items` of a PostgreSQL database with tokio-postgres by hand, or with keywalk over it:
//! `keywalk-bench-tokio-postgres WAY URL`.

#![forbid(unsafe_code)]

use std::error::Error;
use std::pin::pin;

use futures_util::{StreamExt, TryStreamExt};
use keywalk::Walk;
use keywalk_bench_seen::{Args, Seen};
use keywalk_postgres::{FromRow, SqlSource, Table, decode::Decode};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, NoTls, Row};

type Fallible<T> = Result<T, Box<dyn Error>>;

const PAGE: usize = 1_000;

const ALL: &str = "SELECT id, name, photo FROM items ORDER BY id";

/// The columns of a row other than its key.
#[derive(Default)]
struct Item {
    name: String,
    photo: Vec<u8>,
}

impl FromRow for Item {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Item {
            name: row.try_get(1)?,
            photo: row.try_get(2)?,
        })
    }

    fn refill(&mut self, row: &Row) -> Result<(), tokio_postgres::Error> {
        self.name.clear();
        self.name.push_str(row.try_get(1)?);
        self.photo.clear();
        self.photo.extend_from_slice(row.try_get(2)?);
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Fallible<()> {
    let args = Args::of_this_process()?;
    let (mut db, connection) = tokio_postgres::connect(&args.store, NoTls).await?;
    tokio::spawn(connection);
    let seen = match args.way.as_str() {
        "lent" => lent(db).await?,
        "ahead" => ahead(db).await?,
        "stream" => stream(db).await?,
        "query_raw" => query_raw(&db).await?,
        "cursor" => cursor(&mut db).await?,
        "keyset" => keyset(&db).await?,
        "query" => query(&db).await?,
        _ => return Err(args.unknown()),
    };
    println!("{seen}");
    Ok(())
}

/// One statement, whose rows arrive while they are processed.
async fn query_raw(db: &Client) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let no_params: [&str; 0] = [];
    let mut rows = pin!(db.query_raw(ALL, no_params).await?);
    while let Some(row) = rows.try_next().await? {
        let item = Item::from_row(&row)?;
        seen.see(row.try_get(0)?, &item.name, &item.photo);
    }
    Ok(seen)
}

/// A cursor of the server, in a transaction.
async fn cursor(db: &mut Client) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let transaction = db.transaction().await?;
    let portal = transaction.bind(ALL, &[]).await?;
    loop {
        let rows = transaction.query_portal(&portal, PAGE as i32).await?;
        for row in &rows {
            let item = Item::from_row(row)?;
            seen.see(row.try_get(0)?, &item.name, &item.photo);
        }
        if rows.len() < PAGE {
            return Ok(seen);
        }
    }
}

/// Pages after the last key: nothing is held while a page is processed.
async fn keyset(db: &Client) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let sql = format!("SELECT id, name, photo FROM items WHERE id > $1 ORDER BY id LIMIT {PAGE}");
    let mut last = 0_i64;
    loop {
        let rows = db.query_typed(&sql, &[(&last, Type::INT8)]).await?;
        for row in &rows {
            let item = Item::from_row(row)?;
            last = row.try_get(0)?;
            seen.see(last, &item.name, &item.photo);
        }
        if rows.len() < PAGE {
            return Ok(seen);
        }
    }
}

/// The whole table at once.
async fn query(db: &Client) -> Fallible<Seen> {
    let mut seen = Seen::default();
    for row in &db.query(ALL, &[]).await? {
        let item = Item::from_row(row)?;
        seen.see(row.try_get(0)?, &item.name, &item.photo);
    }
    Ok(seen)
}

/// Lent chunks, whose items are reused.
async fn lent(db: Client) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut chunks = Walk::new(items(db).await?).async_chunks();
    while let Some(items) = chunks.next().await? {
        for (id, item) in items {
            seen.see(*id, &item.name, &item.photo);
        }
    }
    Ok(seen)
}

/// Lent chunks. The next one is fetched while this one is used.
async fn ahead(db: Client) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut chunks = keywalk_tokio::ahead(Walk::new(items(db).await?).async_chunks(), 1);
    while let Some(items) = chunks.next().await? {
        for (id, item) in items {
            seen.see(*id, &item.name, &item.photo);
        }
    }
    Ok(seen)
}

/// Item by item, each owned by the loop.
async fn stream(db: Client) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut stream = Walk::new(items(db).await?).stream();
    while let Some(item) = stream.next().await {
        let (id, item) = item?;
        seen.see(id, &item.name, &item.photo);
    }
    Ok(seen)
}

async fn items(db: Client) -> Fallible<SqlSource<Client, i64, impl Decode<Item = Item>>> {
    Ok(Table::new(db, "items")
        .key::<i64>(["id"])
        .decode::<Item>()
        .await?)
}
