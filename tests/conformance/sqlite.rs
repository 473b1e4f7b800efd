//! SQLite, through the conformance kit.

#![forbid(unsafe_code)]

use std::cmp::Reverse;

use keywalk_conformance::conformance;
use keywalk_tests::stores::sqlite::{
    ByCollation, Clustered, Counted, Dynamic, File, Filtered, Indexed, Joined, NoCase, Partial,
    Plain, Pooled, Rollback, Rowid, Served, Shared, Sparse, SqliteHarness, Wal, Within,
};
use uuid::{Uuid, fmt::Hyphenated};

conformance! {
    clustered_triple: SqliteHarness<(i64, String, i64), Clustered>, durable;
    clustered_i64_descending: SqliteHarness<Reverse<i64>, Clustered>, durable;
    clustered_mixed_wal: SqliteHarness<(i64, Reverse<String>), Clustered, File<Wal>>, durable, prefetched;
    plain_i64: SqliteHarness<i64, Plain>, durable;
    plain_u16_wal: SqliteHarness<u16, Plain, File<Wal>>, durable, prefetched;
    plain_text_shared: SqliteHarness<String, Plain, Shared>, durable;
    indexed_bytes: SqliteHarness<Vec<u8>, Indexed>, durable;
    indexed_hyphenated: SqliteHarness<Hyphenated, Indexed>, durable;
    indexed_mixed_shared: SqliteHarness<(i64, Reverse<String>), Indexed, Shared>, durable;
    filtered_text_and_i64: SqliteHarness<(String, i64), Filtered>, durable;
    filtered_uuid_rollback: SqliteHarness<Uuid, Filtered, File<Rollback>>, durable, prefetched;
    served_text_and_i64: SqliteHarness<(String, i64), Served>, durable;
    partial_bytes: SqliteHarness<Vec<u8>, Partial>, durable;
    counted_text: SqliteHarness<String, Counted>, durable;
    counted_u16_pooled: SqliteHarness<u16, Counted, Pooled>, durable, prefetched;
    sparse_i64: SqliteHarness<i64, Sparse>, durable;
    rowid_rollback: SqliteHarness<i64, Rowid, File<Rollback>>, durable, prefetched;
    rowid: SqliteHarness<i64, Rowid>, durable;
    within_u16: SqliteHarness<u16, Within>, durable;
    within_mixed: SqliteHarness<(i64, Reverse<String>), Within>, durable;
    joined_uuid: SqliteHarness<Uuid, Joined>, durable;
    joined_mixed: SqliteHarness<(i64, Reverse<String>), Joined>, durable;
    dynamic_mixed: SqliteHarness<(i64, Reverse<String>), Dynamic>, durable;
    by_collation_shared: SqliteHarness<NoCase, ByCollation, Shared>, durable;
    by_collation_and_i64: SqliteHarness<(NoCase, Reverse<i64>), ByCollation>, durable;
}
