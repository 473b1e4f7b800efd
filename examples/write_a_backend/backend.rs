//! A complete backend for redb.

use std::sync::Arc;

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, Order, Source};
use redb::{Database, ReadableDatabase, TableDefinition};

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
