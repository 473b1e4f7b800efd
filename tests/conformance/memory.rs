//! The stores in memory, through the conformance kit.

#![forbid(unsafe_code)]

use std::cmp::Reverse;

use keywalk_conformance::conformance;
use keywalk_tests::stores::{
    LentMap, LentSlice, RetriedHarness, SharedMapHarness, SkipListHarness,
};
use uuid::Uuid;

conformance! {
    map_i64: LentMap<i64>;
    map_text_and_i64: LentMap<(String, i64)>;
    slice_i64: LentSlice<i64>;
    slice_text_and_i64: LentSlice<(String, i64)>;
    shared_map_i64: SharedMapHarness<i64>;
    shared_map_uuid: SharedMapHarness<Uuid>;
    shared_map_text_and_i64: SharedMapHarness<(String, i64)>;
    shared_map_i64_and_text_descending: SharedMapHarness<(i64, Reverse<String>)>;
    retried_i64: RetriedHarness<i64>;
    skip_list_i64: SkipListHarness<i64>;
    skip_list_uuid: SkipListHarness<Uuid>;
    skip_list_text_and_i64: SkipListHarness<(String, i64)>;
    skip_list_i64_and_text_descending: SkipListHarness<(i64, Reverse<String>)>;
}
