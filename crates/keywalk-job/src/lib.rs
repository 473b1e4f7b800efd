//! Jobs over [keywalk] sources: stopped, killed or crashed, a job goes on at the exact item.
//!
//! ```
//! # use std::{collections::BTreeMap, sync::{Arc, RwLock}};
//! use keywalk::Walk;
//! use keywalk_job::{FileCheckpoints, Job, Stop};
//!
//! # let folder = tempfile::tempdir()?;
//! # let map = Arc::new(RwLock::new(BTreeMap::from([(1, "one")])));
//! # let source = keywalk_memory::Named::new("items", keywalk_memory::SharedMap::new(map));
//! # let folder = folder.path();
//! let stop = Stop::new(); // for a Ctrl-C handler
//! let outcome = Job::new("export", Walk::new(source), FileCheckpoints::new(folder))
//!     .stop_on(&stop)
//!     .run(|(), items| {
//!         items.iter().for_each(|(key, value)| println!("{key}: {value}"));
//!         Ok(())
//!     })?;
//! println!("{} items, {:?}", outcome.items(), outcome.stop_reason());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Contents
//!
//! - [`Job`] is where to start: a named walk whose position is kept. What may be said: how it is
//!   throttled, stopped, what a failure does, who hears of its progress.
//! - [`CheckpointStore`] is where positions are kept: [`FileCheckpoints`], SQLite's [`SqliteCheckpoints`] (in
//!   `keywalk-sqlite`, feature `jobs`), or a store of your own. [`Leases`] keep two runners of a job apart,
//!   [`DeadLetters`] keep what was skipped.
//! - [`Outcome`], [`Error`], [`Progress`], [`Checkpoint`] and [`DeadLetter`] are what is told of a job.
//!   [`CheckpointStore::list`] and [`load`](CheckpointStore::load) tell what jobs are known and where they stand,
//!   [`reset`](Leases::reset) forgets one;
//!   [`dead_letters`](DeadLetters::dead_letters) tells what was skipped.
//!
//! # How often an item's effect happens
//!
//! | Checkpoints | The effects are | After a crash, or `kill -9` |
//! |---|---|---|
//! | [`SqliteCheckpoints`] | changes through the transaction that the function is given | **exactly once**: a chunk's effects and its checkpoint commit together or not at all |
//! | the same | anywhere else (a request, a file) | at least once: the items of one chunk may come again |
//! | [`FileCheckpoints`], or others apart from the effects | anywhere | at least once: the items of one chunk may come again |
//!
//! What comes again comes from the last checkpoint on, never from earlier, and nothing is left out. So an
//! effect outside of the transaction should be one that can be repeated, or tell its repetition by the
//! item's key.
//!
//! # What happens when
//!
//! | What | The run | The next run |
//! |---|---|---|
//! | The process is killed, the machine loses power | ends | goes on from the last checkpoint (of those that the store kept: with `synchronous` below FULL a power failure can take SQLite's last ones, and with OFF damage the database) |
//! | [`Stop`] is asked for, or the [deadline](Job::deadline) is over | finishes the chunk, records it, ends | goes on |
//! | The function fails | ends with [`Error::Work`]; the chunk is undone where it can be. Or tries [again](Job::retry), or [skips](Job::skip_failures) the item | tries the chunk again |
//! | It fails on more items than may be [skipped](Job::max_skipped) | ends with [`Error::SkipLimit`]; what came before is recorded | tries that item again |
//! | The function panics | the panic goes on to the caller, as if it had failed | the same |
//! | The store fails | ends with [`Error::Walk`] ([`keywalk-retry`] waits for what passes by itself) | goes on |
//! | The checkpoint can't be written | ends with [`Error::CheckpointStore`]; or waits by the policy of [`Job::retry`], where the failure [passes by itself](CheckpointStore::is_transient) | goes on from the last one that was |
//! | The checkpoint is damaged | ends with [`Error::CheckpointStore`] before anything is done | the same, until it is restored or [reset](Leases::reset) |
//! | Another runner has the job | [`Error::AlreadyRunning`], or [waits](Job::wait_for_lease) | |
//! | Another runner takes the job though this one has it: its lock was deleted, or fails on this file system | ends with [`Error::CheckpointStore`] at its next commit | the later run goes on |
//! | The walk is over another table, key, filter, range or order, or live where it wasn't | [`Error::Resume`]; or [starts over](Job::restart_if_changed), goes on to a [later end](Job::extend_range), or [adopts](Job::adopt) another query | |
//! | The job is done | does nothing, or starts [anew](Job::restart_when_done) | |
//! | Its rows are deleted, inserted, changed meanwhile | as any [walk](keywalk#what-a-walk-promises) | |
//!
//! The function may delete, update and insert what it likes, also in the table that is walked. Changing a
//! row's *key* is a delete and an insert: moved ahead of the walk it comes again, under its new key; moved
//! behind, it doesn't.
//!
//! # Features
//!
//! - `indicatif`: a job's progress on a bar (`Job::bar`).
//! - `tracing`: a span a run, an event a chunk (debug), retry or skipped item (warn), and at the end. Keys and
//!   errors are told in words.
//!
//! None is on by default.
//!
//! [`SqliteCheckpoints`]: https://docs.rs/keywalk-sqlite/latest/keywalk_sqlite/struct.SqliteCheckpoints.html
//! [`keywalk-retry`]: https://docs.rs/keywalk-retry

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod blocking;
mod checkpoint;
mod checkpoint_files;
mod checkpoints;
mod clock;
mod control;
mod dead_letter;
mod driver;
mod error;
mod events;
mod job;
mod lease;
mod outcome;
mod progress;
mod resume;
mod run;
mod stop;

pub use backon::{self, BackoffBuilder, ConstantBuilder, ExponentialBuilder};
#[cfg(feature = "indicatif")]
pub use indicatif;

pub use checkpoint::{Checkpoint, CheckpointDecodeError, from_unix_millis, unix_millis};
pub use checkpoint_files::{FileCheckpoints, FileError};
pub use checkpoints::{Attempt, CheckpointStore};
pub use clock::Clock;
pub use dead_letter::{DeadLetter, DeadLetterRecord, DeadLetters};
pub use error::{BoxError, Error, WalkMismatch};
pub use job::Job;
pub use lease::{Lease, Leases};
pub use outcome::{Outcome, StopReason};
pub use progress::Progress;
pub use stop::Stop;
