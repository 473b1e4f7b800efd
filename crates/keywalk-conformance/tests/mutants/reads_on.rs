//! A source that gets nowhere, read on for its last key.

use std::sync::Arc;

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, LastKey};
use keywalk_conformance::{Blown, ReadsOn};

use super::position::Ignored;
use super::store::{Quirk, Source, Store};

type Numbers = Chunk<(i64, u64)>;

/// Every page is the first one, and there is always more, or always as much scanned.
#[derive(Default)]
pub(crate) struct FirstPage<const SCANS: bool>;

impl<const SCANS: bool> Quirk<i64> for FirstPage<SCANS> {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        Ignored.fetch(store, range, chunk)?;
        Ok(match chunk.as_slice() {
            [] => Fetched::End,
            [.., (key, _)] if SCANS => Fetched::ScannedTo(*key),
            _ => Fetched::More,
        })
    }

    fn last_key(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
    ) -> Result<LastKey<i64>, Blown> {
        let store = Arc::clone(store);
        let quirk = FirstPage::<SCANS>;
        ReadsOn(Source { store, quirk }).last_key(range)
    }
}
