//! Whatever bytes a tree holds: a key type takes its own, each in one way, and refuses the others.

use std::cmp::Reverse;
use std::fmt::Debug;

use keywalk::{Order, Walk};
use keywalk_sled::{ErrorKind, Key, Tree, Utf8};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use uuid::Uuid;

use crate::trees::{ORDERS, open};

/// What the walk does with a tree of this one key.
fn walk<K: Key + Debug>(tree: &sled::Tree, bytes: &[u8]) -> Result<bool, TestCaseError> {
    tree.clear().expect("it can be written");
    tree.insert(bytes, "").expect("it takes any key");
    match Walk::new(Tree::<K>::new(tree.clone()))
        .live()
        .items()
        .next()
    {
        Some(Ok((key, _))) => {
            prop_assert_eq!(key.to_bytes(), bytes, "{:?}", key);
            Ok(true)
        }
        Some(Err(keywalk::Error::Source(error))) => {
            prop_assert_eq!(error.kind(), ErrorKind::Key);
            prop_assert_eq!(error.key(), Some(bytes));
            Ok(false)
        }
        other => Err(TestCaseError::fail(format!("{other:?}"))),
    }
}

fn walk_by_each(tree: &sled::Tree, bytes: &[u8]) -> Result<(), TestCaseError> {
    prop_assert_eq!(walk::<i8>(tree, bytes)?, bytes.len() == 1);
    prop_assert_eq!(walk::<u16>(tree, bytes)?, bytes.len() == 2);
    prop_assert_eq!(walk::<i32>(tree, bytes)?, bytes.len() == 4);
    prop_assert_eq!(walk::<u64>(tree, bytes)?, bytes.len() == 8);
    prop_assert_eq!(walk::<Reverse<i64>>(tree, bytes)?, bytes.len() == 8);
    prop_assert_eq!(walk::<i128>(tree, bytes)?, bytes.len() == 16);
    prop_assert_eq!(walk::<Uuid>(tree, bytes)?, bytes.len() == 16);
    prop_assert!(walk::<Vec<u8>>(tree, bytes)?);
    prop_assert_eq!(
        walk::<Utf8>(tree, bytes)?,
        std::str::from_utf8(bytes).is_ok()
    );
    walk::<String>(tree, bytes)?;
    walk::<Reverse<String>>(tree, bytes)?;
    walk::<Reverse<Vec<u8>>>(tree, bytes)?;
    walk::<(i8, u8)>(tree, bytes)?;
    walk::<(i16, u16)>(tree, bytes)?;
    walk::<(i32, Reverse<u32>)>(tree, bytes)?;
    walk::<(Reverse<i64>, u64)>(tree, bytes)?;
    walk::<(i128, Reverse<i128>)>(tree, bytes)?;
    walk::<(u128, Vec<u8>)>(tree, bytes)?;
    walk::<(String, i64)>(tree, bytes)?;
    walk::<(Reverse<String>, Uuid, Reverse<Vec<u8>>)>(tree, bytes)?;
    walk::<(Reverse<Reverse<Vec<u8>>>, Reverse<i64>)>(tree, bytes)?;
    Ok(())
}

/// Bytes that look like columns.
fn columns() -> impl Strategy<Value = Vec<u8>> {
    let code = prop_oneof![
        0x00..0x03_u8,
        0x0a..0x1f_u8,
        Just(0x30),
        Just(0xff),
        any::<u8>()
    ];
    let plain = vec(
        (
            code,
            vec(prop_oneof![Just(0), Just(0xff), any::<u8>()], 0..10),
        ),
        0..4,
    )
    .prop_map(|columns| {
        let columns = columns
            .into_iter()
            .map(|(code, rest)| [vec![code], rest].concat());
        columns.collect::<Vec<_>>().concat()
    });
    (plain, any::<bool>()).prop_map(|(mut bytes, turned)| {
        if turned {
            bytes.iter_mut().for_each(|byte| *byte = !*byte);
        }
        bytes
    })
}

/// A key's own bytes with one of them changed, left out or added.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let key = (
        any::<String>(),
        any::<i64>(),
        vec(any::<u8>(), 0..4),
        any::<u128>(),
    );
    (key, any::<Index>(), any::<u8>(), 0..4_u8).prop_map(
        |((text, number, raw, id), at, byte, how)| {
            let mut bytes = match byte % 4 {
                0 => (text, number).to_bytes(),
                1 => (Reverse(text), Uuid::from_u128(id), Reverse(raw)).to_bytes(),
                2 => (Reverse(Reverse(raw)), Reverse(number)).to_bytes(),
                _ => (number as i32, Reverse(number as u32)).to_bytes(),
            };
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.truncate(at),
                2 => bytes.insert(at, byte),
                _ => bytes.push(byte),
            }
            bytes
        },
    )
}

#[test]
fn hostile_bytes_are_one_key_or_an_error() {
    let db = open();
    let tree = db.open_tree("hostile").unwrap();
    let any_bytes = prop_oneof![vec(any::<u8>(), 0..20), columns(), damaged()];
    proptest!(ProptestConfig::with_cases(600), |(bytes in any_bytes)| {
        walk_by_each(&tree, &bytes)?;
    });
}

#[test]
fn a_second_way_to_write_a_key_is_refused() {
    let db = open();
    let refused = |bytes: &[u8]| !walk::<(i64,)>(&db, bytes).unwrap();
    assert!(!refused(b"\x15\x01"));
    // A leading zero, a negative zero, and the form of large integers.
    assert!(refused(b"\x16\x00\x01"));
    assert!(refused(b"\x13\xff"));
    assert!(refused(b"\x1d\x01\x01"));
    assert!(refused(b"\x1d\x00"));
    // Too large, cut short, too long.
    assert!(refused(b"\x1c\xff\xff\xff\xff\xff\xff\xff\xff"));
    assert!(refused(b"\x16\x01"));
    assert!(refused(b"\x15\x01\x00"));
    assert!(refused(b""));
}

#[test]
fn the_longest_and_the_highest_keys_come_in_order_both_ways() {
    let db = open();
    let million = 1 << 20;
    let mut keys = vec![Vec::new()];
    for byte in [0, 0x7f, 0xff] {
        for length in [
            1,
            2,
            3,
            4,
            5,
            8,
            255,
            256,
            257,
            million - 1,
            million,
            million + 1,
        ] {
            keys.push(vec![byte; length]);
        }
        // Long and different at their ends alone.
        for end in [0, 0xff] {
            keys.push([&vec![byte; million][..], &[end, end]].concat());
        }
    }
    keys.sort();
    keys.dedup();
    for key in &keys {
        db.insert(key, &key.len().to_be_bytes()).unwrap();
    }
    for order in ORDERS {
        for size in [1, 1_000] {
            let tree = Tree::<Vec<u8>>::new((*db).clone());
            let walk = Walk::new(tree).order(order).chunk_size(size).into_iter();
            let mut found: Vec<Vec<u8>> = walk
                .map(|item| {
                    let (key, value) = item.unwrap();
                    assert_eq!(value, &key.len().to_be_bytes());
                    key
                })
                .collect();
            if order == Order::Descending {
                found.reverse();
            }
            // Not `assert_eq!`, which would print them.
            assert!(found == keys, "{order:?}, chunks of {size}");
        }
    }
}
