use std::borrow::Cow;

use uuid::Uuid;

use super::{DecodeError, Key, TupleElement, integer, packed};

impl Key for Uuid {
    const CANONICAL: bool = true;

    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.as_bytes());
    }

    #[inline]
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        integer::fixed(bytes).map(Uuid::from_bytes)
    }

    fn encoding_name() -> Cow<'static, str> {
        Self::column_kind()
    }

    fn fraction(first: &Self, last: &Self, at: &Self) -> Option<f64> {
        Self::column_fraction(first, last, at)
    }

    fn display(&self) -> String {
        self.column_text()
    }
}

impl TupleElement for Uuid {
    fn pack(&self, bytes: &mut Vec<u8>) {
        packed::pack(self, bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        packed::unpack(bytes, "UUID")
    }

    fn column_kind() -> Cow<'static, str> {
        "Uuid".into()
    }

    fn column_fraction(first: &Self, last: &Self, at: &Self) -> Option<f64> {
        u128::column_fraction(&first.as_u128(), &last.as_u128(), &at.as_u128())
    }

    fn column_text(&self) -> String {
        self.to_string()
    }
}
