use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

/// The reason why bytes are not a key of a type. [`Key::decode`](crate::Key::decode) returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// The number of the column, from 1.
    column: Option<usize>,
    why: Cow<'static, str>,
}

impl DecodeError {
    /// Creates the error. `why` follows the word "it" in the message: `"has 3 bytes, not 4"`.
    pub fn new(why: impl Into<Cow<'static, str>>) -> Self {
        DecodeError {
            column: None,
            why: why.into(),
        }
    }

    pub(super) fn in_column(self, at: usize) -> Self {
        DecodeError {
            column: Some(at + 1),
            ..self
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
            None => write!(f, "it {}", self.why),
            Some(column) => write!(f, "its column {column} {}", self.why),
        }
    }
}

impl StdError for DecodeError {}
