//! What is strict reads nothing but what it writes: stores then don't look again.

use std::cmp::Reverse;
use std::fmt::Debug;

use keywalk_key::{Key, Utf8};
use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

fn check<K: Key + Debug>(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let (true, Ok(key)) = (K::STRICT, K::decode(bytes)) {
        prop_assert_eq!(key.to_bytes(), bytes, "{:?}", key);
    }
    Ok(())
}

/// With many that begin as tuples do: a one-byte seven, and a two-byte one.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let letter = prop_oneof![
        Just(0),
        Just(7),
        Just(0x15),
        Just(0x16),
        Just(0xff),
        any::<u8>()
    ];
    let widths = prop_oneof![
        Just(0),
        Just(1),
        Just(2),
        Just(3),
        Just(4),
        Just(8),
        Just(16),
        0..20_usize
    ];
    widths.prop_flat_map(move |width| vec(letter.clone(), width))
}

proptest! {
    #[test]
    fn what_is_strict_reads_nothing_but_what_it_writes(bytes in bytes()) {
        check::<u8>(&bytes)?;
        check::<u16>(&bytes)?;
        check::<u32>(&bytes)?;
        check::<u64>(&bytes)?;
        check::<u128>(&bytes)?;
        check::<i8>(&bytes)?;
        check::<i16>(&bytes)?;
        check::<i32>(&bytes)?;
        check::<i64>(&bytes)?;
        check::<i128>(&bytes)?;
        check::<Uuid>(&bytes)?;
        check::<Vec<u8>>(&bytes)?;
        check::<Utf8>(&bytes)?;
        check::<String>(&bytes)?;
        check::<(i64,)>(&bytes)?;
        check::<(i64, String)>(&bytes)?;
        check::<Reverse<i64>>(&bytes)?;
        check::<Reverse<u16>>(&bytes)?;
        check::<Reverse<Uuid>>(&bytes)?;
        check::<Reverse<String>>(&bytes)?;
        check::<Reverse<Vec<u8>>>(&bytes)?;
    }
}

/// Each by itself: values of one constant are alike.
macro_rules! strict {
    ($($key:ty),+) => { $(const _: () = assert!(<$key as Key>::STRICT);)+ };
}

strict!(
    u8,
    u64,
    i64,
    i128,
    Uuid,
    Vec<u8>,
    Utf8,
    Reverse<u32>,
    Reverse<Uuid>
);
