use std::error::Error;
use std::fmt;

use rusqlite::types::{FromSqlError, FromSqlResult, ToSqlOutput, Type, ValueRef};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use super::{Comparison, KeyColumn};

impl KeyColumn for Uuid {
    const COMPARISON: Comparison = Comparison::Value;

    const STORED: Option<Type> = Some(Type::Blob);

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let blob = value.as_blob()?;
        Uuid::from_slice(blob).map_err(|_| FromSqlError::InvalidBlobSize {
            expected_size: 16,
            blob_size: blob.len(),
        })
    }

    fn bind(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Borrowed(ValueRef::Blob(self.as_bytes()))
    }
}

/// Only the canonical form is read: an upper-case one would stand elsewhere in the order, and
/// searching for its canonical form wouldn't find it.
impl KeyColumn for Hyphenated {
    const COMPARISON: Comparison = Comparison::Bytes;

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = value.as_str()?;
        let hyphenated = Uuid::try_parse(text)
            .map_err(FromSqlError::other)?
            .hyphenated();
        if hyphenated.encode_lower(&mut Uuid::encode_buffer()) == text {
            Ok(hyphenated)
        } else {
            Err(FromSqlError::other(NotCanonical))
        }
    }

    fn bind(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Owned(self.to_string().into())
    }
}

/// A UUID is stored in another form than 36 lower-case characters with hyphens.
#[derive(Debug)]
struct NotCanonical;

impl fmt::Display for NotCanonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the UUID is not in its canonical form, lower-case with hyphens")
    }
}

impl Error for NotCanonical {}
