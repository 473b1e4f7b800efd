use std::error::Error as StdError;
use std::fmt;

/// What a job's function fails with: any error, by `?`.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// Why a run of a job ended before the job did. The checkpoint stands at what was done: run again, the job
/// goes on there.
///
/// `S` is the source's error, `C` that of the [`Checkpoints`](crate::Checkpoints).
#[derive(Debug)]
#[non_exhaustive]
pub enum Error<S, C> {
    /// Another runner has the job. Nothing was done.
    Taken {
        /// The job's name.
        job: String,
    },
    /// The job's checkpoint isn't one of this walk's: it is of another table, key, filter, range or order.
    /// Nothing was done.
    Resume {
        /// The job's name.
        job: String,
        /// What differs.
        error: keywalk::Error<S>,
    },
    /// The walk failed: the store, or the source's contract.
    Walk {
        /// The job's name.
        job: String,
        /// What it failed with.
        error: keywalk::Error<S>,
    },
    /// The checkpoint couldn't be read or written. After a failed write what was done with the last chunk
    /// is undone, or done again by the next run.
    Checkpoints {
        /// The job's name.
        job: String,
        /// What the store of the checkpoints failed with.
        error: C,
    },
    /// The job's function failed, and what it did with the chunk is undone, where it can be.
    Work {
        /// The job's name.
        job: String,
        /// The last key before the chunk, in words; `None` at the start.
        after: Option<String>,
        /// How many items the function was given.
        items: usize,
        /// How often it was tried.
        tries: u64,
        /// What it failed with.
        error: BoxError,
    },
}

impl<S, C> fmt::Display for Error<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Taken { job } => write!(
                f,
                "another process or thread runs the job {job:?}; try again when that has ended, or let a run \
                 wait for it (`Job::wait_for_lease`)"
            ),
            Error::Resume { job, .. } => write!(
                f,
                "the job {job:?} can't go on from its checkpoint with this walk; give it the walk that \
                 it was begun with, another name, or reset it to start anew"
            ),
            Error::Walk { job, .. } => write!(
                f,
                "the walk of the job {job:?} failed; run the job again to go on where it was"
            ),
            Error::Checkpoints { job, .. } => {
                write!(f, "the checkpoint of the job {job:?} can't be kept")
            }
            Error::Work {
                job,
                after,
                items,
                tries,
                ..
            } => {
                write!(f, "the function of the job {job:?} failed ")?;
                if *tries > 1 {
                    write!(f, "{tries} times ")?;
                }
                match items {
                    1 => f.write_str("on an item")?,
                    items => write!(f, "in the chunk of {items} items")?,
                }
                match after {
                    Some(key) => write!(f, " after the key {key}")?,
                    None => f.write_str(" at the start")?,
                }
                f.write_str(
                    "; mend what it failed over and run the job again, or let it skip such items \
                     (`Job::skip_failures`) or try again (`Job::retry`)",
                )
            }
        }
    }
}

impl<S: StdError + 'static, C: StdError + 'static> StdError for Error<S, C> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Error::Taken { .. } => None,
            Error::Resume { error, .. } | Error::Walk { error, .. } => Some(error),
            Error::Checkpoints { error, .. } => Some(error),
            Error::Work { error, .. } => Some(&**error),
        }
    }
}
