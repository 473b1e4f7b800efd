//! Each store with the same items, for one test.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use crossbeam_skiplist::SkipMap;
use keywalk::ChunkSource;
use keywalk_memory::{Map, SharedMap, SkipList, Slice};

use crate::touchy::Touchy;

/// What is done with a store.
pub(crate) trait Visit {
    fn visit<S: ChunkSource<Key = Touchy>>(
        &mut self,
        name: &str,
        source: S,
        number: fn(&S::Item) -> u8,
    );
}

/// Keys and values from 0 up.
pub(crate) fn visit_each(count: u8, visit: &mut impl Visit) {
    let items = || (0..count).map(|n| (Touchy(n), Touchy(n)));
    let map: BTreeMap<Touchy, Touchy> = items().collect();
    visit.visit("Map", Map::new(&map), |(key, value)| same(key, value));

    let shared: Arc<RwLock<BTreeMap<Touchy, Touchy>>> = Arc::new(RwLock::new(items().collect()));
    let source = SharedMap::new(Arc::clone(&shared));
    visit.visit("SharedMap", source, |(key, value)| same(key, value));
    assert!(!shared.is_poisoned() && shared.try_write().is_ok());

    let list: Arc<SkipMap<Touchy, Touchy>> = Arc::new(items().collect());
    let source = SkipList::new(list);
    visit.visit("SkipList", source, |(key, value)| same(key, value));

    let numbers: Vec<u8> = (0..count).collect();
    let slice = Slice::new(&numbers, |number| Touchy(*number).clone()).expect("it is sorted");
    visit.visit("Slice", slice, |number| **number);
}

fn same(key: &Touchy, value: &Touchy) -> u8 {
    assert_eq!(key.0, value.0, "torn");
    key.0
}
