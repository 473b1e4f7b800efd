//! Sources whose cursors can be written down, and what is peculiar about that.

use std::sync::Arc;

use keywalk::{Aspect, DurableSource, Fingerprint};
use keywalk_conformance::{Blown, KnownKey};
use keywalk_key::Key;

use super::store::{Quirk, Source, Store};

/// A key of the kit's that has bytes.
pub(crate) trait DurableKey: Key + KnownKey + Send + Sync {}

impl<K: Key + KnownKey + Send + Sync> DurableKey for K {}

/// What is peculiar about a source's tokens. Everything provided is sound.
pub(crate) trait Durable<K: DurableKey>: Quirk<K> {
    fn encode_key(&self, key: &K, bytes: &mut Vec<u8>) {
        key.encode(bytes);
    }

    fn decode_key(&self, store: &Arc<Store<K>>, bytes: &[u8]) -> Result<Option<K>, Blown> {
        let _ = store;
        Ok(K::decode(bytes).ok())
    }

    /// Hexadecimal digits, as what is provided; one more, so that no key has none.
    fn key_text(&self, key: &K) -> String {
        let bytes = key.to_bytes().into_iter();
        bytes.fold("x".to_owned(), |text, byte| format!("{text}{byte:02x}"))
    }

    fn share(&self, first: &K, last: &K, at: &K) -> Option<f64> {
        K::share(first, last, at)
    }
}

/// What a source walks, or another one.
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

    /// What it must be told apart from.
    pub(crate) fn strangers() -> [(Aspect, Walked); 4] {
        let (table, key) = ("items", "id DESC");
        let own = Walked::OWN;
        [
            (Aspect::Relation, Walked { table, ..own }),
            (Aspect::Key, Walked { key, ..own }),
            (
                Aspect::Filter,
                Walked {
                    tenant: Some(6),
                    ..own
                },
            ),
            (
                Aspect::Filter,
                Walked {
                    tenant: None,
                    ..own
                },
            ),
        ]
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let all = Fingerprint::new("quirky")
            .relation(self.table)
            .key(self.key);
        match self.tenant {
            Some(tenant) => all.filter("tenant = ?").with_value(&[tenant]),
            None => all,
        }
    }
}

impl<Q: Durable<K>, K: DurableKey> DurableSource for Source<Q, K> {
    fn fingerprint(&self) -> Result<Fingerprint, Blown> {
        Ok(self.quirk.fingerprint(&self.store, &Walked::OWN))
    }

    fn encode_key(&self, key: &K, bytes: &mut Vec<u8>) {
        self.quirk.encode_key(key, bytes);
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<K>, Blown> {
        self.quirk.decode_key(&self.store, bytes)
    }

    fn key_text(&self, key: &K) -> String {
        self.quirk.key_text(key)
    }

    fn share(&self, first: &K, last: &K, at: &K) -> Option<f64> {
        self.quirk.share(first, last, at)
    }
}
