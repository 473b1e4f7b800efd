//! Runs the conformance kit on SQLite: each way to make and walk a table, each key type and each place of a database
//! once. Further keys are walked in `differential` and in keywalk-sqlite's own tests.

#![forbid(unsafe_code)]

use std::cmp::Reverse;

use keywalk_conformance::conformance;
use keywalk_tests::stores::is_lawful_beside_writers;
use keywalk_tests::stores::sqlite::{
    ByCollation, Clustered, Counted, Dynamic, File, Filtered, Indexed, Joined, NoCase, Nullable,
    Partial, Plain, Pooled, Rollback, Rowid, Served, Sparse, SqliteHarness, Wal, Within,
};
use uuid::{Uuid, fmt::Hyphenated};

conformance! {
    clustered_triple: SqliteHarness<(i64, String, i64), Clustered>, durable;
    clustered_mixed_wal: SqliteHarness<(i64, Reverse<String>), Clustered, File<Wal>>, durable, prefetched;
    plain_i64: SqliteHarness<i64, Plain>, durable;
    plain_text: SqliteHarness<String, Plain>, durable;
    indexed_hyphenated: SqliteHarness<Hyphenated, Indexed>, durable;
    filtered_uuid_rollback: SqliteHarness<Uuid, Filtered, File<Rollback>>, durable, prefetched;
    served_text_and_i64: SqliteHarness<(String, i64), Served>, durable;
    partial_bytes: SqliteHarness<Vec<u8>, Partial>, durable;
    counted_u16_pooled: SqliteHarness<u16, Counted, File<Pooled>>, durable, prefetched;
    sparse_i64: SqliteHarness<i64, Sparse>, durable;
    rowid: SqliteHarness<i64, Rowid>, durable;
    nullable_and_i64: SqliteHarness<(Option<i64>, i64), Nullable>, durable;
    nullable_down_wal: SqliteHarness<(Reverse<Option<i64>>, i64), Nullable, File<Wal>>, durable, prefetched;
    within_mixed: SqliteHarness<(i64, Reverse<String>), Within>, durable;
    joined_mixed: SqliteHarness<(i64, Reverse<String>), Joined>, durable;
    dynamic_mixed: SqliteHarness<(i64, Reverse<String>), Dynamic>, durable;
    by_collation_and_i64: SqliteHarness<(NoCase, Reverse<i64>), ByCollation>, durable;
}

#[test]
fn walks_beside_writers_are_lawful() {
    is_lawful_beside_writers::<SqliteHarness<(i64, Reverse<String>), Clustered, File<Wal>>>();
    is_lawful_beside_writers::<SqliteHarness<u16, Counted, File<Pooled>>>();
}
