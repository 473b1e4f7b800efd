//! The bytes of keys.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Display, Write};

use keywalk::{DurableSource, Error, Token, TokenError, Walk};
use proptest::prelude::*;

use super::token::failed;
use crate::forged::Forged;
use crate::history::{Breach, Flaw};
use crate::lab::{Lab, Stop};
use crate::{Clause, DurableHarness};

/// The boundary keys and others, each once. None has to be in the store.
fn keys<H: DurableHarness>(lab: &Lab<H>) -> Vec<H::Key> {
    let ladder = lab.keys().ladder();
    let others = lab.some_keys(100).into_iter();
    let others = others.filter(|key| ladder.binary_search(key).is_err());
    ladder.iter().cloned().chain(others).collect()
}

pub(super) fn keys_come_back_from_their_bytes<H: DurableHarness>(lab: &Lab<H>) -> Result<(), Stop> {
    let keys = keys(lab);
    lab.attempt(|trial| {
        let source = trial.source()?;
        keys.iter().try_for_each(|key| comes_back(&source, key))
    })?;
    Ok(())
}

fn comes_back<S: DurableSource<Key: Debug, Error: Debug>>(
    source: &S,
    key: &S::Key,
) -> Result<(), Breach<S::Key>> {
    let bytes = encoded(source, key);
    let mut appended = b"kept".to_vec();
    source.encode_key(key, &mut appended);
    if appended.strip_prefix(b"kept") != Some(&*bytes) {
        let otherwise = "`encode_key` doesn't append, or gives a key other bytes each time";
        return Err(Breach::new(Flaw::Said(otherwise))
            .of(Clause::G10)
            .expected(format!("{}{}, for {key:?}", Hex(b"kept"), Hex(&bytes)))
            .got(Hex(&appended)));
    }
    let back = source.decode_key(&bytes).map_err(|error| failed(&error))?;
    let is_same = |back: &S::Key| back == key && encoded(source, back) == bytes;
    match back {
        Some(back) if is_same(&back) => Ok(()),
        back => {
            let breach = Breach::new(Flaw::Said("a key doesn't come back from its bytes"))
                .of(Clause::G10)
                .expected(format!("{key:?}, from {}", Hex(&bytes)));
            Err(match back {
                None => breach.got("no key").hint("is `decode_key` stricter than `encode_key`?"),
                Some(back) => breach.got(format!("{back:?}")).hint(
                    "does `encode_key` cut, round or fold the key? A walk that goes on from another \
                     key repeats items, or skips them",
                ),
            })
        }
    }
}

pub(super) fn different_keys_have_different_bytes<H: DurableHarness>(
    lab: &Lab<H>,
) -> Result<(), Stop> {
    let keys = keys(lab);
    lab.attempt(|trial| {
        let source = trial.source()?;
        let mut seen = BTreeMap::new();
        for key in &keys {
            let bytes = encoded(&source, key);
            if let Some(other) = seen.insert(bytes.clone(), key) {
                let alike = Breach::new(Flaw::Said("two keys have the same bytes"));
                return Err(alike
                    .of(Clause::G10)
                    .expected("bytes of its own for each key")
                    .got(format!("{} for {other:?} and for {key:?}", Hex(&bytes)))
                    .hint("does `encode_key` write all of the key, and where a column ends?"));
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// Neither a panic nor an error; and what is read as a key is one.
pub(super) fn any_bytes_are_a_key_or_refused<H: DurableHarness>(lab: &Lab<H>) -> Result<(), Stop> {
    let mut keys = lab.keys().ladder().to_vec();
    keys.extend(lab.some_keys(10));
    lab.attempt(|trial| {
        let mut source = trial.source()?;
        for key in &keys {
            for bytes in near(&encoded(&source, key)) {
                is_tame(&mut source, key, &bytes)?;
            }
        }
        Ok(())
    })?;
    let Some(key) = keys.first() else {
        return Ok(());
    };
    let any = proptest::collection::vec(any::<u8>(), 0..40);
    let many = proptest::collection::vec(any, 1..40).boxed();
    lab.law(&many, |trial, many| {
        let mut source = trial.source()?;
        many.iter()
            .try_for_each(|bytes| is_tame(&mut source, key, bytes))
    })
}

/// A key's bytes cut, longer and changed.
fn near(bytes: &[u8]) -> Vec<Vec<u8>> {
    const MOST: usize = 64;
    let mut near: Vec<_> = (0..bytes.len().min(MOST))
        .map(|len| bytes[..len].to_vec())
        .collect();
    for more in [&b"\0"[..], b"\x01", b"\x80", b"\xff", b"\0\0\0\0\0\0\0\0"] {
        near.push([bytes, more].concat());
    }
    for at in 0..bytes.len().min(MOST) {
        let changed = [bytes[at] ^ 1, bytes[at] ^ 0x80, 0, 0x7f, 0xff];
        near.extend(changed.map(|byte| {
            let mut changed = bytes.to_vec();
            changed[at] = byte;
            changed
        }));
    }
    near
}

/// `key` is any of the source's.
fn is_tame<S: DurableSource<Key: Debug, Error: Debug>>(
    source: &mut S,
    key: &S::Key,
    bytes: &[u8],
) -> Result<(), Breach<S::Key>> {
    let said = |what| Breach::new(Flaw::Said(what)).of(Clause::G10);
    let decoded = source.decode_key(bytes).map_err(|error| {
        said("`decode_key` fails over bytes that are no key")
            .expected(format!("a key or `None`, from {}", Hex(bytes)))
            .got(format!("{error:?}"))
            .hint("`None` says that they are no key; an error is the store's own")
    })?;
    // What is read has one form, whatever it was read from.
    if let Some(decoded) = &decoded {
        comes_back(source, decoded)?;
    }
    let is_form = decoded.is_some_and(|decoded| encoded(source, &decoded) == bytes);
    let cursor = Walk::new(&mut *source)
        .range(key.clone()..)
        .items()
        .cursor();
    let token = Token::new(&cursor, &Forged::with_bytes(source, bytes));
    let token = token.map_err(|error| failed(&error))?;
    match token.cursor(source) {
        Ok(_) if is_form => Ok(()),
        Err(Error::Token(TokenError::Key)) if !is_form => Ok(()),
        Err(Error::Source(error)) => Err(failed(&error)),
        answer => Err(said(
            "a token is taken with bytes that its source doesn't write, or the other way",
        )
        .expected(format!("taken: {is_form}, with {}", Hex(bytes)))
        .got(format!(
            "{:?}",
            answer
                .map(|_| "taken")
                .map_err(|error| format!("{error:?}"))
        ))),
    }
}

pub(super) fn a_key_in_words_is_told_apart<H: DurableHarness>(lab: &Lab<H>) -> Result<(), Stop> {
    let keys = keys(lab);
    lab.attempt(|trial| {
        let source = trial.source()?;
        let mut seen = BTreeMap::new();
        for key in &keys {
            let text = source.key_text(key);
            if text.is_empty() {
                return Err(Breach::new(Flaw::Said("a key in words is empty"))
                    .of(Clause::G10)
                    .got(format!("\"\", for {key:?}")));
            }
            if let Some(other) = seen.insert(text.clone(), key) {
                return Err(Breach::new(Flaw::Said("two keys are the same in words"))
                    .of(Clause::G10)
                    .got(format!("{text:?} for {other:?} and for {key:?}"))
                    .hint("does `key_text` show all of the key?"));
            }
        }
        Ok(())
    })?;
    Ok(())
}

fn encoded<S: DurableSource>(source: &S, key: &S::Key) -> Vec<u8> {
    let mut bytes = Vec::new();
    source.encode_key(key, &mut bytes);
    bytes
}

/// Bytes, as failures show them.
struct Hex<'a>(&'a [u8]);

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no bytes");
        }
        f.write_char('<')?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_char('>')
    }
}
