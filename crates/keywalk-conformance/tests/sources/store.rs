//! A store, and a harness whose source has the quirk that a test chooses. There is one harness type per key type, not
//! per quirk, because the kit is compiled once per type.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError,
};

use keywalk::{
    Chunk, ChunkSource, Fetched, Fingerprint, FingerprintField, KeyRange, LastKey, Order,
    ResumableSource, Source,
};
use keywalk_bytes::Key;
use keywalk_conformance::{
    BoxError, Capabilities, Capability, FaultInjector, Faults, Harness, InjectedFault, KeySpace,
    KnownKey, Writer,
};

/// A key type that the kit provides and that has bytes.
pub(crate) trait Tried: Key + KnownKey + Send + Sync {}

impl<K: Key + KnownKey + Send + Sync> Tried for K {}

pub(crate) type Entries<K> = Chunk<(K, u64)>;
pub(crate) type Answer<K> = Result<Fetched<K>, InjectedFault>;
pub(crate) type Told<K> = Result<LastKey<K>, InjectedFault>;
pub(crate) type Read<K> = Result<Option<K>, InjectedFault>;

/// Numbers by key, behind a lock. Counts reads, and fails on injected faults.
pub(crate) struct Store<K> {
    entries: RwLock<BTreeMap<K, u64>>,
    reads: AtomicU64,
    /// The number of times that it was reopened.
    pub(crate) reopened: AtomicU64,
    pub(crate) fuse: FaultInjector,
}

impl<K: Ord + Clone> Store<K> {
    pub(crate) fn open() -> Arc<Self> {
        Arc::new(Store {
            entries: RwLock::default(),
            reads: AtomicU64::new(0),
            reopened: AtomicU64::new(0),
            fuse: FaultInjector::default(),
        })
    }

    pub(crate) fn read_lock(&self) -> RwLockReadGuard<'_, BTreeMap<K, u64>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write_lock(&self) -> RwLockWriteGuard<'_, BTreeMap<K, u64>> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Iterates over the entries of a range, in its order. Each may fail.
    pub(crate) fn read(
        &self,
        range: &KeyRange<K>,
        mut each: impl FnMut((K, u64)) -> bool,
    ) -> Result<(), InjectedFault> {
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

    /// Returns at most this many entries of a range.
    pub(crate) fn take(
        &self,
        range: &KeyRange<K>,
        most: usize,
    ) -> Result<Vec<(K, u64)>, InjectedFault> {
        let mut taken = Vec::new();
        if most > 0 {
            self.read(range, |entry| {
                taken.push(entry);
                taken.len() < most
            })?;
        }
        Ok(taken)
    }

    /// Fetches as a sound source does.
    pub(crate) fn answer(&self, range: &KeyRange<K>, chunk: &mut Entries<K>) -> Answer<K> {
        self.read(range, |entry| {
            chunk.push(entry);
            !chunk.is_full()
        })?;
        Ok(more_if(chunk.is_full()))
    }

    /// Returns all entries, ordered by another property, in the direction of a range.
    pub(crate) fn in_order_of<P: Ord>(
        &self,
        range: &KeyRange<K>,
        place: impl Fn(&K) -> P,
    ) -> Vec<(K, u64)> {
        let mut all: Vec<_> = self.read_lock().clone().into_iter().collect();
        all.sort_by_key(|(key, _)| place(key));
        if range.order() == Order::Descending {
            all.reverse();
        }
        all
    }

    /// Returns the last key, as a sound source may.
    pub(crate) fn last_key(&self, range: &KeyRange<K>) -> Told<K> {
        let last = self.take(&range.reversed(), 1)?.pop();
        Ok(last.map(|(key, _)| key).into())
    }
}

pub(crate) fn more_if<K>(more: bool) -> Fetched<K> {
    match more {
        true => Fetched::More,
        false => Fetched::End,
    }
}

/// Pushes as many entries as there is room for.
pub(crate) fn fill<K>(
    entries: impl IntoIterator<Item = (K, u64)>,
    chunk: &mut Entries<K>,
) -> Fetched<K> {
    for entry in entries {
        if chunk.is_full() {
            return Fetched::More;
        }
        chunk.push(entry);
    }
    Fetched::End
}

/// Fetches from entries that a source keeps itself.
pub(crate) fn answer_from(
    entries: &BTreeMap<i64, u64>,
    range: &KeyRange<i64>,
    chunk: &mut Entries<i64>,
) -> Fetched<i64> {
    let within = entries.iter().map(|(key, value)| (*key, *value));
    let mut within: Vec<_> = within.filter(|(key, _)| range.may_contain(key)).collect();
    if range.order() == Order::Descending {
        within.reverse();
    }
    fill(within, chunk)
}

/// The peculiarities of a source. The default is sound.
pub(crate) struct Quirk<K> {
    pub(crate) fetch: Box<Fetch<K>>,
    pub(crate) last_key: Box<LastKeyOf<K>>,
    /// Makes the fingerprint of a source that walks this.
    pub(crate) fingerprint: Box<dyn Fn(&Store<K>, &Walked) -> Fingerprint + Send>,
    pub(crate) encode: Box<dyn Fn(&K, &mut Vec<u8>) + Send>,
    pub(crate) decode: Box<dyn Fn(&Store<K>, &[u8]) -> Read<K> + Send>,
    pub(crate) text: Box<dyn Fn(&K) -> String + Send>,
    pub(crate) share: Box<dyn Fn(&K, &K, &K) -> Option<f64> + Send>,
}

type Fetch<K> = dyn FnMut(&Store<K>, &KeyRange<K>, &mut Entries<K>) -> Answer<K> + Send;
type LastKeyOf<K> = dyn FnMut(&Store<K>, &KeyRange<K>) -> Told<K> + Send;

impl<K: Tried> Default for Quirk<K> {
    fn default() -> Self {
        Quirk {
            fetch: Box::new(Store::answer),
            last_key: Box::new(|_, _| Ok(LastKey::Unknown)),
            fingerprint: Box::new(|_, walked| walked.fingerprint()),
            encode: Box::new(|key, bytes| key.encode(bytes)),
            decode: Box::new(|_, bytes| Ok(K::decode(bytes).ok())),
            // Hexadecimal digits, as in the provided method, and one more, so that the text is never empty.
            text: Box::new(|key| {
                let bytes = key.to_bytes().into_iter();
                bytes.fold("x".to_owned(), |text, byte| format!("{text}{byte:02x}"))
            }),
            share: Box::new(K::fraction),
        }
    }
}

/// Makes a source that fetches like this.
pub(crate) fn fetches<K: Tried>(
    fetch: impl FnMut(&Store<K>, &KeyRange<K>, &mut Entries<K>) -> Answer<K> + Send + 'static,
) -> Quirk<K> {
    Quirk {
        fetch: Box::new(fetch),
        ..Quirk::default()
    }
}

/// Keeps a transaction that the first fetch begins.
pub(crate) fn snapshot(_: &Arc<Store<i64>>) -> Quirk<i64> {
    let mut kept = None;
    fetches(move |store, range, chunk| {
        store.fuse.operation()?;
        let entries = kept.get_or_insert_with(|| store.read_lock().clone());
        Ok(answer_from(entries, range, chunk))
    })
}

/// What a source walks, or a foreign one.
pub(crate) struct Walked {
    pub(crate) table: &'static str,
    pub(crate) key: &'static str,
    pub(crate) tenant: Option<u8>,
}

impl Walked {
    pub(crate) const OWN: Walked = Walked {
        table: "orders",
        key: "id",
        tenant: Some(5),
    };

    /// Returns the foreign sources.
    fn foreign_fingerprints() -> [(FingerprintField, Walked); 4] {
        let own = Walked::OWN;
        let of = |table, key, tenant| Walked { table, key, tenant };
        [
            (FingerprintField::Relation, of("items", own.key, own.tenant)),
            (FingerprintField::Key, of(own.table, "id DESC", own.tenant)),
            (FingerprintField::Filter, of(own.table, own.key, Some(6))),
            (FingerprintField::Filter, of(own.table, own.key, None)),
        ]
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let all = Fingerprint::new("quirky").relation(self.table);
        let all = all.key(self.key);
        match self.tenant {
            Some(tenant) => all.filter("tenant = ?").with_value(&[tenant]),
            None => all,
        }
    }
}

/// A function that opens a source.
pub(crate) type Open<K> = dyn Fn(&Arc<Store<K>>) -> Quirk<K> + Sync;

/// A kind of source, and its harness.
pub(crate) struct Kind<K: 'static> {
    pub(crate) open: &'static Open<K>,
    pub(crate) capabilities: fn(Capabilities) -> Capabilities,
    pub(crate) keys: fn() -> KeySpace<K>,
    /// Called by `put`; may panic.
    pub(crate) put: fn(&K, u64),
}

impl<K: Tried> Kind<K> {
    pub(crate) const SOUND: Self = Kind {
        open: &|_| Quirk::default(),
        capabilities: |all| all,
        keys: KeySpace::known,
        put: |_, _| {},
    };
}

/// The current kind of a harness type. The kit opens harnesses of a type on threads of its own.
pub(crate) struct Now<K: 'static> {
    turn: Mutex<()>,
    kind: Mutex<Kind<K>>,
}

impl<K: Tried> Now<K> {
    pub(crate) const fn new() -> Self {
        Now {
            turn: Mutex::new(()),
            kind: Mutex::new(Kind::SOUND),
        }
    }
}

/// Keys with which kinds of sources are tested, one kind after the other.
pub(crate) trait By: 'static {
    type Key: Tried;

    fn now() -> &'static Now<Self::Key>;

    /// Runs the kit with this kind, while others wait.
    fn trying<T>(kind: &Kind<Self::Key>, run: impl FnOnce() -> T) -> T {
        let _turn = lock(&Self::now().turn);
        *lock(&Self::now().kind) = Kind { ..*kind };
        run()
    }

    fn kind() -> Kind<Self::Key> {
        Kind {
            ..*lock(&Self::now().kind)
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

macro_rules! by {
    ($($(#[$doc:meta])* $name:ident: $key:ty;)+) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl $crate::store::By for $name {
            type Key = $key;

            fn now() -> &'static $crate::store::Now<$key> {
                static NOW: $crate::store::Now<$key> = $crate::store::Now::new();
                &NOW
            }
        }
    )+};
}

pub(crate) use by;

/// A harness for the current kind of source, with all capabilities.
pub(crate) struct Quirky<B: By> {
    store: Arc<Store<B::Key>>,
    by: PhantomData<fn() -> B>,
}

pub(crate) struct QuirkySource<K> {
    pub(crate) store: Arc<Store<K>>,
    pub(crate) quirk: Quirk<K>,
}

impl<B: By> Harness for Quirky<B> {
    type Key = B::Key;
    type Source<'a> = QuirkySource<B::Key>;

    fn open() -> Result<Self, BoxError> {
        Ok(Quirky {
            store: Store::open(),
            by: PhantomData,
        })
    }

    fn capabilities() -> Capabilities {
        (B::kind().capabilities)(Capabilities {
            threads: Capability::Yes,
            faults: Capability::Yes,
            counting: Capability::Yes,
            reopening: Capability::Yes,
            ..Capabilities::default()
        })
    }

    fn source(&self) -> Result<QuirkySource<B::Key>, BoxError> {
        Ok(QuirkySource {
            store: Arc::clone(&self.store),
            quirk: (B::kind().open)(&self.store),
        })
    }

    fn put(&self, key: &B::Key, value: u64) -> Result<(), BoxError> {
        (B::kind().put)(key, value);
        self.store.write_lock().insert(key.clone(), value);
        Ok(())
    }

    fn delete(&self, key: &B::Key) -> Result<(), BoxError> {
        self.store.write_lock().remove(key);
        Ok(())
    }

    fn value(item: &(B::Key, u64)) -> u64 {
        item.1
    }

    fn keys() -> KeySpace<B::Key> {
        (B::kind().keys)()
    }

    fn writer(&self) -> Option<Box<dyn Writer<B::Key>>> {
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

    fn foreign_fingerprints(&self) -> Result<Vec<(FingerprintField, Fingerprint)>, BoxError> {
        let quirk = (B::kind().open)(&self.store);
        let of = |(field, walked)| (field, (quirk.fingerprint)(&self.store, &walked));
        Ok(Walked::foreign_fingerprints().map(of).into())
    }

    fn with_exclusive_access(&self) -> Result<(), BoxError> {
        match self.store.entries.try_write() {
            Err(TryLockError::WouldBlock) => Err("a source holds a lock".into()),
            _ => Ok(()),
        }
    }

    fn rows_read(&self) -> Option<u64> {
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

/// A source of a type of its own, for the harness [`Over`].
pub(crate) trait OverStore<K: Tried>:
    ChunkSource<Key = K, Item = (K, u64), Error = InjectedFault> + 'static
{
    fn over(store: Arc<Store<K>>) -> Self;
}

/// A harness for such a source, which goes upwards only.
pub(crate) struct Over<S, K>(Arc<Store<K>>, PhantomData<fn() -> S>);

impl<K: Tried, S: OverStore<K>> Harness for Over<S, K> {
    type Key = K;
    type Source<'a> = S;

    fn open() -> Result<Self, BoxError> {
        Ok(Over(Store::open(), PhantomData))
    }

    fn capabilities() -> Capabilities {
        Capabilities {
            descending: Capability::No("the store lists upwards"),
            ..Capabilities::default()
        }
    }

    fn source(&self) -> Result<S, BoxError> {
        Ok(S::over(Arc::clone(&self.0)))
    }

    fn put(&self, key: &K, value: u64) -> Result<(), BoxError> {
        Shared(Arc::clone(&self.0)).put(key, value)
    }

    fn delete(&self, key: &K) -> Result<(), BoxError> {
        Shared(Arc::clone(&self.0)).delete(key)
    }

    fn value(item: &(K, u64)) -> u64 {
        item.1
    }

    fn keys() -> KeySpace<K> {
        KeySpace::known()
    }
}

impl<K: Tried> Source for QuirkySource<K> {
    type Key = K;
    type Item = (K, u64);
    type Error = InjectedFault;
}

impl<K: Tried> ChunkSource for QuirkySource<K> {
    fn fetch(&mut self, range: &KeyRange<K>, chunk: &mut Entries<K>) -> Answer<K> {
        (self.quirk.fetch)(&self.store, range, chunk)
    }

    fn last_key(&mut self, range: &KeyRange<K>) -> Told<K> {
        (self.quirk.last_key)(&self.store, range)
    }
}

impl<K: Tried> ResumableSource for QuirkySource<K> {
    fn fingerprint(&self) -> Result<Fingerprint, InjectedFault> {
        Ok((self.quirk.fingerprint)(&self.store, &Walked::OWN))
    }

    fn encode_key(&self, key: &K, bytes: &mut Vec<u8>) {
        (self.quirk.encode)(key, bytes);
    }

    fn decode_key(&self, bytes: &[u8]) -> Read<K> {
        (self.quirk.decode)(&self.store, bytes)
    }

    fn key_text(&self, key: &K) -> String {
        (self.quirk.text)(key)
    }

    fn fraction(&self, first: &K, last: &K, at: &K) -> Option<f64> {
        (self.quirk.share)(first, last, at)
    }
}
