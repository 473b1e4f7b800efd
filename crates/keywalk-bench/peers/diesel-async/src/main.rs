//! Walks the table `items` of a PostgreSQL database with diesel-async: `keywalk-bench-diesel-async WAY URL`.

#![forbid(unsafe_code)]

use std::error::Error;

use diesel::prelude::{Queryable, Selectable};
use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use futures_util::TryStreamExt;
use keywalk_bench_seen::{Args, Seen};

type Fallible<T> = Result<T, Box<dyn Error>>;

const PAGE: usize = 1_000;

diesel::table! {
    items (id) {
        id -> BigInt,
        name -> Text,
        photo -> Binary,
    }
}

/// A row.
#[derive(Queryable, Selectable)]
#[diesel(table_name = items, check_for_backend(diesel::pg::Pg))]
struct Item {
    id: i64,
    name: String,
    photo: Vec<u8>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Fallible<()> {
    let args = Args::of_this_process()?;
    let mut db = AsyncPgConnection::establish(&args.store).await?;
    let seen = match args.way.as_str() {
        "load_stream" => load_stream(&mut db).await?,
        "keyset" => keyset(&mut db).await?,
        "load" => load(&mut db).await?,
        _ => return Err(args.unknown()),
    };
    println!("{seen}");
    Ok(())
}

/// One statement, whose rows arrive while they are processed.
async fn load_stream(db: &mut AsyncPgConnection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let query = items::table.order(items::id).select(Item::as_select());
    let mut rows = query.load_stream::<Item>(db).await?;
    while let Some(item) = rows.try_next().await? {
        seen.see(item.id, &item.name, &item.photo);
    }
    Ok(seen)
}

/// Pages by hand, each after the last key.
async fn keyset(db: &mut AsyncPgConnection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut last = 0;
    loop {
        let page = items::table
            .filter(items::id.gt(last))
            .order(items::id)
            .limit(PAGE as i64)
            .select(Item::as_select())
            .load(db)
            .await?;
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
async fn load(db: &mut AsyncPgConnection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let query = items::table.order(items::id).select(Item::as_select());
    for item in query.load(db).await? {
        seen.see(item.id, &item.name, &item.photo);
    }
    Ok(seen)
}
