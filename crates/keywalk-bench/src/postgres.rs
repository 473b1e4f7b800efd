//! Walks over PostgreSQL tables. Without PostgreSQL the group measures nothing.
//!
//! - `lent_N` and `stream_N`: the client's CPU time over that of one row stream of tokio-postgres. Both run on one
//!   thread with their connection, and decode the same columns; the floor decodes into reused items.
//! - `by_hand_N`: the same of a query per chunk, written by hand without keywalk. `ahead_N`: of lent chunks, each fetched
//!   while the one before is processed.
//! - `wall_WAY_N`: the same, in wall time.
//! - `peak_N`: the peak memory of lent chunks over that of the row stream plus 2 MB, as in the group `memory_peak`.
//! - `buffers_KEY`: the largest number of pages that the statement of one chunk reads, anywhere in a table of which one
//!   value of the key's first column has 80 %.
//! - `dead_tuples_READER`: old versions of rows that VACUUM has to keep after 8,000 updates beside a reader.

use std::cmp::Reverse;
use std::future::poll_fn;
use std::ops::Range;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use futures_core::Stream;
use keywalk::Walk;
use keywalk_postgres::{FromRow, SqlKey, SqlSource, Table, decode::Decode};
use keywalk_tests::postgres::{Database, database};
use keywalk_tokio::ahead;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::types::Type;
use tokio_postgres::{AsyncMessage, Client, Error, NoTls, Row};

use crate::bench::{Bench, Target};
use crate::measure::{Fallible, Seen, wall};
use crate::memory_peak::{MB, peak, record};
use crate::sqlite::DEFAULT;
use crate::sqlite_table::Item;

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    let Some(database) = database() else {
        return Ok(());
    };
    let db = Connected::to(database.url())?;
    let rows = bench.items;
    db.create_items(rows)?;
    let floor = || stream(&db);
    for size in [DEFAULT, 1_000] {
        let lent = || lent(&db, size);
        bench.versus(format!("lent_{size}"), Target::AtMost(1.05), floor, lent)?;
        bench.turns(
            format!("wall_lent_{size}"),
            Target::AtMost(1.10),
            || wall(floor),
            || wall(lent),
        )?;
    }
    let hand = || db.run(async |db| by_hand(db, DEFAULT).await);
    let fetched_ahead = || db.run(async |db| walk_ahead(db, DEFAULT).await);
    let ways: [(_, &dyn Fn() -> Fallible<Seen>); 2] =
        [("by_hand", &hand), ("ahead", &fetched_ahead)];
    for (way, pass) in ways {
        bench.versus(format!("{way}_{DEFAULT}"), Target::None, floor, pass)?;
        let name = format!("wall_{way}_{DEFAULT}");
        bench.turns(name, Target::None, || wall(floor), || wall(pass))?;
    }
    bench.versus(format!("stream_{DEFAULT}"), Target::None, floor, || {
        db.run(async |db| walk_streams(db, DEFAULT).await)
    })?;
    if bench.wants_any("peak") {
        let url = Path::new(database.url());
        let floor = peak(url, "postgres/stream", rows)?;
        for size in [DEFAULT, 1_000] {
            let peak = peak(url, &format!("postgres/lent_{size}"), rows)?;
            let (name, target) = (format!("peak_{size}"), Target::AtMost(1.0));
            record(bench, name, target, (peak, floor + MB), rows)?;
        }
    }
    if bench.wants_any("dead_tuples") {
        dead_tuples(bench, &db, database.url())?;
    }
    buffers::<(i64, i64)>(bench, &db, database.url(), "buffers_composite", "a, b")?;
    buffers::<(i64, Reverse<i64>)>(
        bench,
        &db,
        database.url(),
        "buffers_mixed_order",
        "a, b DESC",
    )
}

/// A connection, which runs on the thread that uses it.
pub(crate) struct Connected {
    runtime: Runtime,
    client: Arc<Client>,
}

impl Connected {
    pub(crate) fn to(url: &str) -> Fallible<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let client = Arc::new(runtime.block_on(connect(url))?);
        Ok(Connected { runtime, client })
    }

    pub(crate) fn run<T>(
        &self,
        work: impl AsyncFnOnce(&Arc<Client>) -> Fallible<T>,
    ) -> Fallible<T> {
        self.runtime.block_on(work(&self.client))
    }

    pub(crate) fn execute(&self, sql: &str) -> Fallible {
        Ok(self.runtime.block_on(self.client.batch_execute(sql))?)
    }

    /// Creates the table that passes read.
    pub(crate) fn create_items(&self, rows: u64) -> Fallible {
        self.execute(&format!(
            "CREATE TABLE items (id int8 PRIMARY KEY, name text NOT NULL, photo bytea NOT NULL);
             INSERT INTO items SELECT n, 'the item number ' || n, int8send(n) || decode(repeat('00', 492), 'hex')
             FROM generate_series(1, {rows}) AS n"
        ))?;
        self.execute("VACUUM (ANALYZE) items")
    }
}

pub(crate) async fn connect(url: &str) -> Result<Client, Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Returns the next item of a stream.
async fn next<S: Stream>(stream: &mut Pin<&mut S>) -> Option<S::Item> {
    poll_fn(|context| stream.as_mut().poll_next(context)).await
}

/// What users write: one stream of all rows. Its items are reused like those of a chunk.
async fn one_stream(db: &Arc<Client>) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut slots = Vec::from_iter((0..DEFAULT).map(|_| (0_i64, Item::default())));
    let no_params: [&str; 0] = [];
    let rows = db.query_raw("SELECT id, name, photo FROM items ORDER BY id", no_params);
    let mut rows = pin!(rows.await?);
    loop {
        for (key, item) in &mut slots {
            let Some(row) = next(&mut rows).await.transpose()? else {
                return Ok(seen);
            };
            *key = row.try_get(0)?;
            item.fill(row.try_get(1)?, row.try_get(2)?);
            seen.see((*key as u64).wrapping_add(item.digest()));
        }
    }
}

/// What users write instead of a walk: a query per chunk, after the last key.
async fn by_hand(db: &Arc<Client>, chunk_size: usize) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut slots = Vec::from_iter((0..chunk_size).map(|_| (0_i64, Item::default())));
    let mut last = i64::MIN;
    let sql =
        format!("SELECT id, name, photo FROM items WHERE id > $1 ORDER BY id LIMIT {chunk_size}");
    loop {
        let mut rows = pin!(db.query_typed_raw(&sql, [(last, Type::INT8)]).await?);
        let mut len = 0;
        while let Some(row) = next(&mut rows).await.transpose()? {
            let (key, item) = &mut slots[len];
            *key = row.try_get(0)?;
            item.fill(row.try_get(1)?, row.try_get(2)?);
            len += 1;
        }
        for (key, item) in &slots[..len] {
            seen.see((*key as u64).wrapping_add(item.digest()));
            last = *key;
        }
        if len < chunk_size {
            return Ok(seen);
        }
    }
}

async fn walk_lends(db: &Arc<Client>, chunk_size: usize) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut chunks = Walk::new(items(db).await?)
        .chunk_size(chunk_size)
        .async_chunks();
    while let Some(items) = chunks.next().await? {
        for (key, item) in items {
            seen.see((*key as u64).wrapping_add(item.digest()));
        }
    }
    Ok(seen)
}

/// Lends chunks. The next one is fetched while this one is used.
async fn walk_ahead(db: &Arc<Client>, chunk_size: usize) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let walk = Walk::new(items(db).await?).chunk_size(chunk_size);
    let mut chunks = ahead(walk.async_chunks(), 1);
    while let Some(items) = chunks.next().await? {
        for (key, item) in items {
            seen.see((*key as u64).wrapping_add(item.digest()));
        }
    }
    Ok(seen)
}

async fn walk_streams(db: &Arc<Client>, chunk_size: usize) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut items = pin!(Walk::new(items(db).await?).chunk_size(chunk_size).stream());
    while let Some((key, item)) = next(&mut items).await.transpose()? {
        seen.see((key as u64).wrapping_add(item.digest()));
    }
    Ok(seen)
}

async fn items(
    db: &Arc<Client>,
) -> Fallible<SqlSource<Arc<Client>, i64, impl Decode<Item = Item> + use<>>> {
    let table = Table::new(Arc::clone(db), "items").key::<i64>(["id"]);
    Ok(table.columns(Item::COLUMNS).decode::<Item>().await?)
}

impl FromRow for Item {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let mut item = Item::default();
        FromRow::refill(&mut item, row)?;
        Ok(item)
    }

    fn refill(&mut self, row: &Row) -> Result<(), Error> {
        self.fill(row.try_get(0)?, row.try_get(1)?);
        Ok(())
    }
}

/// A table of this many items in a new database.
pub(crate) fn items_of_new_database(items: u64) -> Fallible<(Database, Connected)> {
    let database = database().ok_or("PostgreSQL isn't installed")?;
    let db = Connected::to(database.url())?;
    db.create_items(items)?;
    Ok((database, db))
}

pub(crate) fn lent(db: &Connected, chunk_size: usize) -> Fallible<Seen> {
    db.run(async |db| walk_lends(db, chunk_size).await)
}

pub(crate) fn stream(db: &Connected) -> Fallible<Seen> {
    db.run(one_stream)
}

/// A pass whose peak memory is measured.
pub(crate) fn pass(url: &Path, way: &str) -> Fallible<Seen> {
    let db = Connected::to(url.to_str().ok_or("the URL isn't Unicode")?)?;
    match way.split_once('_') {
        Some(("lent", size)) => lent(&db, size.parse()?),
        None if way == "stream" => stream(&db),
        _ => Err(format!("{way} is no way to read a table").into()),
    }
}

/// A table whose rows are updated beside a reader.
pub(crate) struct Counters<'a> {
    db: &'a Connected,
    updates: usize,
}

impl<'a> Counters<'a> {
    /// Creates the table, for 8,000 updates, or one per row of `items` if those are fewer.
    pub(crate) fn create(db: &'a Connected, items: u64) -> Fallible<Self> {
        let updates = 8_000.min(items as usize);
        db.execute(&format!(
            "CREATE EXTENSION pgstattuple;
             CREATE TABLE counters (id int8 PRIMARY KEY, count int4 NOT NULL) WITH (autovacuum_enabled = off);
             INSERT INTO counters SELECT n, 0 FROM generate_series(1, {}) AS n",
            2 * updates
        ))?;
        Ok(Counters { db, updates })
    }

    /// Makes all updates.
    pub(crate) fn update_all(&self) -> Fallible {
        self.update(0..self.updates)
    }

    fn update(&self, ids: Range<usize>) -> Fallible {
        let (first, last) = (ids.start + 1, ids.end.min(self.updates));
        self.db.execute(&format!(
            "UPDATE counters SET count = count + 1 WHERE id BETWEEN {first} AND {last}"
        ))
    }

    /// Returns the number of old versions that VACUUM keeps now.
    pub(crate) fn kept(&self) -> Fallible<f64> {
        self.db.execute("VACUUM counters")?;
        let sql = "SELECT dead_tuple_count FROM pgstattuple('counters')";
        self.db
            .run(async |db| Ok(db.query_one(sql, &[]).await?.try_get::<_, i64>(0)? as f64))
    }

    pub(crate) fn server_version(&self) -> Fallible<String> {
        let sql = "SELECT split_part(current_setting('server_version'), ' ', 1)";
        self.db
            .run(async |db| Ok(db.query_one(sql, &[]).await?.try_get(0)?))
    }
}

/// Updates rows between the fetches of a reader, and counts the old versions that VACUUM keeps for it.
fn dead_tuples(bench: &mut Bench, db: &Connected, url: &str) -> Fallible {
    let counters = Counters::create(db, bench.items)?;
    let batches = || (0..counters.updates).step_by(DEFAULT);
    let reader = Connected::to(url)?;
    let table = reader.run(async |db| {
        let table = Table::new(Arc::clone(db), "counters").key::<i64>(["id"]);
        Ok(table.await?)
    })?;
    let mut chunks = Walk::new(table).chunk_size(DEFAULT).async_chunks();
    for first in batches() {
        let chunk = reader.run(async |_| Ok(chunks.next().await?.is_some()))?;
        chunk
            .then_some(())
            .ok_or("the walk was to be half through")?;
        counters.update(first..first + DEFAULT)?;
    }
    let beside_walk = counters.kept()?;
    drop(chunks);
    reader.execute("BEGIN; DECLARE reader CURSOR FOR SELECT * FROM counters ORDER BY id")?;
    for first in batches() {
        reader.execute(&format!("FETCH {DEFAULT} FROM reader"))?;
        counters.update(first..first + DEFAULT)?;
    }
    let beside_cursor = counters.kept()?;
    let updates = counters.updates as u64;
    for (name, target, kept) in [
        ("dead_tuples_walk", Target::AtMost(0.0), beside_walk),
        ("dead_tuples_cursor", Target::None, beside_cursor),
    ] {
        bench.record(name, target, kept, updates, None, &[])?;
    }
    Ok(())
}

/// Counts the pages that each fetch of a walk reads, in the table and its index, as EXPLAIN (ANALYZE, BUFFERS) does.
fn buffers<K: SqlKey>(
    bench: &mut Bench,
    db: &Connected,
    url: &str,
    name: &str,
    order: &str,
) -> Fallible {
    if !bench.wants(name) {
        return Ok(());
    }
    let rows = bench.items;
    db.execute(&format!(
        "DROP TABLE IF EXISTS skewed;
         CREATE TABLE skewed (a int8 NOT NULL, b int8 NOT NULL, name text NOT NULL);
         INSERT INTO skewed SELECT a, b, 'the number ' || b FROM (
             SELECT CASE WHEN n % 5 > 0 THEN 500 ELSE n / 5 % 1000 END AS a, n AS b
             FROM generate_series(1, {rows}) AS n
         ) AS keys ORDER BY a, b;
         CREATE UNIQUE INDEX skewed_key ON skewed ({order})"
    ))?;
    db.execute("VACUUM (ANALYZE) skewed")?;
    let (most, all, chunks, seen) = db.run(async |_| {
        let (reader, mut connection) = tokio_postgres::connect(url, NoTls).await?;
        let read = Arc::new(AtomicU64::new(0));
        let noted = Arc::clone(&read);
        tokio::spawn(async move {
            while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
                if let Ok(AsyncMessage::Notice(notice)) = message {
                    noted.fetch_add(pages(notice.message()), Relaxed);
                }
            }
        });
        let table = Table::new(&reader, "skewed").key::<K>(["a", "b"]).await?;
        let mut walk = Walk::new(table).chunk_size(DEFAULT).async_chunks();
        let explain = "LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_analyze = on;
             SET auto_explain.log_buffers = on; SET auto_explain.log_timing = off; SET auto_explain.log_level = notice";
        reader.batch_execute(explain).await?;
        let (mut most, mut all, mut chunks, mut seen) = (0, 0, 0, 0);
        while let Some(items) = walk.next().await? {
            seen += items.len() as u64;
            // The server sends the plan after the rows.
            reader.batch_execute("").await?;
            let read = read.swap(0, Relaxed);
            (most, all, chunks) = (read.max(most), all + read, chunks + 1);
        }
        Ok((most, all, chunks, seen))
    })?;
    if seen != rows || all == 0 {
        return Err(format!("{name}: saw {seen} of {rows} rows, and {all} pages").into());
    }
    let figures = [
        ("mean", all as f64 / f64::from(chunks)),
        ("chunks", f64::from(chunks)),
    ];
    bench.record(
        name,
        Target::AtMost(20.0),
        most as f64,
        rows,
        None,
        &figures,
    )
}

/// Returns the number of pages that a plan has read: those of its first line `Buffers: shared hit=18 read=2`.
fn pages(plan: &str) -> u64 {
    let line = plan
        .lines()
        .find_map(|line| line.trim().strip_prefix("Buffers: shared "));
    let counts = line.unwrap_or_default().split(' ').filter_map(|count| {
        let (name, number) = count.split_once('=')?;
        matches!(name, "hit" | "read").then(|| number.parse::<u64>().ok())?
    });
    counts.sum()
}
