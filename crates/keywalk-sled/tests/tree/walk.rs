//! Trees over which sled's own `next_back` fails, or keys lie at odd distances, are walked both ways.

use std::fmt::Debug;
use std::ops::Bound::{self, Excluded, Included, Unbounded};

use keywalk::{ChunkSource, KeyRange, LastKey, Walk};
use keywalk_sled::{Key, Tree};

use crate::trees::{ORDERS, insert, open};

/// Walks in every chunk size, both ways, bounded and live, and compares.
fn check<K: Key + Debug>(tree: &sled::Tree, bounds: (Bound<K>, Bound<K>), expected: &[K]) {
    let mut source = Tree::<K>::new(tree.clone());
    let mut expected = expected.to_vec();
    for order in ORDERS {
        for (size, live) in [1, 2, 3, 7, 100, usize::MAX]
            .into_iter()
            .flat_map(|s| [(s, false), (s, true)])
        {
            let walk = Walk::new(&mut source).range(bounds.clone()).order(order);
            let walk = if live { walk.unbounded() } else { walk };
            let item = |item: Result<(K, Vec<u8>), _>| {
                let (key, value) = item.expect("the walk goes on");
                assert_eq!(value, key.to_bytes());
                key
            };
            let keys: Vec<K> = walk.chunk_size(size).into_iter().map(item).collect();
            assert_eq!(keys, expected, "chunks of {size}, {order:?}, live: {live}");
        }
        let range = KeyRange::new(bounds.clone(), order);
        let last = source.last_key(&range).expect("it is read");
        assert_eq!(last, LastKey::from(expected.last().cloned()));
        expected.reverse();
    }
}

#[test]
fn integers_around_zero_come_in_order_both_ways() {
    // Over these sled's own `next_back` panics, where a leaf begins at 0 and the one before it at
    // 7f ff ff ff ff ff ff f0: it takes `7f ff ff ff ff` for what comes before `80`.
    let db = open();
    let keys: Vec<i64> = (-1_000..1_000).collect();
    let [mixed, falling] = ["mixed", "falling"].map(|name| db.open_tree(name).unwrap());
    insert(&mixed, &keys);
    for key in keys.iter().rev() {
        falling.insert(key.to_bytes(), key.to_bytes()).unwrap();
    }
    for tree in [&mixed, &falling] {
        check(tree, (Unbounded, Unbounded), &keys);
        check(tree, (Included(-5), Excluded(5)), &keys[995..1_005]);
        check(tree, (Unbounded, Excluded(0)), &keys[..1_000]);
        check(tree, (Excluded(-1), Unbounded), &keys[1_000..]);
    }
    for key in 0..1_000_i64 {
        falling.remove(key.to_bytes()).unwrap();
    }
    check(&falling, (Unbounded, Unbounded), &keys[..1_000]);
}

#[test]
fn keys_of_every_density_come_in_order_both_ways() {
    let db = open();
    // Clusters far apart, of keys that differ in their last bytes, and keys that are one number.
    let mut keys: Vec<Vec<u8>> = vec![Vec::new()];
    for stem in [
        &b"\0"[..],
        b"a",
        b"user:0000000000000000000000000",
        b"z\xff\xff\xff\xff\xff",
        b"\xff\xff\xff\xff\xff\xff",
    ] {
        for number in 0..150_u32 {
            keys.push([stem, &number.to_be_bytes()].concat());
            keys.push([stem, number.to_string().as_bytes()].concat());
            keys.push([stem, &vec![0; number as usize]].concat());
            keys.push([stem, &vec![0xff; number as usize]].concat());
        }
    }
    keys.sort();
    keys.dedup();
    insert(&db, &keys);
    check(&db, (Unbounded, Unbounded), &keys);
    let (low, high) = (keys.len() / 3, keys.len() * 2 / 3);
    let bounds = (Excluded(keys[low].clone()), Included(keys[high].clone()));
    check(&db, bounds, &keys[low + 1..=high]);
}
