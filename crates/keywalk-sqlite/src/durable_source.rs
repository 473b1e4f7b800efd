//! How cursors of tables and queries are written down.

use keywalk::{Fingerprint, ResumableSource};

use crate::connect::{Connect, lend};
use crate::decode::Decode;
use crate::key::bytes;
use crate::share::share;
use crate::value::key_text;
use crate::{Error, Key, Query, Table};

macro_rules! resumable_source {
    ($($relation:ident),+) => {$(
        impl<C: Connect, K: Key, D: Decode> ResumableSource for $relation<C, K, D> {
            fn fingerprint(&self) -> Result<Fingerprint, Error> {
                let relation = self.known.relation(|| self.resolve(&*lend(&self.db)?))?;
                Ok(relation.fingerprint())
            }

            fn encode_key(&self, key: &K, encoded: &mut Vec<u8>) {
                for column in 0..key.width() {
                    bytes::write(bytes::lent(&key.bind_column(column)), encoded);
                }
            }

            fn decode_key(&self, encoded: &[u8]) -> Result<Option<K>, Error> {
                let columns = self.known.key_columns(|| self.resolve(&*lend(&self.db)?))?;
                let values = bytes::read(encoded, columns.names.len());
                Ok(values.and_then(|values| K::from_values(values, &columns)))
            }

            /// As SQL writes it: `7`, `'a name'`, `(5, x'00ff')`; what a terminal wouldn't show is escaped,
            /// and more than 120 characters or 60 bytes are cut.
            fn key_text(&self, key: &K) -> String {
                let literal = |column| key_text(bytes::lent(&key.bind_column(column)));
                match key.width() {
                    1 => literal(0),
                    width => format!("({})", (0..width).map(literal).collect::<Vec<_>>().join(", ")),
                }
            }

            fn share(&self, first: &K, last: &K, at: &K) -> Option<f64> {
                share(first, last, at)
            }
        }
    )+};
}

resumable_source!(Table, Query);
