//! Which tokens a source takes.

use std::cell::Cell;

use keywalk::{Chunk, ChunkSource, Cursor, DurableSource, Error, Fetched, Fingerprint, KeyRange};
use keywalk::{Order, Token, TokenError, Walk};

use super::resume::failed;
use crate::meanwhile::left_to;
use crate::{Breach, Checked, Clause, DurableHarness, Lab, Source, Stop, Tried, refused};

/// Of every source over a store, at every time.
pub(super) fn the_fingerprint_stays_the_same<H: DurableHarness>(lab: &Lab<H>) -> Checked {
    lab.attempt_with(&lab.some_keys(6), &|trial, keys| {
        let mut source = trial.source()?;
        let first = First::of::<H>(&mut source)?;
        first.is_that_of::<H>(&source, "asked again")?;
        first.is_that_of::<H>(&trial.source()?, "of another source")?;
        let all = KeyRange::all(Order::Ascending);
        trial.ask(&mut source, &all, &mut Chunk::with_limit(2))?;
        first.is_that_of::<H>(&source, "after a fetch")?;
        if lab.can.mutation.is_yes() {
            trial.put_all(keys)?;
            let mut others = keys.iter().step_by(2);
            others.try_for_each(|key| trial.delete(key))?;
            first.is_that_of::<H>(&source, "after changes")?;
        }
        first.is_that_of::<H>(&trial.source()?, "of a later source")?;
        drop(source);
        if lab.can.reopening.is_yes() {
            trial.reopen()?;
            first.is_that_of::<H>(&trial.source()?, "after reopening")?;
        }
        Ok(())
    })
}

/// A fingerprint, and a token with it, to compare others with.
struct First {
    fingerprint: Fingerprint,
    token: Token,
}

impl First {
    fn of<H: DurableHarness>(source: &mut Source<'_, H>) -> Tried<H, Self> {
        let cursor = some_cursor(source, &[]);
        let fingerprint = source.fingerprint().map_err(|error| failed(&error))?;
        let token = Token::new(&cursor, source).map_err(|error| failed(&error))?;
        Ok(First { fingerprint, token })
    }

    fn is_that_of<H: DurableHarness>(&self, source: &Source<'_, H>, when: &str) -> Tried<H> {
        let now = source.fingerprint().map_err(|error| failed(&error))?;
        let Err(TokenError::Source { aspect, .. }) = self.token.check(&now) else {
            return Ok(());
        };
        let (first, now) = (self.fingerprint.text(aspect), now.text(aspect));
        let value = match first == now {
            true => " with another value",
            false => "",
        };
        Err(Breach::said(Clause::G10, "the fingerprint changes")
            .expected(format!("{aspect} {first:?}"))
            .got(format!("{now:?}{value}, {when}"))
            .hint("does it say more than what decides which keys are walked, in which order?"))
    }
}

pub(super) fn a_token_of_a_stranger_is_refused<H: DurableHarness>(lab: &Lab<H>) -> Checked {
    let count = Cell::new(0);
    lab.attempt_with(&lab.some_keys(3), &|trial, keys| {
        let strangers = trial.harness()?.strangers().map_err(refused)?;
        count.set(strangers.len());
        for (aspect, stranger) in strangers {
            let mut source = trial.source()?;
            let cursor = some_cursor(&mut source, keys);
            let token = Token::new(&cursor, &Forged(&source, Some(stranger.clone()), None));
            let token = token.map_err(|error| failed(&error))?;
            let reads = trial.harness()?.reads();
            let walk = Walk::new(source).resume_token(&token);
            let said = |what| {
                let text = stranger.text(aspect);
                let differs = format!("refused: of another {aspect}, {text:?}");
                Breach::said(Clause::G10, what).expected(differs)
            };
            let breach = match walk {
                Err(Error::Token(TokenError::Source { aspect: told, .. })) if told == aspect => {
                    if reads == trial.harness()?.reads() {
                        continue;
                    }
                    said("items were read before a token was refused").got("reads")
                }
                Err(Error::Token(TokenError::Source { aspect: told, .. })) => {
                    said("a stranger is told by another aspect")
                        .got(format!("of another {told}"))
                        .hint("the first that differs counts: store, table or query, key, filter")
                }
                Err(error) => {
                    said("a stranger's token is refused otherwise").got(format!("{error:?}"))
                }
                Ok(_) => said("a token of another source is taken").got("a walk").hint(
                    "does the fingerprint say all that decides which keys are walked, in which order?",
                ),
            };
            return Err(breach);
        }
        Ok(())
    })?;
    match count.get() {
        0 => Err(Stop::Skipped("the harness tells of no strangers")),
        _ => Ok(()),
    }
}

/// With a key in it, where there is one.
fn some_cursor<S: DurableSource>(source: &mut S, keys: &[S::Key]) -> Cursor<S::Key> {
    let walk = Walk::new(source);
    match keys {
        [first, .., last] => walk.range(first.clone()..=last.clone()).cursor(),
        _ => walk.cursor(),
    }
}

/// A source as another one writes its tokens: under this fingerprint, and with these bytes for every key, where
/// there are any.
pub(super) struct Forged<'s, S>(
    pub(super) &'s S,
    pub(super) Option<Fingerprint>,
    pub(super) Option<&'s [u8]>,
);

/// For what it is a source of, and never asked.
impl<S: ChunkSource> ChunkSource for Forged<'_, S> {
    left_to!(0: keys);

    fn fetch(
        &mut self,
        _: &KeyRange<S::Key>,
        _: &mut Chunk<S::Item>,
    ) -> Result<Fetched<S::Key>, S::Error> {
        Ok(Fetched::End)
    }
}

impl<S: DurableSource> DurableSource for Forged<'_, S> {
    fn fingerprint(&self) -> Result<Fingerprint, S::Error> {
        let forged = self.1.clone().map(Ok);
        forged.unwrap_or_else(|| self.0.fingerprint())
    }

    fn encode_key(&self, key: &S::Key, bytes: &mut Vec<u8>) {
        match self.2 {
            Some(forged) => bytes.extend_from_slice(forged),
            None => self.0.encode_key(key, bytes),
        }
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<S::Key>, S::Error> {
        self.0.decode_key(bytes)
    }
}
