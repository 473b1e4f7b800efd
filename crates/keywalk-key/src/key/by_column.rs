//! Keys of any width that are written as a column: its bytes show where they end, so they can be turned round.

use std::borrow::Cow;
use std::cmp::Reverse;

use super::{Key, KeyColumn, Malformed, packed};

macro_rules! by_column {
    ($($key:ty),+) => {$(
        impl Key for $key {
            fn encode(&self, bytes: &mut Vec<u8>) {
                self.pack(bytes);
            }

            fn decode(mut bytes: &[u8]) -> Result<Self, Malformed> {
                let key = Self::unpack(&mut bytes)?;
                packed::end(bytes)?;
                Ok(key)
            }

            fn kind() -> Cow<'static, str> {
                Self::column_kind()
            }

            fn share(first: &Self, last: &Self, at: &Self) -> Option<f64> {
                Self::column_share(first, last, at)
            }

            fn text(&self) -> String {
                self.column_text()
            }

            fn decode_in_place(&mut self, mut bytes: &[u8]) -> Result<(), Malformed> {
                self.unpack_in_place(&mut bytes)?;
                packed::end(bytes)
            }
        }
    )+};
}

by_column!(String, Reverse<String>, Reverse<Vec<u8>>);
