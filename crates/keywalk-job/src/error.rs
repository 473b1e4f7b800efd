use std::error::Error as StdError;
use std::fmt;

use keywalk::TokenError;

/// The error of a job's function: any error, converted by `?`.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// The reason why a run failed before the job was done. The checkpoint covers what was done, and the next run
/// continues there.
///
/// `S` is the source's error, `C` that of the [`CheckpointStore`](crate::CheckpointStore). Each message names
/// the remedy. The error of the store or the function is in [`source`](StdError::source).
///
/// ```
/// use keywalk::Walk;
/// use keywalk_job::{FileCheckpoints, Error, Job};
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// # let map = std::collections::BTreeMap::from([(1, "a dozen")]);
/// # let walk = Walk::new(keywalk_memory::Named::new("items", &map)).chunk_size(1);
/// let run = Job::new("parse", walk, FileCheckpoints::new(folder)).run(|(), items| {
///     for (_id, number) in items {
///         println!("{}", number.parse::<u32>()?);
///     }
///     Ok(())
/// });
/// match run {
///     Ok(outcome) => println!("{outcome}"),
///     Err(Error::AlreadyRunning { job }) => println!("{job} runs already"),
///     Err(Error::Work { after, error, .. }) => println!("after {after:?}: {error}"),
///     Err(other) => return Err(other.into()),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Error<S, C> {
    /// Another runner has the job. Nothing was done.
    AlreadyRunning {
        /// The job's name.
        job: String,
    },
    /// The job's checkpoint belongs to another walk. The table, key, filter, range or order differs, or only
    /// one of the two walks is unbounded. Nothing was done. The message names what lets the job continue:
    /// [`Job::extend_range`](crate::Job::extend_range), [`Job::adopt`](crate::Job::adopt) or
    /// [`Job::restart_if_changed`](crate::Job::restart_if_changed).
    Resume {
        /// The job's name.
        job: String,
        /// What differs.
        differs: WalkMismatch,
    },
    /// The walk failed: an error of the store, or a violation of the source's contract.
    Walk {
        /// The job's name.
        job: String,
        /// The walk's error.
        error: keywalk::Error<S>,
    },
    /// The checkpoint couldn't be read or written. After a failed write, the effects of the last chunk are
    /// undone, or the next run repeats them.
    CheckpointStore {
        /// The job's name.
        job: String,
        /// The checkpoint store's error.
        error: C,
    },
    /// The job's function failed. Its effects on the chunk are undone, where possible.
    Work {
        /// The job's name.
        job: String,
        /// The item's key, human-readable, if the function gets one item at a time.
        item: Option<String>,
        /// The last key before the chunk, human-readable; `None` at the start.
        after: Option<String>,
        /// How many items the chunk has.
        items: usize,
        /// How many times the chunk (or the item, if `item` is set) was attempted.
        tries: u64,
        /// The function's error.
        error: BoxError,
    },
    /// The job's function failed on an item, and no more may be [skipped](crate::Job::max_skipped). What came
    /// before is done and recorded. The next run tries this item first.
    SkipLimit {
        /// The job's name.
        job: String,
        /// The item's key, human-readable.
        item: String,
        /// How many items were skipped, by all runs.
        skipped: u64,
        /// How many items were done by all runs, including the skipped ones.
        items: u64,
        /// The function's error on this item.
        error: BoxError,
    },
    /// The job's function returned a [`Next`](crate::Next) that doesn't fit its batch. Its effects on the chunk are
    /// undone, where possible.
    InvalidNext {
        /// The job's name.
        job: String,
        /// How many items it counted as done; see [`Next::after`](crate::Next::after).
        done: usize,
        /// How many items the batch has.
        items: usize,
    },
    /// Only a job without workers has this option; see [`ParallelJob`](crate::ParallelJob). Nothing was done.
    NotParallel {
        /// The job's name.
        job: String,
        /// The option: a method of [`Job`](crate::Job) or [`Walk`](keywalk::Walk).
        option: &'static str,
    },
    /// A parallel job was reset, or started over by another runner, or one of its parts was reset, while this runner
    /// had it.
    WasReset {
        /// The name of the job, or of the part.
        job: String,
    },
    /// Internal error: a blocking run was suspended at a future. This is a bug in this crate. Please report it.
    /// What was done before stays done, and recorded.
    Suspended {
        /// The job's name.
        job: String,
    },
}

pub(crate) fn walk_failed<S, C>(job: &str, error: keywalk::Error<S>) -> Error<S, C> {
    let job = job.to_owned();
    match error {
        keywalk::Error::Token(error) => Error::Resume {
            job,
            differs: WalkMismatch::Token(error),
        },
        error => Error::Walk { job, error },
    }
}

/// Converts the error of encoding a position. Unlike errors of reading a token, its message doesn't mention a
/// stored token.
pub(crate) fn unwritten<S, C>(job: &str) -> impl FnOnce(keywalk::Error<S>) -> Error<S, C> {
    move |error| Error::Walk {
        job: job.to_owned(),
        error,
    }
}

pub(crate) fn checkpoints_failed<S, C>(job: &str) -> impl FnOnce(C) -> Error<S, C> {
    move |error| Error::CheckpointStore {
        job: job.to_owned(),
        error,
    }
}

impl<S, C> fmt::Display for Error<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::AlreadyRunning { job } => write!(
                f,
                "another process or thread runs the job {job:?}; try again when that has ended, or let a run \
                 wait for it (`Job::wait_for_lease`)"
            ),
            Error::Resume { job, differs } => write!(
                f,
                "the job {job:?} can't go on with this walk, {differs}; {}",
                differs.cure()
            ),
            Error::Walk { job, .. } => write!(
                f,
                "the walk of the job {job:?} failed; run the job again to go on where it was, with \
                 `Job::adopt` if its query has to change"
            ),
            Error::CheckpointStore { job, .. } => {
                write!(
                    f,
                    "the checkpoints of the job {job:?} failed; fix the cause and try again"
                )
            }
            Error::Work {
                job,
                item,
                after,
                items,
                tries,
                ..
            } => {
                write!(f, "the function of the job {job:?} failed ")?;
                if *tries > 1 {
                    write!(f, "{tries} times ")?;
                }
                match (item, after) {
                    (Some(key), _) => write!(f, "on the item with the key {key}")?,
                    (None, Some(key)) => write!(f, "in the chunk of {items} after the key {key}")?,
                    (None, None) => write!(f, "in the chunk of {items} at the start")?,
                }
                f.write_str(
                    "; fix the cause and run the job again, or let it skip such items \
                     (`Job::skip_failures`) or try again (`Job::retry`)",
                )
            }
            Error::SkipLimit {
                job,
                item,
                skipped,
                items,
                ..
            } => write!(
                f,
                "the function of the job {job:?} failed on the item with the key {item}, after {skipped} of \
                 {items} items were skipped, and no more may be; fix what they failed over and run the job \
                 again, or let it skip more (`Job::max_skipped`, `Job::max_skipped_ratio`)"
            ),
            Error::InvalidNext { job, done: 0, .. } => write!(
                f,
                "the function of the job {job:?} returned `Next::go_on().after(0)`: it would be called with the \
                 same items for ever; process at least one of them, or return `Next::stop().after(0)`"
            ),
            Error::InvalidNext { job, done, items } => write!(
                f,
                "the function of the job {job:?} returned `Next::after({done})` for a batch of {items} items; \
                 return at most {items}"
            ),
            Error::NotParallel { job, option } => write!(
                f,
                "the job {job:?} has workers, and `{option}` is only for a job without; leave it out, or run a `Job` \
                 by another name"
            ),
            Error::WasReset { job } => write!(
                f,
                "the job {job:?} was reset or started over while this runner had it; run it again, or if only a part \
                 was reset, reset the whole job first"
            ),
            Error::Suspended { job } => write!(
                f,
                "the run of the job {job:?} waited where it can't, which is a bug of keywalk-job; report it and \
                 run the job again to go on where it was"
            ),
        }
    }
}

impl<S: StdError + 'static, C: StdError + 'static> StdError for Error<S, C> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Error::AlreadyRunning { .. }
            | Error::InvalidNext { .. }
            | Error::NotParallel { .. }
            | Error::WasReset { .. }
            | Error::Suspended { .. } => None,
            Error::Resume { differs, .. } => differs.token_error(),
            Error::Walk { error, .. } => Some(error),
            Error::CheckpointStore { error, .. } => Some(error),
            Error::Work { error, .. } | Error::SkipLimit { error, .. } => Some(&**error),
        }
    }
}

/// How a walk differs from the one that a job was begun with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WalkMismatch {
    /// The store or the key differs.
    Token(TokenError),
    /// The table, query or filter differs, but not the key; see [`Job::adopt`](crate::Job::adopt).
    Relation(TokenError),
    /// The walk goes in the opposite order.
    Order,
    /// The walk covers another range.
    Range {
        /// The range that the job was begun with.
        begun: String,
        /// The walk's range.
        walk: String,
        /// Whether the walk's range has the same start and a later end; see
        /// [`Job::extend_range`](crate::Job::extend_range).
        is_longer: bool,
    },
    /// Only one of the two walks is unbounded.
    Unbounded,
    /// Only one of the two jobs is a [`ParallelJob`](crate::ParallelJob).
    Workers,
}

impl WalkMismatch {
    fn token_error(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            WalkMismatch::Token(error) | WalkMismatch::Relation(error) => Some(error),
            WalkMismatch::Order
            | WalkMismatch::Range { .. }
            | WalkMismatch::Unbounded
            | WalkMismatch::Workers => None,
        }
    }

    fn cure(&self) -> &'static str {
        match self {
            WalkMismatch::Workers => {
                "run it as it was begun (`Job`, `ParallelJob`), use a different name, or reset the job to start over"
            }
            WalkMismatch::Token(_) | WalkMismatch::Order | WalkMismatch::Unbounded => {
                "give it the walk that it was begun with, use a different name, or let it start over \
                 (`Job::restart_if_changed`)"
            }
            WalkMismatch::Relation(_) => {
                "give it the walk that it was begun with, let it go on at its position all the same \
                 (`Job::adopt`), or start over (`Job::restart_if_changed`)"
            }
            WalkMismatch::Range {
                is_longer: true, ..
            } => {
                "give it that range, let it go on to the new end (`Job::extend_range`), or start over \
                 (`Job::restart_if_changed`)"
            }
            WalkMismatch::Range { .. } => {
                "give it that range, use a different name, or let it start over \
                 (`Job::restart_if_changed`)"
            }
        }
    }
}

impl fmt::Display for WalkMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WalkMismatch::Token(_) => {
                "which isn't over the store and by the key that it was begun with"
            }
            WalkMismatch::Relation(_) => {
                "which isn't over the table, query or filter that it was begun with"
            }
            WalkMismatch::Order => "which goes in the other order than it was begun in",
            WalkMismatch::Range { begun, walk, .. } => {
                return write!(
                    f,
                    "whose range is `{walk}` where it was begun with `{begun}`"
                );
            }
            WalkMismatch::Workers => {
                "since a checkpoint of that name is of a job with workers and this one has none, or the reverse"
            }
            WalkMismatch::Unbounded => {
                "which is unbounded where it was begun with one that isn't, or the reverse"
            }
        })
    }
}
