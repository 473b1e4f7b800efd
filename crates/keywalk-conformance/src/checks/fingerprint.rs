//! Which tokens a source takes.

use std::cell::Cell;
use std::fmt::Debug;

use keywalk::{
    Chunk, Cursor, DurableSource, Error, Fingerprint, KeyRange, Order, Token, TokenError, Walk,
};

use super::token::failed;
use crate::forged::Forged;
use crate::history::{Breach, Flaw};
use crate::lab::{Lab, Stop};
use crate::trial::{HarnessBreach, Trial, refused};
use crate::{Clause, DurableHarness};

/// Of every source over a store, at every time.
pub(super) fn the_fingerprint_stays_the_same<H: DurableHarness>(lab: &Lab<H>) -> Result<(), Stop> {
    let keys = lab.some_keys(6);
    lab.attempt_with(&keys, |trial, keys| {
        let mut source = trial.source()?;
        let first = First::of(&mut source)?;
        first.is_that_of(&source, "asked again")?;
        first.is_that_of(&trial.source()?, "of another source")?;
        source.ask(&KeyRange::all(Order::Ascending), &mut Chunk::with_limit(2))?;
        first.is_that_of(&source, "after a fetch")?;
        if lab.capabilities().mutation.is_yes() {
            trial.put_all(keys)?;
            keys.iter()
                .step_by(2)
                .try_for_each(|key| trial.delete(key))?;
            first.is_that_of(&source, "after changes")?;
        }
        first.is_that_of(&trial.source()?, "of a later source")?;
        drop(source);
        if lab.capabilities().reopening.is_yes() {
            trial.reopen()?;
            first.is_that_of(&trial.source()?, "after reopening")?;
        }
        Ok(())
    })?;
    Ok(())
}

/// A fingerprint, and a token with it, to compare others with.
struct First {
    fingerprint: Fingerprint,
    token: Token,
}

impl First {
    fn of<S: DurableSource<Key: Debug, Error: Debug>>(
        source: &mut S,
    ) -> Result<Self, Breach<S::Key>> {
        let cursor = some_cursor(source, &[]);
        let fingerprint = source.fingerprint().map_err(|error| failed(&error))?;
        let forged = Forged::as_of(source, fingerprint.clone());
        let token = Token::new(&cursor, &forged).map_err(|error| failed(&error))?;
        Ok(First { fingerprint, token })
    }

    fn is_that_of<S: DurableSource<Key: Debug, Error: Debug>>(
        &self,
        source: &S,
        when: &'static str,
    ) -> Result<(), Breach<S::Key>> {
        let now = source.fingerprint().map_err(|error| failed(&error))?;
        let Err(TokenError::Source { aspect, .. }) = self.token.check(&now) else {
            return Ok(());
        };
        let (first, now) = (self.fingerprint.text(aspect), now.text(aspect));
        let value = match first == now {
            true => " with another value",
            false => "",
        };
        Err(Breach::new(Flaw::Said("the fingerprint changes"))
            .of(Clause::G10)
            .expected(format!("{aspect} {first:?}"))
            .got(format!("{now:?}{value}, {when}"))
            .hint("does it say more than what decides which keys are walked, in which order?"))
    }
}

pub(super) fn a_token_of_a_stranger_is_refused<H: DurableHarness>(
    lab: &Lab<H>,
) -> Result<(), Stop> {
    let keys = lab.some_keys(3);
    let count = Cell::new(0);
    lab.attempt_with(&keys, |trial, keys| {
        let strangers = trial.harness()?.strangers().map_err(refused)?;
        count.set(strangers.len());
        for (aspect, stranger) in strangers {
            let mut source = trial.source()?;
            let cursor = some_cursor(&mut source, keys);
            let token = Token::new(&cursor, &Forged::as_of(&source, stranger.clone()));
            let token = token.map_err(|error| failed(&error))?;
            let reads = trial.harness()?.reads();
            let walk = Walk::new(source).resume_token(&token);
            let said = |what| {
                let differs = format!("refused: of another {aspect}, {:?}", stranger.text(aspect));
                Breach::new(Flaw::Said(what))
                    .of(Clause::G10)
                    .expected(differs)
            };
            let told = match walk {
                Err(Error::Token(TokenError::Source { aspect, .. })) => aspect,
                Err(error) => {
                    return Err(
                        said("a stranger's token is refused otherwise").got(format!("{error:?}"))
                    );
                }
                Ok(_) => {
                    return Err(said("a token of another source is taken").got("a walk").hint(
                        "does the fingerprint say all that decides which keys are walked, in which \
                         order?",
                    ));
                }
            };
            if told != aspect {
                return Err(said("a stranger is told by another aspect")
                    .got(format!("of another {told}"))
                    .hint("the first that differs counts: store, table or query, key, filter"));
            }
            if reads != trial.harness()?.reads() {
                return Err(said("items were read before a token was refused").got("reads"));
            }
        }
        Ok(())
    })?;
    match count.get() {
        0 => Err(Stop::Skipped("the harness tells of no strangers")),
        _ => Ok(()),
    }
}

/// Each byte changed, each letter of its text, and cut everywhere.
pub(super) fn a_damaged_token_is_refused<H: DurableHarness>(lab: &Lab<H>) -> Result<(), Stop> {
    let keys = lab.some_keys(3);
    lab.attempt(|trial| {
        let mut source = trial.source()?;
        let cursor = some_cursor(&mut source, &keys);
        let token = Token::new(&cursor, &source).map_err(|error| failed(&error))?;
        let bytes = token.as_bytes();
        for at in 0..bytes.len() {
            is_refused(trial, Token::from_bytes(&bytes[..at]), at)?;
            for byte in [bytes[at] ^ 1, bytes[at] ^ 0x80, !bytes[at], 0, 0xff] {
                let mut damaged = bytes.to_vec();
                damaged[at] = byte;
                if damaged != bytes {
                    is_refused(trial, Token::from_bytes(damaged), at)?;
                }
            }
        }
        is_refused(
            trial,
            Token::from_bytes([bytes, b"\0"].concat()),
            bytes.len(),
        )?;
        let text = token.to_string();
        for at in 0..text.len() {
            is_refused(trial, text[..at].parse(), at)?;
            for letter in ["A", "b", "7", "_", "~"] {
                let damaged = [&text[..at], letter, &text[at + 1..]].concat();
                if damaged != text {
                    is_refused(trial, damaged.parse(), at)?;
                }
            }
        }
        Ok(())
    })?;
    Ok(())
}

fn is_refused<H: DurableHarness>(
    trial: &Trial<H>,
    damaged: Result<Token, TokenError>,
    at: usize,
) -> Result<(), HarnessBreach<H>> {
    let Ok(token) = damaged else { return Ok(()) };
    match Walk::new(trial.source()?).resume_token(&token) {
        Err(Error::Token(_)) => Ok(()),
        _ => Err(Breach::new(Flaw::Said("a damaged token is taken"))
            .of(Clause::G10)
            .got(format!("damaged at {at}"))),
    }
}

/// With a key in it, where there is one.
fn some_cursor<S: DurableSource>(source: &mut S, keys: &[S::Key]) -> Cursor<S::Key> {
    let walk = Walk::new(source);
    match keys {
        [first, .., last] => walk.range(first.clone()..=last.clone()),
        _ => walk,
    }
    .items()
    .cursor()
}
