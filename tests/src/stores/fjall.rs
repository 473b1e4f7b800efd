//! Harnesses for fjall, one per key type: live, and in a snapshot.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::mem;

use fjall::{Database, Keyspace, KeyspaceCreateOptions};
use keywalk::{Fingerprint, FingerprintField, ResumableSource};
use keywalk_conformance::{
    BoxError, Capabilities, Capability, FaultInjector, Faults, Harness, KeySpace, KnownKey, Writer,
};
use keywalk_fjall::decode::Mapped;
use keywalk_fjall::{FjallKeyspace, Key, Tree};
use tempfile::TempDir;

/// A keyspace walked by keys of type `K`, in a snapshot or live. Its database is made for it, or used again.
pub struct FjallHarness<K, const SNAPSHOT: bool = false> {
    place: Option<Place>,
    fuse: FaultInjector,
    key: PhantomData<fn() -> K>,
}

/// A harness that walks a snapshot.
pub type FjallSnapshotHarness<K> = FjallHarness<K, true>;

/// A database with one keyspace. The fields are dropped in this order.
struct Place {
    keyspace: Keyspace,
    db: Database,
    folder: TempDir,
}

impl Place {
    fn at(folder: TempDir) -> Result<Self, fjall::Error> {
        let db = Database::builder(folder.path()).worker_threads(1).open()?;
        Ok(Place {
            keyspace: db.keyspace("items", KeyspaceCreateOptions::default)?,
            db,
            folder,
        })
    }
}

thread_local! {
    /// Databases that are emptied and used again, because making one takes fjall a long time. Those of a test's thread
    /// are removed when it ends.
    static IDLE: RefCell<Vec<Place>> = const { RefCell::new(Vec::new()) };
}

impl<K, const SNAPSHOT: bool> FjallHarness<K, SNAPSHOT> {
    fn at(place: Place, fuse: FaultInjector) -> Self {
        FjallHarness {
            place: Some(place),
            fuse,
            key: PhantomData,
        }
    }

    fn place(&self) -> Result<&Place, &'static str> {
        self.place.as_ref().ok_or("it was reopened")
    }
}

impl<K, const SNAPSHOT: bool> Drop for FjallHarness<K, SNAPSHOT> {
    fn drop(&mut self) {
        if let Some(place) = self.place.take()
            && place.keyspace.clear().is_ok()
        {
            // When the thread ends, there is no list any more.
            let _ = IDLE.try_with(|idle| idle.borrow_mut().push(place));
        }
    }
}

type Decoder = Box<dyn FnMut(&[u8]) -> Result<u64, Box<dyn Error + Send + Sync>> + Send>;

impl<K, const SNAPSHOT: bool> Harness for FjallHarness<K, SNAPSHOT>
where
    K: Key + KnownKey + fmt::Debug + Send,
{
    type Key = K;
    type Source<'a> = Tree<K, Mapped<Decoder>>;

    fn open() -> Result<Self, BoxError> {
        let idle = IDLE.with(|idle| idle.borrow_mut().pop());
        let place = match idle {
            Some(place) => place,
            None => Place::at(tempfile::tempdir()?)?,
        };
        Ok(Self::at(place, FaultInjector::default()))
    }

    fn capabilities() -> Capabilities {
        Capabilities {
            snapshot: match SNAPSHOT {
                true => Capability::Yes,
                false => Capability::No("fjall's ranges see later writes"),
            },
            threads: Capability::Yes,
            // Each read of a value counts as an operation. fjall's files can't be made to fail from outside.
            faults: match SNAPSHOT {
                true => Capability::No("it is taken before the kit puts the keys of these checks"),
                false => Capability::Yes,
            },
            reopening: Capability::Yes,
            counting: Capability::No("fjall doesn't count its reads"),
            ..Capabilities::default()
        }
    }

    fn source(&self) -> Result<Self::Source<'_>, BoxError> {
        let fuse = self.fuse.clone();
        let decode = move |value: &[u8]| {
            fuse.operation()?;
            Ok(u64::from_be_bytes(value.try_into()?))
        };
        let Place { keyspace, db, .. } = self.place()?;
        let keyspace = match SNAPSHOT {
            true => FjallKeyspace::in_snapshot(keyspace.clone(), db.snapshot()),
            false => keyspace.clone().into(),
        };
        Ok(Tree::new(keyspace).map(Box::new(decode) as Decoder))
    }

    fn put(&self, key: &K, value: u64) -> Result<(), BoxError> {
        KeyspaceWriter(self.place()?.keyspace.clone()).put(key, value)
    }

    fn delete(&self, key: &K) -> Result<(), BoxError> {
        KeyspaceWriter(self.place()?.keyspace.clone()).delete(key)
    }

    fn value((_, value): &(K, u64)) -> u64 {
        *value
    }

    fn keys() -> KeySpace<K> {
        // fjall panics over an empty key.
        KeySpace::known().filter(|key: &K| !key.to_bytes().is_empty())
    }

    fn writer(&self) -> Option<Box<dyn Writer<K>>> {
        let place = self.place.as_ref()?;
        Some(Box::new(KeyspaceWriter(place.keyspace.clone())))
    }

    fn faults(&self) -> Option<&dyn Faults> {
        (!SNAPSHOT).then_some(&self.fuse as &dyn Faults)
    }

    fn foreign_fingerprints(&self) -> Result<Vec<(FingerprintField, Fingerprint)>, BoxError> {
        let Place { keyspace, db, .. } = self.place()?;
        let another = db.keyspace("another", KeyspaceCreateOptions::default)?;
        // No harness has keys of this type.
        let by_another_key = Tree::<(u8, Reverse<u8>)>::new(keyspace.clone());
        Ok(vec![
            (
                FingerprintField::Relation,
                Tree::<K>::new(another).fingerprint()?,
            ),
            (FingerprintField::Key, by_another_key.fingerprint()?),
        ])
    }

    fn reopen(mut self) -> Result<Self, BoxError> {
        let Place {
            keyspace,
            db,
            folder,
        } = self.place.take().ok_or("it was reopened")?;
        // The folder stays locked as long as a handle lives.
        drop((keyspace, db));
        let fuse = mem::take(&mut self.fuse);
        Ok(Self::at(Place::at(folder)?, fuse))
    }
}

struct KeyspaceWriter(Keyspace);

impl<K: Key> Writer<K> for KeyspaceWriter {
    fn put(&mut self, key: &K, value: u64) -> Result<(), BoxError> {
        Ok(self.0.insert(key.to_bytes(), value.to_be_bytes())?)
    }

    fn delete(&mut self, key: &K) -> Result<(), BoxError> {
        Ok(self.0.remove(key.to_bytes())?)
    }
}

impl<K, const SNAPSHOT: bool> fmt::Debug for FjallHarness<K, SNAPSHOT> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FjallHarness").finish_non_exhaustive()
    }
}
