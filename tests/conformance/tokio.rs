//! Runs the conformance kit on sources that go through both bridges of keywalk-tokio.

#![forbid(unsafe_code)]

use std::cmp::Reverse;

use keywalk_conformance::conformance;
use keywalk_tests::stores::redb::{Bytes, RedbHarness};
use keywalk_tests::stores::sqlite::{Clustered, Counted, File, Pooled, SqliteHarness, Wal};
use keywalk_tests::stores::{
    ComparedAsync, MergedAsync, OffloadedHarness, ShardedHarness, is_lawful_beside_writers,
};

type Mixed = (i64, Reverse<String>);

conformance! {
    sqlite_mixed_wal: OffloadedHarness<SqliteHarness<Mixed, Clustered, File<Wal>>>, durable, prefetched;
    sqlite_u16_pooled: OffloadedHarness<SqliteHarness<u16, Counted, File<Pooled>>>, durable;
    merged: ShardedHarness<i64, MergedAsync>, durable;
    compared: ShardedHarness<i64, ComparedAsync>, durable;
    redb_text: OffloadedHarness<RedbHarness<Bytes<String>>>, durable;
}

#[test]
fn walks_beside_writers_are_lawful() {
    is_lawful_beside_writers::<OffloadedHarness<SqliteHarness<Mixed, Clustered, File<Wal>>>>();
}
