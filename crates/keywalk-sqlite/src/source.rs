//! How tables and queries answer a walk.

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, LastKey, Source};
use rusqlite::Connection;

use crate::connect::Connect;
use crate::decode::Decode;
use crate::fetcher::Fetcher;
use crate::{Error, ErrorKind, Key, Query, Table};

/// How often one question proves its relation again, because the schema changed meanwhile.
const MOST_CHANGES: u32 = 8;

macro_rules! source {
    ($($relation:ident),+) => {$(
        impl<C: Connect, K: Key, D: Decode> $relation<C, K, D> {
            /// Asks, and asks again where the schema turns out to have changed before the first row.
            fn ask<T>(
                &mut self,
                mut question: impl FnMut(&Connection, &mut Fetcher, &mut D) -> Result<T, Error>,
            ) -> Result<T, Error> {
                let mut changes = 0;
                loop {
                    // What is proven again and asked again is so over one connection.
                    let (db, fetcher, decode) = self.parts(changes > 0)?;
                    if !C::IS_SAME {
                        fetcher.move_on();
                    }
                    match question(&db, fetcher, decode) {
                        Err(error)
                            if error.kind() == ErrorKind::Changed && changes < MOST_CHANGES =>
                        {
                            changes += 1;
                        }
                        answer => return answer,
                    }
                }
            }
        }

        impl<C: Connect, K: Key, D: Decode> Source for $relation<C, K, D> {
            type Key = K;
            type Item = (K, D::Item);
            type Error = Error;
        }

        impl<C: Connect, K: Key, D: Decode> ChunkSource for $relation<C, K, D> {
            fn fetch(
                &mut self,
                range: &KeyRange<K>,
                chunk: &mut Chunk<Self::Item>,
            ) -> Result<Fetched<K>, Error> {
                self.ask(|db, fetcher, decode| fetcher.fetch(db, range, decode, chunk))
            }

            fn last_key(&mut self, range: &KeyRange<K>) -> Result<LastKey<K>, Error> {
                self.ask(|db, fetcher, _| fetcher.last_key(db, range))
            }
        }
    )+};
}

source!(Table, Query);
