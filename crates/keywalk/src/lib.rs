//! Walk any store in key order, a chunk at a time, in constant memory, resumable at any item.
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
//! A walk is nothing but the key range that it has still to cover. It asks its store for the next
//! few hundred items of that range, hands them out, and asks again from the last key on. Between two
//! questions it holds nothing of the store: no statement, transaction, lock or iterator. So others
//! can insert and delete meanwhile, and the walk can stop at any item and go on later. (A question is a fetch,
//! or the one for the last key, with which a walk begins; [`Stats::queries`] counts both.)
//!
//! # Where to go
//!
//! | You have | It is walked by |
//! |---|---|
//! | a SQLite table or query | [`keywalk-sqlite`] |
//! | a `BTreeMap` or `BTreeSet` | `Walk::new(&map)` |
//! | a shared map, a skip list or a sorted slice in memory | [`keywalk-memory`] |
//! | a sled tree | [`keywalk-sled`] |
//! | a store that isn't here | a [`ChunkSource`] of your own: its documentation shows how, [`keywalk-conformance`] proves it by a test a rule, [`keywalk-key`] writes its keys as bytes |
//!
//! | You want | It is |
//! |---|---|
//! | to replace a loop over a `SELECT` or over `OFFSET`, or what Django or Rails has for it | the [guide] to moving over, in keywalk-sqlite |
//! | a backfill, purge or export that survives crashes, each effect once | a job: [`keywalk-job`] |
//! | to wait where a store fails for a while | [`keywalk-retry`] |
//! | a "next" link, or to go on tomorrow | a [`Token`] |
//! | to fetch ahead while you work | [`Walk::prefetch`] |
//!
//! # Contents
//!
//! - [`Walk`] is where to start: its options, and then [`Items`] (an iterator) or [`Chunks`] (lends
//!   a chunk at a time: the fastest way). [`Walk::prefetch`] fetches ahead of them, over a
//!   [`SendSource`]. [`Stats`] says what a walk did, [`Error`] why it ended early.
//! - [`Cursor`] is a walk's position, and [`Token`] one that is written down, for another process; the
//!   sources that have it are [`ResumableSource`]s, and tell themselves apart by a [`Fingerprint`].
//! - [`ByteSize`] tells an item's bytes, for chunks [by bytes](Walk::chunk_bytes).
//! - [`Source`] and [`ChunkSource`] are what a store implements: its types, and "up to N items of this key range".
//!   An item is [`Keyed`]: it knows its key. [`KeyRange`], [`Chunk`], [`Fetched`] and [`LastKey`] are what a source
//!   is asked with, fills and returns.
//! - [`Engine`] is the walk's loop apart from any I/O, for drivers of your own (an async one, say).
//!
//! # What a walk promises
//!
//! The promises are numbered; the rest of the documentation cites the numbers. They hold while
//! others insert and delete, in both [orders](Order), over every source that keeps the contract of
//! [`ChunkSource`].
//!
//! | | |
//! |---|---|
//! | G1 Order | Keys come strictly ascending (or descending) in the store's own order. |
//! | G2 Once | No key comes twice. |
//! | G3 Complete | A key that was there all the time comes. |
//! | G4 Sound | A key that was never there while its stretch was read doesn't come. |
//! | G5 Value | An item is one that its key had during the fetch: never torn, never older. |
//! | G6 Bounds | Every key lies in the range; a chunk holds at most its limit. |
//! | G7 Exact | Where changes happen only between fetches, a chunk is exactly the store's content. |
//! | G8 The end is said | A short or empty chunk isn't the end; the store has to say so. |
//! | G9 Termination | A bounded walk ends, whatever is appended or deleted: after at most (keys / chunk size, rounded up) + 2 questions, and one for each stretch that was scanned without filling a chunk, or chunk that bytes or time ended sooner. |
//! | G10 Resume | What came before a cursor and what comes after it are together one walk, also in another process by its [`Token`]; one that is damaged, or of another source, is refused. |
//! | G11 Errors | A failing fetch hands out nothing and moves nothing; the error comes once. |
//! | G12 Fused | After the end or an error comes `None`, and the store isn't asked again. |
//! | G13 Bounded and lazy | At most one chunk is in memory, of a walk that [prefetches](Walk::prefetch) its depth and one; nothing is fetched before the first `next`. |
//! | G14 Nothing held | Between two fetches nothing of the store is held. |
//! | G15 Contract checks | Where a source breaks its contract, as far as O(1) per chunk shows it, the walk ends with an error; it never loops. |
//!
//! **Not promised.** A walk is not a snapshot: what changes behind it isn't seen, what changes ahead
//! of it is. Changing an item's key is a delete and an insert: the item can be seen twice, or not at
//! all. Rows that commit behind the cursor (smaller keys, allocated earlier and committed later) are
//! not seen.
//!
//! # Features
//!
//! - `std` (default): the system's clock, for [`Stats::time_in_store`] and [`Walk::target_fetch_time`], and
//!   threads, for [`Walk::prefetch`]. Without it the crate needs only `alloc`, and a walk that is to know
//!   the time is given a [`clock`](Walk::clock). In a browser (`wasm32-unknown-unknown`) the standard library has
//!   neither: there a walk by time needs a clock too, and a prefetched one fetches in the caller's thread.
//! - `hmac`: `SignedToken`, for cursors that pass through hands that aren't trusted.
//! - `serde`: a [`Token`] is text in formats for people, and bytes in others.
//!
//! [`keywalk-sqlite`]: https://docs.rs/keywalk-sqlite
//! [`keywalk-memory`]: https://docs.rs/keywalk-memory
//! [`keywalk-sled`]: https://docs.rs/keywalk-sled
//! [`keywalk-conformance`]: https://docs.rs/keywalk-conformance
//! [`keywalk-key`]: https://docs.rs/keywalk-key
//! [guide]: https://docs.rs/keywalk-sqlite/latest/keywalk_sqlite/guide/index.html
//! [`keywalk-job`]: https://docs.rs/keywalk-job
//! [`keywalk-retry`]: https://docs.rs/keywalk-retry

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

extern crate alloc;
/// For [`forward_source!`].
#[doc(hidden)]
pub extern crate alloc as __alloc;
#[cfg(feature = "std")]
extern crate std;

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
#[cfg(feature = "std")]
mod prefetch;
mod range;
mod resumable_source;
mod source;
mod stats;
mod token;
mod walk;
mod weigh;

pub use chunk::Chunk;
pub use chunks::{Chunks, Driver, Inline, Step};
pub use cursor::Cursor;
pub use engine::{Engine, Request};
pub use error::{ContractViolation, CursorMismatch, Error};
pub use excerpt::Excerpt;
pub use fingerprint::{Fingerprint, FingerprintField};
pub use items::Items;
#[cfg(feature = "std")]
pub use prefetch::{Prefetch, Prefetched, SendSource};
pub use range::{KeyRange, Order};
pub use resumable_source::ResumableSource;
pub use source::{ChunkSource, Fetched, Keyed, LastKey, Source};
pub use stats::Stats;
#[cfg(feature = "hmac")]
pub use token::SignedToken;
pub use token::{Token, TokenError};
pub use walk::Walk;
pub use weigh::ByteSize;
