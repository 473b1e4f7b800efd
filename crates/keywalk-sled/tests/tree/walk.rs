//! Trees are walked as their keys are ordered, both ways, in chunks of any size.

use std::fmt::Debug;
use std::ops::Bound;

use keywalk::{ChunkSource, KeyRange, LastKey, Walk};
use keywalk_sled::{Key, Tree, Utf8};

use crate::trees::{ORDERS, insert, open};

/// Walks in every chunk size, both ways, bounded and live, and compares.
fn check<K: Key + Debug>(tree: &sled::Tree, bounds: (Bound<K>, Bound<K>), expected: &[K]) {
    let mut source = Tree::<K>::new(tree.clone());
    let mut expected = expected.to_vec();
    for order in ORDERS {
        for size in [1, 2, 3, 7, 100, usize::MAX] {
            for live in [false, true] {
                let walk = Walk::new(&mut source).range(bounds.clone()).order(order);
                let walk = if live { walk.live() } else { walk };
                let keys: Vec<K> = walk
                    .chunk_size(size)
                    .into_iter()
                    .map(|item| {
                        let (key, value) = item.expect("the walk goes on");
                        assert_eq!(value, key.to_bytes());
                        key
                    })
                    .collect();
                assert_eq!(keys, expected, "chunks of {size}, {order:?}, live: {live}");
            }
        }
        let range = KeyRange::new(bounds.clone(), order);
        assert_eq!(
            source.last_key(&range).expect("it is read"),
            LastKey::from(expected.last().cloned())
        );
        expected.reverse();
    }
}

#[test]
fn integers_around_zero_come_in_order_both_ways() {
    // Over these sled's own `next_back` panics, where a leaf begins at 0 and the one before it at
    // 7f ff ff ff ff ff ff f0: it takes `7f ff ff ff ff` for what comes before `80`.
    let db = open();
    let keys: Vec<i64> = (-1_000..1_000).collect();
    let down: Vec<i64> = keys.iter().rev().copied().collect();
    let (mixed, falling) = (
        db.open_tree("mixed").unwrap(),
        db.open_tree("falling").unwrap(),
    );
    insert(&mixed, &keys);
    for key in down {
        falling.insert(key.to_bytes(), key.to_bytes()).unwrap();
    }
    for tree in [&mixed, &falling] {
        check(tree, (Bound::Unbounded, Bound::Unbounded), &keys);
        check(
            tree,
            (Bound::Included(-5), Bound::Excluded(5)),
            &keys[995..1_005],
        );
        check(tree, (Bound::Unbounded, Bound::Excluded(0)), &keys[..1_000]);
        check(
            tree,
            (Bound::Excluded(-1), Bound::Unbounded),
            &keys[1_000..],
        );
    }
    for key in 0..1_000_i64 {
        falling.remove(key.to_bytes()).unwrap();
    }
    check(
        &falling,
        (Bound::Unbounded, Bound::Unbounded),
        &keys[..1_000],
    );
}

#[test]
fn keys_of_every_density_come_in_order_both_ways() {
    let db = open();
    let tree = db.open_tree("skewed").unwrap();
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
        }
        for zeros in 0..150 {
            keys.push([stem, &vec![0; zeros]].concat());
            keys.push([stem, &vec![0xff; zeros]].concat());
        }
    }
    keys.sort();
    keys.dedup();
    insert(&tree, &keys);
    check(&tree, (Bound::Unbounded, Bound::Unbounded), &keys);
    let (low, high) = (keys.len() / 3, keys.len() * 2 / 3);
    let bounds = (
        Bound::Excluded(keys[low].clone()),
        Bound::Included(keys[high].clone()),
    );
    check(&tree, bounds, &keys[low + 1..=high]);
}

#[test]
fn an_empty_tree_ends_at_once() {
    let db = open();
    check::<u8>(&db, (Bound::Unbounded, Bound::Unbounded), &[]);
    check::<Utf8>(
        &db,
        (Bound::Included(Utf8::from("a")), Bound::Unbounded),
        &[],
    );
}

#[test]
fn a_cursor_within_a_chunk_is_exact() {
    let db = open();
    let all: Vec<(u8, String)> = (0..20).map(|n| (n, format!("item {n}"))).collect();
    insert(&db, &all);
    for taken in 0..20 {
        let mut source = Tree::<(u8, String)>::new((*db).clone());
        let mut items = Walk::new(&mut source).chunk_size(7).into_iter();
        let mut keys: Vec<_> = items.by_ref().take(taken).map(Result::unwrap).collect();
        let cursor = items.cursor();
        let rest = Walk::new(&mut source).resume(cursor).into_iter();
        keys.extend(rest.map(Result::unwrap));
        assert!(keys.iter().map(|(key, _)| key).eq(&all), "{taken} items");
    }
}

/// The cursor after each item, which lies within a chunk, tells the next.
fn cursors_are_exact<K: Key + Debug>(keys: &[K]) {
    let db = open();
    insert(&db, keys);
    let mut items = Walk::new(Tree::<K>::new((*db).clone())).into_iter();
    for expected in &keys[1..] {
        assert!(items.next().is_some_and(|item| item.is_ok()));
        let rest = Walk::new(Tree::<K>::new((*db).clone())).resume(items.cursor());
        let next = rest
            .items()
            .next()
            .expect("there is more")
            .expect("it is read");
        assert_eq!(next.0, *expected);
    }
}

#[test]
fn a_cursor_within_a_chunk_is_exact_whatever_the_key() {
    cursors_are_exact::<i64>(&[-2, -1, 0, 1, 2]);
    cursors_are_exact::<u8>(&[0, 1, 2, 255]);
    cursors_are_exact::<Vec<u8>>(&[vec![], vec![0], vec![0, 1], vec![7]]);
    cursors_are_exact::<String>(&["".into(), "a".into(), "ab".into(), "b".into()]);
    cursors_are_exact::<(i64, String)>(&[(-1, "b".into()), (0, "".into()), (0, "a".into())]);
}
