//! Resumable jobs over [keywalk] sources: after a stop, a kill or a crash, a job continues from its last
//! checkpoint.
//!
//! Use it for backfills, purges and exports: long work that may be interrupted and must miss no item. The cost
//! is one checkpoint per chunk. With [`SqliteCheckpoints`] that is one row, written in the same transaction as
//! the effects. With [`FileCheckpoints`] it is two fsyncs (of the file and of its folder).
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
//! - Start with [`Job`], a named walk whose position is kept. Its methods configure throttling, stopping,
//!   failure handling and progress reports. Its function gets a [`Batch`] and may return a [`Next`].
//! - [`ParallelJob`] shares a job among several workers; see [below](#parallel-jobs).
//! - [`Stop`] stops jobs, and [`Pace`] changes their speed, from another thread.
//! - [`FileExport`] exports to a file, exactly once. [`Lines`] is a source over the lines of a file, for imports.
//! - [`CheckpointStore`] keeps positions: [`FileCheckpoints`], SQLite's [`SqliteCheckpoints`] (in
//!   `keywalk-sqlite`, feature `jobs`), redb's [`RedbCheckpoints`] (in `keywalk-redb`, feature `jobs`), fjall's
//!   [`FjallCheckpoints`] (in `keywalk-fjall`, feature `jobs`), PostgreSQL's [`PostgresCheckpoints`] (in
//!   `keywalk-postgres`, feature `jobs`, through `AsyncCheckpointStore`), or a store of your own. [`Leases`] keep two
//!   runners of a job apart. [`DeadLetters`] keep the items that were skipped.
//! - [`Outcome`], [`Error`], [`Progress`], [`Checkpoint`] and [`DeadLetter`] describe a job's state and
//!   results.
//! - [`CheckpointStore::list`] and [`load`](CheckpointStore::load) return the known jobs and their positions.
//!   [`reset`](Leases::reset) forgets a job. [`dead_letters`](DeadLetters::dead_letters) returns its skipped
//!   items.
//!
//! # Async
//!
//! With the feature `async`, a job can walk an asynchronous source, with an async function:
//!
//! ```text
//! let job = Job::new_async("slugs", Walk::new(items), PostgresCheckpoints::new(&client), tokio::time::sleep);
//! let outcome = job.run_async(async |tx, items| { .. }).await?;
//! ```
//!
//! It has the same options as a blocking job, and its checkpoints are the same: a blocking job can continue where an
//! asynchronous one stopped, over the same source. `AsyncCheckpointStore` keeps its positions: PostgreSQL's
//! [`PostgresCheckpoints`] (in `keywalk-postgres`, feature `jobs`), [`FileCheckpoints`], whose calls block, or a store of
//! your own. A run may be dropped at any point: its open transaction is rolled back, and the next run continues at the
//! last checkpoint. For a blocking source, such as SQLite, run a blocking job on the runtime's blocking pool.
//!
//! # Parallel jobs
//!
//! A [`ParallelJob`] splits the walk into parts, by [`SplitSource`](keywalk::SplitSource). Its workers take part after
//! part, in one or several processes:
//!
//! ```text
//! let outcome = ParallelJob::new("reprice").workers(4).run(|worker| {
//!     let db = Connection::open("shop.db")?; // Each worker has its own.
//!     let items = Table::new(&db, "items").key::<i64>(["id"])?;
//!     let job = worker.job(Walk::new(items), SqliteCheckpoints::new(&db));
//!     Ok(job.run(|tx, items| { .. })?)
//! })?;
//! ```
//!
//! Each part is a job of its own, with a checkpoint, a lease and a fence. So an item's effect happens as often as the
//! next section says, whatever happens to the workers, and their number may change from run to run. If a process is
//! killed, its leases end, and other workers continue its parts at their rows.
//!
//! It is faster if the function's own work takes most of the time, and the store lets workers do it side by side:
//! PostgreSQL does. With [`SqliteCheckpoints`] workers take turns, because a chunk's transaction has the database's one
//! write lock while the function works. To send requests or compute over SQLite's rows, use [`FileCheckpoints`].
//!
//! # How often an item's effect happens
//!
//! | Checkpoints | Effects | After a crash, or `kill -9` |
//! |---|---|---|
//! | [`SqliteCheckpoints`], [`PostgresCheckpoints`], [`RedbCheckpoints`], [`FjallCheckpoints`] | changes through the transaction or batch that the function receives | **exactly once**: a chunk's effects and its checkpoint commit together or not at all |
//! | [`SqliteCheckpoints`], [`PostgresCheckpoints`], [`RedbCheckpoints`], [`FjallCheckpoints`] | anywhere else (a request, a file) | at least once: the items of one chunk may be processed again |
//! | [`FileExport`] | what the function writes to its scope, to a file or to part files | **exactly once**: the file is cut back to the checkpoint, and the next part is replaced |
//! | [`FileCheckpoints`], or any store separate from the effects | anywhere | at least once: the items of one chunk may be processed again |
//!
//! A repeat starts at the last checkpoint, never earlier, and no item is left out. Effects outside of the
//! transaction should therefore be idempotent, or detect a repeat by the item's key.
//!
//! # What happens when
//!
//! | Event | This run | Next run |
//! |---|---|---|
//! | The process is killed, or the machine loses power | ends | continues from the last checkpoint that the store kept. With `synchronous` below FULL, a power failure can lose SQLite's last checkpoints; with OFF it can damage the database |
//! | A [`Stop`] is requested, or the [deadline](Job::deadline) has passed | finishes the chunk, records it, ends | continues |
//! | The [total deadline](Job::total_deadline) of all runs has passed | finishes the chunk, records it, ends | does nothing |
//! | The function returns [`Next::stop`], or [`Next::finish`] | records the chunk, or its first items, and ends | continues, or does nothing |
//! | The function fails | ends with [`Error::Work`], and the chunk is undone where possible; or [retries](Job::retry), or [skips](Job::skip_failures) the item | tries the chunk again |
//! | The function fails on more items than may be [skipped](Job::max_skipped) | ends with [`Error::SkipLimit`]; what came before is recorded | tries that item again |
//! | The future of an asynchronous run is dropped | undoes the chunk where possible, and ends | continues |
//! | The function panics | undoes the chunk where possible, and neither retries nor skips it; the panic propagates to the caller | tries the chunk again |
//! | The store fails | ends with [`Error::Walk`] ([`keywalk-retry`] retries transient failures) | continues |
//! | The checkpoint can't be written | ends with [`Error::CheckpointStore`]; or retries by the policy of [`Job::retry`] if the failure is [transient](CheckpointStore::is_transient) | continues from the last checkpoint that was written |
//! | The checkpoint is damaged | ends with [`Error::CheckpointStore`] before it does anything | the same, until the checkpoint is restored or [reset](Leases::reset) |
//! | Another runner has the job | ends with [`Error::AlreadyRunning`], or [waits](Job::wait_for_lease) | |
//! | Another runner takes the job from this one, because the lock file was deleted or locks don't work on this file system | ends with [`Error::CheckpointStore`] at its next commit | the later run continues |
//! | The walk differs from the one that the job began with: in table, key, filter, range or order, or in whether it is unbounded | ends with [`Error::Resume`]; or [starts over](Job::restart_if_changed), continues to a [later end](Job::extend_range), or [adopts](Job::adopt) another query | |
//! | The job is done | does nothing, or [starts over](Job::restart_when_done) | |
//! | Rows are deleted, inserted or changed concurrently | as in any [walk](keywalk#what-a-walk-guarantees) | |
//!
//! The function may delete, update and insert any rows, also in the table that is walked. Changing a row's *key*
//! is a delete and an insert. A row that was behind the walk and moves ahead of it is visited again, under its
//! new key. A row that was ahead of the walk and moves behind it is missed.
//!
//! # Features
//!
//! - `async`: jobs over asynchronous sources (`Job::run_async`).
//! - `indicatif`: shows a job's progress on a bar (`Job::bar`).
//! - `tracing`: a span per run, and events: each chunk (debug), each retry and skipped item (warn), and the end
//!   of the run (info, or error if it failed). Keys and errors are recorded as text.
//!
//! No feature is on by default.
//!
//! Terms are defined in the repository's GLOSSARY.md.
//!
//! [`SqliteCheckpoints`]: https://docs.rs/keywalk-sqlite/latest/keywalk_sqlite/struct.SqliteCheckpoints.html
//! [`RedbCheckpoints`]: https://docs.rs/keywalk-redb/latest/keywalk_redb/struct.RedbCheckpoints.html
//! [`FjallCheckpoints`]: https://docs.rs/keywalk-fjall/latest/keywalk_fjall/struct.FjallCheckpoints.html
//! [`PostgresCheckpoints`]: https://docs.rs/keywalk-postgres/latest/keywalk_postgres/struct.PostgresCheckpoints.html
//! [`keywalk-retry`]: https://docs.rs/keywalk-retry

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

#[cfg(feature = "async")]
mod async_checkpoints;
#[cfg(feature = "async")]
mod async_driver;
#[cfg(feature = "async")]
mod async_job;
mod batch;
mod blocking;
mod board;
mod checkpoint;
mod checkpoint_files;
mod checkpoints;
mod clock;
mod control;
mod dead_letter;
mod driver;
mod error;
mod events;
mod file_export;
mod job;
mod lease;
mod lines;
mod next;
mod outcome;
mod pace;
mod parallel;
mod parts;
mod progress;
mod resume;
mod run;
mod stop;

pub use backon::{self, BackoffBuilder, ConstantBuilder, ExponentialBuilder};
#[cfg(feature = "indicatif")]
pub use indicatif;

#[cfg(feature = "async")]
pub use async_checkpoints::{AsyncCheckpointStore, AsyncDeadLetters, AsyncLeases, AsyncScope};
#[cfg(feature = "async")]
pub use async_driver::AsyncHooks;
#[cfg(feature = "async")]
pub use async_job::AsyncJob;
pub use batch::Batch;
pub use blocking::BlockingHooks;
pub use checkpoint::{Checkpoint, CheckpointDecodeError, from_unix_millis, unix_millis};
#[cfg(feature = "async")]
pub use checkpoint_files::FileScope;
pub use checkpoint_files::{FileCheckpoints, FileError};
pub use checkpoints::{Attempt, CheckpointStore};
pub use clock::Clock;
pub use dead_letter::{DeadLetter, DeadLetterRecord, DeadLetters};
pub use error::{BoxError, Error, WalkMismatch};
pub use file_export::{ExportChunk, FileExport};
pub use job::Job;
pub use lease::{Lease, Leases};
pub use lines::{Lines, LinesError};
pub use next::Next;
pub use outcome::{Outcome, StopReason};
pub use pace::Pace;
pub use parallel::{ParallelJob, Worker};
pub use progress::Progress;
pub use stop::Stop;
