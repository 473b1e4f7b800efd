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
//! Where the source's cursors can be written down ([`DurableSource`](keywalk::DurableSource)), one word
//! more proves that too, and [`run_durable`]; [`Harness::strangers`] says whose tokens it must refuse:
//!
//! ```
//! # macro_rules! conformance { ($($tokens:tt)*) => {} }
//! conformance!(my_store: MyStore, durable);
//! ```
//!
//! A source that can move to another thread is tried in [prefetched](keywalk::Walk::prefetch) walks too,
//! where that is said as well, and by [`run_prefetched`]:
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
//!   that the fingerprint stays what it is, and refuses strangers; shares, and keys in words.
//!
//! - Of a source that can move to another thread: that a prefetched walk is the same, exact beside changes
//!   for when it was fetched, no further ahead than its depth; that errors come in their place, cursors go
//!   on, and the source comes back.
//!
//! Each answer is judged by what the store may have held meanwhile ([`history`]); a walk that isn't
//! beside threads has to be exact. What a store can't do is declared ([`Capabilities`]), and said on
//! stderr.
//!
//! # A failure
//!
//! names the clause of what a walk promises (G1 to G15, in the documentation of [`keywalk`]), and
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

mod ahead;
mod capabilities;
mod checks;
mod clause;
mod config;
mod conformance;
mod durable_harness;
mod exhaustive;
mod failure;
mod faults;
mod forged;
mod harness;
pub mod history;
mod key_space;
mod lab;
mod mutation;
mod prefetched_harness;
mod report;
mod run;
mod schedule;
mod scribe;
mod smallest;
mod trace;
mod trial;
mod watch;
mod witness;

pub use capabilities::{Capabilities, Capability};
pub use clause::Clause;
pub use config::Config;
pub use durable_harness::DurableHarness;
pub use failure::Failure;
pub use faults::{Blown, Fault, Faults, Fuse};
pub use harness::{BoxError, Harness, Writer};
pub use key_space::{KeySpace, KnownKey};
pub use prefetched_harness::PrefetchedHarness;
pub use report::{Outcome, Report, Verdict, run, run_check, run_durable, run_durable_check};
#[doc(hidden)]
pub use report::{assert_conforms, assert_conforms_durably, assert_conforms_prefetched};
pub use report::{run_prefetched, run_prefetched_check};
pub use trace::{Beside, Trace, traces};
