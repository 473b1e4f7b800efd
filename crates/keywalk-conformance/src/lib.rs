#![doc = include_str!("../README.md")]
//!
//! A full run opens several hundred small stores, so its duration depends on how fast your store opens. If it opens
//! slowly, reuse its tables with a [`Pool`].
//!
//! `durable` adds the checks of a [`ResumableSource`](keywalk::ResumableSource)'s tokens, and `prefetched` those of
//! [prefetched](keywalk::Walk::prefetch) walks, for a source that can move to another thread. [`run`], [`run_durable`]
//! and [`run_prefetched`] run the same checks, print a table of them and return a [`Report`].
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
//! ```
//! use keywalk::{KeyRange, Order, Walk};
//! use keywalk_conformance::history::{Change, VisitLog};
//! use keywalk_conformance::{BoxError, Edit, Schedule};
//! # use std::{collections::BTreeMap, sync::{Arc, PoisonError, RwLock}};
//! # let rows = Arc::new(RwLock::new(BTreeMap::<i64, u64>::new()));
//! # let changed = || rows.write().unwrap_or_else(PoisonError::into_inner);
//! # let insert = |key, value| Ok(drop(changed().insert(key, value)));
//! # let delete = |key| Ok(drop(changed().remove(&key)));
//! # let table = || keywalk_memory::SharedMap::new(Arc::clone(&rows));
//!
//! // In a property test, draw it: `schedule in KeySpace::known().schedules()`.
//! let schedule = Schedule::new([1, 2, 3]).turn([]).turn([Edit::DeleteCursor, Edit::Append]);
//! schedule.run(
//!     // What the code promises: every row that exists throughout the run, in order, once.
//!     VisitLog::over(KeyRange::all(Order::Ascending)).bounded().reads_ahead(2),
//!     // How concurrent writers change the store.
//!     |key, change| match change {
//!         Change::Put(value) => insert(*key, value),
//!         Change::Delete => delete(*key),
//!     },
//!     // The code under test. It is called again after each kill.
//!     |concurrent| -> Result<(), BoxError> {
//!         for item in Walk::new(concurrent.interleave(table())).chunk_size(2) {
//!             let (key, value) = item?;
//!             concurrent.visit(&key, value);
//!         }
//!         Ok(())
//!     },
//! )?;
//! # Ok::<(), keywalk_conformance::Counterexample<i64>>(())
//! ```
//!
//! - Wrap your source with [`interleave`](ConcurrentStore::interleave): concurrent changes then happen before each
//!   fetch. If your code reads its store without a source, call [`turn`](ConcurrentStore::turn) before each page, or
//!   in the function that receives the rows.
//! - Killed code unwinds and is called again. It continues from the position that it stored, and the kit judges
//!   whether that is right. Code that stored nothing begins at the start.
//! - A [`Counterexample`] shows the clause, the history and what should have come; proptest shrinks the schedule.
//!   Keep a schedule that failed as a test of its own.
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
//! A failure names the broken clause: one of the [walk's promises](keywalk#what-a-walk-guarantees), G1 to G15, or
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
//! - `KEYWALK_SEED`, `KEYWALK_CASES`, `KEYWALK_KEYS`, `KEYWALK_THOROUGH`: see [`Config`]. The interleaving of threads
//!   isn't seeded.
//! - `KEYWALK_JUNIT`: see [`run`]. The `#[test]`s of [`conformance!`] are reported by your test runner.
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
pub use edit::{Edit, Schedule};
pub use outcome::{Failure, Outcome, Verdict};
pub use pool::{Pool, Pooled};
#[doc(no_inline)]
pub use proptest;
pub use report::{Concurrent, Report, Trace};
pub use report::{run, run_check, run_durable, run_durable_check};
pub use report::{run_prefetched, run_prefetched_check, traces};
pub use scan_for_last_key::ScanForLastKey;
