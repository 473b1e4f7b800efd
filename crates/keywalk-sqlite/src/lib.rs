//! Walk SQLite tables and queries with [keywalk]: by any key, in constant memory, beside a
//! live writer.
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
//! - [`Table`] walks a table by its primary key, a unique index or its rowid; [`Query`] a SELECT: joins,
//!   views, full-text search. Both are a [`SqlSource`], whose methods say by what to walk it and what becomes of
//!   a row.
//! - [`SqlKey`] lists the key types: integers, text, blobs, UUIDs, tuples of them, [`Collated`] text,
//!   and [`DynKey`] for tables that aren't known when compiling. [`SqlKeyColumn`] makes one of your own type.
//! - A row becomes a dynamic [`Row`], what a closure makes of it ([`Table::map`]), or a type with
//!   [`FromRow`].
//! - [`Connect`] is what they have their connection from: one of rusqlite's, a guard of one ([`Held`]), or a pool
//!   ([`PerFetch`]).
//! - [`SqliteCheckpoints`] (feature `jobs`) keeps the positions of [`keywalk-job`]'s jobs, so that what they do
//!   to each row happens exactly once.
//! - [`Error`] says what is wrong with a key, a filter or a stored value, and what to do;
//!   [what happens when](#what-happens-when) is a table.
//! - [`guide`] has pages for those who come from `SELECT *`, OFFSET, Django or Rails, and for a database in use.
//!
//! # What it guarantees
//!
//! The [promises of a walk](keywalk#what-a-walk-promises), G1 to G15, hold for both; what is behind them:
//!
//! | | [`Table`] | [`Query`] |
//! |---|---|---|
//! | Order (G1) | the index's: numbers, text by the column's collation, blobs by bytes, each column `ASC` or `DESC` | the same; text by its bytes |
//! | Once (G2) | proven: a primary key, a UNIQUE index over NOT NULL columns, or the rowid is part of the key | checked: a key that equals the one before is an error |
//! | Isolation (G3 to G5, G7) | a chunk is one statement, so one moment: what was committed when it was fetched, what its own connection wrote, and inside a transaction what that sees | the same |
//! | Where it ends (G6, G8, G9) | at the last key when it begins, which is read from the index alone; with a filter, from the rows | the same, from the index alone |
//! | Going on (G10) | by a cursor in this process, by a token in any: [below](#stopping-and-going-on) | the same |
//! | Errors (G11, G12) | one, of its own [kind](ErrorKind), that names table, column and value; a key that is NULL or not of the key's type is one, never a skipped row | the same |
//! | What a fetch reads (G13) | about its chunk: each statement's plan is proven to search by the whole key and to sort nothing; of rows that a filter drops 512, or a chunk if that's more | its plan is proven too, but rows that its own WHERE drops are all read in one fetch |
//! | Memory (G13) | one chunk of items, and SQLite's page cache (2 MB by default) | the same |
//! | Held between fetches (G14) | nothing: statements are reset, so no read transaction pins the WAL; over a [pool](PerFetch) no connection either | the same |
//! | What breaks the order (G15) | damage, found row by row; of [`Collated`] keys only repeats are | the same |
//! | Threads | one that owns its connection is `Send`; one that borrows it stays in its thread | the same |
//! | Refused | views and virtual tables (walk a query); keys that may repeat or be NULL, or that their columns never hold; searches that would scan or sort | what doesn't only read; an ORDER BY or LIMIT of its own; searches that would scan, sort or group |
//!
//! # What it is used with
//!
//! keywalk, rusqlite and uuid are parts of this crate's interface, and re-exported: as [`keywalk`],
//! [`rusqlite`] and [`uuid`], and with the feature `jobs` keywalk-job as `keywalk_job`. So this crate is all
//! that has to be depended on (`use keywalk_sqlite::{Table, keywalk::Walk, rusqlite::Connection}`), but for
//! their own features: `hmac`, `serde`, `indicatif` and `tracing` want a line of that crate's.
//!
//! rusqlite may be any from 0.39 to 0.43. Cargo takes the one that the program's other crates ask for, where
//! that follows from SQLite's library, of which a program has one: rusqlite 0.39 for sqlx 0.9 and SeaORM 2.0,
//! 0.40 for r2d2_sqlite 0.35, deadpool-sqlite 0.14, tokio-rusqlite 0.8 and diesel 2.3. 0.42 and 0.43 share that
//! library, so a program that names 0.42 gets both, and types that don't match: `cargo update rusqlite@0.43.0
//! --precise 0.42.0` leaves one.
//!
//! A UUID stored as a blob is a [`uuid::Uuid`], one stored as text a [`uuid::fmt::Hyphenated`].
//!
//! # Stopping and going on
//!
//! A walk's [token](keywalk::Token) is its position as text. Another process goes on from it, exact to
//! the item, whatever rows came or went, with whatever chunk size:
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
//! It is good for the same table (by schema and name) or the same SELECT (to the letter, with the same
//! parameters), by the same key columns in the same directions and collations, with the same filter and
//! fixed columns. Any other is [refused](keywalk::TokenError::Source). The key's Rust type is free (`i64`
//! or [`DynKey`]), and so are the file, the columns that are read, how they are decoded, indexes and the
//! rest of the schema. A table's name is looked up anew: one in `temp` hides one in `main`.
//!
//! Keys stand in it readably, as one tuple of
//! [FoundationDB's tuple layer](https://github.com/apple/foundationdb/blob/main/design/tuple.md); names
//! and a filter's values don't.
//!
//! # What happens when
//!
//! An error comes once and ends the walk (G11). Its cursor stands at the last item handed out: resumed
//! from there, once the cause is gone, the walk goes on as if nothing had been.
//!
//! | What | The walk | [`ErrorKind`] | The cure |
//! |---|---|---|---|
//! | No such table or column; a view or virtual table as a [`Table`]; a key that isn't unique, may hold NULL (but for a lone [primary key](Table#proven-before-the-first-row)), is of a type that its column never holds, or can't be searched | doesn't begin | `NoSuchTable`, `NoSuchColumn`, `NotATable`, `NoPrimaryKey`, `KeyColumns`, `NotUnique`, `Nullable`, `Collation`, `NotSeekable` | the message names it: another key or type, an index, a declaration, ANALYZE |
//! | A filter or query that isn't one, or has parameters that don't fit | doesn't begin | `Filter`, `Query` | write it as the message says |
//! | A key of another type than the key's, or NULL; a row that doesn't decode | stops before its row's chunk | `Value` | mend the row, or name another type |
//! | A [token](keywalk::Token) of another table, key, filter or query, or of a rowid that a change of the schema may have renumbered | doesn't begin | none: [`keywalk::Error::Token`], which says what differs | resume what it was taken from, or walk anew |
//! | A token that was cut or changed, or has a key that the key's type can't hold | doesn't begin | none: [`keywalk::Error::Token`] | an earlier token; the type it was taken with |
//! | The schema changes after a token was read and before the first row | as while it is walked | | |
//! | A query gives a key twice | stops | `RepeatedKey` | walk it by a key that is unique |
//! | Another connection holds an exclusive lock, or a shared cache's | stops | `Busy`, [transient](Error::is_transient) | a busy timeout; [`keywalk-retry`]; resume |
//! | A pool lends no connection | stops | `NoConnection`, taken for [transient](Error::is_transient) | what the pool's own error says; resume |
//! | Another connection writes to the WAL, or has only begun to write | goes on | | |
//! | A writer crashed | goes on: what it had begun is rolled back (not by a read-only connection: `Sqlite`) | | |
//! | An interrupt, or a progress handler that says stop, during a fetch | stops; the caller's transaction stays | `Interrupted` | resume |
//! | The schema changes: another index, a column added, the table made anew with the same key, VACUUM | goes on, proven again, with the columns that it had | | |
//! | The table, the key or a column that is read goes | stops | that of the first row | bring it back and resume, or walk anew |
//! | The key's order changes; any change of the schema, since VACUUM looks the same, where the key is a rowid that isn't an INTEGER PRIMARY KEY; a query of `*` over other columns | stops | `Changed` | walk anew |
//! | Pages are damaged, the file is cut, its header is overwritten | stops behind the rows that are whole | `Corrupt` | restore it, drop the page cache, resume |
//! | Bits of a key are damaged, which SQLite doesn't notice | stops where rows are out of order; behind a wrong key at the very end of a table's chunk rows can be missed | `Corrupt`, `Value` | `PRAGMA integrity_check` |
//! | The file is renamed over or deleted | goes on over the old file, to its end (Unix) | | open it again |
//! | The WAL is cut, a file can't be opened, the disk fails | stops | `Io` | mend it, resume |
//! | The disk is full | goes on: only writers fail | | |
//! | A heap limit is reached | stops | `OutOfMemory` | smaller chunks, a higher limit |
//! | A row or statement is above one of SQLite's [limits](https://www.sqlite.org/limits.html) | stops before its chunk | `Sqlite` | raise the limit |
//! | An authorizer denies | stops when SQLite prepares the next time | `Sqlite` | allow it |
//! | The decoding panics | the panic goes on to the caller; nothing is held, and the walk may go on | | |
//!
//! With [`PRAGMA mmap_size`](https://www.sqlite.org/mmap.html) a file that another program cuts ends the
//! process (SIGBUS), as it does for any reader.
//!
//! # A connection that moves
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
//! So it can also be [prefetched](keywalk::Walk::prefetch): a thread fetches and decodes the next chunk
//! while the caller works on this one. What the caller writes goes through another connection (with a WAL
//! neither waits for the other), and need not be seen in the chunk that is already there.
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
//! // The connection comes back with the table.
//! let items = chunks.into_source();
//! assert!(items.connection().is_autocommit());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! - `bundled` (default): builds SQLite from source, as rusqlite's feature of that name. Without it
//!   the system's library is [used](#sqlites-own-versions).
//! - `jobs`: [`SqliteCheckpoints`], for jobs of [`keywalk-job`] whose effects happen exactly once.
//!
//! # SQLite's own versions
//!
//! | | SQLite |
//! |---|---|
//! | keywalk-sqlite itself | 3.37, which knows `pragma_table_list` |
//! | rusqlite 0.39 and 0.40, its hooks among them | 3.34.1 |
//! | rusqlite from 0.41 on | 3.45.3, by its own word; without its hooks (busy, progress, update, commit, authorizer), which want `sqlite3_set_clientdata` of 3.44, it links with older ones too |
//! | tested | 3.40.1 with rusqlite 0.39, and what the newest rusqlite bundles |
//!
//! Plans are SQLite's choice. An older one may find none that searches where a newer one does: 3.40 sorts for
//! some keys of mixed directions under a filter, and for some queries, such as joins of tables whose statistics
//! speak of a few rows. Such a walk is refused
//! ([`NotSeekable`](ErrorKind::NotSeekable)), never slow or wrong.
//!
//! [`rusqlite`]: https://docs.rs/rusqlite
//! [`uuid`]: https://docs.rs/uuid/1
//! [`uuid::Uuid`]: https://docs.rs/uuid/1/uuid/struct.Uuid.html
//! [`uuid::fmt::Hyphenated`]: https://docs.rs/uuid/1/uuid/fmt/struct.Hyphenated.html
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
mod sql;
mod table;
mod value;

#[cfg(feature = "jobs")]
pub use checkpoint_table::{
    CheckpointError, CheckpointErrorKind, ChunkTransaction, SqliteCheckpoints,
};
pub use connect::{Connect, Held, PerFetch};
pub use decode::{Decode, FromRow, Row};
pub use error::{Error, ErrorKind};
pub use key::{Collated, DynKey, SqlKey, SqlKeyColumn, TextOrder};
pub use query::{Query, QuerySpec};
pub use source::SqlSource;
pub use table::{Table, TableSpec};

#[cfg(feature = "jobs")]
pub use keywalk_job;
pub use {keywalk, rusqlite, uuid};
