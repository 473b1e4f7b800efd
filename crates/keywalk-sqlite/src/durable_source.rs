//! How cursors of tables and queries are written down.

use std::borrow::Borrow;

use keywalk::{DurableSource, Fingerprint};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::decode::Decode;
use crate::key::bytes;
use crate::share::share;
use crate::{Error, Key, Query, Table};

macro_rules! durable_source {
    ($($relation:ident),+) => {$(
        impl<C: Borrow<Connection>, K: Key, D: Decode> DurableSource for $relation<C, K, D> {
            fn fingerprint(&self) -> Result<Fingerprint, Error> {
                let relation = self.known.relation(|| self.resolve())?;
                Ok(relation.fingerprint())
            }

            fn encode_key(&self, key: &K, encoded: &mut Vec<u8>) {
                for column in 0..key.width() {
                    bytes::write(bytes::lent(&key.bind(column)), encoded);
                }
            }

            fn decode_key(&self, encoded: &[u8]) -> Result<Option<K>, Error> {
                let Some(values) = bytes::read(encoded) else {
                    return Ok(None);
                };
                let columns = self.known.key_columns(|| self.resolve())?;
                Ok(K::from_values(values, &columns))
            }

            fn key_text(&self, key: &K) -> String {
                let columns = (0..key.width()).map(|column| words(bytes::lent(&key.bind(column))));
                let columns: Vec<String> = columns.collect();
                match columns.as_slice() {
                    [column] => column.clone(),
                    columns => format!("({})", columns.join(", ")),
                }
            }

            fn share(&self, first: &K, last: &K, at: &K) -> Option<f64> {
                share(first, last, at)
            }
        }
    )+};
}

durable_source!(Table, Query);

/// As other stores' keys: numbers, text in quotation marks and on one line, bytes in hexadecimal digits.
fn words(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(integer) => integer.to_string(),
        ValueRef::Real(real) => format!("{real:?}"),
        ValueRef::Text(text) => format!("{:?}", String::from_utf8_lossy(text)),
        ValueRef::Blob(blob) => blob.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}
