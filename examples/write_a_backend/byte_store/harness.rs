//! How the kit makes, changes and reads a database of LMDB, for each type of key.

use std::fmt::Debug;
use std::marker::PhantomData;

use heed::{CommitOrAbort, EnvFlags, EnvOpenOptions, RwTxn};
use keywalk::{Fingerprint, FingerprintField, ResumableSource};
use keywalk_bytes::Key;
use keywalk_conformance::{
    BoxError, Capabilities, Capability, Harness, KeySpace, KnownKey, Pool, Pooled, Writer,
};

use super::source::{Items, Tree};

static ENVIRONMENTS: Pool<Items> = Pool::new();

/// The most read transactions that an environment has at once.
const READERS: u32 = 16;

#[expect(unsafe_code, reason = "heed maps files, which nobody else may change")]
fn create() -> Result<Items, BoxError> {
    let mut options = EnvOpenOptions::new().read_txn_without_tls();
    options.map_size(1 << 26).max_readers(READERS);
    // LMDB keeps its files open, so the folder can be deleted at the end of this function.
    let folder = tempfile::tempdir()?;
    // SAFETY: nobody else knows the files, and nobody needs them after a crash of the machine.
    let env = unsafe { options.flags(EnvFlags::NO_SYNC).open(folder.path())? };
    let database = env.create_databases_and_commit(env.write_txn()?, |opener, transaction| {
        let database = opener.create_database(transaction, None);
        database.map(CommitOrAbort::<_, ()>::Commit)
    });
    let database = database?.commit().ok_or("it wasn't committed")?;
    let name = "items";
    Ok(Items {
        env,
        database,
        name,
    })
}

impl Items {
    fn write<T>(
        &self,
        write: impl FnOnce(&mut RwTxn<'_>) -> Result<T, heed::Error>,
    ) -> Result<(), BoxError> {
        let mut transaction = self.env.write_txn()?;
        write(&mut transaction)?;
        Ok(transaction.commit()?)
    }
}

impl<K: Key> Writer<K> for Items {
    fn put(&mut self, key: &K, value: u64) -> Result<(), BoxError> {
        let (key, value) = (key.to_bytes(), value.to_be_bytes());
        self.write(|transaction| self.database.put(transaction, &key, &value))
    }

    fn delete(&mut self, key: &K) -> Result<(), BoxError> {
        self.write(|transaction| self.database.delete(transaction, &key.to_bytes()))
    }
}

/// A database whose keys are of type `K`.
pub(crate) struct Lmdb<K>(Pooled<Items>, PhantomData<K>);

impl<K: Key + KnownKey + Debug + Send + 'static> Harness for Lmdb<K> {
    type Key = K;
    type Source<'a> = Tree<K>;

    fn open() -> Result<Self, BoxError> {
        let empty = |items: &Items| items.write(|transaction| items.database.clear(transaction));
        Ok(Lmdb(ENVIRONMENTS.take(create, empty)?, PhantomData))
    }

    fn capabilities() -> Capabilities {
        Capabilities {
            threads: Capability::Yes,
            ..Capabilities::default()
        }
    }

    fn source(&self) -> Result<Tree<K>, BoxError> {
        Ok(Tree::new(self.0.clone()))
    }

    fn put(&self, key: &K, value: u64) -> Result<(), BoxError> {
        self.0.clone().put(key, value)
    }

    fn delete(&self, key: &K) -> Result<(), BoxError> {
        self.0.clone().delete(key)
    }

    fn value((_, value): &(K, Vec<u8>)) -> u64 {
        u64::from_be_bytes(value[..].try_into().unwrap_or_default())
    }

    fn keys() -> KeySpace<K> {
        KeySpace::known().filter(|key: &K| (1..=511).contains(&key.to_bytes().len()))
    }

    fn writer(&self) -> Option<Box<dyn Writer<K>>> {
        Some(Box::new(self.0.clone()))
    }

    /// Takes all readers, which fails if a source has one. Then writes.
    fn with_exclusive_access(&self) -> Result<(), BoxError> {
        let readers = (0..READERS).map(|_| self.0.env.read_txn());
        readers.collect::<Result<Vec<_>, _>>()?;
        self.0.write(|_| Ok(()))
    }

    fn foreign_fingerprints(&self) -> Result<Vec<(FingerprintField, Fingerprint)>, BoxError> {
        let mut another = self.0.clone();
        another.name = "another";
        let fingerprint = Tree::<K>::new(another).fingerprint()?;
        Ok(vec![(FingerprintField::Relation, fingerprint)])
    }
}

keywalk_conformance::conformance!(numbers: Lmdb<i64>, durable, prefetched);
keywalk_conformance::conformance!(pairs: Lmdb<(String, i64)>, durable, prefetched);
