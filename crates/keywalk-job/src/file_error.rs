use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::NotACheckpoint;

/// A job's file can't be read or written, doesn't hold what it should, or is a later run's.
#[derive(Debug)]
pub struct FileError {
    path: PathBuf,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    /// What couldn't be done with the file.
    Io(&'static str, io::Error),
    Content(NotACheckpoint),
    /// Of a file of dead letters, this line; from 1.
    Letter(usize, serde_json::Error),
    /// It holds a later run's checkpoint.
    Superseded,
}

impl FileError {
    pub(crate) fn io(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| FileError {
            path,
            problem: Problem::Io(verb, error),
        }
    }

    pub(crate) fn content(path: &Path) -> impl FnOnce(NotACheckpoint) -> Self {
        let path = path.to_owned();
        move |error| FileError {
            path,
            problem: Problem::Content(error),
        }
    }

    pub(crate) fn letter(path: &Path, line: usize) -> impl FnOnce(serde_json::Error) -> Self {
        let path = path.to_owned();
        move |error| FileError {
            path,
            problem: Problem::Letter(line, error),
        }
    }

    pub(crate) fn superseded(path: &Path) -> Self {
        FileError {
            path: path.to_owned(),
            problem: Problem::Superseded,
        }
    }

    /// The file or folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the operating system said; `None` if the file could be read, but holds no checkpoint or dead
    /// letter, or a later run's checkpoint.
    #[must_use]
    pub fn io_error(&self) -> Option<&io::Error> {
        match &self.problem {
            Problem::Io(_, error) => Some(error),
            Problem::Content(_) | Problem::Letter(..) | Problem::Superseded => None,
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Problem::Io(verb, _) => write!(f, "can't {verb} {}", self.path.display()),
            Problem::Content(_) => write!(
                f,
                "{} is no checkpoint that this release can read; restore it, or reset the job to start \
                 anew",
                self.path.display()
            ),
            Problem::Letter(line, _) => write!(
                f,
                "line {line} of {} is no dead letter that this release can read; restore it, take it out, or \
                 reset the job to start anew",
                self.path.display()
            ),
            Problem::Superseded => write!(
                f,
                "a later run of the job has taken {} over, and goes on from there; this run records nothing \
                 more",
                self.path.display()
            ),
        }
    }
}

impl Error for FileError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.problem {
            Problem::Io(_, error) => Some(error),
            Problem::Content(error) => error.source(),
            Problem::Letter(_, error) => Some(error),
            Problem::Superseded => None,
        }
    }
}
