//! Runs the conformance kit on PostgreSQL, through [`Blocking`](keywalk_tokio::Blocking): each way to walk a table or
//! query, and each kind of key, once.

#![forbid(unsafe_code)]

use std::cmp::Reverse;

use keywalk_conformance::conformance;
use keywalk_postgres::{NullsLast, TimestampTz};
use keywalk_tests::stores::is_lawful_beside_writers;
use keywalk_tests::stores::postgres::{
    ByCollation, Dynamic, Filtered, Letters, Plain, PostgresHarness, View,
};
use uuid::Uuid;

conformance! {
    plain_i64: PostgresHarness<i64, Plain>, durable;
    plain_uuid: PostgresHarness<Uuid, Plain>, durable;
    plain_timestamptz: PostgresHarness<TimestampTz, Plain>, durable;
    plain_i32_and_text: PostgresHarness<(i32, String), Plain>, durable;
    plain_mixed: PostgresHarness<(i64, Reverse<String>), Plain>, durable;
    plain_nullable: PostgresHarness<(NullsLast<i64>, Reverse<Option<i64>>), Plain>, durable;
    filtered_mixed: PostgresHarness<(i64, Reverse<String>), Filtered>, durable;
    view_i64: PostgresHarness<i64, View>, durable;
    dynamic_mixed: PostgresHarness<(i64, Reverse<String>), Dynamic>, durable;
    by_collation: PostgresHarness<Letters, ByCollation>, durable;
}

#[test]
fn walks_beside_writers_are_lawful() {
    is_lawful_beside_writers::<PostgresHarness<(i64, Reverse<String>), Plain>>();
}
