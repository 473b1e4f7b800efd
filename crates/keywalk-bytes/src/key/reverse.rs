use std::borrow::Cow;
use std::cmp::Reverse;

use uuid::Uuid;
use uuid::fmt::{Hyphenated, Simple};

use super::{DecodeError, Key, TupleElement, option};

/// Implements [`Key`] for reversed types of fixed width: each byte is complemented.
macro_rules! fixed {
    ($($key:ty),+) => {$(
        impl Key for Reverse<$key> {
            const CANONICAL: bool = <$key as Key>::CANONICAL;

            fn encode(&self, bytes: &mut Vec<u8>) {
                turn_appended(bytes, |bytes| Key::encode(&self.0, bytes));
            }

            fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
                turned(bytes, <$key as Key>::decode).map(Reverse)
            }

            fn encoding_name() -> Cow<'static, str> {
                reverse(&<$key as Key>::encoding_name())
            }

            fn fraction(first: &Self, last: &Self, at: &Self) -> Option<f64> {
                Key::fraction(&first.0, &last.0, &at.0)
            }

            fn display(&self) -> String {
                self.0.display()
            }
        }
    )+};
}

fixed!(
    i8, i16, i32, i64, i128, u8, u16, u32, u64, u128, bool, Uuid, Simple, Hyphenated
);

#[cfg(feature = "chrono")]
fixed!(
    chrono::NaiveDate,
    chrono::NaiveTime,
    chrono::NaiveDateTime,
    chrono::DateTime<chrono::Utc>
);

#[cfg(feature = "jiff")]
fixed!(
    jiff::civil::Date,
    jiff::civil::Time,
    jiff::civil::DateTime,
    jiff::Timestamp
);

impl<T: TupleElement> TupleElement for Reverse<T> {
    fn pack(&self, bytes: &mut Vec<u8>) {
        turn_appended(bytes, |bytes| {
            let start = bytes.len();
            self.0.pack(bytes);
            if has_open_end(&bytes[start..]) {
                bytes.push(END);
            }
        });
    }

    fn unpack(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        take_turned(bytes, T::unpack).map(Reverse)
    }

    fn column_kind() -> Cow<'static, str> {
        reverse(&T::column_kind())
    }

    fn column_fraction(first: &Self, last: &Self, at: &Self) -> Option<f64> {
        T::column_fraction(&first.0, &last.0, &at.0)
    }

    fn column_step(first: &Self, last: &Self) -> Option<f64> {
        T::column_step(&first.0, &last.0)
    }

    fn column_text(&self) -> String {
        self.0.column_text()
    }

    fn unpack_in_place(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        take_turned(bytes, |bytes| self.0.unpack_in_place(bytes))
    }
}

fn reverse(kind: &str) -> Cow<'static, str> {
    format!("Reverse<{kind}>").into()
}

const END: u8 = 0x00;

/// Returns whether the bytes need an end mark when reversed. A text or byte string ends with `00`, and a `00` inside
/// one is followed by `ff`. So the bytes of `"a"` are a prefix of those of `"a\0"`. A prefix always sorts first, but
/// reversed, `"a"` must come second. The bytes of an `Option` need a mark if those of its column do.
fn has_open_end(bytes: &[u8]) -> bool {
    let column = bytes.iter().find(|byte| **byte != option::SOME);
    matches!(column, Some(0x01 | 0x02))
}

/// Complements what `append` appends.
fn turn_appended(bytes: &mut Vec<u8>, append: impl FnOnce(&mut Vec<u8>)) {
    let start = bytes.len();
    append(bytes);
    turn(&mut bytes[start..]);
}

/// Reads a complemented column from the front of `bytes`, and removes it there.
fn take_turned<R>(
    bytes: &mut &[u8],
    read: impl FnOnce(&mut &[u8]) -> Result<R, DecodeError>,
) -> Result<R, DecodeError> {
    let (found, left) = turned(bytes, |mut turned| {
        let has_open_end = has_open_end(turned);
        let found = read(&mut turned)?;
        if has_open_end {
            turned = match turned.split_first() {
                Some((&END, rest)) => rest,
                _ => return Err(DecodeError::new("lacks the mark of its end")),
            };
        }
        Ok((found, turned.len()))
    })?;
    *bytes = &bytes[bytes.len() - left..];
    Ok(found)
}

/// Reads the complement of `bytes`. Allocates only if they are long.
fn turned<R>(bytes: &[u8], read: impl FnOnce(&[u8]) -> R) -> R {
    let mut short = [0; 128];
    if let Some(short) = short.get_mut(..bytes.len()) {
        short.copy_from_slice(bytes);
        turn(short);
        read(short)
    } else {
        let mut long = bytes.to_vec();
        turn(&mut long);
        read(&long)
    }
}

fn turn(bytes: &mut [u8]) {
    for byte in bytes {
        *byte = !*byte;
    }
}
