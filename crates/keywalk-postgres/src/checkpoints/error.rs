use std::error::Error as StdError;
use std::fmt;

use keywalk_job::CheckpointDecodeError;
use tokio_postgres::error::{Severity, SqlState};

use crate::error::is_transient;

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
    /// The job's function ended its transaction.
    TransactionEnded,
    /// A statement of the job's function failed, and the function didn't return its error.
    TransactionAborted,
    /// A later run of the job has written its checkpoint, so this run has stopped.
    Superseded,
    /// Another connection holds the job's lock.
    Locked,
    /// The connection was lost during a commit, which may have happened. The next run reads where the job stands.
    CommitUnknown,
    /// The content of the table can't be read.
    Content,
    /// No connection could be lent.
    NoConnection,
    /// PostgreSQL failed; see [`CheckpointError::postgres_error`].
    Postgres,
}

#[derive(Debug)]
pub(super) enum Cause {
    InTransaction,
    Ended,
    Aborted,
    Superseded {
        job: String,
    },
    Locked {
        /// Whether the lock is taken for each chunk.
        per_chunk: bool,
    },
    CommitUnknown(tokio_postgres::Error),
    Content {
        job: String,
        source: CheckpointDecodeError,
    },
    NoConnection(Box<dyn StdError + Send + Sync>),
    Postgres {
        /// The action that failed.
        verb: &'static str,
        source: tokio_postgres::Error,
    },
}

impl Cause {
    /// Converts an error of a statement in a chunk's transaction.
    pub(super) fn of(verb: &'static str) -> impl FnOnce(tokio_postgres::Error) -> CheckpointError {
        move |source| {
            let code = source.code();
            CheckpointError::from(match () {
                () if code == Some(&SqlState::IN_FAILED_SQL_TRANSACTION) => Cause::Aborted,
                () if is_ended(code) => Cause::Ended,
                () if verb == "commit" && !is_error(&source) => Cause::CommitUnknown(source),
                () => Cause::Postgres { verb, source },
            })
        }
    }
}

/// Returns whether the transaction, or its savepoint, isn't there any more.
fn is_ended(code: Option<&SqlState>) -> bool {
    let ended = [
        SqlState::NO_ACTIVE_SQL_TRANSACTION,
        SqlState::S_E_INVALID_SPECIFICATION,
    ];
    code.is_some_and(|code| ended.contains(code))
}

/// Returns whether the server reported that the statement failed, and the connection goes on. A transaction that fails
/// so at its commit is rolled back.
fn is_error(error: &tokio_postgres::Error) -> bool {
    let severity = error
        .as_db_error()
        .and_then(|error| error.parsed_severity());
    severity == Some(Severity::Error)
}

impl CheckpointError {
    /// Returns the kind of error.
    #[must_use]
    pub fn kind(&self) -> CheckpointErrorKind {
        match *self.cause {
            Cause::InTransaction => CheckpointErrorKind::InTransaction,
            Cause::Ended => CheckpointErrorKind::TransactionEnded,
            Cause::Aborted => CheckpointErrorKind::TransactionAborted,
            Cause::Superseded { .. } => CheckpointErrorKind::Superseded,
            Cause::Locked { .. } => CheckpointErrorKind::Locked,
            Cause::CommitUnknown(_) => CheckpointErrorKind::CommitUnknown,
            Cause::Content { .. } => CheckpointErrorKind::Content,
            Cause::NoConnection(_) => CheckpointErrorKind::NoConnection,
            Cause::Postgres { .. } => CheckpointErrorKind::Postgres,
        }
    }

    /// Checks whether the error is temporary, and nothing was committed: a serialization failure, a deadlock, a lock
    /// timeout, too few resources, a lost connection, or another runner's lock. A job retries it with
    /// [`Job::retry`](keywalk_job::Job::retry), unless its only connection is lost.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match &*self.cause {
            Cause::Locked { per_chunk } => *per_chunk,
            Cause::NoConnection(_) => true,
            Cause::Postgres { source, .. } => is_transient(source),
            _ => false,
        }
    }

    /// Returns PostgreSQL's error, if it is the cause.
    #[must_use]
    pub fn postgres_error(&self) -> Option<&tokio_postgres::Error> {
        match &*self.cause {
            Cause::Postgres { source, .. } | Cause::CommitUnknown(source) => Some(source),
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
                "the connection is in a transaction, and a job has its own for each chunk; commit it first, or give \
                 the job another connection",
            ),
            Cause::Ended => f.write_str(
                "the transaction of a job's chunk was ended by its function; leave it open, because the job commits \
                 it",
            ),
            Cause::Aborted => f.write_str(
                "a statement of the job's function failed, and the function went on; return its error, or put the \
                 statement between SAVEPOINT and ROLLBACK TO",
            ),
            Cause::Superseded { job } => write!(
                f,
                "a later run of the job {job:?} has taken it over; nothing of this chunk was done"
            ),
            Cause::Locked { per_chunk: true } => f.write_str(
                "another runner of the job processes a chunk; run the job again when that has ended, or let the job \
                 retry (`Job::retry`)",
            ),
            Cause::Locked { per_chunk: false } => f.write_str(
                "another connection holds the lock of the job; behind a pooler in transaction mode, create the \
                 checkpoints by `PostgresCheckpoints::pooled`",
            ),
            Cause::CommitUnknown(_) => f.write_str(
                "the connection was lost while a chunk was committed, and that may have happened; run the job again: \
                 it reads where it stands",
            ),
            Cause::Content { job, .. } => write!(
                f,
                "what the table keywalk_jobs holds of the job {job:?} can't be read; restore it, or reset the job to \
                 start over"
            ),
            Cause::NoConnection(_) => f.write_str(
                "no connection to PostgreSQL could be had for a job's checkpoints; run the job again, or let it retry \
                 (`Job::retry`)",
            ),
            Cause::Postgres { verb, .. } => {
                match *verb {
                    "begin" | "commit" => write!(f, "the transaction of a job's chunk can't {verb}")?,
                    "make" => f.write_str(
                        "can't create the tables keywalk_jobs and keywalk_dead_letters; the role needs the right to \
                         create tables in the first schema of its search_path, or let another role create them",
                    )?,
                    verb => write!(f, "can't {verb} the checkpoint in the table keywalk_jobs")?,
                }
                match self.is_transient() {
                    true => f.write_str("; run the job again, or let it retry (`Job::retry`)"),
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
            Cause::NoConnection(source) => Some(&**source),
            Cause::Postgres { source, .. } | Cause::CommitUnknown(source) => Some(source),
            _ => None,
        }
    }
}
