use std::borrow::Cow;

use foundationdb_tuple::Bytes;

use super::{DecodeError, Key, TupleElement, display, fraction, packed};

impl Key for Vec<u8> {
    const CANONICAL: bool = true;

    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self);
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Ok(bytes.to_vec())
    }

    as_column!();

    fn decode_in_place(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        self.clear();
        self.extend_from_slice(bytes);
        Ok(())
    }
}

impl TupleElement for Vec<u8> {
    fn pack(&self, bytes: &mut Vec<u8>) {
        packed::pack(&Bytes::from(self.as_slice()), bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        packed::unpack(bytes, "byte string").map(Bytes::into_owned)
    }

    fn column_kind() -> Cow<'static, str> {
        "bytes".into()
    }

    fn column_fraction(first: &Self, last: &Self, at: &Self) -> Option<f64> {
        fraction::of_bytes(first, last, at)
    }

    fn column_text(&self) -> String {
        display::of_bytes(self)
    }

    fn unpack_in_place(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        let found: Bytes<'_> = packed::unpack(bytes, "byte string")?;
        self.clear();
        self.extend_from_slice(&found);
        Ok(())
    }
}
