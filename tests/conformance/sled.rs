//! sled trees, through the conformance kit.

#![forbid(unsafe_code)]

use std::cmp::Reverse;

use keywalk_conformance::conformance;
use keywalk_sled::Utf8;
use keywalk_tests::stores::sled::{Own, SledHarness};
use uuid::Uuid;

conformance! {
    key_i8: SledHarness<i8>, durable;
    key_i16: SledHarness<i16>, durable;
    key_i32: SledHarness<i32>, durable;
    key_i64: SledHarness<i64>, durable, prefetched;
    key_i128: SledHarness<i128>, durable;
    key_u8: SledHarness<u8>, durable;
    key_u16: SledHarness<u16>, durable;
    key_u32: SledHarness<u32>, durable;
    key_u64: SledHarness<u64>, durable;
    key_u128: SledHarness<u128>, durable;
    key_uuid: SledHarness<Uuid>, durable, prefetched;
    text: SledHarness<String>, durable, prefetched;
    bare_text: SledHarness<Utf8>, durable;
    bytes: SledHarness<Vec<u8>>, durable;
    i64_descending: SledHarness<Reverse<i64>>, durable;
    text_descending: SledHarness<Reverse<String>>, durable;
    bytes_descending: SledHarness<Reverse<Vec<u8>>>, durable, prefetched;
    text_and_i64: SledHarness<(String, i64)>, durable;
    bytes_and_uuid: SledHarness<(Vec<u8>, Uuid)>, durable;
    i64_and_text_descending: SledHarness<(i64, Reverse<String>)>, durable, prefetched;
    i64_text_and_u64: SledHarness<(i64, String, u64)>, durable;
    i64_in_a_database_of_its_own: SledHarness<i64, Own>, durable, prefetched;
}
