//! A map of bytes behind a lock: the smallest byte-ordered store. Its harness walks keys of many types.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Bound, ControlFlow};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, PoisonError, RwLock};

use keywalk::{Fingerprint, FingerprintField, Order, ResumableSource};
use keywalk_bytes::decode::Mapped;
use keywalk_bytes::{BareString, ByteStore, Each, Key, Tree};
use keywalk_conformance::{
    BoxError, Capabilities, Capability, FaultInjector, Faults, Harness, InjectedFault, KeySpace,
    Writer,
};
use uuid::Uuid;

use super::ByCopy;

/// A key type, and keys to test it with.
pub trait ByteKey: Key + fmt::Debug + Send + 'static {
    /// Does the same as [`Harness::keys`].
    fn keys() -> KeySpace<Self>;
}

macro_rules! keys {
    ($($key:ty: $keys:expr;)+) => {$(
        impl ByteKey for $key {
            fn keys() -> KeySpace<Self> {
                $keys
            }
        }
    )+};
}

keys! {
    i8: KeySpace::known();
    u128: KeySpace::known();
    String: KeySpace::known();
    BareString: KeySpace::known().map(BareString);
    Reverse<Vec<u8>>: KeySpace::known();
    (Option<Vec<u8>>, Reverse<Option<Uuid>>): KeySpace::known();
    (i64, Reverse<String>): KeySpace::known();
}

/// The map. Each entry that a scan reads counts as an operation, and as a row.
#[derive(Clone, Debug, Default)]
pub struct ByteMap {
    name: &'static str,
    map: Arc<RwLock<BTreeMap<Vec<u8>, Vec<u8>>>>,
    fuse: FaultInjector,
    read: Arc<AtomicU64>,
}

impl ByteStore for ByteMap {
    type Error = InjectedFault;

    const KIND: &'static str = "map of bytes";

    fn name(&self) -> Cow<'_, [u8]> {
        self.name.as_bytes().into()
    }

    fn scan(
        &mut self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        order: Order,
        each: &mut Each<'_>,
    ) -> Result<ControlFlow<()>, InjectedFault> {
        self.fuse.operation()?;
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
        let mut entries = map.range::<[u8], _>((lower, upper));
        while let Some((key, value)) = match order {
            Order::Ascending => entries.next(),
            Order::Descending => entries.next_back(),
        } {
            self.fuse.operation()?;
            self.read.fetch_add(1, SeqCst);
            if each(key, value).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Walks a [`ByteMap`] by keys of type `K`.
#[derive(Debug)]
pub struct ByteMapHarness<K> {
    store: ByteMap,
    key: PhantomData<fn() -> K>,
}

/// A copy of the handle.
impl<K> Clone for ByteMapHarness<K> {
    fn clone(&self) -> Self {
        let (store, key) = (self.store.clone(), PhantomData);
        ByteMapHarness { store, key }
    }
}

type Decoder = fn(&[u8]) -> Result<u64, std::array::TryFromSliceError>;

impl<K: ByteKey> Harness for ByteMapHarness<K> {
    type Key = K;
    type Source<'a> = Tree<ByteMap, K, Mapped<Decoder>>;

    fn open() -> Result<Self, BoxError> {
        let (store, key) = (ByteMap::default(), PhantomData);
        Ok(ByteMapHarness { store, key })
    }

    fn capabilities() -> Capabilities {
        Capabilities {
            threads: Capability::Yes,
            faults: Capability::Yes,
            reopening: Capability::No("memory doesn't outlive its process"),
            counting: Capability::Yes,
            ..Capabilities::default()
        }
    }

    fn source(&self) -> Result<Self::Source<'_>, BoxError> {
        let decode: Decoder = |value| value.try_into().map(u64::from_be_bytes);
        Ok(Tree::new(self.store.clone()).map(decode))
    }

    fn put(&self, key: &K, value: u64) -> Result<(), BoxError> {
        let map = self.store.map.write();
        let mut map = map.map_err(|error| error.to_string())?;
        map.insert(key.to_bytes(), value.to_be_bytes().into());
        Ok(())
    }

    fn delete(&self, key: &K) -> Result<(), BoxError> {
        let map = self.store.map.write();
        let mut map = map.map_err(|error| error.to_string())?;
        map.remove(&key.to_bytes());
        Ok(())
    }

    fn value((_, value): &(K, u64)) -> u64 {
        *value
    }

    fn keys() -> KeySpace<K> {
        K::keys()
    }

    fn writer(&self) -> Option<Box<dyn Writer<K>>> {
        Some(Box::new(ByCopy(self.clone())))
    }

    fn faults(&self) -> Option<&dyn Faults> {
        Some(&self.store.fuse)
    }

    fn rows_read(&self) -> Option<u64> {
        Some(self.store.read.load(SeqCst))
    }

    fn foreign_fingerprints(&self) -> Result<Vec<(FingerprintField, Fingerprint)>, BoxError> {
        let name = "another";
        let another = ByteMap {
            name,
            ..ByteMap::default()
        };
        // No harness has keys of this type.
        let by_another_key = Tree::<ByteMap, (u8, Reverse<u8>)>::new(self.store.clone());
        Ok(vec![
            (
                FingerprintField::Relation,
                Tree::<ByteMap, K>::new(another).fingerprint()?,
            ),
            (FingerprintField::Key, by_another_key.fingerprint()?),
        ])
    }

    /// Fails instead of waiting if the lock is held.
    fn with_exclusive_access(&self) -> Result<(), BoxError> {
        let locked = self.store.map.try_write();
        locked.map(drop).map_err(|error| error.to_string().into())
    }
}
