//! One set of keys in each of the stores.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use crossbeam_skiplist::SkipMap;
use keywalk_memory::keywalk_key::Key;
use keywalk_memory::{Map, SharedMap, SkipList, Slice};

pub(crate) struct Stores<K> {
    map: BTreeMap<K, u8>,
    shared: Arc<RwLock<BTreeMap<K, u8>>>,
    skips: Arc<SkipMap<K, u8>>,
    items: Vec<(K, u8)>,
    name: String,
}

impl<K: Key + Send + 'static> Stores<K> {
    pub(crate) fn new(name: &str, keys: &[K]) -> Self {
        let items: Vec<(K, u8)> = keys.iter().map(|key| (key.clone(), 7)).collect();
        Stores {
            map: items.iter().cloned().collect(),
            shared: Arc::new(RwLock::new(items.iter().cloned().collect())),
            skips: Arc::new(items.iter().cloned().collect()),
            items,
            name: name.to_owned(),
        }
    }

    pub(crate) fn map(&self) -> Map<'_, K, u8> {
        Map::new(&self.map).named(&self.name)
    }

    pub(crate) fn shared_map(&self) -> SharedMap<K, u8> {
        SharedMap::new(Arc::clone(&self.shared)).named(self.name.clone())
    }

    pub(crate) fn skip_list(&self) -> SkipList<K, u8> {
        SkipList::new(Arc::clone(&self.skips)).named(self.name.clone())
    }

    pub(crate) fn slice(&self) -> Slice<'_, (K, u8), impl Fn(&(K, u8)) -> K + Copy> {
        Slice::new(&self.items, |(key, _): &(K, u8)| key.clone())
            .expect("the keys are sorted")
            .named(&self.name)
    }
}

/// Does the same with each of the stores.
macro_rules! each {
    ($stores:expr, |$source:ident| $body:expr) => {{
        let stores = &$stores;
        {
            let $source = || stores.map();
            $body;
        }
        {
            let $source = || stores.shared_map();
            $body;
        }
        {
            let $source = || stores.skip_list();
            $body;
        }
        {
            let $source = || stores.slice();
            $body;
        }
    }};
}
pub(crate) use each;
