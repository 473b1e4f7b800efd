use std::borrow::Cow;

use super::{DecodeError, TupleElement, column, fraction};

/// One of the type codes that the tuple layer leaves to its users. The layer's own code for `null`, `00`, can't be
/// used: reversed it would be `ff`, and no column may begin with `ff`.
const NONE: u8 = 0x40;
pub(super) const SOME: u8 = 0x41;

/// `None` comes first.
impl<T: TupleElement> TupleElement for Option<T> {
    fn pack(&self, bytes: &mut Vec<u8>) {
        match self {
            None => bytes.push(NONE),
            Some(column) => {
                bytes.push(SOME);
                column.pack(bytes);
            }
        }
    }

    fn unpack(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        match take_tag(bytes)? {
            false => Ok(None),
            true => T::unpack(bytes).map(Some),
        }
    }

    fn column_kind() -> Cow<'static, str> {
        format!("Option<{}>", T::column_kind()).into()
    }

    /// How far a value is from `None` isn't known.
    fn column_fraction(first: &Self, last: &Self, at: &Self) -> Option<f64> {
        match (first, last, at) {
            (Some(first), Some(last), Some(at)) => T::column_fraction(first, last, at),
            _ => {
                let [first, last, at] = [first, last, at].map(column::packed);
                fraction::between(&first, &last, &at, || None)
            }
        }
    }

    fn column_step(first: &Self, last: &Self) -> Option<f64> {
        T::column_step(first.as_ref()?, last.as_ref()?)
    }

    fn column_text(&self) -> String {
        match self {
            None => "none".to_owned(),
            Some(column) => column.column_text(),
        }
    }

    fn unpack_in_place(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        let mut rest = *bytes;
        match self {
            Some(column) if take_tag(&mut rest)? => {
                *bytes = rest;
                column.unpack_in_place(bytes)
            }
            _ => {
                *self = Self::unpack(bytes)?;
                Ok(())
            }
        }
    }
}

/// Takes the first byte off. Returns whether a value follows.
fn take_tag(bytes: &mut &[u8]) -> Result<bool, DecodeError> {
    match bytes.split_first() {
        Some((&tag @ (NONE | SOME), rest)) => {
            *bytes = rest;
            Ok(tag == SOME)
        }
        Some((first, _)) => Err(DecodeError::new(format!(
            "starts with 0x{first:02x}, which begins no optional value"
        ))),
        None => Err(DecodeError::new("is no whole optional value")),
    }
}
