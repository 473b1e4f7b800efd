//! Sources that are right, and some of them unusual: no check may fail.

#![forbid(unsafe_code)]

use std::cmp::Reverse;

use keywalk_conformance::conformance;
use uuid::Uuid;

mod mutants {
    pub(crate) mod durable;
    pub(crate) mod lenient;
    pub(crate) mod store;
    pub(crate) mod unusual;
    pub(crate) mod upward;
}

use mutants::lenient::{Lenient, LittleEndian, NoShare, Worded};
use mutants::store::Quirky;
use mutants::unusual::{
    EmptyLast, ForwardOnly, KnowsItsLast, Plain, Retries, ScansStretches, ShortPages, Snapshot,
    SometimesKnows, Tombstones,
};
use mutants::upward::Upward;

conformance! {
    plain_i64: Quirky<Plain>, durable, prefetched;
    plain_u64: Quirky<Plain, u64>, durable;
    plain_i8: Quirky<Plain, i8>, durable;
    plain_uuid: Quirky<Plain, Uuid>, durable;
    plain_text: Quirky<Plain, String>, durable, prefetched;
    plain_bytes: Quirky<Plain, Vec<u8>>, durable;
    plain_pair: Quirky<Plain, (String, i64)>, durable, prefetched;
    plain_triple: Quirky<Plain, (i64, String, u64)>, durable;
    plain_reverse: Quirky<Plain, (i64, Reverse<String>)>, durable, prefetched;

    an_empty_final_chunk: Quirky<EmptyLast>, durable, prefetched;
    pages_smaller_than_the_limit: Quirky<ShortPages>, durable, prefetched;
    stretches_with_empty_chunks: Quirky<ScansStretches>, durable, prefetched;
    tombstones_before_the_first_item: Quirky<Tombstones>, durable, prefetched;
    a_declared_snapshot: Quirky<Snapshot>, durable, prefetched;
    a_source_that_knows_its_last_key: Quirky<KnowsItsLast>, durable, prefetched;
    a_source_that_knows_its_last_key_at_times: Quirky<SometimesKnows>, durable;
    a_source_that_goes_forward_only: Quirky<ForwardOnly>, durable, prefetched;
    a_source_that_goes_up_and_reads_on: Upward, prefetched;
    a_source_that_tries_again: Quirky<Retries>, durable, prefetched;

    keys_written_backwards: Quirky<LittleEndian>, durable;
    bytes_read_leniently: Quirky<Lenient>, durable;
    text_read_leniently: Quirky<Lenient, String>, durable;
    a_way_of_unknown_length: Quirky<NoShare>, durable;
    keys_in_words_of_their_own: Quirky<Worded, (String, i64)>, durable;
}
