use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

use keywalk_examples::Failure;
use keywalk_job::FileError;

/// What is wrong with a spool.
#[derive(Debug)]
pub(crate) enum SpoolError {
    Checkpoints(FileError),
    Io {
        verb: &'static str,
        path: PathBuf,
        error: io::Error,
    },
    /// It holds something, and no checkpoint says that it was exported.
    NotOurs(PathBuf),
    /// A pipe or a device, say.
    NotAFile(PathBuf),
    /// Its lines have others than those that are to be exported.
    OtherColumns {
        path: PathBuf,
        columns: Vec<String>,
    },
    /// It holds less than what the checkpoint counts.
    Short {
        path: PathBuf,
        lines: u64,
    },
}

impl From<FileError> for SpoolError {
    fn from(error: FileError) -> Self {
        SpoolError::Checkpoints(error)
    }
}

impl fmt::Display for SpoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpoolError::Checkpoints(error) => error.fmt(f),
            SpoolError::Io { verb, path, .. } => write!(f, "can't {verb} {}", path.display()),
            SpoolError::NotOurs(path) => write!(
                f,
                "{} is there already, and isn't what an export of this table began to write; name another \
                 file, or give --reset to write it anew",
                path.display()
            ),
            SpoolError::NotAFile(path) => write!(
                f,
                "{} is not a regular file, in which an export could be cut back after a crash; leave out --out \
                 and send stdout there",
                path.display()
            ),
            SpoolError::OtherColumns { path, columns } => write!(
                f,
                "the lines of {} have the columns {}; export the same ones, name another file, or give \
                 --reset to write it anew",
                path.display(),
                columns.join(",")
            ),
            SpoolError::Short { path, lines } => write!(
                f,
                "{} has less than the {lines} lines that were written to it; bring it back, or give --reset \
                 to write it anew",
                path.display()
            ),
        }
    }
}

impl Error for SpoolError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            SpoolError::Checkpoints(error) => error.source(),
            SpoolError::Io { error, .. } => Some(error),
            SpoolError::NotOurs(_)
            | SpoolError::NotAFile(_)
            | SpoolError::OtherColumns { .. }
            | SpoolError::Short { .. } => None,
        }
    }
}

/// What the user can mend: another file, another folder.
impl From<SpoolError> for Failure {
    fn from(error: SpoolError) -> Self {
        match (&error, error.source()) {
            (SpoolError::Io { .. }, _) => Failure::caused(&error),
            (_, Some(cause)) => Failure::input(format!("{error}: {cause}")),
            (_, None) => Failure::input(error),
        }
    }
}
