//! The stores in memory, through the conformance kit.

#![forbid(unsafe_code)]

use std::cmp::Reverse;

use keywalk_conformance::conformance;
use keywalk_tests::stores::{
    LentMap, LentSlice, RetriedHarness, SharedMapHarness, SkipListHarness,
};
use uuid::Uuid;

conformance! {
    map_i64: LentMap<i64>, durable;
    map_text_and_i64: LentMap<(String, i64)>, durable;
    slice_i64: LentSlice<i64>, durable;
    slice_text_and_i64: LentSlice<(String, i64)>, durable;
    shared_map_i64: SharedMapHarness<i64>, durable, prefetched;
    shared_map_uuid: SharedMapHarness<Uuid>, durable;
    shared_map_text_and_i64: SharedMapHarness<(String, i64)>, durable, prefetched;
    shared_map_i64_and_text_descending: SharedMapHarness<(i64, Reverse<String>)>, durable;
    retried_i64: RetriedHarness<i64>, durable, prefetched;
    skip_list_i64: SkipListHarness<i64>, durable, prefetched;
    skip_list_uuid: SkipListHarness<Uuid>, durable;
    skip_list_text_and_i64: SkipListHarness<(String, i64)>, durable;
    skip_list_i64_and_text_descending: SkipListHarness<(i64, Reverse<String>)>, durable, prefetched;
}
