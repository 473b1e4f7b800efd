//! Parallel walks over a SQLite table in WAL mode and a PostgreSQL table, with a connection per worker. The ratio is
//! the wall time over that of one worker, whose time includes splitting too; the best possible one of two workers is one
//! half. Without PostgreSQL, only SQLite is measured.
//!
//! `STORE_1` compares one worker to a plain walk: the cost of the parallel walk itself.

use std::error::Error;
use std::path::Path;

use keywalk::Walk;
use keywalk_postgres::{SqlSource, decode::Decode};
use keywalk_shards::Parallel;
use keywalk_tests::postgres::database as postgres;
use keywalk_tests::sample::postgres_items;
use rusqlite::Connection;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::Client;

use crate::bench::{Bench, Target};
use crate::measure::{Fallible, Seen, wall};
use crate::postgres::connect;
use crate::sqlite;
use crate::sqlite_table::{Integer, Item, Shape, database};

type BoxError = Box<dyn Error + Send + Sync>;

fn plain(error: BoxError) -> Box<dyn Error> {
    error
}

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    let (folder, db) = database::<Integer>(bench.items)?;
    drop(db);
    let file = folder.path().join("items.db");
    let workers = |workers| wall(|| by_threads(&file, workers).map_err(plain));
    bench.turns(
        "sqlite_1",
        Target::AtMost(1.05),
        || wall(|| walk(&file)),
        || workers(1),
    )?;
    let target = Target::AtMost(0.58);
    bench.turns("sqlite_2", target, || workers(1), || workers(2))?;
    drop(folder);

    let Some(database) = postgres() else {
        return Ok(());
    };
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let url = database.url();
    let made = runtime.block_on(async {
        let db = connect(url).await?;
        postgres_items(&db, bench.items).await
    });
    made.map_err(plain)?;
    let walk = || wall(|| runtime.block_on(walk_postgres(url)).map_err(plain));
    let workers = |workers| wall(|| by_tasks(&runtime, url, workers).map_err(plain));
    bench.turns("postgres_1", Target::AtMost(1.05), walk, || workers(1))?;
    let target = Target::AtMost(0.65);
    bench.turns("postgres_2", target, || workers(1), || workers(2))?;
    Ok(())
}

/// Counts an item. Unlike [`Seen::see`], the order doesn't matter.
fn see(seen: &mut Seen, (key, item): &(i64, Item)) {
    seen.items += 1;
    seen.sum = seen.sum.wrapping_add(Integer::digest(key) ^ item.digest());
}

fn total(seen: impl IntoIterator<Item = Seen>) -> Seen {
    seen.into_iter().fold(Seen::default(), |all, seen| Seen {
        items: all.items + seen.items,
        sum: all.sum.wrapping_add(seen.sum),
    })
}

fn walk(file: &Path) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut chunks = Walk::new(sqlite::table::<Integer, _>(Connection::open(file)?)?).chunks();
    while let Some(items) = chunks.next()? {
        items.iter().for_each(|item| see(&mut seen, item));
    }
    Ok(seen)
}

fn by_threads(file: &Path, workers: usize) -> Result<Seen, BoxError> {
    let open = || {
        let table = sqlite::table::<Integer, _>(Connection::open(file)?);
        table
            .map(Walk::new)
            .map_err(|error| BoxError::from(error.to_string()))
    };
    let seen = Parallel::split(open()?, workers)?.run(|worker| {
        let mut seen = Seen::default();
        let mut chunks = worker.chunks(open()?);
        while let Some(items) = chunks.next()? {
            items.iter().for_each(|item| see(&mut seen, item));
        }
        Ok::<Seen, BoxError>(seen)
    })?;
    Ok(total(seen))
}

async fn items(
    url: &str,
) -> Result<Walk<SqlSource<Client, i64, impl Decode<Item = Item> + use<>>>, BoxError> {
    let table = keywalk_postgres::Table::new(connect(url).await?, "items").key::<i64>(["id"]);
    Ok(Walk::new(
        table.columns(Item::COLUMNS).decode::<Item>().await?,
    ))
}

async fn walk_postgres(url: &str) -> Result<Seen, BoxError> {
    let mut seen = Seen::default();
    let mut chunks = items(url).await?.async_chunks();
    while let Some(items) = chunks.next().await? {
        items.iter().for_each(|item| see(&mut seen, item));
    }
    Ok(seen)
}

fn by_tasks(runtime: &Runtime, url: &str, workers: usize) -> Result<Seen, BoxError> {
    runtime.block_on(async {
        let mut parallel = Parallel::async_split(items(url).await?, workers).await?;
        let seen = parallel.async_run(|worker| {
            let url = url.to_owned();
            async move {
                let mut seen = Seen::default();
                let mut chunks = worker.async_chunks(items(&url).await?);
                while let Some(items) = chunks.next().await? {
                    items.iter().for_each(|item| see(&mut seen, item));
                }
                Ok::<Seen, BoxError>(seen)
            }
        });
        Ok(total(seen.await?))
    })
}
