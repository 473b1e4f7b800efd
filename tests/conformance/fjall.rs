//! Runs the conformance kit on fjall's keyspaces by keys of each kind: live, and in a snapshot.

#![forbid(unsafe_code)]

use std::cmp::Reverse;

use keywalk_conformance::conformance;
use keywalk_tests::stores::fjall::{FjallHarness, FjallSnapshotHarness};
use keywalk_tests::stores::is_lawful_beside_writers;

conformance! {
    text: FjallHarness<String>, durable;
    bytes: FjallHarness<Vec<u8>>, durable;
    i64_and_text_descending: FjallHarness<(i64, Reverse<String>)>, durable, prefetched;
    i64: FjallHarness<i64>, durable, prefetched;
    snapshot: FjallSnapshotHarness<String>, durable, prefetched;
}

#[test]
fn walks_beside_writers_are_lawful() {
    is_lawful_beside_writers::<FjallHarness<String>>();
    is_lawful_beside_writers::<FjallHarness<(i64, Reverse<String>)>>();
}
