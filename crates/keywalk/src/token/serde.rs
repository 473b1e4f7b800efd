//! As text where the format is for people (JSON, TOML), as bytes where it isn't.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde_core::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde_core::ser::{Serialize, Serializer};

use super::{Token, TokenError};

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_bytes(self.as_bytes())
        }
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_str(Tokens)
        } else {
            deserializer.deserialize_byte_buf(Tokens)
        }
    }
}

struct Tokens;

fn read<E: Error>(token: Result<Token, TokenError>) -> Result<Token, E> {
    token.map_err(E::custom)
}

impl<'de> Visitor<'de> for Tokens {
    type Value = Token;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a cursor's token")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Token, E> {
        read(text.parse())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Token, E> {
        read(text.parse())
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Token, E> {
        read(Token::from_bytes(bytes))
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Token, E> {
        read(Token::from_bytes(bytes))
    }

    /// Formats without a type for bytes give a list of numbers.
    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Token, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = numbers.next_element()? {
            bytes.push(byte);
        }
        read(Token::from_bytes(bytes))
    }
}
