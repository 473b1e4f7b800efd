//! Prove a [`keywalk`] backend: implement [`Harness`] for your store, write one line, and know.
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
//! [`conformance!`] makes a `#[test]` of each check, named after its rule: that the start is
//! exclusive, that a deleted last row ends the walk, that nothing is held between two fetches.
//! [`run`] carries out the same and answers a [`Report`].
//!
//! Where the source's cursors can be written down ([`ResumableSource`](keywalk::ResumableSource)), one word
//! more proves that too; so does [`run_durable`], which answers a report. [`Harness::foreign_fingerprints`] says whose
//! tokens it must refuse:
//!
//! ```
//! # macro_rules! conformance { ($($tokens:tt)*) => {} }
//! conformance!(my_store: MyStore, durable);
//! ```
//!
//! A source that can move to another thread is tried in [prefetched](keywalk::Walk::prefetch) walks too,
//! where that is said as well; [`run_prefetched`] does so too, and answers a report:
//!
//! ```
//! # macro_rules! conformance { ($($tokens:tt)*) => {} }
//! conformance!(my_store: MyStore, durable, prefetched);
//! ```
//!
//! # What is tried
//!
//! - The harness itself, and what it declares.
//! - Every question of small stores: each subset of a few keys, with every start, bound and limit, in
//!   both orders; the boundary keys of the key's type.
//! - Whole walks against a model, in all chunk sizes, longer than any page; with rows inserted,
//!   deleted and replaced between the fetches; cut at every item and resumed; beside threads that
//!   write; with every operation of the store made to fail in turn.
//! - Of a durable source: that keys come back from their bytes, and any other bytes do no harm; that a token
//!   goes on exactly, from every item, through text, by another source, after changes and after reopening;
//!   that the fingerprint stays what it is, and refuses strangers; shares, and the human-readable form of keys.
//! - Of a source that can move to another thread: that it answers the same there, and its errors and panics
//!   come in their place.
//!
//! Each answer is judged by what the store may have held meanwhile ([`history`]); a walk that isn't
//! beside threads has to be exact. What a store can't do is declared ([`Capabilities`]), and said on
//! stderr.
//!
//! # Testing your own code
//!
//! Code that walks a table can be wrong though its backend is right: it counts its position, keeps it before the
//! rows are handled, or takes a short page for the end. The same key spaces, changes and oracle test *that*: a
//! [`Schedule`] says what is in the store, what others do meanwhile and where the code is killed; [`VisitLog`] is
//! told each row that the code handled, and says whether it may be that one.
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
//!             // What the code promises: all that is there at the start and stays, in order, each row once.
//!             VisitLog::over(KeyRange::all(Order::Ascending)).bounded().reads_ahead(size),
//!             // How others write to the store.
//!             |key, change| match change {
//!                 Change::Put(value) => table.insert(*key, value),
//!                 Change::Delete => table.delete(*key),
//!             },
//!             // The code under test. It is called again where it was killed.
//!             |meanwhile| -> Result<(), BoxError> {
//!                 let walk = Walk::new(meanwhile.interleave(table.source())).chunk_size(size);
//!                 export(walk, |key, value| meanwhile.visit(key, value))
//!             },
//!         )?;
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! - Others come before each chunk that a source of the code is asked for, if that is
//!   [interleaved](ConcurrentStore::interleave). Code that reads its store by itself says [`turn`](ConcurrentStore::turn),
//!   or the function does that it hands its rows to.
//! - Code that is killed unwinds. What it does next depends on the position that it kept; whether that is right
//!   is judged. Code that kept nothing begins at the start.
//! - The clause, the history and what should have come are in the [`Counterexample`]; proptest shrinks the
//!   schedule. One that once failed is kept as a test of its own: `Schedule::new([1, 2, 3]).turn([…])`.
//! - Any other way to change a store meanwhile, from threads say, can be judged too: [`VisitLog`] needs no
//!   schedule.
//!
//! | The code | is found by |
//! |---|---|
//! | counts its position (OFFSET) | G3, a row is left out; or G2, one comes twice |
//! | goes on at its key, not past it (`>=`) | G2 |
//! | takes a short page for the end | G8 |
//! | goes on until it meets a row that is gone by now | G9, if it says its turns |
//! | keeps its position too early, or goes on a row off | G10 |
//! | handles rows as they were long ago | G5, G4 or G3, if it is said how far it reads ahead |
//! | holds a lock or a transaction between two chunks | G14, if others can't write meanwhile |
//!
//! The example `test_your_walk`, in the repository, does all this to a sync that goes on where it was left, over
//! SQLite, and shows what is said of one by OFFSET.
//!
//! [`VisitLog`]: history::VisitLog
//!
//! # A failure
//!
//! names the clause of what a [walk promises](keywalk#what-a-walk-promises), G1 to G15, and
//! shows the smallest history that was found to break it:
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
#![doc = include_str!("checks.md")]
//!
//! # The environment
//!
//! - `KEYWALK_SEED`: the seed of all cases, instead of a fresh one. What threads do is up to the
//!   machine all the same.
//! - `KEYWALK_CASES`: how many cases a property is tried with, instead of 32.
//!
//! # Features
//!
//! - `uuid` (default): a key space of UUIDs.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod checks;
mod clause;
mod config;
mod edit;
mod faults;
mod harness;
pub mod history;
mod key_space;
mod lab;
mod meanwhile;
mod outcome;
mod report;
mod run;
mod scan_for_last_key;
mod schedule;
mod trial;
mod witness;

#[doc(hidden)]
pub use checks::assert_conforms;
pub use config::Config;
pub use faults::{Fault, FaultInjector, Faults, InjectedFault};
pub use harness::{BoxError, Capabilities, Capability, Harness, Writer};
pub use harness::{DurableHarness, PrefetchedHarness};
pub use key_space::{KeySpace, KnownKey};
pub use meanwhile::{ConcurrentStore, Counterexample, Interleaved};

pub use clause::Clause;
pub use edit::Edit;
pub use outcome::{Failure, Outcome, Verdict};
#[doc(no_inline)]
pub use proptest;
pub use report::{Beside, Report, Trace};
pub use report::{run, run_check, run_durable, run_durable_check};
pub use report::{run_prefetched, run_prefetched_check, traces};
pub use scan_for_last_key::ScanForLastKey;
pub use schedule::Schedule;
