//! Sources that are right over few, short or ordinary entries only, and wrong over many, long or special ones.

use std::cmp::Reverse;
use std::ops::Bound;

use keywalk_conformance::Clause::*;

use crate::broken::{capped, ending, iterator};
use crate::rows::{Call, Rows, Rule};
use crate::store::{Handle, Quirk, Tried, fetches};

/// Loses one item of a fetch.
fn losing(_: &Handle<i64>) -> Quirk<i64> {
    fetches(|store, range, chunk| {
        let at = chunk.limit().min(6) / 2;
        store.changed(range, chunk, |items| {
            if at < items.len() {
                items.remove(at);
            }
        })
    })
}

/// Adds a source that loses an item after so many.
fn loses_after(all: &mut Rows<i64>, name: &'static str, items: usize) {
    let passes =
        move |call: &Call| (call.items..=call.items.saturating_add(call.limit)).contains(&items);
    all.at_times(name, passes, losing);
}

/// Sources that only a store of 70,000 keys catches.
pub(crate) fn thorough(all: &mut Rows<i64>) {
    all.fail("long_walks_have_every_item", G8);
    capped(all, "a_large_page_taken_for_the_end", 10_000);
    all.fail("long_walks_have_every_item", G3);
    loses_after(all, "counts_with_16_bits", 1 << 16);
}

/// Adds a source whose positions are altered.
fn position<K: Tried>(all: &mut Rows<K>, name: &'static str, alter: impl Fn(&K) -> K + Rule) {
    all.asks(name, move |start, _| {
        if let Bound::Excluded(key) = start {
            *key = alter(key);
        }
    });
}

fn cut(text: &str, length: usize) -> String {
    let fits = |(at, char): &(usize, char)| at + char.len_utf8() <= length;
    let chars = text.char_indices().take_while(fits);
    chars.map(|(_, char)| char).collect()
}

/// Sources of text that cut long keys, or change special ones.
pub(crate) fn texts(all: &mut Rows<String>) {
    all.fail("every_boundary_key_has_its_place", G6);
    for (name, length) in [
        ("a_position_cut_at_5_bytes", 5),
        ("a_position_cut_at_64_bytes", 64),
        ("a_position_cut_at_255_bytes", 255),
        ("a_position_cut_at_512_bytes", 512),
    ] {
        position(all, name, move |key| cut(key, length));
    }
    position(all, "a_position_without_its_line_end", |key| {
        key.trim_end_matches(['\n', '\r']).into()
    });
    position(all, "a_position_with_composed_accents", |key| {
        key.replace("e\u{301}", "A")
    });
    all.asks("an_end_cut_at_32_bytes", |_, end| {
        if let Bound::Included(key) = end {
            *key = cut(key, 32);
        }
    });

    all.fail("every_boundary_key_has_its_place", G8);
    // Goes on after all keys with the same first bytes.
    position(all, "a_position_cut_and_rounded_up", |key| {
        match key.len() {
            ..=64 => key.clone(),
            _ => cut(key, 64) + "\u{10ffff}",
        }
    });
    all.fail("every_boundary_key_has_its_place", G3);
    all.items("drops_what_it_cannot_quote", |_, _, items| {
        items.retain(|(key, _)| !key.contains(['\'', '"', '\\']));
    });

    all.fail("keys_round_trip_through_their_bytes", G10);
    all.bytes(
        "a_length_of_one_byte",
        |key, bytes| {
            bytes.push(key.len().to_le_bytes()[0]);
            bytes.extend_from_slice(key.as_bytes());
        },
        |bytes| {
            let (length, text) = bytes.split_first()?;
            let text = text.get(..usize::from(*length)).unwrap_or(text);
            String::from_utf8(text.to_vec()).ok()
        },
    );
    all.encodes("bytes_of_the_first_block", |key| cut(key, 256));
    all.encodes("bytes_of_the_first_line", |key| {
        key.lines().next().unwrap_or_default().into()
    });
    all.encodes("bytes_of_composed_accents", |key| {
        key.replace("e\u{301}", "é")
    });
}

/// Sources of bytes that don't carry.
pub(crate) fn bytes(all: &mut Rows<Vec<u8>>) {
    all.fail("every_boundary_key_has_its_place", G8);
    // Goes on from the next key of the same length, found with a carry over two bytes only.
    position(all, "carries_over_2_bytes", |key| match &key[..] {
        [start @ .., byte, 0xff, 0xff, 0xff] => [start, &[byte.wrapping_add(1)]].concat(),
        _ => key.clone(),
    });
}

/// Sources that cut the leading column, or the trailing one.
pub(crate) fn leading(all: &mut Rows<(String, i64)>) {
    all.fail("every_boundary_key_has_its_place", G6);
    position(all, "a_leading_column_cut", |(name, number)| {
        (cut(name, 64), *number)
    });
}

pub(crate) fn trailing(all: &mut Rows<(i64, Reverse<String>)>) {
    all.fail("every_boundary_key_has_its_place", G8);
    position(all, "a_trailing_column_cut", |(number, Reverse(name))| {
        (*number, Reverse(cut(name, 32)))
    });
}

/// Adds a source that changes values.
fn value(all: &mut Rows<i64>, name: &'static str, change: fn(u64) -> u64) {
    all.items(name, move |_, _, items| {
        items.iter_mut().for_each(|item| item.1 = change(item.1));
    });
}

/// Sources that large stores, chunks, values or numbers of walks catch.
pub(crate) fn sources(all: &mut Rows<i64>) {
    all.fail("long_walks_have_every_item", G3);
    // A buffer of 4,096 items is read without its last one.
    all.items("loses_the_last_of_a_buffer_of_a_fetch", |_, _, items| {
        if items.len() > 4_096 {
            items.remove(4_095);
        }
    });
    loses_after(all, "loses_an_item_after_many", 4_096);
    all.at_times("ends_after_many_fetches", |call| call.count > 4_000, ending);
    // Counts positions with 12 bits.
    all.items("loses_what_its_offset_does_not_reach", |store, _, items| {
        let entries = store.read_lock();
        let far = Vec::from_iter(entries.keys().skip(4_096).step_by(4_096));
        items.retain(|(key, _)| !far.contains(&key));
    });

    all.fail("long_walks_have_every_item", G8);
    capped(all, "a_page_of_the_server_taken_for_the_end", 2_000);

    all.fail("values_are_those_that_were_put", G3);
    all.items("takes_0_for_a_missing_row", |_, _, items| {
        items.retain(|(_, value)| *value != 0)
    });
    all.items("drops_rows_with_equal_values", |_, _, items| {
        items.dedup_by_key(|(_, value)| *value)
    });
    all.fail("values_are_those_that_were_put", G5);
    value(all, "values_cut_to_32_bits", |value| value & 0xffff_ffff);
    value(all, "values_with_the_sign_of_32_bits", |value| {
        let number = u32::try_from(value).map(|value| i64::from(value.cast_signed()));
        number.map_or(value, i64::cast_unsigned)
    });
    value(all, "values_cut_to_signed_ones", |value| {
        value.min(i64::MAX as u64)
    });
    value(all, "values_as_floats", |value| value as f64 as u64);

    let is_large = |call: &Call| (65..500).contains(&call.limit);
    all.fail("every_fetch_is_exact_during_changes", G7);
    all.at_times("keeps_an_iterator_for_large_chunks", is_large, iterator);
    let is_late = move |call: &Call| call.count > 2 && is_large(call);
    all.at_times("keeps_an_iterator_for_late_chunks", is_late, iterator);
    all.fail("walks_do_not_disturb_each_other", G3);
    all.at_times("loses_an_item_beside_3", |call| call.sources > 3, losing);
    all.fail("walks_do_not_disturb_each_other", G8);
    all.at_times("has_three_statements", |call| call.sources > 3, ending);
}
