//! Sources that don't say their store's errors.

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
