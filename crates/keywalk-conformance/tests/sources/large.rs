//! Sources that are right over few, short or ordinary entries only, and wrong over many, long or special ones.

use std::cmp::Reverse;
use std::ops::Bound;
use std::sync::Arc;

use keywalk::{Fetched, KeyRange, Order};
use keywalk_bytes::Key;
use keywalk_conformance::Clause::*;

use crate::broken::iterator;
use crate::rows::Rows;
use crate::store::{Quirk, Store, Tried, fetches, fill, more_if};

/// Makes a source that counts its fetches, or its items, and gives way to another answer past a count.
fn until<K: Tried>(
    most: usize,
    counts: fn(usize) -> usize,
    instead: fn(Vec<(K, u64)>) -> Vec<(K, u64)>,
) -> Quirk<K> {
    let mut count = 0;
    fetches(move |store, range, chunk| {
        let entries = store.take(range, chunk.limit())?;
        let is_full = entries.len() == chunk.limit();
        let before = count;
        count += counts(entries.len());
        let passes = before <= most && count > most;
        fill(if passes { instead(entries) } else { entries }, chunk);
        Ok(more_if(is_full && !chunk.is_empty()))
    })
}

fn without_one<T>(mut entries: Vec<T>) -> Vec<T> {
    entries.remove(entries.len() / 2);
    entries
}

/// Yields at most so many items, and takes a shorter chunk than requested for the last one.
fn capped(most: usize) -> Quirk<i64> {
    fetches(move |store, range, chunk| {
        let entries = store.take(range, chunk.limit().min(most))?;
        let is_full = entries.len() == chunk.limit();
        fill(entries, chunk);
        Ok(more_if(is_full))
    })
}

pub(crate) fn stores(all: &mut Rows<i64>) {
    all.fail("long_walks_have_every_item", G3);
    // A buffer of 4,096 items is read without its last one.
    all.items("loses_the_last_of_a_buffer_of_a_fetch", |_, _, items| {
        if items.len() > 4_096 {
            items.remove(4_095);
        }
    });
    all.open("loses_an_item_after_many", |_| {
        until(4_096, |items| items, without_one)
    });
    all.open("ends_after_many_fetches", |_| {
        until(4_000, |_| 1, |_| Vec::new())
    });
    // Counts positions with 12 bits.
    all.items("loses_what_its_offset_does_not_reach", |store, _, items| {
        let far: Vec<_> = store
            .read_lock()
            .keys()
            .copied()
            .skip(4_096)
            .step_by(4_096)
            .collect();
        items.retain(|(key, _)| !far.contains(key));
    });

    all.fail("long_walks_have_every_item", G8);
    all.open("a_page_of_the_server_taken_for_the_end", |_| capped(2_000));
}

/// Sources that only a store of 70,000 keys catches.
pub(crate) fn thorough(all: &mut Rows<i64>) {
    all.fail("long_walks_have_every_item", G8);
    all.open("a_large_page_taken_for_the_end", |_| capped(10_000));
    all.fail("long_walks_have_every_item", G3);
    all.open("counts_with_16_bits", |_| {
        until(1 << 16, |items| items, without_one)
    });
}

/// Returns a range with another position or, at its other end, with another key that is included.
fn altered<K: Clone + Ord>(
    range: &KeyRange<K>,
    alter: fn(&K) -> K,
    is_position: bool,
) -> KeyRange<K> {
    let (mut start, mut end) = (range.start().cloned(), range.end().cloned());
    match (&mut start, &mut end) {
        (Bound::Excluded(key), _) if is_position => *key = alter(key),
        (_, Bound::Included(key)) if !is_position => *key = alter(key),
        _ => {}
    }
    KeyRange::new(
        match range.order() {
            Order::Ascending => (start, end),
            Order::Descending => (end, start),
        },
        range.order(),
    )
}

/// Adds a source whose positions are altered.
fn position<K: Tried>(all: &mut Rows<K>, name: &'static str, alter: fn(&K) -> K) {
    all.open(name, move |_| {
        fetches(move |store, range, chunk| store.answer(&altered(range, alter, true), chunk))
    });
}

fn cut<const LENGTH: usize>(text: &String) -> String {
    let mut length = LENGTH.min(text.len());
    while !text.is_char_boundary(length) {
        length -= 1;
    }
    text[..length].to_owned()
}

/// Sources of text that cut long keys, or change special ones.
pub(crate) fn texts(all: &mut Rows<String>) {
    all.fail("every_boundary_key_has_its_place", G6);
    position(all, "a_position_cut_at_5_bytes", cut::<5>);
    position(all, "a_position_cut_at_64_bytes", cut::<64>);
    position(all, "a_position_cut_at_255_bytes", cut::<255>);
    position(all, "a_position_cut_at_512_bytes", cut::<512>);
    position(all, "a_position_without_its_line_end", |key| {
        key.trim_end_matches(['\n', '\r']).into()
    });
    position(all, "a_position_with_composed_accents", |key| {
        key.replace("e\u{301}", "A")
    });
    // Ends before the key that it was to include.
    all.fetch("an_end_cut_at_32_bytes", |store, range, chunk| {
        store.answer(&altered(range, cut::<32>, false), chunk)
    });

    all.fail("every_boundary_key_has_its_place", G8);
    // Goes on after all keys with the same first bytes.
    position(all, "a_position_cut_and_rounded_up", |key| {
        match key.len() {
            ..=64 => key.clone(),
            _ => cut::<64>(key) + "\u{10ffff}",
        }
    });
    all.fail("every_boundary_key_has_its_place", G3);
    all.items("drops_what_it_cannot_quote", |_, _, items| {
        items.retain(|(key, _)| !key.contains(['\'', '"', '\\']));
    });

    all.fail("keys_round_trip_through_their_bytes", G10);
    // Keeps the length of a key in a byte.
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
    all.encode("bytes_of_the_first_block", |key, bytes| {
        cut::<256>(key).encode(bytes)
    });
    all.encode("bytes_of_the_first_line", |key, bytes| {
        key.lines()
            .next()
            .unwrap_or_default()
            .to_owned()
            .encode(bytes);
    });
    all.encode("bytes_of_composed_accents", |key, bytes| {
        key.replace("e\u{301}", "é").encode(bytes);
    });
}

/// Sources of bytes that don't carry.
pub(crate) fn bytes(all: &mut Rows<Vec<u8>>) {
    all.fail("every_boundary_key_has_its_place", G8);
    // Goes on from the next key of the same length, found with a carry over two bytes only.
    position(
        all,
        "a_position_without_a_far_carry",
        |key| match &key[..] {
            [start @ .., byte, 0xff, 0xff, 0xff] => [start, &[byte.wrapping_add(1)]].concat(),
            _ => key.clone(),
        },
    );
}

/// Sources that cut the leading column, or the trailing one.
pub(crate) fn leading(all: &mut Rows<(String, i64)>) {
    all.fail("every_boundary_key_has_its_place", G6);
    position(all, "a_leading_column_cut", |(name, number)| {
        (cut::<64>(name), *number)
    });
}

pub(crate) fn trailing(all: &mut Rows<(i64, Reverse<String>)>) {
    all.fail("every_boundary_key_has_its_place", G8);
    position(all, "a_trailing_column_cut", |(number, Reverse(name))| {
        (*number, Reverse(cut::<32>(name)))
    });
}

pub(crate) fn values(all: &mut Rows<i64>) {
    all.fail("values_are_those_that_were_put", G3);
    all.items("takes_0_for_a_missing_row", |_, _, items| {
        items.retain(|(_, value)| *value != 0)
    });
    all.items("drops_rows_with_equal_values", |_, _, items| {
        items.dedup_by_key(|(_, value)| *value)
    });
    all.fail("values_are_those_that_were_put", G5);
    for (name, cut) in [
        (
            "values_cut_to_32_bits",
            (|value| value & 0xffff_ffff) as fn(u64) -> u64,
        ),
        (
            "values_with_the_sign_of_32_bits",
            |value| match u32::try_from(value) {
                Ok(value) => i64::from(value.cast_signed()).cast_unsigned(),
                Err(_) => value,
            },
        ),
        ("values_cut_to_signed_ones", |value| {
            value.min(i64::MAX as u64)
        }),
        ("values_as_floats", |value| value as f64 as u64),
    ] {
        all.open(name, move |_| {
            fetches(move |store, range, chunk| {
                let fetched = store.answer(range, chunk);
                chunk
                    .as_mut_slice()
                    .iter_mut()
                    .for_each(|(_, value)| *value = cut(*value));
                fetched
            })
        });
    }
}

/// Makes a source that is right for some fetches, by their number and limit, and otherwise another one.
fn at_times(
    other: fn(&Arc<Store<i64>>) -> Quirk<i64>,
    is_other: fn(usize, usize) -> bool,
) -> impl Fn(&Arc<Store<i64>>) -> Quirk<i64> {
    move |store| {
        let (mut other, mut count) = (other(store), 0);
        fetches(move |store, range, chunk| {
            count += 1;
            match is_other(count, chunk.limit()) {
                true => (other.fetch)(store, range, chunk),
                false => store.answer(range, chunk),
            }
        })
    }
}

/// Keeps a lock after each fetch.
fn holding(_: &Arc<Store<i64>>) -> Quirk<i64> {
    fetches(|store, range, chunk| {
        let fetched = store.answer(range, chunk);
        std::mem::forget(store.read_lock());
        fetched
    })
}

pub(crate) fn held(all: &mut Rows<i64>) {
    let is_large = |_, limit| (65..500).contains(&limit);
    all.fail("every_fetch_is_exact_during_changes", G7);
    all.open(
        "keeps_an_iterator_for_large_chunks",
        at_times(iterator, is_large),
    );
    all.open(
        "keeps_an_iterator_from_the_second_large_chunk_on",
        at_times(iterator, |count, limit| {
            count > 2 && (65..500).contains(&limit)
        }),
    );
    all.fail("nothing_is_held_between_fetches", G14);
    all.open(
        "holds_a_lock_for_large_chunks",
        at_times(holding, |_, limit| limit > 100),
    );
    all.open(
        "holds_a_lock_from_the_tenth_large_chunk_on",
        at_times(holding, |count, limit| count > 10 && limit > 64),
    );
}

pub(crate) fn others(all: &mut Rows<i64>) {
    // Each source keeps two handles, and the harness one.
    let at_once = |store: &Arc<Store<i64>>| Arc::strong_count(store) > 8;
    all.fail("walks_do_not_disturb_each_other", G3);
    all.open("loses_an_item_beside_three_others", move |store| {
        let handle = Arc::clone(store);
        fetches(move |store, range, chunk| {
            let skipped = usize::from(at_once(&handle));
            let entries = store.take(range, usize::MAX)?;
            let skipped = if (5..12).contains(&entries.len()) {
                skipped
            } else {
                0
            };
            Ok(fill(entries.into_iter().skip(skipped), chunk))
        })
    });
    all.fail("walks_do_not_disturb_each_other", G8);
    all.open("has_three_statements_at_most", move |store| {
        let handle = Arc::clone(store);
        fetches(move |store, range, chunk| match at_once(&handle) {
            true => Ok(Fetched::End),
            false => store.answer(range, chunk),
        })
    });

    all.fail("a_byte_budget_is_kept", G6);
    // Pushes keys first, and reads their values afterwards.
    all.fetch("values_that_are_filled_in_later", |store, range, chunk| {
        let entries = store.take(range, chunk.limit().saturating_add(1))?;
        let fetched = fill(entries.iter().map(|(key, _)| (*key, 0)), chunk);
        let slots = chunk.as_mut_slice().iter_mut().zip(entries);
        slots.for_each(|(slot, entry)| *slot = entry);
        Ok(fetched)
    });
}
