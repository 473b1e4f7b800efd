use std::error::Error as StdError;
use std::fmt;

use keywalk_job::CheckpointDecodeError;

/// An error about a job's checkpoint in a database. Its message names the fix.
///
/// Match on its [`kind`](Self::kind).
#[derive(Debug)]
pub struct CheckpointError {
    cause: Box<Cause>,
}

/// The kinds of [`CheckpointError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CheckpointErrorKind {
    /// A later run of the job has written its checkpoint, so this run has stopped.
    Superseded,
    /// The content of the table can't be read.
    Content,
    /// redb failed; see [`CheckpointError::redb_error`].
    Redb,
}

#[derive(Debug)]
pub(super) enum Cause {
    Superseded {
        job: String,
    },
    Content {
        job: String,
        source: CheckpointDecodeError,
    },
    Redb(redb::Error),
}

impl CheckpointError {
    /// Returns the kind of error.
    #[must_use]
    pub fn kind(&self) -> CheckpointErrorKind {
        match *self.cause {
            Cause::Superseded { .. } => CheckpointErrorKind::Superseded,
            Cause::Content { .. } => CheckpointErrorKind::Content,
            Cause::Redb(_) => CheckpointErrorKind::Redb,
        }
    }

    /// Returns redb's error, if it is the cause.
    #[must_use]
    pub fn redb_error(&self) -> Option<&redb::Error> {
        match &*self.cause {
            Cause::Redb(source) => Some(source),
            _ => None,
        }
    }
}

impl From<Cause> for CheckpointError {
    fn from(cause: Cause) -> Self {
        let cause = Box::new(cause);
        CheckpointError { cause }
    }
}

impl<E: Into<redb::Error>> From<E> for Cause {
    fn from(error: E) -> Self {
        Cause::Redb(error.into())
    }
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.cause {
            Cause::Superseded { job } => write!(
                f,
                "a later run of the job {job:?} has taken it over; nothing of this chunk was done"
            ),
            Cause::Content { job, .. } => write!(
                f,
                "what the table keywalk_jobs holds of the job {job:?} can't be read; restore it, or reset the job to \
                 start over"
            ),
            Cause::Redb(_) => f.write_str(
                "the tables of jobs, keywalk_jobs and keywalk_dead_letters, can't be read or written; solve what redb \
                 reports, open the database again if it says so, and run the job again",
            ),
        }
    }
}

impl StdError for CheckpointError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &*self.cause {
            Cause::Superseded { .. } => None,
            Cause::Content { source, .. } => source.source(),
            Cause::Redb(source) => Some(source),
        }
    }
}
