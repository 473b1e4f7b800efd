//! The laws of a walk, on every store and key space, with mutations between the fetches.

#![forbid(unsafe_code)]

use std::cmp::Reverse;

use keywalk_tests::stores::{
    Clustered, Filtered, Joined, RebuiltMap, RebuiltSlice, SharedMapStore, SkipListStore,
    SqliteStore,
};
use keywalk_tests::{Store, for_all, items_are_exact, resumption_is_exact, walk_is_exact};
use uuid::Uuid;

/// One test a law, for a store of a key space.
macro_rules! laws {
    ($($name:ident: $store:ty;)+) => {$(
        mod $name {
            use super::*;

            type Key = <$store as Store>::Key;

            #[test]
            fn every_chunk_is_exactly_what_the_store_holds() {
                for_all::<Key>(walk_is_exact::<$store>);
            }

            #[test]
            fn every_item_is_exactly_what_the_store_holds() {
                for_all::<Key>(items_are_exact::<$store>);
            }

            #[test]
            fn a_walk_cut_after_any_item_and_resumed_is_one_walk() {
                for_all::<Key>(resumption_is_exact::<$store>);
            }
        }
    )+};
}

laws! {
    shared_map_i64: SharedMapStore<i64>;
    shared_map_uuid: SharedMapStore<Uuid>;
    shared_map_text_and_i64: SharedMapStore<(String, i64)>;
    shared_map_i64_and_text_descending: SharedMapStore<(i64, Reverse<String>)>;

    skip_list_i64: SkipListStore<i64>;
    skip_list_uuid: SkipListStore<Uuid>;
    skip_list_text_and_i64: SkipListStore<(String, i64)>;
    skip_list_i64_and_text_descending: SkipListStore<(i64, Reverse<String>)>;

    map_i64: RebuiltMap<i64>;
    map_uuid: RebuiltMap<Uuid>;
    map_text_and_i64: RebuiltMap<(String, i64)>;
    map_i64_and_text_descending: RebuiltMap<(i64, Reverse<String>)>;

    slice_i64: RebuiltSlice<i64>;
    slice_uuid: RebuiltSlice<Uuid>;
    slice_text_and_i64: RebuiltSlice<(String, i64)>;
    slice_i64_and_text_descending: RebuiltSlice<(i64, Reverse<String>)>;

    sqlite_table_i64: SqliteStore<i64, Clustered>;
    sqlite_table_uuid: SqliteStore<Uuid, Clustered>;
    sqlite_table_text_and_i64: SqliteStore<(String, i64), Clustered>;
    sqlite_table_i64_and_text_descending: SqliteStore<(i64, Reverse<String>), Clustered>;

    sqlite_filtered_table_i64: SqliteStore<i64, Filtered>;
    sqlite_filtered_table_uuid: SqliteStore<Uuid, Filtered>;
    sqlite_filtered_table_text_and_i64: SqliteStore<(String, i64), Filtered>;
    sqlite_filtered_table_i64_and_text_descending: SqliteStore<(i64, Reverse<String>), Filtered>;

    sqlite_query_i64: SqliteStore<i64, Joined>;
    sqlite_query_uuid: SqliteStore<Uuid, Joined>;
    sqlite_query_text_and_i64: SqliteStore<(String, i64), Joined>;
    sqlite_query_i64_and_text_descending: SqliteStore<(i64, Reverse<String>), Joined>;
}
