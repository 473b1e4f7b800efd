//! sled trees, through the conformance kit.

#![forbid(unsafe_code)]

use std::cmp::Reverse;

use keywalk_conformance::conformance;
use keywalk_sled::Utf8;
use keywalk_tests::stores::sled::{Own, SledHarness};
use uuid::Uuid;

conformance! {
    key_i8: SledHarness<i8>;
    key_i16: SledHarness<i16>;
    key_i32: SledHarness<i32>;
    key_i64: SledHarness<i64>;
    key_i128: SledHarness<i128>;
    key_u8: SledHarness<u8>;
    key_u16: SledHarness<u16>;
    key_u32: SledHarness<u32>;
    key_u64: SledHarness<u64>;
    key_u128: SledHarness<u128>;
    key_uuid: SledHarness<Uuid>;
    text: SledHarness<String>;
    bare_text: SledHarness<Utf8>;
    bytes: SledHarness<Vec<u8>>;
    i64_descending: SledHarness<Reverse<i64>>;
    text_descending: SledHarness<Reverse<String>>;
    bytes_descending: SledHarness<Reverse<Vec<u8>>>;
    text_and_i64: SledHarness<(String, i64)>;
    bytes_and_uuid: SledHarness<(Vec<u8>, Uuid)>;
    i64_and_text_descending: SledHarness<(i64, Reverse<String>)>;
    i64_text_and_u64: SledHarness<(i64, String, u64)>;
    i64_in_a_database_of_its_own: SledHarness<i64, Own>;
}
