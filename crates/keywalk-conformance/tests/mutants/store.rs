use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use keywalk::{Aspect, Chunk, ChunkSource, Fetched, Fingerprint, KeyRange, LastKey, Order};
use keywalk_conformance::{
    Blown, BoxError, Capabilities, Capability, Faults, Fuse, Harness, KeySpace, KnownKey, Writer,
};

use super::durable::Walked;

/// Numbers by key, behind a lock; it counts what is read and fails where it is made to.
pub(crate) struct Store<K> {
    entries: RwLock<BTreeMap<K, u64>>,
    reads: AtomicU64,
    /// How many times it was reopened.
    pub(crate) reopened: AtomicU64,
    pub(crate) fuse: Fuse,
}

impl<K: Ord + Clone> Store<K> {
    pub(crate) fn read_lock(&self) -> RwLockReadGuard<'_, BTreeMap<K, u64>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_lock(&self) -> RwLockWriteGuard<'_, BTreeMap<K, u64>> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The entries of a range, in its order, one after the other; each may fail.
    pub(crate) fn read(
        &self,
        range: &KeyRange<K>,
        mut each: impl FnMut((K, u64)) -> bool,
    ) -> Result<(), Blown> {
        self.fuse.operation()?;
        if range.is_empty() {
            return Ok(());
        }
        let entries = self.read_lock();
        let mut within = entries.range::<K, _>((range.lower(), range.upper()));
        loop {
            let next = match range.order() {
                Order::Ascending => within.next(),
                Order::Descending => within.next_back(),
            };
            let Some((key, value)) = next else {
                return Ok(());
            };
            self.fuse.operation()?;
            self.reads.fetch_add(1, SeqCst);
            if !each((key.clone(), *value)) {
                return Ok(());
            }
        }
    }

    /// At most some entries of a range.
    pub(crate) fn take(&self, range: &KeyRange<K>, most: usize) -> Result<Vec<(K, u64)>, Blown> {
        let mut taken = Vec::new();
        if most > 0 {
            self.read(range, |entry| {
                taken.push(entry);
                taken.len() < most
            })?;
        }
        Ok(taken)
    }

    /// What a sound source does.
    pub(crate) fn answer(
        &self,
        range: &KeyRange<K>,
        chunk: &mut Chunk<(K, u64)>,
    ) -> Result<Fetched<K>, Blown> {
        self.read(range, |entry| {
            chunk.push(entry);
            !chunk.is_full()
        })?;
        Ok(if chunk.is_full() {
            Fetched::More
        } else {
            Fetched::End
        })
    }
}

/// Answers from entries that a source keeps for itself.
pub(crate) fn answer_from(
    entries: &BTreeMap<i64, u64>,
    range: &KeyRange<i64>,
    chunk: &mut Chunk<(i64, u64)>,
) -> Fetched<i64> {
    let mut within: Vec<_> = entries
        .iter()
        .filter(|(key, _)| range.admits(key))
        .collect();
    if range.order() == Order::Descending {
        within.reverse();
    }
    for (key, value) in within {
        if chunk.is_full() {
            return Fetched::More;
        }
        chunk.push((*key, *value));
    }
    Fetched::End
}

/// What is peculiar about a source. Everything provided is sound.
pub(crate) trait Quirk<K: KnownKey + Send + Sync>: Default + 'static {
    /// When the source is opened.
    fn open(&mut self, store: &Arc<Store<K>>) {
        let _ = store;
    }

    fn fetch(
        &mut self,
        store: &Arc<Store<K>>,
        range: &KeyRange<K>,
        chunk: &mut Chunk<(K, u64)>,
    ) -> Result<Fetched<K>, Blown> {
        store.answer(range, chunk)
    }

    fn last_key(
        &mut self,
        store: &Arc<Store<K>>,
        range: &KeyRange<K>,
    ) -> Result<LastKey<K>, Blown> {
        let _ = (store, range);
        Ok(LastKey::Unknown)
    }

    fn key_into(&self, item: &(K, u64), key: &mut K) {
        key.clone_from(&item.0);
    }

    fn value(item: &(K, u64)) -> u64 {
        item.1
    }

    /// What is said of a source that walks this.
    fn fingerprint(&self, store: &Arc<Store<K>>, walked: &Walked) -> Fingerprint {
        let _ = store;
        walked.fingerprint()
    }

    fn capabilities(all: Capabilities) -> Capabilities {
        all
    }
}

/// A harness of a source with a quirk, that can do everything.
pub(crate) struct Quirky<Q, K = i64> {
    store: Arc<Store<K>>,
    quirk: std::marker::PhantomData<fn() -> Q>,
}

pub(crate) struct Source<Q, K> {
    pub(crate) store: Arc<Store<K>>,
    pub(crate) quirk: Q,
}

impl<Q: Quirk<K>, K: KnownKey + Send + Sync> Harness for Quirky<Q, K> {
    type Key = K;
    type Source<'a> = Source<Q, K>;

    fn open() -> Result<Self, BoxError> {
        Ok(Quirky {
            store: Arc::new(Store {
                entries: RwLock::default(),
                reads: AtomicU64::new(0),
                reopened: AtomicU64::new(0),
                fuse: Fuse::default(),
            }),
            quirk: std::marker::PhantomData,
        })
    }

    fn capabilities() -> Capabilities {
        Q::capabilities(Capabilities {
            threads: Capability::Yes,
            faults: Capability::Yes,
            counting: Capability::Yes,
            reopening: Capability::Yes,
            ..Capabilities::default()
        })
    }

    fn source(&self) -> Result<Source<Q, K>, BoxError> {
        let mut quirk = Q::default();
        quirk.open(&self.store);
        Ok(Source {
            store: Arc::clone(&self.store),
            quirk,
        })
    }

    fn put(&self, key: &K, value: u64) -> Result<(), BoxError> {
        self.store.write_lock().insert(key.clone(), value);
        Ok(())
    }

    fn delete(&self, key: &K) -> Result<(), BoxError> {
        self.store.write_lock().remove(key);
        Ok(())
    }

    fn value(item: &(K, u64)) -> u64 {
        Q::value(item)
    }

    fn keys() -> KeySpace<K> {
        KeySpace::known()
    }

    fn writer(&self) -> Option<Box<dyn Writer<K>>> {
        let can = Self::capabilities().threads.is_yes();
        can.then(|| Box::new(Shared(Arc::clone(&self.store))) as _)
    }

    fn faults(&self) -> Option<&dyn Faults> {
        Some(&self.store.fuse)
    }

    fn reopen(self) -> Result<Self, BoxError> {
        self.store.reopened.fetch_add(1, SeqCst);
        Ok(self)
    }

    fn strangers(&self) -> Result<Vec<(Aspect, Fingerprint)>, BoxError> {
        let aspects = Walked::strangers().into_iter();
        let of = |walked| Q::default().fingerprint(&self.store, &walked);
        Ok(aspects
            .map(|(aspect, walked)| (aspect, of(walked)))
            .collect())
    }

    fn reads(&self) -> Option<u64> {
        let counts = Self::capabilities().counting.is_yes();
        counts.then(|| self.store.reads.load(SeqCst))
    }
}

struct Shared<K>(Arc<Store<K>>);

impl<K: Ord + Clone + Debug + Send + Sync> Writer<K> for Shared<K> {
    fn put(&mut self, key: &K, value: u64) -> Result<(), BoxError> {
        self.0.write_lock().insert(key.clone(), value);
        Ok(())
    }

    fn delete(&mut self, key: &K) -> Result<(), BoxError> {
        self.0.write_lock().remove(key);
        Ok(())
    }
}

impl<Q: Quirk<K>, K: KnownKey + Send + Sync> ChunkSource for Source<Q, K> {
    type Key = K;
    type Item = (K, u64);
    type Error = Blown;

    fn fetch(
        &mut self,
        range: &KeyRange<K>,
        chunk: &mut Chunk<(K, u64)>,
    ) -> Result<Fetched<K>, Blown> {
        self.quirk.fetch(&self.store, range, chunk)
    }

    fn key_of(&self, (key, _): &(K, u64)) -> K {
        key.clone()
    }

    fn key_into(&self, item: &(K, u64), key: &mut K) {
        self.quirk.key_into(item, key);
    }

    fn last_key(&mut self, range: &KeyRange<K>) -> Result<LastKey<K>, Blown> {
        self.quirk.last_key(&self.store, range)
    }
}
