//! Runs the conformance kit on keywalk-bytes, over a map of bytes: keys short and long, of fixed and of variable length,
//! ascending and descending. keywalk-bytes tests the bytes of each type.

#![forbid(unsafe_code)]

use std::cmp::Reverse;

use keywalk_bytes::BareString;
use keywalk_conformance::conformance;
use keywalk_tests::stores::{ByteMapHarness, is_lawful_beside_writers};
use uuid::Uuid;

conformance! {
    key_i8: ByteMapHarness<i8>, durable;
    key_u128: ByteMapHarness<u128>, durable;
    text: ByteMapHarness<String>, durable, prefetched;
    bare_text: ByteMapHarness<BareString>, durable;
    bytes_descending: ByteMapHarness<Reverse<Vec<u8>>>, durable;
    bytes_and_uuid_or_none: ByteMapHarness<(Option<Vec<u8>>, Reverse<Option<Uuid>>)>, durable;
    i64_and_text_descending: ByteMapHarness<(i64, Reverse<String>)>, durable;
}

#[test]
fn walks_beside_writers_are_lawful() {
    is_lawful_beside_writers::<ByteMapHarness<(i64, Reverse<String>)>>();
}
