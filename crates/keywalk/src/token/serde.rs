//! Serializes tokens as text in human-readable formats (JSON, TOML), and as bytes in others.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::str::FromStr;

use serde_core::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde_core::ser::{Serialize, Serializer};

#[cfg(feature = "hmac")]
use super::SignedToken;
use super::{Token, TokenError};

macro_rules! serde {
    ($token:ty) => {
        impl Serialize for $token {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    serializer.serialize_bytes(self.as_bytes())
                }
            }
        }

        impl<'de> Deserialize<'de> for $token {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let tokens = Tokens(PhantomData);
                if deserializer.is_human_readable() {
                    deserializer.deserialize_str(tokens)
                } else {
                    deserializer.deserialize_byte_buf(tokens)
                }
            }
        }

        impl FromBytes for $token {
            fn from_bytes(bytes: Vec<u8>) -> Result<Self, TokenError> {
                Self::from_bytes(bytes)
            }
        }
    };
}

serde!(Token);
#[cfg(feature = "hmac")]
serde!(SignedToken);

trait FromBytes: FromStr<Err = TokenError> {
    fn from_bytes(bytes: Vec<u8>) -> Result<Self, TokenError>;
}

struct Tokens<T>(PhantomData<T>);

impl<'de, T: FromBytes> Visitor<'de> for Tokens<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a cursor's token")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_string<E: Error>(self, text: String) -> Result<T, E> {
        self.visit_str(&text)
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<T, E> {
        self.visit_byte_buf(bytes.into())
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<T, E> {
        T::from_bytes(bytes).map_err(E::custom)
    }

    /// Formats without a byte type store a list of numbers.
    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<T, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = numbers.next_element()? {
            bytes.push(byte);
        }
        self.visit_byte_buf(bytes)
    }
}
