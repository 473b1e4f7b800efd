//! A key in a token is one of the source's, in its one form.

use std::convert::Infallible;

use keywalk::{Chunk, ChunkSource, DurableSource, Error, Fetched, Fingerprint, KeyRange, Token};
use keywalk::{TokenError, Walk};

use super::forge::{FAR_INCLUDED, LIVE, NEAR_EXCLUDED, forged, held};
use super::shelf::{Coded, Shelf, tens};

fn refused<K: Coded>(shelf: &Shelf<K>, flags: u8, keys: &[u8]) {
    let token = Token::from_bytes(forged(shelf, flags, keys)).expect("it has the form of a token");
    assert_eq!(token.cursor(shelf), Err(Error::Token(TokenError::Key)));
    assert_eq!(shelf.asked.get(), 0);
}

#[test]
fn bytes_that_are_no_key_are_refused_at_either_bound() {
    for bytes in [&[][..], &[1; 7], &[1; 9]] {
        refused(&tens(3), LIVE | NEAR_EXCLUDED, &held(bytes));
        let keys = [held(&10_i64.to_be_bytes()), held(bytes)].concat();
        refused(&tens(3), LIVE | NEAR_EXCLUDED | FAR_INCLUDED, &keys);
    }
    let texts = Shelf::of([String::new()]);
    refused(&texts, LIVE | NEAR_EXCLUDED, &held(b"\xff"));
}

/// A name in lower case. Reads it in any.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name(String);

impl Coded for Name {
    const NAME: &'static str = "name";

    fn write(&self, bytes: &mut Vec<u8>) {
        self.0.write(bytes);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        String::read(bytes).map(|name| Name(name.trim().to_lowercase()))
    }
}

#[test]
fn what_is_only_like_a_keys_bytes_is_refused() {
    let names = Shelf::of(["ada", "bob"].map(|name| Name(name.into())));
    let flags = LIVE | NEAR_EXCLUDED;
    let right = Token::from_bytes(forged(&names, flags, &held(b"ada"))).unwrap();
    assert_eq!(names.rest(&right, 1), [Name("bob".into())]);
    let names = Shelf::of([]);
    for like in ["Ada", " ada", "ada "] {
        refused::<Name>(&names, flags, &held(like.as_bytes()));
    }
}

/// Takes any eight bytes for a key: also those of a NaN.
struct Floats;

impl ChunkSource for Floats {
    type Key = f64;
    type Item = f64;
    type Error = Infallible;

    fn fetch(&mut self, _: &KeyRange<f64>, _: &mut Chunk<f64>) -> Result<Fetched<f64>, Infallible> {
        Ok(Fetched::End)
    }

    fn key_of(&self, item: &f64) -> f64 {
        *item
    }
}

impl DurableSource for Floats {
    fn fingerprint(&self) -> Result<Fingerprint, Infallible> {
        Ok(Fingerprint::new("floats"))
    }

    fn encode_key(&self, key: &f64, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&key.to_be_bytes());
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<f64>, Infallible> {
        Ok(bytes.try_into().ok().map(f64::from_be_bytes))
    }
}

#[test]
fn what_doesnt_equal_itself_is_no_key() {
    let past = |key: f64| {
        let cursor = Walk::new(Floats).live().chunks().cursor_past(key);
        let token = Token::new(&cursor, &Floats).unwrap();
        token.cursor(&Floats).map(|_| ())
    };
    assert_eq!(past(0.5), Ok(()));
    assert_eq!(past(f64::INFINITY), Ok(()));
    assert_eq!(past(f64::NAN), Err(Error::Token(TokenError::Key)));
}
