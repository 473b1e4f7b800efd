//! Runs the conformance kit on PostgreSQL, through [`Blocking`](keywalk_tokio::Blocking): each way to walk a table or
//! query once. `postgres.rs` walks by every type of key.

#![forbid(unsafe_code)]

use std::cmp::Reverse;

use keywalk_conformance::conformance;
use keywalk_postgres::NullsLast;
use keywalk_tests::stores::is_lawful_beside_writers;
use keywalk_tests::stores::postgres::{
    ByCollation, Filtered, Letters, Plain, PostgresHarness, View,
};

conformance! {
    plain_nullable: PostgresHarness<(NullsLast<i64>, Reverse<Option<i64>>), Plain>, durable;
    filtered_mixed: PostgresHarness<(i64, Reverse<String>), Filtered>, durable;
    view_i64: PostgresHarness<i64, View>, durable;
    by_collation: PostgresHarness<Letters, ByCollation>, durable;
}

#[test]
fn walks_beside_writers_are_lawful() {
    is_lawful_beside_writers::<PostgresHarness<(i64, Reverse<String>), Plain>>();
}
