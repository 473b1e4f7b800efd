use std::borrow::Cow;
use std::fmt;
use std::ops::Bound;
use std::str;

use keywalk::HasPrefix;

use super::{DecodeError, Key, TupleElement, display, packed};

impl TupleElement for String {
    fn pack(&self, bytes: &mut Vec<u8>) {
        packed::pack(self, bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        packed::unpack(bytes, "text")
    }

    fn column_kind() -> Cow<'static, str> {
        "String".into()
    }

    /// Returns `None`. Texts use few of the 256 values of a byte, so the fraction would be wrong: from
    /// `2025-01-01` to `2026-01-01`, every date of 2025 would lie below 0.01.
    fn column_fraction(_first: &Self, _last: &Self, _at: &Self) -> Option<f64> {
        None
    }

    fn column_text(&self) -> String {
        display::of_text(self)
    }

    fn unpack_in_place(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        let found: Cow<'_, str> = packed::unpack(bytes, "text")?;
        self.clear();
        self.push_str(&found);
        Ok(())
    }
}

/// A text whose bytes are the key, with nothing around them: what sled's `tree.insert("name", …)` writes.
///
/// A `String` is stored with an end mark instead, so that it can be a column of a tuple or be reversed. A
/// `BareString` can't, since one text may be a prefix of another.
///
/// ```
/// use keywalk_bytes::{Key, BareString};
///
/// assert_eq!(BareString::from("bob").to_bytes(), b"bob");
/// assert_eq!("bob".to_string().to_bytes(), b"\x02bob\x00");
/// ```
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BareString(pub String);

impl Key for BareString {
    const CANONICAL: bool = true;

    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.0.as_bytes());
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        utf8(bytes).map(BareString::from)
    }

    fn encoding_name() -> Cow<'static, str> {
        "BareString".into()
    }

    /// Returns `None`, for the reason given at the `String` column.
    fn fraction(_first: &Self, _last: &Self, _at: &Self) -> Option<f64> {
        None
    }

    fn display(&self) -> String {
        display::of_text(&self.0)
    }

    fn decode_in_place(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        let text = utf8(bytes)?;
        self.0.clear();
        self.0.push_str(text);
        Ok(())
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, DecodeError> {
    str::from_utf8(bytes).map_err(|error| {
        DecodeError::new(format!("isn't UTF-8 from byte {} on", error.valid_up_to()))
    })
}

impl<P: AsRef<str>> HasPrefix<P> for BareString {
    fn bounds_of(prefix: P) -> (Bound<Self>, Bound<Self>) {
        let (lower, upper) = String::bounds_of(prefix);
        (lower.map(BareString), upper.map(BareString))
    }
}

/// Implements [`clone_from`](Clone::clone_from) to reuse the memory of the existing text.
impl Clone for BareString {
    fn clone(&self) -> Self {
        BareString(self.0.clone())
    }

    fn clone_from(&mut self, other: &Self) {
        self.0.clone_from(&other.0);
    }
}

impl From<String> for BareString {
    fn from(text: String) -> Self {
        BareString(text)
    }
}

impl From<&str> for BareString {
    fn from(text: &str) -> Self {
        BareString(text.to_owned())
    }
}

impl fmt::Display for BareString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
