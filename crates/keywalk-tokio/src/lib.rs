//! Bridges between blocking and asynchronous [walks](keywalk::Walk), on tokio.
//!
//! | You have | You want | Use |
//! |---|---|---|
//! | a blocking source: SQLite, redb, a map | to walk it in an async program | [`Offload`] |
//! | an asynchronous source: PostgreSQL | to walk it in a blocking program, or to test it with the conformance kit | [`Blocking`] |
//! | an asynchronous walk | to fetch the next chunks while you work on this one | [`ahead()`] |
//!
//! Keys, items, errors, guarantees and tokens are those of the source inside. So a token that a blocking program took
//! resumes the walk of an async one, and the other way round.
//!
//! # A list with pages in a web service
//!
//! This is the core of a handler, for any web framework. The pages share one connection and take turns:
//!
//! ```
//! use std::sync::Arc;
//!
//! use keywalk::{AsyncChunkSource, Error, Page, ResumableSource, Walk};
//! use keywalk_sqlite::{Table, rusqlite::Connection};
//! use keywalk_tokio::Offload;
//! use tokio::sync::Mutex;
//!
//! type Item = (i64, String);
//!
//! /// `GET /items?at=LINK`
//! async fn list<S>(items: Arc<Mutex<S>>, link: Option<String>) -> Result<Page<Item>, Error<S::Error>>
//! where
//!     S: AsyncChunkSource<Item = Item> + ResumableSource,
//! {
//!     // A damaged link is an error, and so is one of another table: answer with "400 Bad Request".
//!     let at = link.as_deref().map(str::parse).transpose()?;
//!     let mut items = items.lock().await;
//!     // `page.next` and `page.previous` are the links.
//!     Walk::new(&mut *items).async_page(50, at.as_ref()).await
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let db = Connection::open_in_memory()?;
//! # db.execute_batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO items VALUES (1, 'one')")?;
//! let table = Table::new(db, "items").key::<i64>(["id"])?;
//! let items = Offload::new(table.map(|row| row.get::<_, String>("name")));
//! let items = Arc::new(Mutex::new(items));
//! let page = list(Arc::clone(&items), None).await?;
//! assert_eq!(page.items, [(1, "one".to_owned())]);
//! # Ok(())
//! # }
//! ```
//!
//! If a client leaves, the framework drops the handler's future. SQLite then finishes that page on the blocking pool,
//! and the next page waits for it. The repository's example `axum_pages` is a whole program with axum.
//!
//! # A walk as a stream
//!
//! [`Walk::stream`](keywalk::Walk::stream) returns a `Stream`. Web frameworks take it as the body of a response
//! (axum: `Body::from_stream`), and the crates `futures` and `tokio-stream` have combinators for it. A slow reader
//! holds one chunk in memory, and nothing of the store:
//!
//! ```
//! use futures_util::TryStreamExt;
//! use keywalk::{AsyncChunkSource, Error, Walk};
//!
//! async fn longest_name<S>(items: S) -> Result<usize, Error<S::Error>>
//! where
//!     S: AsyncChunkSource<Item = (i64, String)>,
//! {
//!     let lengths = Walk::new(items).stream().map_ok(|(_, name)| name.len());
//!     lengths.try_fold(0, async |longest, length| Ok(longest.max(length))).await
//! }
//! ```
//!
//! Terms are defined in the repository's GLOSSARY.md.

#![forbid(unsafe_code)]

mod ahead;
mod blocking;
mod offload;

pub use ahead::{Ahead, ahead};
pub use blocking::Blocking;
pub use offload::Offload;
