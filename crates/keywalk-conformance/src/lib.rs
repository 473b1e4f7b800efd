//! Tests a [`keywalk`] backend: implement [`Harness`] for your store, write one line, and run `cargo test`.
//!
//! Use it when you write a backend. Use it too when [your own code](#testing-your-own-code) walks a table. A full
//! run opens several hundred small stores, so its duration depends on how fast your store opens. If it opens slowly,
//! reuse its tables with a [`Pool`].
//!
//! ```
//! # use keywalk_conformance::{BoxError, Harness, KeySpace};
//! # use keywalk_memory::SharedMap;
//! # use std::{collections::BTreeMap, sync::{Arc, RwLock}};
//! # struct MyStore(Arc<RwLock<BTreeMap<i64, u64>>>);
//! # impl Harness for MyStore {
//! #     type Key = i64;
//! #     type Source<'a> = SharedMap<i64, u64>;
//! #     fn open() -> Result<Self, BoxError> { Ok(MyStore(Arc::default())) }
//! #     fn source(&self) -> Result<SharedMap<i64, u64>, BoxError> { Ok(SharedMap::new(Arc::clone(&self.0))) }
//! #     fn put(&self, key: &i64, value: u64) -> Result<(), BoxError> {
//! #         self.0.write().map_err(|error| error.to_string())?.insert(*key, value);
//! #         Ok(())
//! #     }
//! #     fn delete(&self, key: &i64) -> Result<(), BoxError> {
//! #         self.0.write().map_err(|error| error.to_string())?.remove(key);
//! #         Ok(())
//! #     }
//! #     fn value((_, value): &(i64, u64)) -> u64 { *value }
//! #     fn keys() -> KeySpace<i64> { KeySpace::known() }
//! # }
//! keywalk_conformance::conformance!(my_store: MyStore);
//! # let outcome = keywalk_conformance::run_check::<MyStore>("the_start_is_exclusive", &Default::default());
//! # assert!(outcome.is_some_and(|outcome| outcome.is_ok()));
//! ```
//!
//! [`conformance!`] makes one `#[test]` per check, named after its rule. For example: the start is exclusive, a walk
//! still ends if its last row is deleted, nothing is held between two fetches. [`run`] executes the same checks, prints
//! a table of them and returns a [`Report`].
//!
//! If your source is a [`ResumableSource`](keywalk::ResumableSource), add `durable` to test its tokens too.
//! [`run_durable`] does the same and returns a report. To test that your source refuses tokens of other sources,
//! implement [`Harness::foreign_fingerprints`].
//!
//! ```
//! # macro_rules! conformance { ($($tokens:tt)*) => {} }
//! conformance!(my_store: MyStore, durable);
//! ```
//!
//! If your source can move to another thread, add `prefetched` to test [prefetched](keywalk::Walk::prefetch) walks
//! too. [`run_prefetched`] does the same and returns a report.
//!
//! ```
//! # macro_rules! conformance { ($($tokens:tt)*) => {} }
//! conformance!(my_store: MyStore, durable, prefetched);
//! ```
//!
//! # What is tested
//!
//! - The harness: its methods and the capabilities that it declares.
//! - Every possible fetch on small stores: each subset of a few keys, with every start, bound and limit, in both
//!   orders, and the boundary keys of the key type.
//! - Whole walks against a model: at all chunk sizes, and longer than any page.
//! - Concurrent changes: rows inserted, deleted and replaced between fetches, and threads that write.
//! - Resumption: each walk is cut at every item and resumed.
//! - Errors: every operation of the store fails in turn, and some operations of long and late fetches.
//! - The keys of a durable source: each key round-trips through bytes, other bytes do no harm, and no two keys have the
//!   same human-readable form. The estimated progress of a walk grows from 0 to 1.
//! - The tokens of a durable source: a token resumes the walk exactly, after every item. It does so too from its text,
//!   in another source, after changes and after reopening. The fingerprint is stable, also after 1,000 rows, after a
//!   second and in another process. Tokens of other sources are refused.
//! - For a source that can move to another thread: prefetched walks yield the same items, and an error arrives after
//!   the items that were fetched before it. Four sources at once, on threads, don't disturb each other.
//! - In a thorough run: the memory that a source keeps.
//!
//! Each response is judged by what the store may have held during the call ([`history`]). Unless threads write
//! concurrently, the walk must be exact. Declare what your store can't do in [`Capabilities`]; the tests print what
//! they skip.
//!
//! # Testing your own code
//!
//! Code that walks a table can be wrong although its backend is right. It may count rows instead of comparing keys,
//! store its position before the rows are handled, or take a short page for the end. The kit finds such bugs with the
//! same key spaces and concurrent changes that it tests backends with. A [`Schedule`] defines the initial rows, the
//! concurrent changes and where the code is killed. A [`VisitLog`] receives each row that the code handled and decides
//! whether that row may come at that point.
//!
//! ```no_run
//! use keywalk::{KeyRange, Order, Walk};
//! use keywalk_conformance::history::{Change, VisitLog};
//! use keywalk_conformance::{BoxError, KeySpace};
//! use proptest::prelude::*;
//! # use keywalk_memory::SharedMap;
//! # #[derive(Default)]
//! # struct Table(std::sync::Arc<std::sync::RwLock<std::collections::BTreeMap<i64, u64>>>);
//! # impl Table {
//! #     fn source(&self) -> SharedMap<i64, u64> { SharedMap::new(self.0.clone()) }
//! #     fn insert(&self, key: i64, value: u64) -> Result<(), BoxError> {
//! #         self.0.write().map_err(|error| error.to_string())?.insert(key, value);
//! #         Ok(())
//! #     }
//! #     fn delete(&self, key: i64) -> Result<(), BoxError> {
//! #         self.0.write().map_err(|error| error.to_string())?.remove(&key);
//! #         Ok(())
//! #     }
//! # }
//! # fn export<S: keywalk::ChunkSource<Item = (i64, u64), Error: std::error::Error + 'static>>(
//! #     walk: Walk<S>,
//! #     mut write: impl FnMut(&i64, u64),
//! # ) -> Result<(), BoxError> {
//! #     for item in walk { let (key, value) = item?; write(&key, value); }
//! #     Ok(())
//! # }
//!
//! proptest! {
//!     #[test]
//!     fn the_export_has_each_row(schedule in KeySpace::known().schedules(), size in 1..5_usize) {
//!         let table = Table::default();
//!         schedule.run(
//!             // What the code promises: every row that exists throughout the run, in order, once.
//!             VisitLog::over(KeyRange::all(Order::Ascending)).bounded().reads_ahead(size),
//!             // How concurrent writers change the store.
//!             |key, change| match change {
//!                 Change::Put(value) => table.insert(*key, value),
//!                 Change::Delete => table.delete(*key),
//!             },
//!             // The code under test. It is called again after each kill.
//!             |concurrent| -> Result<(), BoxError> {
//!                 let walk = Walk::new(concurrent.interleave(table.source())).chunk_size(size);
//!                 export(walk, |key, value| concurrent.visit(key, value))
//!             },
//!         )?;
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! - Wrap your source with [`interleave`](ConcurrentStore::interleave): concurrent changes then happen before each
//!   fetch. If your code reads its store without a source, call [`turn`](ConcurrentStore::turn) before each page, or
//!   in the function that receives the rows.
//! - Killed code unwinds and is called again. It continues from the position that it stored, and the kit judges
//!   whether that is right. Code that stored nothing begins at the start.
//! - A [`Counterexample`] shows the clause, the history and what should have come; proptest shrinks the schedule.
//!   Keep a schedule that failed as a test of its own: `Schedule::new([1, 2, 3]).turn([…])`.
//! - To change the store in another way, such as from threads, use [`VisitLog`] without a schedule.
//!
//! | Bug in the code | Found by |
//! |---|---|
//! | counts its position (OFFSET) | G3, a row is left out; or G2, a row comes twice |
//! | continues at its key, not after it (`>=`) | G2 |
//! | takes a short page for the end | G8 |
//! | ends only at a certain row, and that row was deleted | G9, if it calls `turn` or reads an interleaved source |
//! | stores its position too early, or resumes one row off | G10 |
//! | handles outdated rows | G5, G4 or G3, if you set [`reads_ahead`](history::VisitLog::reads_ahead) |
//! | holds a lock or a transaction between two chunks | G14, if that blocks concurrent writers |
//!
//! The example `test_your_walk` in the repository tests a resumable sync over SQLite in this way. It also shows the
//! failure of a sync that uses OFFSET.
//!
//! [`VisitLog`]: history::VisitLog
//!
//! # Reading a failure
//!
//! A failure names the broken clause: one of the [walk's promises](keywalk#what-a-walk-promises), G1 to G15, or
//! `Harness`. It shows the smallest history found that breaks it:
//!
//! ```text
//! `the_start_is_exclusive` fails: 3 came, which is not past the start
//!
//!   G6 Bounds: every key lies past the cursor and within the range, and no more come than the limit
//!
//!     1  put 3 = 1
//!     2  fetch all of (3, -): [3 = 1], the end
//!
//!   expected  [], the end
//!   got       [3 = 1], the end
//!   hint      the key equals the cursor, which is excluded: `>=` where `>` is meant?
//!   seed      KEYWALK_SEED=2818768626 shows it again
//! ```
//!
//! Terms are defined in the repository's GLOSSARY.md.
//!
#![doc = include_str!("checks.md")]
//!
//! # Environment variables
//!
//! - `KEYWALK_SEED`: the seed of all cases. Default: a random one. The interleaving of threads isn't seeded.
//! - `KEYWALK_CASES`: the number of cases per property. Default: 32.
//! - `KEYWALK_JUNIT`: a folder, into which [`run`], [`run_durable`] and [`run_prefetched`] write their reports as JUnit
//!   XML, one file per harness and suite. A later run of the same tests overwrites them. Default: no files. The
//!   `#[test]`s of [`conformance!`] are reported by your test runner.
//!
//! # Features
//!
//! - `uuid` (default): a key space of UUIDs.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod case;
mod checks;
mod child;
mod clause;
mod concurrent_store;
mod config;
mod edit;
mod faults;
mod harness;
pub mod history;
mod key_space;
mod outcome;
mod pool;
mod recorder;
mod report;
mod run;
mod runner;
mod scan_for_last_key;
mod schedule;

#[doc(hidden)]
pub use checks::assert_conforms;
pub use concurrent_store::{ConcurrentStore, Counterexample, Interleaved};
pub use config::Config;
pub use faults::{Fault, FaultInjector, Faults, InjectedFault};
pub use harness::{BoxError, Capabilities, Capability, Harness, Writer};
pub use harness::{DurableHarness, PrefetchedHarness};
pub use key_space::{KeySpace, KnownKey};

pub use clause::Clause;
pub use edit::Edit;
pub use outcome::{Failure, Outcome, Verdict};
pub use pool::{Pool, Pooled};
#[doc(no_inline)]
pub use proptest;
pub use report::{Concurrent, Report, Trace};
pub use report::{run, run_check, run_durable, run_durable_check};
pub use report::{run_prefetched, run_prefetched_check, traces};
pub use scan_for_last_key::ScanForLastKey;
pub use schedule::Schedule;
