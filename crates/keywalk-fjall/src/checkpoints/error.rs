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
    /// The content of the keyspace can't be read.
    Content,
    /// A job's name or an item's key is longer than a key of fjall's.
    TooLong,
    /// fjall failed; see [`CheckpointError::fjall_error`].
    Fjall,
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
    /// This keyspace has an entry that isn't written as a job writes it.
    Foreign(&'static str),
    TooLong {
        job: String,
        bytes: usize,
    },
    Fjall(fjall::Error),
}

impl CheckpointError {
    /// Returns the kind of error.
    #[must_use]
    pub fn kind(&self) -> CheckpointErrorKind {
        match *self.cause {
            Cause::Superseded { .. } => CheckpointErrorKind::Superseded,
            Cause::Content { .. } | Cause::Foreign(_) => CheckpointErrorKind::Content,
            Cause::TooLong { .. } => CheckpointErrorKind::TooLong,
            Cause::Fjall(_) => CheckpointErrorKind::Fjall,
        }
    }

    /// Returns fjall's error, if it is the cause.
    #[must_use]
    pub fn fjall_error(&self) -> Option<&fjall::Error> {
        match &*self.cause {
            Cause::Fjall(source) => Some(source),
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

impl From<fjall::Error> for Cause {
    fn from(error: fjall::Error) -> Self {
        Cause::Fjall(error)
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
                "what the keyspace keywalk_jobs holds of the job {job:?} can't be read; restore it, or reset the job \
                 to start over"
            ),
            Cause::Foreign(keyspace) => write!(
                f,
                "the keyspace {keyspace} has an entry that no job wrote; remove that entry, and keep the keyspace for \
                 jobs"
            ),
            Cause::TooLong { job, bytes } => write!(
                f,
                "a key of fjall's has at most 65,535 bytes, and the job {job:?} would need one of {bytes} bytes, for \
                 its name and the key of a skipped item; give it a shorter name, or don't skip items with such keys"
            ),
            Cause::Fjall(fjall::Error::Poisoned) => f.write_str(
                "an earlier write failed, so that fjall takes no more; open the database again, and run the job \
                 again: it continues from what was committed",
            ),
            Cause::Fjall(_) => f.write_str(
                "the keyspaces of jobs, keywalk_jobs and keywalk_dead_letters, can't be read or written; solve what \
                 fjall reports, open the database again, and run the job again",
            ),
        }
    }
}

impl StdError for CheckpointError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &*self.cause {
            Cause::Superseded { .. } | Cause::Foreign(_) | Cause::TooLong { .. } => None,
            Cause::Content { source, .. } => source.source(),
            Cause::Fjall(source) => Some(source),
        }
    }
}
