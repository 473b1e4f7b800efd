//! Runs the conformance kit on the stores in memory. They are generic over their keys, so each is tested with one key:
//! of two columns, which owns memory.

#![forbid(unsafe_code)]

use std::cmp::Reverse;

use keywalk_conformance::conformance;
use keywalk_tests::stores::{
    Boxed, Compared, LentMap, LentSlice, Merged, NumberedHarness, RetriedHarness, ShardedHarness,
    SharedMapHarness, SkipListHarness, is_lawful_beside_writers,
};

conformance! {
    map: LentMap<(String, i64)>, durable;
    slice: LentSlice<(String, i64)>, durable;
    shared_map: SharedMapHarness<(String, i64)>, durable, prefetched;
    retried: RetriedHarness<i64>, durable, prefetched;
    skip_list: SkipListHarness<(i64, Reverse<String>)>, durable, prefetched;
    merged: ShardedHarness<(String, i64), Merged>, durable, prefetched;
    boxed: ShardedHarness<i64, Boxed>, durable;
    numbered: NumberedHarness<i64>, durable;
    compared: ShardedHarness<(String, i64), Compared>, durable;
}

#[test]
fn walks_beside_writers_are_lawful() {
    is_lawful_beside_writers::<SharedMapHarness<(String, i64)>>();
    is_lawful_beside_writers::<SkipListHarness<(i64, Reverse<String>)>>();
    is_lawful_beside_writers::<ShardedHarness<(String, i64), Merged>>();
    is_lawful_beside_writers::<ShardedHarness<i64, Compared>>();
}
