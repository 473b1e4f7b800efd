//! Walks PostgreSQL tables and queries with [keywalk], by any key, in constant memory, while others write.
//!
//! Use it to process every row of a large table in a loop that may itself write to the database. No cursor, transaction
//! or connection is held between chunks. So a walk of hours keeps no dead rows from being vacuumed, and works behind a
//! pooler. Each chunk costs one round trip, during which the program waits, unless it [fetches ahead](#speed).
//!
//! ```no_run
//! use keywalk::Walk;
//! use keywalk_postgres::{Table, tokio_postgres::{self, NoTls}};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let (client, connection) = tokio_postgres::connect("host=db user=shop", NoTls).await?;
//! tokio::spawn(connection);
//! let items = Table::new(&client, "items")
//!     .key::<i64>(["id"])
//!     .map(|row| row.try_get::<_, String>("name"))
//!     .await?;
//! let mut chunks = Walk::new(items).async_chunks();
//! while let Some(items) = chunks.next().await? {
//!     for (id, name) in items {
//!         client.execute("UPDATE items SET name = $2 WHERE id = $1", &[id, &name.trim()]).await?;
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Contents
//!
//! - [`Table`] walks a table by its primary key, or by another unique key that an index is sorted by. [`Query`] walks a
//!   SELECT: joins, views. Both are builders; awaited, they become a [`SqlSource`], which a [`Walk`](keywalk::Walk)
//!   takes.
//! - [`SqlKey`] lists the key types. [`DynKey`] is for tables that are not known at compile time. Implement
//!   [`SqlKeyColumn`] to use your own type.
//! - A row becomes a dynamic [`Row`], the result of a closure ([`SqlBuilder::map`], [`SqlBuilder::map_into`]), or a
//!   type that implements [`FromRow`].
//! - [`Connect`] provides the connection: a tokio-postgres client, a pool, or a closure that connects again
//!   ([`PerFetch`]).
//! - `PostgresCheckpoints` (feature `jobs`) stores the positions of jobs, in the transaction of their effects.
//! - [`Error`] names the key, filter or stored value that is wrong, and the fix. [`Error::is_transient`] says whether
//!   to try again.
//!
//! # What it guarantees
//!
//! The [promises of a walk](keywalk#what-a-walk-guarantees), G1 to G15, hold for [`Table`] and [`Query`]:
//!
//! | | |
//! |---|---|
//! | Order (G1) | that of the column's own type and collation; each column `ASC` or `DESC`, `NULLS FIRST` or `LAST`, as in the index |
//! | Once (G2) | of a table proven by the catalog; of a query, a key that equals the previous one is an error |
//! | Isolation (G3 to G5, G7) | a chunk is one statement, so it is one snapshot. Inside a transaction, it shows what that transaction sees |
//! | Where it ends (G6, G8, G9) | at the key that is last when the walk begins, which is read from the index |
//! | Resuming (G10) | by a cursor or a token. A token is valid for the same table (by schema and name) or SELECT, with the same key columns, filter and fixed columns, on any server |
//! | Errors (G11, G12) | one error, with its own [kind](ErrorKind) |
//! | What a fetch reads (G13) | about as many rows as its chunk has; with a filter at most 512 rows, or as many as the chunk size if that is larger |
//! | Memory (G13) | one chunk of items, and what the server sends ahead of decoding: at most the rows of one chunk |
//! | Held between fetches (G14) | nothing; over a pool, no connection either |
//! | What breaks the order (G15) | a dropped constraint, a damaged index, or a collation that the operating system changed |
//!
//! Rows that commit late: a walk that is [unbounded](keywalk::Walk::unbounded) can pass a key of a sequence before the
//! transaction that took it commits. It doesn't return for that row. For increments, let the key begin with the id of the
//! transaction: [`settled`](Table::settled) then ends the walk before rows of transactions that may still be open. To walk
//! all rows as they were at one moment, use [`snapshot`](SqlBuilder::snapshot).
//!
//! A dropped fetch is harmless: tokio-postgres reads and drops what is left of its answer, and the next fetch
//! of the walk requests the same rows again.
//!
//! # Splitting a walk
//!
//! [`Walk::async_split`](keywalk::Walk::async_split) cuts a table's or query's range into parts of about the same number
//! of rows, for several workers with a connection each. It works for every key type, both orders, filters,
//! [`prefix_eq`](Table::prefix_eq) and partitions, and holds nothing when it returns.
//!
//! ```no_run
//! use std::sync::{Arc, Mutex};
//!
//! use keywalk::{Cursor, Walk};
//! use keywalk_postgres::{SqlSource, Table, tokio_postgres::{self, Client, NoTls}};
//!
//! type Failure = Box<dyn std::error::Error + Send + Sync>;
//!
//! async fn items() -> Result<SqlSource<Client, i64>, Failure> {
//!     let (client, connection) = tokio_postgres::connect("host=db user=shop", NoTls).await?;
//!     tokio::spawn(connection);
//!     Ok(Table::new(client, "items").key(["id"]).await?)
//! }
//!
//! # async fn example() -> Result<(), Failure> {
//! let parts = Walk::new(items().await?).async_split(64).await?;
//! let parts = Arc::new(Mutex::new(parts.into_iter()));
//! let worker = |parts: Arc<Mutex<std::vec::IntoIter<keywalk::KeyRange<i64>>>>| async move {
//!     let mut items = items().await?;
//!     loop {
//!         let Some(part) = parts.lock().unwrap().next() else { break };
//!         // Unbounded, because a part has its own end.
//!         let mut chunks = Walk::new(&mut items).resume(Cursor::unbounded(part)).async_chunks();
//!         while let Some(items) = chunks.next().await? {
//!             println!("{} rows", items.len());
//!         }
//!     }
//!     Ok::<(), Failure>(())
//! };
//! let workers = (0..8).map(|_| tokio::spawn(worker(Arc::clone(&parts))));
//! for worker in workers.collect::<Vec<_>>() {
//!     worker.await??;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The points are found in one of these ways, the first one that applies:
//!
//! | Range | How | Cost |
//! |---|---|---|
//! | about 10,000 rows or fewer by the planner's estimate, in a table with statistics (ANALYZE, or autovacuum) or a query | its keys are read | one pass over that part of the index |
//! | more rows of those; keys that have a middle | the range with the highest estimate is halved, at the middle of its first and last key | three requests each time, at most 400 in all, each of the planner or the index alone |
//! | a table whose key has no middle (text, an enum, a UUID), or without statistics | 48 pages per part are sampled (`TABLESAMPLE SYSTEM`), or 384 if most of their rows aren't in the range; the keys are sorted by the server in the key's own order | up to three requests; reads the sampled pages |
//! | any other, such as a view by such a key | every nth key of the range is read from the index | one request, O(rows) on the server |
//!
//! Keys that have a middle are numbers, dates and times, `bytea` and `bool`; in a key of several columns, the first column
//! in which two keys differ counts. The planner has no good estimates of narrow ranges of UUIDs and text.
//!
//! If 8 workers take 64 parts from a queue, the slowest has at most 1.15 of its share. A single part may have two or
//! three times its share, so don't split into as few parts as there are workers. At most 2,048 parts are made. Statistics
//! that are out of date make parts uneven, never wrong.
//!
//! A filter counts as the planner estimates it, and in a sample if enough rows pass it, at least 16 per part. Where every
//! nth key is read, a table's filter doesn't count: the parts then have about the same number of rows to read.
//!
//! # Statements
//!
//! Statements are unnamed: parsed, planned for their values, and run in one round trip. A named one may keep a plan
//! that was made for a small table, and fails behind a pooler that lends another server connection per transaction.
//! One exception: for a column whose type isn't built in (an enum, an extension's type), tokio-postgres looks up the
//! type by named statements, once per connection. Such a column also costs a second round trip: for the first fetch
//! over a client, and for each fetch over a pool, whose connections may not know the type yet. If that matters, read
//! only the [`columns`](SqlBuilder::columns) that you need.
//!
//! # Speed
//!
//! In chunks of 512 rows, a walk executes 1.06 times the instructions of one row stream of tokio-postgres that decodes
//! the same rows into reused items. The rest of its price is one round trip per chunk: the server doesn't work while your
//! loop does, nor your loop while the server does.
//!
//! To overlap both, pass the walk to `ahead` of [keywalk-tokio](https://docs.rs/keywalk-tokio), with a depth of 1. Do so
//! if your work on a chunk takes about as long as a fetch, or if the server is far away. A larger depth helps only if
//! the time of fetches varies. Give the walk a connection of its own then: statements of one connection run one after
//! the other, so what your loop executes would wait for the fetch. Rows that were fetched ahead don't show what your loop
//! wrote since. A larger chunk size also saves round trips, for more memory.
//!
//! If the future of a stream's next item is dropped, as a timeout does, its fetch stays in flight. Poll the stream again
//! or drop it before you execute another statement on the same connection. Otherwise that statement waits for ever,
//! because the answer before it isn't read.
//!
//! # Features
//!
//! - `jobs`: `PostgresCheckpoints`, for jobs with exactly-once effects.
//! - `uuid`: `Uuid` is a key type, for `uuid` columns.
//! - `chrono`: `NaiveDate`, `NaiveDateTime` and `DateTime<Utc>` are key types.
//!
//! keywalk and tokio-postgres are parts of this crate's API and re-exported. Terms are defined in the repository's
//! GLOSSARY.md.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod catalog;
#[cfg(feature = "jobs")]
mod checkpoints;
mod codec;
mod connect;
pub mod decode;
mod error;
mod key;
mod numeric;
mod query;
mod relation;
mod snapshot;
mod source;
mod split;
mod table;
mod time;
mod value;

#[cfg(feature = "jobs")]
pub use checkpoints::{
    CheckpointError, CheckpointErrorKind, ChunkTransaction, PostgresCheckpoints, PostgresLease,
};
pub use connect::{Connect, PerFetch, Wrapped};
pub use decode::{Decode, FromRow, Row};
pub use error::{Error, ErrorKind};
pub use key::{Collated, DynKey, Nulls, NullsLast, SqlKey, SqlKeyColumn, TextOrder};
pub use numeric::{NotNumeric, Numeric};
pub use query::{Query, QuerySpec};
pub use source::{SqlBuilder, SqlSource};
pub use table::{Table, TableSpec};
pub use time::{Date, Timestamp, TimestampTz};
pub use value::{BoxError, Params, Value};

#[cfg(feature = "chrono")]
pub use chrono;
#[cfg(feature = "uuid")]
pub use uuid;
pub use {keywalk, tokio_postgres};
