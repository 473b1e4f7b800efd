//! A store with an iterator of its own: redb, with typed keys.

use std::sync::Arc;

use keywalk::{Chunk, ChunkSource, Fetched, Fingerprint, KeyRange, Order, ResumableSource, Source};
use keywalk_bytes::Key;
use redb::{Database, ReadableDatabase, TableDefinition, TableHandle};

/// The items of a table, by key.
pub(crate) struct Items {
    pub(crate) database: Arc<Database>,
    pub(crate) table: TableDefinition<'static, i64, u64>,
}

impl Source for Items {
    type Key = i64;
    type Item = (i64, u64);
    type Error = redb::Error;
}

impl ChunkSource for Items {
    fn fetch(
        &mut self,
        range: &KeyRange<i64>,
        chunk: &mut Chunk<(i64, u64)>,
    ) -> Result<Fetched<i64>, redb::Error> {
        // The transaction ends when `fetch` returns, so nothing is held between two fetches.
        let table = self.database.begin_read()?.open_table(self.table)?;
        let mut entries = table.range::<&i64>((range.lower(), range.upper()))?;
        while !chunk.is_full() {
            let next = match range.order() {
                Order::Ascending => entries.next(),
                Order::Descending => entries.next_back(),
            };
            match next.transpose()? {
                Some((key, value)) => chunk.push((key.value(), value.value())),
                None => return Ok(Fetched::End),
            }
        }
        Ok(Fetched::More)
    }
}

impl ResumableSource for Items {
    fn fingerprint(&self) -> Result<Fingerprint, redb::Error> {
        let fingerprint = Fingerprint::new("redb").relation(self.table.name());
        Ok(fingerprint.key(i64::encoding_name()))
    }

    fn encode_key(&self, key: &i64, bytes: &mut Vec<u8>) {
        key.encode(bytes);
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<i64>, redb::Error> {
        Ok(i64::decode(bytes).ok())
    }

    fn fraction(&self, first: &i64, last: &i64, at: &i64) -> Option<f64> {
        Key::fraction(first, last, at)
    }
}
