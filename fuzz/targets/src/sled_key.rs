//! The bytes of keywalk-sled's keys.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::fmt::Debug;

use arbitrary::{Arbitrary, Unstructured};
use keywalk::{Error, Order, Walk};
use keywalk_sled::{ErrorKind, Key, Tree, Utf8};
use uuid::Uuid;

use crate::emptied::Emptied;

/// A key that can be made of nothing in particular.
trait Made: Key + Debug {
    fn made(input: &mut Unstructured<'_>) -> arbitrary::Result<Self>;
}

macro_rules! made {
    ($($key:ty),+ $(,)?) => {$(
        impl Made for $key {
            fn made(input: &mut Unstructured<'_>) -> arbitrary::Result<Self> {
                Self::arbitrary(input)
            }
        }
    )+};
}

made!(
    u8,
    u64,
    u128,
    i8,
    i16,
    i32,
    i64,
    i128,
    String,
    Vec<u8>,
    Reverse<i64>,
    Reverse<String>,
    Reverse<Vec<u8>>,
    (String,),
    (String, i64),
    (u8, i8),
    (i128, u128),
    (i64, Reverse<String>),
    (Reverse<Vec<u8>>, String, Reverse<i128>),
    (Reverse<String>, Reverse<String>),
    (u16, i32, String, Vec<u8>, u64, Reverse<u32>),
);

impl Made for Utf8 {
    fn made(input: &mut Unstructured<'_>) -> arbitrary::Result<Self> {
        String::arbitrary(input).map(Utf8)
    }
}

impl Made for Uuid {
    fn made(input: &mut Unstructured<'_>) -> arbitrary::Result<Self> {
        Arbitrary::arbitrary(input).map(Uuid::from_bytes)
    }
}

impl Made for Reverse<Uuid> {
    fn made(input: &mut Unstructured<'_>) -> arbitrary::Result<Self> {
        Uuid::made(input).map(Reverse)
    }
}

impl Made for (Vec<u8>, Uuid) {
    fn made(input: &mut Unstructured<'_>) -> arbitrary::Result<Self> {
        Ok((Arbitrary::arbitrary(input)?, Uuid::made(input)?))
    }
}

/// What is decoded and is the one way to write it, as a walk has it.
fn canonical<K: Made>(bytes: &[u8]) -> Option<K> {
    let key = K::decode(bytes).ok()?;
    let again = key.to_bytes();
    assert_eq!(
        K::decode(&again).as_ref(),
        Ok(&key),
        "{key:?} is written as something else"
    );
    (again == bytes).then_some(key)
}

fn check_pair<K: Made>(a: &[u8], b: &[u8]) {
    let (Some(key), Some(other)) = (canonical::<K>(a), canonical::<K>(b)) else {
        return;
    };
    assert_eq!(key.cmp(&other), a.cmp(b), "{key:?} beside {other:?}");
    let mut place = key.clone();
    assert_eq!(place.decode_in_place(b), Ok(()), "{b:?} over {key:?}");
    assert_eq!(place, other);
    place.copy_from(&key);
    assert_eq!(place, key);
}

fn check_made<K: Made>(key: &K, other: &K) {
    let (a, b) = (key.to_bytes(), other.to_bytes());
    assert_eq!(K::decode(&a).as_ref(), Ok(key));
    assert_eq!(key.cmp(other), a.cmp(&b), "{key:?} beside {other:?}");
    let mut bytes = b"before".to_vec();
    key.encode(&mut bytes);
    assert_eq!(bytes, [b"before", a.as_slice()].concat(), "it is appended");
    check_pair::<K>(&a, &b);
}

/// What a tree holds comes in order, as far as it is keys; the first that is none is named.
fn check_walk<K: Made>(stored: &[Vec<u8>], order: Order, chunk_size: usize) {
    thread_local! {
        static TREE: RefCell<Emptied> = const { RefCell::new(Emptied::new()) };
    }
    let tree = TREE.with_borrow_mut(Emptied::tree);
    for key in stored {
        tree.insert(key, key.as_slice()).expect("sled takes it");
    }
    let mut entries: Vec<&[u8]> = stored.iter().map(Vec::as_slice).collect();
    entries.sort_unstable();
    entries.dedup();
    if order == Order::Descending {
        entries.reverse();
    }
    let bad = entries.iter().position(|key| canonical::<K>(key).is_none());

    let walk = Walk::new(Tree::<K>::new(tree)).live();
    let mut items = walk.order(order).chunk_size(chunk_size).items();
    let mut count = 0;
    let mut failed = None;
    for item in items.by_ref() {
        match item {
            Ok((key, value)) => {
                assert_eq!(value, entries[count], "in order, {count} before");
                assert_eq!(key.to_bytes(), entries[count]);
                count += 1;
            }
            Err(error) => failed = Some(error),
        }
    }
    match (bad, failed) {
        (None, None) => assert_eq!(count, entries.len()),
        (Some(bad), Some(Error::Source(error))) => {
            assert_eq!(error.kind(), ErrorKind::Key);
            assert_eq!(error.key(), Some(entries[bad]), "{error}");
            assert_eq!(count, bad / chunk_size * chunk_size, "whole chunks");
            assert!(error.to_string().len() < 1_000, "{error}");
        }
        other => panic!("{other:?} after {count} of {entries:?}"),
    }
}

fn check<K: Made>(input: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let order = match bool::arbitrary(input)? {
        false => Order::Ascending,
        true => Order::Descending,
    };
    let chunk_size = usize::from(u8::arbitrary(input)? % 4) + 1;
    let (key, other) = (K::made(input)?, K::made(input)?);
    check_made(&key, &other);
    let mut stored = vec![key.to_bytes(), other.to_bytes()];
    while stored.len() < 8 && !input.is_empty() {
        let length = usize::from(u8::arbitrary(input)? % 40).min(input.len());
        stored.push(input.bytes(length)?.to_vec());
    }
    for a in &stored {
        for b in &stored {
            check_pair::<K>(a, b);
        }
    }
    check_walk::<K>(&stored, order, chunk_size);
    Ok(())
}

macro_rules! by_type {
    ($input:ident, $choice:expr; $($key:ty),+ $(,)?) => {{
        let checks: &[fn(&mut Unstructured<'_>) -> arbitrary::Result<()>] = &[$(check::<$key>),+];
        checks[$choice % checks.len()](&mut $input)
    }};
}

/// Bytes are a key that is written as those bytes, or none; keys compare as their bytes do; and a walk
/// gives all keys of a tree in order, or names the first that is none.
///
/// # Panics
///
/// If that isn't so.
pub fn run(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let choice = usize::from(u8::arbitrary(&mut input).unwrap_or_default());
    // What is too short says nothing.
    let _ = by_type!(input, choice;
        String,
        (String, i64),
        Reverse<String>,
        Vec<u8>,
        Utf8,
        Uuid,
        i64,
        Reverse<i64>,
        (i64, Reverse<String>),
        (Reverse<Vec<u8>>, String, Reverse<i128>),
        (i128, u128),
        (u16, i32, String, Vec<u8>, u64, Reverse<u32>),
        (Vec<u8>, Uuid),
        Reverse<Uuid>,
        Reverse<Vec<u8>>,
        (String,),
        (u8, i8),
        (Reverse<String>, Reverse<String>),
        u8,
        u64,
        u128,
        i8,
        i16,
        i32,
        i128,
    );
}
