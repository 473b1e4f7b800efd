use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use keywalk_conformance::{BoxError, Harness, KeySpace};
use keywalk_memory::SharedMap;

/// A store that panics over an empty key. With `LEFT_OUT` its harness says so.
#[derive(Default)]
pub(crate) struct Picky<const LEFT_OUT: bool>(Arc<RwLock<BTreeMap<String, u64>>>);

impl<const LEFT_OUT: bool> Harness for Picky<LEFT_OUT> {
    type Key = String;
    type Source<'a> = SharedMap<String, u64>;

    fn open() -> Result<Self, BoxError> {
        Ok(Picky::default())
    }

    fn source(&self) -> Result<SharedMap<String, u64>, BoxError> {
        Ok(SharedMap::new(Arc::clone(&self.0)))
    }

    fn put(&self, key: &String, value: u64) -> Result<(), BoxError> {
        assert!(!key.is_empty(), "a key may not be empty");
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        entries.insert(key.clone(), value);
        Ok(())
    }

    fn delete(&self, key: &String) -> Result<(), BoxError> {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        entries.remove(key);
        Ok(())
    }

    fn value((_, value): &(String, u64)) -> u64 {
        *value
    }

    fn keys() -> KeySpace<String> {
        let keys = KeySpace::known();
        if LEFT_OUT {
            keys.filter(|key: &String| !key.is_empty())
        } else {
            keys
        }
    }
}
