use std::error::Error as StdError;
use std::fmt;

mod problem;
mod shown;

pub(crate) use problem::Problem;
pub(crate) use shown::{TreeName, TypeName};

/// What went wrong in a tree: a stored key that isn't of the key's type, a value that doesn't decode,
/// or sled itself.
///
/// It says which tree and key it is about and what to do. Match on [`kind`](Self::kind); what a closure
/// or sled said is in [`source`](StdError::source).
pub struct Error {
    problem: Box<Problem>,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A stored key isn't of the key's type.
    Key,
    /// A value doesn't decode; the closure's error is the source.
    Value,
    /// sled failed; its error is the source.
    Store,
}

impl Error {
    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match *self.problem {
            Problem::Key { .. } => ErrorKind::Key,
            Problem::Value { .. } => ErrorKind::Value,
            Problem::Store { .. } => ErrorKind::Store,
        }
    }

    /// The bytes of the key that it is about; `None` if it is about none.
    #[must_use]
    pub fn key(&self) -> Option<&[u8]> {
        match &*self.problem {
            Problem::Key { key, .. } | Problem::Value { key, .. } => Some(key),
            Problem::Store { .. } => None,
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Error {
            problem: Box::new(problem),
        }
    }
}

/// With the message: it is what a `main` that returns the error shows.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind())
            .field("message", &format_args!("{self}"))
            .field("source", &self.source())
            .finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.problem.source()
    }
}
