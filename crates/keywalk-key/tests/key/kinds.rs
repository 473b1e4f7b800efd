//! The names of key types are in stored cursors: they stay what they are.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use keywalk_key::{Key, Utf8};
use uuid::Uuid;

macro_rules! kinds {
    ($($key:ty),+ $(,)?) => {
        vec![$(<$key as Key>::kind().into_owned()),+]
    };
}

#[test]
fn kinds_of_single_keys_are_what_they_were() {
    assert_eq!(
        kinds!(u8, u16, u32, u64, u128, i8, i16, i32, i64, i128),
        [
            "u8", "u16", "u32", "u64", "u128", "i8", "i16", "i32", "i64", "i128"
        ]
    );
    assert_eq!(
        kinds!(Uuid, Vec<u8>, Utf8, String),
        ["Uuid", "bytes", "Utf8", "String"]
    );
    assert_eq!(
        kinds!(
            Reverse<u8>,
            Reverse<i64>,
            Reverse<Uuid>,
            Reverse<Vec<u8>>,
            Reverse<String>
        ),
        [
            "Reverse<u8>",
            "Reverse<i64>",
            "Reverse<Uuid>",
            "Reverse<bytes>",
            "Reverse<String>"
        ]
    );
}

#[test]
fn kinds_of_tuples_are_what_they_were() {
    assert_eq!(
        kinds!(
            (i64,),
            (String, i64),
            (Vec<u8>, Uuid),
            (i64, Reverse<String>),
            (Reverse<Reverse<Uuid>>, Reverse<u8>),
            (u8, u16, u32, u64, u128, String),
        ),
        [
            "(integer)",
            "(String, integer)",
            "(bytes, Uuid)",
            "(integer, Reverse<String>)",
            "(Reverse<Reverse<Uuid>>, Reverse<integer>)",
            "(integer, integer, integer, integer, integer, String)",
        ]
    );
}

#[test]
fn an_integer_column_may_become_wider() {
    macro_rules! same {
        ($($integer:ty),+) => {$(
            assert_eq!(<(String, $integer)>::kind(), "(String, integer)");
        )+};
    }
    same!(u8, u16, u32, u64, u128, i8, i16, i32, i64, i128);
}

#[test]
fn types_of_different_bytes_have_different_kinds() {
    let kinds = kinds!(
        u8,
        u16,
        u32,
        u64,
        u128,
        i8,
        i16,
        i32,
        i64,
        i128,
        Uuid,
        Vec<u8>,
        Utf8,
        String,
        Reverse<u8>,
        Reverse<i8>,
        Reverse<u64>,
        Reverse<i64>,
        Reverse<u128>,
        Reverse<Uuid>,
        Reverse<String>,
        Reverse<Vec<u8>>,
        (i64,),
        (Reverse<i64>,),
        (Uuid,),
        (String,),
        (Vec<u8>,),
        (Reverse<String>,),
        (String, i64),
        (i64, String),
        (i64, Reverse<String>),
        (i64, i64),
        (Reverse<i64>, String),
        (i64, i64, i64),
    );
    let different: BTreeSet<_> = kinds.iter().collect();
    assert_eq!(different.len(), kinds.len(), "{kinds:?}");
}
