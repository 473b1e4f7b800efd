use std::borrow::Cow;

use super::{DecodeError, Key, TupleElement, fraction, packed};

/// Returns the bytes as an array, if their number matches the type.
#[inline]
pub(super) fn fixed<const WIDTH: usize>(bytes: &[u8]) -> Result<[u8; WIDTH], DecodeError> {
    bytes.try_into().map_err(|_| {
        let count = bytes.len();
        DecodeError::new(match count {
            1 => format!("has 1 byte, not {WIDTH}"),
            _ => format!("has {count} bytes, not {WIDTH}"),
        })
    })
}

macro_rules! keys {
    ($($integer:ident flips $sign:expr),+;) => {$(
        impl Key for $integer {
            const CANONICAL: bool = true;

            fn encode(&self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&(self ^ $sign).to_be_bytes());
            }

            #[inline]
            fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
                Ok($integer::from_be_bytes(fixed(bytes)?) ^ $sign)
            }

            fn encoding_name() -> Cow<'static, str> {
                stringify!($integer).into()
            }

            fn fraction(first: &Self, last: &Self, at: &Self) -> Option<f64> {
                Self::column_fraction(first, last, at)
            }

            fn display(&self) -> String {
                self.column_text()
            }
        }
    )+};
}

keys! {
    u8 flips 0, u16 flips 0, u32 flips 0, u64 flips 0, u128 flips 0,
    i8 flips i8::MIN, i16 flips i16::MIN, i32 flips i32::MIN, i64 flips i64::MIN,
    i128 flips i128::MIN;
}

/// What columns of all integer types share.
macro_rules! integer {
    () => {
        fn column_kind() -> Cow<'static, str> {
            "integer".into()
        }

        fn column_fraction(first: &Self, last: &Self, at: &Self) -> Option<f64> {
            fraction::between(first, last, at, || {
                Some(at.abs_diff(*first) as f64 / last.abs_diff(*first) as f64)
            })
        }

        fn column_step(first: &Self, last: &Self) -> Option<f64> {
            Some(1.0 / (last.abs_diff(*first) as f64 + 1.0))
        }

        fn column_text(&self) -> String {
            self.to_string()
        }
    };
}

macro_rules! columns {
    ($($integer:ident),+) => {$(
        impl TupleElement for $integer {
            fn pack(&self, bytes: &mut Vec<u8>) {
                packed::pack(self, bytes);
            }

            fn unpack(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
                packed::unpack(bytes, "integer")
            }

            integer!();
        }
    )+};
}

columns!(i16, i32, i64, i128, u16, u32, u64, u128);

/// `i8` and `u8`, which foundationdb-tuple doesn't encode. They are encoded as the next wider type.
macro_rules! narrow_columns {
    ($($integer:ident as $wide:ident),+) => {$(
        impl TupleElement for $integer {
            fn pack(&self, bytes: &mut Vec<u8>) {
                packed::pack(&$wide::from(*self), bytes);
            }

            fn unpack(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
                let wide: $wide = packed::unpack(bytes, "integer")?;
                wide.try_into().map_err(|_| packed::out_of_range())
            }

            integer!();
        }
    )+};
}

narrow_columns!(i8 as i16, u8 as u16);
