//! A store, and a harness whose source has the quirk that a test chooses. There is one harness type per key type, not
//! per quirk, because the kit is compiled once per type.

use std::collections::BTreeMap;
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
pub(crate) trait Tried: Key + KnownKey + Default + Send + Sync {}

impl<K: Key + KnownKey + Default + Send + Sync> Tried for K {}

pub(crate) type Entries<K> = Chunk<(K, u64)>;
type Taken<K> = Result<Vec<(K, u64)>, InjectedFault>;
pub(crate) type Answer<K> = Result<Fetched<K>, InjectedFault>;
pub(crate) type Told<K> = Result<LastKey<K>, InjectedFault>;
pub(crate) type Read<K> = Result<Option<K>, InjectedFault>;

/// A shared store.
pub(crate) type Handle<K> = Arc<Store<K>>;

/// Numbers by key, behind a lock. Counts reads, and fails on injected faults.
#[derive(Default)]
pub(crate) struct Store<K> {
    entries: RwLock<BTreeMap<K, u64>>,
    reads: AtomicU64,
    /// The number of times that it was reopened.
    pub(crate) reopened: AtomicU64,
    pub(crate) fuse: FaultInjector,
}

impl<K: Ord + Clone> Store<K> {
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
        let within = entries.range::<K, _>((range.lower(), range.upper()));
        let within: &mut dyn Iterator<Item = _> = match range.order() {
            Order::Ascending => &mut { within },
            Order::Descending => &mut within.rev(),
        };
        for (key, value) in within {
            self.fuse.operation()?;
            self.reads.fetch_add(1, SeqCst);
            if !each((key.clone(), *value)) {
                break;
            }
        }
        Ok(())
    }

    /// Returns at most this many entries of a range.
    pub(crate) fn take(&self, range: &KeyRange<K>, most: usize) -> Taken<K> {
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

    /// Fetches from the changed rest of the range's entries.
    pub(crate) fn changed(
        &self,
        range: &KeyRange<K>,
        chunk: &mut Entries<K>,
        change: impl FnOnce(&mut Vec<(K, u64)>),
    ) -> Answer<K> {
        let mut entries = self.take(range, usize::MAX)?;
        change(&mut entries);
        Ok(fill(entries, chunk))
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
    let mut entries = entries.into_iter();
    chunk.fill_from(&mut entries);
    more_if(entries.next().is_some())
}

/// Fetches from entries that a source keeps itself.
pub(crate) fn answer_from(
    entries: &BTreeMap<i64, u64>,
    range: &KeyRange<i64>,
    chunk: &mut Entries<i64>,
) -> Fetched<i64> {
    let mut within = Vec::from_iter(entries.clone());
    within.retain(|(key, _)| range.may_contain(key));
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
    pub(crate) fingerprint: Box<dyn Fn(&Handle<K>, &Walked) -> Fingerprint + Send>,
    pub(crate) encode: Box<dyn Fn(&K, &mut Vec<u8>) + Send>,
    pub(crate) decode: Box<dyn Fn(&Handle<K>, &[u8]) -> Read<K> + Send>,
    pub(crate) text: Box<dyn Fn(&K) -> String + Send>,
    pub(crate) share: Box<dyn Fn(&K, &K, &K) -> Option<f64> + Send>,
}

type Fetch<K> = dyn FnMut(&Handle<K>, &KeyRange<K>, &mut Entries<K>) -> Answer<K> + Send;
type LastKeyOf<K> = dyn FnMut(&Handle<K>, &KeyRange<K>) -> Told<K> + Send;

impl<K: Tried> Default for Quirk<K> {
    fn default() -> Self {
        Quirk {
            fetch: Box::new(|store, range, chunk| store.answer(range, chunk)),
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
    fetch: impl FnMut(&Handle<K>, &KeyRange<K>, &mut Entries<K>) -> Answer<K> + Send + 'static,
) -> Quirk<K> {
    Quirk {
        fetch: Box::new(fetch),
        ..Quirk::default()
    }
}

/// Makes a source whose fingerprint includes a value.
pub(crate) fn stamped<K: Tried>(value: impl Fn(&Handle<K>) -> u64 + Send + 'static) -> Quirk<K> {
    Quirk {
        fingerprint: Box::new(move |store, walked| {
            let value = value(store).to_be_bytes();
            walked.fingerprint().with_value(&value)
        }),
        ..Quirk::default()
    }
}

/// Keeps a transaction that the first fetch begins.
pub(crate) fn snapshot(_: &Handle<i64>) -> Quirk<i64> {
    let mut kept = None;
    fetches(move |store, range, chunk| {
        store.fuse.operation()?;
        let entries = kept.get_or_insert_with(|| store.read_lock().clone());
        Ok(answer_from(entries, range, chunk))
    })
}

/// What a source walks, or a foreign one.
#[derive(Clone, Copy)]
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
pub(crate) type Open<K> = dyn Fn(&Handle<K>) -> Quirk<K> + Sync;

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

/// Whose turn it is, and the current kind of a harness type. The kit opens harnesses on threads of its own.
pub(crate) type Now<K> = (Mutex<()>, Mutex<Kind<K>>);

/// Keys with which kinds of sources are tested, one kind after the other.
pub(crate) trait By: 'static {
    type Key: Tried;

    fn key_into(key: &Self::Key, into: &mut Self::Key) {
        into.clone_from(key);
    }

    fn now() -> &'static Now<Self::Key>;

    /// Runs the kit with this kind, while others wait.
    fn trying<T>(kind: &Kind<Self::Key>, run: impl FnOnce() -> T) -> T {
        let _turn = lock(&Self::now().0);
        *lock(&Self::now().1) = Kind { ..*kind };
        run()
    }

    fn kind() -> Kind<Self::Key> {
        Kind {
            ..*lock(&Self::now().1)
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

macro_rules! by {
    ($($(#[$doc:meta])* $name:ident: $key:ty $(, { $($key_into:tt)* })?;)+) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl $crate::store::By for $name {
            type Key = $key;
            $($($key_into)*)?

            fn now() -> &'static $crate::store::Now<$key> {
                use std::sync::Mutex;
                static NOW: $crate::store::Now<$key> = (Mutex::new(()), Mutex::new(Kind::SOUND));
                &NOW
            }
        }
    )+};
}

pub(crate) use by;

/// A harness for the current kind of source, with all capabilities. It is its own writer.
pub(crate) struct Quirky<B: By>(Handle<B::Key>, PhantomData<fn() -> B>);

pub(crate) struct QuirkySource<B: By>(pub(crate) Handle<B::Key>, pub(crate) Quirk<B::Key>);

impl<B: By> Harness for Quirky<B> {
    type Key = B::Key;
    type Source<'a> = QuirkySource<B>;

    fn open() -> Result<Self, BoxError> {
        Ok(Quirky(Arc::default(), PhantomData))
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

    fn source(&self) -> Result<QuirkySource<B>, BoxError> {
        let quirk = (B::kind().open)(&self.0);
        Ok(QuirkySource(Arc::clone(&self.0), quirk))
    }

    fn put(&self, key: &B::Key, value: u64) -> Result<(), BoxError> {
        (B::kind().put)(key, value);
        self.0.write_lock().insert(key.clone(), value);
        Ok(())
    }

    fn delete(&self, key: &B::Key) -> Result<(), BoxError> {
        self.0.write_lock().remove(key);
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
        can.then(|| Box::new(Quirky::<B>(Arc::clone(&self.0), PhantomData)) as _)
    }

    fn faults(&self) -> Option<&dyn Faults> {
        Some(&self.0.fuse)
    }

    fn reopen(self) -> Result<Self, BoxError> {
        self.0.reopened.fetch_add(1, SeqCst);
        Ok(self)
    }

    fn foreign_fingerprints(&self) -> Result<Vec<(FingerprintField, Fingerprint)>, BoxError> {
        let quirk = (B::kind().open)(&self.0);
        let of = |(field, walked)| (field, (quirk.fingerprint)(&self.0, &walked));
        Ok(Walked::foreign_fingerprints().map(of).into())
    }

    fn with_exclusive_access(&self) -> Result<(), BoxError> {
        match self.0.entries.try_write() {
            Err(TryLockError::WouldBlock) => Err("a source holds a lock".into()),
            _ => Ok(()),
        }
    }

    fn rows_read(&self) -> Option<u64> {
        let counts = Self::capabilities().counting.is_yes();
        counts.then(|| self.0.reads.load(SeqCst))
    }
}

impl<B: By> Writer<B::Key> for Quirky<B> {
    fn put(&mut self, key: &B::Key, value: u64) -> Result<(), BoxError> {
        Harness::put(self, key, value)
    }

    fn delete(&mut self, key: &B::Key) -> Result<(), BoxError> {
        Harness::delete(self, key)
    }
}

impl<B: By> Source for QuirkySource<B> {
    type Key = B::Key;
    type Item = (B::Key, u64);
    type Error = InjectedFault;

    fn key_into(item: &(B::Key, u64), into: &mut B::Key) {
        B::key_into(&item.0, into);
    }
}

impl<B: By> ChunkSource for QuirkySource<B> {
    fn fetch(&mut self, range: &KeyRange<B::Key>, chunk: &mut Entries<B::Key>) -> Answer<B::Key> {
        (self.1.fetch)(&self.0, range, chunk)
    }

    fn last_key(&mut self, range: &KeyRange<B::Key>) -> Told<B::Key> {
        (self.1.last_key)(&self.0, range)
    }
}

impl<B: By> ResumableSource for QuirkySource<B> {
    fn fingerprint(&self) -> Result<Fingerprint, InjectedFault> {
        Ok((self.1.fingerprint)(&self.0, &Walked::OWN))
    }

    fn encode_key(&self, key: &B::Key, bytes: &mut Vec<u8>) {
        (self.1.encode)(key, bytes);
    }

    fn decode_key(&self, bytes: &[u8]) -> Read<B::Key> {
        (self.1.decode)(&self.0, bytes)
    }

    fn key_text(&self, key: &B::Key) -> String {
        (self.1.text)(key)
    }

    fn fraction(&self, first: &B::Key, last: &B::Key, at: &B::Key) -> Option<f64> {
        (self.1.share)(first, last, at)
    }
}
