//! Cursors of all stores are written down alike: one of a map that was shared is good for its copy in a
//! slice.

use std::convert::Infallible;

use keywalk::{Aspect, DurableSource, Fingerprint};
use keywalk_key::Key;

use crate::{Map, Poisoned, SharedMap, SkipList, Slice};

const SAME_NAME: &str =
    "give it by `named` the name that it had when the token was taken, or none where it had none";

macro_rules! durable {
    ($(impl[$($parameters:tt)*] for $store:ty, $error:ty);+;) => {$(
        /// Where keys have an order of their bytes. A cursor goes on over any store in memory of its name
        /// and type of key.
        #[deny(clippy::missing_trait_methods)]
        impl<$($parameters)*> DurableSource for $store {
            fn fingerprint(&self) -> Result<Fingerprint, $error> {
                let fingerprint = Fingerprint::new("memory").relation(&*self.name);
                Ok(fingerprint.key(K::kind()).cure(Aspect::Relation, SAME_NAME))
            }

            fn encode_key(&self, key: &K, bytes: &mut Vec<u8>) {
                key.encode(bytes);
            }

            fn decode_key(&self, bytes: &[u8]) -> Result<Option<K>, $error> {
                Ok(K::decode(bytes).ok())
            }

            fn key_text(&self, key: &K) -> String {
                key.text()
            }

            fn share(&self, first: &K, last: &K, at: &K) -> Option<f64> {
                K::share(first, last, at)
            }
        }
    )+};
}

durable! {
    impl[K: Key, V] for Map<'_, K, V>, Infallible;
    impl[K: Key, V: Clone] for SharedMap<K, V>, Poisoned;
    impl[K: Key, V: Clone] for SkipList<K, V>, Infallible;
    impl[T, K: Key, F: Fn(&T) -> K] for Slice<'_, T, F>, Infallible;
}
