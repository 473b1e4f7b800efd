//! Sources by keys other than integers: some get such keys wrong, and some are right.

use std::cmp::{Ordering, Reverse};
use std::ops::Bound;
use std::sync::Arc;

use keywalk::{ChunkSource, KeyRange, Order, Source};
use keywalk_conformance::{Clause::*, InjectedFault, KeySpace};
use keywalk_key::Key;

use crate::rows::Rows;
use crate::store::{Answer, Entries, Kind, OverStore, Quirk, Store, Tried, more_if};

pub(crate) fn plain<K: Tried>(all: &mut Rows<K>) {
    all.kind("plain", Kind::SOUND);
}

/// Decodes leniently: ignores bytes after a key, and decodes invalid bytes to the default key. A token encodes the key
/// again and compares.
pub(crate) fn leniently<K: Tried + Default>(bytes: &[u8]) -> Option<K> {
    let mut starts = (0..=bytes.len()).rev();
    let longest = starts.find_map(|end| K::decode(&bytes[..end]).ok());
    Some(longest.unwrap_or_default())
}

/// A store that panics over an empty key, with a harness that may leave such keys out.
pub(crate) fn picky(keys: fn() -> KeySpace<String>) -> Kind<String> {
    Kind {
        put: |key, _| assert!(!key.is_empty(), "a key may not be empty"),
        keys,
        ..Kind::SOUND
    }
}

pub(crate) fn text(all: &mut Rows<String>) {
    all.decode("text_read_leniently", |_, bytes| Ok(leniently(bytes)));
    let without_empty = || KeySpace::known().filter(|key: &String| !key.is_empty());
    let name = "keys_that_are_filtered_out_are_not_tried";
    all.kind(name, picky(without_empty));

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
    // Encodes as a case-insensitive collation compares.
    all.encode("text_in_lower_case", |key, bytes| {
        key.to_lowercase().encode(bytes);
    });

    all.fail("keys_round_trip_through_their_bytes", G10);
    // Encodes as a fixed-width column stores.
    all.encode("text_without_its_blanks", |key, bytes| {
        key.trim_end_matches(' ').to_owned().encode(bytes);
    });
}

type Pair = (i64, i64);

/// Keeps the items whose columns are past the cursor's, by this comparison.
fn keep_past(
    range: &KeyRange<Pair>,
    items: &mut Vec<(Pair, u64)>,
    is_past: fn(Ordering, Ordering) -> bool,
) {
    if let Bound::Excluded((a, b)) = range.start() {
        items.retain(|((x, y), _)| match range.order() {
            Order::Ascending => is_past(x.cmp(a), y.cmp(b)),
            Order::Descending => is_past(a.cmp(x), b.cmp(y)),
        });
    }
}

pub(crate) fn pairs(all: &mut Rows<Pair>) {
    all.fail("the_start_is_exclusive", G3);
    // Uses `a > ? AND b > ?`.
    all.items("compares_each_column", |_, range, items| {
        keep_past(range, items, |a, b| a.is_gt() && b.is_gt());
    });
    // Uses `a > ?`.
    all.items("compares_the_first_column", |_, range, items| {
        keep_past(range, items, |a, _| a.is_gt());
    });

    all.fail("different_keys_have_different_text", G10);
    // Shows only the first column.
    all.text("the_first_column_in_words", |(first, _)| first.to_string());
}

type Mixed = (i64, Reverse<String>);

/// All columns ascend, in the index and in the comparison, although one should descend.
fn ascending(store: &Store<Mixed>, range: &KeyRange<Mixed>, items: &mut Vec<(Mixed, u64)>) {
    let plain = |(a, Reverse(b)): &Mixed| (*a, b.clone());
    let bounds = (range.lower().map(plain), range.upper().map(plain));
    let within = KeyRange::new(bounds, range.order());
    *items = store.in_order_of(range, plain);
    items.retain(|(key, _)| within.may_contain(&plain(key)));
}

pub(crate) fn mixed(all: &mut Rows<Mixed>) {
    all.fail("keys_come_in_strict_order", G1);
    all.items("takes_a_descending_column_for_ascending", ascending);
}

pub(crate) fn text_and_number(all: &mut Rows<(String, i64)>) {
    // Encodes keys as human-readable text.
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

/// A source whose `key_into` sets only half of a key.
pub(crate) struct HalfKeyed(Arc<Store<Pair>>);

impl Source for HalfKeyed {
    type Key = Pair;
    type Item = (Pair, u64);
    type Error = InjectedFault;

    fn key_into((key, _): &(Pair, u64), into: &mut Pair) {
        into.1 = key.1;
    }
}

impl ChunkSource for HalfKeyed {
    fn fetch(&mut self, range: &KeyRange<Pair>, chunk: &mut Entries<Pair>) -> Answer<Pair> {
        self.0.answer(range, chunk)
    }
}

impl OverStore<Pair> for HalfKeyed {
    fn over(store: Arc<Store<Pair>>) -> Self {
        HalfKeyed(store)
    }
}
