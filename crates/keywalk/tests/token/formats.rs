//! Tokens in formats of serde's: text for people, bytes for machines.

use keywalk::{SignedToken, Token};

use super::shelf::samples;

#[test]
fn in_json_a_token_is_its_text() {
    for token in samples() {
        let json = serde_json::to_string(&token).unwrap();
        assert_eq!(json, format!("\"{token}\""));
        assert_eq!(serde_json::from_str::<Token>(&json).unwrap(), token);
        let value = serde_json::to_value(&token).unwrap();
        assert_eq!(serde_json::from_value::<Token>(value).unwrap(), token);
        let reader = json.as_bytes();
        assert_eq!(serde_json::from_reader::<_, Token>(reader).unwrap(), token);
    }
}

#[test]
fn in_a_binary_format_a_token_is_its_bytes() {
    for token in samples() {
        let bytes = postcard::to_allocvec(&token).unwrap();
        assert_eq!(bytes, postcard::to_allocvec(token.as_bytes()).unwrap());
        assert_eq!(postcard::from_bytes::<Token>(&bytes).unwrap(), token);
        let pair = postcard::to_allocvec(&(7_u8, &token)).unwrap();
        assert_eq!(
            postcard::from_bytes::<(u8, Token)>(&pair).unwrap(),
            (7, token)
        );
    }
}

/// As formats give bytes that have no type for them.
#[test]
fn a_list_of_numbers_is_a_tokens_bytes() {
    use serde_core::de::value::{Error, SeqDeserializer};
    use serde_core::de::{Deserializer, Visitor};

    struct Numbers<'a>(&'a [u8]);

    impl<'de> Deserializer<'de> for Numbers<'_> {
        type Error = Error;

        fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.visit_seq(SeqDeserializer::new(self.0.iter().copied()))
        }

        fn is_human_readable(&self) -> bool {
            false
        }

        serde_core::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
            unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
        }
    }

    use serde_core::de::Deserialize;
    for token in samples() {
        let bytes = token.as_bytes();
        assert_eq!(Token::deserialize(Numbers(bytes)), Ok(token.clone()));
        assert!(Token::deserialize(Numbers(&bytes[1..])).is_err());
    }
}

#[test]
fn damage_is_refused_with_the_tokens_own_message() {
    for token in samples() {
        let mut text = token.to_string();
        text.pop();
        let error = serde_json::from_str::<Token>(&format!("\"{text}\"")).unwrap_err();
        assert!(error.to_string().contains("token is damaged"), "{error}");
        let mut bytes = postcard::to_allocvec(&token).unwrap();
        for at in 1..bytes.len() {
            bytes[at] ^= 1;
            assert!(postcard::from_bytes::<Token>(&bytes).is_err());
            bytes[at] ^= 1;
        }
    }
    for wrong in ["1", "null", "{}", "[1, 2]", "[300]", "true", "\"\""] {
        assert!(serde_json::from_str::<Token>(wrong).is_err(), "{wrong}");
    }
    let error = serde_json::from_str::<Token>("1").unwrap_err();
    assert!(error.to_string().contains("a cursor's token"), "{error}");
}

/// It is the one for strangers' hands, so it's the one that a page's state holds.
#[test]
fn a_signed_token_has_the_same_two_forms() {
    let secret = b"the server's secret";
    for token in samples() {
        let signed = token.sign(secret);
        let json = serde_json::to_string(&signed).unwrap();
        assert_eq!(json, format!("\"{signed}\""));
        let read: SignedToken = serde_json::from_str(&json).unwrap();
        assert_eq!(read.verify(secret), Ok(token.clone()));
        let bytes = postcard::to_allocvec(&signed).unwrap();
        assert_eq!(postcard::from_bytes::<SignedToken>(&bytes).unwrap(), signed);
        // Neither is taken for the other.
        assert!(serde_json::from_str::<Token>(&json).is_err());
        let unsigned = serde_json::to_string(&token).unwrap();
        assert!(serde_json::from_str::<SignedToken>(&unsigned).is_err());
    }
}
