use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io::ErrorKind::UnexpectedEof;

/// An error of sled, or a panic. The message says what to do. Match on [`kind`](Self::kind).
///
/// [`Error::store_error`](keywalk_bytes::Error::store_error) returns it. sled waits for its locks instead of returning
/// an error, so there is no `is_transient`, unlike for keywalk-sqlite.
#[derive(Debug)]
pub struct SledError(Cause);

/// The kinds of [`SledError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SledErrorKind {
    /// The tree was dropped, even if a tree of the same name exists again.
    Dropped,
    /// The files don't hold what was written: a checksum is wrong, a file is too short, or keys are out of order.
    Corrupt,
    /// A file can't be read, or is missing.
    Io,
    /// sled itself panicked; the message contains sled's. Read what you need, and end the process: see the
    /// [crate](crate#what-happens-when).
    Panicked,
    /// sled failed in another way.
    Other,
}

#[derive(Debug)]
enum Cause {
    Sled(sled::Error),
    /// sled panicked with this message.
    Panic(String),
    /// sled returned a key that is smaller than the one before.
    Disorder {
        before: Vec<u8>,
        key: Vec<u8>,
    },
}

/// How many bytes of a key, or characters of a panic's message, are kept at most. sled puts whole trees into some.
const MOST: usize = 120;

impl SledError {
    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> SledErrorKind {
        match &self.0 {
            Cause::Panic(_) => SledErrorKind::Panicked,
            Cause::Disorder { .. } => SledErrorKind::Corrupt,
            Cause::Sled(error) => match error {
                sled::Error::CollectionNotFound(_) => SledErrorKind::Dropped,
                sled::Error::Corruption { .. } => SledErrorKind::Corrupt,
                // The file ends before the data that was written to it.
                sled::Error::Io(error) if error.kind() == UnexpectedEof => SledErrorKind::Corrupt,
                sled::Error::Io(_) => SledErrorKind::Io,
                _ => SledErrorKind::Other,
            },
        }
    }

    /// Returns sled's own error. It is the [`source`](Error::source), too. `None` if sled panicked, or if keys are out
    /// of order.
    #[must_use]
    pub fn sled_error(&self) -> Option<&sled::Error> {
        match &self.0 {
            Cause::Sled(error) => Some(error),
            Cause::Panic(_) | Cause::Disorder { .. } => None,
        }
    }

    #[cold]
    pub(crate) fn panic(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let text = text.unwrap_or("it didn't say why");
        SledError(Cause::Panic(text.chars().take(MOST).collect()))
    }

    #[cold]
    pub(crate) fn disorder(before: &[u8], key: &[u8]) -> Self {
        let [before, key] = [before, key].map(|key| key[..key.len().min(MOST)].to_vec());
        SledError(Cause::Disorder { before, key })
    }
}

impl From<sled::Error> for SledError {
    fn from(error: sled::Error) -> Self {
        SledError(Cause::Sled(error))
    }
}

impl fmt::Display for SledError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind(), &self.0) {
            (_, Cause::Panic(text)) => write!(
                f,
                "sled panicked ({text:?}); open the database again in a new process, and if that doesn't help, \
                 restore it"
            ),
            (_, Cause::Disorder { before, key }) => write!(
                f,
                "the tree is damaged: the key \"{}\" comes after \"{}\"; {RESTORE}",
                key.escape_ascii(),
                before.escape_ascii()
            ),
            (SledErrorKind::Corrupt, _) => write!(f, "the tree is damaged; {RESTORE}"),
            (SledErrorKind::Dropped, _) => f.write_str(
                "the tree was dropped; open it again by its name, and resume the walk with that",
            ),
            (SledErrorKind::Io, _) => {
                f.write_str("the files can't be read; check their file system, and resume the walk")
            }
            (SledErrorKind::Panicked | SledErrorKind::Other, _) => {
                f.write_str("sled failed; open the database again, and resume the walk")
            }
        }
    }
}

const RESTORE: &str = "restore the database, or walk the ranges that can still be read";

impl Error for SledError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.sled_error().map(|error| error as _)
    }
}
