//! How the kit makes, changes and reads a redb table.

use std::sync::Arc;

use keywalk::{Fingerprint, FingerprintField, ResumableSource};
use keywalk_conformance::{BoxError, Capabilities, Capability, Harness, KeySpace, Writer};
use redb::backends::InMemoryBackend;
use redb::{Database, StorageError, Table, TableDefinition};

use super::source::Items;

const ITEMS: TableDefinition<'_, i64, u64> = TableDefinition::new("items");

/// A database in memory.
#[derive(Clone)]
pub(crate) struct Redb(Arc<Database>);

impl Redb {
    fn write(
        &self,
        change: impl FnOnce(&mut Table<'_, i64, u64>) -> Result<(), StorageError>,
    ) -> Result<(), BoxError> {
        let transaction = self.0.begin_write()?;
        change(&mut transaction.open_table(ITEMS)?)?;
        Ok(transaction.commit()?)
    }
}

impl Harness for Redb {
    type Key = i64;
    type Source<'a> = Items;

    fn open() -> Result<Self, BoxError> {
        let database = Database::builder().create_with_backend(InMemoryBackend::new())?;
        let redb = Redb(Arc::new(database));
        redb.write(|_| Ok(()))?;
        Ok(redb)
    }

    fn capabilities() -> Capabilities {
        Capabilities {
            threads: Capability::Yes,
            reopening: Capability::No("the database is in memory"),
            ..Capabilities::default()
        }
    }

    fn source(&self) -> Result<Items, BoxError> {
        Ok(Items {
            database: Arc::clone(&self.0),
            table: ITEMS,
        })
    }

    fn put(&self, key: &i64, value: u64) -> Result<(), BoxError> {
        self.write(|items| items.insert(key, value).map(drop))
    }

    fn delete(&self, key: &i64) -> Result<(), BoxError> {
        self.write(|items| items.remove(key).map(drop))
    }

    fn value((_, value): &(i64, u64)) -> u64 {
        *value
    }

    fn keys() -> KeySpace<i64> {
        KeySpace::known()
    }

    fn writer(&self) -> Option<Box<dyn Writer<i64>>> {
        Some(Box::new(self.clone()))
    }

    fn foreign_fingerprints(&self) -> Result<Vec<(FingerprintField, Fingerprint)>, BoxError> {
        let another = Items {
            table: TableDefinition::new("another"),
            ..self.source()?
        };
        Ok(vec![(FingerprintField::Relation, another.fingerprint()?)])
    }
}

impl Writer<i64> for Redb {
    fn put(&mut self, key: &i64, value: u64) -> Result<(), BoxError> {
        Harness::put(self, key, value)
    }

    fn delete(&mut self, key: &i64) -> Result<(), BoxError> {
        Harness::delete(self, key)
    }
}

// The name is not `redb`, because a module of that name would hide the crate here.
keywalk_conformance::conformance!(items: Redb, durable, prefetched);
