//! Sources that don't say their store's errors, and faults that can't be tried.

use std::sync::Arc;

use keywalk::{Chunk, Fetched, KeyRange};
use keywalk_conformance::Blown;

use super::store::{Quirk, Store};

type Numbers = Chunk<(i64, u64)>;

/// `while let Ok(row)`.
#[derive(Default)]
pub(crate) struct End;

impl Quirk<i64> for End {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        Ok(store.answer(range, chunk).unwrap_or(Fetched::End))
    }
}

/// What was read so far is handed out; the error may come with the next fetch, or not at all.
#[derive(Default)]
pub(crate) struct Half;

impl Quirk<i64> for Half {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        match store.answer(range, chunk) {
            Err(_) if !chunk.is_empty() => Ok(Fetched::More),
            answer => answer,
        }
    }
}

/// What was read so far is handed out, and the error is said by the next fetch.
#[derive(Default)]
pub(crate) struct Late(Option<Blown>);

impl Quirk<i64> for Late {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        if let Some(error) = self.0.take() {
            return Err(error);
        }
        let answer = store.answer(range, chunk);
        if answer.is_err() && !chunk.is_empty() {
            self.0 = answer.err();
            return Ok(Fetched::More);
        }
        answer
    }
}

/// After an error there is nothing any more.
#[derive(Default)]
pub(crate) struct Dead(bool);

impl Quirk<i64> for Dead {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        if self.0 {
            return Ok(Fetched::End);
        }
        let answer = store.answer(range, chunk);
        self.0 = answer.is_err();
        answer
    }
}

/// A fetch that failed is tried again into the same chunk.
#[derive(Default)]
pub(crate) struct Again;

impl Quirk<i64> for Again {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        store
            .answer(range, chunk)
            .or_else(|_| store.answer(range, chunk))
    }
}

/// A fetch has more operations than anybody could fail one by one.
#[derive(Default)]
pub(crate) struct TooFine;

impl Quirk<i64> for TooFine {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        for _ in 0..4_000 {
            store.fuse.operation()?;
        }
        store.answer(range, chunk)
    }
}
