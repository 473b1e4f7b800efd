//! How tables and queries answer a walk.

use std::borrow::Borrow;

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, LastKey};
use rusqlite::Connection;

use crate::decode::Decode;
use crate::{Error, Key, Query, Table};

macro_rules! source {
    ($($relation:ident),+) => {$(
        impl<C: Borrow<Connection>, K: Key, D: Decode> ChunkSource for $relation<C, K, D> {
            type Key = K;
            type Item = (K, D::Item);
            type Error = Error;

            fn fetch(
                &mut self,
                range: &KeyRange<K>,
                chunk: &mut Chunk<Self::Item>,
            ) -> Result<Fetched<K>, Error> {
                let (db, fetcher, decode) = self.parts()?;
                fetcher.fetch(db, range, decode, chunk)
            }

            fn key_of(&self, (key, _): &Self::Item) -> K {
                key.clone()
            }

            fn key_into(&self, (item_key, _): &Self::Item, key: &mut K) {
                key.copy_from(item_key);
            }

            fn last_key(&mut self, range: &KeyRange<K>) -> Result<LastKey<K>, Error> {
                let (db, fetcher, _) = self.parts()?;
                fetcher.last_key(db, range)
            }
        }
    )+};
}

source!(Table, Query);
