//! Runs the conformance kit on sled trees: keys of fixed and of variable length. The other key types are walked over a
//! map of bytes.

#![forbid(unsafe_code)]

use std::cmp::Reverse;

use keywalk_conformance::conformance;
use keywalk_tests::stores::is_lawful_beside_writers;
use keywalk_tests::stores::sled::{OwnSledHarness, SledHarness};

conformance! {
    i64_in_a_database_of_its_own: OwnSledHarness<i64>, durable, prefetched;
    text: SledHarness<String>, durable, prefetched;
    i64_and_text_descending: SledHarness<(i64, Reverse<String>)>, durable;
}

#[test]
fn walks_beside_writers_are_lawful() {
    is_lawful_beside_writers::<SledHarness<(i64, Reverse<String>)>>();
}
