//! A source's tokens are those of its wrapper.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use keywalk::{
    Chunk, ChunkSource, DurableSource, Error, Fetched, Fingerprint, KeyRange, Token, TokenError,
    Walk,
};
use keywalk_retry::{ConstantBuilder, Retry};

#[derive(Clone, Debug, PartialEq)]
struct Failure;

/// The numbers below ten. Says of itself what it is told to, if it can.
#[derive(Clone, Debug)]
struct Numbers {
    name: Result<&'static str, Failure>,
    asked: Rc<Cell<usize>>,
}

impl Numbers {
    fn named(name: &'static str) -> Self {
        Numbers {
            name: Ok(name),
            asked: Rc::default(),
        }
    }
}

impl ChunkSource for Numbers {
    type Key = u8;
    type Item = u8;
    type Error = Failure;

    fn fetch(
        &mut self,
        range: &KeyRange<u8>,
        chunk: &mut Chunk<u8>,
    ) -> Result<Fetched<u8>, Failure> {
        for number in (0..10).filter(|number| range.admits(number)) {
            if chunk.is_full() {
                return Ok(Fetched::More);
            }
            chunk.push(number);
        }
        Ok(Fetched::End)
    }

    fn key_of(&self, number: &u8) -> u8 {
        *number
    }
}

impl DurableSource for Numbers {
    fn fingerprint(&self) -> Result<Fingerprint, Failure> {
        self.asked.set(self.asked.get() + 1);
        self.name.clone().map(Fingerprint::new)
    }

    fn encode_key(&self, key: &u8, bytes: &mut Vec<u8>) {
        bytes.push(!key);
    }

    /// Fails over a certain one.
    fn decode_key(&self, bytes: &[u8]) -> Result<Option<u8>, Failure> {
        self.asked.set(self.asked.get() + 1);
        match *bytes {
            [byte] if byte == !7 => Err(Failure),
            [byte] => Ok(Some(!byte)),
            _ => Ok(None),
        }
    }

    fn key_text(&self, key: &u8) -> String {
        format!("number {key}")
    }

    fn share(&self, _first: &u8, _last: &u8, at: &u8) -> Option<f64> {
        (*at > 0).then(|| 1.0 / f64::from(*at))
    }
}

fn retry(source: Numbers) -> Retry<Numbers, ConstantBuilder, fn(&Failure) -> bool> {
    let policy = ConstantBuilder::default()
        .with_delay(Duration::ZERO)
        .with_max_times(3);
    Retry::new(source, policy, |_| true)
}

/// Behind so many items.
fn token<S: DurableSource<Key = u8, Item = u8, Error = Failure>>(source: S, items: usize) -> Token {
    let mut walk = Walk::new(source).live().items();
    assert!(walk.by_ref().take(items).all(|item| item.is_ok()));
    walk.token().expect("it has a name")
}

#[test]
fn a_token_is_alike_wrapped_or_not_and_is_taken_by_either() {
    let plain = Numbers::named("numbers");
    for items in 1..7 {
        let text = token(plain.clone(), items).to_string();
        assert_eq!(token(retry(plain.clone()), items).to_string(), text);
        let token = text.parse().unwrap();
        let bare = Walk::new(plain.clone()).resume_token(&token).unwrap();
        let wrapped = Walk::new(retry(plain.clone())).resume_token(&token);
        assert_eq!(bare.items().next(), Some(Ok(items as u8)));
        assert_eq!(wrapped.unwrap().items().next(), Some(Ok(items as u8)));
    }
}

#[test]
fn a_token_of_another_source_is_refused_through_the_wrapper() {
    let token = token(Numbers::named("numbers"), 1);
    let refused = Walk::new(retry(Numbers::named("others"))).resume_token(&token);
    let Err(Error::Token(TokenError::Source { here, .. })) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(here, "others");
}

#[test]
fn words_and_shares_are_the_sources_own() {
    let source = retry(Numbers::named("numbers"));
    assert_eq!(source.key_text(&7), "number 7");
    assert_eq!(source.share(&0, &9, &2), Some(0.5));
    assert_eq!(source.share(&0, &9, &0), None);
    let mut bytes = vec![1];
    source.encode_key(&5, &mut bytes);
    assert_eq!(bytes, [1, !5]);
    assert_eq!(source.decode_key(&[!5]), Ok(Some(5)));
    assert_eq!(source.decode_key(&[]), Ok(None));
}

#[test]
fn what_fails_as_a_token_is_made_or_read_is_not_asked_again() {
    let mut failing = Numbers::named("numbers");
    failing.name = Err(Failure);
    assert_eq!(
        Walk::new(retry(failing.clone())).items().token(),
        Err(Failure)
    );
    assert_eq!(failing.asked.get(), 1);

    let source = Numbers::named("numbers");
    let token = token(source.clone(), 8);
    source.asked.set(0);
    let resumed = Walk::new(retry(source.clone())).resume_token(&token);
    assert!(matches!(resumed, Err(Error::Source(Failure))));
    assert_eq!(source.asked.get(), 2, "the fingerprint, and the key");
}
