//! A client that executes SQL statements: rusqlite.

use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError};

use keywalk::{Chunk, ChunkSource, Fetched, Fingerprint, KeyRange, Order, ResumableSource, Source};
use keywalk_bytes::Key;
use rusqlite::{Connection, Error, ToSql};

/// The columns of the key. Their order is the table's: `PRIMARY KEY (tenant, name)`.
pub(crate) type TenantName = (i64, String);

/// The rows of a table by `(tenant, name)`.
pub(crate) struct Rows {
    pub(crate) client: Arc<Mutex<Connection>>,
    pub(crate) table: String,
}

impl Source for Rows {
    type Key = TenantName;
    type Item = (TenantName, i64);
    type Error = Error;
}

impl ChunkSource for Rows {
    fn fetch(
        &mut self,
        range: &KeyRange<TenantName>,
        chunk: &mut Chunk<(TenantName, i64)>,
    ) -> Result<Fetched<TenantName>, Error> {
        let mut sql = format!("SELECT tenant, name, value FROM {} WHERE TRUE", self.table);
        let mut parameters: Vec<&dyn ToSql> = Vec::new();
        let bounds = [(range.lower(), '>'), (range.upper(), '<')];
        for (bound, compare) in bounds {
            let (key, equal) = match bound {
                Bound::Unbounded => continue,
                Bound::Included(key) => (key, "="),
                Bound::Excluded(key) => (key, ""),
            };
            sql += &format!(" AND (tenant, name) {compare}{equal} (?, ?)");
            parameters.extend([&key.0 as &dyn ToSql, &key.1]);
        }
        let order = match range.order() {
            Order::Ascending => "ASC",
            Order::Descending => "DESC",
        };
        sql += &format!(" ORDER BY tenant {order}, name {order} LIMIT ?");
        // A limit may be `usize::MAX`.
        let limit = i64::try_from(chunk.limit()).unwrap_or(i64::MAX);
        parameters.push(&limit);

        let client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        let mut statement = client.prepare_cached(&sql)?;
        let mut rows = statement.query(&*parameters)?;
        while !chunk.is_full() {
            match rows.next()? {
                Some(row) => chunk.push(((row.get(0)?, row.get(1)?), row.get(2)?)),
                None => return Ok(Fetched::End),
            }
        }
        Ok(Fetched::More)
    }
}

impl ResumableSource for Rows {
    fn fingerprint(&self) -> Result<Fingerprint, Error> {
        let fingerprint = Fingerprint::new("sql").relation(&self.table);
        let key = format!("tenant, name: {}", TenantName::encoding_name());
        Ok(fingerprint.key(key))
    }

    fn encode_key(&self, key: &TenantName, bytes: &mut Vec<u8>) {
        key.encode(bytes);
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<TenantName>, Error> {
        Ok(Key::decode(bytes).ok())
    }
}
