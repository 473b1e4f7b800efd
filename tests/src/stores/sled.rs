//! sled: a harness for each key type.

use std::cmp::Reverse;
use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock};

use keywalk::{Aspect, DurableSource, Fingerprint};
use keywalk_conformance::{
    BoxError, Capabilities, Capability, Faults, Fuse, Harness, KeySpace, Writer,
};
use keywalk_sled::decode::Mapped;
use keywalk_sled::{Key, Tree, Utf8};
use sled::Db;
use tempfile::TempDir;
use uuid::Uuid;

#[path = "../../../crates/keywalk-sled/tests/support/reopened.rs"]
mod reopened;

use reopened::reopened;

/// A key of sled's, and keys to try.
pub trait SledKey: Key + fmt::Debug + Send + 'static {
    /// As [`Harness::keys`].
    fn keys() -> KeySpace<Self>;
}

macro_rules! known {
    ($($key:ty),+ $(,)?) => {$(
        impl SledKey for $key {
            fn keys() -> KeySpace<Self> {
                KeySpace::known()
            }
        }
    )+};
}

known! {
    i8, i64, u128, String, Vec<u8>, Reverse<Vec<u8>>, (Vec<u8>, Uuid), (i64, Reverse<String>)
}

impl SledKey for Utf8 {
    fn keys() -> KeySpace<Utf8> {
        KeySpace::known().map(Utf8)
    }
}

/// Where a harness has its tree.
pub trait Place: Sized + 'static {
    /// Whether it can be reopened.
    const REOPENING: Capability;

    /// An empty tree.
    ///
    /// # Errors
    ///
    /// sled's.
    fn open() -> Result<Self, BoxError>;

    /// The tree.
    fn tree(&self) -> &sled::Tree;

    /// Another tree of the same database.
    ///
    /// # Errors
    ///
    /// sled's.
    fn another(&self) -> Result<sled::Tree, BoxError>;

    /// The same tree, of a database that was closed.
    ///
    /// # Errors
    ///
    /// sled's.
    fn reopen(self) -> Result<Self, BoxError>;
}

/// One of the trees of a database that stays open: making one takes sled long, so they go round.
#[derive(Debug)]
pub struct Shared(sled::Tree);

static IDLE: Mutex<Vec<sled::Tree>> = Mutex::new(Vec::new());

impl Shared {
    fn db() -> Result<Db, sled::Error> {
        static DB: OnceLock<Result<Db, sled::Error>> = OnceLock::new();
        DB.get_or_init(|| sled::Config::new().temporary(true).open())
            .clone()
    }
}

impl Place for Shared {
    const REOPENING: Capability = Capability::No("its database is that of other harnesses too");

    fn open() -> Result<Self, BoxError> {
        static TREES: AtomicU64 = AtomicU64::new(0);
        let idle = IDLE.lock().map_err(|error| error.to_string())?.pop();
        let tree = match idle {
            Some(tree) => tree,
            None => Shared::db()?.open_tree(TREES.fetch_add(1, Relaxed).to_be_bytes())?,
        };
        Ok(Shared(tree))
    }

    fn tree(&self) -> &sled::Tree {
        &self.0
    }

    fn another(&self) -> Result<sled::Tree, BoxError> {
        Ok(Shared::db()?.open_tree("another")?)
    }

    fn reopen(self) -> Result<Self, BoxError> {
        Err("its database is that of other harnesses too".into())
    }
}

/// What can't be emptied isn't used again.
impl Drop for Shared {
    fn drop(&mut self) {
        if self.0.clear().is_ok()
            && let Ok(mut idle) = IDLE.lock()
        {
            idle.push(self.0.clone());
        }
    }
}

/// In a database of its own.
#[derive(Debug)]
pub struct Own {
    db: Db,
    tree: sled::Tree,
    folder: TempDir,
}

impl Own {
    fn at(folder: TempDir) -> Result<Self, BoxError> {
        let db = reopened(|| sled::open(folder.path()))?;
        let tree = db.open_tree("items")?;
        Ok(Own { db, tree, folder })
    }
}

impl Place for Own {
    const REOPENING: Capability = Capability::Yes;

    fn open() -> Result<Self, BoxError> {
        Own::at(tempfile::tempdir()?)
    }

    fn tree(&self) -> &sled::Tree {
        &self.tree
    }

    fn another(&self) -> Result<sled::Tree, BoxError> {
        Ok(self.db.open_tree("another")?)
    }

    fn reopen(self) -> Result<Self, BoxError> {
        let Own { db, tree, folder } = self;
        // The file is locked for as long as a handle lives.
        drop((db, tree));
        Own::at(folder)
    }
}

/// A tree, walked by keys of type `K`.
pub struct SledHarness<K, P = Shared> {
    place: P,
    fuse: Fuse,
    key: PhantomData<fn() -> K>,
}

type Decoder = Box<dyn FnMut(&[u8]) -> Result<u64, Box<dyn Error + Send + Sync>> + Send>;

impl<K: SledKey, P: Place> Harness for SledHarness<K, P> {
    type Key = K;
    type Source<'a> = Tree<K, Mapped<Decoder>>;

    fn open() -> Result<Self, BoxError> {
        Ok(SledHarness {
            place: P::open()?,
            fuse: Fuse::default(),
            key: PhantomData,
        })
    }

    fn capabilities() -> Capabilities {
        Capabilities {
            threads: Capability::Yes,
            // Reading a value is an operation.
            faults: Capability::Yes,
            reopening: P::REOPENING,
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
        Ok(Tree::new(self.place.tree().clone()).map(Box::new(decode) as Decoder))
    }

    fn put(&self, key: &K, value: u64) -> Result<(), BoxError> {
        self.place
            .tree()
            .insert(key.to_bytes(), &value.to_be_bytes())?;
        Ok(())
    }

    fn delete(&self, key: &K) -> Result<(), BoxError> {
        self.place.tree().remove(key.to_bytes())?;
        Ok(())
    }

    fn value((_, value): &(K, u64)) -> u64 {
        *value
    }

    fn keys() -> KeySpace<K> {
        K::keys()
    }

    fn writer(&self) -> Option<Box<dyn Writer<K>>> {
        Some(Box::new(TreeWriter(self.place.tree().clone())))
    }

    fn faults(&self) -> Option<&dyn Faults> {
        Some(&self.fuse)
    }

    fn strangers(&self) -> Result<Vec<(Aspect, Fingerprint)>, BoxError> {
        let another = Tree::<K>::new(self.place.another()?).fingerprint()?;
        // No store of ours has keys of these types.
        let by_another_key = Tree::<(u8, Reverse<u8>)>::new(self.place.tree().clone());
        Ok(vec![
            (Aspect::Relation, another),
            (Aspect::Key, by_another_key.fingerprint()?),
        ])
    }

    fn reopen(self) -> Result<Self, BoxError> {
        let place = self.place.reopen()?;
        Ok(SledHarness { place, ..self })
    }
}

struct TreeWriter(sled::Tree);

impl<K: SledKey> Writer<K> for TreeWriter {
    fn put(&mut self, key: &K, value: u64) -> Result<(), BoxError> {
        self.0.insert(key.to_bytes(), &value.to_be_bytes())?;
        Ok(())
    }

    fn delete(&mut self, key: &K) -> Result<(), BoxError> {
        self.0.remove(key.to_bytes())?;
        Ok(())
    }
}

impl<K, P> fmt::Debug for SledHarness<K, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SledHarness").finish_non_exhaustive()
    }
}
