use std::borrow::Cow;

use uuid::Uuid;
use uuid::fmt::{Hyphenated, Simple};

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

    as_column!();
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

/// UUIDs as text. Only lower case is read: another text of the same UUID has another place in the order.
macro_rules! texts {
    ($($text:ident of $width:literal as $what:literal),+;) => {$(
        impl Key for $text {
            const CANONICAL: bool = true;

            fn encode(&self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(self.encode_lower(&mut [0; $width]).as_bytes());
            }

            fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
                let text = integer::fixed::<$width>(bytes)?;
                let uuid = Uuid::try_parse_ascii(&text).map($text::from_uuid);
                match uuid {
                    Ok(uuid) if uuid.encode_lower(&mut [0; $width]).as_bytes() == text => Ok(uuid),
                    _ => Err(DecodeError::new(concat!("is no ", $what))),
                }
            }

            as_column!();
        }

        impl TupleElement for $text {
            fn pack(&self, bytes: &mut Vec<u8>) {
                let mut text = [0; $width];
                let text: &str = self.encode_lower(&mut text);
                packed::pack(&text, bytes);
            }

            fn unpack(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
                let text: Cow<'_, str> = packed::unpack(bytes, $what)?;
                Self::decode(text.as_bytes())
            }

            fn column_kind() -> Cow<'static, str> {
                stringify!($text).into()
            }

            fn column_fraction(first: &Self, last: &Self, at: &Self) -> Option<f64> {
                Uuid::column_fraction(first.as_uuid(), last.as_uuid(), at.as_uuid())
            }

            fn column_text(&self) -> String {
                self.to_string()
            }
        }
    )+};
}

texts! {
    Simple of 32 as "UUID of 32 lower-case digits",
    Hyphenated of 36 as "UUID in lower case with hyphens";
}
