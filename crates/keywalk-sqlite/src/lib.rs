//! Walks SQLite tables and queries with [keywalk], by any key, in constant memory, while other connections write.
//!
//! Use it to process every row of a table in a loop that may itself write to the database. No statement stays open
//! between chunks, so a walk doesn't keep the WAL from being checkpointed. A position can be stored and resumed in
//! another process. A walk holds one chunk in memory and runs about one statement per chunk.
//!
//! ```
//! use keywalk::Walk;
//! use keywalk_sqlite::Table;
//!
//! # let db = rusqlite::Connection::open_in_memory()?;
//! # db.execute_batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)")?;
//! let items = Table::new(&db, "items").key::<i64>(["id"])?.map(|row| row.get::<_, String>("name"));
//! for item in Walk::new(items).chunk_size(500) {
//!     let (id, name) = item?;
//!     println!("{id}: {name}");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Contents
//!
//! - [`Table`] walks a table by its primary key, a unique index or its rowid. [`Query`] walks a SELECT: joins, views,
//!   full-text search. Both are a [`SqlSource`]. Its methods choose the key and how rows are decoded.
//! - [`SqlKey`] lists the key types: numbers, text, blobs, UUIDs, dates and times, tuples of them, [`Collated`] text,
//!   and `Option` for columns that may be NULL. [`DynKey`] is for tables that are not known at compile time. Implement
//!   [`SqlKeyColumn`] to use your own type.
//! - A row becomes a dynamic [`Row`], the result of a closure ([`Table::map`]), or a type that implements
//!   [`FromRow`].
//! - [`Connect`] provides the connection: a rusqlite connection, the guard of a mutex or pool ([`Held`]), or a pool
//!   ([`PerFetch`]).
//! - [`SqliteCheckpoints`] (feature `jobs`) stores the positions of [`keywalk-job`]'s jobs in the same database. The
//!   effect of such a job on each row happens exactly once.
//! - [`Error`] names the key, filter or stored value that is wrong, and the fix. [What happens
//!   when](#what-happens-when) lists the failures in one table.
//! - [`guide`] has pages for users of `SELECT *`, OFFSET, Django and Rails, and for production use.
//!
//! # What it guarantees
//!
//! The [promises of a walk](keywalk#what-a-walk-guarantees), G1 to G15, hold for [`Table`] and [`Query`]. This is
//! how each promise is kept:
//!
//! | | [`Table`] | [`Query`] |
//! |---|---|---|
//! | Order (G1) | the index's order: numbers, text by the column's collation, blobs by bytes; each column `ASC` or `DESC` | the same, but text by its bytes |
//! | Once (G2) | proven: the key contains a primary key, a UNIQUE index over NOT NULL columns, or the rowid. A filter can help to prove it: by leaving NULL out, or by containing the condition of a partial index | checked: a key that equals the previous one is an error |
//! | Isolation (G3 to G5, G7) | a chunk is one statement, so it is one snapshot. It shows what was committed when it was fetched, and what the same connection wrote. Inside a transaction, it shows what that transaction sees | the same |
//! | Where it ends (G6, G8, G9) | at the key that is last when the walk begins. That key is read from the index alone. With a filter, table rows may have to be read to find it | the same; no row is decoded to find it |
//! | Resuming (G10) | by a cursor (the position, in this process) or a token (the position as text, for any process): [below](#stopping-and-resuming) | the same |
//! | Errors (G11, G12) | one error, with its own [kind](ErrorKind), that names table, column and value; a key that is NULL (unless its type is an `Option`) or has another type is an error, never a skipped row | the same |
//! | What a fetch reads (G13) | about as many rows as its chunk has: the plan of each statement is proven to search by the whole key and to sort nothing. If no index serves a filter, a fetch reads at most 512 rows, kept or dropped (or as many as the chunk size, if that is larger) | the plan is proven too. But a fetch continues past rows that the query's own WHERE drops, so it can read many rows |
//! | Memory (G13) | one chunk of items, and SQLite's page cache (2 MB by default) | the same |
//! | Held between fetches (G14) | nothing: statements are reset, so no read transaction pins the WAL; over a [pool](PerFetch), no connection either | the same |
//! | What breaks the order (G15) | only damage. Each row's key is compared with the key before it; with [`Collated`] keys, only a repeat is noticed | the same |
//! | Threads | a source that owns its connection is `Send`; one that borrows it stays in its thread | the same |
//! | Refused | views and virtual tables (walk a query instead); keys that may repeat; keys that may be NULL, without `Option` or a filter; key types that the column can't hold; searches that would scan or sort | statements that do more than read; an ORDER BY or LIMIT of its own; searches that would scan, sort or group |
//!
//! # Dependencies and versions
//!
//! keywalk, rusqlite and uuid are parts of this crate's API. They are re-exported as [`keywalk`], [`rusqlite`] and
//! [`uuid`]; with the feature `jobs`, keywalk-job is re-exported as `keywalk_job`. So you only need to depend on this
//! crate: `use keywalk_sqlite::{Table, keywalk::Walk, rusqlite::Connection}`. To enable their own features (`hmac`,
//! `serde`, `indicatif`, `tracing`), add the crate in question to your `Cargo.toml`.
//!
//! rusqlite may be any version from 0.39 to 0.43. A program links one copy of SQLite's library, so Cargo usually
//! picks the rusqlite that your other crates require: 0.39 for sqlx 0.9 and SeaORM 2.0; 0.40 for r2d2_sqlite 0.35,
//! deadpool-sqlite 0.14, tokio-rusqlite 0.8 and diesel 2.3. Versions 0.42 and 0.43 share one libsqlite3-sys, so
//! Cargo can build both for one program. If your `Cargo.toml` requires 0.42, this may happen: you get 0.42, and
//! keywalk-sqlite gets 0.43. Their types are incompatible. `cargo update rusqlite@0.43.0 --precise 0.42.0` keeps only
//! 0.42.
//!
//! A UUID stored as a blob is a [`uuid::Uuid`]. One stored as text is a [`uuid::fmt::Hyphenated`], or without hyphens a
//! [`uuid::fmt::Simple`]. The features `chrono` and `jiff` re-export these crates.
//!
//! # Stopping and resuming
//!
//! A walk's [token](keywalk::Token) is its position as text. Another process resumes from it at the same item,
//! with any chunk size, even if rows were added or deleted:
//!
//! ```
//! use keywalk::Walk;
//! use keywalk_sqlite::Table;
//!
//! # let db = rusqlite::Connection::open_in_memory()?;
//! # db.execute_batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);
//! #     INSERT INTO items VALUES (1, 'a'), (2, 'b'), (3, 'c');
//! #     CREATE TABLE jobs (name TEXT PRIMARY KEY, token TEXT)")?;
//! let items = Table::new(&db, "items").key::<i64>(["id"])?;
//! let mut items = Walk::new(items).items();
//! let (id, _row) = items.next().transpose()?.expect("there is one");
//! db.execute("INSERT INTO jobs VALUES ('trim', ?1)", [items.token()?.to_string()])?;
//!
//! // Tomorrow:
//! let token: String = db.query_row("SELECT token FROM jobs", [], |row| row.get(0))?;
//! let items = Table::new(&db, "items").key::<i64>(["id"])?;
//! for item in Walk::new(items).resume_token(&token.parse()?)? {
//!     let (id, _row) = item?;
//!     println!("{id}");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A token is valid for the same table (by schema and name) or the same SELECT (the same text and parameters). The
//! key columns, their directions and collations, the filter and the columns fixed by [`prefix_eq`](Table::prefix_eq)
//! must be the same too. Otherwise it is [refused](keywalk::TokenError::Source). These may change: the key's Rust type
//! (`i64` or [`DynKey`]), the file, the columns that are read, how they are decoded, indexes, and the rest of the
//! schema. The table's name is looked up again on resume. If `temp` then has a table of that name, the name
//! means that table, and a token of the table in `main` is refused.
//!
//! A token contains its key in readable form, as one tuple of [FoundationDB's tuple
//! layer](https://github.com/apple/foundationdb/blob/main/design/tuple.md). It does not contain names or the filter's
//! values.
//!
//! # Splitting a walk
//!
//! [`Walk::split`](keywalk::Walk::split) cuts a table's or query's range into parts of about the same number of rows,
//! for several workers with a connection each. It works for every key type, both orders, filters and
//! [`prefix_eq`](Table::prefix_eq), and holds nothing when it returns.
//!
//! ```
//! use std::path::Path;
//! use std::sync::Mutex;
//! use std::thread;
//!
//! use keywalk::{Cursor, SplitSource, Walk};
//! use keywalk_sqlite::{Table, rusqlite::Connection};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("shop.db");
//! # Connection::open(&path)?.execute_batch("CREATE TABLE items (id INTEGER PRIMARY KEY, price INTEGER);
//! #     WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000)
//! #     INSERT INTO items SELECT i, 3 FROM n")?;
//! fn prices(path: &Path) -> impl SplitSource<Key = i64, Item = (i64, i64), Error = keywalk_sqlite::Error> {
//!     let db = Connection::open(path).expect("the file is there");
//!     let items = Table::new(db, "items").key(["id"]).expect("it has this key");
//!     items.map(|row| row.get("price"))
//! }
//!
//! let parts = Mutex::new(Walk::new(prices(&path)).split(64)?.into_iter());
//! let sum = thread::scope(|scope| {
//!     let worker = || {
//!         let mut prices = prices(&path);
//!         let mut sum = 0;
//!         while let Some(part) = { parts.lock().unwrap().next() } {
//!             // Unbounded, because a part has its own end.
//!             for item in Walk::new(&mut prices).resume(Cursor::unbounded(part)) {
//!                 sum += item?.1;
//!             }
//!         }
//!         Ok::<i64, keywalk::Error<keywalk_sqlite::Error>>(sum)
//!     };
//!     let workers: Vec<_> = (0..8).map(|_| scope.spawn(worker)).collect();
//!     workers.into_iter().map(|worker| worker.join().unwrap()).sum::<Result<i64, _>>()
//! })?;
//! assert_eq!(sum, 6_000);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! SQLite has no statistics of a range, so the points are found in one of these ways, the first one that applies:
//!
//! | Range | How | Cost |
//! |---|---|---|
//! | up to 16 rows per part | its keys are read | those rows of the index |
//! | a table with a rowid, by another key | 64 rowids per part (1,024 to 32,768 in all) are drawn evenly over the rows, and their keys sorted by SQLite in the key's own order. The rows are found even if the rowids have gaps | two searches per rowid, O(parts) |
//! | a key of one integer, real, blob or UUID: a rowid, a table WITHOUT ROWID, a query | the range is halved where keys lie closest, up to 512 times. 32 keys at each end of a half show how close. A narrow cluster between few other keys may be missed; then one part is too large | O(parts), two short reads per half |
//! | any other: text or several columns WITHOUT ROWID, or in a query | the whole range of the index is read once, and every nth key kept | O(rows): for a table WITHOUT ROWID, about the time of a walk |
//!
//! If 8 workers take 64 parts from a queue, the slowest has at most 1.15 of its share. A single part may have twice its
//! share (with a filter and more than 1,000 parts four times), so don't split into as few parts as there are workers. At
//! most 2,048 parts are made.
//!
//! A filter counts if enough sampled rows pass it, at least 16 per part, or 8,192 in all: then the parts have about the
//! same number of rows that pass. Otherwise, and when the whole range is read, they have about the same number of rows
//! to read. A query's own conditions always count, and cost what they cost in a fetch.
//!
//! # What happens when
//!
//! An error is returned once and ends the walk (G11). The walk's cursor stays at the last item that it yielded. Once
//! the cause is gone, resume from there: the walk continues as if nothing had happened.
//!
//! | What | The walk | [`ErrorKind`] | The cure |
//! |---|---|---|---|
//! | There is no such table or column; a view or virtual table is given as a [`Table`]; a key isn't unique, may hold NULL (except an `Option`, and a [primary key of a single column](Table#proven-before-the-first-row)), has a type that its column can't hold, or can't be searched | doesn't begin | `NoSuchTable`, `NoSuchColumn`, `NotATable`, `NoPrimaryKey`, `KeyColumns`, `NotUnique`, `Nullable`, `Collation`, `NotSeekable` | named by the message: another key or type, an index, a declaration, ANALYZE |
//! | A filter or query is invalid, or its parameters don't fit | doesn't begin | `Filter`, `Query` | write it as the message describes |
//! | A stored key is NULL (without `Option`) or has another type; a row doesn't decode | stops before the chunk that contains that row | `Value` | fix the row, or use another type |
//! | A [token](keywalk::Token) belongs to another table, key, filter or query; or its key is a rowid that a change of the schema may have renumbered | doesn't begin | not an `ErrorKind`, but [`keywalk::Error::Token`], which names the difference | resume the walk that it was taken from, or start over |
//! | A token was cut or changed, or contains a value that doesn't fit your key type | doesn't begin | not an `ErrorKind`, but [`keywalk::Error::Token`] | use an earlier token, or the key type that it was made with |
//! | The schema changes after a token was read and before the first row | is handled like a schema change during the walk (rows below) | | |
//! | A query returns a key twice | stops | `RepeatedKey` | walk it by a unique key |
//! | Another connection holds an exclusive lock, or a lock of a shared cache | stops | `Busy`, [transient](Error::is_transient) | a busy timeout; [`keywalk-retry`]; resume |
//! | A pool lends no connection | stops | `NoConnection`, treated as [transient](Error::is_transient) | see the pool's own error; resume |
//! | Another connection writes in WAL mode; or, without a WAL, has begun to write but not yet locked the file exclusively | continues | | |
//! | A writer crashed | continues: the unfinished transaction is rolled back; with a read-only connection, which can't do that, it stops with `Sqlite` | | |
//! | An interrupt, or a progress handler that returns stop, during a fetch | stops; the caller's transaction stays open | `Interrupted` | resume |
//! | The schema changes: another index, a new column, the table recreated with the same key, VACUUM | continues with the columns that it had, after its key and plans are proven again | | |
//! | The table, the key or a column that is read is dropped | stops | `NoSuchTable`, `NoSuchColumn`, `NotUnique`, `Nullable`, `NotSeekable`; `Sqlite` if the filter or the query reads what was dropped | restore it and resume, or start over |
//! | The key's order changes; or a query of `*` returns other columns | stops | `Changed` | start over |
//! | The key is a rowid that isn't an INTEGER PRIMARY KEY, and the schema changes or VACUUM runs | stops | `Changed` | start over |
//! | Pages are damaged, the file is cut, its header is overwritten | stops after the intact rows | `Corrupt` | restore it, reopen the connection, resume |
//! | Bits of a key are damaged, which SQLite doesn't notice | stops where rows are out of order; if the damaged key is the last of a table's chunk, rows after it can be missed | `Corrupt`, `Value` | `PRAGMA integrity_check` |
//! | The database file is replaced (another is renamed over it) or deleted | continues over the old file, to its end (Unix) | | open it again |
//! | The WAL is cut, a file can't be opened, the disk fails | stops | `Io` | fix it, resume |
//! | The disk is full | continues: only writers fail | | |
//! | A heap limit is reached | stops | `OutOfMemory` | smaller chunks, a higher limit |
//! | A row or statement is above one of SQLite's [limits](https://www.sqlite.org/limits.html) | stops before its chunk | `Sqlite` | raise the limit |
//! | An authorizer denies access | stops when SQLite next prepares a statement | `Sqlite` | allow it |
//! | The decoding panics | the panic reaches the caller; nothing is held, and the walk may continue | | |
//!
//! With [`PRAGMA mmap_size`](https://www.sqlite.org/mmap.html), if another program truncates the file, the process is
//! ended by SIGBUS, as for any reader.
//!
//! # Moving a walk to another thread
//!
//! A table that owns its connection can be walked in another thread, stored or returned:
//!
//! ```
//! use keywalk::{Items, Walk};
//! use keywalk_sqlite::{FromRow, Table, decode::Decoded, rusqlite::Connection};
//!
//! # struct Order;
//! # impl FromRow for Order {
//! #     fn from_row(_: &rusqlite::Row<'_>) -> rusqlite::Result<Self> { Ok(Order) }
//! # }
//! type Orders = Items<Table<Connection, i64, Decoded<Order>>>;
//!
//! fn orders(db: Connection) -> Result<Orders, keywalk_sqlite::Error> {
//!     Ok(Walk::new(Table::new(db, "orders").key(["id"])?.decode()).items())
//! }
//!
//! # let db = Connection::open_in_memory()?;
//! # db.execute_batch("CREATE TABLE orders (id INTEGER PRIMARY KEY)")?;
//! let mut orders = orders(db)?;
//! let thread = std::thread::spawn(move || {
//!     while let Some(order) = orders.next() {
//!         let (id, _order) = order?;
//!         let db = orders.source().connection();
//!         db.execute("DELETE FROM orders WHERE id = ?1", [id]).expect("it is ours alone");
//!     }
//!     Ok::<(), keywalk::Error<keywalk_sqlite::Error>>(())
//! });
//! thread.join().expect("it doesn't panic")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Such a table can also be [prefetched](keywalk::Walk::prefetch): a thread fetches and decodes the next chunk while
//! the caller works on this one. The caller then writes through another connection. With a WAL, neither waits for the
//! other. A chunk that was already fetched need not show the caller's latest writes.
//!
//! ```
//! use keywalk::Walk;
//! use keywalk_sqlite::{Table, rusqlite::Connection};
//!
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("shop.db");
//! # Connection::open(&path)?.execute_batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);
//! #     INSERT INTO items VALUES (1, 'a'), (2, 'b')")?;
//! let items = Table::new(Connection::open(&path)?, "items").key::<i64>(["id"])?;
//! let items = items.map(|row| row.get::<_, String>("name"));
//! let mut chunks = Walk::new(items).prefetch(1).chunks();
//! while let Some(items) = chunks.next()? {
//!     for (id, name) in items {
//!         println!("{id}: {name}");
//!     }
//! }
//! // The table still owns the connection.
//! let items = chunks.into_source();
//! assert!(items.connection().is_autocommit());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! - `bundled` (default): builds SQLite from source, like rusqlite's feature of that name. Without it the [system's
//!   library](#sqlites-own-versions) is linked.
//! - `jobs`: adds [`SqliteCheckpoints`], for jobs of [`keywalk-job`] whose effects happen exactly once.
//! - `chrono`, `jiff`: their [dates and times](SqlKey#dates-and-times) are key types.
//! - `serde`: [`Row`] is `Serialize`.
//!
//! # SQLite's own versions
//!
//! | | Minimum SQLite |
//! |---|---|
//! | keywalk-sqlite itself | 3.37, the first with `pragma_table_list` |
//! | rusqlite 0.39 and 0.40 | 3.34.1, hooks included |
//! | rusqlite 0.41 and newer | 3.44 if the program sets a busy timeout, a busy handler or a hook (progress, update, commit, authorizer) through rusqlite, since these need `sqlite3_set_clientdata`. If it sets none of them, an older version works. rusqlite's documentation requires 3.45.3 |
//!
//! Tested with 3.40.1 under rusqlite 0.39, and with the version that the newest rusqlite bundles.
//!
//! SQLite chooses the plans. An older version may have to scan or sort where a newer one finds an index search. For
//! example, 3.40 sorts for some keys of mixed directions under a filter. It also sorts for some queries, such as joins
//! of tables whose statistics record only a few rows. Such a walk is refused
//! ([`NotSeekable`](ErrorKind::NotSeekable)); it is never slow or wrong.
//!
//! Terms are defined in the repository's GLOSSARY.md.
//!
//! [`rusqlite`]: https://docs.rs/rusqlite
//! [`uuid`]: https://docs.rs/uuid/1
//! [`uuid::Uuid`]: https://docs.rs/uuid/1/uuid/struct.Uuid.html
//! [`uuid::fmt::Hyphenated`]: https://docs.rs/uuid/1/uuid/fmt/struct.Hyphenated.html
//! [`uuid::fmt::Simple`]: https://docs.rs/uuid/1/uuid/fmt/struct.Simple.html
//! [`keywalk-job`]: https://docs.rs/keywalk-job
//! [`keywalk-retry`]: https://docs.rs/keywalk-retry
#![cfg_attr(feature = "jobs", doc = "[`SqliteCheckpoints`]: SqliteCheckpoints")]
#![cfg_attr(not(feature = "jobs"), doc = "[`SqliteCheckpoints`]: #features")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

#[cfg(feature = "jobs")]
mod checkpoint_table;
mod codec;
mod connect;
pub mod decode;
mod error;
mod fetch;
pub mod guide;
mod join_order;
mod key;
mod plan;
mod query;
mod relation;
mod schema;
mod seek;
mod source;
mod split;
mod sql;
mod statements;
mod table;
mod value;

#[cfg(feature = "jobs")]
pub use checkpoint_table::{
    CheckpointError, CheckpointErrorKind, ChunkTransaction, SqliteCheckpoints,
};
pub use connect::{Connect, Held, PerFetch};
pub use decode::{Decode, FromRow, Row};
pub use error::{Error, ErrorKind};
pub use key::{Collated, DynKey, Real, SqlKey, SqlKeyColumn, TextOrder};
pub use query::{Query, QuerySpec};
pub use source::SqlSource;
pub use table::{Table, TableSpec};

#[cfg(feature = "chrono")]
pub use chrono;
#[cfg(feature = "jiff")]
pub use jiff;
#[cfg(feature = "jobs")]
pub use keywalk_job;
pub use {keywalk, rusqlite, uuid};
