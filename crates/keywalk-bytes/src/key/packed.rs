//! The tuple layer, one column at a time.

use foundationdb_tuple::{PackError, PackResult, TupleDepth, TuplePack, TupleUnpack};

use super::DecodeError;

pub(super) fn pack(column: &impl TuplePack, bytes: &mut Vec<u8>) {
    column.pack_into_vec(bytes);
}

/// A column and the bytes after it. Needed because foundationdb-tuple refuses input that goes on after a value.
struct Front<'a, T> {
    column: T,
    rest: &'a [u8],
}

impl<'a, T: TupleUnpack<'a>> TupleUnpack<'a> for Front<'a, T> {
    fn unpack(input: &'a [u8], depth: TupleDepth) -> PackResult<(&'a [u8], Self)> {
        let (rest, column) = T::unpack(input, depth)?;
        Ok((&[], Front { column, rest }))
    }
}

/// Takes a column off the front of `bytes`. `what` describes the column in the error.
pub(super) fn unpack<'a, T: TupleUnpack<'a>>(
    bytes: &mut &'a [u8],
    what: &str,
) -> Result<T, DecodeError> {
    let front = Front::<T>::unpack_root(bytes).map_err(|error| malformed(&error, what))?;
    *bytes = front.rest;
    Ok(front.column)
}

fn malformed(error: &PackError, what: &str) -> DecodeError {
    match error {
        PackError::MissingBytes => DecodeError::new(format!("is no whole {what}")),
        PackError::BadCode { found, .. } => {
            DecodeError::new(format!("starts with 0x{found:02x}, which begins no {what}"))
        }
        PackError::BadStringFormat => DecodeError::new("is a text that isn't UTF-8"),
        PackError::UnsupportedIntLength => out_of_range(),
        other => DecodeError::new(format!("is no {what}: {other}")),
    }
}

pub(super) fn out_of_range() -> DecodeError {
    DecodeError::new("is an integer that the type can't hold")
}

/// Checks that nothing follows the last column.
pub(super) fn end(rest: &[u8]) -> Result<(), DecodeError> {
    match rest.len() {
        0 => Ok(()),
        1 => Err(DecodeError::new("goes on for 1 byte after its end")),
        more => Err(DecodeError::new(format!(
            "goes on for {more} bytes after its end"
        ))),
    }
}
