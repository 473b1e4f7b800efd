//! SQLite, through the conformance kit.

#![forbid(unsafe_code)]

use std::cmp::Reverse;

use keywalk_conformance::conformance;
use keywalk_tests::stores::sqlite::{
    ByCollation, Clustered, Counted, Dynamic, File, Filtered, Indexed, Joined, NoCase, Partial,
    Plain, Rollback, Rowid, Served, Shared, Sparse, SqliteHarness, Wal, Within,
};
use uuid::{Uuid, fmt::Hyphenated};

conformance! {
    clustered_triple: SqliteHarness<(i64, String, i64), Clustered>;
    clustered_i64_descending: SqliteHarness<Reverse<i64>, Clustered>;
    clustered_mixed_wal: SqliteHarness<(i64, Reverse<String>), Clustered, File<Wal>>;
    plain_i64: SqliteHarness<i64, Plain>;
    plain_u16_wal: SqliteHarness<u16, Plain, File<Wal>>;
    plain_text_shared: SqliteHarness<String, Plain, Shared>;
    indexed_bytes: SqliteHarness<Vec<u8>, Indexed>;
    indexed_hyphenated: SqliteHarness<Hyphenated, Indexed>;
    indexed_mixed_shared: SqliteHarness<(i64, Reverse<String>), Indexed, Shared>;
    filtered_text_and_i64: SqliteHarness<(String, i64), Filtered>;
    filtered_uuid_rollback: SqliteHarness<Uuid, Filtered, File<Rollback>>;
    served_text_and_i64: SqliteHarness<(String, i64), Served>;
    partial_bytes: SqliteHarness<Vec<u8>, Partial>;
    counted_text: SqliteHarness<String, Counted>;
    counted_u16_wal: SqliteHarness<u16, Counted, File<Wal>>;
    sparse_i64: SqliteHarness<i64, Sparse>;
    rowid_rollback: SqliteHarness<i64, Rowid, File<Rollback>>;
    rowid: SqliteHarness<i64, Rowid>;
    within_u16: SqliteHarness<u16, Within>;
    within_mixed: SqliteHarness<(i64, Reverse<String>), Within>;
    joined_uuid: SqliteHarness<Uuid, Joined>;
    joined_mixed: SqliteHarness<(i64, Reverse<String>), Joined>;
    dynamic_mixed: SqliteHarness<(i64, Reverse<String>), Dynamic>;
    by_collation_shared: SqliteHarness<NoCase, ByCollation, Shared>;
    by_collation_and_i64: SqliteHarness<(NoCase, Reverse<i64>), ByCollation>;
}
