//! Sources with wrong tokens: bytes of keys, fingerprints, fractions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use keywalk::{Fingerprint, KeyRange, Order};
use keywalk_bytes::Key;
use keywalk_conformance::{Clause::*, InjectedFault};

use crate::rare::now;
use crate::rows::Rows;
use crate::store::{Quirk, Walked, stamped};

/// Sources that get keys' bytes or text, fingerprints or fractions wrong.
pub(crate) fn sources(all: &mut Rows<i64>) {
    all.fail("keys_round_trip_through_their_bytes", G10);
    // Encodes with `as i32`.
    all.bytes(
        "a_key_cut_to_32_bits",
        |key, bytes| bytes.extend_from_slice(&(*key as i32).to_be_bytes()),
        |bytes| Some(i32::from_be_bytes(bytes.try_into().ok()?).into()),
    );
    // Loses microseconds.
    all.bytes(
        "a_time_cut_to_milliseconds",
        |key, bytes| (key / 1_000).encode(bytes),
        |bytes| i64::decode(bytes).ok()?.checked_mul(1_000),
    );
    all.decode("any_bytes_as_the_default_key", |_, _| Ok(Some(0)));
    // Assigns the bytes instead of appending them.
    all.encode("bytes_in_the_place_of_others", |key, bytes| {
        *bytes = key.to_bytes()
    });

    all.fail("keys_round_trip_through_their_bytes", G10);
    all.bytes(
        "the_same_bytes_for_two_keys",
        |key, bytes| key.unsigned_abs().encode(bytes),
        |bytes| u64::decode(bytes).ok().map(u64::cast_signed),
    );

    all.fail("arbitrary_bytes_decode_or_are_refused", G10);
    // Panics with `bytes[..8]`.
    all.decode("short_bytes_panic", |_, bytes| {
        Ok(i64::decode(&bytes[..8]).ok())
    });
    all.decode("bytes_of_no_key_are_an_error", |_, bytes| {
        let key = i64::decode(bytes).map_err(|_| InjectedFault::default());
        key.map(Some)
    });
    all.decode("a_buffer_of_4_096_bytes", |_, bytes| {
        let mut buffer = [0; 4_096];
        buffer[..bytes.len()].copy_from_slice(bytes);
        Ok(i64::decode(&buffer[..bytes.len()]).ok())
    });
    all.decode("bytes_after_4_096_are_left_unread", |_, bytes| {
        let read = bytes.get(..8).filter(|_| bytes.len() > 4_096);
        Ok(i64::decode(read.unwrap_or(bytes)).ok())
    });
    all.decode("a_count_of_bytes_in_16_bits", |_, bytes| {
        let count = u16::try_from(bytes.len()).expect("a key is short");
        Ok(i64::decode(&bytes[..count.into()]).ok())
    });
    // Allocates as many bytes as the input requests, in a long form that begins with 0xff.
    all.decode("a_length_that_is_believed", |_, bytes| {
        if let Some((length @ [0xff, ..], [_, ..])) = bytes.split_first_chunk::<8>() {
            drop(Vec::<u8>::with_capacity(usize::from_be_bytes(*length)));
        }
        Ok(i64::decode(bytes).ok())
    });

    all.fail("a_token_resumes_at_every_item", G10);
    static SOURCES: AtomicU64 = AtomicU64::new(0);
    all.open("keys_that_only_their_source_knows", |_| {
        let number = SOURCES.fetch_add(1, SeqCst);
        let key_of = move |(of, key)| (number == of).then_some(key);
        Quirk {
            encode: Box::new(move |key, bytes| (number, *key).encode(bytes)),
            decode: Box::new(move |_, bytes| Ok(Key::decode(bytes).ok().and_then(key_of))),
            ..Quirk::default()
        }
    });

    all.fail("a_token_outlives_its_rows", G10);
    all.decode("a_key_is_read_by_its_row", |store, bytes| {
        let rows = store.take(&KeyRange::all(Order::Ascending), usize::MAX)?;
        let mut keys = rows.into_iter().map(|(key, _)| key);
        Ok(keys.find(|key| key.to_bytes() == bytes))
    });

    all.fail("different_keys_have_different_text", G10);
    all.text("no_words", |_| String::new());

    all.fail("the_fingerprint_stays_the_same", G10);
    all.open("a_fingerprint_of_each_source", |_| {
        let number = SOURCES.fetch_add(1, SeqCst);
        stamped(move |_| number)
    });
    all.open("a_fingerprint_of_the_first_fetch", |_| {
        let has_fetched = Arc::new(AtomicBool::new(false));
        let of_fetch = Arc::clone(&has_fetched);
        Quirk {
            fetch: Box::new(move |store, range, chunk| {
                of_fetch.store(true, SeqCst);
                store.answer(range, chunk)
            }),
            ..stamped(move |_| has_fetched.load(SeqCst).into())
        }
    });
    all.stamp("a_fingerprint_of_a_thousand_rows", |store| {
        store.read_lock().len() as u64 / 1_000
    });
    all.stamp("a_fingerprint_of_the_digits_of_the_rows", |store| {
        store.read_lock().len().max(1).ilog10().into()
    });
    all.stamp("a_fingerprint_of_the_second", |_| now());

    all.fail("a_token_resumes_after_changes", G10);
    all.stamp("a_fingerprint_of_the_rows", |store| {
        store.read_lock().len() as u64
    });

    all.fail("a_token_resumes_after_reopening", G10);
    all.stamp("a_fingerprint_of_the_handle", |store| {
        store.reopened.load(SeqCst)
    });

    all.fail("a_token_of_another_source_is_refused", G10);
    all.fingerprint("a_fingerprint_without_the_table", |_, walked| {
        walked.fingerprint().relation("table")
    });
    all.fingerprint("a_fingerprint_without_directions", |_, walked| {
        let column = walked.key.trim_end_matches(" DESC");
        walked.fingerprint().key(column)
    });
    all.fingerprint("without_the_filters_value", |_, walked| {
        match walked.tenant {
            Some(_) => walked.fingerprint().filter("tenant = ?"),
            None => walked.fingerprint(),
        }
    });
    // Puts everything into the table's name.
    all.fingerprint("a_fingerprint_of_one_word", |_, walked| {
        let Walked { table, key, tenant } = walked;
        Fingerprint::new("quirky").relation(format!("{table} by {key} of {tenant:?}"))
    });

    all.fail("the_fraction_grows_from_0_to_1", G10);
    // Returns the part that is left.
    all.share("a_share_that_goes_back", |first, last, at| {
        Key::fraction(last, first, at)
    });
    all.share("a_share_in_percent", |first, last, at| {
        Key::fraction(first, last, at).map(|share| 100.0 * share)
    });
    // Takes the smaller key for the first one in any order.
    all.share("a_share_of_walks_upwards", |first, last, at| {
        Key::fraction(first.min(last), first.max(last), at)
    });
    // Subtracts as integers.
    all.share("a_share_that_overflows", |first, last, at| {
        Some((at - first) as f64 / (last - first) as f64)
    });
    // Subtracts as floats, which are equal for two near keys.
    all.share("a_share_that_is_no_number", |first, last, at| {
        let [first, last, at] = [*first, *last, *at].map(|key| key as f64);
        Some((at - first) / (last - first))
    });
}
