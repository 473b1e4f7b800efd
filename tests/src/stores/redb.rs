//! Harnesses for redb: tables of bytes, typed tables and snapshots, by key type.

use std::cmp::Reverse;
use std::error::Error;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::sync::{Arc, PoisonError, RwLock};

use keywalk::{ChunkSource, Fingerprint, FingerprintField, ResumableSource, Source};
use keywalk_conformance::{
    BoxError, Capabilities, Capability, FaultInjector, Faults, Harness, KeySpace, KnownKey, Writer,
};
use keywalk_redb::{Encoded, Key, Snapshot, Table, Tree, TypedTable};
use redb::backends::InMemoryBackend;
use redb::{
    CacheStats, Database, ReadTransaction, ReadableDatabase, StorageBackend, StorageError,
    TableDefinition, TransactionError,
};

use super::ByCopy;

/// How a table is walked.
pub trait Way: Sized + 'static {
    /// The walk's key.
    type Key: Ord + Clone + fmt::Debug + Send + 'static;
    /// The source.
    type Source: ChunkSource
        + ResumableSource
        + Source<Key = Self::Key, Item = (Self::Key, u64), Error = keywalk_redb::Error<redb::Error>>
        + Send
        + 'static;
    /// Whether it reads a snapshot.
    const SNAPSHOT: Capability = Capability::No("each fetch has a read transaction of its own");

    /// Does the same as [`Harness::keys`].
    fn keys() -> KeySpace<Self::Key>;
    /// Does the same as [`Harness::source`], over a table of this name.
    fn source(db: &Arc<Shared>, table: &str) -> Result<Self::Source, BoxError>;
    /// Returns the fingerprint of a source over the same table by another key.
    fn by_another_key(db: &Arc<Shared>) -> Result<Fingerprint, BoxError>;
    /// Puts or deletes the key.
    fn write(tx: &redb::WriteTransaction, key: &Self::Key, value: Option<u64>) -> Written;
}

type Written = Result<(), redb::Error>;

/// A table of bytes, by keys of keywalk's.
#[derive(Debug)]
pub struct Bytes<K>(PhantomData<K>);

/// A snapshot of a table of bytes.
#[derive(Debug)]
pub struct Snapshots<K>(PhantomData<K>);

/// A table of redb's own types.
#[derive(Debug)]
pub struct Typed<K>(PhantomData<K>);

type Fallible = Result<u64, Box<dyn Error + Send + Sync>>;
type Decoder = Box<dyn FnMut(&[u8]) -> Fallible + Send>;
type Mapped = keywalk_bytes::decode::Mapped<Decoder>;
type TypedDecoder<K> = Box<dyn FnMut(<K as redb::Value>::SelfType<'_>, u64) -> Fallible + Send>;

const ITEMS: &str = "items";

fn bytes(table: &str) -> TableDefinition<'_, &'static [u8], &'static [u8]> {
    TableDefinition::new(table)
}

/// Each value read counts as an operation, and so does each transaction that a fetch begins.
fn decoder(fuse: FaultInjector) -> Decoder {
    Box::new(move |value| {
        fuse.operation()?;
        Ok(u64::from_be_bytes(value.try_into()?))
    })
}

impl<K: Key + fmt::Debug + Send + KnownKey> Way for Bytes<K> {
    type Key = K;
    type Source = Tree<K, Arc<Shared>, Mapped>;

    fn keys() -> KeySpace<K> {
        KeySpace::known()
    }

    fn source(db: &Arc<Shared>, table: &str) -> Result<Self::Source, BoxError> {
        let table = Table::new(Arc::clone(db), bytes(table));
        Ok(Tree::new(table).map(decoder(db.fuse.clone())))
    }

    fn by_another_key(db: &Arc<Shared>) -> Result<Fingerprint, BoxError> {
        let table = Table::new(Arc::clone(db), bytes(ITEMS));
        // No harness has keys of this type.
        Ok(Tree::<(u8, Reverse<u8>), _>::new(table).fingerprint()?)
    }

    fn write(tx: &redb::WriteTransaction, key: &K, value: Option<u64>) -> Written {
        let mut table = tx.open_table(bytes(ITEMS))?;
        match value {
            Some(value) => table.insert(&*key.to_bytes(), &value.to_be_bytes()[..])?,
            None => table.remove(&*key.to_bytes())?,
        };
        Ok(())
    }
}

impl<K: Key + fmt::Debug + Send + KnownKey> Way for Snapshots<K> {
    type Key = K;
    type Source = Tree<K, Snapshot, Mapped>;
    const SNAPSHOT: Capability = Capability::Yes;

    fn keys() -> KeySpace<K> {
        KeySpace::known()
    }

    fn source(db: &Arc<Shared>, table: &str) -> Result<Self::Source, BoxError> {
        let snapshot = Snapshot::from(db.open(|db| db.begin_read())??);
        let table = Table::new(snapshot, bytes(table));
        Ok(Tree::new(table).map(decoder(db.fuse.clone())))
    }

    fn by_another_key(db: &Arc<Shared>) -> Result<Fingerprint, BoxError> {
        Bytes::<K>::by_another_key(db)
    }

    fn write(tx: &redb::WriteTransaction, key: &K, value: Option<u64>) -> Written {
        Bytes::write(tx, key, value)
    }
}

/// A key type of redb's, and keys to test it with.
pub trait TypedKey: redb::Key + Sized + 'static {
    /// Does the same as [`Harness::keys`].
    fn keys() -> KeySpace<Encoded<Self>>;
}

impl TypedKey for i64 {
    fn keys() -> KeySpace<Encoded<i64>> {
        KeySpace::known().map(Encoded::new)
    }
}

impl TypedKey for (&'static str, i64) {
    fn keys() -> KeySpace<Encoded<Self>> {
        KeySpace::known().map(|(text, number): (String, i64)| Encoded::new((&*text, number)))
    }
}

impl<K: TypedKey> Way for Typed<K> {
    type Key = Encoded<K>;
    type Source = TypedTable<K, u64, Arc<Shared>, keywalk_redb::typed::Mapped<TypedDecoder<K>>>;

    fn keys() -> KeySpace<Encoded<K>> {
        K::keys()
    }

    fn source(db: &Arc<Shared>, table: &str) -> Result<Self::Source, BoxError> {
        let table = TypedTable::new(Arc::clone(db), TableDefinition::new(table));
        let fuse = db.fuse.clone();
        let decode = move |_: K::SelfType<'_>, value| {
            fuse.operation()?;
            Ok(value)
        };
        Ok(table.map(Box::new(decode) as TypedDecoder<K>))
    }

    fn by_another_key(db: &Arc<Shared>) -> Result<Fingerprint, BoxError> {
        let table = TableDefinition::<u8, u64>::new(ITEMS);
        Ok(TypedTable::new(Arc::clone(db), table).fingerprint()?)
    }

    fn write(tx: &redb::WriteTransaction, key: &Encoded<K>, value: Option<u64>) -> Written {
        let mut table = tx.open_table(TableDefinition::<K, u64>::new(ITEMS))?;
        match value {
            Some(value) => table.insert(key.get(), value)?,
            None => table.remove(key.get())?,
        };
        Ok(())
    }
}

/// A database in memory. It is behind a lock, so that it can be compacted while sources refer to it.
#[derive(Debug)]
pub struct Shared {
    db: RwLock<Option<Database>>,
    disk: Disk,
    fuse: FaultInjector,
}

/// What is left of a database in memory when it is closed.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<InMemoryBackend>);

impl Shared {
    fn at(disk: Disk, fuse: FaultInjector) -> Result<Self, BoxError> {
        let db = Database::builder().create_with_backend(disk.clone())?;
        let db = RwLock::new(Some(db));
        Ok(Shared { db, disk, fuse })
    }

    fn open<T>(&self, read: impl FnOnce(&Database) -> T) -> Result<T, &'static str> {
        let db = self.db.read().unwrap_or_else(PoisonError::into_inner);
        Ok(read(db.as_ref().ok_or("the database was reopened")?))
    }
}

impl ReadableDatabase for Shared {
    fn begin_read(&self) -> Result<ReadTransaction, TransactionError> {
        self.fuse.operation().map_err(failed)?;
        self.open(Database::begin_read).map_err(failed)?
    }

    fn cache_stats(&self) -> CacheStats {
        let stats = self.open(Database::cache_stats);
        stats.unwrap_or_else(|closed| panic!("{closed}"))
    }
}

fn failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> StorageError {
    StorageError::Io(io::Error::other(error))
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }
}

/// A table in a database of its own.
pub struct RedbHarness<W> {
    db: Arc<Shared>,
    way: PhantomData<fn() -> W>,
}

impl<W: Way> RedbHarness<W> {
    fn write(&self, key: &W::Key, value: Option<u64>) -> Result<(), BoxError> {
        let tx = self.db.open(Database::begin_write)??;
        W::write(&tx, key, value)?;
        Ok(tx.commit()?)
    }
}

impl<W: Way> Harness for RedbHarness<W> {
    type Key = W::Key;
    type Source<'a> = W::Source;

    fn open() -> Result<Self, BoxError> {
        let db = Arc::new(Shared::at(Disk::default(), FaultInjector::default())?);
        let way = PhantomData;
        let harness = RedbHarness { db, way };
        // A table that was never written to doesn't exist.
        if let Some(key) = W::keys().ladder().first() {
            harness.write(key, None)?;
        }
        Ok(harness)
    }

    fn capabilities() -> Capabilities {
        Capabilities {
            snapshot: W::SNAPSHOT,
            threads: Capability::Yes,
            faults: match W::SNAPSHOT {
                Capability::Yes => {
                    Capability::No("it is taken before the kit puts the keys of these checks")
                }
                Capability::No(_) => Capability::Yes,
            },
            reopening: Capability::Yes,
            counting: Capability::No("redb doesn't count its reads"),
            ..Capabilities::default()
        }
    }

    fn source(&self) -> Result<W::Source, BoxError> {
        W::source(&self.db, ITEMS)
    }

    fn put(&self, key: &W::Key, value: u64) -> Result<(), BoxError> {
        self.write(key, Some(value))
    }

    fn delete(&self, key: &W::Key) -> Result<(), BoxError> {
        self.write(key, None)
    }

    fn value((_, value): &(W::Key, u64)) -> u64 {
        *value
    }

    fn keys() -> KeySpace<W::Key> {
        W::keys()
    }

    fn writer(&self) -> Option<Box<dyn Writer<W::Key>>> {
        Some(Box::new(ByCopy(self.clone())))
    }

    fn faults(&self) -> Option<&dyn Faults> {
        (!W::SNAPSHOT.is_yes()).then_some(&self.db.fuse as &dyn Faults)
    }

    /// Compacts the database, which fails while a read transaction is open. A snapshot is one.
    fn with_exclusive_access(&self) -> Result<(), BoxError> {
        let mut db = self.db.db.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(db) = &mut *db
            && !W::SNAPSHOT.is_yes()
        {
            db.compact()?;
        }
        Ok(())
    }

    fn foreign_fingerprints(&self) -> Result<Vec<(FingerprintField, Fingerprint)>, BoxError> {
        let another = W::source(&self.db, "another")?.fingerprint()?;
        Ok(vec![
            (FingerprintField::Relation, another),
            (FingerprintField::Key, W::by_another_key(&self.db)?),
        ])
    }

    fn reopen(self) -> Result<Self, BoxError> {
        let mut db = self.db.db.write().unwrap_or_else(PoisonError::into_inner);
        drop(db.take());
        let db = Shared::at(self.db.disk.clone(), self.db.fuse.clone())?;
        let (db, way) = (Arc::new(db), PhantomData);
        Ok(RedbHarness { db, way })
    }
}

impl<W> Clone for RedbHarness<W> {
    fn clone(&self) -> Self {
        let (db, way) = (Arc::clone(&self.db), PhantomData);
        RedbHarness { db, way }
    }
}

impl<W> fmt::Debug for RedbHarness<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbHarness").finish_non_exhaustive()
    }
}
