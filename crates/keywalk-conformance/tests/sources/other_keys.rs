//! Sources by keys other than integers: some get such keys wrong, and some are right.

use std::cmp::{Ordering, Reverse};
use std::ops::Bound;

use keywalk::Order;
use keywalk_conformance::{Clause::*, KeySpace};

use crate::rows::Rows;
use crate::store::{Kind, Quirk, Tried, more_if};

pub(crate) fn plain<K: Tried>(all: &mut Rows<K>) {
    all.kind("plain", Kind::SOUND);
}

/// Decodes leniently: ignores bytes after a key, and decodes invalid bytes to the default key. A token encodes the key
/// again and compares.
pub(crate) fn leniently<K: Tried>(bytes: &[u8]) -> Option<K> {
    let mut starts = (0..=bytes.len()).rev();
    let longest = starts.find_map(|end| K::decode(&bytes[..end]).ok());
    Some(longest.unwrap_or_default())
}

pub(crate) fn text(all: &mut Rows<String>) {
    all.decode("text_read_leniently", |_, bytes| Ok(leniently(bytes)));
    let picky = Kind {
        put: |key: &String, _| assert!(!key.is_empty(), "a key may not be empty"),
        keys: || KeySpace::known().filter(|key: &String| !key.is_empty()),
        ..Kind::SOUND
    };
    all.kind("keys_that_are_filtered_out_are_not_tried", picky);

    all.fail("a_question_can_be_asked_again", G4);
    // Reuses the slots of an earlier chunk without clearing them.
    all.fetch("slots_that_are_not_emptied", |store, range, chunk| {
        for (key, value) in store.take(range, chunk.limit())? {
            chunk.push_with(|slot| {
                slot.0.push_str(&key);
                slot.1 = value;
            });
        }
        Ok(more_if(chunk.is_full()))
    });

    all.fail("keys_round_trip_through_their_bytes", G10);
    all.encodes("text_in_lower_case", |key| key.to_lowercase());

    all.fail("keys_round_trip_through_their_bytes", G10);
    // Encodes as a fixed-width column stores.
    all.encodes("text_without_its_blanks", |key| {
        key.trim_end_matches(' ').into()
    });
}

type Pair = (i64, i64);

/// Adds a source that keeps the items whose columns are past the cursor's, by this comparison.
fn past(all: &mut Rows<Pair>, name: &'static str, is_past: fn(Ordering, Ordering) -> bool) {
    all.items(name, move |_, range, items| {
        if let Bound::Excluded((a, b)) = range.start() {
            items.retain(|((x, y), _)| match range.order() {
                Order::Ascending => is_past(x.cmp(a), y.cmp(b)),
                Order::Descending => is_past(a.cmp(x), b.cmp(y)),
            });
        }
    });
}

pub(crate) fn pairs(all: &mut Rows<Pair>) {
    all.fail("the_start_is_exclusive", G3);
    // Uses `a > ? AND b > ?`.
    past(all, "compares_each_column", |a, b| a.is_gt() && b.is_gt());
    // Uses `a > ?`.
    past(all, "compares_the_first_column", |a, _| a.is_gt());

    all.fail("different_keys_have_different_text", G10);
    all.text("the_first_column_in_words", |(first, _)| first.to_string());
}

pub(crate) fn mixed(all: &mut Rows<(i64, Reverse<String>)>) {
    all.fail("keys_come_in_strict_order", G1);
    // All columns ascend, in the index and in the comparison, although one should descend.
    all.order("all_columns_ascend", |(number, Reverse(text))| {
        (*number, text.clone())
    });
}

pub(crate) fn text_and_number(all: &mut Rows<(String, i64)>) {
    all.open("keys_in_words_of_their_own", |_| Quirk {
        encode: Box::new(|(name, number): &(String, i64), bytes| {
            bytes.extend_from_slice(format!("{number}:{name}").as_bytes());
        }),
        decode: Box::new(|_, bytes| {
            let text = std::str::from_utf8(bytes).ok();
            let parts = text.and_then(|text| text.split_once(':'));
            Ok(parts.and_then(|(number, name)| Some((name.to_owned(), number.parse().ok()?))))
        }),
        text: Box::new(|(name, number)| format!("{name:?} no. {number}")),
        // Reports one half for every key between the ends.
        share: Box::new(|first, last, at| {
            Some(match at {
                at if at == first => 0.0,
                at if at == last => 1.0,
                _ => 0.5,
            })
        }),
        ..Quirk::default()
    });
}

/// The type of its harness makes it wrong.
pub(crate) fn half_keyed(all: &mut Rows<Pair>) {
    all.fail("key_and_key_into_agree", G10);
    plain(all);
}
