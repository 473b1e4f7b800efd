//! Runs the conformance kit on sled trees. A tree is walked by the bytes of its keys: short and long keys, of fixed and
//! of variable length, ascending and descending. keywalk-bytes tests the bytes of each type.

#![forbid(unsafe_code)]

use std::cmp::Reverse;

use keywalk_conformance::conformance;
use keywalk_sled::BareString;
use keywalk_tests::stores::is_lawful_beside_writers;
use keywalk_tests::stores::sled::{OwnSledHarness, SledHarness};
use uuid::Uuid;

conformance! {
    key_i8: SledHarness<i8>, durable;
    key_u128: SledHarness<u128>, durable;
    text: SledHarness<String>, durable, prefetched;
    bare_text: SledHarness<BareString>, durable;
    bytes_descending: SledHarness<Reverse<Vec<u8>>>, durable, prefetched;
    bytes_and_uuid_or_none: SledHarness<(Option<Vec<u8>>, Reverse<Option<Uuid>>)>, durable;
    i64_and_text_descending: SledHarness<(i64, Reverse<String>)>, durable;
    i64_in_a_database_of_its_own: OwnSledHarness<i64>, durable, prefetched;
}

#[test]
fn walks_beside_writers_are_lawful() {
    is_lawful_beside_writers::<SledHarness<String>>();
    is_lawful_beside_writers::<SledHarness<(i64, Reverse<String>)>>();
}
