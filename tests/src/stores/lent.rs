use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use keywalk::{Fingerprint, FingerprintField, ResumableSource};
use keywalk_bytes::Key;
use keywalk_conformance::{BoxError, Capabilities, Capability, Harness, KeySpace, KnownKey};
use keywalk_memory::{Named, SortedSlice};
use typed_arena::Arena;

/// A map of which each source borrows a copy. What is borrowed can't change, so a source reads from a snapshot.
pub struct LentMap<K> {
    now: RefCell<BTreeMap<K, u64>>,
    lent: Arena<BTreeMap<K, u64>>,
}

/// The same, laid out as a sorted slice.
pub struct LentSlice<K> {
    now: RefCell<BTreeMap<K, u64>>,
    lent: Arena<Vec<(K, u64)>>,
}

type KeyOf<K> = fn(&(K, u64)) -> K;

const SNAPSHOT: Capabilities = Capabilities {
    descending: Capability::Yes,
    mutation: Capability::Yes,
    replacement: Capability::Yes,
    snapshot: Capability::Yes,
    threads: Capability::No("what is borrowed can't be changed by another thread"),
    faults: Capability::No("reading memory doesn't fail"),
    reopening: Capability::No("memory doesn't outlive its process"),
    counting: Capability::No("memory doesn't count its reads"),
};

macro_rules! lent {
    ($name:ident, $a:lifetime $source:ty, $item:pat => $value:expr, $copy:ident => $lend:expr) => {
        impl<K: KnownKey + Key + Send> Harness for $name<K> {
            type Key = K;
            type Source<$a> = $source;

            fn open() -> Result<Self, BoxError> {
                Ok($name {
                    now: RefCell::default(),
                    lent: Arena::new(),
                })
            }

            fn capabilities() -> Capabilities {
                SNAPSHOT
            }

            fn source(&self) -> Result<Self::Source<'_>, BoxError> {
                let $copy = self
                    .lent
                    .alloc(self.now.borrow().clone().into_iter().collect());
                Ok($lend)
            }

            fn put(&self, key: &K, value: u64) -> Result<(), BoxError> {
                self.now.try_borrow_mut()?.insert(key.clone(), value);
                Ok(())
            }

            fn delete(&self, key: &K) -> Result<(), BoxError> {
                self.now.try_borrow_mut()?.remove(key);
                Ok(())
            }

            fn value($item: &<Self::Source<'_> as keywalk::Source>::Item) -> u64 {
                $value
            }

            fn keys() -> KeySpace<K> {
                KeySpace::known()
            }

            fn foreign_fingerprints(
                &self,
            ) -> Result<Vec<(FingerprintField, Fingerprint)>, BoxError> {
                Ok(foreign_fingerprints::<K>())
            }
        }

        impl<K> fmt::Debug for $name<K> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

lent!(LentMap, 'a Named<&'a BTreeMap<K, u64>>, (_, value) => **value, map => Named::new("", &*map));
lent!(
    LentSlice,
    'a Named<SortedSlice<'a, (K, u64), KeyOf<K>>>,
    (_, (_, value)) => *value,
    items => Named::new("", SortedSlice::new(items, (|(key, _)| key.clone()) as KeyOf<K>)?)
);

/// Returns the fingerprints of a store with another name and of one with another key type.
pub(super) fn foreign_fingerprints<K: Ord + Key>() -> Vec<(FingerprintField, Fingerprint)> {
    fn fingerprint<K: Ord + Key>(name: &'static str) -> Fingerprint {
        let of_none = Named::new(name, &BTreeMap::<K, u64>::new()).fingerprint();
        of_none.unwrap_or_else(|error| match error {})
    }
    vec![
        (FingerprintField::Relation, fingerprint::<K>("another")),
        (FingerprintField::Key, fingerprint::<u8>("")),
    ]
}
