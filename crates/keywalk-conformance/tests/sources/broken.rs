//! Sources with a fault each, by the check that must fail.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;
use std::thread;

use keywalk::{ChunkSource, Fetched, KeyRange, LastKey, Order};
use keywalk_conformance::{Clause::*, ScanForLastKey};

use crate::rows::Rows;
use crate::store::{
    Answer, Entries, Quirk, QuirkySource, Store, answer_from, fetches, fill, more_if, snapshot,
};

type Numbers = Entries<i64>;
type Range = KeyRange<i64>;

/// The same range with another near bound.
fn from(range: &Range, near: Bound<i64>) -> Range {
    match range.order() {
        Order::Ascending => KeyRange::new((near, range.upper().cloned()), Order::Ascending),
        Order::Descending => KeyRange::new((range.lower().cloned(), near), Order::Descending),
    }
}

/// Whatever room there is.
fn push(entries: impl IntoIterator<Item = (i64, u64)>, chunk: &mut Numbers) {
    entries.into_iter().for_each(|entry| chunk.push(entry));
}

fn last_of(chunk: &Numbers) -> Option<i64> {
    chunk.as_slice().last().map(|(key, _)| *key)
}

/// Whether a range may be the rest of a walk over another one.
fn is_of(range: &Range, whole: &Range) -> bool {
    range.end() == whole.end() && range.order() == whole.order()
}

/// The first key that it finds after a cursor is lost.
fn skips(store: &Store<i64>, range: &Range, chunk: &mut Numbers) -> Answer<i64> {
    let mut range = *range;
    if matches!(range.start(), Bound::Excluded(_))
        && let Some((first, _)) = store.take(&range, 1)?.first()
    {
        range.start_after(*first);
    }
    store.answer(&range, chunk)
}

/// They begin at the wrong place.
pub(crate) fn starts(all: &mut Rows<i64>) {
    all.fail("the_start_is_exclusive", G6);
    // `>=` where `>` is meant.
    all.fetch("cursor_inclusive", |store, range, chunk| {
        let near = match range.start().cloned() {
            Bound::Excluded(near) => Bound::Included(near),
            near => near,
        };
        store.answer(&from(range, near), chunk)
    });
    // A cursor at 0 looks like none.
    all.fetch("takes_zero_for_the_start", |store, range, chunk| {
        let near = range.start().cloned();
        let is_zero = near == Bound::Excluded(0);
        let near = if is_zero { Bound::Unbounded } else { near };
        store.answer(&from(range, near), chunk)
    });
    // Every page is the first one.
    all.fetch("ignores_its_position", |store, range, chunk| {
        store.answer(&from(range, Bound::Unbounded), chunk)
    });

    all.fail("the_start_is_exclusive", G3);
    all.fetch("skips_the_key_after_the_cursor", skips);

    all.fail("deleting_the_cursors_row_loses_nothing", G3);
    // LIMIT and OFFSET, for as long as it is asked to go on from where it was.
    all.open("pages_by_offset", |_| {
        let (mut offset, mut last, mut of) = (0_usize, None, None::<Range>);
        fetches(move |store, range, chunk: &mut Numbers| {
            let goes_on = last.is_some_and(|last| range.start() == Bound::Excluded(&last));
            let whole = of.filter(|whole| goes_on && is_of(range, whole));
            let whole = whole.unwrap_or_else(|| {
                (offset, of) = (0, Some(*range));
                *range
            });
            let rows = store.take(&whole, offset.saturating_add(chunk.limit()))?;
            push(rows.into_iter().skip(offset), chunk);
            offset += chunk.len();
            last = last_of(chunk).or(last);
            Ok(more_if(chunk.is_full()))
        })
    });
}

fn excluded(bound: Bound<&i64>) -> Bound<&i64> {
    match bound {
        Bound::Included(key) => Bound::Excluded(key),
        other => other,
    }
}

/// They stop at the wrong place.
pub(crate) fn bounds(all: &mut Rows<i64>) {
    all.fail("bounds_are_included_or_excluded", G6);
    // `<` where `<=` is meant.
    all.fetch("upper_bound_exclusive", |store, range, chunk| {
        let bounds = (range.lower(), excluded(range.upper()));
        store.answer(&KeyRange::new(bounds, range.order()), chunk)
    });
    // `>` where `>=` is meant.
    all.fetch("lower_bound_exclusive", |store, range, chunk| {
        let bounds = (excluded(range.lower()), range.upper());
        store.answer(&KeyRange::new(bounds, range.order()), chunk)
    });
    // To the end of the store.
    all.fetch("upper_bound_ignored", |store, range, chunk| {
        let bounds = (range.lower(), Bound::Unbounded);
        store.answer(&KeyRange::new(bounds, range.order()), chunk)
    });

    all.fail("inverted_and_empty_ranges_hold_nothing", G6);
    // As `BTreeMap::range` does.
    all.fetch("panics_on_inverted_ranges", |store, range, chunk| {
        assert!(!range.is_empty(), "range start is greater than range end");
        store.answer(range, chunk)
    });

    all.fail("the_limit_is_respected", G6);
    // It reads one more to know whether there is more, and hands it out.
    all.fetch("one_more_than_the_limit", |store, range, chunk| {
        let entries = store.take(range, chunk.limit().saturating_add(1))?;
        let has_more = entries.len() > chunk.limit();
        push(entries, chunk);
        Ok(more_if(has_more))
    });

    all.fail("a_byte_budget_is_kept", G6);
    // It asks for as many as the limit, and never whether the chunk is full.
    all.fetch(
        "up_to_the_limit_whatever_the_bytes",
        |store, range, chunk| {
            let entries = store.take(range, chunk.limit())?;
            let has_more = entries.len() == chunk.limit();
            push(entries, chunk);
            Ok(more_if(has_more))
        },
    );

    all.fail("no_limit_is_too_large", G8);
    // A limit of 256 is one of 0.
    all.fetch("limit_cut_to_a_byte", |store, range, chunk| {
        #[allow(clippy::cast_possible_truncation)]
        let limit = usize::from(chunk.limit() as u8);
        let entries = store.take(range, limit)?;
        let has_more = !entries.is_empty() && entries.len() == limit;
        push(entries, chunk);
        Ok(more_if(has_more))
    });
}

/// They hand out the wrong items.
pub(crate) fn items(all: &mut Rows<i64>) {
    all.fail("keys_come_in_strict_order", G1);
    // Encoded as big-endian bytes, with the sign as it is.
    all.items("sign_bit_lost", |store, range, items| {
        let place = |key: &i64| key.cast_unsigned();
        let bounds = (range.lower().map(place), range.upper().map(place));
        let within = KeyRange::new(bounds, range.order());
        *items = store.in_order_of(range, place);
        items.retain(|(key, _)| within.may_contain(&place(key)));
    });
    // In a chunk of several.
    all.items("last_two_swapped", |_, _, items| {
        if let [_, .., last, other] = &mut items[..] {
            std::mem::swap(last, other);
        }
    });

    all.fail("descending_mirrors_ascending", G1);
    // It doesn't know of descending order.
    all.items("wrong_order", |_, _, items| items.sort());

    all.fail("the_smallest_and_the_largest_key_come", G3);
    // The store's smallest key isn't seen.
    all.items("drops_the_smallest_key", |store, _, items| {
        let smallest = store.read_lock().keys().next().copied();
        items.retain(|(key, _)| Some(*key) != smallest);
    });

    all.fail("every_boundary_key_has_its_place", G3);
    // The largest key of all is taken for a sentinel.
    all.items("drops_the_largest_key", |_, _, items| {
        items.retain(|(key, _)| *key != i64::MAX);
    });

    all.fail("no_key_comes_twice", G2);
    // Every other row matches two of another table.
    all.items("duplicates_from_a_join", |_, _, items| {
        let rows = |item: (i64, u64)| vec![item; 1 + usize::from(item.1.is_multiple_of(2))];
        *items = items.drain(..).flat_map(rows).collect();
    });

    all.fail("values_are_those_that_were_put", G5);
    // Each has that of its neighbour.
    all.items("wrong_values", |_, _, items| {
        for at in 1..items.len() {
            let value = items[at].1;
            items[at].1 = std::mem::replace(&mut items[at - 1].1, value);
        }
    });
}

/// They say the end when it isn't, or don't when it is; and wrongly how far they scanned.
pub(crate) fn ends(all: &mut Rows<i64>) {
    all.fail("the_end_is_said_only_when_nothing_remains", G8);
    // The store has pages of three, and a page smaller than the limit is the last one.
    all.fetch("a_short_page_taken_for_the_end", |store, range, chunk| {
        push(store.take(range, chunk.limit().min(3))?, chunk);
        Ok(more_if(chunk.is_full()))
    });
    // The first page is the last one.
    all.fetch("always_ends", |store, range, chunk| {
        store.answer(range, chunk)?;
        Ok(Fetched::End)
    });

    all.fail("the_end_comes", G8);
    // There is always more.
    all.fetch("never_ends", |store, range, chunk| {
        store.answer(range, chunk)?;
        Ok(Fetched::More)
    });

    all.fail("an_absent_key_is_a_position_too", G8);
    // It looks its position up, and doesn't find it.
    all.fetch(
        "stops_where_the_cursors_row_is_gone",
        |store, range, chunk| match range.start() {
            Bound::Excluded(key) if !store.read_lock().contains_key(key) => Ok(Fetched::End),
            _ => store.answer(range, chunk),
        },
    );

    all.fail("the_first_item_is_at_the_start", G3);
    // To the first item that didn't fit any more.
    all.fetch("scans_past_items", |store, range, chunk| {
        let entries = store.take(range, chunk.limit().saturating_add(1))?;
        let next = entries.get(chunk.limit()).map(|(key, _)| *key);
        push(entries.into_iter().take(chunk.limit()), chunk);
        Ok(next.map_or(Fetched::End, Fetched::ScannedTo))
    });

    all.fail("descending_mirrors_ascending", G8);
    // To the largest key of the chunk, also where that is the first.
    all.fetch("scans_upwards_always", |store, range, chunk| {
        let fetched = store.answer(range, chunk)?;
        let largest = chunk.as_slice().iter().map(|(key, _)| *key).max();
        Ok(match (fetched, largest) {
            (Fetched::More, Some(largest)) => Fetched::ScannedTo(largest),
            (fetched, _) => fetched,
        })
    });

    all.fail("past_the_last_key_is_the_end", G8);
    // A stretch without items has no end of its own, so it says that there is more.
    all.fetch("says_more_without_an_item", |store, range, chunk| {
        let fetched = store.answer(range, chunk)?;
        Ok(if chunk.is_empty() {
            Fetched::More
        } else {
            fetched
        })
    });
}

/// Every page is the first one, and there is always more: it gets nowhere, and is read on for its last key.
fn scan_for_last_key(say: fn(i64) -> Fetched<i64>) -> impl Fn(&Arc<Store<i64>>) -> Quirk<i64> {
    let fetch = move |store: &Store<i64>, range: &Range, chunk: &mut Numbers| {
        store.answer(&from(range, Bound::Unbounded), chunk)?;
        Ok(last_of(chunk).map_or(Fetched::End, say))
    };
    move |store| {
        let store = Arc::clone(store);
        let last_key = move |_: &Store<i64>, range: &Range| {
            let (store, quirk) = (Arc::clone(&store), fetches(fetch));
            ScanForLastKey(QuirkySource { store, quirk }).last_key(range)
        };
        Quirk {
            last_key: Box::new(last_key),
            ..fetches(fetch)
        }
    }
}

/// They are wrong about their last key.
pub(crate) fn last_keys(all: &mut Rows<i64>) {
    all.fail("the_last_key_is_the_furthest", G8);
    // The first one.
    all.last_key("the_nearest_key_for_the_last", |store, range| {
        store.last_key(&range.reversed())
    });
    // The largest, whatever the order.
    all.last_key("the_largest_key_for_the_last", |store, range| {
        match range.order() {
            Order::Ascending => store.last_key(range),
            Order::Descending => store.last_key(&range.reversed()),
        }
    });
    // `<` where `<=` is meant.
    all.last_key(
        "the_key_before_the_bound_for_the_last",
        |store, range| match range.end() {
            Bound::Included(key) => {
                let before = from(&range.reversed(), Bound::Excluded(*key));
                store.last_key(&before.reversed())
            }
            _ => store.last_key(range),
        },
    );

    all.fail("the_last_key_is_the_furthest", G6);
    // `SELECT max(key)`, without a WHERE.
    all.last_key("the_last_key_of_the_store", |store, range| {
        store.last_key(&KeyRange::all(range.order()))
    });
    let more = scan_for_last_key(|_| Fetched::More);
    all.open("more_of_the_first_page_for_ever", more);
    let as_much_scanned = scan_for_last_key(Fetched::ScannedTo);
    all.open("a_stretch_of_the_first_page_for_ever", as_much_scanned);

    all.fail("the_last_key_is_the_furthest", G4);
    // The bound itself, whether it is there or not.
    all.last_key("the_bound_for_the_last_key", |store, range| {
        match range.end() {
            Bound::Included(key) if !range.is_empty() => Ok(LastKey::Known(*key)),
            _ => store.last_key(range),
        }
    });

    all.fail("a_transient_fault_is_said_and_loses_nothing", G11);
    // An error is taken for an empty range.
    all.last_key("an_error_taken_for_an_empty_range", |store, range| {
        Ok(store.last_key(range).unwrap_or(LastKey::Empty))
    });
}

/// An iterator of the store is kept, as long as the next question looks like the next page.
fn iterator(_: &Arc<Store<i64>>) -> Quirk<i64> {
    let (mut rest, mut last, mut of) = (Vec::new().into_iter(), None, None::<Range>);
    fetches(move |store, range, chunk: &mut Numbers| {
        store.fuse.operation()?;
        let is_next = last.is_some_and(|last| range.start() == Bound::Excluded(&last));
        if !is_next || of.is_none_or(|of| !is_of(range, &of)) {
            rest = store.take(range, usize::MAX)?.into_iter();
        }
        // Not one more than fits, which `zip` would take.
        while !chunk.is_full() {
            let Some(entry) = rest.next() else { break };
            chunk.push(entry);
        }
        (last, of) = (last_of(chunk), Some(*range));
        Ok(more_if(chunk.is_full()))
    })
}

/// They keep something between two fetches.
pub(crate) fn held(all: &mut Rows<i64>) {
    all.fail("what_is_deleted_ahead_does_not_come", G7);
    // A transaction that is begun by the first fetch, and stays.
    all.open("an_old_snapshot", snapshot);

    all.fail("nothing_is_held_between_fetches", G14);
    // A lock of the store is kept from the first fetch on.
    all.open("holds_a_lock", |_| {
        let mut is_held = false;
        fetches(move |store, range, chunk| {
            let answer = store.answer(range, chunk);
            if !is_held {
                is_held = true;
                std::mem::forget(store.read_lock());
            }
            answer
        })
    });

    all.fail("nothing_is_read_before_the_first_item", G13);
    // It has read all before it is asked.
    all.open("not_lazy", |store| {
        let entries = store.read_lock().clone();
        fetches(move |store, range, chunk| {
            store.fuse.operation()?;
            Ok(answer_from(&entries, range, chunk))
        })
    });

    all.fail("a_fetch_reads_about_what_it_answers", G13);
    // All of the store is read for each chunk; what it answers is right.
    all.fetch(
        "reads_everything_on_the_first_fetch",
        |store, range, chunk| {
            let all = store.take(&KeyRange::all(Order::Ascending), usize::MAX)?;
            Ok(answer_from(&all.into_iter().collect(), range, chunk))
        },
    );

    all.fail("a_refetch_sees_the_latest", G5);
    // Values are read once.
    all.open("remembers_values", |_| {
        let mut values = BTreeMap::new();
        fetches(move |store, range, chunk: &mut Numbers| {
            let fetched = store.answer(range, chunk)?;
            for (key, value) in chunk.as_mut_slice() {
                *value = *values.entry(*key).or_insert(*value);
            }
            Ok(fetched)
        })
    });

    all.fail("a_question_can_be_asked_again", G3);
    // What came once is left out: a cheap way to give no key twice.
    all.open("leaves_out_what_it_gave_before", |_| {
        let mut seen = BTreeSet::new();
        fetches(move |store, range, chunk| {
            let mut entries = store.take(range, usize::MAX)?;
            entries.retain(|(key, _)| !seen.contains(key));
            let fetched = fill(entries, chunk);
            seen.extend(chunk.as_slice().iter().map(|(key, _)| *key));
            Ok(fetched)
        })
    });

    all.fail("no_more_than_a_chunk_is_buffered", G13);
    all.open("keeps_an_iterator", iterator);
    // One item more is read, to know whether there is more, and kept for the next fetch.
    all.open("keeps_the_item_that_it_peeked_at", |_| {
        let mut peeked: Option<(i64, (i64, u64))> = None;
        fetches(move |store, range, chunk: &mut Numbers| {
            let mut rest = *range;
            if let Some((after, entry)) = peeked.take()
                && range.start() == Bound::Excluded(&after)
                && range.may_contain(&entry.0)
            {
                chunk.push(entry);
                rest.start_after(entry.0);
            }
            let wanted = chunk.limit() - chunk.len();
            let mut entries = store.take(&rest, wanted.saturating_add(1))?;
            let more = (entries.len() > wanted).then(|| entries.pop()).flatten();
            push(entries, chunk);
            peeked = last_of(chunk).zip(more);
            Ok(more_if(more.is_some()))
        })
    });
}

/// `while let Ok(row)`.
fn end_on_error(store: &Store<i64>, range: &Range, chunk: &mut Numbers) -> Answer<i64> {
    Ok(store.answer(range, chunk).unwrap_or(Fetched::End))
}

/// They don't say their store's errors.
pub(crate) fn faults(all: &mut Rows<i64>) {
    all.fail("a_transient_fault_is_said_and_loses_nothing", G11);
    all.fetch("an_error_taken_for_the_end", end_on_error);
    // What was read so far is handed out; the error may come with the next fetch, or not at all.
    all.fetch(
        "half_a_chunk_before_an_error",
        |store, range, chunk| match store.answer(range, chunk) {
            Err(_) if !chunk.is_empty() => Ok(Fetched::More),
            answer => answer,
        },
    );
    // A fetch that failed is tried again into the same chunk.
    all.fetch("tries_again_into_the_same_chunk", |store, range, chunk| {
        let again = store.answer(range, chunk);
        again.or_else(|_| store.answer(range, chunk))
    });

    all.fail("a_failed_fetch_can_be_asked_again", G11);
    // What was read so far is handed out, and the error is said by the next fetch.
    all.open("an_error_a_fetch_late", |_| {
        let mut late = None;
        fetches(move |store, range, chunk: &mut Numbers| {
            if let Some(error) = late.take() {
                return Err(error);
            }
            let answer = store.answer(range, chunk);
            if answer.is_err() && !chunk.is_empty() {
                late = answer.err();
                return Ok(Fetched::More);
            }
            answer
        })
    });
    // After an error there is nothing any more.
    all.open("dead_after_an_error", |_| {
        let mut is_dead = false;
        fetches(move |store, range, chunk| {
            if is_dead {
                return Ok(Fetched::End);
            }
            let answer = store.answer(range, chunk);
            is_dead = answer.is_err();
            answer
        })
    });
}

/// They fail a check by another clause than that which it is there for.
pub(crate) fn by_another_clause(all: &mut Rows<i64>) {
    let name = "what_is_wrong_without_a_fault_is_not_the_faults";
    all.fail("a_transient_fault_is_said_and_loses_nothing", G3);
    all.fetch(name, skips);
    all.fail("a_prefetched_fault_comes_in_its_place", G3);
    all.fetch(name, skips);

    all.fail("a_lasting_fault_is_said_and_loses_nothing", Harness);
    // A fetch has more operations than anybody could fail one by one.
    let name = "operations_that_never_run_out_are_the_harnesss";
    all.fetch(name, |store, range, chunk| {
        (0..4_000).try_for_each(|_| store.fuse.operation())?;
        store.answer(range, chunk)
    });
}

/// They are right only in the thread that opened them, or with a single chunk.
pub(crate) fn threads(all: &mut Rows<i64>) {
    all.fail("a_prefetched_walk_is_the_same_walk", G8);
    // Its handles are the thread's own; elsewhere it finds none, and nothing in it.
    all.open("a_handle_of_the_thread", |_| {
        let owner = thread::current().id();
        fetches(
            move |store, range, chunk| match thread::current().id() == owner {
                true => store.answer(range, chunk),
                false => Ok(Fetched::End),
            },
        )
    });

    all.fail("a_prefetched_walk_is_the_same_walk", G11);
    // It refuses every other thread.
    all.open("a_panic_in_another_thread", |_| {
        let owner = thread::current().id();
        fetches(move |store, range, chunk| {
            assert_eq!(owner, thread::current().id(), "of another thread");
            store.answer(range, chunk)
        })
    });

    all.fail("a_prefetched_walk_is_the_same_walk", G5);
    // A slot gets the difference to what was put there last: in the chunk before, which it takes for this one.
    all.open("differences_to_another_chunk", |_| {
        let mut lasts: Vec<u64> = Vec::new();
        fetches(move |store, range, chunk: &mut Numbers| {
            let mut at = 0;
            store.read(range, |(key, value)| {
                lasts.resize(lasts.len().max(at + 1), 0);
                let last = std::mem::replace(&mut lasts[at], value);
                at += 1;
                match chunk.spare() {
                    Some(slot) => {
                        *slot = (key, slot.1.wrapping_add(value.wrapping_sub(last)));
                        chunk.push_spare();
                    }
                    None => chunk.push((key, value)),
                }
                !chunk.is_full()
            })?;
            Ok(more_if(chunk.is_full()))
        })
    });

    all.fail("a_prefetched_fault_comes_in_its_place", G11);
    all.fetch("an_error_that_is_swallowed_ahead", end_on_error);
}
