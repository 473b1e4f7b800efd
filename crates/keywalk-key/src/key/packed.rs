//! The tuple layer, one column at a time.

use foundationdb_tuple::{PackError, PackResult, TupleDepth, TuplePack, TupleUnpack};

use super::Malformed;

pub(super) fn pack(column: &impl TuplePack, bytes: &mut Vec<u8>) {
    column.pack_into_vec(bytes);
}

/// A column, and what follows it: the crate by itself decodes whole tuples only.
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

/// Takes a column off the front of `bytes`; `what` it is, for the error.
pub(super) fn unpack<'a, T: TupleUnpack<'a>>(
    bytes: &mut &'a [u8],
    what: &str,
) -> Result<T, Malformed> {
    let front = Front::<T>::unpack_root(bytes).map_err(|error| malformed(&error, what))?;
    *bytes = front.rest;
    Ok(front.column)
}

fn malformed(error: &PackError, what: &str) -> Malformed {
    match error {
        PackError::MissingBytes => Malformed::new(format!("is no whole {what}")),
        PackError::BadCode { found, .. } => {
            Malformed::new(format!("starts with 0x{found:02x}, which begins no {what}"))
        }
        PackError::BadStringFormat => Malformed::new("is a text that isn't UTF-8"),
        PackError::UnsupportedIntLength => out_of_range(),
        other => Malformed::new(format!("is no {what}: {other}")),
    }
}

pub(super) fn out_of_range() -> Malformed {
    Malformed::new("is an integer that the type can't hold")
}

/// Nothing may follow the last column.
pub(super) fn end(rest: &[u8]) -> Result<(), Malformed> {
    match rest.len() {
        0 => Ok(()),
        1 => Err(Malformed::new("goes on for 1 byte after its end")),
        more => Err(Malformed::new(format!(
            "goes on for {more} bytes after its end"
        ))),
    }
}
