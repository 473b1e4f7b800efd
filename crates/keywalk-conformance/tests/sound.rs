//! Sources that are right, and some of them unusual: no check may fail.

#![forbid(unsafe_code)]

use std::cmp::Reverse;

use keywalk_conformance::conformance;
use uuid::Uuid;

mod mutants {
    pub(crate) mod store;
    pub(crate) mod unusual;
}

use mutants::store::Quirky;
use mutants::unusual::{
    EmptyLast, ForwardOnly, KnowsItsLast, Plain, Retries, ScansStretches, ShortPages, Snapshot,
    SometimesKnows, Tombstones,
};

conformance! {
    plain_i64: Quirky<Plain>;
    plain_u64: Quirky<Plain, u64>;
    plain_i8: Quirky<Plain, i8>;
    plain_uuid: Quirky<Plain, Uuid>;
    plain_text: Quirky<Plain, String>;
    plain_bytes: Quirky<Plain, Vec<u8>>;
    plain_pair: Quirky<Plain, (String, i64)>;
    plain_triple: Quirky<Plain, (i64, String, u64)>;
    plain_reverse: Quirky<Plain, (i64, Reverse<String>)>;

    an_empty_final_chunk: Quirky<EmptyLast>;
    pages_smaller_than_the_limit: Quirky<ShortPages>;
    stretches_with_empty_chunks: Quirky<ScansStretches>;
    tombstones_before_the_first_item: Quirky<Tombstones>;
    a_declared_snapshot: Quirky<Snapshot>;
    a_source_that_knows_its_last_key: Quirky<KnowsItsLast>;
    a_source_that_knows_its_last_key_at_times: Quirky<SometimesKnows>;
    a_source_that_goes_forward_only: Quirky<ForwardOnly>;
    a_source_that_tries_again: Quirky<Retries>;
}
