//! Trees that change while they are walked.

use std::collections::BTreeSet;

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, Order, Walk};
use keywalk_sled::{Key, Tree};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use sled::transaction::TransactionResult;

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
        changes in vec(vec(change(), 0..3), 0..30),
        size in 1..20_usize,
        descending in any::<bool>(),
    ) {
        let db = open();
        let mut model: BTreeSet<Vec<u8>> = keys;
        for key in &model {
            db.insert(key, "").unwrap();
        }
        let order = ORDERS[usize::from(descending)];
        let mut tree = Tree::<Vec<u8>>::new((*db).clone());
        let mut range = KeyRange::all(order);
        let mut changes = changes.into_iter();
        let mut chunk = Chunk::with_limit(size);
        loop {
            let fetched = tree.fetch(&range, &mut chunk).unwrap();
            let mut expected: Vec<Vec<u8>> =
                model.iter().filter(|key| range.admits(key)).cloned().collect();
            if descending {
                expected.reverse();
            }
            let found: Vec<Vec<u8>> = chunk.as_slice().iter().map(|(key, _)| key.clone()).collect();
            prop_assert_eq!(&found[..], &expected[..expected.len().min(size)]);
            prop_assert_eq!(fetched == Fetched::More, found.len() == size);
            let Some(last) = found.last().cloned() else { break };
            range.advance_past(last);
            chunk.clear();
            for change in changes.next().unwrap_or_default() {
                change.apply(&db);
                change.apply_to(&mut model);
            }
        }
    }
}

/// What others do to a tree between two fetches.
#[derive(Clone, Debug)]
enum Change {
    Insert(Vec<u8>),
    Remove(Vec<u8>),
    Clear,
    /// All at once, and as a transaction if `true`.
    Several(bool, Vec<Change>),
}

fn change() -> impl Strategy<Value = Change> {
    let key = || vec(prop_oneof![Just(0), Just(0x7f), Just(0xff)], 0..9);
    let single = move || {
        prop_oneof![
            key().prop_map(Change::Insert),
            key().prop_map(Change::Remove)
        ]
    };
    let several = (any::<bool>(), vec(single(), 0..9));
    prop_oneof![
        12 => single(),
        1 => Just(Change::Clear),
        3 => several.prop_map(|(transaction, changes)| Change::Several(transaction, changes)),
    ]
}

impl Change {
    fn apply(&self, tree: &sled::Tree) {
        match self {
            Change::Insert(key) => drop(tree.insert(key, "").expect("it can be written")),
            Change::Remove(key) => drop(tree.remove(key).expect("it can be written")),
            Change::Clear => tree.clear().expect("it can be written"),
            Change::Several(transaction, changes) => {
                let mut batch = sled::Batch::default();
                for change in changes {
                    match change {
                        Change::Insert(key) => batch.insert(&key[..], ""),
                        Change::Remove(key) => batch.remove(&key[..]),
                        Change::Clear | Change::Several(..) => unreachable!("it isn't made"),
                    }
                }
                if *transaction {
                    let written: TransactionResult<()> =
                        tree.transaction(|tree| Ok(tree.apply_batch(&batch)?));
                    written.expect("nothing conflicts");
                } else {
                    tree.apply_batch(batch).expect("it can be written");
                }
            }
        }
    }

    fn apply_to(&self, model: &mut BTreeSet<Vec<u8>>) {
        match self {
            Change::Insert(key) => drop(model.insert(key.clone())),
            Change::Remove(key) => drop(model.remove(key)),
            Change::Clear => model.clear(),
            Change::Several(_, changes) => {
                for change in changes {
                    change.apply_to(model);
                }
            }
        }
    }
}
