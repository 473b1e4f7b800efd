use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::PathBuf;

use keywalk_job::CheckpointDecodeError;
use rusqlite::ErrorCode;

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
    /// The connection is already in a transaction. A job opens its own.
    InTransaction,
    /// The job's function ended its transaction, or SQLite ended it over an error.
    TransactionEnded,
    /// A later run of the job has written its checkpoint, so this run has stopped.
    Superseded,
    /// The content of the table can't be read.
    Content,
    /// The file of the job's lease can't be created or locked.
    Lease,
    /// SQLite failed; see [`CheckpointError::sqlite_error`].
    Sqlite,
}

#[derive(Debug)]
pub(super) enum Cause {
    InTransaction,
    Ended,
    Superseded {
        job: String,
    },
    Content {
        job: String,
        source: CheckpointDecodeError,
    },
    Lease {
        path: PathBuf,
        source: io::Error,
    },
    Sqlite {
        /// The action that failed.
        verb: &'static str,
        source: rusqlite::Error,
    },
}

impl CheckpointError {
    /// Returns the kind of error.
    #[must_use]
    pub fn kind(&self) -> CheckpointErrorKind {
        match *self.cause {
            Cause::InTransaction => CheckpointErrorKind::InTransaction,
            Cause::Ended => CheckpointErrorKind::TransactionEnded,
            Cause::Superseded { .. } => CheckpointErrorKind::Superseded,
            Cause::Content { .. } => CheckpointErrorKind::Content,
            Cause::Lease { .. } => CheckpointErrorKind::Lease,
            Cause::Sqlite { .. } => CheckpointErrorKind::Sqlite,
        }
    }

    /// Checks whether the error is temporary: another connection holds a lock, and nothing was committed. A job
    /// retries it with [`Job::retry`](keywalk_job::Job::retry).
    #[must_use]
    pub fn is_transient(&self) -> bool {
        let code = self
            .sqlite_error()
            .and_then(rusqlite::Error::sqlite_error_code);
        matches!(
            code,
            Some(
                ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::FileLockingProtocolFailed
            )
        )
    }

    /// Returns SQLite's error, if it is the cause.
    #[must_use]
    pub fn sqlite_error(&self) -> Option<&rusqlite::Error> {
        match &*self.cause {
            Cause::Sqlite { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<Cause> for CheckpointError {
    fn from(cause: Cause) -> Self {
        CheckpointError {
            cause: Box::new(cause),
        }
    }
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.cause {
            Cause::InTransaction => f.write_str(
                "the connection is in a transaction, and a job has its own for each chunk; commit it \
                 first, or give the job another connection",
            ),
            Cause::Ended => f.write_str(
                "the transaction of a job's chunk was ended by its function, or by SQLite over an error \
                 that the function passed over; leave it open, and hand errors on",
            ),
            Cause::Superseded { job } => write!(
                f,
                "a later run of the job {job:?} has taken it over; nothing of this chunk was done"
            ),
            Cause::Content { job, .. } => write!(
                f,
                "what the table keywalk_jobs holds of the job {job:?} can't be read; restore it, or reset \
                 the job to start over"
            ),
            Cause::Lease { path, .. } => write!(
                f,
                "the lock of a job can't be made or locked beside {}; the folder must be writable, and the \
                 job's name not too long for a file's",
                path.display()
            ),
            Cause::Sqlite { verb, .. } => {
                match *verb {
                    "begin" | "commit" => {
                        write!(f, "the transaction of a job's chunk can't {verb}")?;
                    }
                    verb => write!(f, "can't {verb} the checkpoint in the table keywalk_jobs")?,
                }
                match self.is_transient() {
                    true => f.write_str(
                        ", since another connection holds a lock; run the job again, set a longer busy \
                         timeout, or let the job wait (`Job::retry`)",
                    ),
                    false => Ok(()),
                }
            }
        }
    }
}

impl StdError for CheckpointError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &*self.cause {
            Cause::Content { source, .. } => source.source(),
            Cause::Lease { source, .. } => Some(source),
            Cause::Sqlite { source, .. } => Some(source),
            Cause::InTransaction | Cause::Ended | Cause::Superseded { .. } => None,
        }
    }
}
