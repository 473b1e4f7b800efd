//! Runs the conformance kit on redb: tables of bytes by keys of each kind, typed tables by redb's own order, snapshots.

#![forbid(unsafe_code)]

use std::cmp::Reverse;

use keywalk_conformance::conformance;
use keywalk_tests::stores::is_lawful_beside_writers;
use keywalk_tests::stores::redb::{Bytes, RedbHarness, Snapshots, Typed};

conformance! {
    i64: RedbHarness<Bytes<i64>>, durable, prefetched;
    text: RedbHarness<Bytes<String>>, durable;
    bytes: RedbHarness<Bytes<Vec<u8>>>, durable;
    i64_and_text_descending: RedbHarness<Bytes<(i64, Reverse<String>)>>, durable;
    typed_i64: RedbHarness<Typed<i64>>, durable;
    typed_text_and_i64: RedbHarness<Typed<(&'static str, i64)>>, durable, prefetched;
    snapshot: RedbHarness<Snapshots<String>>, durable, prefetched;
}

#[test]
fn walks_beside_writers_are_lawful() {
    is_lawful_beside_writers::<RedbHarness<Bytes<(i64, Reverse<String>)>>>();
    is_lawful_beside_writers::<RedbHarness<Typed<i64>>>();
}
