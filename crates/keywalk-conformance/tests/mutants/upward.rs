use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, RwLock};

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, Order};
use keywalk_conformance::{BoxError, Capabilities, Capability, Harness, KeySpace, ReadsOn};
use keywalk_memory::{Poisoned, SharedMap};

/// A store that lists upwards, and doesn't know where it ends.
#[derive(Default)]
pub(crate) struct Upward(Arc<RwLock<BTreeMap<i64, u64>>>);

/// What is listed.
pub(crate) struct Listing(SharedMap<i64, u64>);

#[derive(Debug)]
pub(crate) enum Declined {
    Downwards,
    Poisoned(Poisoned),
}

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Declined::Downwards => f.write_str("the store can't be listed downwards"),
            Declined::Poisoned(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Declined {}

impl ChunkSource for Listing {
    type Key = i64;
    type Item = (i64, u64);
    type Error = Declined;

    fn fetch(
        &mut self,
        range: &KeyRange<i64>,
        chunk: &mut Chunk<(i64, u64)>,
    ) -> Result<Fetched<i64>, Declined> {
        match range.order() {
            Order::Ascending => self.0.fetch(range, chunk).map_err(Declined::Poisoned),
            Order::Descending => Err(Declined::Downwards),
        }
    }

    fn key_of(&self, (key, _): &(i64, u64)) -> i64 {
        *key
    }
}

impl Harness for Upward {
    type Key = i64;
    type Source<'a> = ReadsOn<Listing>;

    fn open() -> Result<Self, BoxError> {
        Ok(Upward::default())
    }

    fn capabilities() -> Capabilities {
        Capabilities {
            descending: Capability::No("the store lists upwards"),
            ..Capabilities::default()
        }
    }

    fn source(&self) -> Result<ReadsOn<Listing>, BoxError> {
        Ok(ReadsOn(Listing(SharedMap::new(Arc::clone(&self.0)))))
    }

    fn put(&self, key: &i64, value: u64) -> Result<(), BoxError> {
        self.0
            .write()
            .map_err(|error| error.to_string())?
            .insert(*key, value);
        Ok(())
    }

    fn delete(&self, key: &i64) -> Result<(), BoxError> {
        self.0
            .write()
            .map_err(|error| error.to_string())?
            .remove(key);
        Ok(())
    }

    fn value((_, value): &(i64, u64)) -> u64 {
        *value
    }

    fn keys() -> KeySpace<i64> {
        KeySpace::known()
    }
}
