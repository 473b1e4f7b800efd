use std::error::Error as StdError;
use std::fmt;

mod problem;
mod shown;

pub(crate) use problem::Problem;
pub(crate) use shown::{TreeName, TypeName};

/// What went wrong in a tree: a stored key that isn't of the key's type, a value that doesn't decode,
/// or sled itself.
///
/// It says which tree and key it is about and what to do. Match on [`kind`](Self::encoding_name); what a closure
/// or sled said is in [`source`](StdError::source). None is transient: sled waits for its locks itself.
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
    /// The tree was dropped, if a tree of its name is there again or not; sled's error is the source.
    Dropped,
    /// What the files hold isn't what was written: a checksum is wrong, a file is too short (sled's
    /// error is the source), or keys come out of order.
    Corrupt,
    /// A file can't be read, or is missing; sled's error is the source.
    Io,
    /// sled itself panicked; the message is the error's. See the [crate](crate#what-happens-when) for
    /// what sled is good for then.
    Panicked,
    /// sled failed in another way; its error is the source.
    Store,
}

impl Error {
    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.problem.kind()
    }

    /// The bytes of the key that it is about; `None` if it is about none.
    #[must_use]
    pub fn key(&self) -> Option<&[u8]> {
        self.problem.key()
    }

    /// sled's own error, if it is the [`source`](StdError::source).
    #[must_use]
    pub fn sled_error(&self) -> Option<&sled::Error> {
        self.problem.sled_error()
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

/// For `?` in a function that returns the walk's error.
impl From<Error> for keywalk::Error<Error> {
    fn from(error: Error) -> Self {
        keywalk::Error::Source(error)
    }
}
