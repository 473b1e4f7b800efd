//! Trees that change while they are walked.

use std::collections::BTreeMap;

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, Order, Walk};
use keywalk_sled::{Key, Tree};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use crate::trees::{ORDERS, insert, open};

#[test]
fn what_a_loop_deletes_and_inserts_does_not_disturb_it() {
    for order in ORDERS {
        for size in [1, 2, 7, 40] {
            let db = open();
            let keys: Vec<i32> = (-300..=300).collect();
            insert(&db, &keys);
            let step = if order == Order::Ascending { 1 } else { -1 };
            let mut seen = Vec::new();
            let source = Tree::<i32>::new((*db).clone());
            for item in Walk::new(source).order(order).chunk_size(size) {
                let (key, _) = item.unwrap();
                // Itself, and of those ahead, farther than a chunk, every other.
                db.remove(key.to_bytes()).unwrap();
                if key % 2 == 0 {
                    db.remove((key + step * 101).to_bytes()).unwrap();
                }
                // Behind, one that was there comes again.
                db.insert((key - step).to_bytes(), "again").unwrap();
                seen.push(key);
            }
            let mut expected = keys;
            if order == Order::Descending {
                expected.reverse();
            }
            let start = expected[0];
            expected.retain(|key| key % 2 == 0 || (key - start).abs() < 101);
            assert_eq!(seen, expected, "{order:?}, chunks of {size}");
        }
    }
}

#[test]
fn appended_keys_are_chased_by_live_walks_alone() {
    let db = open();
    insert(&db, &[1_u64, 2, 3]);
    for (live, most) in [(false, 3), (true, 50)] {
        let walk = Walk::new(Tree::<u64>::new((*db).clone())).chunk_size(2);
        let walk = if live { walk.live() } else { walk };
        let mut count = 0;
        for item in walk.into_iter().take(50) {
            let (key, _) = item.unwrap();
            count += 1;
            db.insert((key + 1_000).to_bytes(), "appended").unwrap();
            db.insert((key + 1_001).to_bytes(), "appended").unwrap();
        }
        assert_eq!(count, most);
        for key in 1_000..3_000_u64 {
            db.remove(key.to_bytes()).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Between fetches keys come and go; a chunk is then exactly what the tree holds (G7).
    #[test]
    fn each_chunk_is_the_models(
        keys in btree_set(vec(prop_oneof![Just(0), Just(0x80), Just(0xff), any::<u8>()], 0..9), 0..120),
        changes in vec((any::<bool>(), vec(prop_oneof![Just(0), Just(0x7f), Just(0xff)], 0..9)), 0..60),
        size in 1..20_usize,
        descending in any::<bool>(),
    ) {
        let db = open();
        let mut model: BTreeMap<Vec<u8>, ()> = keys.into_iter().map(|key| (key, ())).collect();
        for key in model.keys() {
            db.insert(key, "").unwrap();
        }
        let order = if descending { Order::Descending } else { Order::Ascending };
        let mut tree = Tree::<Vec<u8>>::new((*db).clone());
        let mut range = KeyRange::all(order);
        let mut changes = changes.chunks(3);
        let mut chunk = Chunk::with_limit(size);
        loop {
            let fetched = tree.fetch(&range, &mut chunk).unwrap();
            let mut expected: Vec<Vec<u8>> =
                model.keys().filter(|key| range.admits(key)).cloned().collect();
            if descending {
                expected.reverse();
            }
            let found: Vec<Vec<u8>> = chunk.as_slice().iter().map(|(key, _)| key.clone()).collect();
            prop_assert_eq!(&found[..], &expected[..expected.len().min(size)]);
            prop_assert_eq!(fetched == Fetched::More, found.len() == size);
            let Some(last) = found.last().cloned() else { break };
            range.advance_past(last);
            chunk.clear();
            for (insert, key) in changes.next().unwrap_or_default() {
                if *insert {
                    db.insert(key, "").unwrap();
                    model.insert(key.clone(), ());
                } else {
                    db.remove(key).unwrap();
                    model.remove(key);
                }
            }
        }
    }
}
