//! Trees that change while they are walked.

use std::collections::BTreeSet;

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, Order};
use keywalk_sled::Tree;
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use crate::trees::{ORDERS, insert, open};

/// What others do to a tree between two fetches.
#[derive(Clone, Debug)]
enum Change {
    Insert(Vec<u8>),
    Remove(Vec<u8>),
    Clear,
}

/// Of bytes that are often at the ends of what bytes can be.
fn key(byte: impl Strategy<Value = u8>) -> impl Strategy<Value = Vec<u8>> {
    vec(
        prop_oneof![Just(0), Just(0x7f), Just(0x80), Just(0xff), byte],
        0..9,
    )
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        8 => key(Just(0)).prop_map(Change::Insert),
        8 => key(Just(0)).prop_map(Change::Remove),
        1 => Just(Change::Clear),
    ]
}

fn apply(change: Change, tree: &sled::Tree, model: &mut BTreeSet<Vec<u8>>) {
    match change {
        Change::Insert(key) => {
            tree.insert(&key, "").expect("it can be written");
            model.insert(key);
        }
        Change::Remove(key) => {
            tree.remove(&key).expect("it can be written");
            model.remove(&key);
        }
        Change::Clear => {
            tree.clear().expect("it can be written");
            model.clear();
        }
    }
}

fn keys<K: Clone, V>(chunk: &Chunk<(K, V)>) -> Vec<K> {
    chunk
        .as_slice()
        .iter()
        .map(|(key, _)| key.clone())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Between fetches keys come and go; a chunk is then exactly what the tree holds (G7).
    #[test]
    fn each_chunk_is_the_models(
        keys_at_first in btree_set(key(any::<u8>()), 0..120),
        changes in vec(vec(change(), 0..9), 0..30),
        size in 1..20_usize,
        order in prop::sample::select(&ORDERS[..]),
    ) {
        let db = open();
        let mut model = keys_at_first;
        for key in &model {
            db.insert(key, "").unwrap();
        }
        let mut tree = Tree::<Vec<u8>>::new((*db).clone());
        let mut range = KeyRange::all(order);
        let mut changes = changes.into_iter();
        let mut chunk = Chunk::with_limit(size);
        loop {
            let fetched = tree.fetch(&range, &mut chunk).unwrap();
            let mut expected: Vec<_> = model.iter().filter(|key| range.may_contain(key)).cloned().collect();
            if order == Order::Descending {
                expected.reverse();
            }
            expected.truncate(size);
            let mut found = keys(&chunk);
            prop_assert_eq!(&found, &expected);
            prop_assert_eq!(fetched == Fetched::More, found.len() == size);
            let Some(last) = found.pop() else { break };
            range.start_after(last);
            chunk.clear();
            for change in changes.next().unwrap_or_default() {
                apply(change, &db, &mut model);
            }
        }
    }
}

#[test]
fn what_other_ranges_taught_a_source_does_not_lead_it_out_of_this_one() {
    let db = open();
    insert(&db, &(0..200).collect::<Vec<u16>>());
    for (low, high) in (0..45).flat_map(|low| (low..45).map(move |high| (low, high))) {
        let mut tree = Tree::<u16>::new((*db).clone());
        let mut chunk = Chunk::with_limit(16);
        let all = KeyRange::all(Order::Descending);
        tree.fetch(&all, &mut chunk).unwrap();
        chunk.clear();
        let bounds = (
            std::ops::Bound::Excluded(low),
            std::ops::Bound::Included(high),
        );
        let range = KeyRange::new(bounds, Order::Descending);
        let fetched = tree.fetch(&range, &mut chunk).unwrap();
        let expected: Vec<u16> = (low + 1..=high).rev().take(16).collect();
        assert_eq!(keys(&chunk), expected, "{range:?}");
        assert_eq!(fetched == Fetched::More, chunk.len() == 16, "{range:?}");
    }
}
