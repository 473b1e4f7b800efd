use std::error::Error as StdError;
use std::fmt;

mod cause;
mod excerpt;

pub(crate) use cause::Cause;
pub(crate) use excerpt::{TreeName, TypeName};

/// An error of a tree: a stored key that isn't of the source's key type, a value that doesn't decode, or an
/// error of sled itself.
///
/// The message names the tree, the key and what to do. Match on [`kind`](Self::kind). The error of a closure or
/// of sled is in [`source`](StdError::source). sled waits for its locks instead of returning an error, so this
/// type has no `is_transient`, unlike the error of keywalk-sqlite.
pub struct Error {
    cause: Box<Cause>,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A stored key doesn't decode as the source's key type.
    Key,
    /// A value doesn't decode. [`Error::source`](StdError::source) is the closure's error.
    Value,
    /// The tree was dropped, even if a tree of the same name exists again. [`Error::source`](StdError::source) is
    /// sled's error.
    Dropped,
    /// The files don't hold what was written: a checksum is wrong, a file is too short, or keys are out of order.
    /// [`Error::source`](StdError::source) is sled's error, if sled noticed the damage.
    Corrupt,
    /// A file can't be read, or is missing. [`Error::source`](StdError::source) is sled's error.
    Io,
    /// sled itself panicked; the error contains its message. Read what you need, and end the process: see the
    /// [crate](crate#what-happens-when).
    Panicked,
    /// sled failed in another way. [`Error::source`](StdError::source) is sled's error.
    Store,
}

impl Error {
    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.cause.kind()
    }

    /// Returns the bytes of the key at fault; `None` if the error isn't about a key.
    #[must_use]
    pub fn key(&self) -> Option<&[u8]> {
        self.cause.key()
    }

    /// Returns sled's own error, if it is the [`source`](StdError::source).
    #[must_use]
    pub fn sled_error(&self) -> Option<&sled::Error> {
        self.cause.sled_error()
    }
}

impl From<Cause> for Error {
    fn from(cause: Cause) -> Self {
        Error {
            cause: Box::new(cause),
        }
    }
}

/// Includes the message, since a `main` that returns the error prints it with `Debug`.
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
        self.cause.fmt(f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.source()
    }
}

/// Supports `?` in a function that returns the walk's error.
impl From<Error> for keywalk::Error<Error> {
    fn from(error: Error) -> Self {
        keywalk::Error::Source(error)
    }
}
