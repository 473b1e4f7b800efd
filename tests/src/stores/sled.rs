//! Harnesses for sled, one per key type.

use std::cmp::Reverse;
use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock};

use keywalk::{Fingerprint, FingerprintField, ResumableSource};
use keywalk_conformance::{
    BoxError, Capabilities, Capability, FaultInjector, Faults, Harness, KeySpace, KnownKey, Writer,
};
use keywalk_sled::decode::Mapped;
use keywalk_sled::{Key, Tree};
use sled::Db;
use tempfile::TempDir;

#[path = "../../../crates/keywalk-sled/tests/support/reopened.rs"]
mod reopened;

use reopened::reopened;

/// A tree walked by keys of type `K`. It is in a shared database that stays open, or in a database of its own.
pub struct SledHarness<K, const OWN: bool = false> {
    db: Db,
    tree: sled::Tree,
    // The folder of its own database.
    folder: Option<TempDir>,
    _idle: Option<Idle>,
    fuse: FaultInjector,
    key: PhantomData<fn() -> K>,
}

/// A harness with a database of its own.
pub type OwnSledHarness<K> = SledHarness<K, true>;

fn shared() -> Result<Db, sled::Error> {
    static DB: OnceLock<Result<Db, sled::Error>> = OnceLock::new();
    DB.get_or_init(|| sled::Config::new().temporary(true).open())
        .clone()
}

/// An emptied tree of the shared database that harnesses reuse, because making one takes sled a long time.
struct Idle(sled::Tree);

static IDLE: Mutex<Vec<sled::Tree>> = Mutex::new(Vec::new());

impl Idle {
    fn take() -> Result<Self, BoxError> {
        static TREES: AtomicU64 = AtomicU64::new(0);
        let idle = IDLE.lock().map_err(|error| error.to_string())?.pop();
        Ok(Idle(match idle {
            Some(tree) => tree,
            None => shared()?.open_tree(TREES.fetch_add(1, Relaxed).to_be_bytes())?,
        }))
    }
}

/// Returns the tree for reuse, if it can be emptied.
impl Drop for Idle {
    fn drop(&mut self) {
        if self.0.clear().is_ok()
            && let Ok(mut idle) = IDLE.lock()
        {
            idle.push(self.0.clone());
        }
    }
}

impl<K, const OWN: bool> SledHarness<K, OWN> {
    fn at(folder: TempDir, fuse: FaultInjector) -> Result<Self, BoxError> {
        let db = reopened(|| sled::open(folder.path()))?;
        Ok(SledHarness {
            tree: db.open_tree("items")?,
            db,
            folder: Some(folder),
            _idle: None,
            fuse,
            key: PhantomData,
        })
    }
}

const SHARED: &str = "its database is that of other harnesses too";

type Decoder = Box<dyn FnMut(&[u8]) -> Result<u64, Box<dyn Error + Send + Sync>> + Send>;

impl<K: KnownKey + Key + Send, const OWN: bool> Harness for SledHarness<K, OWN> {
    type Key = K;
    type Source<'a> = Tree<K, Mapped<Decoder>>;

    fn open() -> Result<Self, BoxError> {
        if OWN {
            return Self::at(tempfile::tempdir()?, FaultInjector::default());
        }
        let idle = Idle::take()?;
        Ok(SledHarness {
            db: shared()?,
            tree: idle.0.clone(),
            folder: None,
            _idle: Some(idle),
            fuse: FaultInjector::default(),
            key: PhantomData,
        })
    }

    fn capabilities() -> Capabilities {
        Capabilities {
            threads: Capability::Yes,
            // Each read of a value counts as an operation.
            faults: Capability::Yes,
            reopening: if OWN {
                Capability::Yes
            } else {
                Capability::No(SHARED)
            },
            counting: Capability::No("sled doesn't count its reads"),
            ..Capabilities::default()
        }
    }

    fn source(&self) -> Result<Self::Source<'_>, BoxError> {
        let fuse = self.fuse.clone();
        let decode = move |value: &[u8]| {
            fuse.operation()?;
            Ok(u64::from_be_bytes(value.try_into()?))
        };
        Ok(Tree::new(self.tree.clone()).map(Box::new(decode) as Decoder))
    }

    fn put(&self, key: &K, value: u64) -> Result<(), BoxError> {
        self.tree.insert(key.to_bytes(), &value.to_be_bytes())?;
        Ok(())
    }

    fn delete(&self, key: &K) -> Result<(), BoxError> {
        self.tree.remove(key.to_bytes())?;
        Ok(())
    }

    fn value((_, value): &(K, u64)) -> u64 {
        *value
    }

    fn keys() -> KeySpace<K> {
        KeySpace::known()
    }

    fn writer(&self) -> Option<Box<dyn Writer<K>>> {
        Some(Box::new(TreeWriter(self.tree.clone())))
    }

    fn faults(&self) -> Option<&dyn Faults> {
        Some(&self.fuse)
    }

    fn foreign_fingerprints(&self) -> Result<Vec<(FingerprintField, Fingerprint)>, BoxError> {
        let another = Tree::<K>::new(self.db.open_tree("another")?).fingerprint()?;
        // No harness has keys of these types.
        let by_another_key = Tree::<(u8, Reverse<u8>)>::new(self.tree.clone());
        Ok(vec![
            (FingerprintField::Relation, another),
            (FingerprintField::Key, by_another_key.fingerprint()?),
        ])
    }

    fn reopen(self) -> Result<Self, BoxError> {
        let SledHarness {
            db,
            tree,
            folder,
            fuse,
            ..
        } = self;
        // The file stays locked as long as a handle lives.
        drop((db, tree));
        Self::at(folder.ok_or(SHARED)?, fuse)
    }
}

struct TreeWriter(sled::Tree);

impl<K: KnownKey + Key + Send> Writer<K> for TreeWriter {
    fn put(&mut self, key: &K, value: u64) -> Result<(), BoxError> {
        self.0.insert(key.to_bytes(), &value.to_be_bytes())?;
        Ok(())
    }

    fn delete(&mut self, key: &K) -> Result<(), BoxError> {
        self.0.remove(key.to_bytes())?;
        Ok(())
    }
}

impl<K, const OWN: bool> fmt::Debug for SledHarness<K, OWN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SledHarness").finish_non_exhaustive()
    }
}
