//! Harnesses for SQLite, one per combination of key, way to walk, and place of the database.

use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::Ordering::SeqCst;

use keywalk::{Fingerprint, FingerprintField};
use keywalk_conformance::{BoxError, Capabilities, Capability, Faults, Harness, KeySpace, Writer};

mod change;
mod key;
mod nocase;
mod place;
mod recast;
mod way;

pub use key::{SqliteColumn, SqliteKey};
pub use nocase::NoCase;
pub use place::{File, Lent, Mode, Place, Pooled, Probe, Rollback, Turns, Wal};
pub use recast::Recast;
pub use way::{
    ByCollation, Clustered, Counted, Dynamic, Filtered, Indexed, Joined, Nullable, Partial, Plain,
    Rowid, Served, Sparse, Way, Within,
};

/// A table `t` with a key of type `K`, walked in the way `W`, in a database at the place `P`.
pub struct SqliteHarness<K, W, P = Lent> {
    place: P,
    types: PhantomData<fn() -> (K, W)>,
}

impl<K: SqliteKey, W: Way<K>, P: Place> Harness for SqliteHarness<K, W, P> {
    type Key = K;
    type Source<'a> = W::Source<P::Connection<'a>>;

    fn open() -> Result<Self, BoxError> {
        let place = P::open(Probe::new(W::STEPS))?;
        place.changes().execute_batch(&W::schema())?;
        Ok(SqliteHarness {
            place,
            types: PhantomData,
        })
    }

    fn capabilities() -> Capabilities {
        let counting = if W::COUNTS {
            Capability::Yes
        } else {
            Capability::No("SQLite counts the steps of a statement, not the rows that it reads")
        };
        Capabilities {
            counting,
            faults: Capability::Yes,
            ..P::capabilities()
        }
    }

    fn source(&self) -> Result<Self::Source<'_>, BoxError> {
        W::source(self.place.connect()?)
    }

    fn put(&self, key: &K, value: u64) -> Result<(), BoxError> {
        change::put::<K, W>(self.place.changes(), key, value)
    }

    fn put_all(&self, entries: &[(K, u64)]) -> Result<(), BoxError> {
        let transaction = self.place.changes().unchecked_transaction()?;
        let mut entries = entries.iter();
        entries.try_for_each(|(key, value)| self.put(key, *value))?;
        Ok(transaction.commit()?)
    }

    fn delete(&self, key: &K) -> Result<(), BoxError> {
        change::delete::<K, W>(self.place.changes(), key)
    }

    fn value((_, value): &(K, u64)) -> u64 {
        *value
    }

    fn keys() -> KeySpace<K> {
        W::keys()
    }

    fn writer(&self) -> Option<Box<dyn Writer<K>>> {
        let db = self.place.another()?;
        Some(Box::new(change::SqliteWriter::<K, W>(db, PhantomData)))
    }

    fn faults(&self) -> Option<&dyn Faults> {
        Some(&self.place.probe().fuse)
    }

    fn foreign_fingerprints(&self) -> Result<Vec<(FingerprintField, Fingerprint)>, BoxError> {
        W::foreign_fingerprints(self.place.changes())
    }

    fn reopen(self) -> Result<Self, BoxError> {
        Ok(SqliteHarness {
            place: self.place.reopen()?,
            types: PhantomData,
        })
    }

    fn rows_read(&self) -> Option<u64> {
        W::COUNTS.then(|| self.place.probe().seen.load(SeqCst))
    }

    fn with_exclusive_access(&self) -> Result<(), BoxError> {
        self.place.with_exclusive_access()
    }
}

impl<K, W, P> fmt::Debug for SqliteHarness<K, W, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteHarness").finish_non_exhaustive()
    }
}
