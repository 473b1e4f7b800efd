//! Walks beside threads that insert and delete: what is certainly there comes once and in order, and
//! what certainly isn't doesn't come.
//!
//! Each history is recorded and judged by the intervals of its calls, in both orders and several chunk
//! sizes, for many seeds. `KEYWALK_CASES=10000` goes on for longer, four cases a round of six walks.

#![forbid(unsafe_code)]

use std::cmp::Reverse;

use keywalk_conformance::{Config, Harness, Verdict, run_check};
use keywalk_tests::stores::sled::SledHarness;
use keywalk_tests::stores::sqlite::{Clustered, File, Filtered, Plain, SqliteHarness, Wal};
use keywalk_tests::stores::{SharedMapHarness, SkipListHarness};
use uuid::Uuid;

fn is_lawful_beside_writers<H: Harness>() {
    let longer = std::env::var_os("KEYWALK_CASES").is_some();
    let config = Config::default();
    let config = if longer { config } else { config.cases(160) };
    let outcome = run_check::<H>("keys_that_stay_are_found_beside_writers", &config);
    let outcome = outcome.expect("the kit has that check");
    match outcome.verdict() {
        Verdict::Passed => {}
        Verdict::Skipped(reason) => panic!("it isn't tried: {reason}"),
        Verdict::Failed(failure) => panic!("{failure}"),
    }
}

macro_rules! lawful {
    ($($store:ident: $harness:ty;)+) => {$(
        #[test]
        fn $store() {
            is_lawful_beside_writers::<$harness>();
        }
    )+};
}

lawful! {
    shared_map: SharedMapHarness<i64>;
    shared_map_by_text_and_number: SharedMapHarness<(String, i64)>;
    skip_list: SkipListHarness<i64>;
    skip_list_by_number_and_text_descending: SkipListHarness<(i64, Reverse<String>)>;
    sled: SledHarness<i64>;
    sled_by_text_and_number: SledHarness<(String, i64)>;
    sled_by_bytes: SledHarness<Vec<u8>>;
    sqlite_wal: SqliteHarness<i64, Plain, File<Wal>>;
    sqlite_wal_by_text_and_number: SqliteHarness<(String, i64), Clustered, File<Wal>>;
    sqlite_wal_with_a_filter: SqliteHarness<Uuid, Filtered, File<Wal>>;
}
