use std::borrow::Cow;

use super::{DecodeError, Key, TupleElement, fraction, integer, packed};

impl Key for bool {
    const CANONICAL: bool = true;

    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.push(u8::from(*self));
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        match integer::fixed(bytes)? {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(DecodeError::new(format!(
                "is 0x{other:02x}, which is no boolean"
            ))),
        }
    }

    as_column!();
}

impl TupleElement for bool {
    fn pack(&self, bytes: &mut Vec<u8>) {
        packed::pack(self, bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        packed::unpack(bytes, "boolean")
    }

    fn column_kind() -> Cow<'static, str> {
        "bool".into()
    }

    fn column_fraction(first: &Self, last: &Self, at: &Self) -> Option<f64> {
        // Nothing lies between two values.
        fraction::between(first, last, at, || None)
    }

    fn column_step(_first: &Self, _last: &Self) -> Option<f64> {
        Some(0.5)
    }

    fn column_text(&self) -> String {
        self.to_string()
    }
}
