use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use crate::{ByteStore, DecodeError};

mod excerpt;

pub(crate) use excerpt::TypeName;
use excerpt::{KeyExcerpt, NameExcerpt};

/// An error of a [`Tree`](crate::Tree): a stored key that isn't of the source's key type, a value that doesn't decode,
/// or an error of the store.
///
/// The message names the table, the key and what to do. Match on [`kind`](Self::kind). The error of a closure or of the
/// store is the [`source`](StdError::source).
pub struct Error<E> {
    cause: Box<Cause<E>>,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A stored key doesn't decode as the source's key type.
    Key,
    /// A value doesn't decode. [`Error::source`](StdError::source) is the closure's error.
    Value,
    /// The store failed. [`Error::source`](StdError::source) is its error, and so is
    /// [`store_error`](Error::store_error).
    Store,
}

pub(crate) enum Cause<E> {
    Key {
        place: Place,
        key: Vec<u8>,
        expected: TypeName,
        why: DecodeError,
    },
    Value {
        place: Place,
        key: Vec<u8>,
        /// The key, human-readable, if its bytes aren't.
        text: Option<String>,
        source: Box<dyn StdError + Send + Sync>,
    },
    Store {
        place: Place,
        error: E,
    },
}

impl<E> Error<E> {
    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match &*self.cause {
            Cause::Key { .. } => ErrorKind::Key,
            Cause::Value { .. } => ErrorKind::Value,
            Cause::Store { .. } => ErrorKind::Store,
        }
    }

    /// Returns the bytes of the key at fault; `None` for an error of the store.
    #[must_use]
    pub fn key(&self) -> Option<&[u8]> {
        match &*self.cause {
            Cause::Key { key, .. } | Cause::Value { key, .. } => Some(key),
            Cause::Store { .. } => None,
        }
    }

    /// Returns the store's error, if the store failed.
    #[must_use]
    pub fn store_error(&self) -> Option<&E> {
        match &*self.cause {
            Cause::Store { error, .. } => Some(error),
            Cause::Key { .. } | Cause::Value { .. } => None,
        }
    }
}

/// For other sources over the same store, such as tables with types of the store's own.
impl<E> Error<E> {
    /// Creates the error of a value that doesn't decode. `text` is its key, human-readable.
    pub fn of_value<B: ByteStore<Error = E>>(
        store: &B,
        key: &[u8],
        text: String,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Error::from(Cause::Value {
            place: Place::of(store),
            key: key.to_vec(),
            text: Some(text),
            source: source.into(),
        })
    }

    /// Creates the error of a store that failed.
    pub fn of_store<B: ByteStore<Error = E>>(store: &B, error: E) -> Self {
        let place = Place::of(store);
        Error::from(Cause::Store { place, error })
    }
}

impl<E> From<Cause<E>> for Error<E> {
    fn from(cause: Cause<E>) -> Self {
        let cause = Box::new(cause);
        Error { cause }
    }
}

/// Supports `?` in a function that returns the walk's error.
impl<E> From<Error<E>> for keywalk::Error<Error<E>> {
    fn from(error: Error<E>) -> Self {
        keywalk::Error::Source(error)
    }
}

/// Includes the message, since a `main` that returns the error prints it with `Debug`.
impl<E: StdError + 'static> fmt::Debug for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind())
            .field("message", &format_args!("{self}"))
            .field("source", &self.source())
            .finish()
    }
}

impl<E> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.cause {
            Cause::Key {
                place,
                key,
                expected,
                why,
            } => write!(
                f,
                "the key {} of {place} is no {expected}: {why}; walk it by the type of key that it was written with \
                 (`Vec<u8>` takes any), or remove the key",
                KeyExcerpt(key)
            ),
            Cause::Value {
                place, key, text, ..
            } => {
                let key = text.clone().unwrap_or_else(|| KeyExcerpt(key).to_string());
                write!(
                    f,
                    "the value of {place} at the key {key} doesn't decode; put it right or remove it, or let the \
                     closure take it",
                )
            }
            Cause::Store { place, .. } => write!(
                f,
                "{place} can't be read; solve what the store reports, and resume the walk"
            ),
        }
    }
}

impl<E: StdError + 'static> StdError for Error<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &*self.cause {
            Cause::Key { .. } => None,
            Cause::Value { source, .. } => Some(&**source),
            Cause::Store { error, .. } => Some(error),
        }
    }
}

/// A table of a store, shown as `"items" (sled)`.
pub(crate) struct Place {
    kind: &'static str,
    name: Vec<u8>,
}

impl Place {
    pub(crate) fn of<B: ByteStore>(store: &B) -> Self {
        Place {
            kind: B::KIND,
            name: Cow::into_owned(store.name()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", NameExcerpt(&self.name), self.kind)
    }
}
