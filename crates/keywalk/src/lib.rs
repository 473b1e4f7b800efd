//! Walks any store in key order, chunk by chunk, in constant memory. A walk can resume at any item.
//!
//! Use it for backfills, exports and pagination over a store that others write to at the same time. A walk
//! costs about one request to the store per chunk (512 items by default) and holds one chunk in memory.
//!
//! ```
//! use std::collections::BTreeMap;
//! use keywalk::Walk;
//!
//! let map = BTreeMap::from([(1, "one"), (2, "two"), (3, "three")]);
//! for item in Walk::new(&map).chunk_size(2) {
//!     let (number, name) = item?;
//!     println!("{number} is {name}");
//! }
//! # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
//! ```
//!
//! A walk fetches the next few hundred items of its key range, yields them, and then fetches the items after the
//! last one yielded. Its only state is the key range that is left. Between two fetches it holds nothing of the
//! store: no statement, transaction, lock or iterator. So others can insert and delete concurrently, and you can
//! stop at any item and resume later.
//!
//! # Where to start
//!
//! | You have | Use |
//! |---|---|
//! | a SQLite table or query | [`keywalk-sqlite`] |
//! | a PostgreSQL table or query | [`keywalk-postgres`] |
//! | a `BTreeMap` or `BTreeSet` | `Walk::new(&map)` |
//! | a shared map, a skip list or a sorted slice in memory | [`keywalk-memory`] |
//! | a redb table | [`keywalk-redb`] |
//! | a fjall keyspace | [`keywalk-fjall`] |
//! | a sled tree | [`keywalk-sled`] |
//! | another store that is ordered by bytes, such as LMDB | [`keywalk-bytes`] and one method of your own |
//! | any other store | your own [`ChunkSource`]; [`keywalk-conformance`] tests it |
//! | a store with an asynchronous client | your own `AsyncChunkSource` (feature `async`) |
//!
//! | You want | Use |
//! |---|---|
//! | to replace a `SELECT` or `OFFSET` loop, or batches of Django or Rails | the migration [guide] of keywalk-sqlite |
//! | a backfill, purge or export that survives crashes and applies each effect once | a job: [`keywalk-job`] |
//! | to retry when a store fails temporarily | [`keywalk-retry`] |
//! | to walk SQLite and other blocking stores in an async program | [`keywalk-tokio`] |
//! | to walk shards, or a table per month, as one; to compare two stores | [`keywalk-shards`] |
//! | pages with "next" and "previous" links | [`Walk::page`] |
//! | to resume in another process | a [`Token`] |
//! | to fetch ahead while you work | [`Walk::prefetch`] |
//! | to walk with several workers, on all cores | [`Walk::split`] and [`keywalk-shards`] |
//! | to walk in an asynchronous program | `Walk::async_chunks` or `Walk::stream` (feature `async`) |
//!
//! # Contents
//!
//! - [`Walk`] is the entry point: set its options, then iterate [`Items`] (an iterator) or [`Chunks`] (lends
//!   one chunk at a time; the fastest way). [`Walk::prefetch`] fetches chunks ahead in another thread; the source
//!   must be a [`SendSource`]. [`Stats`] counts what a walk did. [`Error`] is why it ended early.
//! - [`Cursor`] is a position in a walk, in this process. [`Token`] is a cursor written down, for another
//!   process. Tokens need a [`ResumableSource`]; a [`Fingerprint`] identifies it.
//! - [`Walk::page`] returns a [`Page`] with links to the next and the previous one. [`HasPrefix`] and [`PrefixColumn`]
//!   are for [`Walk::prefix`].
//! - [`ByteSize`] measures items, for chunks limited [by bytes](Walk::chunk_bytes).
//! - [`Source`] declares a store's types; [`ChunkSource`] fetches up to N items of a key range. An item is
//!   [`Keyed`]: it knows its key. [`KeyRange`] and [`Chunk`] are the arguments of a fetch; [`Fetched`] and
//!   [`LastKey`] are results.
//! - With the feature `async`: an `AsyncChunkSource` is a store whose fetches are futures. `Walk::async_chunks` lends
//!   its items (`AsyncChunks`), and `Walk::stream` yields them as a `Stream` (`AsyncItems`). Options, tokens and
//!   guarantees are the same: a token of a blocking walk resumes an asynchronous one, and the reverse.
//! - [`Engine`] is the loop of a walk without I/O. Use it to write your own driver.
//!
//! # What a walk guarantees
//!
//! The guarantees are numbered, and the rest of the documentation cites the numbers. They hold while others
//! insert and delete, in both [orders](Order), over every source that keeps the contract of [`ChunkSource`]. A
//! *request* is a fetch or the query for the last key; [`Stats::queries`] counts both. A bounded walk (the
//! default) first queries the range's last key, and ends there.
//!
//! | | |
//! |---|---|
//! | G1 Order | Keys are strictly ascending (or descending) in the store's own order. |
//! | G2 Once | No key is yielded twice. |
//! | G3 Complete | A key that is present throughout the walk is yielded. |
//! | G4 Sound | Every yielded key existed at some moment during its fetch. |
//! | G5 Value | An item's value is one that its key had at some moment during the fetch. It is never an older value, and never a mix of two. |
//! | G6 Bounds | Every key lies in the range. A chunk never exceeds its limit. |
//! | G7 Exact | If changes happen only between fetches, a chunk is exactly what the store holds for the keys that the fetch covers. They begin at the start of the fetched range. They end at the chunk's last key, at the key of [`Fetched::ScannedTo`], or at the range's end after [`Fetched::End`]. |
//! | G8 Explicit end | A short or empty chunk doesn't end the walk. Only the end that the store reports does. |
//! | G9 Termination | A bounded walk ends, whatever is appended or deleted. It makes at most 2 + *f* + *s* + *e* requests. The 2 are for finding the last key. *f* is *k* / chunk size, rounded up. *k* is the number of keys that the range held at some moment of the walk. *s* is the number of fetches that return [`Fetched::ScannedTo`] with a chunk that isn't full. *e* is the number of other chunks that are smaller than the chunk size because of a limit of bytes or time, or because the store returns smaller pages. |
//! | G10 Resume | The items before a cursor and the items after it make up one walk. With a [`Token`] this holds across processes. A token that is damaged or belongs to another source is refused. |
//! | G11 Errors | A failed fetch yields no items and doesn't move the walk. The error is returned once. |
//! | G12 Fused | After the end or an error the walk returns `None` and makes no more requests. |
//! | G13 Bounded and lazy | At most one chunk is in memory; `depth + 1` chunks if the walk [prefetches](Walk::prefetch). Nothing is fetched before the first `next`. |
//! | G14 Nothing held | Between two fetches nothing of the store is held. |
//! | G15 Contract checks | If a source breaks its contract in a way that O(1) work per chunk can detect, the walk ends with an error. It never loops. |
//!
//! **Not guaranteed.** A walk is not a snapshot. It sees changes ahead of its position, and none behind it.
//! Changing an item's key is a delete and an insert, so the walk can yield the item twice or not at all. It
//! misses a row that commits after the walk has passed the row's key. For example, one transaction inserts key 7
//! and another inserts key 8. The second commits first, and the walk passes both keys. Then the first commits: the
//! walk has missed key 7. [`Walk::end_before`] leaves the newest rows to a later walk, and [`Cursor::at`] looks back.
//!
//! # Features
//!
//! - `std` (default): the system clock, for [`Stats::time_in_store`] and [`Walk::target_fetch_time`], and
//!   threads, for [`Walk::prefetch`]. Without it the crate needs only `alloc`, and a walk that measures time
//!   needs a [`clock`](Walk::clock). In a browser (`wasm32-unknown-unknown`) the standard library has neither
//!   a clock nor threads. There `target_fetch_time` needs a clock too, and a prefetched walk fetches in the
//!   caller's thread.
//! - `async`: `AsyncChunkSource` and the walks over it. It works without a runtime and without `std`, except
//!   `Walk::stream`, which needs `std`. A future of a walk can be dropped at any point: nothing is lost or repeated.
//! - `hmac`: `SignedToken`, for tokens that pass through untrusted hands.
//! - `serde`: serializes a [`Token`] as text in human-readable formats, and as bytes in others.
//! - `uuid`: UUIDs as columns of tuple keys in [`Walk::prefix`].
//!
//! Terms are defined in the repository's GLOSSARY.md.
//!
//! [`keywalk-sqlite`]: https://docs.rs/keywalk-sqlite
//! [`keywalk-postgres`]: https://docs.rs/keywalk-postgres
//! [`keywalk-memory`]: https://docs.rs/keywalk-memory
//! [`keywalk-redb`]: https://docs.rs/keywalk-redb
//! [`keywalk-fjall`]: https://docs.rs/keywalk-fjall
//! [`keywalk-sled`]: https://docs.rs/keywalk-sled
//! [`keywalk-conformance`]: https://docs.rs/keywalk-conformance
//! [`keywalk-bytes`]: https://docs.rs/keywalk-bytes
//! [guide]: https://docs.rs/keywalk-sqlite/latest/keywalk_sqlite/guide/index.html
//! [`keywalk-job`]: https://docs.rs/keywalk-job
//! [`keywalk-retry`]: https://docs.rs/keywalk-retry
//! [`keywalk-shards`]: https://docs.rs/keywalk-shards
//! [`keywalk-tokio`]: https://docs.rs/keywalk-tokio

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

extern crate alloc;
/// Used by [`forward_source!`].
#[doc(hidden)]
pub extern crate alloc as __alloc;
#[cfg(feature = "std")]
extern crate std;

#[cfg(feature = "async")]
mod async_chunks;
#[cfg(all(feature = "async", feature = "std"))]
mod async_items;
#[cfg(feature = "async")]
mod async_source;
mod chunk;
mod chunk_sizer;
mod chunks;
mod collections;
mod cursor;
mod engine;
mod error;
mod excerpt;
mod fingerprint;
mod fnv;
mod items;
mod page;
#[cfg(feature = "std")]
mod prefetch;
mod prefix;
mod range;
mod resumable_source;
mod source;
mod split;
mod stats;
mod token;
mod walk;
mod weigh;

#[cfg(feature = "async")]
pub use async_chunks::AsyncChunks;
#[cfg(all(feature = "async", feature = "std"))]
pub use async_items::AsyncItems;
#[cfg(feature = "async")]
pub use async_source::{AsyncChunkSource, DynAsyncChunkSource};
pub use chunk::Chunk;
pub use chunks::{Chunks, Driver, Inline, Step};
pub use cursor::Cursor;
pub use engine::{Engine, Request};
pub use error::{ContractViolation, CursorMismatch, Error};
pub use excerpt::Excerpt;
pub use fingerprint::{Fingerprint, FingerprintField};
pub use items::Items;
pub use page::Page;
#[cfg(feature = "std")]
pub use prefetch::{Prefetch, Prefetched, SendSource};
pub use prefix::{HasPrefix, IntoColumn, PrefixColumn};
pub use range::{KeyRange, Order};
pub use resumable_source::ResumableSource;
pub use source::{ChunkSource, Fetched, Keyed, LastKey, Source};
#[cfg(feature = "async")]
pub use split::AsyncSplitSource;
pub use split::{SplitSource, even_split_points};
pub use stats::Stats;
#[cfg(feature = "hmac")]
pub use token::SignedToken;
pub use token::{Token, TokenError};
pub use walk::Walk;
pub use weigh::ByteSize;
