//! Keys of variable width that are encoded as in a tuple. There the bytes mark their own end, so that they can
//! be reversed.

use std::borrow::Cow;
use std::cmp::Reverse;

use super::{DecodeError, Key, TupleElement, packed};

macro_rules! by_column {
    ($([$($generics:tt)*] $key:ty),+ $(,)?) => {$(
        impl<$($generics)*> Key for $key {
            fn encode(&self, bytes: &mut Vec<u8>) {
                self.pack(bytes);
            }

            fn decode(mut bytes: &[u8]) -> Result<Self, DecodeError> {
                let key = Self::unpack(&mut bytes)?;
                packed::end(bytes)?;
                Ok(key)
            }

            as_column!();

            fn decode_in_place(&mut self, mut bytes: &[u8]) -> Result<(), DecodeError> {
                self.unpack_in_place(&mut bytes)?;
                packed::end(bytes)
            }
        }
    )+};
}

by_column!(
    [] String,
    [] Reverse<String>,
    [] Reverse<Vec<u8>>,
    [T: TupleElement] Option<T>,
    [T: TupleElement] Reverse<Option<T>>,
);
