//! Sources with wrong tokens: bytes of keys, fingerprints, fractions.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use keywalk::{Fingerprint, KeyRange, Order};
use keywalk_conformance::{Clause::*, InjectedFault};
use keywalk_key::Key;

use crate::rows::Rows;
use crate::store::{Quirk, Walked, fetches, lock};

/// Sources that lose a part of a key in its bytes.
pub(crate) fn key_bytes(all: &mut Rows<i64>) {
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
    // Decodes any bytes to the default key.
    all.decode("any_bytes_as_the_default_key", |_, _| Ok(Some(0)));
    // Assigns the bytes instead of appending them.
    all.encode("bytes_in_the_place_of_others", |key, bytes| {
        *bytes = key.to_bytes()
    });

    all.fail("keys_round_trip_through_their_bytes", G10);
    // Loses the sign.
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
    // Returns an error for bytes that aren't a key.
    all.decode("bytes_of_no_key_are_an_error", |_, bytes| {
        i64::decode(bytes)
            .map(Some)
            .map_err(|_| InjectedFault::default())
    });

    all.fail("a_token_resumes_at_every_item", G10);
    // Encodes a key as its index in a list of the source.
    all.open("keys_that_only_their_source_knows", |_| {
        let known = Arc::new(Mutex::new(Vec::new()));
        let of_decode = Arc::clone(&known);
        Quirk {
            encode: Box::new(move |key, bytes| {
                let mut known = lock(&known);
                known.push(*key);
                let at = known.iter().position(|known| known == key);
                bytes.extend_from_slice(&at.unwrap_or_default().to_le_bytes());
            }),
            decode: Box::new(move |_, bytes| {
                let at = bytes.try_into().ok().map(usize::from_le_bytes);
                Ok(at.and_then(|at| lock(&of_decode).get(at).copied()))
            }),
            ..Quirk::default()
        }
    });

    all.fail("a_token_outlives_its_rows", G10);
    // Decodes a key by searching the rows.
    all.decode("a_key_is_read_by_its_row", |store, bytes| {
        let rows = store.take(&KeyRange::all(Order::Ascending), usize::MAX)?;
        let mut keys = rows.into_iter().map(|(key, _)| key);
        Ok(keys.find(|key| key.to_bytes() == bytes))
    });

    all.fail("different_keys_have_different_text", G10);
    // Shows no text.
    all.text("no_words", |_| String::new());
}

/// Sources with too much or too little in their fingerprints.
pub(crate) fn fingerprints(all: &mut Rows<i64>) {
    all.fail("the_fingerprint_stays_the_same", G10);
    // Includes the number of the source.
    static SOURCES: AtomicU64 = AtomicU64::new(0);
    all.open("a_fingerprint_of_each_source", |_| {
        let number = SOURCES.fetch_add(1, SeqCst).to_be_bytes();
        Quirk {
            fingerprint: Box::new(move |_, walked| walked.fingerprint().with_value(&number)),
            ..Quirk::default()
        }
    });
    // Includes what the first fetch finds out.
    all.open("a_fingerprint_of_the_first_fetch", |_| {
        let has_fetched = Arc::new(AtomicBool::new(false));
        let of_fetch = Arc::clone(&has_fetched);
        let fetch = fetches(move |store, range, chunk| {
            of_fetch.store(true, SeqCst);
            store.answer(range, chunk)
        });
        Quirk {
            fingerprint: Box::new(move |_, walked| match has_fetched.load(SeqCst) {
                true => walked.fingerprint(),
                false => walked.fingerprint().key("unknown"),
            }),
            ..fetch
        }
    });

    all.fail("a_token_resumes_after_changes", G10);
    // Includes the number of rows.
    all.fingerprint("a_fingerprint_of_the_rows", |store, walked| {
        let rows = store.take(&KeyRange::all(Order::Ascending), usize::MAX);
        let count = rows.map_or(0, |rows| rows.len());
        walked.fingerprint().filter(format!("of {count} rows"))
    });

    all.fail("a_token_resumes_after_reopening", G10);
    // Includes how often the store was opened.
    all.fingerprint("a_fingerprint_of_the_handle", |store, walked| {
        let time = store.reopened.load(SeqCst);
        walked
            .fingerprint()
            .filter(format!("reopened {time} times"))
    });

    all.fail("a_token_of_another_source_is_refused", G10);
    // Leaves out the table.
    all.fingerprint("a_fingerprint_without_the_table", |_, walked| {
        walked.fingerprint().relation("table")
    });
    // Includes the key's columns but not their directions.
    all.fingerprint("a_fingerprint_without_directions", |_, walked| {
        walked
            .fingerprint()
            .key(walked.key.trim_end_matches(" DESC"))
    });
    // Includes the filter but not its value.
    let name = "a_fingerprint_without_the_filters_value";
    all.fingerprint(name, |_, walked| match walked.tenant {
        Some(_) => walked.fingerprint().filter("tenant = ?"),
        None => walked.fingerprint(),
    });
    // Puts everything into the table's name.
    all.fingerprint("a_fingerprint_of_one_word", |_, walked| {
        let Walked { table, key, tenant } = walked;
        Fingerprint::new("quirky").relation(format!("{table} by {key} of {tenant:?}"))
    });
}

/// Sources with wrong fractions.
pub(crate) fn shares(all: &mut Rows<i64>) {
    all.fail("the_fraction_grows_from_0_to_1", G10);
    // Returns the part that is left.
    all.share("a_share_that_goes_back", |first, last, at| {
        Key::fraction(last, first, at)
    });
    // Returns 0 to 100.
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
